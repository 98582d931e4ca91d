#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace panicroom {

/// Linux's VMCOREINFO text: lines of key=value. Keys as in the text: "OSRELEASE", "SYMBOL(_stext)".
/// Of several lines with one key the first counts.
class Vmcoreinfo {
 public:
  explicit Vmcoreinfo(std::string text);

  std::optional<std::string_view> value(std::string_view key) const;
  /// SYMBOL(name): hexadecimal.
  std::optional<std::uint64_t> symbol(std::string_view name) const;
  /// NUMBER(name): decimal or 0x-hexadecimal, negative too.
  std::optional<std::int64_t> number(std::string_view name) const;
  std::optional<std::uint64_t> size(std::string_view structure) const;
  /// OFFSET(structure.member)
  std::optional<std::uint64_t> offset(std::string_view member) const;
  std::optional<std::uint64_t> length(std::string_view array) const;
  /// A bare key whose value is hexadecimal without 0x (KERNELOFFSET).
  std::optional<std::uint64_t> hex(std::string_view key) const;
  const std::string& text() const { return text_; }

 private:
  /// A line's place in the text: the value stands behind the key and its '='.
  struct Line {
    std::size_t key = 0, key_size = 0, value_size = 0;
  };
  std::string_view key_of(const Line& line) const {
    return std::string_view(text_).substr(line.key, line.key_size);
  }

  std::string text_;
  std::vector<Line> lines_;  // by ascending key
};

}  // namespace panicroom
