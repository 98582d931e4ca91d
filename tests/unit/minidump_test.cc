#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "core/dump/formats.h"
#include "tests/unit/dump_image.h"

// The layouts are those of freebsd-src sys/*/include/minidump.h.

namespace panicroom {
namespace {

using testing::holds_page;
using testing::Image;
using testing::lacks_page;
using testing::page_of;
using testing::ranges_of;
using testing::read_page;
using testing::remarks_mention;
using testing::Unmapped;

struct Range {
  std::uint64_t start, end;
};

/// What a minidump is made of; write() lays it out.
struct Description {
  std::string architecture = "amd64";
  std::uint32_t version = 3;
  std::uint64_t page_size = 4096;
  std::optional<std::uint32_t> flags;  // arm64 v3
  std::vector<Range> memory;           // dump_avail; empty: the version has none
  unsigned avail_width = 8;
  std::vector<std::uint64_t> pages;  // physical addresses, ascending
  std::uint64_t message_buffer_size = 0x17fb8;
  std::uint64_t map_size = 8192;
  std::uint32_t dump_avail_junk = 0;  // what an old version has where the size lies today
  bool pae = false;
};

std::uint64_t bit_number(const Description& dump, std::uint64_t address) {
  if (dump.memory.empty()) return address / dump.page_size;
  std::uint64_t before = 0;
  for (const Range& range : dump.memory) {
    const std::uint64_t first = range.start / dump.page_size;
    const std::uint64_t end = (range.end + dump.page_size - 1) / dump.page_size;
    if (address >= range.start / dump.page_size * dump.page_size && address < range.end)
      return before + address / dump.page_size - first;
    before += end - first;
  }
  ADD_FAILURE() << "no range has " << std::hex << address;
  return 0;
}

Image write(const Description& dump) {
  const std::uint64_t page = dump.page_size;
  const auto padded = [&](std::uint64_t size) { return (size + page - 1) / page * page; };
  std::uint64_t bits = 0;
  for (const Range& range : dump.memory) bits += (range.end + page - 1) / page - range.start / page;
  if (dump.memory.empty()) bits = dump.pages.empty() ? 8 : dump.pages.back() / page + 1;
  const std::uint64_t bitmap_size = padded((bits + 7) / 8);
  const std::uint64_t avail_size =
      dump.memory.empty() ? 0 : (dump.memory.size() + 1) * 2 * dump.avail_width;

  Image image;
  image.put_text(0, "minidump FreeBSD/" + dump.architecture);
  image.put32(24, dump.version).put32(28, dump.message_buffer_size).put32(32, bitmap_size);
  image.put32(36, dump.map_size);
  const std::uint64_t avail_field = avail_size != 0 ? avail_size : dump.dump_avail_junk;
  if (dump.architecture == "amd64") {
    image.put64(40, 0xfffffe0000000000).put64(48, 0xfffff80000000000).put64(56, 0xfffffc0000000000);
    image.put32(64, avail_field);
  } else if (dump.architecture == "arm64") {
    image.put64(40, 0xffff000000000000).put64(48, 0x40000000).put64(56, 0xffffa00000000000);
    image.put64(64, 0xffffa00100000000).put32(72, avail_field).put32(76, dump.flags.value_or(0));
  } else {
    image.put32(40, 0xc0000000).put32(44, dump.pae ? 1 : 0).put32(48, avail_field);
  }
  std::uint64_t at = page;
  image.put_text(at, "message");
  at += padded(dump.message_buffer_size);
  for (std::size_t i = 0; i < dump.memory.size(); ++i) {
    const std::uint64_t entry = at + i * 2 * dump.avail_width;
    image.put_word(entry, dump.memory[i].start, dump.avail_width);
    image.put_word(entry + dump.avail_width, dump.memory[i].end, dump.avail_width);
  }
  at += padded(avail_size);
  for (const std::uint64_t address : dump.pages) image.set_bit(at, bit_number(dump, address));
  at += bitmap_size;
  image.put64(at, 0x1234);
  at += padded(dump.map_size);
  image.resize(at);
  for (const std::uint64_t address : dump.pages) {
    image.put_bytes(at, page_of(address, page));
    at += page;
  }
  return image;
}

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}

Description amd64_with_hole() {
  Description dump;
  dump.memory = {{0x1000, 0x9f000}, {0x104000, 0x400000}, {0x100000000, 0x100200000}};
  dump.pages = {0x1000, 0x2000, 0x9e000, 0x104000, 0x105000, 0x3ff000, 0x100000000, 0x1001ff000};
  return dump;
}

TEST(Minidump, Amd64Version3NumbersPagesByDumpAvail) {
  const Image image = write(amd64_with_hole());
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "FreeBSD minidump v3");
  EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
  EXPECT_EQ(dump->machine.pointer_size, 8);
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->remarks.empty());
  for (const std::uint64_t address : amd64_with_hole().pages)
    EXPECT_TRUE(holds_page(*dump, address));
  EXPECT_TRUE(lacks_page(*dump, 0x3000, Absence::excluded));
  EXPECT_TRUE(lacks_page(*dump, 0x0, Absence::hole));
  EXPECT_EQ(dump->memory->end(), 0x100200000U);
  ASSERT_TRUE(dump->minidump);
  EXPECT_EQ(dump->minidump->version, 3U);
  EXPECT_EQ(dump->minidump->kernbase, 0xfffffe0000000000U);
  EXPECT_EQ(dump->minidump->dmapbase, 0xfffff80000000000U);
  EXPECT_EQ(dump->minidump->dmapend, 0xfffffc0000000000U);
  EXPECT_EQ(dump->minidump->dmapphys, 0U);
  EXPECT_EQ(dump->minidump->map_size, 8192U);
  std::array<std::byte, 8> entry;
  ASSERT_TRUE(dump->minidump->file->read(dump->minidump->map_offset, entry));
  EXPECT_EQ(load<std::uint64_t>(entry.data(), std::endian::little), 0x1234U);
  ASSERT_TRUE(dump->message_buffer);
  EXPECT_EQ(dump->message_buffer->first, 4096U);
  EXPECT_EQ(dump->message_buffer->second, 0x17fb8U);
  EXPECT_TRUE(testing::regions_cover(*dump, {image.size()}));
  EXPECT_EQ(testing::region_names(*dump),
            (std::vector<std::string>{"header", "message buffer", "memory ranges (dump_avail)",
                                      "bitmap of dumped pages", "page map", "page data"}));
}

