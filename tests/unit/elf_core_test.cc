#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "core/dump/formats.h"
#include "tests/unit/dump_image.h"

// The layouts are those of the System V ABI; the quirks are those of real dumps, each named.

namespace panicroom {
namespace {

using testing::holds_page;
using testing::Image;
using testing::lacks_page;
using testing::page_of;
using testing::ranges_of;
using testing::remarks_mention;
using testing::Sparse;
using testing::Unmapped;

constexpr std::uint64_t unset = ~std::uint64_t{0};

struct Segment {
  std::uint32_t type = 1;
  std::uint64_t physical = 0;
  std::uint64_t size = 0;             // in the file
  std::uint64_t memory_size = unset;  // unset: as in the file
  std::uint64_t virtual_address = 0;
  std::uint64_t offset = unset;  // unset: the next page of the file
  std::string content;           // instead of pages
  bool blank = false;            // nothing is written
};

struct Core {
  unsigned width = 8;
  std::endian order = std::endian::little;
  std::uint16_t machine = 62;
  std::vector<Segment> segments;
  std::uint16_t header_size = 64;
  std::uint32_t version = 1;
  std::uint8_t abi = 0;
  std::uint64_t segments_at = unset;
  bool count_in_section = false;
};

std::uint64_t header_length(const Core& core) { return core.width == 8 ? 56 : 32; }

Image write(const Core& core) {
  Image image(core.order);
  const unsigned width = core.width;
  const bool wide = width == 8;
  const std::uint64_t header = wide ? 64 : 52;
  const std::uint64_t sections = core.count_in_section ? header : 0;
  const std::uint64_t at = core.segments_at != unset ? core.segments_at
                           : core.count_in_section   ? header + (wide ? 64 : 40)
                                                     : header;
  image.put_text(0,
                 "\x7f"
                 "ELF");
  image.put8(4, wide ? 2 : 1).put8(5, core.order == std::endian::little ? 1 : 2).put8(6, 1);
  image.put8(7, core.abi);
  image.put16(16, 4).put16(18, core.machine).put32(20, core.version);
  image.put_word(wide ? 32 : 28, at, width);
  image.put_word(wide ? 40 : 32, sections, width);
  image.put16(wide ? 52 : 40, core.header_size);
  image.put16(wide ? 54 : 42, header_length(core));
  image.put16(wide ? 56 : 44, core.count_in_section ? 0xffff : core.segments.size());
  image.put16(wide ? 58 : 46, wide ? 64 : 40).put16(wide ? 60 : 48, core.count_in_section ? 1 : 0);
  if (core.count_in_section) image.put32(sections + (wide ? 44 : 28), core.segments.size());

  std::uint64_t data = (at + core.segments.size() * header_length(core) + 4095) / 4096 * 4096;
  for (std::size_t i = 0; i < core.segments.size(); ++i) {
    const Segment& segment = core.segments[i];
    const std::uint64_t size = segment.content.empty() ? segment.size : segment.content.size();
    const std::uint64_t offset = segment.offset != unset ? segment.offset : data;
    const std::uint64_t entry = at + i * header_length(core);
    const std::uint64_t memory = segment.memory_size != unset ? segment.memory_size : size;
    image.put32(entry, segment.type);
    image.put_word(entry + (wide ? 8 : 4), offset, width);
    image.put_word(entry + (wide ? 16 : 8), segment.virtual_address, width);
    image.put_word(entry + (wide ? 24 : 12), segment.physical, width);
    image.put_word(entry + (wide ? 32 : 16), size, width);
    image.put_word(entry + (wide ? 40 : 20), memory, width);
    if (!segment.content.empty()) {
      image.put_text(offset, segment.content);
    } else if (!segment.blank) {
      for (std::uint64_t page = 0; page < size; page += 8) {
        const auto bytes = page_of(segment.physical + page, 8);
        image.put_bytes(offset + page, Bytes(bytes).first(std::min<std::uint64_t>(8, size - page)));
      }
    }
    if (segment.offset == unset) data = (offset + size + 4095) / 4096 * 4096;
  }
  return image;
}

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}

std::string note(std::string_view name, std::uint32_t type, const Image& descriptor,
                 std::endian order = std::endian::little) {
  Image image(order);
  const std::uint64_t padded_name = (name.size() + 1 + 3) / 4 * 4;
  image.put32(0, name.size() + 1).put32(4, descriptor.size()).put32(8, type);
  image.put_text(12, name);
  std::vector<std::byte> bytes(static_cast<std::size_t>(descriptor.size()));
  EXPECT_TRUE(descriptor.source()->read(0, bytes));
  image.put_bytes(12 + padded_name, bytes);
  image.resize((12 + padded_name + descriptor.size() + 3) / 4 * 4);
  std::string text(static_cast<std::size_t>(image.size()), '\0');
  EXPECT_TRUE(image.source()->read(0, std::as_writable_bytes(std::span(text))));
  return text;
}

Segment notes(std::string content) {
  Segment segment;
  segment.type = 4;
  segment.content = std::move(content);
  return segment;
}

Segment load(std::uint64_t physical, std::uint64_t size) {
  Segment segment;
  segment.physical = physical;
  segment.size = size;
  segment.virtual_address = physical;
  return segment;
}

TEST(ElfCore, FreeBsdFullDumpWithItsOddHeader) {
  Core core;  // EI_OSABI 255, e_version 0, two chunks with the hole below 1 MiB
  core.abi = 255;
  core.version = 0;
  core.segments = {load(0, 0x9f000), load(0x104000, 0x10000)};
  const Image image = write(core);
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->format, "ELF core");
  EXPECT_EQ(dump->machine.architecture, Architecture::x86_64);
  EXPECT_TRUE(dump->complete);
  for (std::uint64_t page = 0; page < 0x9f000; page += 0x1000) EXPECT_TRUE(holds_page(*dump, page));
  EXPECT_TRUE(holds_page(*dump, 0x113000));
  EXPECT_TRUE(lacks_page(*dump, 0x9f000, Absence::hole));
  EXPECT_TRUE(lacks_page(*dump, 0x114000, Absence::hole));
  const std::vector<PhysicalRange> expected = {{0, 0x9f000, true, Absence::none},
                                               {0x9f000, 0x104000, false, Absence::hole},
                                               {0x104000, 0x114000, true, Absence::none}};
  EXPECT_EQ(ranges_of(*dump), expected);
  EXPECT_TRUE(testing::regions_cover(*dump, {image.size()}));
  EXPECT_EQ(dump->memory->view(0x2008).size(), 0x9d000U - 8);
}

