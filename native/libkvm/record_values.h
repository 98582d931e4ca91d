#pragma once

#include <sys/time.h>

#include <cstdint>
#include <limits>
#include <optional>

#include "native/libkvm/machine.h"
#include "native/libkvm/processes.h"

namespace panicroom::kvm {

/// A number in a member of a C structure: cut to its range; -1 (all ones) where it is not known.
template <class Member, class Value>
Member number(const std::optional<Value>& value) {
  return value ? static_cast<Member>(*value) : static_cast<Member>(-1);
}
/// The same, 0 where it is not known: sizes, times, counts.
template <class Member, class Value>
Member amount(const std::optional<Value>& value) {
  return value ? static_cast<Member>(*value) : Member{0};
}

/// An address of the dead kernel as the pointer that a system's record has for it.
template <class T>
T* pointer(std::uint64_t address) {
  const auto value = static_cast<std::uintptr_t>(address);
  return reinterpret_cast<T*>(value);  // NOLINT(performance-no-int-to-ptr): the systems' own type
}

inline timeval time_of(std::int64_t microseconds) {
  timeval time{};
  time.tv_sec = static_cast<time_t>(microseconds / 1000000);
  time.tv_usec = static_cast<suseconds_t>(microseconds % 1000000);
  return time;
}
inline std::int64_t microseconds(const std::optional<double>& seconds) {
  return seconds ? static_cast<std::int64_t>(*seconds * 1e6) : 0;
}

/// Pages of the dead machine; 0 where it is not known.
inline std::uint64_t pages(Handle& handle, const std::optional<std::uint64_t>& bytes) {
  return bytes.value_or(0) / handle.session()->dump().machine.page_size;
}

}  // namespace panicroom::kvm
