#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/io/byte_source.h"
#include "core/memory/address_space.h"
#include "core/types/btf_graph.h"

namespace panicroom {

/// Reads BTF (bytes from __start_BTF to __stop_BTF, a module's with the kernel's as `base`) in
/// `order`. The bytes are owned by the graph. Nothing but the header is checked here in full: a
/// broken record costs the query that meets it (`corrupt`, with the offset in the blob).
Result<std::shared_ptr<BtfGraph>> read_btf(std::vector<std::byte> blob, std::endian order,
                                           std::string origin,
                                           std::shared_ptr<BtfGraph> base = nullptr);

/// The same out of kernel memory [start, end). Types are indexed only as far as the questions need,
/// and only those pages are read: the core kernel's types stand near the front of the blob.
/// `kernel` outlives the graph; the two are used by one thread at a time. A page that the dump
/// lacks costs the query that needs it (`not_in_dump`). Errors: `corrupt` for more bytes than the
/// dump holds of memory.
Result<std::shared_ptr<BtfGraph>> read_btf(AddressSpace& kernel, std::uint64_t start,
                                           std::uint64_t end, std::string origin,
                                           std::shared_ptr<BtfGraph> base = nullptr);

/// The same out of section .BTF of a kernel file (vmlinux, a file that `types export` wrote) or a
/// module. Errors: `no_type` (the file has none), `corrupt`, `unsupported`.
Result<std::shared_ptr<BtfGraph>> read_btf(const SourcePtr& file,
                                           std::shared_ptr<BtfGraph> base = nullptr);

/// Where a kernel's BTF lies.
struct BtfPlace {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< exclusive
};
/// Looks for it in [start, end) of the kernel's image by its header, for kernels whose symbols do
/// not name it; of several (a module's is small) the largest. Errors: `no_type`.
Result<BtfPlace> find_btf(AddressSpace& kernel, std::uint64_t start, std::uint64_t end);

}  // namespace panicroom
