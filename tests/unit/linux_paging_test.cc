#include <gtest/gtest.h>

#include <algorithm>

#include "core/kernel/linux/paging.h"
#include "tests/unit/linux_image.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::LinuxImage;

constexpr std::uint64_t kBase = 0xffffffff80000000;
constexpr std::uint64_t kMiB = 1U << 20U;

// The top-level table of map_x86_64 lies 0x1000 into the image.
Vmcoreinfo info(std::string more = "") {
  return Vmcoreinfo("OSRELEASE=6.1.0\nSYMBOL(swapper_pg_dir)=ffffffff80001000\n" + more);
}

TEST(LinuxPaging, TakesPhysBaseFromVmcoreinfoNotFromTheSubHeader) {
  LinuxImage image(16 * kMiB);
  image.map_x86_64(4 * kMiB);
  image.dump.phys_base = 2 * kMiB;  // as QEMU writes it: wrong
  const auto paging = paging_from_vmcoreinfo(info("NUMBER(phys_base)=4194304\n"), image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 4 * kMiB + 0x1000);
  AddressSpace kernel(image.dump.memory, image.dump.machine, paging->kernel_table());
  const auto translated = kernel.translate(kBase + 3 * kMiB + 5);
  ASSERT_TRUE(translated);
  EXPECT_EQ(translated->physical, 7 * kMiB + 5);
}

TEST(LinuxPaging, FindsPhysBaseWhenNothingSaysIt) {
  LinuxImage image(16 * kMiB);
  image.map_x86_64(10 * kMiB);
  image.dump.phys_base = 2 * kMiB;
  const auto paging = paging_from_vmcoreinfo(info(), image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 10 * kMiB + 0x1000);
}

TEST(LinuxPaging, SaysWhatIsWrongWhenNoTableMapsItself) {
  LinuxImage image(16 * kMiB);
  const auto corrupt = paging_from_vmcoreinfo(info("NUMBER(phys_base)=0\n"), image.dump);
  ASSERT_FALSE(corrupt);
  EXPECT_EQ(corrupt.error().code, ErrorCode::corrupt);
  image.dump.complete = false;
  const auto absent = paging_from_vmcoreinfo(info("NUMBER(phys_base)=0\n"), image.dump);
  ASSERT_FALSE(absent);
  EXPECT_EQ(absent.error().code, ErrorCode::not_in_dump);
  const auto unnamed = paging_from_vmcoreinfo(Vmcoreinfo("OSRELEASE=6.1.0\n"), image.dump);
  ASSERT_FALSE(unnamed);
  EXPECT_EQ(unnamed.error().code, ErrorCode::no_symbol);
  image.dump.machine.architecture = Architecture::riscv64;
  const auto unknown = paging_from_vmcoreinfo(info(), image.dump);
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::unsupported);
}

TEST(LinuxPaging, WalksI386WithPae) {
  LinuxImage image(4 * kMiB, Architecture::i386);
  // Kernel at 3 GiB: PDPT[3] -> PD; PD[0], PD[1] 2 MiB pages at 0 and 2 MiB (Intel SDM 3A, 4.4).
  image.put64(0x1000 + 3 * 8, 0x2001).put64(0x2000, 0x83).put64(0x2008, 0x200083);
  const Vmcoreinfo pae("SYMBOL(swapper_pg_dir)=c0001000\nCONFIG_X86_PAE=y\n");
  const auto paging = paging_from_vmcoreinfo(pae, image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 0x1000U);
  EXPECT_EQ(paging->mode, X86Mode::pae);
}

