// The registers that Linux's entry code saved, with layouts that no kernel has.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/kernel/linux/interrupted.h"
#include "core/types/export_types.h"
#include "tests/unit/linux_image.h"
#include "tests/unit/stated_types.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::LinuxImage;
using test::of;
using test::StatedTypes;

constexpr std::uint64_t kBase = 0xffffffff80000000;
constexpr std::uint64_t kText = kBase + 0x10000, kStack = kBase + 0x20000;

class LinuxInterrupted : public ::testing::Test {
 protected:
  /// The image's memory is x86_64's whatever the registers' architecture is.
  std::optional<Interrupted> at(const Registers& frame, Architecture architecture,
                                const std::vector<TypeMember>& members,
                                const std::shared_ptr<StatedTypes>& types) {
    image_.dump.machine.architecture = Architecture::x86_64;
    image_.map_x86_64(0);
    Vmcoreinfo info("SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n");
    const auto paging = paging_from_vmcoreinfo(info, image_.dump);
    EXPECT_TRUE(paging);
    image_.dump.machine.architecture = architecture;
    Evidence evidence(image_.dump, *paging, std::move(info));
    types->add({of(TypeKind::structure, "pt_regs", 4096), members, {}});
    const std::vector<std::string> names = {"pt_regs"};
    auto written = export_types(TypeCatalog(types), names, image_.dump.machine, "");
    EXPECT_TRUE(written) << written.error().message();
    KernelInputs inputs;
    inputs.kernel_files.emplace_back("types", memory_source("types", std::move(written->file)));
    Notes notes;
    evidence.use_kernel_files(inputs, notes);
    EXPECT_TRUE(evidence.member("pt_regs", "pc") || evidence.member("pt_regs", "ip"));
    return interrupted_by_entry(evidence, frame, [](std::uint64_t address) {
      return address >= kText && address < kText + 0x10000;
    });
  }
  LinuxImage image_{std::uint64_t{4} << 20};
};

TEST_F(LinuxInterrupted, OnX86LiesAtTheStackPointer) {
  const auto at_stack = [this] {
    const auto types = std::make_shared<StatedTypes>();
    const TypeId word = types->add({of(TypeKind::integer, "long", 8), {}, {}});
    const TypeId half = types->add({of(TypeKind::integer, "short", 2), {}, {}});
    Registers frame;
    frame.pc = kText;
    frame.sp = kStack;
    return at(frame, Architecture::x86_64,
              {{"flags", word, 0, 0},
               {"cs", half, 64, 0},
               {"ip", word, 128, 0},
               {"sp", word, 192, 0},
               {"bp", word, 256, 0},
               {"bx", word, 320, 0}},
              types);
  };
  const std::uint64_t place = kStack - kBase;
  image_.put64(place, 0x10046).put64(place + 8, 0x10).put64(place + 16, kText + 0x123);
  image_.put64(place + 24, kStack + 0x800).put64(place + 32, 77).put64(place + 40, 78);
  const auto found = at_stack();
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->ends);
  EXPECT_EQ(found->registers.pc, kText + 0x123);
  EXPECT_EQ(found->registers.sp, kStack + 0x800);
  EXPECT_EQ(found->registers.fp, 77U);
  EXPECT_EQ(found->registers.find("rbx"), 78U);
  image_.put64(place + 8, 0x33);
  EXPECT_TRUE(at_stack()->ends);  // user mode
  image_.put64(place + 8, 0x10).put64(place, 0x10044);
  EXPECT_FALSE(at_stack());  // no flags: bit 1 is always set
  image_.put64(place, 0x10046).put64(place + 16, 0x1234);
  EXPECT_FALSE(at_stack());  // no code
  image_.put64(place + 16, kText + 0x123).put64(place + 8, 0);
  EXPECT_FALSE(at_stack());  // no segment
}

TEST_F(LinuxInterrupted, OnAArch64HasTheFrameRecordInIt) {
  const auto at_record = [this](bool with_type) {
    const auto types = std::make_shared<StatedTypes>();
    const TypeId word = types->add({of(TypeKind::integer, "long", 8), {}, {}});
    Type list = of(TypeKind::array, "", 0, word);
    list.count = 31;
    const TypeId registers = types->add({list, {}, {}});
    std::vector<TypeMember> record = {{"fp", word, 0, 0}, {"lr", word, 64, 0}};
    if (with_type) record.push_back({"type", word, 128, 0});
    const TypeId stackframe =
        types->add({of(TypeKind::structure, "frame_record_meta", 24), record, {}});
    Registers frame;
    frame.pc = kText;
    frame.fp = kStack + 512;
    return at(frame, Architecture::aarch64,
              {{"pc", word, 0, 0},
               {"pstate", word, 64, 0},
               {"sp", word, 128, 0},
               {"regs", registers, 192, 0},
               {"stackframe", stackframe, 4096, 0}},
              types);
  };
  const std::uint64_t place = kStack - kBase;
  image_.put64(place, kText + 0x123).put64(place + 8, 0x60400005);  // EL1h
  image_.put64(place + 16, kStack + 0x800).put64(place + 24 + 29 * 8, 77);
  image_.put64(place + 24 + 19 * 8, 78).put64(place + 512 + 8, kText + 0x123);
  auto found = at_record(false);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->ends);
  EXPECT_EQ(found->registers.pc, kText + 0x123);
  EXPECT_EQ(found->registers.sp, kStack + 0x800);
  EXPECT_EQ(found->registers.fp, 77U);
  EXPECT_EQ(found->registers.find("x19"), 78U);
  image_.put64(place + 512 + 8, kText + 0x124);
  EXPECT_FALSE(at_record(false));  // a record of something else
  image_.put64(place + 512 + 8, 0).put64(place + 512 + 16, 2);
  EXPECT_TRUE(at_record(true));  // since Linux 6.14
  image_.put64(place + 512 + 16, 1);
  EXPECT_FALSE(at_record(true));
  image_.put64(place + 8, 0x60001000);  // EL0t
  EXPECT_TRUE(at_record(false)->ends);
}

}  // namespace
}  // namespace panicroom::linux_kernel
