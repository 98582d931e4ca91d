#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/dump/dump.h"
#include "core/io/byte_source.h"

namespace panicroom::testing {

/// The bytes of a file, written field by field. It grows as needed.
class Image {
 public:
  explicit Image(std::endian order = std::endian::little) : order_(order) {}

  template <std::unsigned_integral T>
  Image& put(std::uint64_t offset, T value) {
    if (order_ != std::endian::native) value = byte_swapped(value);
    char raw[sizeof value];
    std::memcpy(raw, &value, sizeof value);
    return put_text(offset, std::string_view(raw, sizeof raw));
  }
  Image& put8(std::uint64_t offset, std::uint64_t value) {
    return put(offset, static_cast<std::uint8_t>(value));
  }
  Image& put16(std::uint64_t offset, std::uint64_t value) {
    return put(offset, static_cast<std::uint16_t>(value));
  }
  Image& put32(std::uint64_t offset, std::uint64_t value) {
    return put(offset, static_cast<std::uint32_t>(value));
  }
  Image& put64(std::uint64_t offset, std::uint64_t value) { return put(offset, value); }
  Image& put_word(std::uint64_t offset, std::uint64_t value, unsigned width) {
    return width == 8 ? put64(offset, value) : put32(offset, value);
  }
  Image& put_text(std::uint64_t offset, std::string_view text) {
    grow(offset + text.size());
    std::memcpy(bytes_.data() + offset, text.data(), text.size());
    return *this;
  }
  Image& put_bytes(std::uint64_t offset, Bytes bytes) {
    return put_text(offset, {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
  }
  Image& set_bit(std::uint64_t offset, std::uint64_t bit) {
    grow(offset + bit / 8 + 1);
    bytes_[static_cast<std::size_t>(offset + bit / 8)] |= std::byte{1} << (bit % 8);
    return *this;
  }
  Image& resize(std::uint64_t size) {
    bytes_.resize(static_cast<std::size_t>(size));
    return *this;
  }
  std::uint64_t size() const { return bytes_.size(); }
  std::endian order() const { return order_; }
  const std::vector<std::byte>& bytes() const { return bytes_; }

  SourcePtr source(std::string name = "image") const {
    return memory_source(std::move(name), bytes_);
  }

 private:
  void grow(std::uint64_t size) {
    if (bytes_.size() < size) bytes_.resize(static_cast<std::size_t>(size));
  }

  std::endian order_;
  std::vector<std::byte> bytes_;
};

/// A source that shows no view, as a browser's file.
class Unmapped final : public ByteSource {
 public:
  explicit Unmapped(SourcePtr inner) : inner_(std::move(inner)) {}
  const std::string& name() const override { return inner_->name(); }
  std::uint64_t size() const override { return inner_->size(); }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    return inner_->read(offset, out);
  }

 private:
  SourcePtr inner_;
};

/// A source of any size that is zero but for some pieces, as a sparse file or a flattened dump with
/// a record far away. Counts what is read of it.
class Sparse final : public ByteSource {
 public:
  explicit Sparse(std::uint64_t size) : size_(size) {}
  Sparse& put(std::uint64_t offset, std::vector<std::byte> bytes) {
    pieces_[offset] = std::move(bytes);
    return *this;
  }
  std::uint64_t bytes_read() const { return bytes_read_; }

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    if (offset > size_ || out.size() > size_ - offset) return past_end(*this, offset, out.size());
    bytes_read_ += out.size();
    std::fill(out.begin(), out.end(), std::byte{0});
    for (const auto& [at, bytes] : pieces_)
      for (std::size_t i = 0; i < bytes.size(); ++i)
        if (at + i >= offset && at + i - offset < out.size())
          out[static_cast<std::size_t>(at + i - offset)] = bytes[i];
    return {};
  }
  std::uint64_t next_stored(std::uint64_t offset) const override {
    for (const auto& [at, bytes] : pieces_)
      if (offset < at + bytes.size()) return std::max(offset, at);
    return size_;
  }

