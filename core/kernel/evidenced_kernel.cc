#include "core/kernel/evidenced_kernel.h"

#include <fmt/format.h>

#include <utility>

namespace panicroom {
namespace {

constexpr std::size_t longest_text = 512, longest_panic = 1024;

}  // namespace

SourceCalls EvidencedKernel::source_calls(std::uint64_t address, Notes& notes) {
  auto calls = code_.calls(address);
  for (Note& note : code_.take_remarks()) notes.add(std::move(note));
  return calls;
}

std::optional<std::uint64_t> EvidencedKernel::wait_address(const Thread& thread, Notes& notes) {
  return waits_.find(
      *this, thread,
      [this, names = symbols()](const UnwoundFrame& frame) {
        const auto symbol = names ? names->at(frame.lookup_address()) : std::nullopt;
        return symbol && is_of_scheduler(symbol->name);
      },
      notes);
}

void EvidencedKernel::remark(Notes& notes) {
  if (auto note = evidence().remark()) notes.add(std::move(*note));
}

Result<void> EvidencedKernel::structures_for(std::string_view what, Notes& notes) {
  if (!evidence().knows_structures())
    return Failure(evidence().why_unknown().within(fmt::format("{} are not known", what)));
  remark(notes);
  return {};
}

std::optional<std::string> EvidencedKernel::text_variable(std::string_view name) {
  const auto address = evidence().address_of(name);
  if (!address) return std::nullopt;
  auto text = memory().string(*address, longest_text);
  if (!text || text->empty()) return std::nullopt;
  return *std::move(text);
}

std::string EvidencedKernel::version_text() {
  std::string version = text_variable("version").value_or("");
  while (version.ends_with('\n')) version.pop_back();
  return version;
}

bool EvidencedKernel::read_panic(KernelIdentity& identity, Notes& notes) {
  const auto text = evidence().pointer("panicstr");
  if (!text) return false;
  if (*text == 0) return true;  // the dump was taken without one
  auto panic = memory().string(*text, longest_panic);
  if (!panic) {
    notes.add(panic.error().within("the panic text"));
    return false;
  }
  identity.panic_text = *std::move(panic);
  return true;
}

void EvidencedKernel::say_unknown(const KernelIdentity& identity, bool panic_is_known,
                                  std::string_view kernel_file, Notes& notes) {
  std::string unknown;
  const auto lacks = [&](bool missing, std::string_view what) {
    if (missing) unknown += fmt::format("{}{}", unknown.empty() ? "" : ", ", what);
  };
  lacks(identity.release.empty(), "release");
  lacks(identity.version.empty(), "version");
  lacks(!panic_is_known, "panic");
  lacks(!identity.time, "time");
  lacks(!identity.uptime, "uptime");
  lacks(!identity.cpus, "cpus");
  if (unknown.empty()) return;
  const auto& symbols = evidence().symbols();
  notes.add(Note{ErrorCode::no_symbol,
                 symbols ? fmt::format("not known: {}: {} lacks, or the dump does not hold, the "
                                       "variables that tell",
                                       unknown, symbols->origin())
                         : fmt::format("not known without {}: {}", kernel_file, unknown),
                 std::nullopt});
}

Unwound EvidencedKernel::unwind(const Thread& thread, bool by_rules,
                                const std::function<bool(std::uint64_t)>& is_text,
                                const InterruptedAt& interrupted, Notes& notes) {
  if (!by_rules)
    return unwind_frame_pointers(memory(), thread.registers, thread.stack_low, thread.stack_high,
                                 is_text, interrupted);
  Unwound unwound = unwind_cfi(
      memory(), [this](std::uint64_t pc) { return code_.rules(pc); }, thread.registers, is_text,
      interrupted);
  for (Note& note : code_.take_remarks()) notes.add(std::move(note));
  for (const Note& note : unwound.remarks) notes.add(note);
  return unwound;
}

}  // namespace panicroom
