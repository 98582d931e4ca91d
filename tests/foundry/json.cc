#include "tests/foundry/json.h"

#include <fmt/format.h>

namespace foundry {
namespace {

/// Bytes of the UTF-8 character that begins at `at`; 0 where there is none.
std::size_t character_at(std::string_view text, std::size_t at) {
  const auto byte = [&](std::size_t index) -> unsigned {
    return index < text.size() ? static_cast<unsigned char>(text[index]) : 0U;
  };
  const unsigned first = byte(at);
  const std::size_t length = first < 0x80                    ? 1
                             : first >= 0xc2 && first < 0xe0 ? 2
                             : first >= 0xe0 && first < 0xf0 ? 3
                             : first >= 0xf0 && first < 0xf5 ? 4
                                                             : 0;
  for (std::size_t index = 1; index < length; ++index)
    if ((byte(at + index) & 0xc0U) != 0x80) return 0;
  return length;
}

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = static_cast<unsigned char>(text[at]);
    const std::size_t length = character_at(text, at);
    if (length == 0 || byte < 0x20 || byte == 0x7f)
      out += fmt::format("\\u{:04x}", byte), ++at;
    else if (byte == '"' || byte == '\\')
      out += '\\', out += text[at++];
    else
      out += text.substr(at, length), at += length;
  }
  return out + "\"";
}

}  // namespace

std::string Json::text(unsigned indent) const {
  const std::string inner(indent + 2, ' '), outer(indent, ' ');
  if (const auto* number = std::get_if<std::int64_t>(&value_)) return fmt::format("{}", *number);
  if (const auto* number = std::get_if<std::uint64_t>(&value_)) return fmt::format("{}", *number);
  if (const auto* truth = std::get_if<bool>(&value_)) return *truth ? "true" : "false";
  if (const auto* text = std::get_if<std::string>(&value_)) return quoted(*text);
  std::string out;
  if (const auto* list = std::get_if<List>(&value_)) {
    for (const Json& one : *list)
      out += (out.empty() ? "" : ",") + ("\n" + inner) + one.text(indent + 2);
    return out.empty() ? "[]" : "[" + out + "\n" + outer + "]";
  }
  for (const auto& [name, one] : std::get<Object>(value_))
    out += (out.empty() ? "" : ",") + ("\n" + inner) + quoted(name) + ": " + one.text(indent + 2);
  return out.empty() ? "{}" : "{" + out + "\n" + outer + "}";
}

std::string hexadecimal(std::uint64_t value) { return fmt::format("{:#x}", value); }

}  // namespace foundry
