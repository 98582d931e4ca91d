#pragma once

#include <string>

#include "core/io/byte_source.h"

namespace panicroom {

/// Opens a file for reading. A regular file or a block device is mapped: `view` answers its bytes,
/// and nothing of it is read before it is looked at. A pipe (or /dev/stdin fed by one) is read into
/// memory up to 1 GiB. Errors name what is wrong but not the path: `io` (missing, no permission, a
/// folder, a terminal or another device, too long a pipe), `corrupt` (empty).
Result<SourcePtr> open_mapped_file(const std::string& path);

/// A mapped file that another program cuts short raises SIGBUS when the lost part is read. After
/// this call the process then says on standard error which file it was and exits with status 1.
void install_bus_error_handler();

}  // namespace panicroom
