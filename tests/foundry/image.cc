#include "tests/foundry/image.h"

#include <fmt/format.h>

#include <stdexcept>

namespace foundry {

void put(Blob& blob, std::size_t at, std::uint64_t value, unsigned width, bool big) {
  if (blob.size() < at + width) blob.resize(at + width);
  for (unsigned index = 0; index < width; ++index)
    blob[at + (big ? width - 1 - index : index)] = static_cast<std::uint8_t>(value >> (8 * index));
}

void append(Blob& blob, std::uint64_t value, unsigned width, bool big) {
  put(blob, blob.size(), value, width, big);
}
void append(Blob& blob, std::string_view text) {
  blob.insert(blob.end(), text.begin(), text.end());
}
void pad_to(Blob& blob, std::size_t multiple) {
  while (blob.size() % multiple != 0) blob.push_back(0);
}

bool Image::has(std::uint64_t physical) const {
  for (const Range& range : ram)
    if (physical >= range.start && physical < range.end) return true;
  return false;
}

void Image::write(std::uint64_t physical, const void* bytes, std::size_t size) {
  const auto* from = static_cast<const std::uint8_t*>(bytes);
  for (std::size_t index = 0; index < size; ++index) {
    const std::uint64_t at = physical + index;
    if (!has(at)) throw std::runtime_error(fmt::format("{:#x} is no RAM in this description", at));
    Blob& contents = pages[at / page * page];
    contents.resize(static_cast<std::size_t>(page));
    contents[static_cast<std::size_t>(at % page)] = from[index];
  }
}

void Image::write(std::uint64_t physical, std::uint64_t value, unsigned width) {
  Blob bytes;
  append(bytes, value, width);
  write(physical, bytes.data(), bytes.size());
}

std::uint64_t Image::read(std::uint64_t physical, unsigned width) const {
  std::uint64_t value = 0;
  for (unsigned index = 0; index < width; ++index) {
    const std::uint64_t at = physical + index;
    const auto found = pages.find(at / page * page);
    const std::uint64_t byte =
        found == pages.end() ? 0 : found->second[static_cast<std::size_t>(at % page)];
    value |= byte << (8 * index);
  }
  return value;
}

Blob Image::page_bytes(std::uint64_t page_address) const {
  const auto found = pages.find(page_address);
  return found == pages.end() ? Blob(static_cast<std::size_t>(page)) : found->second;
}

std::uint64_t Image::physical_of(std::uint64_t virtual_address) const {
  for (const Mapping& mapping : mappings)
    if (virtual_address >= mapping.virtual_address &&
        virtual_address - mapping.virtual_address < mapping.size)
      return mapping.physical + (virtual_address - mapping.virtual_address);
  throw std::runtime_error(fmt::format("nothing maps {:#x} in this description", virtual_address));
}

void Image::write_virtual(std::uint64_t address, std::uint64_t value, unsigned width) {
  for (unsigned index = 0; index < width; ++index)
    write(physical_of(address + index), (value >> (8 * index)) & 0xffU, 1);
}

void Image::write_virtual(std::uint64_t address, std::string_view text) {
  for (std::size_t index = 0; index < text.size(); ++index)
    write(physical_of(address + index), &text[index], 1);
}

std::uint64_t Image::take_table(std::uint64_t size) {
  if (next_table_ == 0) next_table_ = table_area.start;
  const std::uint64_t table = (next_table_ + size - 1) / size * size;
  if (table + size > table_area.end)
    throw std::runtime_error("the description's table area is too small");
  next_table_ = table + size;
  for (std::uint64_t at = table / page * page; at < table + size; at += page)
    pages[at].resize(static_cast<std::size_t>(page));
  return table;
}

}  // namespace foundry
