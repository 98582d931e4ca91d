#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "core/arch/page_table.h"
#include "core/base/error.h"
#include "core/dump/physical_memory.h"
#include "core/tables/table.h"

namespace panicroom {

// What crosses to JavaScript is JSON text: one string for an answer instead of a call for each
// cell.

/// "0x..." in quotes, or null.
std::string json_address(std::optional<std::uint64_t> value);
/// A number, or a string of digits where a JavaScript number could not hold it.
std::string json_integer(std::uint64_t value);
/// A cell for display: texts are visible() text.
std::string json_cell(const Value& value);
/// {"code", "absence", "text", "sentence", "address", "offset"}
std::string json_of(const Error& error);
/// {"error": {...}}
std::string json_failure(const Error& error);
/// The same with where in a statement it was: "place".
std::string json_failure(const Error& error, std::optional<std::uint64_t> place);
/// [{"code", "text", "at"}]
std::string json_of(std::span<const Note> notes);
inline std::string json_of(const std::vector<Note>& notes) {
  return json_of(std::span<const Note>(notes));
}
/// {"name", "doc", "columns": [{"name", "type", "doc"}]}
std::string json_of(const Table& table);
/// [{"name", "type", "doc"}]
std::string json_columns(const Table& table);
/// {"table", "index", "entry_address", "entry_offset", "entry", "meaning"}
std::string json_of(const TranslationStep& step);
/// {"physical", "page_size", "writable", "executable", "user"}
std::string json_of(const Translation& translation);
/// {"present", "before_cut", "absence", "codec", "stored_size", "part", "file_offset",
/// "record_offset", "record"} of the byte `in_page` bytes into the page
std::string json_of(const PageLocation& location, std::uint64_t in_page);

}  // namespace panicroom
