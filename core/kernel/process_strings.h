#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/memory/address_space.h"

namespace panicroom {

/// Reads the arguments and the environment of the BSDs' processes.
class ProcessStrings {
 public:
  using OpenMemory = std::function<Result<std::unique_ptr<AddressSpace>>()>;
  /// Where a process has its struct ps_strings (sys/sys/exec.h), which leads to both. With address
  /// 0 it has none.
  struct Place {
    std::uint64_t address = 0;
    unsigned word = 8;  ///< bytes of the process's pointers
  };

  /// `most_bytes`: of all lists together.
  explicit ProcessStrings(std::uint64_t most_bytes) : bytes_left_(most_bytes) {}

  /// What the query wants and `details` does not have yet, out of the process's own memory, which
  /// `memory` opens.
  void read(const ProcessQuery& query, const OpenMemory& memory,
            const std::function<std::optional<Place>()>& place, ProcessDetails& details,
            Notes& notes);
  /// The kernel's own copy of the arguments, FreeBSD's and DragonFly's: `pointer` of the struct
  /// proc leads to a struct pargs. Nothing where it keeps none.
  std::optional<std::vector<std::string>> kept_arguments(Structures& structures,
                                                         const Field& pointer,
                                                         std::uint64_t process, Notes& notes);

 private:
  /// `list` is the address of half of a struct ps_strings: a pointer to pointers, `word` bytes
  /// each, and their number. Errors: `corrupt` for more than can be, those of a read.
  Result<std::vector<std::string>> read_list(AddressSpace& memory, std::uint64_t list,
                                             unsigned word);

  std::uint64_t bytes_left_;
  Field length_{"pargs", "ar_length"}, text_{"pargs", "ar_args"};
};

/// The bytes of `pages` that are said to be a process's in memory; a note where they cannot be.
std::optional<std::uint64_t> resident_bytes(Structures& structures, std::int64_t pages,
                                            std::uint64_t map, Notes& notes);

}  // namespace panicroom
