// ORC tables and stacks made by hand from Linux: arch/x86/include/asm/orc_types.h (the layouts
// of 6.1 and of 6.4) and arch/x86/kernel/unwind_orc.c.
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/stack/unwind.h"
#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using test::KernelMemory;

constexpr std::uint64_t kText = KernelMemory::kBase;
constexpr std::uint64_t kTextEnd = kText + 0x100000;
constexpr std::uint64_t kIpTable = kText + 0x200000;
constexpr std::uint64_t kEntries = kText + 0x210000;
constexpr std::uint64_t kStack = kText + 0x300000;     // a task's
constexpr std::uint64_t kIrqStack = kText + 0x280000;  // below it and above: order must not matter
constexpr std::uint64_t kHighStack = kText + 0x400000;

// ORC_REG_*
constexpr unsigned kUndefined = 0, kPrevSp = 1, kDx = 2, kDi = 3, kBp = 4, kSp = 5, kR10 = 6,
                   kR13 = 7, kBpIndirect = 8, kSpIndirect = 9;
enum class Type { undefined, end, call, regs, regs_partial };

struct Entry {
  std::uint64_t pc;
  unsigned sp_reg = kSp;
  int sp_offset = 8;
  Type type = Type::call;
  unsigned bp_reg = kUndefined;
  int bp_offset = 0;
};

class Orc : public testing::TestWithParam<unsigned> {
 protected:
  unsigned version() const { return GetParam(); }

  std::uint16_t bits(const Entry& entry) const {
    const auto type = static_cast<unsigned>(entry.type);
    const bool signal = entry.type == Type::regs || entry.type == Type::regs_partial;
    unsigned value = entry.sp_reg | entry.bp_reg << 4;
    if (version() == 1) {
      value |= type << 8 | (signal ? 1U << 11 : 0);
    } else if (entry.type == Type::undefined || entry.type == Type::end) {
      value = entry.type == Type::end ? 1U << 10 : 0;
    } else {
      value |= (type - 2) << 8;
    }
    return static_cast<std::uint16_t>(value);
  }

  void table(std::vector<Entry> entries) {
    entries.push_back({kTextEnd, kUndefined, 0, Type::undefined});  // the terminator
    for (std::size_t i = 0; i < entries.size(); ++i) {
      const std::uint64_t slot = kIpTable + 4 * i, entry = kEntries + 6 * i;
      memory_->put_integer(slot, static_cast<std::uint32_t>(entries[i].pc - slot));
      memory_->put_integer(entry, static_cast<std::int16_t>(entries[i].sp_offset));
      memory_->put_integer(entry + 2, static_cast<std::int16_t>(entries[i].bp_offset));
      memory_->put_integer(entry + 4, bits(entries[i]));
    }
    count_ = entries.size();
  }
  void word(std::uint64_t address, std::uint64_t value) { memory_->put_integer(address, value); }

  /// struct pt_regs at `address`.
  void pt_regs(std::uint64_t address, std::uint64_t pc, std::uint64_t sp, std::uint64_t bp,
               std::uint64_t cs = 0x10) {
    const std::uint64_t words[] = {15, 14, 13,    12, bp,  1, 11, 10,
                                   9,  8,  0,     2,  3,   4, 5,  ~std::uint64_t{0},
                                   pc, cs, 0x246, sp, 0x18};
    for (std::size_t i = 0; i < 21; ++i) word(address + 8 * i, words[i]);
  }

  Unwound unwind(Registers registers) {
    const auto kernel = test::address_space(memory_);
    const OrcTables tables{kIpTable, kEntries, count_, 6, version()};
    return unwind_orc(*kernel, tables, registers,
                      [](std::uint64_t pc) { return pc >= kText && pc < kTextEnd; });
  }
  static Registers at(std::uint64_t pc, std::uint64_t sp,
                      std::optional<std::uint64_t> fp = std::nullopt) {
    Registers registers;
    registers.pc = pc;
    registers.sp = sp;
    registers.fp = fp;
    return registers;
  }
  using Frames = std::vector<std::pair<std::uint64_t, std::uint64_t>>;
  static Frames frames(const Unwound& unwound) {
    Frames all;
    for (const auto& frame : unwound.frames) all.emplace_back(frame.pc, frame.sp.value_or(0));
    return all;
  }
  static std::string why(const Unwound& unwound) {
    return unwound.stopped ? unwound.stopped->message() : "";
  }

  std::shared_ptr<KernelMemory> memory_ = std::make_shared<KernelMemory>();
  std::uint64_t count_ = 0;
};

