#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>
#include <utility>

namespace panicroom {

/// Why something has no answer. Absent, corrupt and unsupported are different answers;
/// `sentence(code)` is the one documented sentence for each.
enum class ErrorCode : std::uint8_t {
  not_in_dump,  ///< The dump does not hold these bytes; `Error::absence` says why.
  corrupt,      ///< The bytes are there and contradict the format.
  unmapped,     ///< The page tables map nothing at this virtual address.
  unsupported,  ///< Valid as far as known, but this program cannot read it.
  no_symbol,    ///< A symbol that the answer needs is not known.
  no_type,      ///< A structure or member that the answer needs is not known.
  io,           ///< The file could not be read.
  invalid,      ///< The request itself is not valid (an operand, an option).
};

/// Why bytes are not in the dump.
enum class Absence : std::uint8_t {
  none,       ///< Not an absence.
  excluded,   ///< The dump's writer left the page out on purpose (zero, user, cache or free page).
  hole,       ///< The dump says that there is no memory at this address.
  truncated,  ///< The dump says that the page is there, but the file ends before it.
  other_part  ///< The page is in a file of the split set that was not given.
};

/// The name used in JSON notes and in messages: "not_in_dump", "corrupt", ...
std::string_view name(ErrorCode code);
std::string_view name(Absence absence);
/// One sentence that explains the code to a user.
std::string_view sentence(ErrorCode code);

/// An error is a value. `text` is a whole sentence without a full stop that says what was expected
/// and what was found; it never holds control characters of the dump (see `printable`).
struct Error {
  ErrorCode code = ErrorCode::corrupt;
  Absence absence = Absence::none;
  std::string text;
  std::optional<std::uint64_t> address;  ///< Virtual or physical address that `text` speaks of.
  std::optional<std::uint64_t> offset;   ///< Offset in the file, in bytes.

  Error& at_address(std::uint64_t value) {
    address = value;
    return *this;
  }
  Error& at_offset(std::uint64_t value) {
    offset = value;
    return *this;
  }
  /// Prefixes what was being attempted: "reading the bitmap: ...".
  Error within(std::string_view context) const;
  /// The text with offset or address appended, for people.
  std::string message() const;
};

template <class T>
using Result = tl::expected<T, Error>;
using Failure = tl::unexpected<Error>;

inline Failure fail(ErrorCode code, std::string text) {
  return Failure(Error{code, Absence::none, std::move(text), std::nullopt, std::nullopt});
}
inline Failure fail_at_offset(ErrorCode code, std::uint64_t offset, std::string text) {
  return Failure(Error{code, Absence::none, std::move(text), std::nullopt, offset});
}
inline Failure fail_at_address(ErrorCode code, std::uint64_t address, std::string text) {
  return Failure(Error{code, Absence::none, std::move(text), address, std::nullopt});
}
inline Failure absent(Absence why, std::uint64_t address, std::string text) {
  return Failure(Error{ErrorCode::not_in_dump, why, std::move(text), address, std::nullopt});
}

/// A remark that accompanies an answer: part of it is unknown, partial or was read another way.
/// `at` is the address or file offset concerned.
struct Note {
  ErrorCode code = ErrorCode::corrupt;
  std::string text;
  std::optional<std::uint64_t> at;
  bool operator==(const Note&) const = default;
};
Note note_of(const Error& error);

}  // namespace panicroom

// `PANICROOM_TRY(name, expression)`: declares `name` from a Result or returns its error.
#define PANICROOM_CONCAT_(a, b) a##b
#define PANICROOM_CONCAT(a, b) PANICROOM_CONCAT_(a, b)
#define PANICROOM_TRY(name, expression)                                                      \
  auto PANICROOM_CONCAT(try_result_, __LINE__) = (expression);                               \
  if (!PANICROOM_CONCAT(try_result_, __LINE__))                                              \
    return ::panicroom::Failure(std::move(PANICROOM_CONCAT(try_result_, __LINE__)).error()); \
  auto name = *std::move(PANICROOM_CONCAT(try_result_, __LINE__))
// `PANICROOM_CHECK(expression)`: returns the error of a Result<void>.
#define PANICROOM_CHECK(expression)                                  \
  if (auto PANICROOM_CONCAT(check_result_, __LINE__) = (expression); \
      !PANICROOM_CONCAT(check_result_, __LINE__))                    \
  return ::panicroom::Failure(std::move(PANICROOM_CONCAT(check_result_, __LINE__)).error())
