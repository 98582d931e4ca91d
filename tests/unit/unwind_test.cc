// Frame records as the System V ABI (x86) and AAPCS64 lay them out: the caller's frame pointer,
// then the return address.
#include "core/stack/unwind.h"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using test::KernelMemory;

constexpr std::uint64_t kText = KernelMemory::kBase;
constexpr std::uint64_t kStack = kText + 0x100000;
constexpr std::uint64_t kStackEnd = kStack + 0x4000;

class FramePointers : public testing::Test {
 protected:
  void frame(std::uint64_t at, std::uint64_t caller, std::uint64_t pc) {
    memory_->put_integer(at, caller);
    memory_->put_integer(at + 8, pc);
  }
  Unwound unwind(std::uint64_t fp, std::uint64_t low = kStack, std::uint64_t high = kStackEnd) {
    const auto kernel = test::address_space(memory_);
    Registers registers;
    registers.pc = kText + 0x10;
    registers.sp = kStack;
    registers.fp = fp;
    return unwind_frame_pointers(*kernel, registers, low, high, [](std::uint64_t pc) {
      return pc >= kText && pc < kText + 0x1000;
    });
  }
  std::shared_ptr<KernelMemory> memory_ = std::make_shared<KernelMemory>();
};

TEST_F(FramePointers, AreFollowedToANullOne) {
  frame(kStack + 0x100, kStack + 0x200, kText + 0x20);
  frame(kStack + 0x200, 0, kText + 0x30);
  for (const bool known : {true, false}) {
    const auto unwound = known ? unwind(kStack + 0x100) : unwind(kStack + 0x100, 0, 0);
    EXPECT_FALSE(unwound.stopped);
    ASSERT_EQ(unwound.frames.size(), 3U);
    EXPECT_EQ(unwound.frames[0].pc, kText + 0x10);
    EXPECT_TRUE(unwound.frames[0].exact);
    EXPECT_EQ(unwound.frames[0].lookup_address(), kText + 0x10);
    EXPECT_EQ(unwound.frames[1].pc, kText + 0x20);
    EXPECT_EQ(unwound.frames[1].lookup_address(), kText + 0x1f);
    EXPECT_EQ(unwound.frames[1].sp, kStack + 0x110);
    EXPECT_EQ(unwound.frames[2].pc, kText + 0x30);
  }
}

TEST_F(FramePointers, EndAtANullReturnAddress) {
  frame(kStack + 0x100, kStack + 0x200, 0);
  const auto unwound = unwind(kStack + 0x100);
  EXPECT_FALSE(unwound.stopped);
  EXPECT_EQ(unwound.frames.size(), 1U);
}

TEST_F(FramePointers, EndAtAProgramsOwnFramePointer) {
  frame(kStack + 0x100, kStack + 0x200, kText + 0x20);
  frame(kStack + 0x200, 0x7ffc01234560, kText + 0x30);
  for (const bool known : {true, false}) {
    const auto unwound = known ? unwind(kStack + 0x100) : unwind(kStack + 0x100, 0, 0);
    EXPECT_FALSE(unwound.stopped) << unwound.stopped->message();
    EXPECT_EQ(unwound.frames.size(), 3U);
  }
  // No program has such an address: somebody wrote over the stack.
  frame(kStack + 0x200, 0x4141414141414140, kText + 0x30);
  ASSERT_TRUE(unwind(kStack + 0x100).stopped);
  frame(kStack + 0x200, 0x7ffc01234561, kText + 0x30);
  ASSERT_TRUE(unwind(kStack + 0x100).stopped);
}

TEST_F(FramePointers, MustRiseWithinTheStackAndLeadToCode) {
  frame(kStack + 0x100, kStack + 0x200, kText + 0x20);
  frame(kStack + 0x200, kStack + 0x100, kText + 0x30);  // back down: a loop
  auto unwound = unwind(kStack + 0x100);
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.stopped->code, ErrorCode::corrupt);
  EXPECT_EQ(unwound.frames.size(), 3U);
  frame(kStack + 0x200, kStack + 0x200, kText + 0x30);  // to itself
  EXPECT_EQ(unwind(kStack + 0x100).frames.size(), 3U);
  frame(kStack + 0x200, kStackEnd, kText + 0x30);  // out of the stack
  EXPECT_EQ(unwind(kStack + 0x100).stopped->code, ErrorCode::corrupt);
  frame(kStack + 0x200, kStack + 0x301, kText + 0x30);  // odd
  EXPECT_EQ(unwind(kStack + 0x100).stopped->code, ErrorCode::corrupt);
  frame(kStack + 0x200, 0, 0x4141);  // no code
  EXPECT_EQ(unwind(kStack + 0x100).stopped->code, ErrorCode::corrupt);
}