TEST(ElfCore, EveryClassAndByteOrder) {
  for (const unsigned width : {4U, 8U}) {
    for (const std::endian order : {std::endian::little, std::endian::big}) {
      Core core;
      core.width = width;
      core.order = order;
      core.machine = width == 4 ? 3 : 183;
      core.segments = {load(0x1000, 0x2000), load(0x80000000, 0x3000)};
      const auto dump = open(write(core));
      ASSERT_TRUE(dump) << dump.error().message();
      EXPECT_EQ(dump->machine.pointer_size, width);
      EXPECT_EQ(dump->machine.order, order);
      EXPECT_EQ(dump->machine.architecture,
                width == 4 ? Architecture::i386 : Architecture::aarch64);
      EXPECT_TRUE(holds_page(*dump, 0x2000));
      EXPECT_TRUE(holds_page(*dump, 0x80002000));
    }
  }
}

TEST(ElfCore, QemusHeaderSizeAndOrderOfTables) {
  Core core;  // e_ehsize 8, the section header in front of the program headers at 192
  core.header_size = 8;
  core.segments_at = 192;
  core.segments = {load(0, 0x2000), load(0xfffc0000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x1000));
  EXPECT_TRUE(holds_page(*dump, 0xfffc0000));
}

TEST(ElfCore, MoreSegmentsThanTheHeaderCanCount) {
  Core core;
  core.count_in_section = true;
  constexpr std::uint64_t count = 65798;
  for (std::uint64_t i = 0; i < count; ++i) {
    // Backwards and far apart, so that neither order nor neighbours help.
    Segment segment = load((count - i) * 0x4000, 0x1000);
    segment.offset = 0x1000000;
    segment.blank = true;
    core.segments.push_back(segment);
  }
  Image image = write(core);  // all of them name the same page of the file
  image.put_bytes(0x1000000, page_of(0x4000, 4096));
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x4000));
  EXPECT_TRUE(dump->memory->locate(count * 0x4000).present);
  EXPECT_TRUE(dump->memory->locate(count / 2 * 0x4000).present);
  EXPECT_TRUE(lacks_page(*dump, count / 2 * 0x4000 + 0x1000, Absence::hole));
  EXPECT_EQ(ranges_of(*dump).size(), 2 * count);
}

