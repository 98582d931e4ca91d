#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/kernel/linux/evidence.h"
#include "core/stack/unwind.h"

namespace panicroom::linux_kernel {

/// The registers (struct pt_regs) that Linux's entry code saved, of a frame in that code, which no
/// table describes: on x86 they lie at its stack pointer, on AArch64 its frame record is a part of
/// them. Nothing when what lies there are no such registers.
std::optional<Interrupted> interrupted_by_entry(Evidence& evidence, const Registers& frame,
                                                const std::function<bool(std::uint64_t)>& is_text);

}  // namespace panicroom::linux_kernel
