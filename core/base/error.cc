#include "core/base/error.h"

#include <fmt/format.h>

namespace panicroom {

std::string_view name(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_in_dump:
      return "not_in_dump";
    case ErrorCode::corrupt:
      return "corrupt";
    case ErrorCode::unmapped:
      return "unmapped";
    case ErrorCode::unsupported:
      return "unsupported";
    case ErrorCode::no_symbol:
      return "no_symbol";
    case ErrorCode::no_type:
      return "no_type";
    case ErrorCode::io:
      return "io";
    case ErrorCode::invalid:
      return "invalid";
  }
  return "corrupt";
}

std::string_view name(Absence absence) {
  switch (absence) {
    case Absence::none:
      return "none";
    case Absence::excluded:
      return "excluded";
    case Absence::hole:
      return "hole";
    case Absence::truncated:
      return "truncated";
    case Absence::other_part:
      return "other_part";
  }
  return "none";
}

std::string_view sentence(ErrorCode code) {
  switch (code) {
    case ErrorCode::not_in_dump:
      return "The dump does not hold these bytes.";
    case ErrorCode::corrupt:
      return "The bytes contradict the format they should have.";
    case ErrorCode::unmapped:
      return "The page tables map nothing at this address.";
    case ErrorCode::unsupported:
      return "This program cannot read this kind of data yet.";
    case ErrorCode::no_symbol:
      return "A symbol that the answer needs is not known.";
    case ErrorCode::no_type:
      return "A structure that the answer needs is not known.";
    case ErrorCode::io:
      return "The file could not be read.";
    case ErrorCode::invalid:
      return "The request is not valid.";
  }
  return "";
}

Error Error::within(std::string_view context) const {
  Error outer = *this;
  outer.text = fmt::format("{}: {}", context, text);
  return outer;
}

std::string Error::message() const {
  std::string out = text;
  if (address) out += fmt::format(" (at address {:#x})", *address);
  if (offset) out += fmt::format(" (at file offset {:#x})", *offset);
  return out;
}

Note note_of(const Error& error) {
  return Note{error.code, error.text, error.address ? error.address : error.offset};
}

}  // namespace panicroom
