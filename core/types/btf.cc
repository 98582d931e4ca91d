#include "core/types/btf.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/printable.h"
#include "core/symbols/elf_sections.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kBlobLimit = std::uint64_t{64} << 20;

}  // namespace

Result<std::shared_ptr<BtfGraph>> read_btf(std::vector<std::byte> blob, std::endian order,
                                           std::string origin, std::shared_ptr<BtfGraph> base) {
  return BtfGraph::open(LazyBytes(std::move(blob)), order, std::move(origin), std::move(base));
}

Result<std::shared_ptr<BtfGraph>> read_btf(AddressSpace& kernel, std::uint64_t start,
                                           std::uint64_t end, std::string origin,
                                           std::shared_ptr<BtfGraph> base) {
  // Page tables may show a few pages as any number of types.
  const std::uint64_t most = std::min(kBlobLimit, present_bytes(kernel.physical().memory()));
  if (end <= start || end - start > most)
    return fail_at_address(
        ErrorCode::corrupt, start,
        fmt::format("BTF cannot lie from here to {:#x}: expected 1 to {} bytes", end, most));
  const auto fetch = [&kernel, start](std::uint64_t offset, MutableBytes out) {
    return kernel.read(start + offset, out);
  };
  return BtfGraph::open(LazyBytes(end - start, start, fetch), kernel.machine().order,
                        std::move(origin), std::move(base));
}

Result<std::shared_ptr<BtfGraph>> read_btf(const SourcePtr& file, std::shared_ptr<BtfGraph> base) {
  PANICROOM_TRY(elf, read_elf_sections(*file));
  const std::string name = printable(base_name(file->name()));
  const ElfSection* section = elf.find(".BTF");
  if (section == nullptr) return fail(ErrorCode::no_type, fmt::format("{} carries no BTF", name));
  auto bytes = section_bytes(file, elf, *section);
  if (!bytes) return Failure(bytes.error().within(name));
  auto graph = BtfGraph::open(*std::move(bytes), elf.machine.order, fmt::format("BTF of {}", name),
                              std::move(base));
  if (!graph) return Failure(graph.error().within(name));
  return graph;
}

}  // namespace panicroom
