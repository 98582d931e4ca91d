#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "core/kernel/system_of.h"

namespace panicroom {

/// A variable of a kernel that leads to its own page tables.
struct RootSymbol {
  enum class Is : std::uint8_t {
    address,   ///< a word of it is the root's physical address
    table,     ///< it is the first table itself
    somewhere  ///< one of its words is the root's physical address; its layout is not known
  };
  std::string_view name;
  std::string_view paging;  ///< as stated_page_table has it: "four-level", "4k:48"
  Is is = Is::address;
};

/// Those of a system on all machines, the surest first. None is trusted: what it leads to must map
/// the kernel.
std::span<const RootSymbol> root_symbols_of(System system);

}  // namespace panicroom
