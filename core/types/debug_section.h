#pragma once

#include <string_view>

#include "core/io/byte_source.h"
#include "core/symbols/elf_sections.h"
#include "core/types/lazy_bytes.h"

namespace panicroom {

/// The bytes of a section of debugging information by name, empty where the file has no such
/// section; in a relocatable file as a linker would fill them in, with every section at address 0.
/// Errors: those of section_bytes.
Result<LazyBytes> debug_section(const SourcePtr& file, const ElfSections& elf,
                                std::string_view name);

}  // namespace panicroom