TEST(Minidump, AddressesBetweenRangesAreHolesNotTheNextRangesPages) {
  const auto dump = open(write(amd64_with_hole()));
  ASSERT_TRUE(dump);
  for (std::uint64_t address = 0x9f000; address < 0x104000; address += 0x1000)
    EXPECT_TRUE(lacks_page(*dump, address, Absence::hole));
  EXPECT_TRUE(lacks_page(*dump, 0x400000, Absence::hole));
  EXPECT_TRUE(lacks_page(*dump, 0x100200000, Absence::hole));
}

TEST(Minidump, RangesTellEveryState) {
  const auto dump = open(write(amd64_with_hole()));
  ASSERT_TRUE(dump);
  const std::vector<PhysicalRange> expected = {
      {0, 0x1000, false, Absence::hole},
      {0x1000, 0x3000, true, Absence::none},
      {0x3000, 0x9e000, false, Absence::excluded},
      {0x9e000, 0x9f000, true, Absence::none},
      {0x9f000, 0x104000, false, Absence::hole},
      {0x104000, 0x106000, true, Absence::none},
      {0x106000, 0x3ff000, false, Absence::excluded},
      {0x3ff000, 0x400000, true, Absence::none},
      {0x400000, 0x100000000, false, Absence::hole},
      {0x100000000, 0x100001000, true, Absence::none},
      {0x100001000, 0x1001ff000, false, Absence::excluded},
      {0x1001ff000, 0x100200000, true, Absence::none},
  };
  EXPECT_EQ(ranges_of(*dump), expected);
}

