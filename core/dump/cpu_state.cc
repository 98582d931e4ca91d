#include "core/dump/cpu_state.h"

#include <array>
#include <span>
#include <string_view>

namespace panicroom {
namespace {

// Sources: Linux include/linux/elfcore.h (struct elf_prstatus) and each architecture's
// user_regs_struct / user_pt_regs, whose order these lists keep.
constexpr std::array<std::string_view, 27> x86_64_registers = {
    "r15",    "r14", "r13", "r12",     "rbp",     "rbx", "r11",      "r10", "r9",
    "r8",     "rax", "rcx", "rdx",     "rsi",     "rdi", "orig_rax", "rip", "cs",
    "rflags", "rsp", "ss",  "fs_base", "gs_base", "ds",  "es",       "fs",  "gs"};
constexpr std::array<std::string_view, 17> i386_registers = {
    "ebx", "ecx", "edx",      "esi", "edi", "ebp",    "eax", "ds", "es",
    "fs",  "gs",  "orig_eax", "eip", "cs",  "eflags", "esp", "ss"};
constexpr std::array<std::string_view, 34> aarch64_registers = {
    "x0",  "x1",  "x2",  "x3",  "x4",  "x5",  "x6",  "x7",  "x8",  "x9",    "x10", "x11",
    "x12", "x13", "x14", "x15", "x16", "x17", "x18", "x19", "x20", "x21",   "x22", "x23",
    "x24", "x25", "x26", "x27", "x28", "x29", "x30", "sp",  "pc",  "pstate"};
constexpr std::array<std::string_view, 18> arm_registers = {
    "r0", "r1",  "r2",  "r3",  "r4", "r5", "r6", "r7",   "r8",
    "r9", "r10", "r11", "r12", "sp", "lr", "pc", "cpsr", "orig_r0"};

struct PrstatusLayout {
  Architecture architecture;
  std::uint64_t size;       // of struct elf_prstatus
  std::uint64_t pid;        // offset of pr_pid
  std::uint64_t registers;  // offset of pr_reg
  unsigned width;           // bytes of one register
  std::span<const std::string_view> names;
  std::string_view pc, sp, fp;
};

constexpr std::array<PrstatusLayout, 4> prstatus_layouts = {{
    {Architecture::x86_64, 336, 32, 112, 8, x86_64_registers, "rip", "rsp", "rbp"},
    {Architecture::i386, 144, 24, 72, 4, i386_registers, "eip", "esp", "ebp"},
    {Architecture::aarch64, 392, 32, 112, 8, aarch64_registers, "pc", "sp", "x29"},
    {Architecture::arm, 148, 24, 72, 4, arm_registers, "pc", "sp", "r11"},
}};

struct NamedOffset {
  std::string_view name;
  std::uint64_t offset;
};

// Source: QEMU target/i386/arch_dump.c, QEMUCPUState version 1: sixteen registers in this order
// from 8, ten segments of 24 bytes from 152, each with its base in the last 8.
constexpr std::array<NamedOffset, 33> qemu_fields = {{
    {"rax", 8},
    {"rbx", 16},
    {"rcx", 24},
    {"rdx", 32},
    {"rsi", 40},
    {"rdi", 48},
    {"r8", 72},
    {"r9", 80},
    {"r10", 88},
    {"r11", 96},
    {"r12", 104},
    {"r13", 112},
    {"r14", 120},
    {"r15", 128},
    {"rflags", 144},
    {"cs_base", 168},
    {"ds_base", 192},
    {"es_base", 216},
    {"fs_base", 240},
    {"gs_base", 264},
    {"ss_base", 288},
    {"ldt_base", 312},
    {"tr_base", 336},
    {"gdt_base", 360},
    {"idt_base", 384},
    {"cr0", 392},
    {"cr1", 400},
    {"cr2", 408},
    {"cr3", 416},
    {"cr4", 424},
    {"kernel_gs_base", 432},
    {"cs", 152},
    {"ss", 272},
}};

}  // namespace

Architecture architecture_of_prstatus(std::uint64_t size) {
  for (const PrstatusLayout& layout : prstatus_layouts)
    if (layout.size == size) return layout.architecture;
  return Architecture::unknown;
}

std::optional<CpuState> decode_prstatus(Bytes descriptor, const Machine& machine) {
  for (const PrstatusLayout& layout : prstatus_layouts) {
    // A 32-bit kernel may run, and crash, on a processor that the dump names 64-bit: the size
    // decides.
    if (layout.size != descriptor.size()) continue;
    const Reader reader(descriptor, machine.order);
    CpuState cpu;
    cpu.pid = reader.i32(layout.pid);
    for (std::size_t i = 0; i < layout.names.size(); ++i) {
      const auto value = reader.word(layout.registers + i * layout.width, layout.width);
      if (!value) return std::nullopt;
      const std::string_view name = layout.names[i];
      if (name == layout.pc)
        cpu.registers.pc = *value;
      else if (name == layout.sp)
        cpu.registers.sp = *value;
      else if (name == layout.fp)
        cpu.registers.fp = *value;
      else
        cpu.registers.others.emplace_back(name, *value);
    }
    return cpu;
  }
  return std::nullopt;
}

std::optional<CpuState> decode_qemu_cpu(Bytes descriptor, std::endian order) {
  const Reader reader(descriptor, order);
  const auto version = reader.u32(0);
  const auto size = reader.u32(4);
  if (!version || *version != 1 || !size || *size > descriptor.size()) return std::nullopt;
  const Reader fields(descriptor.first(*size), order);
  const auto sp = fields.u64(56), fp = fields.u64(64), pc = fields.u64(136);
  if (!pc || !fields.u64(424)) return std::nullopt;
  CpuState cpu;
  cpu.registers.pc = pc;
  cpu.registers.sp = sp;
  cpu.registers.fp = fp;
  for (const NamedOffset& field : qemu_fields) {
    const bool selector = field.name.size() == 2 && field.name[1] == 's';
    const auto value = fields.word(field.offset, selector ? 4 : 8);
    if (value) cpu.registers.others.emplace_back(field.name, *value);
  }
  return cpu;
}

void merge_qemu_cpu(CpuState& cpu, const CpuState& qemu) {
  cpu.pid.reset();
  if (!cpu.registers.pc) cpu.registers.pc = qemu.registers.pc;
  if (!cpu.registers.sp) cpu.registers.sp = qemu.registers.sp;
  if (!cpu.registers.fp) cpu.registers.fp = qemu.registers.fp;
  for (const auto& [name, value] : qemu.registers.others) {
    bool known = false;
    for (auto& [key, old] : cpu.registers.others) {
      if (key != name) continue;
      old = value;
      known = true;
    }
    // A 32-bit NT_PRSTATUS names eax what the note calls rax: only what it lacks is added.
    const bool general = name.size() <= 3 && name[0] == 'r';
    if (!known && !(general && cpu.registers.find("eax")))
      cpu.registers.others.emplace_back(name, value);
  }
}

}  // namespace panicroom
