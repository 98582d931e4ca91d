#include <gtest/gtest.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <map>
#include <optional>
#include <set>

#include "core/dump/formats.h"
#include "tests/unit/dump_image.h"

// The layouts are those of makedumpfile's diskdump_mod.h and crash's diskdump.h.

namespace panicroom {
namespace {

using testing::holds_page;
using testing::Image;
using testing::lacks_page;
using testing::page_of;
using testing::ranges_of;
using testing::read_page;
using testing::remarks_mention;
using testing::Sparse;
using testing::Unmapped;

enum class Layout { lp64, packed32, padded32 };

struct Description {
  std::string signature = "KDUMP   ";
  std::uint32_t version = 6;
  Layout layout = Layout::lp64;
  std::endian order = std::endian::little;
  std::uint32_t page_size = 4096;
  std::string machine = "x86_64";
  bool utsname = true;
  std::uint64_t frames = 1000;
  std::set<std::uint64_t> memory;                 // frames that exist
  std::map<std::uint64_t, std::uint32_t> dumped;  // frame -> flags
  std::set<std::uint64_t> unwritten;              // dumped, but the writer did not get there
  bool one_bitmap = false;
  std::uint32_t status = 0;
  std::int32_t dump_level = 31;
  std::uint64_t phys_base = 0x8e00000;
  bool split = false;
  std::uint64_t start = 0, end = 0;
  std::string vmcoreinfo, notes;
};

std::string compressed(std::uint32_t flags, const std::vector<std::byte>& page) {
  const auto* bytes = reinterpret_cast<const char*>(page.data());
  const std::string plain(bytes, page.size());
  std::string out;
  if (flags == 0) return plain;
  if (flags == 1) {
    uLongf size = compressBound(static_cast<uLong>(plain.size()));
    out.resize(size);
    compress2(reinterpret_cast<Bytef*>(out.data()), &size,
              reinterpret_cast<const Bytef*>(plain.data()), static_cast<uLong>(plain.size()), 6);
    out.resize(size);
  } else if (flags == 2) {
    // Linux Documentation/staging/lzo.rst: 8 literals, then one long match 8 bytes back, then the
    // end.
    const std::uint64_t rest = plain.size() - 8 - 2 - 31;
    out = std::string(1, 17 + 8) + plain.substr(0, 8) + '\x20';
    out += std::string(static_cast<std::size_t>((rest - 1) / 255), '\0');
    out += static_cast<char>(1 + (rest - 1) % 255);
    out += std::string("\x1c\0\x11\0\0", 5);
  } else if (flags == 4) {
    snappy::Compress(plain.data(), plain.size(), &out);
  } else if (flags == 0x20) {
    out.resize(ZSTD_compressBound(plain.size()));
    out.resize(ZSTD_compress(out.data(), out.size(), plain.data(), plain.size(), 1));
  }
  return out;
}

/// What a page holds: compressible, so that it is stored smaller, and unlike every other page.
std::vector<std::byte> stored_page(std::uint64_t address, std::uint64_t size, std::uint32_t flags) {
  if (flags == 0) return page_of(address, size);
  std::vector<std::byte> page(static_cast<std::size_t>(size));
  const std::uint64_t value = (address + 1) * 0x9e3779b97f4a7c15;
  const std::uint64_t step = flags == 2 ? 8 : 64;
  for (std::uint64_t at = 0; at < size; at += step) std::memcpy(page.data() + at, &value, 8);
  return page;
}

struct Places {
  std::uint64_t bitmap = 0, descriptors = 0, data = 0;
};

Image write(const Description& dump, Places* places = nullptr) {
  const std::uint64_t block = dump.page_size;
  const unsigned width = dump.layout == Layout::lp64 ? 8 : 4;
  Image image(dump.order);
  image.put_text(0, dump.signature).put32(8, dump.version);
  if (dump.utsname) {
    image.put_text(12, "Linux").put_text(12 + 65, "node").put_text(12 + 130, "5.10.0-test");
    image.put_text(12 + 195, "#1 SMP");
  }
  image.put_text(12 + 260, dump.machine);
  const std::uint64_t bitmap_bytes = (dump.frames + 7) / 8;
  const std::uint64_t half = (bitmap_bytes + block - 1) / block;
  const std::uint64_t bitmap_blocks = dump.one_bitmap ? half : 2 * half;
  const std::uint64_t sub_blocks = 2;
  const std::uint64_t fields = width == 8 ? 424 : 412;
  if (width == 8)
    image.put64(408, 1731972000);
  else
    image.put32(404, 1731972000);
  image.put32(fields, dump.status).put32(fields + 4, block).put32(fields + 8, sub_blocks);
  image.put32(fields + 12, bitmap_blocks).put32(fields + 16, dump.frames);

  // struct kdump_sub_header; a version's new fields begin where the one before ended.
  const std::uint64_t sub = block;
  image.put_word(sub, dump.phys_base, width);
  image.put32(sub + width, static_cast<std::uint32_t>(dump.dump_level));
  if (dump.version >= 2) image.put32(sub + width + 4, dump.split ? 1 : 0);
  const bool wide_frames = dump.version >= 6;
  const std::uint64_t start_at = width == 8 ? 16 : 12;
  if (dump.version >= 2) {
    image.put_word(sub + start_at, wide_frames ? 0 : dump.start, width);
    image.put_word(sub + start_at + width, wide_frames ? 0 : dump.end, width);
  }
  std::uint64_t at = dump.layout == Layout::lp64 ? 32 : dump.layout == Layout::packed32 ? 20 : 24;
  const std::uint64_t step = dump.layout == Layout::packed32 ? 12 : 16;
  std::uint64_t free_at = sub + 0x200;
  const auto extent = [&](const std::string& text, std::uint32_t since) {
    if (dump.version >= since && !text.empty()) {
      image.put64(sub + at, free_at).put_word(sub + at + 8, text.size(), width);
      image.put_text(free_at, text);
      free_at += (text.size() + 15) / 16 * 16;
    }
    at += step;
  };
  extent(dump.vmcoreinfo, 3);
  extent(dump.notes, 4);
  extent("", 5);
  if (wide_frames)
    image.put64(sub + at, dump.start)
        .put64(sub + at + 8, dump.end)
        .put64(sub + at + 16, dump.frames);

  const std::uint64_t bitmap = (1 + sub_blocks) * block;
  for (const std::uint64_t frame : dump.memory) {
    if (!dump.one_bitmap) image.set_bit(bitmap, frame);
  }
  const std::uint64_t second = dump.one_bitmap ? bitmap : bitmap + half * block;
  for (const auto& [frame, flags] : dump.dumped) image.set_bit(second, frame);
  const std::uint64_t descriptors = bitmap + bitmap_blocks * block;
  image.resize(descriptors);

  std::vector<std::pair<std::uint64_t, std::uint32_t>> mine;
  for (const auto& entry : dump.dumped)
    if (!dump.split || (entry.first >= dump.start && entry.first < dump.end)) mine.push_back(entry);
  std::uint64_t data = descriptors + mine.size() * 24;
  image.resize(data);
  if (places != nullptr) *places = {bitmap, descriptors, data};
  for (std::size_t i = 0; i < mine.size(); ++i) {
    const auto [frame, flags] = mine[i];
    if (dump.unwritten.contains(frame)) continue;
    const std::string bytes = compressed(flags, stored_page(frame * block, block, flags));
    const std::uint64_t entry = descriptors + i * 24;
    image.put64(entry, data)
        .put32(entry + 8, bytes.size())
        .put32(entry + 12, flags)
        .put64(entry + 16, 0);
    image.put_text(data, bytes);
    data += bytes.size();
  }
  return image;
}

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}
Result<Dump> open(const std::vector<SourcePtr>& sources) { return open_dump(sources); }

::testing::AssertionResult holds(const Dump& dump, std::uint64_t frame, std::uint32_t flags) {
  const std::uint64_t size = dump.memory->page_size();
  const auto page = read_page(dump, frame * size);
  if (!page) return ::testing::AssertionFailure() << page.error().message();
  if (*page != stored_page(frame * size, size, flags))
    return ::testing::AssertionFailure() << "other bytes in frame " << frame;
  const PageLocation location = dump.memory->locate(frame * size);
  if (!location.present) return ::testing::AssertionFailure() << "locate says absent";
  const Bytes view = dump.memory->view(frame * size);
  if (flags == 0 && !view.empty() && std::memcmp(view.data(), page->data(), page->size()) != 0)
    return ::testing::AssertionFailure() << "view differs";
  if (flags != 0 && !view.empty())
    return ::testing::AssertionFailure() << "view of a compressed page";
  return ::testing::AssertionSuccess();
}

Description small() {
  Description dump;
  for (std::uint64_t frame = 16; frame < 900; ++frame) dump.memory.insert(frame);
  dump.dumped = {{16, 0},     {17, 0},  {18, 1},  {299, 2},   {300, 4},
                 {301, 0x20}, {511, 0}, {512, 1}, {899, 0x20}};
  return dump;
}

void expect_all_pages(const Dump& dump, const Description& description) {
  for (const auto& [frame, flags] : description.dumped) EXPECT_TRUE(holds(dump, frame, flags));
  const std::uint64_t size = description.page_size;
  EXPECT_TRUE(lacks_page(dump, 19 * size, Absence::excluded));
  EXPECT_TRUE(lacks_page(dump, 15 * size, Absence::hole));
  EXPECT_TRUE(lacks_page(dump, 900 * size, Absence::hole));
  EXPECT_TRUE(lacks_page(dump, 5000 * size, Absence::hole));
}

TEST(Kdump, Version6WithEveryKindOfPage) {
  Description description = small();
  description.vmcoreinfo = "OSRELEASE=5.10.0-test\nPAGESIZE=4096\n";
  const Image image = write(description);
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "kdump-compressed v6");
  EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
  EXPECT_EQ(dump->machine.pointer_size, 8);
  EXPECT_EQ(dump->release, "5.10.0-test");
  EXPECT_EQ(dump->nodename, "node");
  EXPECT_EQ(dump->version, "#1 SMP");
  EXPECT_EQ(dump->time, 1731972000);
  EXPECT_EQ(dump->phys_base, 0x8e00000);
  EXPECT_EQ(dump->dump_level, 31);
  EXPECT_EQ(dump->vmcoreinfo, description.vmcoreinfo);
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(dump->remarks.empty());
  EXPECT_EQ(dump->memory->end(), 1000U * 4096);
  expect_all_pages(*dump, description);
  EXPECT_TRUE(testing::regions_cover(*dump, {image.size()}));
  const PageLocation location = dump->memory->locate(18 * 4096);
  EXPECT_EQ(location.codec, Codec::zlib);
  EXPECT_EQ(location.record, "page descriptor");
}

