#include "core/dump/stored_page.h"

#include <fmt/format.h>

#include <array>
#include <string_view>
#include <vector>

namespace panicroom {
namespace {

std::string_view reason(Absence why) {
  switch (why) {
    case Absence::excluded:
      return "its writer left the page out (a zero, user, cache or free page)";
    case Absence::hole:
      return "the dump describes no memory there";
    case Absence::truncated:
      return "the file ends, or its writer stopped, before this page";
    case Absence::other_part:
      return "the page is in a file of the split set that was not given";
    case Absence::none:
      break;
  }
  return "its place in the dump is not known";
}

}  // namespace

Failure absent_page(Absence why, std::uint64_t address) {
  return absent(why, address, fmt::format("the page is not in the dump: {}", reason(why)));
}

Result<void> read_stored_page(const ByteSource& file, const PageLocation& location,
                              std::uint64_t address, MutableBytes page, PageDecoder& decoder) {
  if (location.codec == Codec::none) return file.read(location.file_offset, page);
  Bytes stored = file.view(location.file_offset, location.stored_size);
  std::array<std::byte, 8192> small;
  std::vector<std::byte> large;
  if (stored.empty()) {
    MutableBytes buffer(small);
    if (location.stored_size > small.size()) {
      large.resize(location.stored_size);
      buffer = large;
    }
    buffer = buffer.first(location.stored_size);
    PANICROOM_CHECK(file.read(location.file_offset, buffer));
    stored = buffer;
  }
  auto decoded = decoder.decode(location.codec, stored, page);
  if (decoded) return {};
  Error error = std::move(decoded).error();
  return Failure(std::move(error.at_address(address).at_offset(location.file_offset)));
}

bool RangeJoiner::add(const PhysicalRange& range) {
  if (stopped_ || range.start >= range.end) return !stopped_;
  if (pending_ && pending_->present == range.present && pending_->absence == range.absence) {
    pending_->end = range.end;
    return true;
  }
  finish();
  pending_ = range;
  return !stopped_;
}

void RangeJoiner::finish() {
  if (pending_ && !stopped_) stopped_ = !visit_(*pending_);
  pending_.reset();
}

}  // namespace panicroom
