#include <gtest/gtest.h>

#include <optional>

#include "core/dump/formats.h"
#include "tests/unit/dump_image.h"

// The layouts are those of NetBSD's and OpenBSD's sys/kcore.h and machine/kcore.h.

namespace panicroom {
namespace {

using testing::holds_page;
using testing::Image;
using testing::lacks_page;
using testing::page_of;
using testing::ranges_of;
using testing::read_page;
using testing::region_names;
using testing::regions_cover;
using testing::remarks_mention;
using testing::Unmapped;

struct Piece {
  std::uint64_t start, size;
};

/// c_midmag, the one word in network byte order.
void put_midmag(Image& image, std::uint64_t at, std::uint32_t flags, std::uint32_t machine,
                std::uint32_t magic) {
  const std::uint32_t word = flags << 26 | machine << 16 | magic;
  for (unsigned i = 0; i < 4; ++i) image.put8(at + i, word >> (24 - 8 * i) & 0xff);
}

/// A kernel core to be; write() lays it out as savecore does.
struct Core {
  std::uint32_t machine = 157;
  std::uint64_t align = 8;  // ALIGN() of the machine
  std::vector<std::byte> cpu;
  std::vector<Piece> runs;     // what follows in the file
  std::uint32_t cpu_size = 0;  // 0: what `cpu` has
  std::uint32_t data_size = 0xdeadbeef;
  std::uint32_t segment_machine = 0;

  std::uint64_t aligned(std::uint64_t size) const { return (size + align - 1) / align * align; }
  std::uint64_t cpu_at() const { return aligned(12) + aligned(8); }
  std::uint64_t data_at() const { return cpu_at() + cpu.size() + aligned(8); }

  void put_memory(Image& image, std::uint64_t at) const {
    for (const Piece& run : runs)
      for (std::uint64_t page = 0; page < run.size; page += 4096, at += 4096)
        image.put_bytes(at, page_of(run.start + page, 4096));
  }
  Image file() const {
    Image image;
    put_midmag(image, 0, 0, machine, 0x8fca);
    image.put16(4, aligned(12)).put16(6, aligned(8)).put32(8, 2);
    put_midmag(image, aligned(12), 1, segment_machine, 0x8fac);
    image.put32(aligned(12) + 4, cpu_size != 0 ? cpu_size : static_cast<std::uint32_t>(cpu.size()));
    image.put_bytes(cpu_at(), cpu);
    put_midmag(image, cpu_at() + cpu.size(), 2, segment_machine, 0x8fac);
    image.put32(cpu_at() + cpu.size() + 4, data_size);
    put_memory(image, data_at());
    return image;
  }
  /// As the kernel leaves it on the device, `at` bytes in and with `rest` bytes behind it.
  Image device(std::uint64_t at, std::uint64_t rest) const {
    Image image;
    put_midmag(image, at, 1, machine, 0x8fca);
    const std::uint64_t area = (aligned(8) + cpu.size() + 511) / 512 * 512;
    image.put32(at + 4, area - aligned(8)).put_bytes(at + aligned(8), cpu);
    image.resize(at + area);
    put_memory(image, at + area);
    image.resize(image.size() + rest);
    return image;
  }
};

std::vector<std::byte> cpu_header(const std::vector<std::uint64_t>& words, unsigned width,
                                  const std::vector<Piece>& runs, std::uint64_t size = 0) {
  Image image;
  for (const std::uint64_t word : words) image.put_word(image.size(), word, width);
  for (const Piece& run : runs) image.put64(image.size(), run.start).put64(image.size(), run.size);
  if (size != 0) image.resize(size);
  return image.bytes();
}

const std::vector<Piece> two_runs = {{0x1000, 0x9000}, {0x100000, 0x4000}};

Core amd64(const std::vector<Piece>& runs = two_runs) {
  return {157, 8, cpu_header({0x101000, runs.size()}, 8, runs, 0x1f8), runs};
}
Core i386(std::uint32_t root) {
  return {134, 4, cpu_header({root, 2}, 4, two_runs, 0x1f8), two_runs};
}
constexpr std::uint64_t tcr_4k = 0x80100010;  // TG1 4 KiB, T1SZ 16, T0SZ 16
Core aarch64(bool counted, const std::vector<Piece>& runs, std::uint64_t tcr1 = tcr_4k) {
  std::vector<std::uint64_t> words = {tcr1, 0x7f00000000101001};
  if (counted) words.push_back(runs.size());
  return {183, 16, cpu_header(words, 8, runs, 0x1f0), runs};
}

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}
Error refused(const Image& image) {
  auto dump = open(image);
  EXPECT_FALSE(dump);
  return dump ? Error{} : dump.error();
}

TEST(Kcore, Amd64OfSavecore) {
  const Image image = amd64().file();
  EXPECT_EQ(classify(*image.source()), FileKind::dump);
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "BSD kcore");
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->remarks.empty());
  EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
  EXPECT_EQ(dump->machine.pointer_size, 8);
  ASSERT_TRUE(dump->kcore);
  EXPECT_EQ(dump->kcore->system, KcoreHeader::System::either);
  EXPECT_EQ(dump->kcore->machine_id, 157);
  EXPECT_EQ(dump->kcore->offset, 24U);
  EXPECT_EQ(dump->kcore->runs, 2U);
  EXPECT_EQ(dump->kcore->page_table_root, 0x101000U);
  EXPECT_FALSE(dump->kcore->pae);
  for (const std::uint64_t page : {0x1000U, 0x9000U, 0x100000U, 0x103000U})
    EXPECT_TRUE(holds_page(*dump, page));
  EXPECT_EQ(region_names(*dump),
            (std::vector<std::string>{"header", "cpu header and list of memory",
                                      "header of the memory", "page data"}));
  EXPECT_TRUE(regions_cover(*dump, {image.size()}));
  const PageLocation place = dump->memory->locate(0x100000);
  EXPECT_EQ(place.file_offset, 24U + 0x1f8 + 8 + 0x9000);
  EXPECT_EQ(place.record, "entry of the memory list");
  EXPECT_EQ(place.record_offset, 24U + 16 + 16);
}