TEST(Kdump, RangesTellExcludedFromHoles) {
  const auto dump = open(write(small()));
  ASSERT_TRUE(dump);
  const auto page = [](std::uint64_t frame) { return frame * 4096; };
  const std::vector<PhysicalRange> expected = {
      {0, page(16), false, Absence::hole},
      {page(16), page(19), true, Absence::none},
      {page(19), page(299), false, Absence::excluded},
      {page(299), page(302), true, Absence::none},
      {page(302), page(511), false, Absence::excluded},
      {page(511), page(513), true, Absence::none},
      {page(513), page(899), false, Absence::excluded},
      {page(899), page(900), true, Absence::none},
      {page(900), page(1000), false, Absence::hole},
  };
  EXPECT_EQ(ranges_of(*dump), expected);
}

TEST(Kdump, EveryVersionLayoutAndByteOrder) {
  struct Case {
    Layout layout;
    std::endian order;
    std::string machine;
    Architecture architecture;
  };
  const std::vector<Case> cases = {
      {Layout::lp64, std::endian::little, "aarch64", Architecture::aarch64},
      {Layout::lp64, std::endian::big, "ppc64", Architecture::powerpc64},
      {Layout::packed32, std::endian::little, "i686", Architecture::i386},
      {Layout::padded32, std::endian::little, "armv7l", Architecture::arm},
      {Layout::padded32, std::endian::big, "ppc", Architecture::unknown},
  };
  for (const Case& one : cases) {
    for (std::uint32_t version = 1; version <= 6; ++version) {
      SCOPED_TRACE(one.machine + " v" + std::to_string(version));
      Description description = small();
      description.version = version;
      description.layout = one.layout;
      description.order = one.order;
      description.machine = one.machine;
      description.vmcoreinfo = "OSRELEASE=x\n";
      const auto dump = open(write(description));
      ASSERT_TRUE(dump) << dump.error().message();
      EXPECT_EQ(dump->machine.architecture, one.architecture);
      EXPECT_EQ(dump->machine.pointer_size, one.layout == Layout::lp64 ? 8 : 4);
      EXPECT_EQ(dump->machine.order, one.order);
      EXPECT_EQ(dump->vmcoreinfo.has_value(), version >= 3);
      EXPECT_EQ(dump->time, 1731972000);
      expect_all_pages(*dump, description);
    }
  }
}

