#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string_view>

namespace panicroom::words {

inline bool contains(std::string_view text, std::string_view part) {
  return text.find(part) != std::string_view::npos;
}

/// What stands behind `key`; nothing when `key` is not in the text.
inline std::optional<std::string_view> behind(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  return text.substr(at + key.size());
}

/// The number at the front of the text, blanks before it skipped.
inline std::optional<std::uint64_t> number(std::string_view text, int base = 10) {
  while (text.starts_with(' ') || text.starts_with('\t')) text.remove_prefix(1);
  if (base == 16 && text.starts_with("0x")) text.remove_prefix(2);
  std::uint64_t value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value, base);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

inline std::optional<std::uint64_t> number_behind(std::string_view text, std::string_view key,
                                                  int base = 10) {
  const auto rest = behind(text, key);
  return rest ? number(*rest, base) : std::nullopt;
}

}  // namespace panicroom::words