TEST(Minidump, RangeEdgesWithinAPageRoundOutwards) {
  Description description;
  description.memory = {{0x1800, 0x3400}, {0x5000, 0x8000}};
  description.pages = {0x1000, 0x3000, 0x5000, 0x7000};
  const auto dump = open(write(description));
  ASSERT_TRUE(dump);
  for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
  EXPECT_TRUE(lacks_page(*dump, 0x4000, Absence::hole));
}

TEST(Minidump, OldVersionsNumberPagesFromZeroWhateverTheirPaddingHolds) {
  for (const std::uint32_t version : {1U, 2U}) {
    Description description;
    description.version = version;
    description.pages = {0x0, 0x5000, 0x6000, 0x123000};
    description.dump_avail_junk = 0x7fffffff;
    const auto dump = open(write(description));
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->minidump->version, version);
    for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
    EXPECT_TRUE(lacks_page(*dump, 0x7000, Absence::excluded));
    EXPECT_TRUE(lacks_page(*dump, 0x124000, Absence::hole));
    EXPECT_EQ(dump->memory->end(), 0x124000U);
  }
}

TEST(Minidump, WithoutAMappedFileEverythingIsTheSame) {
  const Description description = amd64_with_hole();
  const SourcePtr source = std::make_shared<Unmapped>(write(description).source());
  const auto dump = open_dump({&source, 1});
  ASSERT_TRUE(dump);
  for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
  EXPECT_TRUE(dump->memory->view(0x1000).empty());
  EXPECT_TRUE(lacks_page(*dump, 0x9f000, Absence::hole));
}

TEST(Minidump, ViewRunsOverNeighboursButNotOverGaps) {
  const auto dump = open(write(amd64_with_hole()));
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->memory->view(0x1010).size(), 0x2000U - 0x10);
  // 0x9e000 is followed in the bitmap by 0x104000, which is another address.
  EXPECT_EQ(dump->memory->view(0x9e000).size(), 0x1000U);
}

TEST(Minidump, I386DumpAvailOfEitherWidth) {
  for (const unsigned width : {4U, 8U}) {
    Description description;
    description.architecture = "i386";
    description.version = 2;
    description.avail_width = width;
    description.pae = width == 8;
    description.memory = {{0x1000, 0x9f000}, {0x100000, 0x7000000}};
    description.pages = {0x1000, 0x100000, 0x6fff000};
    const auto dump = open(write(description));
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->machine.architecture, Architecture::i386);
    EXPECT_EQ(dump->machine.pointer_size, 4);
    EXPECT_EQ(dump->minidump->pae, width == 8);
    EXPECT_EQ(dump->minidump->kernbase, 0xc0000000U);
    EXPECT_EQ(dump->minidump->dmapend, 0U);
    for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
    EXPECT_TRUE(lacks_page(*dump, 0x9f000, Absence::hole));
  }
}

TEST(Minidump, I386AboveFourGigabytes) {
  Description description;
  description.architecture = "i386";
  description.version = 2;
  description.pae = true;
  description.memory = {{0x1000, 0x100000}, {0x100000000, 0x100100000}};
  description.pages = {0x2000, 0x1000ff000};
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
}

TEST(Minidump, Arm64WithSixteenKilobytePages) {
  Description description;
  description.architecture = "arm64";
  description.page_size = 16384;
  description.flags = 1;
  description.memory = {{0x40000000, 0x44000000}, {0x80000000, 0x80100000}};
  description.pages = {0x40000000, 0x43ffc000, 0x80004000};
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->machine.architecture, Architecture::aarch64);
  EXPECT_EQ(dump->machine.page_size, 16384U);
  EXPECT_EQ(dump->memory->page_size(), 16384U);
  EXPECT_EQ(dump->minidump->dmapphys, 0x40000000U);
  EXPECT_EQ(dump->minidump->dmapbase, 0xffffa00000000000U);
  EXPECT_EQ(dump->minidump->dmapend, 0xffffa00100000000U);
  for (const std::uint64_t address : description.pages) EXPECT_TRUE(holds_page(*dump, address));
  EXPECT_TRUE(lacks_page(*dump, 0x44000000, Absence::hole));
}

