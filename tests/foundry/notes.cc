#include "tests/foundry/notes.h"

namespace foundry {
namespace {

// struct elf_prstatus (Linux include/linux/elfcore.h) with the architecture's user_regs_struct:
// pr_pid at 32 (64-bit) or 24 (32-bit), registers at 112 or 72.
Blob prstatus(const Image& image, const Cpu& cpu) {
  Blob out;
  if (image.architecture == "x86_64") {
    // user_regs_struct: r15 r14 r13 r12 rbp rbx r11 r10 r9 r8 rax rcx rdx rsi rdi orig_rax rip cs
    // eflags rsp ss ...
    out.resize(336);
    put(out, 32, cpu.pid, 4);
    put(out, 112 + 4 * 8, cpu.fp, 8), put(out, 112 + 16 * 8, cpu.pc, 8),
        put(out, 112 + 17 * 8, 0x10, 8);
    put(out, 112 + 19 * 8, cpu.sp, 8), put(out, 112 + 20 * 8, 0x18, 8);
  } else if (image.architecture == "i386") {
    // ebx ecx edx esi edi ebp eax ds es fs gs orig_eax eip cs eflags esp ss
    out.resize(144);
    put(out, 24, cpu.pid, 4);
    put(out, 72 + 5 * 4, cpu.fp, 4), put(out, 72 + 12 * 4, cpu.pc, 4),
        put(out, 72 + 13 * 4, 0x60, 4);
    put(out, 72 + 15 * 4, cpu.sp, 4);
  } else {
    // x0..x30 sp pc pstate
    out.resize(392);
    put(out, 32, cpu.pid, 4);
    put(out, 112 + 29 * 8, cpu.fp, 8), put(out, 112 + 31 * 8, cpu.sp, 8),
        put(out, 112 + 32 * 8, cpu.pc, 8), put(out, 112 + 33 * 8, 0x3c5, 8);  // EL1h
  }
  return out;
}

// QEMUCPUState (QEMU target/i386/arch_dump.c): version, size, 18 registers from offset 8, ten
// segments, cr0 to cr4 from 392, kernel_gs_base at 432.
Blob qemu_state(const Image& image, const Cpu& cpu) {
  Blob out(440);
  put(out, 0, 1, 4), put(out, 4, 440, 4);
  put(out, 8 + 6 * 8, cpu.sp, 8), put(out, 8 + 7 * 8, cpu.fp, 8), put(out, 136, cpu.pc, 8);
  put(out, 392, 0x80050033, 8), put(out, 416, image.root, 8);
  put(out, 424, image.paging == "five_level" ? 0x1020 : 0x20, 8);
  return out;
}

}  // namespace

Blob elf_note(std::string_view name, std::uint32_t type, const Blob& descriptor) {
  Blob out;
  append(out, name.size() + 1, 4), append(out, descriptor.size(), 4), append(out, type, 4);
  append(out, name);
  out.push_back(0);
  pad_to(out, 4);
  out.insert(out.end(), descriptor.begin(), descriptor.end());
  pad_to(out, 4);
  return out;
}

Blob elf_notes(const Image& image, bool qemu) {
  Blob out;
  const auto add = [&](const Blob& note) { out.insert(out.end(), note.begin(), note.end()); };
  for (const Cpu& cpu : image.cpus) add(elf_note("CORE", 1, prstatus(image, cpu)));
  if (qemu && image.architecture == "x86_64")
    for (const Cpu& cpu : image.cpus) add(elf_note("QEMU", 0, qemu_state(image, cpu)));
  if (!image.vmcoreinfo.empty())
    add(elf_note("VMCOREINFO", 0, Blob(image.vmcoreinfo.begin(), image.vmcoreinfo.end())));
  return out;
}

}  // namespace foundry
