#include "wasm/json.h"

#include <fmt/format.h>

#include "core/report/escape.h"
#include "core/report/writer.h"

namespace panicroom {
namespace {

constexpr std::uint64_t largest_exact = (std::uint64_t{1} << 53) - 1;

std::string json_bool(bool value) { return value ? "true" : "false"; }

}  // namespace

std::string json_address(std::optional<std::uint64_t> value) {
  return value ? fmt::format("\"{:#x}\"", *value) : "null";
}

std::string json_integer(std::uint64_t value) {
  return value > largest_exact ? fmt::format("\"{}\"", value) : fmt::format("{}", value);
}

std::string json_cell(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) return json_string(visible(*text));
  if (const auto* number = std::get_if<std::uint64_t>(&value)) return json_integer(*number);
  return json_value(value);
}

std::string json_of(const Error& error) {
  return fmt::format(
      R"({{"code": {}, "absence": {}, "text": {}, "sentence": {}, "address": {}, "offset": {}}})",
      json_string(name(error.code)),
      error.absence == Absence::none ? "null" : json_string(name(error.absence)),
      json_string(visible(error.text)), json_string(sentence(error.code)),
      json_address(error.address), error.offset ? json_integer(*error.offset) : "null");
}

std::string json_failure(const Error& error) { return "{\"error\": " + json_of(error) + "}"; }

std::string json_failure(const Error& error, std::optional<std::uint64_t> place) {
  std::string told = json_of(error);
  told.pop_back();
  return fmt::format(R"({{"error": {}, "place": {}}}}})", told,
                     place ? json_integer(*place) : "null");
}

std::string json_of(std::span<const Note> notes) {
  std::string out = "[";
  for (const Note& note : notes)
    out += fmt::format("{}{{\"code\": {}, \"text\": {}, \"at\": {}}}", out.size() > 1 ? "," : "",
                       json_string(name(note.code)), json_string(visible(note.text)),
                       json_address(note.at));
  return out + "]";
}

std::string json_columns(const Table& table) {
  std::string out = "[";
  for (const Column& column : table.columns())
    out += fmt::format("{}{{\"name\": {}, \"type\": {}, \"doc\": {}, \"extra\": {}}}",
                       out.size() > 1 ? "," : "", json_string(column.name),
                       json_string(name(column.type)), json_string(column.doc), column.extra);
  return out + "]";
}

std::string json_of(const Table& table) {
  return fmt::format("{{\"name\": {}, \"doc\": {}, \"columns\": {}}}", json_string(table.name()),
                     json_string(table.doc()), json_columns(table));
}

std::string json_of(const TranslationStep& step) {
  return fmt::format(
      R"({{"table": {}, "index": {}, "entry_address": {}, "entry_offset": {}, "entry": {}, "meaning": {}}})",
      json_string(step.table), json_integer(step.index), json_address(step.entry_address),
      step.entry_offset ? json_integer(*step.entry_offset) : "null", json_address(step.entry),
      json_string(visible(step.meaning)));
}

std::string json_of(const Translation& translation) {
  return fmt::format(
      R"({{"physical": {}, "page_size": {}, "writable": {}, "executable": {}, "user": {}}})",
      json_address(translation.physical), json_integer(translation.page_size),
      json_bool(translation.writable), json_bool(translation.executable),
      json_bool(translation.user));
}

std::string json_of(const PageLocation& location, std::uint64_t in_page) {
  return fmt::format(
      R"({{"present": {}, "before_cut": {}, "absence": {}, "codec": {}, "stored_size": {}, "part": {}, )"
      R"("file_offset": {}, "record_offset": {}, "record": {}}})",
      json_bool(location.present), json_bool(location.before_cut(in_page)),
      location.present ? "null" : json_string(name(location.absence)),
      json_string(name(location.codec)), location.stored_size, location.part,
      json_integer(location.file_offset), json_integer(location.record_offset),
      json_string(location.record));
}

}  // namespace panicroom
