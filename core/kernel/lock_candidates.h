#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "core/kernel/kernel.h"
#include "core/stack/unwind.h"

namespace panicroom {

/// What may be the address that the function of frame `index` works on: its registers where the
/// frame was interrupted, the first argument's before all of them, and the words that it and what
/// it called have on the stack (64 at most). `registers_at` reads what an entry saved
/// (UnwoundFrame::saved_registers).
std::vector<std::uint64_t> lock_candidates(
    AddressSpace& memory, const Thread& thread, const Unwound& stack, std::size_t index,
    const std::function<Registers(std::uint64_t saved)>& registers_at);

}  // namespace panicroom
