#pragma once

#include "core/io/byte_source.h"
#include "core/symbols/elf_sections.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// The bytes of a section: in place where the file is mapped, else fetched as they are looked at;
/// decompressed at once where it is compressed (SHF_COMPRESSED). Errors: `corrupt` (it leaves the
/// file, claims to hold more than can be believed), `unsupported`.
Result<LazyBytes> section_bytes(const SourcePtr& file, const ElfSections& elf,
                                const ElfSection& section);

/// A path's last part, for messages; raw bytes.
std::string base_name(const std::string& path);

}  // namespace panicroom
