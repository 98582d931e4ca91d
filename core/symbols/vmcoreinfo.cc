#include "core/symbols/vmcoreinfo.h"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <tuple>

namespace panicroom {

namespace {

/// The whole of `text` as an unsigned integer, or nothing.
std::optional<std::uint64_t> parse(std::string_view text, int base) {
  std::uint64_t value = 0;
  const auto* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data(), end, value, base);
  if (error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

std::string_view without_0x(std::string_view text) {
  const bool prefixed = text.starts_with("0x") || text.starts_with("0X");
  return prefixed ? text.substr(2) : text;
}

std::string key_with(std::string_view kind, std::string_view name) {
  std::string key(kind);
  key.append("(").append(name).append(")");
  return key;
}

std::optional<std::uint64_t> decimal(std::optional<std::string_view> value) {
  return value ? parse(*value, 10) : std::nullopt;
}

std::optional<std::uint64_t> hexadecimal(std::optional<std::string_view> value) {
  return value ? parse(without_0x(*value), 16) : std::nullopt;
}

}  // namespace

Vmcoreinfo::Vmcoreinfo(std::string text) : text_(std::move(text)) {
  // The note is padded with NULs; nothing after the first belongs to the text.
  if (const auto nul = text_.find('\0'); nul != std::string::npos) text_.resize(nul);
  const std::string_view all = text_;
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view line = all.substr(at, all.substr(at).find('\n'));
    const std::size_t key_size = line.find('=');
    if (key_size != std::string_view::npos) {
      const std::size_t behind = line.size() - key_size - 1;
      lines_.push_back({at, key_size, line.ends_with('\r') ? behind - 1 : behind});
    }
    at += line.size() + 1;
  }
  std::sort(lines_.begin(), lines_.end(), [&](const Line& a, const Line& b) {
    return std::tuple(key_of(a), a.key) < std::tuple(key_of(b), b.key);
  });
}

std::optional<std::string_view> Vmcoreinfo::value(std::string_view key) const {
  const auto line =
      std::lower_bound(lines_.begin(), lines_.end(), key,
                       [&](const Line& a, std::string_view wanted) { return key_of(a) < wanted; });
  if (line == lines_.end() || key_of(*line) != key) return std::nullopt;
  return std::string_view(text_).substr(line->key + line->key_size + 1, line->value_size);
}

std::optional<std::uint64_t> Vmcoreinfo::symbol(std::string_view name) const {
  return hexadecimal(value(key_with("SYMBOL", name)));
}

std::optional<std::int64_t> Vmcoreinfo::number(std::string_view name) const {
  const auto found = value(key_with("NUMBER", name));
  if (!found) return std::nullopt;
  const bool negative = found->starts_with('-');
  const auto digits = negative ? found->substr(1) : *found;
  const auto bare = without_0x(digits);
  const auto magnitude = parse(bare, bare.size() == digits.size() ? 10 : 16);
  if (!magnitude) return std::nullopt;
  return static_cast<std::int64_t>(negative ? 0 - *magnitude : *magnitude);
}

std::optional<std::uint64_t> Vmcoreinfo::size(std::string_view structure) const {
  return decimal(value(key_with("SIZE", structure)));
}

std::optional<std::uint64_t> Vmcoreinfo::offset(std::string_view member) const {
  return decimal(value(key_with("OFFSET", member)));
}

std::optional<std::uint64_t> Vmcoreinfo::length(std::string_view array) const {
  return decimal(value(key_with("LENGTH", array)));
}

std::optional<std::uint64_t> Vmcoreinfo::hex(std::string_view key) const {
  return hexadecimal(value(key));
}

}  // namespace panicroom