TEST_P(Orc, FollowsCallsToTheEndOfTheStack) {
  table({{kText + 0x100, kSp, 24},
         {kText + 0x200, kSp, 8},
         {kText + 0x300, kSp, 16},
         {kText + 0x400, kUndefined, 0, Type::end}});
  word(kStack + 16, kText + 0x210);
  word(kStack + 24, kText + 0x308);
  word(kStack + 40, kText + 0x480);
  const auto unwound = unwind(at(kText + 0x110, kStack));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(frames(unwound), (Frames{{kText + 0x110, kStack},
                                     {kText + 0x210, kStack + 24},
                                     {kText + 0x308, kStack + 32},
                                     {kText + 0x480, kStack + 48}}));
  EXPECT_TRUE(unwound.frames[0].exact);
  EXPECT_FALSE(unwound.frames[1].exact);
}

TEST_P(Orc, LooksUpACallerBeforeItsReturnAddress) {
  // The call is the last instruction of its function; the next one ends the stack.
  table({{kText + 0x100, kSp, 8},
         {kText + 0x200, kSp, 16},
         {kText + 0x300, kUndefined, 0, Type::end}});
  word(kStack, kText + 0x300);       // belongs to the function at 0x200
  word(kStack + 16, kText + 0x301);  // and this one to the end
  const auto unwound = unwind(at(kText + 0x100, kStack));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(unwound.frames.size(), 3U);
}

TEST_P(Orc, KeepsTheFramePointerThatEntriesCountFrom) {
  table({{kText + 0x100, kSp, 16, Type::call, kPrevSp, -16},  // pushed it
         {kText + 0x200, kBp, 16, Type::call, kPrevSp, -16},  // counts from it
         {kText + 0x300, kUndefined, 0, Type::end}});
  word(kStack, kStack + 0x40);
  word(kStack + 8, kText + 0x210);
  word(kStack + 0x40, 0x1234);
  word(kStack + 0x48, kText + 0x310);
  const auto unwound = unwind(at(kText + 0x100, kStack, 0x999));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(frames(unwound).back(), (std::pair{kText + 0x310, kStack + 0x50}));
}

TEST_P(Orc, GoesThroughAnInterruptToAnotherStack) {
  for (const std::uint64_t irq : {kIrqStack, kHighStack}) {
    memory_ = std::make_shared<KernelMemory>();
    table({{kText + 0x100, kSp, 8},              // handler, on the interrupt stack
           {kText + 0x200, kSpIndirect, 8},      // the switch: its top holds the old stack
           {kText + 0x300, kSp, 0, Type::regs},  // interrupt entry
           {kText + 0x400, kBp, 16, Type::call, kPrevSp, -16},  // interrupted
           {kText + 0x500, kUndefined, 0, Type::end}});
    word(irq, kText + 0x210);
    word(irq + 8, kStack + 0x100);
    word(kStack + 0x100, kText + 0x310);
    pt_regs(kStack + 0x108, kText + 0x400, kStack + 0x200, kStack + 0x220);
    word(kStack + 0x228, kText + 0x510);
    word(kStack + 0x220, 0);
    const auto unwound = unwind(at(kText + 0x105, irq));
    EXPECT_EQ(why(unwound), "");
    EXPECT_EQ(frames(unwound), (Frames{{kText + 0x105, irq},
                                       {kText + 0x210, irq + 8},
                                       {kText + 0x310, kStack + 0x108},
                                       {kText + 0x400, kStack + 0x200},
                                       {kText + 0x510, kStack + 0x230}}));
    EXPECT_TRUE(
        unwound.frames[3].exact);  // 0x400 is the interrupted instruction: 0x3ff is another entry's
    EXPECT_FALSE(unwound.frames[4].exact);
  }
}

TEST_P(Orc, EndsWhereUserModeWasInterrupted) {
  table({{kText + 0x100, kSp, 8}, {kText + 0x200, kSp, 0, Type::regs}});
  word(kStack, kText + 0x210);
  pt_regs(kStack + 8, 0x401000, 0x7ffc0000, 0, 0x33);
  const auto unwound = unwind(at(kText + 0x100, kStack));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(unwound.frames.size(), 2U);
}