// libkvm answers an offset past the last run for such an address and reads the end of the file.
TEST(Kcore, AnAddressInNoRunIsAHole) {
  const auto dump = open(amd64().file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(lacks_page(*dump, 0, Absence::hole));
  EXPECT_TRUE(lacks_page(*dump, 0xa000, Absence::hole));
  EXPECT_TRUE(lacks_page(*dump, 0x104000, Absence::hole));
  EXPECT_EQ(ranges_of(*dump),
            (std::vector<PhysicalRange>{{0, 0x1000, false, Absence::hole},
                                        {0x1000, 0xa000, true, Absence::none},
                                        {0xa000, 0x100000, false, Absence::hole},
                                        {0x100000, 0x104000, true, Absence::none}}));
}

TEST(Kcore, SparseHasManyRuns) {
  std::vector<Piece> runs;
  for (std::uint64_t page = 1; page <= 120; ++page) runs.push_back({page * 0x3000, 0x1000});
  Core core = amd64(runs);
  core.cpu = cpu_header({0x101000, runs.size()}, 8, runs, 0x7f8);
  const auto dump = open(core.file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->kcore->runs, 120U);
  EXPECT_TRUE(holds_page(*dump, 0x3000));
  EXPECT_TRUE(holds_page(*dump, 120 * 0x3000));
  EXPECT_TRUE(lacks_page(*dump, 0x4000, Absence::hole));
}

TEST(Kcore, I386WithAndWithoutPae) {
  auto dump = open(i386(0x101000).file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->machine.architecture, Architecture::i386);
  EXPECT_EQ(dump->machine.pointer_size, 4);
  EXPECT_EQ(dump->kcore->system, KcoreHeader::System::netbsd);
  EXPECT_EQ(dump->kcore->page_table_root, 0x101000U);
  EXPECT_FALSE(dump->kcore->pae);
  EXPECT_TRUE(holds_page(*dump, 0x102000));

  dump = open(i386(0x101200).file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->kcore->page_table_root, 0x101000U);
  EXPECT_TRUE(dump->kcore->pae);
  EXPECT_TRUE(holds_page(*dump, 0x102000));
}

TEST(Kcore, Aarch64CountsItsRunsSinceNetBsd9) {
  for (const bool counted : {true, false}) {
    SCOPED_TRACE(counted);
    const auto dump = open(aarch64(counted, {{0x40000000, 0x4000}, {0x80000000, 0x2000}}).file());
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->machine.architecture, Architecture::aarch64);
    EXPECT_EQ(dump->machine.page_size, 4096U);
    EXPECT_EQ(dump->kcore->system, KcoreHeader::System::netbsd);
    EXPECT_EQ(dump->kcore->tcr1, tcr_4k);
    EXPECT_EQ(dump->kcore->ttbr1, 0x7f00000000101001U);
    EXPECT_EQ(dump->kcore->runs, 2U);
    EXPECT_TRUE(holds_page(*dump, 0x40003000));
    EXPECT_TRUE(holds_page(*dump, 0x80001000));
    EXPECT_TRUE(lacks_page(*dump, 0x40004000, Absence::hole));
  }
  // A machine whose memory begins at 0.
  const auto dump = open(aarch64(false, {{0, 0x2000}}).file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x1000));
}