TEST(Kdump, A32BitMemoryWhoseFrameCountLooksLikeABlockSize) {
  // 512 MiB: max_mapnr 0x20000 stands where a 64-bit header has its block size.
  Description description = small();
  description.layout = Layout::packed32;
  description.machine = "i686";
  description.frames = 0x20000;
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->machine.pointer_size, 4);
  EXPECT_EQ(dump->memory->page_size(), 4096U);
  EXPECT_TRUE(holds(*dump, 899, 0x20));
}

TEST(Kdump, QemusHeaderWithoutRelease) {
  Description description = small();
  description.utsname = false;
  description.phys_base = static_cast<std::uint64_t>(-0x272629760);
  description.vmcoreinfo = "OSRELEASE=6.1.0-7-amd64\nNUMBER(phys_base)=-272629760\n";
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->release, "6.1.0-7-amd64");
  EXPECT_EQ(dump->phys_base, -0x272629760);
  EXPECT_TRUE(dump->nodename.empty());
  expect_all_pages(*dump, description);
}

TEST(Kdump, NotesGiveProcessors) {
  Description description = small();
  Image prstatus;
  prstatus.put32(0, 5).put32(4, 336).put32(8, 1).put_text(12, "CORE");
  prstatus.put32(20 + 32, 1234).put64(20 + 112 + 16 * 8, 0xffffffff81000000).resize(20 + 336);
  std::string notes(static_cast<std::size_t>(prstatus.size()), '\0');
  ASSERT_TRUE(prstatus.source()->read(0, std::as_writable_bytes(std::span(notes))));
  description.notes = notes + std::string(12, '\0');  // QEMU pads its note area
  for (const bool machine_known : {true, false}) {
    if (!machine_known) description.machine.clear();
    const auto dump = open(write(description));
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
    ASSERT_EQ(dump->cpus.size(), 1U);
    EXPECT_EQ(dump->cpus[0].pid, 1234);
    EXPECT_EQ(dump->cpus[0].registers.pc, 0xffffffff81000000U);
    EXPECT_TRUE(dump->remarks.empty());
  }
}

