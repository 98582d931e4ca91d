// What analysis reads of AArch64: instructions as GNU objdump writes them (tests/differential
// compares many more), exception syndromes (Arm Architecture Reference Manual, "ESR_EL1"), and the
// kernels' words of Linux arch/arm64/mm/fault.c and FreeBSD sys/arm64/arm64/trap.c.
#include "core/analysis/aarch64_instruction.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

#include "core/analysis/aarch64_traps.h"
#include "core/analysis/analyze.h"
#include "core/analysis/last_words.h"
#include "tests/unit/counting_kernel.h"
#include "tests/unit/kernel_memory.h"
#include "tests/unit/log_lines.h"

namespace panicroom {
namespace {

using test::lines;

using Names = std::vector<std::string>;

Registers known() {
  Registers registers;
  registers.sp = 0xffff800010003f00;
  registers.fp = 0xffff800010003f40;
  registers.others = {{"x0", 0x1000}, {"x1", 0xffffffff80000010}, {"x30", 0x77}};
  return registers;
}

TEST(Aarch64Instructions, StoreWithAnOffset) {
  const auto store = decode_aarch64(0xb9001001, 0, known());
  EXPECT_EQ(store.text, "str w1, [x0, #16]");
  EXPECT_EQ(store.length, 4U);
  EXPECT_EQ(store.registers, (Names{"x1", "x0"}));
  ASSERT_EQ(store.memory.size(), 1U);
  EXPECT_EQ(store.memory[0].address, 0x1010U);
  EXPECT_EQ(store.memory[0].size, 4U);
  EXPECT_TRUE(store.memory[0].writes);
  EXPECT_FALSE(store.memory[0].reads);
}

TEST(Aarch64Instructions, AddressesOfTwoRegistersAndOfTheStack) {
  const auto load = decode_aarch64(0x78e15802, 0, known());
  EXPECT_EQ(load.text, "ldrsh w2, [x0, w1, uxtw #1]");
  EXPECT_EQ(load.memory[0].address, 0x1000U + (0x80000010ULL << 1U));
  const auto pair = decode_aarch64(0xa9bf7bfd, 0, known());
  EXPECT_EQ(pair.text, "stp x29, x30, [sp, #-16]!");
  EXPECT_EQ(pair.registers, (Names{"x29", "x30", "sp"}));
  EXPECT_EQ(pair.memory[0].address, 0xffff800010003ef0U);
  EXPECT_EQ(pair.memory[0].size, 16U);
}

TEST(Aarch64Instructions, RegistersThatAreNotKnownMakeNoAddress) {
  const auto load = decode_aarch64(0xf9400063, 0, known());
  EXPECT_EQ(load.text, "ldr x3, [x3]");
  ASSERT_EQ(load.memory.size(), 1U);
  EXPECT_EQ(load.memory[0].address, std::nullopt);
}

TEST(Aarch64Instructions, WhatTrapsSaysByWhat) {
  const auto bug = decode_aarch64(0xd4210000, 0, {});
  EXPECT_EQ(bug.text, "brk #0x800");
  EXPECT_EQ(bug.trap, 0x800U);
  EXPECT_EQ(decode_aarch64(0xdead, 0, {}).trap, 0xdeadU);
  const auto zeroing = decode_aarch64(0xd50b7420, 0, known());
  EXPECT_EQ(zeroing.text, "dc zva, x0");
  EXPECT_EQ(zeroing.memory[0].address, 0x1000U);
  EXPECT_EQ(zeroing.memory[0].size, 0U);
  EXPECT_TRUE(zeroing.memory[0].writes);
}

TEST(Aarch64Instructions, OthersAreTheirBits) {
  const auto add = decode_aarch64(0x91000400, 0, known());
  EXPECT_EQ(add.text, ".inst 0x91000400");
  EXPECT_TRUE(add.memory.empty());
  EXPECT_TRUE(add.registers.empty());
}

TEST(Aarch64Instructions, AreLittleEndianWhateverTheData) {
  Machine machine;
  machine.architecture = Architecture::aarch64;
  machine.order = std::endian::big;
  constexpr std::array<unsigned char, 4> load = {0x03, 0x00, 0x40, 0xf9};
  const auto bytes = std::as_bytes(std::span(load));
  EXPECT_EQ(decode_instruction(machine, bytes, 0, {})->text, "ldr x3, [x0]");
  EXPECT_EQ(decode_instruction(machine, bytes.first(3), 0, {}).error().code, ErrorCode::corrupt);
}

TEST(Aarch64Traps, TheSyndromeTellsTheAccess) {
  EXPECT_EQ(access_of_syndrome(0x96000046), "write");
  EXPECT_EQ(access_of_syndrome(0x96000006), "read");
  EXPECT_EQ(access_of_syndrome(0x86000006), "execute");
  EXPECT_EQ(access_of_syndrome(0x92000047), "write");       // of a user's program
  EXPECT_EQ(access_of_syndrome(0x96000146), std::nullopt);  // maintains a cache
  EXPECT_EQ(access_of_syndrome(0xf2000800), std::nullopt);  // BRK
  EXPECT_EQ(access_of_syndrome(0x796000046), "write");      // ISS2 above
}

TEST(Aarch64Traps, BreaksHaveMeanings) {
  EXPECT_EQ(meaning_of_break("Linux", 0x800), "BUG() or WARN()");
  EXPECT_EQ(meaning_of_break("Linux", 0x925), "KASAN: a bad access to memory");
  EXPECT_EQ(meaning_of_break("FreeBSD", 0x800), std::nullopt);
  EXPECT_EQ(meaning_of_break("FreeBSD", 1), "__builtin_trap()");
}

TEST(Aarch64Words, OfLinux) {
  auto words = linux_last_words(
      lines({"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000000",
             "Mem abort info:", "  ESR = 0x0000000086000005", "  EC = 0x21: IABT (current EL)"}));
  EXPECT_EQ(words.death, Death::null_call);
  EXPECT_EQ(words.fault_address, 0U);
  EXPECT_EQ(words.access, "execute");
  words = linux_last_words(lines(
      {"Unable to handle kernel write to read-only memory at virtual address ffff800010080000",
       "Mem abort info:", "  ESR = 0x9600004f"}));
  EXPECT_EQ(words.death, Death::page_fault);
  EXPECT_EQ(words.fault_address, 0xffff800010080000U);
  EXPECT_EQ(words.access, "write");
}

TEST(Aarch64Words, TheReportsEndIsNoReportOfItsOwn) {
  const auto words = linux_last_words(lines(
      {"Unable to handle kernel NULL pointer dereference at virtual address 0000000000000010",
       "Mem abort info:", "  ESR = 0x0000000096000046",
       "  EC = 0x25: DABT (current EL), IL = 32 bits", "  SET = 0, FnV = 0", "  EA = 0, S1PTW = 0",
       "  FSC = 0x06: level 2 translation fault", "Data abort info:", "  ISV = 0, ISS = 0x00000046",
       "  CM = 0, WnR = 1", "user pgtable: 4k pages, 48-bit VAs, pgdp=0000000043910000",
       "[0000000000000010] pgd=0800000043916003, p4d=0800000043916003, pmd=0000000000000000",
       "Internal error: Oops: 0000000096000046 [#1] SMP",
       "Kernel panic - not syncing: Oops: Fatal exception"}));
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.line, 0U);
  EXPECT_EQ(words.access, "write");
}

TEST(Aarch64Words, OfFreebsd) {
  auto words = freebsd_last_words(
      lines({"Fatal data abort:", "  x0:                0", "  lr: ffff000000712345",
             " far:               10", " esr:         96000044",
             "panic: vm_fault failed: ffff000000712340 error 1", "cpuid = 0"}),
      "");
  EXPECT_EQ(words.death, Death::null_dereference);
  EXPECT_EQ(words.line, 0U);
  EXPECT_EQ(words.fault_address, 0x10U);
  EXPECT_EQ(words.access, "write");
  words = freebsd_last_words(
      lines({"  x0:                0", " far: ffff0000deadb000", " esr:         96000004",
             "panic: data abort in critical section or under mutex"}),
      "");
  EXPECT_EQ(words.death, Death::page_fault);
  EXPECT_EQ(words.fault_address, 0xffff0000deadb000U);
  EXPECT_EQ(words.access, "read");
}

/// What is told under `topics` of a kernel whose thread stopped at `code` with these registers.
Names told(std::uint32_t code, const Registers& registers, std::vector<std::string> log,
           std::initializer_list<std::string_view> topics) {
  const auto memory = std::make_shared<test::KernelMemory>();
  memory->put_integer(test::KernelMemory::kBase + 0x1000, code);
  Machine machine;
  machine.architecture = Architecture::aarch64;
  testing::CountingKernel kernel;
  kernel.space = std::make_unique<AddressSpace>(
      memory, machine,
      linear_page_table({{test::KernelMemory::kBase, ~std::uint64_t{0}, 0, "kernel image"}},
                        nullptr));
  kernel.populate(1);
  kernel.thread_list[0].crashed = true;
  kernel.thread_list[0].address = test::KernelMemory::kBase + 0x1000;
  kernel.thread_list[0].registers = registers;
  kernel.frames_each = 1;
  kernel.log_lines = std::move(log);
  Names said;
  Notes notes;
  analyze(
      kernel,
      [&](const Statement& statement) {
        for (const std::string_view topic : topics)
          if (statement.topic == topic) said.push_back(statement.text);
        return true;
      },
      notes);
  return said;
}

TEST(Aarch64Analysis, NamesTheInstructionItsRegistersAndWhatItDid) {
  Registers registers;
  registers.others = {{"x19", 0x40}, {"x1", 0x2a}};
  EXPECT_EQ(told(0xf9000e61, registers, {"Kernel panic - not syncing: Oops: Fatal exception"},
                 {"instruction", "register", "operand"}),
            (Names{"0xffffffff81001000: str x1, [x19, #24]", "x1 = 0x2a", "x19 = 0x40",
                   "it writes 8 bytes at 0x58"}));
}

TEST(Aarch64Analysis, WhatTheLogLacksIsTakenFromTheProcessorAndTheInstruction) {
  const std::vector<std::string> log = {"Unable to handle kernel paging request"};
  Registers registers;
  registers.others = {{"x19", 0x40}, {"x1", 0x2a}};
  auto cause = told(0xf9000e61, registers, log, {"cause", "kind"});
  ASSERT_EQ(cause.size(), 2U);
  EXPECT_NE(cause[0].find("wrote to 0x58"), std::string::npos) << cause[0];
  EXPECT_EQ(cause[1], "null dereference");
  registers.others = {{"syndrome", 0x96000006}, {"fault_address", 0x18}};
  cause = told(0x91000400, registers, log, {"cause"});
  EXPECT_NE(cause[0].find("read from 0x18"), std::string::npos) << cause[0];
}

}  // namespace
}  // namespace panicroom