TEST(Kcore, Aarch64SaysItsGranule) {
  const std::vector<Piece> runs = {{0x40000000, 0x4000}};
  EXPECT_EQ(open(aarch64(true, runs, 0x40100010).file())->machine.page_size, 16384U);
  EXPECT_EQ(open(aarch64(true, runs, 0xc0100010).file())->machine.page_size, 65536U);
}

// The kernel fills no cpu header; what is on its stack is no list of memory, whatever it looks
// like.
TEST(Kcore, OpenBsdI386IsLinear) {
  const std::vector<Piece> all = {{0, 0x8000}};
  for (const std::vector<std::uint64_t>& junk :
       {std::vector<std::uint64_t>{0, 0}, {0xd0b4c000, 0xd0200123}, {0x101000, 1}, {0x101001, 1}}) {
    const Core core{134, 4, cpu_header(junk, 4, {{0x123, 0x1000}}, 0x1f8), all};
    const auto dump = open(core.file());
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->kcore->system, KcoreHeader::System::openbsd);
    EXPECT_FALSE(dump->kcore->page_table_root);
    EXPECT_TRUE(holds_page(*dump, 0));
    EXPECT_TRUE(holds_page(*dump, 0x7000));
    EXPECT_TRUE(lacks_page(*dump, 0x8000, Absence::hole));
  }
}

TEST(Kcore, OpenBsdArm64) {
  Core core{159, 8, {}, {{0x40000000, 0x4000}}};
  Image cpu;
  cpu.put64(0, 0xffffff8000000000).put64(8, 0x200000).put64(16, 0x3000);
  cpu.put64(128, 0x40000000).put64(136, 0x4000).resize(0x1f8);
  core.cpu = cpu.bytes();
  const auto dump = open(core.file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->machine.architecture, Architecture::aarch64);
  EXPECT_EQ(dump->kcore->system, KcoreHeader::System::openbsd);
  EXPECT_EQ(dump->kcore->kernelbase, 0xffffff8000000000U);
  EXPECT_EQ(dump->kcore->kerneloffs, 0x200000U);
  EXPECT_EQ(dump->kcore->staticsize, 0x3000U);
  EXPECT_EQ(dump->kcore->runs, 1U);
  EXPECT_TRUE(holds_page(*dump, 0x40003000));
}

TEST(Kcore, OnTheDumpDevice) {
  const std::vector<Core> cores = {amd64(), i386(0x101200), aarch64(true, two_runs)};
  for (const Core& core : cores)
    for (const Piece& place : {Piece{0, 0x200}, Piece{4096, 0x3000}, Piece{0x1234000 + 512, 0}}) {
      SCOPED_TRACE(core.machine);
      SCOPED_TRACE(place.start);
      const Image image = core.device(place.start, place.size);
      EXPECT_EQ(classify(*image.source()), FileKind::dump);
      const auto dump = open(image);
      ASSERT_TRUE(dump) << dump.error().message();
      EXPECT_EQ(dump->format, "BSD kcore on its dump device");
      EXPECT_TRUE(dump->complete);
      EXPECT_EQ(dump->kcore->machine_id, core.machine);
      EXPECT_EQ(dump->kcore->runs, 2U);
      EXPECT_TRUE(holds_page(*dump, 0x1000));
      EXPECT_TRUE(holds_page(*dump, 0x103000));
      EXPECT_TRUE(regions_cover(*dump, {image.size()}));
    }
}

// The buffer that the kernel made its headers in is in the dump too.
TEST(Kcore, TheFirstHeadersOnTheDeviceCount) {
  Image image = amd64().device(4096, 0x100000);
  const Image copy = amd64({{0x1000, 0x1000}}).device(0, 0);
  image.put_bytes(4096 + 512 + 0x2000, Bytes(copy.bytes()).first(512));
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->kcore->runs, 2U);
}

