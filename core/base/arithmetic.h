#pragma once

#include <concepts>
#include <cstdint>
#include <optional>

namespace panicroom {

/// Sum and product of numbers that come from a file: nothing when they overflow.
template <std::unsigned_integral T>
constexpr std::optional<T> checked_add(T a, T b) {
  T sum{};
  if (__builtin_add_overflow(a, b, &sum)) return std::nullopt;
  return sum;
}
template <std::unsigned_integral T>
constexpr std::optional<T> checked_mul(T a, T b) {
  T product{};
  if (__builtin_mul_overflow(a, b, &product)) return std::nullopt;
  return product;
}

/// True when [offset, offset + length) lies within [0, size).
constexpr bool contains(std::uint64_t size, std::uint64_t offset, std::uint64_t length) {
  return offset <= size && length <= size - offset;
}

/// Rounds to a multiple of `unit`, a power of two. `round_up` answers nothing on overflow.
constexpr std::uint64_t round_down(std::uint64_t value, std::uint64_t unit) {
  return value & ~(unit - 1);
}
constexpr std::optional<std::uint64_t> round_up(std::uint64_t value, std::uint64_t unit) {
  const auto sum = checked_add<std::uint64_t>(value, unit - 1);
  if (!sum) return std::nullopt;
  return round_down(*sum, unit);
}

constexpr bool is_power_of_two(std::uint64_t value) {
  return value != 0 && (value & (value - 1)) == 0;
}

/// `value` sign-extended from its lowest `bits` bits (1 to 64).
constexpr std::uint64_t sign_extend(std::uint64_t value, unsigned bits) {
  const unsigned shift = 64 - bits;
  return static_cast<std::uint64_t>(static_cast<std::int64_t>(value << shift) >> shift);
}

}  // namespace panicroom
