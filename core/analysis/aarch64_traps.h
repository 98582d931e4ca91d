#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace panicroom {

/// What an access was for by AArch64's exception syndrome (ESR_EL1): "read", "write" or "execute".
/// Nothing when it tells of no abort, or of the maintenance of a cache, which is told as a write
/// but is none.
std::optional<std::string_view> access_of_syndrome(std::uint64_t syndrome);

/// What a kernel or its compiler means by BRK with that immediate: Linux
/// arch/arm64/include/asm/brk-imm.h, FreeBSD sys/cddl/dev/fbt/aarch64/fbt_isa.h; GCC's and clang's
/// __builtin_trap().
std::optional<std::string_view> meaning_of_break(std::string_view system, std::uint16_t immediate);

}  // namespace panicroom
