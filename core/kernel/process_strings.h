#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "core/memory/address_space.h"

namespace panicroom {

/// Reads the lists of texts that the BSDs' processes keep in their own memory: struct ps_strings
/// (sys/sys/exec.h) leads to their arguments and their environment.
class ProcessStrings {
 public:
  /// `most_bytes`: of all lists together.
  explicit ProcessStrings(std::uint64_t most_bytes) : bytes_left_(most_bytes) {}

  std::uint64_t bytes_left() const { return bytes_left_; }
  void spend(std::uint64_t bytes) { bytes_left_ -= bytes; }

  /// `list` is the address of half of a struct ps_strings: a pointer to pointers, `word` bytes
  /// each, and their number. Errors: `corrupt` for more than can be, those of a read.
  Result<std::vector<std::string>> read(AddressSpace& memory, std::uint64_t list, unsigned word);
  /// Where the environment's half lies in the struct ps_strings at `strings`.
  static std::uint64_t environment_of(std::uint64_t strings, unsigned word) {
    return strings + std::uint64_t{2} * word;
  }

 private:
  std::uint64_t bytes_left_;
};

constexpr std::uint64_t longest_process_strings = std::uint64_t{512} << 10;  // ARG_MAX, of one list

}  // namespace panicroom
