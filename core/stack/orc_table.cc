#include "core/stack/orc_table.h"

#include <fmt/format.h>

#include <array>

namespace panicroom {

namespace {

constexpr std::uint32_t kEntrySize = 6;
constexpr std::uint64_t kCountLimit = std::uint64_t{1} << 26;

/// struct orc_entry's last 16 bits: sp_reg 3:0, bp_reg 7:4, and above them
///   until 6.2: type 9:8 (call, registers, interrupt), end 10
///   6.3:       type 9:8, signal 10, end 11
///   since 6.4: type 10:8 (with undefined and end of stack before the others), signal 11
/// Only entries without a stack pointer are ever an end, so that the first two read alike.
Result<OrcEntry> decode(std::uint64_t address, std::int16_t sp_offset, std::int16_t bp_offset,
                        std::uint16_t bits, unsigned version) {
  OrcEntry entry;
  entry.sp_offset = sp_offset;
  entry.bp_offset = bp_offset;
  const unsigned sp = bits & 0xfU, bp = bits >> 4 & 0xfU;
  unsigned frame = 0;
  if (version == 0) {
    const unsigned type = bits >> 8 & 3U;
    if (sp == 0)
      frame = (bits & 0xc00U) != 0 ? 1 : 0;
    else
      frame = type + 2;
    entry.interrupted = sp != 0 && (type != 0 || (bits & 0x400U) != 0);
  } else {
    frame = bits >> 8 & 7U;
    entry.interrupted = (bits & 0x800U) != 0;
  }
  if (sp > static_cast<unsigned>(OrcRegister::sp_indirect) ||
      bp > static_cast<unsigned>(OrcRegister::sp_indirect) ||
      frame > static_cast<unsigned>(OrcFrame::interrupt))
    return fail_at_address(ErrorCode::corrupt, address,
                           fmt::format("an ORC entry with the unknown fields {:#06x}", bits));
  entry.sp_register = static_cast<OrcRegister>(sp);
  entry.bp_register = static_cast<OrcRegister>(bp);
  entry.frame = static_cast<OrcFrame>(frame);
  return entry;
}

}  // namespace

Result<std::optional<OrcEntry>> find_orc_entry(AddressSpace& kernel, const OrcTables& tables,
                                               std::uint64_t pc) {
  if (tables.count > kCountLimit || tables.entry_size < kEntrySize || tables.entry_size > 64)
    return fail_at_address(
        ErrorCode::corrupt, tables.ip_table,
        fmt::format("an ORC table of {} entries of {} bytes", tables.count, tables.entry_size));
  // The number of entries that begin at or below `pc`.
  std::uint64_t low = 0, high = tables.count;
  while (low < high) {
    const std::uint64_t middle = low + (high - low) / 2;
    const std::uint64_t slot = tables.ip_table + middle * 4;
    PANICROOM_TRY(distance, kernel.i32(slot));
    if (slot + static_cast<std::uint64_t>(static_cast<std::int64_t>(distance)) <= pc)
      low = middle + 1;
    else
      high = middle;
  }
  // The last entry only ends the one before it: what lies behind is another table's.
  if (low == 0 || low == tables.count) return std::optional<OrcEntry>{};
  const std::uint64_t address = tables.unwind_table + (low - 1) * tables.entry_size;
  std::array<std::byte, kEntrySize> raw{};
  PANICROOM_CHECK(kernel.read(address, raw));
  const std::endian order = kernel.machine().order;
  PANICROOM_TRY(entry, decode(address, load<std::int16_t>(raw.data(), order),
                              load<std::int16_t>(raw.data() + 2, order),
                              load<std::uint16_t>(raw.data() + 4, order), tables.version));
  return std::optional<OrcEntry>(entry);
}

}  // namespace panicroom