TEST(Kdump, LargePages) {
  Description description = small();
  description.machine = "aarch64";
  description.page_size = 65536;
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->memory->page_size(), 65536U);
  EXPECT_EQ(dump->machine.page_size, 65536U);
  expect_all_pages(*dump, description);
}

TEST(Kdump, WithoutAMappedFileEverythingIsTheSame) {
  const Description description = small();
  const auto dump = open({std::make_shared<Unmapped>(write(description).source())});
  ASSERT_TRUE(dump);
  expect_all_pages(*dump, description);
  EXPECT_TRUE(dump->memory->view(16 * 4096).empty());
  EXPECT_EQ(ranges_of(*dump), ranges_of(*open(write(description))));
}

TEST(Kdump, OneBitmapIsTheDumpedPages) {
  Description description = small();
  description.one_bitmap = true;
  // One block of bits has no room for two bitmaps of this many frames.
  description.frames = 4096 * 8 - 8;
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  for (const auto& [frame, flags] : description.dumped) EXPECT_TRUE(holds(*dump, frame, flags));
  EXPECT_TRUE(lacks_page(*dump, 19 * 4096, Absence::excluded));
}

TEST(Kdump, DiskdumpHasTheSamePages) {
  Description description = small();
  description.signature = "DISKDUMP";
  description.version = 1;
  description.phys_base = 0;
  description.dump_level = 0;
  const auto dump = open(write(description));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "diskdump v1");
  expect_all_pages(*dump, description);
}