TEST_P(Orc, ReadsWhatTheProcessorPushedAlone) {
  table({{kText + 0x100, kSp, 0, Type::regs_partial},
         {kText + 0x200, kSp, 8},
         {kText + 0x300, kUndefined, 0, Type::end}});
  word(kStack, kText + 0x200), word(kStack + 8, 0x10), word(kStack + 16, 0x246),
      word(kStack + 24, kStack + 0x80);
  word(kStack + 0x80, kText + 0x310);
  const auto unwound = unwind(at(kText + 0x100, kStack));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(frames(unwound), (Frames{{kText + 0x100, kStack},
                                     {kText + 0x200, kStack + 0x80},
                                     {kText + 0x310, kStack + 0x88}}));
  EXPECT_TRUE(unwound.frames[1].exact);
}

TEST_P(Orc, CountsFromRegistersThatAnInterruptSaved) {
  for (const auto& [base, offset] : {std::pair{kR10, 56U}, {kR13, 16U}, {kDx, 96U}, {kDi, 112U}}) {
    memory_ = std::make_shared<KernelMemory>();
    table({{kText + 0x100, kSp, 0, Type::regs},
           {kText + 0x200, base, 0},
           {kText + 0x300, kUndefined, 0, Type::end}});
    pt_regs(kStack, kText + 0x210, kStack + 0xc0, 0);
    word(kStack + offset, kStack + 0x100);
    word(kStack + 0xf8, kText + 0x310);
    const auto unwound = unwind(at(kText + 0x100, kStack));
    EXPECT_EQ(why(unwound), "") << base;
    EXPECT_EQ(frames(unwound).back(), (std::pair{kText + 0x310, kStack + 0x100})) << base;
    // The same from the first frame's own registers, and not without them.
    auto registers = at(kText + 0x210, kStack + 0xc0);
    EXPECT_TRUE(unwind(registers).stopped);
    registers.others = {{"r10", kStack + 0x100},
                        {"r13", kStack + 0x100},
                        {"rdx", kStack + 0x100},
                        {"rdi", kStack + 0x100}};
    EXPECT_EQ(frames(unwind(registers)).back(), (std::pair{kText + 0x310, kStack + 0x100})) << base;
  }
}

TEST_P(Orc, FollowsAStackWhoseAddressIsBelowTheFramePointer) {
  table({{kText + 0x100, kBpIndirect, -8}, {kText + 0x200, kUndefined, 0, Type::end}});
  word(kStack + 0x38, kStack + 0x80);
  word(kStack + 0x78, kText + 0x210);
  const auto unwound = unwind(at(kText + 0x100, kStack, kStack + 0x40));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(frames(unwound).back(), (std::pair{kText + 0x210, kStack + 0x80}));
}

TEST_P(Orc, ReturnsFromAJumpToAWrongAddress) {
  table({{kText + 0x100, kSp, 16}, {kText + 0x200, kUndefined, 0, Type::end}});
  word(kStack, kText + 0x110);
  word(kStack + 16, kText + 0x210);
  for (const std::uint64_t wrong : {std::uint64_t{0}, std::uint64_t{0xdead}}) {
    const auto unwound = unwind(at(wrong, kStack));
    EXPECT_EQ(why(unwound), "");
    EXPECT_EQ(frames(unwound),
              (Frames{{wrong, kStack}, {kText + 0x110, kStack + 8}, {kText + 0x210, kStack + 24}}));
  }
}

TEST_P(Orc, TakesEachModulesOwnTables) {
  // The second function is in another table, as in a module; code in neither has a frame pointer.
  table({{kText + 0x100, kSp, 8}, {kText + 0x200, kUndefined, 0, Type::end}});
  word(kStack, kText + 0x210);
  const auto kernel = test::address_space(memory_);
  const OrcTables tables{kIpTable, kEntries, count_, 6, version()};
  std::vector<std::uint64_t> asked;
  const OrcTablesOf tables_of = [&](std::uint64_t pc) {
    asked.push_back(pc);
    return std::optional(tables);
  };
  const auto unwound =
      unwind_orc(*kernel, tables_of, at(kText + 0x100, kStack), [](std::uint64_t) { return true; });
  EXPECT_EQ(unwound.frames.size(), 2U);
  EXPECT_EQ(asked, (std::vector<std::uint64_t>{kText + 0x100, kText + 0x20f}));
}

