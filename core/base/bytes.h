#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string_view>
#include <type_traits>

namespace panicroom {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

template <std::unsigned_integral T>
constexpr T byte_swapped(T value) {
  if constexpr (sizeof(T) == 1)
    return value;
  else if constexpr (sizeof(T) == 2)
    return static_cast<T>(__builtin_bswap16(value));
  else if constexpr (sizeof(T) == 4)
    return static_cast<T>(__builtin_bswap32(value));
  else
    return static_cast<T>(__builtin_bswap64(value));
}

/// Reads one integer of the given byte order. The caller has checked that `at` has sizeof(T) bytes.
template <std::integral T>
T load(const std::byte* at, std::endian order) {
  using U = std::make_unsigned_t<T>;
  U value;
  std::memcpy(&value, at, sizeof value);
  if (order != std::endian::native) value = byte_swapped(value);
  return static_cast<T>(value);
}

/// A checked, endian-aware reader over bytes in memory: every access names its offset and answers
/// nothing when it would leave the bytes.
class Reader {
 public:
  constexpr Reader(Bytes bytes, std::endian order) : bytes_(bytes), order_(order) {}

  Bytes bytes() const { return bytes_; }
  std::size_t size() const { return bytes_.size(); }
  std::endian order() const { return order_; }

  template <std::integral T>
  std::optional<T> get(std::uint64_t offset) const {
    if (offset > bytes_.size() || bytes_.size() - offset < sizeof(T)) return std::nullopt;
    return load<T>(bytes_.data() + offset, order_);
  }
  std::optional<std::uint8_t> u8(std::uint64_t offset) const { return get<std::uint8_t>(offset); }
  std::optional<std::uint16_t> u16(std::uint64_t offset) const {
    return get<std::uint16_t>(offset);
  }
  std::optional<std::uint32_t> u32(std::uint64_t offset) const {
    return get<std::uint32_t>(offset);
  }
  std::optional<std::uint64_t> u64(std::uint64_t offset) const {
    return get<std::uint64_t>(offset);
  }
  std::optional<std::int32_t> i32(std::uint64_t offset) const { return get<std::int32_t>(offset); }
  std::optional<std::int64_t> i64(std::uint64_t offset) const { return get<std::int64_t>(offset); }
  /// A word of `width` bytes (4 or 8), zero-extended.
  std::optional<std::uint64_t> word(std::uint64_t offset, unsigned width) const {
    if (width == 8) return u64(offset);
    if (auto value = u32(offset)) return *value;
    return std::nullopt;
  }
  /// `length` bytes from `offset`, or nothing if they leave the bytes.
  std::optional<Bytes> slice(std::uint64_t offset, std::uint64_t length) const {
    if (offset > bytes_.size() || bytes_.size() - offset < length) return std::nullopt;
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  }
  /// The text from `offset` up to a NUL, at most `limit` bytes; empty past the end.
  std::string_view text(std::uint64_t offset, std::uint64_t limit) const {
    if (offset >= bytes_.size()) return {};
    const auto* begin = reinterpret_cast<const char*>(bytes_.data() + offset);
    const std::size_t room = bytes_.size() - static_cast<std::size_t>(offset);
    const std::size_t most = limit < room ? static_cast<std::size_t>(limit) : room;
    return {begin, ::strnlen(begin, most)};
  }

 private:
  Bytes bytes_;
  std::endian order_;
};

}  // namespace panicroom