TEST(LinuxPaging, WalksAarch64ByKimageVoffset) {
  LinuxImage image(4 * kMiB, Architecture::aarch64);
  // 4 KiB granule, 48 bits, image at 0xffff800008000000: level indexes 256, 0, 64, then a 2 MiB
  // block at level 2 (Arm ARM D8.3: bits 1:0 are 3 for a table, 1 for a block; AF is bit 10).
  image.put64(0x1000 + 256 * 8, 0x2003).put64(0x2000, 0x3003).put64(0x3000 + 64 * 8, 0x401);
  const Vmcoreinfo arm(
      "PAGESIZE=4096\nSYMBOL(swapper_pg_dir)=ffff800008001000\nNUMBER(VA_BITS)=48\n"
      "NUMBER(TCR_EL1_T1SZ)=0x10\nNUMBER(kimage_voffset)=0xffff800008000000\n");
  const auto paging = paging_from_vmcoreinfo(arm, image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 0x1000U);
  EXPECT_EQ(paging->regime.va_bits, 48U);
  EXPECT_EQ(paging->regime.granule_shift, 12U);
}

CpuState cpu(std::uint64_t cr3, std::uint64_t cr4, std::uint64_t idt) {
  CpuState state;
  state.registers.others = {{"cr3", cr3}, {"cr4", cr4}, {"idt_base", idt}};
  return state;
}

TEST(LinuxPaging, ClearsTheUserTablesBitOfCr3) {
  LinuxImage image(16 * kMiB);
  image.map_x86_64(4 * kMiB);
  image.put64(4 * kMiB + 0x4000 + 511 * 8, (4 * kMiB + 0x2000) | 3);  // a root on an even page
  image.dump.cpus = {cpu(4 * kMiB + 0x5000 + 5, 0x20, kBase)};
  const auto paging = paging_from_registers(image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 4 * kMiB + 0x4000);
  EXPECT_EQ(paging->mode, X86Mode::four_level);
}

TEST(LinuxPaging, TakesAnOddRootWithoutPageTableIsolation) {
  LinuxImage image(16 * kMiB);
  image.map_x86_64(4 * kMiB);
  image.dump.cpus = {cpu(4 * kMiB + 0x1000, 0x20, kBase)};
  const auto paging = paging_from_registers(image.dump);
  ASSERT_TRUE(paging) << paging.error().message();
  EXPECT_EQ(paging->root, 4 * kMiB + 0x1000);
}

TEST(LinuxPaging, TellsUselessRegistersFromNone) {
  LinuxImage image(kMiB);
  const auto none = paging_from_registers(image.dump);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::unsupported);
  image.dump.cpus = {cpu(0x1000, 0x20, kBase)};
  const auto wrong = paging_from_registers(image.dump);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, ErrorCode::corrupt);
}

TEST(LinuxPaging, SearchesMemoryForVmcoreinfoPastItsCopies) {
  LinuxImage image(kMiB);
  const std::string symbols = "SYMBOL(swapper_pg_dir)=ffffffff80001000\n";
  image.text(0x3000, "OSRELEASE=5.0.0\n");            // no symbols: some page of a file
  image.text(0x5008, "OSRELEASE=5.1.0\n" + symbols);  // not at a page's start
  image.text(0x7000, "OSRELEASE=5.2.0\n" + symbols);  // a stale copy, refused below
  image.text(0x9000, "OSRELEASE=5.3.0\n" + symbols);
  std::vector<std::string> offered;
  const auto found = search_vmcoreinfo(image.dump, [&](const Vmcoreinfo& candidate) {
    offered.emplace_back(*candidate.value("OSRELEASE"));
    return offered.size() == 2;
  });
  ASSERT_TRUE(found);
  EXPECT_EQ(found->text(), "OSRELEASE=5.3.0\n" + symbols);
  EXPECT_EQ(offered, (std::vector<std::string>{"5.2.0", "5.3.0"}));
}

