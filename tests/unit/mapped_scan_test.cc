#include "core/memory/mapped_scan.h"

#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <utility>
#include <vector>

#include "tests/unit/repeating_kernel.h"

namespace panicroom {
namespace {

using test::KernelMemory;
using test::RepeatingKernel;

constexpr std::uint64_t kStart = KernelMemory::kBase;
constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;

std::byte byte_at(std::uint64_t address) {
  return static_cast<std::byte>((address - kStart) * 0x9e3779b97f4a7c15U >> 56);
}

std::shared_ptr<KernelMemory> memory_of(std::uint64_t size) {
  std::vector<std::byte> bytes(static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = byte_at(kStart + i);
  auto memory = std::make_shared<KernelMemory>();
  memory->put(kStart, bytes);
  return memory;
}

TEST(MappedScan, ShowsEveryByteOnceAndTheSeamsTwice) {
  const auto kernel = test::address_space(memory_of(kMiB));
  std::uint64_t next = kStart;
  const auto missing =
      scan_mapped(*kernel, kStart, kStart + kMiB, 16, [&](std::uint64_t address, Bytes bytes) {
        EXPECT_EQ(address, next);
        for (std::size_t i = 0; i < bytes.size(); ++i)
          EXPECT_EQ(bytes[i], byte_at(address + i)) << address + i;
        next = address + bytes.size() - 16;
        return true;
      });
  EXPECT_FALSE(missing);
  EXPECT_EQ(next, kStart + kMiB - 16);
}

TEST(MappedScan, GoesOnBehindWhatIsMissingAndSaysSo) {
  auto memory = memory_of(kMiB);
  memory->drop(kStart + 0x3000);
  memory->drop(kStart + 0x4000);
  const auto kernel = test::address_space(memory);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> seen;
  const auto missing = scan_mapped(
      *kernel, kStart + 0x10, kStart + 0x8000, 16, [&](std::uint64_t address, Bytes bytes) {
        seen.emplace_back(address - kStart, address - kStart + bytes.size());
        return true;
      });
  EXPECT_EQ(seen, (std::vector<std::pair<std::uint64_t, std::uint64_t>>{{0x10, 0x3000},
                                                                        {0x5000, 0x8000}}));
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code, ErrorCode::not_in_dump);
  EXPECT_EQ(missing->address, kStart + 0x3000);
}

/// Pages that a writer leaves out are no surprise; what is damaged is why nothing was found.
TEST(MappedScan, TellsOfADamagedPageRatherThanOfOneThatWasLeftOut) {
  auto memory = memory_of(kMiB);
  memory->drop(kStart + 0x3000);
  memory->damage(kStart + 0x5000);
  memory->drop(kStart + 0x7000);
  const auto kernel = test::address_space(memory);
  const auto missing =
      scan_mapped(*kernel, kStart, kStart + 0x9000, 16, [](std::uint64_t, Bytes) { return true; });
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code, ErrorCode::corrupt);
  EXPECT_EQ(missing->address, kStart + 0x5000);
}

TEST(MappedScan, EndsWhereTheVisitorWants) {
  const auto kernel = test::address_space(memory_of(kMiB));
  unsigned visits = 0;
  EXPECT_FALSE(scan_mapped(*kernel, kStart, kStart + kMiB, 16,
                           [&](std::uint64_t, Bytes) { return ++visits < 2; }));
  EXPECT_EQ(visits, 2U);
}

TEST(MappedScan, ReadsNoMoreThanThereIsOfMemory) {
  // 64 KiB that the page tables repeat over 1 GiB.
  const RepeatingKernel kernel(memory_of(0x10000));
  std::uint64_t shown = 0;
  const auto missing =
      scan_mapped(*kernel.space, kStart, kStart + 1024 * kMiB, 16, [&](std::uint64_t, Bytes bytes) {
        shown += bytes.size();
        return true;
      });
  ASSERT_TRUE(missing);
  EXPECT_EQ(missing->code, ErrorCode::corrupt);
  EXPECT_LT(shown, kMiB);
  EXPECT_LT(kernel.walks(), 256U);
}

}  // namespace
}  // namespace panicroom