TEST_F(FramePointers, MayFallAFewTimesWhereTheStackIsNotKnown) {
  // From an interrupt's stack to the thread's, which lies below it.
  frame(kStack + 0x3000, kStack + 0x100, kText + 0x20);
  frame(kStack + 0x100, 0, kText + 0x30);
  const auto unwound = unwind(kStack + 0x3000, 0, 0);
  EXPECT_FALSE(unwound.stopped);
  EXPECT_EQ(unwound.frames.size(), 3U);
  frame(kStack + 0x100, kStack + 0x3000, kText + 0x30);  // and back: a loop
  const auto loop = unwind(kStack + 0x3000, 0, 0);
  ASSERT_TRUE(loop.stopped);
  EXPECT_EQ(loop.stopped->code, ErrorCode::corrupt);
  EXPECT_LT(loop.frames.size(), 32U);
}

TEST_F(FramePointers, LoseTheSignaturesOfAArch64) {
  // Bits 54:48 of the return address hold the code, as with 48-bit addresses.
  frame(kStack + 0x100, 0, (kText + 0x20) & ~(std::uint64_t{0x5a} << 48));
  Machine machine;
  machine.architecture = Architecture::aarch64;
  std::vector<LinearRange> whole{{KernelMemory::kBase, ~std::uint64_t{0}, 0, "kernel image"}};
  AddressSpace kernel(memory_, machine, linear_page_table(std::move(whole), nullptr));
  Registers registers;
  registers.pc = kText;
  registers.fp = kStack + 0x100;
  const auto unwound =
      unwind_frame_pointers(kernel, registers, kStack, kStackEnd,
                            [](std::uint64_t pc) { return pc >= kText && pc < kText + 0x1000; });
  EXPECT_FALSE(unwound.stopped);
  ASSERT_EQ(unwound.frames.size(), 2U);
  EXPECT_EQ(unwound.frames[1].pc, kText + 0x20);
}

TEST_F(FramePointers, LeadThroughATrap) {
  frame(kStack + 0x100, kStack + 0x200, kText + 0x20);  // the handler's
  frame(kStack + 0x200, kStack + 0x300, kText + 0x30);  // the entry's, a part of what it saved
  frame(kStack + 0x300, 0, kText + 0x40);
  const auto kernel = test::address_space(memory_);
  Registers registers, saved;
  registers.pc = kText;
  registers.fp = kStack + 0x100;
  saved.pc = kText + 0x50;
  saved.sp = kStack + 0x2f0;
  saved.fp = kStack + 0x300;
  saved.others = {{"x0", 7}};
  Interrupted trap{saved, false};
  const auto unwound = [&] {
    return unwind_frame_pointers(
        *kernel, registers, kStack, kStackEnd,
        [](std::uint64_t pc) { return pc >= kText && pc < kText + 0x1000; },
        [&](const Registers& at, std::uint64_t lookup, bool described) {
          EXPECT_FALSE(described);
          EXPECT_EQ(lookup, at.pc == saved.pc ? *at.pc : *at.pc - 1);
          return at.fp == kStack + 0x200 ? std::optional(trap) : std::nullopt;
        });
  };
  auto found = unwound();
  EXPECT_FALSE(found.stopped);
  ASSERT_EQ(found.frames.size(), 4U);
  EXPECT_EQ(found.frames[2].pc, kText + 0x50);
  EXPECT_EQ(found.frames[2].sp, kStack + 0x2f0);
  EXPECT_TRUE(found.frames[2].exact);
  ASSERT_TRUE(found.frames[2].interrupted);
  EXPECT_EQ(found.frames[2].interrupted->find("x0"), 7U);
  EXPECT_EQ(found.frames[3].pc, kText + 0x40);
  trap.registers.fp = kStack + 0x200;  // to itself
  found = unwound();
  ASSERT_TRUE(found.stopped);
  EXPECT_EQ(found.stopped->code, ErrorCode::corrupt);
  trap.ends = true;  // it came from a program
  found = unwound();
  EXPECT_FALSE(found.stopped);
  EXPECT_EQ(found.frames.size(), 2U);
}

TEST_F(FramePointers, StopWithTheReasonAtAMissingPage) {
  frame(kStack + 0x100, kStack + 0x3000, kText + 0x20);
  const auto unwound = unwind(kStack + 0x100);
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.stopped->code, ErrorCode::not_in_dump);
  EXPECT_EQ(unwound.frames.size(), 2U);
}

TEST_F(FramePointers, AreBounded) {
  for (std::uint64_t i = 0; i < 0x300; ++i)
    frame(kStack + 16 * i, kStack + 16 * (i + 1), kText + 0x20);
  const auto unwound = unwind(kStack);
  ASSERT_TRUE(unwound.stopped);
  EXPECT_EQ(unwound.frames.size(), 512U);
}

TEST_F(FramePointers, NeedAProgramCounter) {
  const auto kernel = test::address_space(memory_);
  const auto unwound =
      unwind_frame_pointers(*kernel, Registers{}, 0, 0, [](std::uint64_t) { return true; });
  EXPECT_TRUE(unwound.frames.empty());
  EXPECT_TRUE(unwound.stopped);
}

}  // namespace
}  // namespace panicroom
