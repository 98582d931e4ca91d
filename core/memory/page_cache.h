#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "core/memory/address_space.h"

namespace panicroom {

/// Where bytes lie in this program's memory, for as long as `*stamp == expected`: a slot of the
/// cache gets a new stamp whenever its content changes.
struct HostPlace {
  const std::byte* host = nullptr;
  const std::uint64_t* stamp = nullptr;
  std::uint64_t expected = 0;

  bool current() const { return *stamp == expected; }
};

/// Physical memory in this program's memory: mapped pages as they lie, others read or decompressed
/// into a set-associative cache of at most 8 MiB that grows as it is used. Where that holds few
/// pages they make one set, so that the tables and the data of one question never push out each
/// other.
class PhysicalReader::Cache {
 public:
  static constexpr unsigned unit_shift = 12;
  static constexpr std::uint64_t unit = std::uint64_t{1} << unit_shift;

  Cache(std::shared_ptr<const PhysicalMemory> memory, std::endian order);

  const PhysicalMemory& memory() const { return *memory_; }
  std::endian order() const { return order_; }

  /// The whole 4 KiB unit that holds `address`, or nothing if it does not lie in one piece, or
  /// could not be read: `bytes` then says more.
  std::optional<HostPlace> place(std::uint64_t address) {
    const std::uint64_t number = address >> unit_shift;
    const Frame& frame = frames_[number % frames_.size()];
    if (frame.number == number && frame.place.current()) return frame.place;
    return find_place(address);
  }
  /// `size` bytes from `address` where they lie mapped in one piece, else null.
  const std::byte* mapped(std::uint64_t address, std::uint64_t size) const;
  /// From `address` to the end of its page of the dump, or of what lies in one piece; at least a
  /// byte.
  Result<Bytes> bytes(std::uint64_t address);

 private:
  struct Slot {
    std::uint64_t number = ~std::uint64_t{0};  ///< address >> slot_shift_; none has this one
    std::uint64_t stamp = 0;
    std::uint64_t last_use = 0;
    std::byte* buffer = nullptr;
  };
  /// A page that does not decode is not decoded again for each of its bytes.
  struct Damaged {
    std::uint64_t number = ~std::uint64_t{0};
    Error error;
  };
  struct Frame {
    std::uint64_t number = ~std::uint64_t{0};
    HostPlace place;
  };
  static constexpr std::size_t few_slots = 64;
  static constexpr std::size_t capacity = std::size_t{8} << 20;

  std::optional<HostPlace> find_place(std::uint64_t address);
  Result<const Slot*> load_slot(std::uint64_t address);
  Result<void> read_pages(std::uint64_t start, MutableBytes out);
  std::byte* new_buffer();

  std::shared_ptr<const PhysicalMemory> memory_;
  std::endian order_;
  unsigned page_shift_ = 12;  ///< of the dump's pages
  unsigned slot_shift_ = 12;  ///< the same, but at least a unit
  std::vector<Slot> slots_;   ///< never resized once made: places point into it
  std::size_t ways_ = 4;      ///< slots of a set
  std::array<Damaged, 16> damaged_;
  std::size_t next_damaged_ = 0;
  std::vector<std::unique_ptr<std::byte[]>> slabs_;
  /// A page smaller than a unit whose neighbours are absent, or the page in which the file ends.
  std::vector<std::byte> lone_page_;
  std::size_t slab_left_ = 0;
  std::uint64_t clock_ = 0;
  std::uint64_t stamps_ = 0;
  std::uint64_t fixed_stamp_ = 0;  ///< the stamp of what is mapped: never changes
  PageDecoder decoder_;
  std::array<Frame, 1024> frames_;
};

}  // namespace panicroom
