#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/error.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// The error for a page that the dump does not hold.
Failure absent_page(Absence why, std::uint64_t address);

/// Reads and decompresses the page whose stored bytes `location` names. Errors: those of the
/// source, `corrupt` when they do not decompress to exactly the page.
Result<void> read_stored_page(const ByteSource& file, const PageLocation& location,
                              std::uint64_t address, MutableBytes page, PageDecoder& decoder);

/// Hands on ranges in ascending order, neighbours of one state joined.
class RangeJoiner {
 public:
  explicit RangeJoiner(const std::function<bool(const PhysicalRange&)>& visit) : visit_(visit) {}

  /// Answers false when the visitor wants no more.
  bool add(const PhysicalRange& range);
  void finish();

 private:
  const std::function<bool(const PhysicalRange&)>& visit_;
  std::optional<PhysicalRange> pending_;
  bool stopped_ = false;
};

}  // namespace panicroom
