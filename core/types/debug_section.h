#pragma once

#include <string_view>

#include "core/io/byte_source.h"
#include "core/symbols/elf_sections.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// The bytes of a section of debugging information by name, empty where the file has no such
/// section; in a relocatable file as a linker would fill them in, with each section at the address
/// that `elf` has of it (0, unless the caller knows where it was loaded). Errors: those of
/// section_bytes; `unsupported` for more bytes than are filled in.
Result<LazyBytes> debug_section(const SourcePtr& file, const ElfSections& elf,
                                std::string_view name);

}  // namespace panicroom
