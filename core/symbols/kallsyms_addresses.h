#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/memory/address_space.h"
#include "core/symbols/kallsyms.h"

namespace panicroom {

/// How kallsyms writes addresses. Linux, kernel/kallsyms.c: kallsyms_sym_address().
enum class KallsymsForm : std::uint8_t {
  absolute,         ///< words (kallsyms_addresses, until 6.11)
  relative,         ///< unsigned 32-bit distances from kallsyms_relative_base (4.6 to 7.0)
  absolute_percpu,  ///< signed: an absolute value, or -1 - distance from the base (4.6 to 6.15)
  self_relative     ///< signed 32-bit distances from each entry's own place (since 7.0)
};

/// One reading of the address table.
struct KallsymsAddresses {
  KallsymsForm form = KallsymsForm::absolute;
  std::vector<std::uint64_t> values;  ///< by the symbol's number
  /// Symbols that lie in the kernel's half and not below their predecessor.
  std::uint64_t plausible = 0;
};

/// The table in every form that `tables` allows, the most plausible first. Errors: `corrupt` when
/// it has no place, `not_in_dump`.
Result<std::vector<KallsymsAddresses>> read_kallsyms_addresses(AddressSpace& kernel,
                                                               const KallsymsTables& tables);

}  // namespace panicroom
