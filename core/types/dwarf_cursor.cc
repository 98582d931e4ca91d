#include "core/types/dwarf_cursor.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"

namespace panicroom {

Error corrupt_dwarf(std::uint64_t offset, std::string_view what) {
  return Error{ErrorCode::corrupt, Absence::none, fmt::format("DWARF at {:#x}: {}", offset, what),
               std::nullopt, std::nullopt};
}

std::uint64_t DwarfCursor::initial_length(unsigned& offset_size) {
  offset_size = 4;
  const std::uint64_t length = number(4);
  if (length != 0xffffffff) return length;
  offset_size = 8;
  return number(8);
}

std::uint64_t DwarfCursor::number(unsigned width) {
  const std::byte* bytes = take(width);
  if (bytes == nullptr) return 0;
  switch (width) {
    case 1:
      return load<std::uint8_t>(bytes, order_);
    case 2:
      return load<std::uint16_t>(bytes, order_);
    case 4:
      return load<std::uint32_t>(bytes, order_);
    case 8:
      return load<std::uint64_t>(bytes, order_);
    default:
      break;
  }
  std::uint64_t value = 0;  // three bytes
  for (unsigned i = 0; i < width; ++i) {
    const unsigned shift = 8 * (order_ == std::endian::little ? i : width - 1 - i);
    value |= std::uint64_t{std::to_integer<std::uint8_t>(bytes[i])} << shift;
  }
  return value;
}

void DwarfCursor::skip(std::uint64_t length) {
  if (!contains(end_, at_, length))
    fail();
  else
    at_ += length;
}

void DwarfCursor::skip_text() {
  const auto text = bytes_.text(at_, end_, end_ - std::min(at_, end_));
  if (text)
    at_ += text->size() + 1;
  else
    fail();
}

std::uint8_t DwarfCursor::peek(std::uint64_t ahead) {
  const std::uint64_t place = at_ + ahead;
  if (place >= end_) return 0;
  const std::byte* byte = bytes_.at(place, 1);
  return byte == nullptr ? 0 : std::to_integer<std::uint8_t>(*byte);
}

const std::byte* DwarfCursor::take(std::uint64_t length) {
  const std::byte* bytes = contains(end_, at_, length) ? bytes_.at(at_, length) : nullptr;
  if (bytes == nullptr) {
    fail();
    return nullptr;
  }
  at_ += length;
  return bytes;
}

std::uint64_t DwarfCursor::leb(bool is_signed) {
  std::uint64_t value = 0;
  for (unsigned shift = 0;; shift += 7) {
    const std::byte* bytes = take(1);
    if (bytes == nullptr) return 0;
    const auto byte = std::to_integer<std::uint8_t>(*bytes);
    if (shift < 64) value |= std::uint64_t{byte & 0x7fU} << shift;
    if ((byte & 0x80) != 0) continue;
    if (is_signed && (byte & 0x40) != 0 && shift + 7 < 64)
      value |= ~std::uint64_t{0} << (shift + 7);
    return value;
  }
}

void DwarfCursor::fail() {
  if (error_) return;
  error_ = contains(end_, at_, 1) && contains(bytes_.size(), at_, 1)
               ? bytes_.error().within("reading DWARF")
               : corrupt_dwarf(at_, "it ends within an entry");
  if (error_->text.empty()) error_ = corrupt_dwarf(at_, "it ends within an entry");
  at_ = end_;
}

}  // namespace panicroom
