#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "core/arch/page_table.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/dump/physical_memory.h"

namespace panicroom {

/// Reads physical memory at any address and length through a small cache of decompressed pages. One
/// per thread; the PhysicalMemory behind it may be shared.
class PhysicalReader final : public PhysicalWords {
 public:
  PhysicalReader(std::shared_ptr<const PhysicalMemory> memory, std::endian order);
  ~PhysicalReader() override;
  PhysicalReader(const PhysicalReader&) = delete;
  PhysicalReader& operator=(const PhysicalReader&) = delete;

  const PhysicalMemory& memory() const;
  /// Fills `out` from physical `address`, whole or not at all. The error's address is the first
  /// physical byte that could not be read.
  Result<void> read(std::uint64_t address, MutableBytes out);
  /// As AddressSpace::read_some.
  std::size_t read_some(std::uint64_t address, MutableBytes out, Error* error = nullptr);
  /// The bytes from `address` to the end of its page (at least one); valid until the next call.
  Result<Bytes> bytes(std::uint64_t address);
  Result<std::uint64_t> word(std::uint64_t address, unsigned width) override;

 private:
  friend class AddressSpace;
  class Cache;
  std::unique_ptr<Cache> cache_;
};

/// A virtual address space of the dead machine: the kernel's or a process's. Reads are whole or not
/// at all; an error carries the first virtual address that failed. Not thread-safe (it caches).
class AddressSpace {
 public:
  AddressSpace(std::shared_ptr<const PhysicalMemory> memory, Machine machine,
               std::shared_ptr<const PageTable> table);
  ~AddressSpace();
  AddressSpace(const AddressSpace&) = delete;
  AddressSpace& operator=(const AddressSpace&) = delete;

  const Machine& machine() const;
  const PageTable& table() const;
  PhysicalReader& physical();

  Result<Translation> translate(std::uint64_t address,
                                std::vector<TranslationStep>* steps = nullptr);
  Result<void> read(std::uint64_t address, MutableBytes out);
  /// `length` bytes from `address` without a copy where they lie in one piece (in a mapped dump, in
  /// one cached page), else gathered in a buffer of this object. Valid until the next call.
  Result<Bytes> view(std::uint64_t address, std::size_t length);
  /// As much as can be read from `address`; the rest of `out` is untouched and `error` (if given
  /// and short) says why. Answers the number of bytes.
  std::size_t read_some(std::uint64_t address, MutableBytes out, Error* error = nullptr);

  Result<std::uint8_t> u8(std::uint64_t address);
  Result<std::uint16_t> u16(std::uint64_t address);
  Result<std::uint32_t> u32(std::uint64_t address);
  Result<std::uint64_t> u64(std::uint64_t address);
  Result<std::int32_t> i32(std::uint64_t address);
  /// A pointer or `long` of the machine, zero-extended.
  Result<std::uint64_t> word(std::uint64_t address);
  /// An integer of 1, 2, 4 or 8 bytes, zero-extended; other sizes are `corrupt`.
  Result<std::uint64_t> integer(std::uint64_t address, std::uint64_t size);
  /// A NUL-terminated string of at most `limit` bytes without its NUL; cut at `limit` if there is
  /// none. Bytes are the dump's own: escape before printing.
  Result<std::string> string(std::uint64_t address, std::size_t limit);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace panicroom
