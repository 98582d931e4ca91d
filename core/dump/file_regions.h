#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/dump/dump.h"

namespace panicroom {

/// Collects what the bytes of one file are and gives the gapless list that Dump::regions holds.
class FileRegions {
 public:
  FileRegions(std::uint64_t file_size, std::uint32_t part) : size_(file_size), part_(part) {}

  /// Bytes outside the file are dropped. Where two overlap, the one added first keeps its bytes.
  void add(std::uint64_t start, std::uint64_t length, std::string what);
  /// All regions in ascending order, neighbours of one name joined; bytes that nothing claimed are
  /// called `rest`.
  std::vector<FileRegion> finish(const std::string& rest = "unknown") const;

 private:
  std::uint64_t size_;
  std::uint32_t part_;
  std::vector<FileRegion> claims_;
};

}  // namespace panicroom
