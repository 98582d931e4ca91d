#include "core/stack/cfi_registers.h"

#include <charconv>
#include <span>
#include <string>

namespace panicroom {

namespace {

constexpr std::array<std::string_view, 16> names_x86_64 = {"rax", "rdx", "rcx", "rbx", "rsi", "rdi",
                                                           "rbp", "rsp", "r8",  "r9",  "r10", "r11",
                                                           "r12", "r13", "r14", "r15"};
constexpr std::array<std::string_view, 8> names_i386 = {"eax", "ecx", "edx", "ebx",
                                                        "esp", "ebp", "esi", "edi"};

constexpr std::uint64_t bits(unsigned first, unsigned last) {
  std::uint64_t mask = 0;
  for (unsigned bit = first; bit <= last; ++bit) mask |= std::uint64_t{1} << bit;
  return mask;
}

std::optional<std::size_t> number_of(std::string_view name, Architecture architecture) {
  if (architecture == Architecture::aarch64) {
    if (name == "lr") return 30;
    if (!name.starts_with('x')) return std::nullopt;
    std::size_t number = 0;
    const auto [end, error] = std::from_chars(name.data() + 1, name.data() + name.size(), number);
    if (error != std::errc{} || end != name.data() + name.size() || number > 30)
      return std::nullopt;
    return number;
  }
  const std::span<const std::string_view> names =
      architecture == Architecture::x86_64 ? std::span<const std::string_view>(names_x86_64)
                                           : std::span<const std::string_view>(names_i386);
  for (std::size_t i = 0; i < names.size(); ++i)
    if (names[i] == name) return i;
  return std::nullopt;
}

}  // namespace

std::optional<CfiConvention> cfi_convention(Architecture architecture) {
  switch (architecture) {
    case Architecture::x86_64:
      return CfiConvention{7, 6, 16, false, bits(3, 3) | bits(6, 6) | bits(12, 15)};
    case Architecture::i386:
      return CfiConvention{4, 5, 8, false, bits(3, 3) | bits(5, 7)};
    case Architecture::aarch64:
      return CfiConvention{31, 29, 30, true, bits(19, 30)};
    default:
      return std::nullopt;
  }
}

CfiRegisters cfi_registers(const Registers& registers, Architecture architecture) {
  CfiRegisters numbered;
  const auto convention = cfi_convention(architecture);
  if (!convention) return numbered;
  for (const auto& [name, value] : registers.others)
    if (const auto number = number_of(name, architecture)) numbered[*number] = value;
  if (registers.sp) numbered[convention->sp] = registers.sp;
  if (registers.fp) numbered[convention->fp] = registers.fp;
  return numbered;
}

}  // namespace panicroom
