#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>

#include "core/memory/address_space.h"
#include "core/symbols/symbol_table.h"
#include "core/symbols/vmcoreinfo.h"

namespace panicroom {

/// Where Linux keeps its compressed symbol table: virtual addresses in the dead kernel.
struct KallsymsTables {
  std::uint64_t count = 0;  ///< kallsyms_num_syms, the value
  std::uint64_t names = 0;
  std::uint64_t token_table = 0;
  std::uint64_t token_index = 0;
  std::uint64_t offsets = 0;        ///< kallsyms_offsets, or 0
  std::uint64_t relative_base = 0;  ///< the value of kallsyms_relative_base
  std::uint64_t addresses = 0;      ///< kallsyms_addresses (before relative offsets), or 0
};

/// The tables' places from VMCOREINFO, where it names them (Linux 6.0+).
std::optional<KallsymsTables> kallsyms_from_vmcoreinfo(const Vmcoreinfo& info,
                                                       AddressSpace& kernel);
/// The tables' places by their own pattern in [start, end) of the kernel image, without any help:
/// token table and index are recognised first, then names, count and offsets around them. The
/// search has a budget: an image may be full of what looks like the tables.
Result<KallsymsTables> find_kallsyms(AddressSpace& kernel, std::uint64_t start, std::uint64_t end);

/// Decodes the symbols. The form of the addresses (absolute, relative, per-cpu absolute,
/// self-relative) is chosen by `stext`, the run-time address of _stext where it is known
/// (VMCOREINFO), else by what gives ascending addresses in the image. `find` of a few names does
/// not decode the whole table. Errors: `corrupt` with what contradicts, `not_in_dump` when pages
/// are missing.
Result<std::shared_ptr<const SymbolTable>> read_kallsyms(AddressSpace& kernel,
                                                         const KallsymsTables& tables,
                                                         std::optional<std::uint64_t> stext);

}  // namespace panicroom
