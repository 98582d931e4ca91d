#pragma once

#include <bit>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "core/types/type_catalog.h"

namespace panicroom {

/// Reads a kernel's BTF (bytes from __start_BTF to __stop_BTF) in `order`. The bytes are owned by the
/// catalog. Nothing but the header is checked here in full: a broken record costs the query that meets
/// it (`corrupt`, with the offset in the blob).
/// Layout: Linux include/uapi/linux/btf.h.
Result<std::shared_ptr<const TypeCatalog>> read_btf(std::vector<std::byte> blob, std::endian order, std::string origin);

}  // namespace panicroom
