#include "core/types/section_bytes.h"

#include <elf.h>
#include <fmt/format.h>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/io/codec.h"

namespace panicroom {

namespace {

// A 32-bit address space has room for a part of a large kernel's debugging information only.
constexpr std::uint64_t kSizeLimit = std::uint64_t{sizeof(void*) == 4 ? 256U : 2048U} << 20;
constexpr std::uint64_t kRatioLimit = 64;
constexpr std::uint32_t kZlib = 1, kZstd = 2;  // ELFCOMPRESS_ZLIB, ELFCOMPRESS_ZSTD

Result<LazyBytes> decompressed(const SourcePtr& file, const ElfSections& elf,
                               const ElfSection& section) {
  const bool wide = elf.machine.pointer_size == 8;
  const std::uint64_t header_size = wide ? sizeof(Elf64_Chdr) : sizeof(Elf32_Chdr);
  if (section.size < header_size)
    return fail_at_offset(ErrorCode::corrupt, section.offset,
                          fmt::format("the compressed section {} has no room for its header",
                                      printable(section.name)));
  PANICROOM_TRY(stored, read_bytes(*file, section.offset, section.size, kSizeLimit));
  const Reader header(stored, elf.machine.order);
  const std::uint32_t type = *header.u32(0);
  const std::uint64_t size = *header.word(wide ? 8 : 4, wide ? 8 : 4);
  if (type != kZlib && type != kZstd)
    return fail_at_offset(ErrorCode::unsupported, section.offset,
                          fmt::format("section {} is compressed in the unknown way {}",
                                      printable(section.name), type));
  if (size > kSizeLimit || size / kRatioLimit > stored.size())
    return fail_at_offset(
        ErrorCode::corrupt, section.offset,
        fmt::format("section {} of {} bytes claims to hold {}: at most {} bytes and {} times as "
                    "many are believed",
                    printable(section.name), stored.size(), size, kSizeLimit, kRatioLimit));
  std::vector<std::byte> contents(static_cast<std::size_t>(size));
  if (auto done = PageDecoder().decode(type == kZlib ? Codec::zlib : Codec::zstd,
                                       Bytes(stored).subspan(static_cast<std::size_t>(header_size)),
                                       contents);
      !done)
    return Failure(done.error().within(fmt::format("section {}", printable(section.name))));
  return LazyBytes(std::move(contents));
}

}  // namespace

std::string base_name(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

Result<LazyBytes> section_bytes(const SourcePtr& file, const ElfSections& elf,
                                const ElfSection& section) {
  if (section.type == SHT_NOBITS || !contains(file->size(), section.offset, section.size) ||
      section.size > kSizeLimit)
    return fail_at_offset(ErrorCode::corrupt, section.offset,
                          fmt::format("section {} of {} bytes leaves {}", printable(section.name),
                                      section.size, printable(base_name(file->name()))));
  if ((section.flags & SHF_COMPRESSED) != 0) return decompressed(file, elf, section);
  if (const Bytes view = file->view(section.offset, section.size); !view.empty())
    return LazyBytes(view, file);
  return LazyBytes(section.size, section.offset,
                   [file, start = section.offset](std::uint64_t offset, MutableBytes out) {
                     return file->read(start + offset, out);
                   });
}

}  // namespace panicroom