TEST(Kdump, PagesMayShareTheirBytes) {
  const Description description = small();
  Places places;
  Image image = write(description, &places);
  // Frames 16 and 17 are entries 0 and 1: both name the bytes of 16, as zero pages do.
  image.put64(places.descriptors + 24, places.data);
  const auto dump = open(image);
  ASSERT_TRUE(dump);
  EXPECT_EQ(*read_page(*dump, 17 * 4096), page_of(16 * 4096, 4096));
}

TEST(Kdump, AnIncompleteDumpSaysWhatWasNotWritten) {
  Description description = small();
  description.status = 8 | 1;
  description.unwritten = {512, 899};
  const auto dump = open(write(description));
  ASSERT_TRUE(dump);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "incomplete"));
  EXPECT_TRUE(holds(*dump, 511, 0));
  EXPECT_TRUE(lacks_page(*dump, 512 * 4096, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 899 * 4096, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 600 * 4096, Absence::excluded));
  const auto ranges = ranges_of(*dump);
  EXPECT_NE(std::find(ranges.begin(), ranges.end(),
                      PhysicalRange{899 * 4096, 900 * 4096, false, Absence::truncated}),
            ranges.end());
}

/// A million pages of which only some were written: what is asked of each must not grow with them.
TEST(Kdump, RangesOfAnIncompleteDumpCostWhatIsStored) {
  Description description;
  description.status = 8 | 1;
  description.frames = std::uint64_t{1} << 20;
  for (std::uint64_t frame = 0; frame < description.frames; ++frame) {
    description.memory.insert(description.memory.end(), frame);
    description.dumped.emplace_hint(description.dumped.end(), frame, 0);
    if (frame != 5) description.unwritten.insert(description.unwritten.end(), frame);
  }
  const Image image = write(description);
  const std::vector<PhysicalRange> expected = {
      {0, 5 * 4096, false, Absence::truncated},
      {5 * 4096, 6 * 4096, true, Absence::none},
      {6 * 4096, description.frames * 4096, false, Absence::truncated}};
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(ranges_of(*dump), expected);
  // As a browser has it.
  const auto unmapped = open({std::make_shared<Unmapped>(image.source())});
  ASSERT_TRUE(unmapped) << unmapped.error().message();
  EXPECT_EQ(ranges_of(*unmapped), expected);
}