TEST(Minidump, Arm64Version1HasNoDumpAvailAndVersion2NoFlags) {
  Description description;
  description.architecture = "arm64";
  description.version = 1;
  description.pages = {0x400000};
  auto dump = open(write(description));
  ASSERT_TRUE(dump);
  EXPECT_TRUE(holds_page(*dump, 0x400000));
  description.version = 2;
  description.flags = 1;  // padding then
  description.memory = {{0x400000, 0x500000}};
  dump = open(write(description));
  ASSERT_TRUE(dump);
  EXPECT_EQ(dump->memory->page_size(), 4096U);
  EXPECT_TRUE(holds_page(*dump, 0x400000));
}

TEST(Minidump, ATruncatedFileOpensAndSaysWhichPagesAreGone) {
  Image image = write(amd64_with_hole());
  image.resize(image.size() - 4096 - 1);  // the last page, and a byte of the one before
  const auto dump = open(image);
  ASSERT_TRUE(dump);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "2 of 8 pages"));
  EXPECT_TRUE(holds_page(*dump, 0x3ff000));
  EXPECT_TRUE(lacks_page(*dump, 0x100000000, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 0x1001ff000, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 0x100001000, Absence::excluded));
  const auto ranges = ranges_of(*dump);
  EXPECT_EQ(ranges.back(), (PhysicalRange{0x1001ff000, 0x100200000, false, Absence::truncated}));
}

TEST(Minidump, TheCutPageGivesItsLeadingBytes) {
  Image image = write(amd64_with_hole());
  image.resize(image.size() - 4096 - 1);
  const auto dump = open(image);
  ASSERT_TRUE(dump);
  std::vector<std::byte> page(4096);
  ASSERT_EQ(dump->memory->read_cut_page(0x100000000, page), 4095U);
  const auto expected = page_of(0x100000000, 4096);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end() - 1, page.begin()));
  for (const unsigned long long address :
       {0x1000ULL, 0x3000ULL, 0x9f000ULL, 0x1001ff000ULL, 0x200000000ULL})
    EXPECT_EQ(dump->memory->read_cut_page(address, page), 0U);
}

TEST(Minidump, TruncatedAtEveryPageItOpensOrSaysWhy) {
  const Image whole = write(amd64_with_hole());
  for (std::uint64_t size = 0; size < whole.size(); size += 1024) {
    Image image = whole;
    const auto dump = open(image.resize(size));
    if (size < 1024) {
      EXPECT_FALSE(dump);
      continue;
    }
    ASSERT_TRUE(dump) << size << dump.error().message();
    EXPECT_FALSE(dump->complete);
    EXPECT_FALSE(dump->remarks.empty());
    EXPECT_FALSE(read_page(*dump, 0x1001ff000));
    EXPECT_TRUE(testing::regions_cover(*dump, {size}));
  }
}

TEST(Minidump, ACorruptDumpAvailIsAnError) {
  Description description = amd64_with_hole();
  Image image = write(description);
  const std::uint64_t avail = 4096 + 0x18000;
  image.put64(avail + 16, 0x8000);  // the second range begins within the first
  auto dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
  EXPECT_EQ(dump.error().offset, avail);

  image = write(description);
  image.put64(avail + 40, 0xffffffffffffffff);  // more pages than bits
  dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
}

TEST(Minidump, OtherArchitecturesAndVersionsAreUnsupportedByName) {
  for (const std::string architecture : {"riscv", "arm", "mips", "powerpc64"}) {
    Image image;
    image.put_text(0, "minidump FreeBSD/" + architecture).resize(8192);
    image.put32(architecture == "powerpc64" ? 64 : 24, 1);
    const auto dump = open(image);
    ASSERT_FALSE(dump);
    EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
    EXPECT_NE(dump.error().text.find("\"" + architecture + "\""), std::string::npos);
  }
  Description description = amd64_with_hole();
  description.version = 4;
  const auto dump = open(write(description));
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
  EXPECT_NE(dump.error().text.find("version 4"), std::string::npos);
}

}  // namespace
}  // namespace panicroom
