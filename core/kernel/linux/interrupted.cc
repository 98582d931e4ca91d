#include "core/kernel/linux/interrupted.h"

#include <fmt/format.h>

#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t kAlwaysSet = 2, kFlagsUsed = 0x3fffff;  // of eflags
constexpr std::uint64_t kLastSelector = 0xff;
constexpr std::uint64_t kRegistersEntry = 2;  // FRAME_META_TYPE_PT_REGS

using Names = std::pair<const char*, const char*>;  // ours, pt_regs'
constexpr std::array<Names, 14> kSaved64 = {{{"rax", "ax"},
                                             {"rdx", "dx"},
                                             {"rcx", "cx"},
                                             {"rbx", "bx"},
                                             {"rsi", "si"},
                                             {"rdi", "di"},
                                             {"r8", "r8"},
                                             {"r9", "r9"},
                                             {"r10", "r10"},
                                             {"r11", "r11"},
                                             {"r12", "r12"},
                                             {"r13", "r13"},
                                             {"r14", "r14"},
                                             {"r15", "r15"}}};
constexpr std::array<Names, 6> kSaved32 = {
    {{"eax", "ax"}, {"ecx", "cx"}, {"edx", "dx"}, {"ebx", "bx"}, {"esi", "si"}, {"edi", "di"}}};

class SavedRegisters {
 public:
  SavedRegisters(Evidence& evidence, std::uint64_t address)
      : evidence_(evidence), address_(address) {}

  std::optional<std::uint64_t> get(std::string_view path) {
    const auto member = evidence_.member("pt_regs", path);
    if (!member) return std::nullopt;
    const auto value = evidence_.field(address_, *member);
    return value ? std::optional(*value) : std::nullopt;
  }

 private:
  Evidence& evidence_;
  std::uint64_t address_;
};

std::optional<Interrupted> on_x86(Evidence& evidence, const Registers& frame,
                                  const std::function<bool(std::uint64_t)>& is_text) {
  if (!frame.sp) return std::nullopt;
  SavedRegisters saved(evidence, *frame.sp);
  const auto ip = saved.get("ip"), cs = saved.get("cs"), flags = saved.get("flags"),
             sp = saved.get("sp");
  if (!ip || !cs || !flags || !sp) return std::nullopt;
  const std::uint64_t selector = *cs & 0xffff;
  if (selector == 0 || selector > kLastSelector || (*flags & kAlwaysSet) == 0 ||
      (*flags & ~kFlagsUsed) != 0)
    return std::nullopt;
  Interrupted found;
  found.ends = (selector & 3) == 3;
  if (found.ends) return found;
  if ((selector & 3) != 0 || !is_text(*ip)) return std::nullopt;
  found.registers.pc = ip;
  found.registers.sp = sp;
  found.registers.fp = saved.get("bp");
  const auto names = evidence.pointer_size() == 8 ? std::span<const Names>(kSaved64)
                                                  : std::span<const Names>(kSaved32);
  for (const auto& [ours, theirs] : names)
    if (const auto value = saved.get(theirs)) found.registers.others.emplace_back(ours, *value);
  return found;
}

std::optional<Interrupted> on_aarch64(Evidence& evidence, const Registers& frame,
                                      const std::function<bool(std::uint64_t)>& is_text) {
  if (!frame.fp) return std::nullopt;
  const auto record = evidence.member("pt_regs", "stackframe");
  const auto numbered = evidence.member("pt_regs", "regs");
  if (!record || !numbered || *frame.fp < record->offset) return std::nullopt;
  const std::uint64_t place = *frame.fp - record->offset;
  SavedRegisters saved(evidence, place);
  const auto pc = saved.get("pc"), state = saved.get("pstate"), sp = saved.get("sp");
  const auto back = evidence.memory().word(*frame.fp + 8);
  if (!pc || !state || !sp || !back) return std::nullopt;
  Interrupted found;
  // EL0, in either width: the record is then empty.
  found.ends = (*state & 0xf) == 0 && *back == 0;
  if (found.ends) return found;
  // Since Linux 6.14 the record is empty for the kernel too, and says what it is behind itself.
  const auto kind = saved.get("stackframe.type");
  if ((*state & 0xf) == 0 || !is_text(*pc) || (kind ? *kind != kRegistersEntry : *back != *pc))
    return std::nullopt;
  found.registers.pc = pc;
  found.registers.sp = sp;
  for (unsigned i = 0; i <= 30; ++i)
    if (const auto value = evidence.memory().u64(place + numbered->offset + std::uint64_t{8} * i)) {
      found.registers.others.emplace_back(fmt::format("x{}", i), *value);
      if (i == 29) found.registers.fp = *value;
    }
  return found;
}

}  // namespace

std::optional<Interrupted> interrupted_by_entry(Evidence& evidence, const Registers& frame,
                                                const std::function<bool(std::uint64_t)>& is_text) {
  switch (evidence.dump().machine.architecture) {
    case Architecture::x86_64:
    case Architecture::i386:
      return on_x86(evidence, frame, is_text);
    case Architecture::aarch64:
      return on_aarch64(evidence, frame, is_text);
    default:
      return std::nullopt;
  }
}

}  // namespace panicroom::linux_kernel