/// Descriptors in a sparse file's hole, or between the records of a flattened dump.
TEST(Kdump, DescriptorsThatNobodyWroteAreNotRead) {
  Description description;
  description.status = 8 | 1;
  description.frames = std::uint64_t{1} << 20;
  for (std::uint64_t frame = 0; frame < description.frames; ++frame) {
    description.dumped.emplace_hint(description.dumped.end(), frame, 0);
    if (frame != 0) description.unwritten.insert(description.unwritten.end(), frame);
  }
  Places places;
  const Image image = write(description, &places);
  const auto written = [&](std::uint64_t from, std::uint64_t to) {
    const auto at = image.bytes().begin();
    return std::vector<std::byte>(at + static_cast<std::ptrdiff_t>(from),
                                  at + static_cast<std::ptrdiff_t>(to));
  };
  const auto sparse = std::make_shared<Sparse>(image.size());
  sparse->put(0, written(0, places.descriptors + 24))
      .put(places.data, written(places.data, image.size()));
  const auto dump = open({sparse});
  ASSERT_TRUE(dump) << dump.error().message();
  const std::uint64_t before = sparse->bytes_read();
  const std::vector<PhysicalRange> expected = {
      {0, 4096, true, Absence::none}, {4096, description.frames * 4096, false, Absence::truncated}};
  EXPECT_EQ(ranges_of(*dump), expected);
  EXPECT_LT(sparse->bytes_read() - before, 100'000U);
}

TEST(Kdump, TheCutPageGivesItsLeadingBytesUnlessItIsCompressed) {
  for (const std::uint32_t flags : {0U, 1U}) {
    Description description = small();
    description.dumped = {{16, 0}, {17, flags}};
    Image image = write(description);
    image.resize(image.size() - 5);
    const auto dump = open(image);
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_TRUE(lacks_page(*dump, 17 * 4096, Absence::truncated));
    const std::size_t left = flags == 0 ? 4091 : 0;
    std::vector<std::byte> page(4096);
    ASSERT_EQ(dump->memory->read_cut_page(17 * 4096, page), left);
    const auto expected = page_of(17 * 4096, 4096);
    EXPECT_EQ(std::memcmp(page.data(), expected.data(), left), 0);
    const PageLocation location = dump->memory->locate(17 * 4096 + 7);
    EXPECT_EQ(location.stored_size, left);
    EXPECT_EQ(location.before_cut(4090), flags == 0);
    EXPECT_FALSE(location.before_cut(4091));
    EXPECT_EQ(dump->memory->read_cut_page(16 * 4096, page), 0U);
  }
}

TEST(Kdump, TruncatedAnywhereItOpensOrSaysWhy) {
  const Description description = small();
  Places places;
  const Image whole = write(description, &places);
  std::vector<std::uint64_t> sizes;
  for (std::uint64_t size = 0; size < whole.size(); size += 512) sizes.push_back(size);
  for (std::uint64_t size = places.descriptors; size < places.data + 64; size += 7)
    sizes.push_back(size);
  for (const std::uint64_t size : sizes) {
    SCOPED_TRACE(size);
    Image image = whole;
    const auto dump = open(image.resize(size));
    if (size < 4096 + 104) {
      EXPECT_FALSE(dump);
      continue;
    }
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_FALSE(dump->complete);
    EXPECT_FALSE(dump->remarks.empty());
    EXPECT_TRUE(lacks_page(*dump, 899 * 4096, Absence::truncated));
    EXPECT_TRUE(testing::regions_cover(*dump, {size}));
    std::uint64_t at = 0;
    for (const PhysicalRange& range : ranges_of(*dump)) {
      EXPECT_EQ(range.start, at);
      at = range.end;
      EXPECT_EQ(dump->memory->locate(range.start).present, range.present);
      EXPECT_EQ(dump->memory->locate(range.end - 1).present, range.present);
    }
    EXPECT_EQ(at, dump->memory->end());
  }
}

TEST(Kdump, CorruptDescriptorsCostTheirPage) {
  struct Damage {
    std::uint64_t offset, size, flags;
    ErrorCode expected;
  };
  Places places;
  const Description description = small();
  write(description, &places);
  const std::vector<Damage> damages = {
      {places.data, 4097, 0, ErrorCode::corrupt},         // larger than a page
      {places.data, 4095, 0, ErrorCode::corrupt},         // plain, but not a page
      {places.data, 0, 1, ErrorCode::corrupt},            // no bytes, but a place
      {0x10, 100, 1, ErrorCode::corrupt},                 // within the header
      {places.data, 4096, 0x40, ErrorCode::unsupported},  // no such compression
      {places.data, 4096, 3, ErrorCode::unsupported},     // two at once
      {places.data, 100, 1, ErrorCode::corrupt},          // does not decompress
      {~std::uint64_t{0}, 4096, 0, ErrorCode::not_in_dump},
  };
  for (const Damage& damage : damages) {
    Image image = write(description, &places);
    image.put64(places.descriptors, damage.offset).put32(places.descriptors + 8, damage.size);
    image.put32(places.descriptors + 12, damage.flags);
    const auto dump = open(image);
    ASSERT_TRUE(dump) << dump.error().message();
    const auto page = read_page(*dump, 16 * 4096);
    ASSERT_FALSE(page);
    EXPECT_EQ(page.error().code, damage.expected) << page.error().message();
    EXPECT_EQ(page.error().address, 16U * 4096);
    EXPECT_TRUE(dump->memory->view(16 * 4096).empty());
    EXPECT_TRUE(holds(*dump, 17, 0));
  }
}

TEST(Kdump, HostileHeadersAreRefused) {
  const Image whole = write(small());
  Image image = whole;
  image.put32(428, 12345);  // block size
  auto dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);

  image = whole;
  image.put64(4096 + 96, std::uint64_t{1} << 50);  // more frames than bits
  dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);

  image = whole;
  image.put32(436, 0x7fffffff)
      .put64(4096 + 96, std::uint64_t{1} << 40);  // bitmaps far past the end
  dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(lacks_page(*dump, 0x1000, Absence::truncated));
  EXPECT_LE(ranges_of(*dump).size(), 1000U);

  image = whole;
  image.put64(4096 + 32, 0x3000).put64(4096 + 40, ~std::uint64_t{0});  // VMCOREINFO's size
  dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_FALSE(dump->vmcoreinfo);
  EXPECT_TRUE(remarks_mention(*dump, "VMCOREINFO"));
}