TEST(LinuxPaging, TriesEqualVmcoreinfosOnceAndFewOthers) {
  LinuxImage image(kMiB);
  const std::string symbols = "SYMBOL(swapper_pg_dir)=ffffffff80001000\n";
  for (std::uint64_t page = 1; page < 100; ++page)
    image.text(page * 0x1000, "OSRELEASE=5." + std::to_string(page / 2) + "\n" + symbols);
  std::vector<std::string> offered;
  EXPECT_FALSE(search_vmcoreinfo(image.dump, [&](const Vmcoreinfo& candidate) {
    offered.push_back(candidate.text());
    return false;
  }));
  EXPECT_EQ(offered.size(), 16U);
  std::sort(offered.begin(), offered.end());
  EXPECT_EQ(std::unique(offered.begin(), offered.end()), offered.end());
}

/// One range of memory that is said to be there but cannot be read; what was asked is counted.
struct Claimed final : PhysicalMemory {
  std::uint32_t page_size() const override { return page; }
  std::uint64_t end() const override { return range.end; }
  PageLocation locate(std::uint64_t) const override {
    ++located;
    PageLocation location;
    location.present = true;
    location.codec = codec;
    return location;
  }
  Result<void> read_page(std::uint64_t address, MutableBytes, PageDecoder&) const override {
    ++read;
    return absent(Absence::truncated, address, "the file ends");
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    visit(range);
  }
  std::uint32_t page = 4096;
  Codec codec = Codec::none;
  PhysicalRange range{0, 0, true, Absence::none};
  mutable std::uint64_t located = 0, read = 0;
};

TEST(LinuxPaging, SearchesTheLastPageOfAllThereIs) {
  auto memory = std::make_shared<Claimed>();
  memory->range = {0xfffffffffffff001, ~std::uint64_t{0}, true, Absence::none};
  Dump dump;
  dump.machine.architecture = Architecture::x86_64;
  dump.memory = memory;
  EXPECT_FALSE(search_vmcoreinfo(dump, [](const Vmcoreinfo&) { return true; }));
  EXPECT_EQ(memory->located, 0U);
}

TEST(LinuxPaging, SearchesAsManyBytesOfLargeCompressedPagesAsOfSmallOnes) {
  for (const std::uint32_t page : {4096U, 262144U}) {
    auto memory = std::make_shared<Claimed>();
    memory->page = page;
    memory->codec = Codec::zstd;
    memory->range.end = std::uint64_t{1} << 40U;
    Dump dump;
    dump.machine.architecture = Architecture::x86_64;
    dump.machine.page_size = page;
    dump.memory = memory;
    EXPECT_FALSE(search_vmcoreinfo(dump, [](const Vmcoreinfo&) { return true; }));
    EXPECT_LE((memory->located - 1) * page, std::uint64_t{1} << 30U) << page;
  }
}

TEST(LinuxPaging, LooksForTablesOnlyWhereMemoryIs) {
  auto memory = std::make_shared<Claimed>();
  memory->range = {std::uint64_t{1} << 40U, (std::uint64_t{1} << 40U) + 16 * kMiB, true,
                   Absence::none};
  Dump dump;
  dump.machine.architecture = Architecture::x86_64;
  dump.memory = memory;
  EXPECT_FALSE(paging_from_vmcoreinfo(info(), dump));
  EXPECT_LT(memory->read, 64U);
}

TEST(LinuxPaging, FindsTheImageByItsPageTables) {
  LinuxImage image(8 * kMiB);
  image.map_x86_64(0);
  // Freed init memory leaves a gap, the slot before the image is not mapped.
  image.put64(0x3000 + 3 * 8, 0).put64(0x3000 + 1 * 8, 0);
  const auto paging = paging_from_vmcoreinfo(info("NUMBER(phys_base)=0\n"), image.dump);
  ASSERT_TRUE(paging);
  AddressSpace kernel(image.dump.memory, image.dump.machine, paging->kernel_table());
  const auto range = image_range(kernel, std::nullopt);
  ASSERT_TRUE(range);
  EXPECT_EQ(range->start, kBase);
  EXPECT_EQ(range->end, kBase + 6 * kMiB);
}

}  // namespace
}  // namespace panicroom::linux_kernel
