#pragma once

#include <bit>
#include <cstdint>
#include <optional>
#include <string_view>

#include "core/base/error.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// Reads forward in a section of DWARF. After a failure all numbers are 0 and `error` says why.
class DwarfCursor {
 public:
  /// From `at` up to `end`, offsets in `bytes`.
  DwarfCursor(LazyBytes& bytes, std::endian order, std::uint64_t at, std::uint64_t end)
      : bytes_(bytes), order_(order), at_(at), end_(end) {}

  std::uint64_t at() const { return at_; }
  std::uint64_t end() const { return end_; }
  bool at_end() const { return at_ >= end_; }
  bool failed() const { return error_.has_value(); }
  const Error& error() const { return *error_; }

  /// An integer of 1 to 8 bytes, zero-extended.
  std::uint64_t number(unsigned width);
  std::uint64_t uleb() { return leb(false); }
  std::int64_t sleb() { return static_cast<std::int64_t>(leb(true)); }
  /// The length that a unit or an entry begins with; sets the width of offsets in it, 4 or 8.
  std::uint64_t initial_length(unsigned& offset_size);
  void skip(std::uint64_t length);
  void skip_text();
  std::uint8_t peek(std::uint64_t ahead);

 private:
  const std::byte* take(std::uint64_t length);
  std::uint64_t leb(bool is_signed);
  void fail();

  LazyBytes& bytes_;
  std::endian order_;
  std::uint64_t at_, end_;
  std::optional<Error> error_;
};

/// `corrupt`: what is wrong at `offset` of a section.
Error corrupt_dwarf(std::uint64_t offset, std::string_view what);

}  // namespace panicroom