SourcePtr part(Description description, std::uint64_t start, std::uint64_t end) {
  description.split = true;
  description.start = start;
  description.end = end;
  return write(description).source("part" + std::to_string(start));
}

TEST(Kdump, SplitSetInAnyOrderAndOfAnyVersion) {
  for (const std::uint32_t version : {2U, 5U, 6U}) {
    Description description = small();
    description.version = version;
    std::vector<SourcePtr> parts = {part(description, 0, 18), part(description, 18, 18),
                                    part(description, 18, 305), part(description, 305, 1000)};
    std::sort(parts.begin(), parts.end());
    do {
      const auto dump = open(parts);
      ASSERT_TRUE(dump) << dump.error().message();
      EXPECT_TRUE(dump->complete);
      EXPECT_TRUE(dump->remarks.empty());
      expect_all_pages(*dump, description);
      EXPECT_EQ(ranges_of(*dump), ranges_of(*open(write(small()))));
    } while (std::next_permutation(parts.begin(), parts.end()));
  }
}

TEST(Kdump, PagesOfAMissingPartSaySo) {
  const Description description = small();
  const auto dump = open({part(description, 305, 1000), part(description, 0, 18)});
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "0x12 to 0x131"));
  EXPECT_TRUE(holds(*dump, 17, 0));
  EXPECT_TRUE(holds(*dump, 512, 1));
  for (const std::uint64_t frame : {18U, 299U, 300U, 301U})
    EXPECT_TRUE(lacks_page(*dump, frame * 4096, Absence::other_part));
  EXPECT_TRUE(lacks_page(*dump, 200 * 4096, Absence::excluded));
  const auto ranges = ranges_of(*dump);
  EXPECT_NE(std::find(ranges.begin(), ranges.end(),
                      PhysicalRange{299 * 4096, 302 * 4096, false, Absence::other_part}),
            ranges.end());
  const auto alone = open({part(description, 18, 305)});
  ASSERT_TRUE(alone);
  EXPECT_TRUE(holds(*alone, 300, 4));
  EXPECT_TRUE(lacks_page(*alone, 16 * 4096, Absence::other_part));
}