TEST(Kcore, WhatOnlyLooksLikeHeadersOnADeviceIsNone) {
  // The magic number alone; memory that would lie beyond the device's end; a size that is no
  // block's.
  Image image;
  put_midmag(image, 1024, 1, 157, 0x8fca);
  image.put32(1028, 0x1f8).put64(1032, 0x1000).put64(1040, 1).put64(1048, 0).put64(1056, 1U << 30);
  put_midmag(image, 2048, 1, 157, 0x8fca);
  image.put32(2052, 0x1f9);
  put_midmag(image, 3072, 1, 777, 0x8fca);
  image.resize(65536);
  EXPECT_FALSE(classify(*image.source()));
  EXPECT_EQ(refused(image).code, ErrorCode::unsupported);
  // A file that is no device's image is not searched.
  EXPECT_FALSE(classify(*amd64().device(4096, 1).source()));
}

TEST(Kcore, ALargeEmptyDeviceCostsNothing) {
  const auto device = std::make_shared<testing::Sparse>(std::uint64_t{1} << 40);
  EXPECT_FALSE(classify(*device));
  EXPECT_LT(device->bytes_read(), 1U << 20);
}

TEST(Kcore, UnmappedAnswersAlike) {
  const SourcePtr file = std::make_shared<Unmapped>(amd64().file().source());
  const auto dump = open_dump({&file, 1});
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(read_page(*dump, 0x102000), page_of(0x102000, 4096));
  EXPECT_FALSE(read_page(*dump, 0x104000));
}

TEST(Kcore, TruncatedFilesOpen) {
  const Core core = amd64();
  const Image whole = core.file();
  // Within the second run's second page.
  Image image = whole;
  image.resize(core.data_at() + 0x9000 + 0x1800);
  auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "ends early"));
  EXPECT_TRUE(holds_page(*dump, 0x100000));
  EXPECT_TRUE(lacks_page(*dump, 0x101000, Absence::truncated));
  // Before the memory's own header.
  image.resize(core.cpu_at() + 0x100);
  dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(lacks_page(*dump, 0x1000, Absence::truncated));
  // Within the list: one run is known.
  image.resize(core.cpu_at() + 16 + 20);
  dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(remarks_mention(*dump, "list of memory"));
  EXPECT_TRUE(lacks_page(*dump, 0x9000, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 0x100000, Absence::hole));
  // Before it.
  for (std::uint64_t size = 4; size < core.cpu_at() + 32; ++size) {
    image = whole;
    image.resize(size);
    EXPECT_EQ(refused(image).code, ErrorCode::not_in_dump) << size;
  }
}

TEST(Kcore, HeadersThatCannotBeAreRefused) {
  const auto changed = [](auto change) {
    Image image = amd64().file();
    change(image);
    return refused(image);
  };
  EXPECT_EQ(changed([](Image& image) { image.put32(8, 3); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put16(4, 8); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put16(6, 0); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put32(16, 0); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put32(20, 0x100); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put32(20, 0xfffffff8); }).code, ErrorCode::corrupt);
  // More runs than the cpu header has room for; the reference reads on in what follows.
  EXPECT_EQ(changed([](Image& image) { image.put64(32, 0x1e + 2); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put64(32, ~std::uint64_t{0}); }).code,
            ErrorCode::corrupt);
  // Runs past the end of the address space, one alone or all together.
  EXPECT_EQ(changed([](Image& image) { image.put64(48, ~std::uint64_t{0xfff}); }).code,
            ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) {
              image.put64(40, 0).put64(48, ~std::uint64_t{0xfff}).put64(56, 0);
              image.put64(64, ~std::uint64_t{0xfff});
            }).code,
            ErrorCode::corrupt);
  // No memory at all.
  EXPECT_EQ(changed([](Image& image) { image.put64(32, 0); }).code, ErrorCode::corrupt);
  EXPECT_EQ(changed([](Image& image) { image.put64(48, 0).put64(64, 0); }).code,
            ErrorCode::corrupt);
}

TEST(Kcore, OtherMachinesAreNamed) {
  Core core = amd64();
  core.machine = 156;
  const Error error = refused(core.file());
  EXPECT_EQ(error.code, ErrorCode::unsupported);
  EXPECT_NE(error.text.find("sparc64"), std::string::npos) << error.text;
  core.machine = 700;
  EXPECT_NE(refused(core.file()).text.find("700"), std::string::npos);
}

TEST(Kcore, OverlappingRunsAreReadOnce) {
  const std::vector<Piece> runs = {{0x1000, 0x3000}, {0x2000, 0x4000}};
  const auto dump = open(amd64(runs).file());
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x2000));
  EXPECT_TRUE(holds_page(*dump, 0x5000));
}

}  // namespace
}  // namespace panicroom
