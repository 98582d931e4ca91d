#pragma once

#include <optional>
#include <string>
#include <type_traits>
#include <vector>

#include "core/tables/table.h"

namespace panicroom {

// One function per table, each in its own file. A new table is a new file, a line here and a line
// in registry.cc.
const Table& dump_table();
const Table& analysis_table();
const Table& processes_table();
const Table& threads_table();
const Table& frames_table();
const Table& files_table();
const Table& sockets_table();
const Table& maps_table();
const Table& modules_table();
const Table& mounts_table();
const Table& cpus_table();
const Table& load_table();
const Table& swap_table();
const Table& memory_table();
const Table& zones_table();
const Table& slabs_table();
const Table& interrupts_table();
const Table& locks_table();
const Table& sysctl_table();
const Table& log_table();
const Table& messages_table();
const Table& symbols_table();
const Table& ranges_table();
const Table& regions_table();

/// The kernel of a context, or the reason why there is none.
Result<Kernel*> require_kernel(const TableContext& context);

/// True when the thread is one that the query asks for.
bool selects(const Query& query, const Thread& thread);

/// An optional as a cell.
template <class T>
Value cell(const std::optional<T>& value) {
  if (!value) return std::monostate{};
  if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, double> ||
                std::is_same_v<T, std::string> || std::is_same_v<T, Address>)
    return *value;
  else if constexpr (std::is_signed_v<T>)
    return static_cast<std::int64_t>(*value);
  else
    return static_cast<std::uint64_t>(*value);
}
inline Value address_cell(const std::optional<std::uint64_t>& value) {
  if (!value) return std::monostate{};
  return Address{*value};
}
/// Words as a shell would take them: 'two words' quoted where it must be.
Value words_cell(const std::optional<std::vector<std::string>>& words);
/// An empty string is an unknown text.
inline Value text_cell(std::string text) {
  if (text.empty()) return std::monostate{};
  return text;
}

}  // namespace panicroom