TEST(ElfCore, OverlappingSegmentsOfProcVmcore) {
  Core core;  // the kernel image has a segment of its own within the RAM's
  core.segments = {load(0x100000, 0x10000), load(0x108000, 0x4000), load(0x10e000, 0x8000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  for (std::uint64_t page = 0x100000; page < 0x116000; page += 0x1000)
    EXPECT_TRUE(holds_page(*dump, page));
  EXPECT_EQ(ranges_of(*dump).size(), 2U);
}

TEST(ElfCore, BytesThatOneSegmentHasBeatThoseThatAnotherLeftOut) {
  Core core;
  Segment excluding = load(0x100000, 0x2000);
  excluding.memory_size = 0x8000;
  core.segments = {excluding, load(0x104000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump);
  const std::vector<PhysicalRange> expected = {{0, 0x100000, false, Absence::hole},
                                               {0x100000, 0x102000, true, Absence::none},
                                               {0x102000, 0x104000, false, Absence::excluded},
                                               {0x104000, 0x105000, true, Absence::none},
                                               {0x105000, 0x108000, false, Absence::excluded}};
  EXPECT_EQ(ranges_of(*dump), expected);
  EXPECT_TRUE(holds_page(*dump, 0x104000));
  EXPECT_TRUE(lacks_page(*dump, 0x103000, Absence::excluded));
  EXPECT_TRUE(lacks_page(*dump, 0x107000, Absence::excluded));
  EXPECT_EQ(dump->memory->end(), 0x108000U);
}

TEST(ElfCore, SegmentsNeedNotBeAlignedInTheFile) {
  Core core;
  core.segments = {load(0x1000, 0x2000), load(0x8000, 0x2000)};
  core.segments[0].offset = 0x1003;
  core.segments[1].offset = 0x4321;
  const Image image = write(core);
  const SourcePtr unmapped = std::make_shared<Unmapped>(image.source());
  for (const auto& dump : {open(image), open_dump({&unmapped, 1})}) {
    ASSERT_TRUE(dump);
    EXPECT_TRUE(holds_page(*dump, 0x2000));
    EXPECT_TRUE(holds_page(*dump, 0x9000));
  }
}

TEST(ElfCore, OddEndsOfMemoryKeepTheirBytes) {
  Core core;  // firmware takes memory from 0x9fc00 on
  core.segments = {load(0x1000, 0x9ec00), load(0x100000, 0x1000)};
  const Image image = write(core);
  const SourcePtr unmapped = std::make_shared<Unmapped>(image.source());
  for (const auto& dump : {open(image), open_dump({&unmapped, 1})}) {
    ASSERT_TRUE(dump);
    EXPECT_EQ(dump->memory->page_size(), 1024U);
    EXPECT_TRUE(holds_page(*dump, 0x9f800));
    EXPECT_TRUE(lacks_page(*dump, 0x9fc00, Absence::hole));
  }
}

TEST(ElfCore, APageOfTwoSegmentsIsJoined) {
  Core core;
  core.segments = {load(0x1000, 0x1100), load(0x2100, 0xf00)};
  core.segments[1].offset = 0x8000;
  const auto dump = open(write(core));
  ASSERT_TRUE(dump);
  for (std::uint64_t page = 0x1000; page < 0x3000; page += dump->memory->page_size())
    EXPECT_TRUE(holds_page(*dump, page));
}

TEST(ElfCore, ATruncatedFileOpensAndSaysWhichPagesAreGone) {
  Core core;
  core.segments = {load(0, 0x4000), load(0x100000, 0x4000)};
  Image image = write(core);
  image.resize(image.size() - 0x1001);
  const auto dump = open(image);
  ASSERT_TRUE(dump);
  EXPECT_FALSE(dump->complete);
  EXPECT_TRUE(remarks_mention(*dump, "ends early"));
  EXPECT_TRUE(holds_page(*dump, 0x101000));
  EXPECT_TRUE(lacks_page(*dump, 0x102000, Absence::truncated));
  EXPECT_TRUE(lacks_page(*dump, 0x103000, Absence::truncated));
  EXPECT_EQ(ranges_of(*dump).back(),
            (PhysicalRange{0x102000, 0x104000, false, Absence::truncated}));
}

TEST(ElfCore, ManyBrokenNotesAreToldInFewWords) {
  Core core;
  std::string broken = note("CORE", 77, Image().put64(0, 0));
  broken.resize(broken.size() - 2);
  for (int i = 0; i < 1000; ++i) core.segments.push_back(notes(broken));
  core.segments.push_back(load(0, 0x1000));
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(remarks_mention(*dump, "not whole"));
  EXPECT_TRUE(remarks_mention(*dump, "; 999 more lists of notes are broken"));
  EXPECT_EQ(dump->remarks.size(), 1U);
}

TEST(ElfCore, NotesOfAllSegmentsHaveOneLimit) {
  Core core;
  std::string many;
  for (int i = 0; i < 40'000; ++i) many += note("x", 7, Image().put32(0, 0));
  for (int i = 0; i < 5; ++i) core.segments.push_back(notes(many));
  core.segments.push_back(load(0, 0x1000));
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->notes.size(), 131'072U);
  EXPECT_TRUE(remarks_mention(*dump, "one too many; 1 more lists of notes are broken"));
}

TEST(ElfCore, TheCutPageGivesItsLeadingBytes) {
  Core core;
  core.segments = {load(0, 0x4000), load(0x100000, 0x4000)};
  Image image = write(core);
  image.resize(image.size() - 0x1801);  // within the page at 0x102000
  const auto dump = open(image);
  ASSERT_TRUE(dump);
  std::vector<std::byte> page(0x1000);
  ASSERT_EQ(dump->memory->read_cut_page(0x102000, page), 0x7ffU);
  const auto expected = page_of(0x102000, 0x1000);
  EXPECT_TRUE(std::equal(expected.begin(), expected.begin() + 0x7ff, page.begin()));
  for (const std::uint64_t address : {0x0U, 0x4000U, 0x101000U, 0x103000U, 0x104000U})
    EXPECT_EQ(dump->memory->read_cut_page(address, page), 0U);
  EXPECT_TRUE(lacks_page(*dump, 0x102000, Absence::truncated));
  const PageLocation cut = dump->memory->locate(0x102345);
  EXPECT_EQ(cut.stored_size, 0x7ffU);
  EXPECT_EQ(cut.file_offset, image.size() - 0x7ff);
  EXPECT_EQ(dump->memory->locate(0x103000).stored_size, 0U);

  // A segment whose place wraps around the end of the address space has no cut page.
  image = write(core);
  image.put64(64 + 8, unset - 0xfff);
  const auto hostile = open(image);
  ASSERT_TRUE(hostile);
  for (std::uint64_t address = 0; address < 0x4000; address += 0x1000)
    EXPECT_EQ(hostile->memory->read_cut_page(address, page), 0U);
}

TEST(ElfCore, TruncatedWithinItsProgramHeaders) {
  Core core;
  core.segments = {load(0x1000, 0x1000), load(0x2000, 0x1000)};
  Image image = write(core);
  image.resize(64 + 56 + 10);
  const auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(remarks_mention(*dump, "program headers"));
  EXPECT_TRUE(lacks_page(*dump, 0x1000, Absence::truncated));
  for (std::uint64_t size = 18; size < 64; ++size) EXPECT_FALSE(open(write(core).resize(size)));
}

TEST(ElfCore, HostileSizesAreBounded) {
  Core core;
  core.segments = {load(0x1000, 0x1000), load(0x2000, 0x1000)};
  Image image = write(core);
  image.put64(64 + 32, unset).put64(64 + 40, unset).put64(64 + 24, unset - 0x1000);
  auto dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x2000));
  dump->memory->ranges([](const PhysicalRange& range) { return range.start < range.end; });

  image = write(core);
  image.put16(56, 0xffff).put64(40, 0x2000).put32(0x2000 + 44, 0xffffffff).resize(0x4000);
  dump = open(image);
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_FALSE(dump->complete);

  image = write(core);
  image.put16(54, 8);
  dump = open(image);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::corrupt);
}

TEST(ElfCore, NotesOfALinuxCrash) {
  Image prstatus;  // struct elf_prstatus of x86_64: pr_pid at 32, registers from 112
  for (std::uint64_t i = 0; i < 27; ++i) prstatus.put64(112 + 8 * i, 1000 + i);
  prstatus.put32(32, 4711).resize(336);
  Image info;
  info.put_text(0, "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nCRASHTIME=1731972000\n").resize(80);
  Core core;
  core.segments = {
      notes(note("CORE", 1, prstatus) + note("CORE", 1, prstatus) + note("VMCOREINFO", 0, info)),
      load(0x1000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->notes.size(), 3U);
  EXPECT_EQ(dump->vmcoreinfo, "OSRELEASE=6.1.0-test\nPAGESIZE=4096\nCRASHTIME=1731972000\n");
  EXPECT_EQ(dump->release, "6.1.0-test");
  EXPECT_EQ(dump->time, 1731972000);
  ASSERT_EQ(dump->cpus.size(), 2U);
  const CpuState& cpu = dump->cpus[1];
  EXPECT_EQ(cpu.index, 1U);
  EXPECT_EQ(cpu.pid, 4711);
  // Linux arch/x86/include/asm/user_64.h: r15 first, bp fifth, ip seventeenth, sp twentieth.
  EXPECT_EQ(cpu.registers.fp, 1004U);
  EXPECT_EQ(cpu.registers.pc, 1016U);
  EXPECT_EQ(cpu.registers.sp, 1019U);
  EXPECT_EQ(cpu.registers.find("r15"), 1000U);
  EXPECT_EQ(cpu.registers.find("rbx"), 1005U);
  EXPECT_EQ(cpu.registers.find("gs_base"), 1022U);
}

TEST(ElfCore, RegistersOfOtherArchitectures) {
  Image arm64;  // user_pt_regs: x0..x30, sp, pc, pstate
  for (std::uint64_t i = 0; i < 34; ++i) arm64.put64(112 + 8 * i, 2000 + i);
  arm64.put32(32, 17).resize(392);
  Core core;
  core.machine = 183;
  core.segments = {notes(note("CORE", 1, arm64)), load(0x1000, 0x1000)};
  auto dump = open(write(core));
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->cpus.size(), 1U);
  EXPECT_EQ(dump->cpus[0].pid, 17);
  EXPECT_EQ(dump->cpus[0].registers.fp, 2029U);
  EXPECT_EQ(dump->cpus[0].registers.find("x30"), 2030U);
  EXPECT_EQ(dump->cpus[0].registers.sp, 2031U);
  EXPECT_EQ(dump->cpus[0].registers.pc, 2032U);

  Image i386;  // user_regs_struct of i386: bx first, bp sixth, ip thirteenth, sp sixteenth
  for (std::uint64_t i = 0; i < 17; ++i) i386.put32(72 + 4 * i, 3000 + i);
  i386.put32(24, 18).resize(144);
  core.machine = 3;
  core.width = 4;
  core.segments = {notes(note("CORE", 1, i386)), load(0x1000, 0x1000)};
  dump = open(write(core));
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->cpus.size(), 1U);
  EXPECT_EQ(dump->cpus[0].pid, 18);
  EXPECT_EQ(dump->cpus[0].registers.fp, 3005U);
  EXPECT_EQ(dump->cpus[0].registers.pc, 3012U);
  EXPECT_EQ(dump->cpus[0].registers.sp, 3015U);
}

