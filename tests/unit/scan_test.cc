#include "core/memory/scan.h"

#include <gtest/gtest.h>

#include <map>

#ifndef __EMSCRIPTEN__
#include <thread>
#endif

#include "tests/unit/fake_memory.h"

namespace panicroom {
namespace {

using testing::bytes_of;
using testing::FakeMemory;

#ifndef __EMSCRIPTEN__
void run_in_threads(unsigned count, const std::function<void(unsigned)>& job) {
  std::vector<std::thread> threads;
  for (unsigned i = 0; i < count; ++i) threads.emplace_back(job, i);
  for (std::thread& thread : threads) thread.join();
}
#endif

std::map<std::uint64_t, unsigned> visits_of(const PhysicalMemory& memory, unsigned workers,
                                            const RunJobs& run) {
  std::vector<std::map<std::uint64_t, unsigned>> parts(workers);
  const ScanSummary summary =
      scan_pages(memory, workers, run, [&](unsigned worker, std::uint64_t address, Bytes page) {
        ++parts.at(worker)[address];
        EXPECT_EQ(page.size(), memory.page_size());
        EXPECT_TRUE(bytes_of(address, page));
        return true;
      });
  std::map<std::uint64_t, unsigned> all;
  for (const auto& part : parts) {
    for (const auto& [address, count] : part) all[address] += count;
  }
  EXPECT_EQ(summary.pages, all.size());
  EXPECT_EQ(summary.unreadable, 0U);
  return all;
}

TEST(ScanPages, EachPresentPageOnce) {
  for (const bool mapped : {true, false}) {
    FakeMemory memory(4096, mapped);
    // Within, across and far beyond the stretches of 4 MiB.
    memory.add(0x1000, 0x3000).add(0x5000, 0x6000).add(0x3ff000, 0x402000);
    memory.add(0xffffffff000, 0x100000002000);
    const std::vector<std::uint64_t> expected = {0x1000,        0x2000,         0x5000,
                                                 0x3ff000,      0x400000,       0x401000,
                                                 0xffffffff000, 0x100000000000, 0x100000001000};
    std::vector<RunJobs> ways = {run_in_turn};
#ifndef __EMSCRIPTEN__
    if (mapped) ways.push_back(run_in_threads);
#endif
    for (const RunJobs& way : ways) {
      const auto visits = visits_of(memory, 4, way);
      std::vector<std::uint64_t> addresses;
      for (const auto& [address, count] : visits) {
        addresses.push_back(address);
        EXPECT_EQ(count, 1U);
      }
      EXPECT_EQ(addresses, expected);
    }
  }
}

TEST(ScanPages, StopsWhenTheVisitorHasEnough) {
  FakeMemory memory(4096, true);
  memory.add(0, 0x1000000);
  unsigned seen = 0;
  const auto summary = scan_pages(memory, 3, run_in_turn,
                                  [&](unsigned, std::uint64_t, Bytes) { return ++seen < 5; });
  EXPECT_EQ(seen, 5U);
  EXPECT_EQ(summary.pages, 5U);
}

/// Pages of one physical memory that are stored in few places, in turn.
class FewPlaces final : public PhysicalMemory {
 public:
  FewPlaces(bool readable, std::uint64_t places) : readable_(readable), places_(places) {}
  std::uint32_t page_size() const override { return 4096; }
  std::uint64_t end() const override { return 0x800000; }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = true;
    location.absence = Absence::none;
    location.file_offset = 0x2000 + address / 4096 % places_ * 32768;
    location.stored_size = 17;
    return location;
  }
  Result<void> read_page(std::uint64_t, MutableBytes, PageDecoder&) const override {
    ++reads;
    if (readable_) return {};
    return fail(ErrorCode::corrupt, "does not decompress");
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    visit({0, end(), true, Absence::none});
  }
  mutable unsigned reads = 0;

 private:
  bool readable_;
  std::uint64_t places_;
};

TEST(ScanPages, WhatIsStoredOnceIsReadTwiceAtMostByWhoNeedsNoMore) {
  const auto visit = [](unsigned, std::uint64_t, Bytes) { return true; };
  for (const bool readable : {true, false})
    for (const std::uint64_t places : {1U, 2U, 100U}) {
      const FewPlaces memory(readable, places);
      const auto summary = scan_pages(memory, 1, run_in_turn, visit, SharedPages::skip_when_read);
      EXPECT_LE(memory.reads, 2 * places);
      EXPECT_EQ(summary.pages, readable ? 0x800U : 0U);
      EXPECT_EQ(summary.unreadable, readable ? 0U : 0x800U);
    }
  const FewPlaces memory(true, 1);
  scan_pages(memory, 1, run_in_turn, visit);
  EXPECT_EQ(memory.reads, 0x800U);
}

TEST(ScanPages, CorruptPagesAreCounted) {
  FakeMemory memory(4096, false);
  memory.add(0, 0x800000);
  memory.corrupt_page = 0x423000;
  const auto summary =
      scan_pages(memory, 2, run_in_turn, [](unsigned, std::uint64_t, Bytes) { return true; });
  EXPECT_EQ(summary.pages, 0x800U - 1);
  EXPECT_EQ(summary.unreadable, 1U);
  ASSERT_TRUE(summary.first_error);
  EXPECT_EQ(summary.first_error->code, ErrorCode::corrupt);
  EXPECT_EQ(summary.first_error->address, 0x423000U);
  // Also where the page's record already shows the damage.
  memory.damage_is_known = true;
  const auto known =
      scan_pages(memory, 2, run_in_turn, [](unsigned, std::uint64_t, Bytes) { return true; });
  EXPECT_EQ(known.pages, 0x800U - 1);
  EXPECT_EQ(known.unreadable, 1U);
}

}  // namespace
}  // namespace panicroom
