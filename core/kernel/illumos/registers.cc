#include "core/kernel/illumos/registers.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>

namespace panicroom::illumos {
namespace {

constexpr std::array<std::string_view, 8> label_names_64 = {"rip", "rsp", "rbp", "rbx",
                                                            "r12", "r13", "r14", "r15"};
constexpr std::array<std::string_view, 6> label_names_32 = {"eip", "esp", "ebp",
                                                            "ebx", "esi", "edi"};

constexpr std::uint64_t panic_buffer_size = 8192, panic_buffer_version = 2;
constexpr std::uint64_t size_of_name = 16, size_of_pair = 24;  // panic_nv_t
constexpr std::uint64_t first_pair_1 = 8, first_pair_2 = 48;   // version 2 begins with a UUID
constexpr std::uint64_t most_pairs = 64;

// struct regs, words from its start (measured on illumos 2020-05, uts/intel/sys/privregs.h).
constexpr std::array<std::string_view, 30> saved_names_64 = {
    "savfp", "savpc", "rdi", "rsi",    "rdx",        "rcx", "r8",  "r9",     "rax",    "rbx",
    "rbp",   "r10",   "r11", "r12",    "r13",        "r14", "r15", "fsbase", "gsbase", "ds",
    "es",    "fs",    "gs",  "trapno", "error_code", "rip", "cs",  "rflags", "rsp",    "ss"};
constexpr std::array<std::string_view, 21> saved_names_32 = {
    "savfp", "savpc", "gs",  "fs",     "es",         "ds",  "edi", "esi",    "ebp",  "esp", "ebx",
    "edx",   "ecx",   "eax", "trapno", "error_code", "eip", "cs",  "eflags", "uesp", "ss"};
constexpr std::uint64_t user_mode = 3;  // the lowest bits of cs

constexpr std::array<std::string_view, 20> entries = {
    "cmntrap",         "_cmntrap",    "cmntrap_pushed", "cmninttrap",   "dtrace_trap",
    "cmnint",          "_interrupt",  "fakesoftint",    "nmiint",       "mcetrap",
    "_allsyscalls",    "sys_syscall", "sys_syscall32",  "sys_sysenter", "_sys_sysenter_post_swapgs",
    "sys_syscall_int", "sys_lcall32", "sys_call",       "lwp_rtt",      "_sys_rtt"};

}  // namespace

Result<Registers> read_label(AddressSpace& kernel, std::uint64_t address) {
  const bool wide = kernel.machine().pointer_size == 8;
  const std::span<const std::string_view> names =
      wide ? std::span<const std::string_view>(label_names_64)
           : std::span<const std::string_view>(label_names_32);
  Registers registers;
  for (std::size_t i = 0; i < names.size(); ++i) {
    PANICROOM_TRY(value, kernel.word(address + i * kernel.machine().pointer_size));
    registers.others.emplace_back(names[i], value);
  }
  registers.pc = registers.others[0].second;
  registers.sp = registers.others[1].second;
  registers.fp = registers.others[2].second;
  // resume() pushes the frame pointer before it saves the stack pointer: a frame of its own.
  const auto pushed = kernel.word(*registers.sp);
  if (pushed && *pushed == *registers.fp) registers.fp = registers.sp;
  return registers;
}

Result<PanicBuffer> read_panic_buffer(Evidence& evidence) {
  PANICROOM_TRY(buffer, evidence.address_of("panicbuf"));
  AddressSpace& memory = evidence.memory();
  PANICROOM_TRY(version, memory.u32(buffer));
  PANICROOM_TRY(text_offset, memory.u32(buffer + 4));
  if (version == 0 || version > panic_buffer_version)
    return fail_at_address(
        ErrorCode::corrupt, buffer,
        fmt::format("panicbuf's version is {}, expected 1 or {}", version, panic_buffer_version));
  const std::uint64_t first = version == 1 ? first_pair_1 : first_pair_2;
  if (text_offset < first || text_offset >= panic_buffer_size)
    return fail_at_address(ErrorCode::corrupt, buffer,
                           fmt::format("the text in panicbuf begins at byte {}, expected {} to {}",
                                       text_offset, first, panic_buffer_size - 1));
  PanicBuffer read;
  const std::uint64_t pairs = std::min((text_offset - first) / size_of_pair, most_pairs);
  for (std::uint64_t i = 0; i < pairs; ++i) {
    const std::uint64_t pair = buffer + first + i * size_of_pair;
    PANICROOM_TRY(name, memory.string(pair, size_of_name));
    PANICROOM_TRY(value, memory.u64(pair + size_of_name));
    read.registers.others.emplace_back(name == "err" ? "error_code" : name, value);
  }
  const bool wide = evidence.pointer_size() == 8;
  read.registers.pc = read.registers.find(wide ? "rip" : "eip");
  read.registers.sp = read.registers.find(wide ? "rsp" : "esp");
  read.registers.fp = read.registers.find(wide ? "rbp" : "ebp");
  PANICROOM_TRY(text, memory.string(buffer + text_offset,
                                    static_cast<std::size_t>(panic_buffer_size - text_offset)));
  if (!text.empty()) read.text = std::move(text);
  return read;
}

Result<Interrupted> read_saved_registers(AddressSpace& kernel, std::uint64_t address) {
  const bool wide = kernel.machine().pointer_size == 8;
  const std::span<const std::string_view> names =
      wide ? std::span<const std::string_view>(saved_names_64)
           : std::span<const std::string_view>(saved_names_32);
  const std::uint64_t word = kernel.machine().pointer_size;
  Interrupted found;
  for (std::size_t i = 0; i < names.size(); ++i) {
    // The last two are there only when the trap came from user mode (32 bits).
    const auto value = kernel.word(address + i * word);
    if (!value && (wide || i + 2 < names.size())) return Failure(value.error());
    if (value) found.registers.others.emplace_back(names[i], *value);
  }
  const auto cs = found.registers.find("cs");
  found.registers.pc = found.registers.find(wide ? "rip" : "eip");
  found.registers.fp = found.registers.find(wide ? "rbp" : "ebp");
  found.ends =
      !found.registers.pc || *found.registers.pc == 0 || !cs || (*cs & user_mode) == user_mode;
  // A 32-bit processor pushes no stack pointer when it stays in the kernel: the stack goes on
  // there.
  constexpr std::uint64_t pushed_32 = 19;
  found.registers.sp = wide ? found.registers.find("rsp") : address + pushed_32 * word;
  return found;
}

bool is_entry(std::string_view function) {
  return std::find(entries.begin(), entries.end(), function) != entries.end() ||
         function.starts_with("brand_sys_");
}

}  // namespace panicroom::illumos
