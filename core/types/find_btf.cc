#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>

#include "core/base/bytes.h"
#include "core/memory/mapped_scan.h"
#include "core/types/btf.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kHeaderSize = 24;
constexpr std::uint64_t kSmallest = 512;  // a kernel's has megabytes
constexpr std::uint64_t kLargest = std::uint64_t{64} << 20;

/// Linux, include/uapi/linux/btf.h, struct btf_header: magic, version, flags, hdr_len, then offset
/// and length of the types and of the strings, which the linker's tool writes behind one another.
std::optional<BtfPlace> place_of(Bytes header, std::endian order, std::uint64_t address) {
  const Reader reader(header, order);
  if (reader.u16(0) != 0xeb9f || reader.u8(2) != 1 || reader.u8(3) != 0 ||
      reader.u32(4) != kHeaderSize || reader.u32(8) != 0U)
    return std::nullopt;
  const auto types = reader.u32(12), strings_at = reader.u32(16), strings = reader.u32(20);
  if (!types || !strings_at || !strings || *strings_at != *types) return std::nullopt;
  const std::uint64_t size = kHeaderSize + std::uint64_t{*types} + *strings;
  if (size < kSmallest || size > kLargest || size > ~address) return std::nullopt;
  return BtfPlace{address, address + size};
}

}  // namespace

Result<BtfPlace> find_btf(AddressSpace& kernel, std::uint64_t start, std::uint64_t end) {
  const std::endian order = kernel.machine().order;
  const std::array<std::byte, 2> magic = order == std::endian::little
                                             ? std::array{std::byte{0x9f}, std::byte{0xeb}}
                                             : std::array{std::byte{0xeb}, std::byte{0x9f}};
  std::optional<BtfPlace> best;
  const auto missing =
      scan_mapped(kernel, start, end, kHeaderSize, [&](std::uint64_t address, Bytes bytes) {
        for (std::size_t from = 0; from + kHeaderSize <= bytes.size();) {
          const auto* hit = static_cast<const std::byte*>(std::memchr(
              bytes.data() + from, std::to_integer<int>(magic[0]), bytes.size() - from));
          if (hit == nullptr) break;
          const auto place = static_cast<std::size_t>(hit - bytes.data());
          from = place + 1;
          if (place + kHeaderSize > bytes.size() || hit[1] != magic[1]) continue;
          const auto found = place_of(bytes.subspan(place, kHeaderSize), order, address + place);
          if (found && (!best || found->end - found->start > best->end - best->start)) best = found;
        }
        return true;
      });
  if (best) return *best;
  if (missing) return Failure(missing->within("looking for BTF in the kernel's image"));
  return fail_at_address(ErrorCode::no_type, start,
                         fmt::format("no BTF between here and {:#x}: the kernel may be built "
                                     "without",
                                     end));
}

}  // namespace panicroom
