#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <vector>

#include "core/dump/physical_memory.h"
#include "core/dump/stored_page.h"
#include "tests/unit/dump_image.h"

namespace panicroom::testing {

/// Physical memory of pages made by `page_of`, with holes; mapped, or to be read page by page.
class FakeMemory final : public PhysicalMemory {
 public:
  FakeMemory(std::uint32_t page_size, bool mapped) : page_size_(page_size), mapped_(mapped) {}

  /// Adds [start, end); neighbours added at once lie in one piece.
  FakeMemory& add(std::uint64_t start, std::uint64_t end) {
    pieces_[start] = page_of(start, end - start);
    return *this;
  }
  FakeMemory& put64(std::uint64_t address, std::uint64_t value) {
    auto& [start, bytes] = *--pieces_.upper_bound(address);
    std::memcpy(bytes.data() + (address - start), &value, 8);
    return *this;
  }
  FakeMemory& put_text(std::uint64_t address, std::string_view text) {
    auto& [start, bytes] = *--pieces_.upper_bound(address);
    std::memcpy(bytes.data() + (address - start), text.data(), text.size());
    return *this;
  }
  mutable unsigned pages_read = 0;
  std::uint64_t corrupt_page = ~std::uint64_t{0};
  bool damage_is_known = false;   ///< the record of `corrupt_page` says that it cannot be read
  bool damage_is_stored = false;  ///< `corrupt_page` is stored compressed, as dumps have it
  std::uint64_t cut_page = ~std::uint64_t{0};  ///< the file ends within it, after `cut_length`
  std::size_t cut_length = 0;
  std::uint64_t view_unit = std::uint64_t{1} << 40;  ///< views end at its multiples

  std::uint32_t page_size() const override { return page_size_; }
  std::uint64_t end() const override {
    const auto& [start, bytes] = *pieces_.rbegin();
    return start + bytes.size();
  }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = !find(address).empty();
    if (damage_is_known && address / page_size_ * page_size_ == corrupt_page) {
      location.present = false;
      location.absence = Absence::none;
    }
    return location;
  }
  Bytes view(std::uint64_t address) const override {
    if (!mapped_) return {};
    const Bytes bytes = find(address);
    const std::uint64_t left = view_unit - address % view_unit;
    return bytes.first(static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes.size())));
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override {
    EXPECT_EQ(address % page_size_, 0U);
    EXPECT_EQ(page.size(), page_size_);
    ++pages_read;
    if (address == corrupt_page) {
      std::memset(page.data(), 0xee, page.size());
      if (damage_is_stored) {
        PageLocation location;
        location.present = true;
        location.codec = Codec::zlib;
        location.stored_size = 16;
        return read_stored_page(*memory_source("damaged", std::vector<std::byte>(16)), location,
                                address, page, decoder);
      }
      return fail(ErrorCode::corrupt, "does not decompress");
    }
    if (address == cut_page) return absent(Absence::truncated, address, "the file ends");
    const Bytes bytes = find(address);
    if (bytes.size() < page.size()) return absent(Absence::hole, address, "no memory here");
    std::memcpy(page.data(), bytes.data(), page.size());
    return {};
  }
  std::size_t read_cut_page(std::uint64_t address, MutableBytes page) const override {
    if (address != cut_page) return 0;
    std::memcpy(page.data(), find(address).data(), cut_length);
    return cut_length;
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    std::uint64_t at = 0;
    for (const auto& [start, bytes] : pieces_) {
      if (at < start && !visit({at, start, false, Absence::hole})) return;
      at = start + bytes.size();
      if (!visit({start, at, true, Absence::none})) return;
    }
  }

 private:
  Bytes find(std::uint64_t address) const {
    auto piece = pieces_.upper_bound(address);
    if (piece == pieces_.begin()) return {};
    --piece;
    const std::uint64_t within = address - piece->first;
    if (within >= piece->second.size()) return {};
    return Bytes(piece->second).subspan(static_cast<std::size_t>(within));
  }

  std::uint32_t page_size_;
  bool mapped_;
  std::map<std::uint64_t, std::vector<std::byte>> pieces_;
};

/// The word that `page_of` puts at an address that is a multiple of eight.
inline std::uint64_t word_at(std::uint64_t address) { return (address + 1) * 0x9e3779b97f4a7c15; }
/// The byte there, on a little-endian host as the tests' machines are.
inline std::byte byte_at(std::uint64_t address) {
  return static_cast<std::byte>(word_at(address & ~std::uint64_t{7}) >> (address % 8 * 8));
}
inline ::testing::AssertionResult bytes_of(std::uint64_t physical, Bytes bytes) {
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    if (bytes[i] != byte_at(physical + i)) {
      return ::testing::AssertionFailure() << "another byte at +" << i;
    }
  }
  return ::testing::AssertionSuccess();
}

}  // namespace panicroom::testing
