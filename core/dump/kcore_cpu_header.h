#pragma once

#include <cstdint>

#include "core/dump/kcore_header.h"

namespace panicroom {

/// Whose cpu header it is. NetBSD's and OpenBSD's for i386 are told apart by what they say.
enum class KcoreLayout : std::uint8_t { amd64, i386, netbsd_aarch64, openbsd_arm64 };

/// Fills what the cpu header says: the machine, the roots of its page tables, its list of memory.
/// `headers` knows where header and memory lie; `bytes` are the header's, fewer than its size where
/// the file ends within it. Errors: those of read_kcore_headers.
Result<void> read_kcore_cpu_header(KcoreHeaders& headers, KcoreLayout layout, Bytes bytes,
                                   std::uint64_t file_size);

}  // namespace panicroom