TEST(Kdump, PartsThatContradictEachOther) {
  const Description description = small();
  auto dump = open({part(description, 0, 305), part(description, 300, 1000)});
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
  EXPECT_NE(dump.error().text.find("overlap"), std::string::npos);

  dump = open({part(description, 0, 305), part(description, 305, 1000), part(description, 0, 305)});
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "was not used"));
  expect_all_pages(*dump, description);

  Description other = description;
  other.frames = 2000;
  dump = open({part(description, 0, 305), part(other, 305, 2000)});
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);

  dump = open({write(description).source("a"), write(description).source("b")});
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::invalid);

  dump = open({part(description, 500, 400)});
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
}

/// Bitmaps that number 4 PiB of memory, nearly all of it claimed by nothing but a file's size.
TEST(Kdump, ClaimedMemoryCostsNothing) {
  Description description = small();
  Places places;
  const Image image = write(description, &places);
  const std::uint64_t block = description.page_size;
  const std::uint64_t blocks = 0x4000000;  // two bitmaps of 2^40 frames
  const std::uint64_t half = blocks / 2 * block;
  Image header = image;
  header.put32(424 + 12, blocks).put64(block + 80 + 16, std::uint64_t{1} << 40);
  const auto bytes_of = [&](const Image& from, std::uint64_t start, std::uint64_t end) {
    const auto& all = from.bytes();
    return std::vector<std::byte>(all.begin() + static_cast<std::ptrdiff_t>(start),
                                  all.begin() + static_cast<std::ptrdiff_t>(end));
  };
  const std::uint64_t descriptors = places.bitmap + 2 * half;
  auto source = std::make_shared<Sparse>(descriptors + (1U << 20));
  source->put(0, bytes_of(header, 0, places.bitmap));
  source->put(places.bitmap, bytes_of(image, places.bitmap, places.bitmap + block));
  source->put(places.bitmap + half,
              bytes_of(image, places.bitmap + block, places.bitmap + 2 * block));
  // Descriptors and pages move by what the bitmaps grew.
  Image pages = image;
  const std::uint64_t moved = descriptors - places.descriptors;
  for (std::size_t i = 0; i < description.dumped.size(); ++i) {
    std::uint64_t offset = 0;
    std::memcpy(&offset, image.bytes().data() + places.descriptors + 24 * i, 8);
    pages.put64(places.descriptors + 24 * i, offset + moved);
  }
  source->put(descriptors, bytes_of(pages, places.descriptors, pages.size()));

  const auto dump = open(std::vector<SourcePtr>{source});
  ASSERT_TRUE(dump) << dump.error().message();
  expect_all_pages(*dump, description);
  EXPECT_TRUE(lacks_page(*dump, (std::uint64_t{1} << 52) - block, Absence::hole));
  EXPECT_EQ(ranges_of(*dump).back().end, std::uint64_t{1} << 52);
  EXPECT_LT(source->bytes_read(), 4U << 20);

  // No processor addresses more.
  header.put64(block + 80 + 16, (std::uint64_t{1} << 40) + 1);
  source->put(0, bytes_of(header, 0, places.bitmap));
  const auto beyond = open(std::vector<SourcePtr>{source});
  ASSERT_FALSE(beyond);
  EXPECT_EQ(beyond.error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
