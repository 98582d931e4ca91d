#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "core/dump/dump.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// What a file is, by its content alone.
enum class FileKind : std::uint8_t { dump, kernel };

/// One row of `panicroom formats`.
struct FormatInfo {
  std::string_view name;           ///< "FreeBSD minidump"
  std::string_view variants;       ///< "amd64 v1-v3, i386 v1-v2 (PAE too), arm64 v1-v2"
  std::string_view recognised_by;  ///< "magic \"minidump FreeBSD/\" at 0"
};
std::span<const FormatInfo> formats();

/// Recognises a file (already unwrapped) without opening it. An ELF core is a dump, an ELF
/// executable, shared object or relocatable file is a kernel file. Error: `unsupported` for all
/// else, with what it is where that is known.
Result<FileKind> classify(const ByteSource& file);

/// Opens a dump from its unwrapped files: one, or all parts of a split set in any order. Errors:
/// `unsupported` for a file that is no dump or of a kind that is recognised but not read (the text
/// says what it is and what to do), `corrupt` when its headers cannot be true. Truncation is no
/// error: it is in `Dump::remarks`, and reads of what is missing say so.
Result<Dump> open_dump(std::span<const SourcePtr> files);

}  // namespace panicroom