 private:
  std::string name_ = "sparse";
  std::uint64_t size_;
  std::map<std::uint64_t, std::vector<std::byte>> pieces_;
  mutable std::uint64_t bytes_read_ = 0;
};

/// A page's contents that no other page has: each word is its address times an odd number.
inline std::vector<std::byte> page_of(std::uint64_t address, std::uint64_t size) {
  std::vector<std::byte> page(static_cast<std::size_t>(size));
  for (std::uint64_t at = 0; at < size; at += 8) {
    const std::uint64_t value = (address + at + 1) * 0x9e3779b97f4a7c15;
    std::memcpy(page.data() + at, &value, 8);
  }
  return page;
}

/// What reading a page answers: its bytes, or the error.
inline Result<std::vector<std::byte>> read_page(const Dump& dump, std::uint64_t address) {
  PageDecoder decoder;
  std::vector<std::byte> page(dump.memory->page_size());
  PANICROOM_CHECK(dump.memory->read_page(address, page, decoder));
  return page;
}

/// The page is there, through read_page and, where the dump shows it in place, through view.
inline ::testing::AssertionResult holds_page(const Dump& dump, std::uint64_t address) {
  const auto expected = page_of(address, dump.memory->page_size());
  const auto page = read_page(dump, address);
  if (!page) return ::testing::AssertionFailure() << page.error().message();
  if (*page != expected)
    return ::testing::AssertionFailure() << "other bytes at " << std::hex << address;
  if (!dump.memory->locate(address).present)
    return ::testing::AssertionFailure() << "locate says absent at " << std::hex << address;
  const Bytes view = dump.memory->view(address + 8);
  if (!view.empty() && (view.size() < expected.size() - 8 ||
                        std::memcmp(view.data(), expected.data() + 8, expected.size() - 8) != 0))
    return ::testing::AssertionFailure() << "view differs at " << std::hex << address;
  return ::testing::AssertionSuccess();
}

/// The page is missing for this reason, whoever asks.
inline ::testing::AssertionResult lacks_page(const Dump& dump, std::uint64_t address, Absence why) {
  const auto page = read_page(dump, address);
  if (page) return ::testing::AssertionFailure() << "a page at " << std::hex << address;
  if (page.error().code != ErrorCode::not_in_dump || page.error().absence != why)
    return ::testing::AssertionFailure()
           << name(page.error().absence) << ": " << page.error().message();
  const PageLocation location = dump.memory->locate(address);
  if (location.present || location.absence != why)
    return ::testing::AssertionFailure() << "locate says " << name(location.absence);
  if (!dump.memory->view(address).empty()) return ::testing::AssertionFailure() << "view shows it";
  return ::testing::AssertionSuccess();
}

inline std::vector<PhysicalRange> ranges_of(const Dump& dump) {
  std::vector<PhysicalRange> ranges;
  dump.memory->ranges([&](const PhysicalRange& range) {
    ranges.push_back(range);
    return true;
  });
  return ranges;
}

/// "0x0-0x1000 header" and so on, to compare and to read.
inline std::vector<std::string> region_names(const Dump& dump) {
  std::vector<std::string> names;
  for (const FileRegion& region : dump.regions) names.push_back(region.what);
  return names;
}

/// Every byte of each file has exactly one region.
inline ::testing::AssertionResult regions_cover(const Dump& dump,
                                                const std::vector<std::uint64_t>& sizes) {
  std::vector<std::uint64_t> at(sizes.size(), 0);
  for (const FileRegion& region : dump.regions) {
    if (region.part >= at.size()) return ::testing::AssertionFailure() << "part " << region.part;
    if (region.start != at[region.part] || region.end <= region.start)
      return ::testing::AssertionFailure() << region.what << " begins at " << region.start;
    at[region.part] = region.end;
  }
  if (at != sizes) return ::testing::AssertionFailure() << "the regions end early or late";
  return ::testing::AssertionSuccess();
}

inline bool remarks_mention(const Dump& dump, std::string_view words) {
  for (const Note& note : dump.remarks)
    if (note.text.find(words) != std::string::npos) return true;
  return false;
}

}  // namespace panicroom::testing
