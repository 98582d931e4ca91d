#pragma once

#include <span>

#include "core/dump/dump.h"
#include "core/io/byte_source.h"

// The formats' own doors; formats.cc has recognised the file already.

namespace panicroom {

Result<Dump> open_minidump(const SourcePtr& file);
/// Version 2; version 1 is open_minidump's.
Result<Dump> open_dragonfly_minidump(const SourcePtr& file);
Result<Dump> open_elf_core(const SourcePtr& file);
/// A file of savecore's, or the image of a device that the dump lies on.
Result<Dump> open_kcore(const SourcePtr& file);
/// vmcore.N, vmdump.N or the image of a dump device.
Result<Dump> open_illumos_dump(const SourcePtr& file);
/// One file, or the parts of a split set in any order.
Result<Dump> open_kdump(std::span<const SourcePtr> files);

}  // namespace panicroom
