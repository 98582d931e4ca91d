// The forms of VMCOREINFO's lines: Linux, Documentation/admin-guide/kdump/vmcoreinfo.rst and the
// vmcoreinfo_append_str() formats in include/linux/vmcore_info.h.
#include "core/symbols/vmcoreinfo.h"

#include <gtest/gtest.h>

namespace panicroom {
namespace {

const char* const kText =
    "OSRELEASE=6.1.0-56-amd64\n"
    "BUILD-ID=e5c9b1f1d7b6\n"
    "PAGESIZE=4096\n"
    "SYMBOL(init_uts_ns)=ffffffff9a21a2c0\n"
    "SYMBOL(_stext)=ffffffff98400000\n"
    "OFFSET(page.flags)=0\n"
    "OFFSET(list_head.prev)=8\n"
    "SIZE(page)=64\n"
    "LENGTH(mem_section)=2048\n"
    "NUMBER(phys_base)=-272629760\n"
    "NUMBER(kimage_voffset)=0xffff800078000000\n"
    "NUMBER(PG_slab)=9\n"
    "KERNELOFFSET=17400000\n"
    "CRASHTIME=1763700000\n"
    "NUMBER(broken)=12x\n"
    "SIZE(huge)=99999999999999999999999\n"
    "LAST=end";

TEST(Vmcoreinfo, AnswersValuesByTheirWholeKey) {
  const Vmcoreinfo info(kText);
  EXPECT_EQ(info.value("OSRELEASE"), "6.1.0-56-amd64");
  EXPECT_EQ(info.value("LAST"), "end");
  EXPECT_EQ(info.value("RELEASE"), std::nullopt);
  EXPECT_EQ(info.value("OSREL"), std::nullopt);
  EXPECT_EQ(info.value(""), std::nullopt);
}

TEST(Vmcoreinfo, ReadsSymbolsAsHexadecimal) {
  const Vmcoreinfo info(kText);
  EXPECT_EQ(info.symbol("_stext"), 0xffffffff98400000U);
  EXPECT_EQ(info.symbol("_text"), std::nullopt);
}

TEST(Vmcoreinfo, ReadsNumbersSignedAndHexadecimal) {
  const Vmcoreinfo info(kText);
  EXPECT_EQ(info.number("phys_base"), -272629760);
  EXPECT_EQ(info.number("PG_slab"), 9);
  EXPECT_EQ(static_cast<std::uint64_t>(info.number("kimage_voffset").value()), 0xffff800078000000U);
}

TEST(Vmcoreinfo, ReadsSizesOffsetsAndLengthsAsDecimal) {
  const Vmcoreinfo info(kText);
  EXPECT_EQ(info.size("page"), 64U);
  EXPECT_EQ(info.offset("list_head.prev"), 8U);
  EXPECT_EQ(info.length("mem_section"), 2048U);
  EXPECT_EQ(info.hex("KERNELOFFSET"), 0x17400000U);
}

TEST(Vmcoreinfo, AnswersNothingForWhatIsNotANumber) {
  const Vmcoreinfo info(kText);
  EXPECT_EQ(info.number("broken"), std::nullopt);
  EXPECT_EQ(info.size("huge"), std::nullopt);
  EXPECT_EQ(info.hex("OSRELEASE"), std::nullopt);
}

TEST(Vmcoreinfo, AnswersTheFirstOfSeveralLinesWithOneKey) {
  const Vmcoreinfo info("B=2\r\nA=first\nno value\nA=second\n=x\nA B=a=b\n");
  EXPECT_EQ(info.value("A"), "first");
  EXPECT_EQ(info.value("B"), "2");
  EXPECT_EQ(info.value("A B"), "a=b");
  EXPECT_EQ(info.value("no value"), std::nullopt);
}

/// A question costs no pass over the text: 400,000 of them over a MiB of it.
TEST(Vmcoreinfo, IsReadOnce) {
  const Vmcoreinfo info(std::string(std::size_t{1} << 20, '\n') + "SYMBOL(_stext)=1234\n");
  std::uint64_t sum = 0;
  for (int i = 0; i < 400000; ++i) sum += info.symbol("_stext").value_or(0);
  EXPECT_EQ(sum, 400000U * 0x1234);
}

TEST(Vmcoreinfo, EndsAtTheNotesPadding) {
  const Vmcoreinfo info(std::string("A=1\nB=2\0\0C=3\n", 14));
  EXPECT_EQ(info.value("B"), "2");
  EXPECT_EQ(info.value("C"), std::nullopt);
  EXPECT_EQ(info.text(), "A=1\nB=2");
}

}  // namespace
}  // namespace panicroom