// Linux keeps __crash_kexec() out of its table (STACK_FRAME_NON_STANDARD, kernel/kexec_core.c), and
// that is where a kdump's crashed processor stands.
TEST_P(Orc, FindsTheCallOfAFunctionThatTheTableLeavesOut) {
  table({{kText + 0x100, kUndefined, 0, Type::undefined},
         {kText + 0x200, kBp, 16, Type::call, kPrevSp, -16},
         {kText + 0x300, kUndefined, 0, Type::end}});
  const auto call = [this](std::uint64_t at, std::uint64_t target) {
    memory_->put_integer(at, std::uint8_t{0xe8});
    memory_->put_integer(at + 1, static_cast<std::uint32_t>(target - (at + 5)));
  };
  call(kText + 0x240, kText + 0x108);  // the function that stands at 0x150
  call(kText + 0x260, kText + 0x180);  // another one, behind it
  word(kStack, 0x1234);
  word(kStack + 8, kText + 0x265);   // calls what lies behind the pc
  word(kStack + 16, kText + 0x220);  // no call stands before it
  word(kStack + 24, kText + 0x245);
  word(kStack + 64, 0);
  word(kStack + 72, kText + 0x310);
  const auto unwound = unwind(at(kText + 0x150, kStack, kStack + 64));
  EXPECT_EQ(why(unwound), "");
  EXPECT_EQ(frames(unwound), (Frames{{kText + 0x150, kStack},
                                     {kText + 0x245, kStack + 32},
                                     {kText + 0x310, kStack + 80}}));
  EXPECT_FALSE(unwound.frames[1].exact);
}

TEST_P(Orc, LooksForCallsOfLeftOutFunctionsTwiceAtMost) {
  table({{kText + 0x100, kUndefined, 0, Type::undefined}});
  memory_->put_integer(kText + 0x140, std::uint8_t{0xe8});
  memory_->put_integer(kText + 0x141, static_cast<std::uint32_t>(0x108 - 0x145));  // calls 0x108
  for (unsigned slot = 0; slot < 10; ++slot) word(kStack + 8 * slot, kText + 0x145);
  const auto unwound = unwind(at(kText + 0x150, kStack));
  EXPECT_EQ(unwound.frames.size(), 3U);
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.stopped->code, ErrorCode::unsupported);
}

TEST_P(Orc, StopsWhereTheStackDoesNotRise) {
  table({{kText + 0x100, kSp, 0}, {kText + 0x200, kSp, -8}, {kText + 0x300, kSpIndirect, 0}});
  word(kStack - 8, kText + 0x110);
  auto unwound = unwind(at(kText + 0x100, kStack));
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.stopped->code, ErrorCode::corrupt);
  EXPECT_EQ(unwound.frames.size(), 1U);
  // A stack that leads to itself.
  word(kStack + 0x40, kStack + 0x40);
  word(kStack + 0x38, kText + 0x310);
  unwound = unwind(at(kText + 0x300, kStack + 0x40));
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.stopped->code, ErrorCode::corrupt);
  EXPECT_LT(unwound.frames.size(), 64U);
}

TEST_P(Orc, StopsAfterMoreFramesThanAKernelHas) {
  table({{kText + 0x100, kSp, 8}});
  for (unsigned i = 0; i < 0x1000; ++i) word(kStack + 8 * i, kText + 0x180);
  const auto unwound = unwind(at(kText + 0x110, kStack));
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.frames.size(), 512U);
}

TEST_P(Orc, SaysWhyItStops) {
  table({{kText + 0x100, kSp, 8},
         {kText + 0x200, kUndefined, 0, Type::undefined},
         {kText + 0x300, 12, 8}});
  word(kStack, 0x41414141);
  EXPECT_EQ(unwind(at(kText + 0x100, kStack)).stopped->text, "a return address points to no code");
  EXPECT_EQ(unwind(at(kText + 0x210, kStack)).stopped->code, ErrorCode::unsupported);
  EXPECT_EQ(unwind(at(kText + 0x310, kStack)).stopped->code, ErrorCode::corrupt);
  EXPECT_EQ(unwind(at(kText + 0x100, kText + 0x800000)).stopped->code, ErrorCode::not_in_dump);
  EXPECT_EQ(unwind(at(kTextEnd + 8, kStack)).stopped->code, ErrorCode::unsupported);
  EXPECT_EQ(unwind(at(kText - 8, kStack)).stopped->code, ErrorCode::unsupported);
  const auto nothing = unwind(Registers{});
  EXPECT_TRUE(nothing.frames.empty());
  EXPECT_TRUE(nothing.stopped);
  count_ = ~std::uint64_t{0};
  EXPECT_EQ(unwind(at(kText + 0x100, kStack)).stopped->code, ErrorCode::corrupt);
}

INSTANTIATE_TEST_SUITE_P(Layouts, Orc, testing::Values(0U, 1U));

}  // namespace
}  // namespace panicroom
