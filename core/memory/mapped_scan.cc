#include "core/memory/mapped_scan.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::uint64_t chunk = std::uint64_t{256} << 10;

}  // namespace

std::optional<Error> scan_mapped(AddressSpace& space, std::uint64_t start, std::uint64_t end,
                                 std::size_t overlap, const StretchVisitor& visit) {
  const std::uint64_t page = space.machine().page_size;
  const std::uint64_t most = present_bytes(space.physical().memory());
  std::vector<std::byte> stretch(static_cast<std::size_t>(chunk) + overlap);
  std::optional<Error> missing;
  std::uint64_t read_in_all = 0;
  for (std::uint64_t at = start; at < end;) {
    if (read_in_all > most)
      return Error{ErrorCode::corrupt, Absence::none,
                   fmt::format("the page tables map more from {:#x} on than the {} bytes of memory "
                               "that the dump holds: the search ended here",
                               start, most),
                   at, std::nullopt};
    const auto wanted = static_cast<std::size_t>(std::min<std::uint64_t>(stretch.size(), end - at));
    Error error;
    const std::size_t read = space.read_some(at, MutableBytes(stretch).first(wanted), &error);
    if (read != 0 && !visit(at, Bytes(stretch).first(read))) break;
    read_in_all += std::min<std::uint64_t>(read, chunk);
    if (read == wanted) {
      at = wanted < stretch.size() ? end : at + chunk;
    } else {
      // What nothing maps, or what is mapped but no memory, is no part of the image.
      const bool damaged = error.code == ErrorCode::corrupt;
      const bool left_out = error.code == ErrorCode::not_in_dump && error.absence != Absence::hole;
      if (damaged ? !missing || missing->code != ErrorCode::corrupt : left_out && !missing)
        missing = std::move(error);
      at = round_down(at + read, page) + page;
      if (at == 0) break;
    }
  }
  return missing;
}

}  // namespace panicroom