Image qemu_cpu() {
  Image state;  // QEMU target/i386/arch_dump.c
  state.put32(0, 1).put32(4, 440);
  for (std::uint64_t at = 8; at < 152; at += 8) state.put64(at, 0x100000 + at);
  for (std::uint64_t i = 0; i < 10; ++i)
    state.put32(152 + 24 * i, 0x10 + i).put64(152 + 24 * i + 16, 0xb0000 + i);
  for (std::uint64_t i = 0; i < 5; ++i) state.put64(392 + 8 * i, 0xc000 + i);
  return state.put64(432, 0xd000);
}

TEST(ElfCore, QemusNoteCompletesTheProcessorAndItsPidIsNone) {
  Image prstatus;
  for (std::uint64_t i = 0; i < 27; ++i) prstatus.put64(112 + 8 * i, 1000 + i);
  prstatus.put32(32, 1).resize(336);
  Core core;
  core.segments = {notes(note("CORE", 1, prstatus) + note("QEMU", 0, qemu_cpu())),
                   load(0x1000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->cpus.size(), 1U);
  const CpuState& cpu = dump->cpus[0];
  EXPECT_FALSE(cpu.pid);
  EXPECT_EQ(cpu.registers.pc, 1016U);
  EXPECT_EQ(cpu.registers.find("cr3"), 0xc003U);
  EXPECT_EQ(cpu.registers.find("cr4"), 0xc004U);
  EXPECT_EQ(cpu.registers.find("gs_base"), 0xb0004U);
  EXPECT_EQ(cpu.registers.find("idt_base"), 0xb0009U);
  EXPECT_EQ(cpu.registers.find("kernel_gs_base"), 0xd000U);
  EXPECT_EQ(cpu.registers.find("cs"), 0x10U);
  EXPECT_EQ(std::count_if(cpu.registers.others.begin(), cpu.registers.others.end(),
                          [](const auto& entry) { return entry.first == "gs_base"; }),
            1);
}

TEST(ElfCore, QemusNoteAloneIsAProcessor) {
  Core core;
  core.segments = {notes(note("QEMU", 0, qemu_cpu())), load(0x1000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump);
  ASSERT_EQ(dump->cpus.size(), 1U);
  EXPECT_EQ(dump->cpus[0].registers.pc, 0x100000U + 136);
  EXPECT_EQ(dump->cpus[0].registers.sp, 0x100000U + 56);
  EXPECT_EQ(dump->cpus[0].registers.fp, 0x100000U + 64);
  EXPECT_EQ(dump->cpus[0].registers.find("r8"), 0x100000U + 72);
}

TEST(ElfCore, VmcoreinfoOfOverAMegabyteIsNotUsed) {
  constexpr std::size_t kMost = std::size_t{1} << 20;
  for (const std::size_t size : {kMost, kMost + 1}) {
    Core core;
    Image info;
    info.put_text(0, "OSRELEASE=1\n").resize(size);
    core.segments = {notes(note("VMCOREINFO", 0, info)), load(0x1000, 0x1000)};
    const auto dump = open(write(core));
    ASSERT_TRUE(dump) << dump.error().message();
    EXPECT_EQ(dump->vmcoreinfo.has_value(), size == kMost);
    EXPECT_EQ(remarks_mention(*dump, "VMCOREINFO has 1048577 bytes"), size != kMost);
    EXPECT_TRUE(holds_page(*dump, 0x1000));
  }
}

TEST(ElfCore, DamagedNotesCostTheNotesOnly) {
  Core core;
  std::string damaged = note("VMCOREINFO", 0, Image().put_text(0, "OSRELEASE=1\n"));
  damaged += std::string("\x05\0\0\0\xff\xff\xff\x7f\x01\0\0\0CORE", 16);
  core.segments = {notes(damaged), load(0x1000, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_EQ(dump->vmcoreinfo, "OSRELEASE=1\n");
  EXPECT_TRUE(remarks_mention(*dump, "notes"));
  EXPECT_TRUE(holds_page(*dump, 0x1000));
}

TEST(ElfCore, ProcKcoreGivesWhatHasAPhysicalAddress) {
  Core core;
  core.segments = {load(unset, 0x1000), load(0x1000, 0x1000)};
  auto dump = open(write(core));
  ASSERT_TRUE(dump);
  EXPECT_TRUE(holds_page(*dump, 0x1000));
  EXPECT_TRUE(remarks_mention(*dump, "virtual memory"));

  core.segments = {load(0, 0x1000), load(0, 0x1000)};
  core.segments[0].virtual_address = 0xffff888000000000;
  core.segments[1].virtual_address = 0xffffffff81000000;
  dump = open(write(core));
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
}

TEST(ElfCore, AUserProgramsCoreIsNoKernelDump) {
  Core core;
  core.segments = {notes(note("CORE", 6, Image().put64(0, 0).put64(8, 0))), load(0, 0x1000)};
  const auto dump = open(write(core));
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
  EXPECT_NE(dump.error().text.find("user's program"), std::string::npos);
}

/// Four thousand million program headers, all but two of them zeros that nobody wrote.
TEST(ElfCore, ClaimedProgramHeadersCostNothing) {
  Core core;
  core.count_in_section = true;
  core.segments.resize(2);
  core.segments[0].physical = 0x1000, core.segments[0].size = 0x2000;
  core.segments[1].physical = 0x100000, core.segments[1].size = 0x1000;
  const Image image = write(core);
  const std::uint64_t at = 64 + 64;  // the program headers
  constexpr std::uint64_t count = 0xffffffff;
  auto source = std::make_shared<Sparse>(at + count * 56);
  Image counted = image;
  counted.put32(64 + 44, count);
  // The second header moves to the end of the claim.
  std::vector<std::byte> last(56);
  std::copy_n(image.bytes().begin() + at + 56, 56, last.begin());
  for (std::uint64_t i = 0; i < 56; i += 8) counted.put64(at + 56 + i, 0);
  source->put(0, counted.bytes()).put(at + (count - 1) * 56, last);
  const auto dump = open_dump(std::vector<SourcePtr>{source});
  ASSERT_TRUE(dump) << dump.error().message();
  EXPECT_TRUE(holds_page(*dump, 0x1000));
  EXPECT_TRUE(holds_page(*dump, 0x100000));
  EXPECT_TRUE(lacks_page(*dump, 0x3000, Absence::hole));
  EXPECT_LT(source->bytes_read(), 1U << 20);
}

}  // namespace
}  // namespace panicroom
