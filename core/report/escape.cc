#include "core/report/escape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <iterator>

namespace panicroom {
namespace {

struct Decoded {
  char32_t character = 0;
  std::size_t length = 0;  ///< bytes; 0 when they are not UTF-8
};

/// One UTF-8 sequence at the front of `text`, which is not empty. Overlong forms, surrogates and
/// values past U+10FFFF are not UTF-8 (RFC 3629).
Decoded decode(std::string_view text) {
  const auto byte = [&](std::size_t index) { return static_cast<std::uint8_t>(text[index]); };
  const std::uint8_t first = byte(0);
  if (first < 0x80) return {first, 1};
  std::size_t length = 0;
  char32_t character = 0;
  char32_t lowest = 0;
  if ((first & 0xe0U) == 0xc0)
    length = 2, character = first & 0x1fU, lowest = 0x80;
  else if ((first & 0xf0U) == 0xe0)
    length = 3, character = first & 0x0fU, lowest = 0x800;
  else if ((first & 0xf8U) == 0xf0)
    length = 4, character = first & 0x07U, lowest = 0x10000;
  else
    return {};
  if (text.size() < length) return {};
  for (std::size_t index = 1; index < length; ++index) {
    if ((byte(index) & 0xc0U) != 0x80) return {};
    character = (character << 6U) | (byte(index) & 0x3fU);
  }
  if (character < lowest || character > 0x10ffff || (character >= 0xd800 && character <= 0xdfff))
    return {};
  return {character, length};
}

bool is_control(char32_t character) {
  return character < 0x20 || (character >= 0x7f && character < 0xa0);
}

struct Characters {
  char32_t first, last;
};

// What has no look of its own, and what reorders its neighbours. Unicode 14.0 to 17.0,
// DerivedCoreProperties.txt, Default_Ignorable_Code_Point (it holds the bidirectional controls);
// and the separators of lines and paragraphs and the annotation controls, which it lacks.
constexpr std::array<Characters, 19> deceptive_characters = {{
    {0xad, 0xad},     {0x34f, 0x34f},     {0x61c, 0x61c},     {0x115f, 0x1160},   {0x17b4, 0x17b5},
    {0x180b, 0x180f}, {0x200b, 0x200f},   {0x2028, 0x2029},   {0x202a, 0x202e},   {0x2060, 0x206f},
    {0x3164, 0x3164}, {0xfe00, 0xfe0f},   {0xfeff, 0xfeff},   {0xffa0, 0xffa0},   {0xfff0, 0xfff8},
    {0xfff9, 0xfffb}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}, {0xe0000, 0xe0fff},
}};

bool is_deceptive(char32_t character) {
  return std::any_of(deceptive_characters.begin(), deceptive_characters.end(),
                     [character](const Characters& range) {
                       return character >= range.first && character <= range.last;
                     });
}

unsigned width_of(char32_t c) {
  if ((c >= 0x300 && c <= 0x36f) || (c >= 0x1ab0 && c <= 0x1aff) || (c >= 0x20d0 && c <= 0x20ff) ||
      (c >= 0xfe20 && c <= 0xfe2f))
    return 0;
  if ((c >= 0x1100 && c <= 0x115f) || (c >= 0x2e80 && c <= 0xa4cf && c != 0x303f) ||
      (c >= 0xac00 && c <= 0xd7a3) || (c >= 0xf900 && c <= 0xfaff) ||
      (c >= 0xfe30 && c <= 0xfe6f) || (c >= 0xff00 && c <= 0xff60) ||
      (c >= 0xffe0 && c <= 0xffe6) || (c >= 0x1f300 && c <= 0x1f64f) ||
      (c >= 0x1f900 && c <= 0x1f9ff) || (c >= 0x20000 && c <= 0x3fffd))
    return 2;
  return 1;
}

void append_escaped(std::string& out, std::string_view bytes) {
  for (const char byte : bytes)
    fmt::format_to(std::back_inserter(out), "\\x{:02x}", static_cast<std::uint8_t>(byte));
}

bool is_plain(std::string_view text) {
  for (const char c : text)
    if (static_cast<std::uint8_t>(c) < 0x20 || static_cast<std::uint8_t>(c) >= 0x7f) return false;
  return true;
}

}  // namespace

std::size_t utf8_length(std::string_view text) { return decode(text).length; }

std::string visible(std::string_view raw) {
  if (is_plain(raw)) return std::string(raw);
  std::string out;
  out.reserve(raw.size() + 8);
  while (!raw.empty()) {
    const Decoded next = decode(raw);
    const std::size_t length = next.length ? next.length : 1;
    if (next.length == 0)
      append_escaped(out, raw.substr(0, 1));
    else if (next.character == '\n')
      out += "\\n";
    else if (next.character == '\t')
      out += "\\t";
    else if (is_control(next.character) || is_deceptive(next.character))
      append_escaped(out, raw.substr(0, length));
    else
      out += raw.substr(0, length);
    raw.remove_prefix(length);
  }
  return out;
}

std::size_t display_width(std::string_view text) {
  if (is_plain(text)) return text.size();
  std::size_t columns = 0;
  while (!text.empty()) {
    const Decoded next = decode(text);
    columns += next.length ? width_of(next.character) : 1;
    text.remove_prefix(next.length ? next.length : 1);
  }
  return columns;
}

std::size_t prefix_within(std::string_view text, std::size_t columns) {
  std::string_view rest = text;
  std::size_t used = 0;
  while (!rest.empty()) {
    const Decoded next = decode(rest);
    used += next.length ? width_of(next.character) : 1;
    if (used > columns) break;
    rest.remove_prefix(next.length ? next.length : 1);
  }
  return text.size() - rest.size();
}

std::string fitted(std::string_view text, std::size_t columns) {
  if (display_width(text) <= columns) return std::string(text);
  if (columns == 0) return {};
  return std::string(text.substr(0, prefix_within(text, columns - 1))) + "…";
}

std::string json_string(std::string_view raw) {
  std::string out = "\"";
  out.reserve(raw.size() + 2);
  while (!raw.empty()) {
    const Decoded next = decode(raw);
    const std::size_t length = next.length ? next.length : 1;
    if (next.length == 0)
      fmt::format_to(std::back_inserter(out), "\\\\x{:02x}", static_cast<std::uint8_t>(raw[0]));
    else if (next.character == '"')
      out += "\\\"";
    else if (next.character == '\\')
      out += "\\\\";
    else if (next.character == '\n')
      out += "\\n";
    else if (next.character == '\t')
      out += "\\t";
    else if (next.character == '\r')
      out += "\\r";
    else if (is_deceptive(next.character) && next.character >= 0x10000)
      fmt::format_to(std::back_inserter(out), "\\u{:04x}\\u{:04x}",
                     0xd800U + ((next.character - 0x10000U) >> 10U),
                     0xdc00U + ((next.character - 0x10000U) & 0x3ffU));
    else if (is_control(next.character) || is_deceptive(next.character))
      fmt::format_to(std::back_inserter(out), "\\u{:04x}",
                     static_cast<std::uint32_t>(next.character));
    else
      out += raw.substr(0, length);
    raw.remove_prefix(length);
  }
  return out + "\"";
}

std::string csv_field(std::string_view raw) {
  std::string text = visible(raw);
  if (text.find_first_of(",\"") == std::string::npos && !text.starts_with(' ') &&
      !text.ends_with(' '))
    return text;
  std::string out = "\"";
  for (const char c : text) {
    if (c == '"') out += '"';
    out += c;
  }
  return out + "\"";
}

}  // namespace panicroom
