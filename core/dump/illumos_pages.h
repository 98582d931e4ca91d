#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/error.h"
#include "core/dump/illumos_header.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// An illumos dump's table of page frame numbers: its entry N is the frame of the dump's page N, in
/// ascending order (but for frames of a hypervisor, which may follow the machine's own). Entries
/// are read where they lie. May be used from several threads at once.
class IllumosPages {
 public:
  IllumosPages(SourcePtr file, const IllumosHeader& header);

  /// Pages that the header says, and those whose entries are in the file.
  std::uint64_t count() const { return count_; }
  std::uint64_t count_in_file() const { return in_file_; }
  unsigned shift() const { return shift_; }
  std::uint32_t page_size() const { return std::uint32_t{1} << shift_; }
  std::uint64_t entry_offset(std::uint64_t index) const { return offset_ + index * width_; }
  /// The first address after the last page; 0 without any.
  std::uint64_t end() const { return end_; }
  /// False when the ends of the table alone show that it is not.
  bool ascending() const { return ascending_; }

  /// Physical address of page `index`. Errors: `corrupt` when there is no such page or its frame
  /// lies outside of any address space, `not_in_dump` when the file ends before its entry.
  Result<std::uint64_t> address(std::uint64_t index) const;
  /// Index of the page that holds a physical address, by a binary search.
  std::optional<std::uint64_t> find(std::uint64_t address) const;

  /// Ranges of memory up to end(), for PhysicalMemory::ranges. `state` answers presence and absence
  /// of the page `index` in its argument, and for how many from it on that holds.
  struct State {
    bool present = true;
    Absence absence = Absence::none;
    std::uint64_t pages = 1;
  };
  void ranges(const std::function<State(std::uint64_t index)>& state,
              const std::function<bool(const PhysicalRange&)>& visit) const;

 private:
  std::optional<std::uint64_t> frame(std::uint64_t index) const;

  SourcePtr file_;
  Bytes mapped_;  ///< the table, empty where it is not mapped
  std::endian order_;
  unsigned width_;
  unsigned shift_;
  std::uint64_t offset_;
  std::uint64_t count_;
  std::uint64_t in_file_;
  std::uint64_t end_ = 0;
  bool ascending_ = true;
};

}  // namespace panicroom
