#pragma once

#include <cstdint>
#include <string_view>

#include "core/base/error.h"
#include "core/memory/address_space.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// A kernel's memory and where the members of its structures lie, from whatever the evidence is.
class Structures {
 public:
  virtual ~Structures() = default;

  virtual AddressSpace& memory() = 0;
  /// As TypeCatalog::member.
  virtual Result<Member> member(std::string_view structure, std::string_view path) = 0;
  /// Bytes of physical memory that the dump holds: no list has more elements than fit into it.
  virtual std::uint64_t memory_present() = 0;

  unsigned pointer_size() { return memory().machine().pointer_size; }
  /// The sum of an address and an offset that may be negative, in the machine's width.
  std::uint64_t moved(std::uint64_t address, std::uint64_t offset) {
    const std::uint64_t sum = address + offset;
    return pointer_size() == 4 ? sum & 0xffffffffU : sum;
  }
  /// The member of the structure at `address`: an integer or pointer, zero-extended; bit-fields
  /// too.
  Result<std::uint64_t> field(std::uint64_t address, const Member& member);
};

}  // namespace panicroom
