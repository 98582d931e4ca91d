#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/analysis/last_words.h"
#include "core/kernel/kernel.h"

namespace panicroom {

/// A frame by its function.
struct Call {
  std::string function;  ///< without what compilers append (".constprop.0"); "" where unknown
  std::string module;    ///< "" for the kernel itself
  UnwoundFrame frame;
  std::uint64_t offset = 0;  ///< in the function
};
/// "function", "function [module]" or "0x..." where no symbol covers it.
std::string written(const Call& call);

/// A function's name without the suffixes of compilers: .constprop.N, .isra.N, .part.N, .cold,
/// .llvm.N and combinations of them.
std::string_view plain_name(std::string_view symbol);

/// The calls of a stack, innermost first.
std::vector<Call> calls_of(Kernel& kernel, const Unwound& stack);

/// Where the cause is looked for in the stack of a thread that died.
struct Culprit {
  std::size_t trapped = 0;  ///< index of the frame in which it was stopped, behind what handled it
  std::size_t function =
      0;  ///< index of the one to blame: not in an allocator, a copy routine or a lock's loop
};
/// Skips what panic() and the handlers of traps called. Indices may equal the number of calls.
Culprit find_culprit(std::span<const Call> calls, Death death);

/// The first call behind the scheduler and the functions that wait for locks; the number of calls
/// when there is none.
std::size_t first_behind_waiting(std::span<const Call> calls);

/// How it died by the functions that called panic(): `unknown` when none did.
Death death_by_stack(std::span<const Call> calls);

/// Whether the function gives memory back to an allocator.
bool frees_memory(std::string_view function);

/// What equal deaths have in common: "<id> <death>: f < g < h". The id is the 64-bit FNV-1a hash,
/// 16 hexadecimal digits, of the death's name and up to five functions of `calls`
/// ("module!function" for a module's; those without names and repetitions are left out), each
/// followed by a newline. Deaths that strike wherever a thread happens to be (nmi, machine check,
/// out of memory, init killed, sysrq) have no functions.
std::string signature(Death death, std::span<const Call> calls);

}  // namespace panicroom
