#pragma once

#include <optional>
#include <string>

#include "core/io/byte_source.h"

namespace panicroom {

/// A file's NT_GNU_BUILD_ID in lower-case hexadecimal; empty: it has none.
std::string build_id_of(const SourcePtr& file);

/// Where systems keep the debug file of an ELF file that carries no DWARF itself: a path under
/// /usr/lib/debug/.build-id by its NT_GNU_BUILD_ID. Nothing when it has DWARF or no build id.
std::optional<std::string> debug_file_path(const SourcePtr& file);

/// The name of the file that has its debugging information (section .gnu_debuglink), as a message
/// may show it; empty: it does not say.
std::string debug_link(const SourcePtr& file);

}  // namespace panicroom
