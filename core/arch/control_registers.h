#pragma once

#include <cstdint>
#include <optional>

#include "core/arch/page_table.h"
#include "core/base/machine.h"
#include "core/base/registers.h"

namespace panicroom {

/// What a processor's control registers ("cr0", "cr3", "cr4") say of its page tables.
struct X86Paging {
  X86Mode mode = X86Mode::four_level;
  std::uint64_t root = 0;
};
/// Nothing when they are not all known, the processor did not translate, or it is no x86. On
/// `x86_64` it is taken to have been in long mode.
std::optional<X86Paging> x86_paging_of(const Registers& registers, Architecture architecture);

}  // namespace panicroom
