#include "core/dump/formats.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>

#include "core/base/bytes.h"
#include "core/base/printable.h"
#include "core/dump/illumos_header.h"
#include "core/dump/kcore_header.h"
#include "core/dump/kdump_header.h"
#include "core/dump/openers.h"

namespace panicroom {
namespace {

using std::string_view_literals::operator""sv;

// What this program reads; the order is that of `panicroom formats`.
constexpr auto readable_formats = std::to_array<FormatInfo>({
    {"FreeBSD minidump", "amd64 v1-v3, i386 v1-v2 (PAE too), arm64 v1-v3",
     "\"minidump FreeBSD/\" at 0"},
    {"DragonFly minidump", "x86_64 v1 and v2",
     "\"minidump DFlyBSD/\" at 0; v1 is FreeBSD's amd64 v1 of a DragonFly kernel"},
    {"ELF core",
     "FreeBSD and DragonFly full dump, Linux vmcore, QEMU dump-guest-memory; 32 and 64 bit, either "
     "byte order",
     "ELF header of type ET_CORE at 0"},
    {"kdump-compressed",
     "v1-v6, zlib, lzo, snappy, zstd and plain pages, split sets, incomplete dumps",
     "\"KDUMP   \" at 0"},
    {"diskdump", "the ancestor of kdump-compressed", "\"DISKDUMP\" at 0"},
    {"BSD kcore",
     "NetBSD and OpenBSD (netbsd.N.core, bsd.N.core): amd64, i386 (PAE too), aarch64; full and "
     "sparse; as savecore stores it and on its dump device",
     "magic number 0x8fca in a big-endian word at 0, or in a device's block"},
    {"illumos",
     "vmcore, vmdump and raw dump devices of illumos, SmartOS, Solaris: v9-v11, 32 and 64 bit, "
     "either byte order; plain, lzjb and bzip2 pages",
     "0xdefec8ed at 0, or 64 KiB or more before the end"},
});

/// A dump, or something like one, that is recognised but not read.
struct Unread {
  std::size_t offset;
  std::string_view bytes;
  std::string_view sentence;
};

constexpr auto unread_formats = std::to_array<Unread>({
    {0, "FreeBSD Kernel Dump\0"sv,
     "this is a raw FreeBSD dump device: extract the dump with savecore first and open the vmcore "
     "file that it writes"},
    {0, "FreeBSD Text Dump\0"sv,
     "this is a FreeBSD text dump on its device: it holds texts and no memory"},
    {0, "Cleared Kernel Dump"sv,
     "this is a FreeBSD dump device whose dump savecore has already taken"},
    {0, "DragonFly Kern Dump\0"sv,
     "this is a raw DragonFly dump device: extract the dump with savecore first and open the "
     "vmcore "
     "file that it writes"},
    {0, "\xa8\x19\x01\x73\x61\x8f\x23\xfd"sv,
     "this is an s390 stand-alone dump, which is not supported"},
    {0, "\xed\x23\x8f\x61\x73\x01\x19\xa8"sv, "this is an LKCD dump, which is not supported"},
    {0, "\xa8\x19\x01\x73\x61\x8f\x23\xed"sv,
     "this is a big-endian LKCD dump, which is not supported"},
    {0, "\xcd\x23\x8f\x61\x73\x01\x19\xa8"sv,
     "this is an LKCD dump of a live system, which is not supported"},
    {0, "EMiL"sv, "this is a LiME memory image, which is not supported yet"},
    {0, "AVML"sv, "this is an AVML memory image, which is not supported yet"},
    {0, "sadump\0\0"sv,
     "this is a sadump file, which is not supported: convert it with makedumpfile first"},
    {0, "PAGEDU64"sv, "this is a Windows crash dump, not a Unix kernel's"},
    {0, "PAGEDUMP"sv, "this is a Windows crash dump, not a Unix kernel's"},
    {0, "\x1f\x9d"sv, "this file is compressed with compress: decompress it with uncompress first"},
    {0, "BZh"sv, "this file is compressed with bzip2: decompress it with bunzip2 first"},
    {0,
     "\xfd"
     "7zXZ\0"sv,
     "this file is compressed with xz: decompress it with unxz first"},
    {0, "QEVM"sv,
     "this is a saved QEMU machine state, not a memory dump: use dump-guest-memory instead"},
    {0, "LibvirtQemudSave"sv,
     "this is a saved libvirt machine state, not a memory dump: use virsh dump --memory-only"},
    {257, "ustar"sv,
     "this is a tar archive (of a FreeBSD text dump?): it holds texts and no memory"},
});

constexpr std::uint64_t probe_size = 512;

enum class Format : std::uint8_t {
  minidump,
  dragonfly_minidump,
  elf_core,
  kdump,
  kcore,
  illumos,
  elf_kernel,
  unread,
  unknown
};

struct Recognised {
  Format format = Format::unknown;
  std::string_view sentence;  // for `unread`
};

/// FreeBSD and DragonFly keep the dump at the end of the device, with its header in the last block.
Result<std::string_view> device_trailer(const ByteSource& file) {
  for (const std::uint64_t block : {std::uint64_t{512}, std::uint64_t{4096}}) {
    if (file.size() < 2 * block) break;
    PANICROOM_TRY(bytes, read_bytes(file, file.size() - block, 32, 32));
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    for (std::size_t i = 0; i < 4; ++i)
      if (text.starts_with(unread_formats[i].bytes)) return unread_formats[i].sentence;
  }
  return std::string_view{};
}

Result<Recognised> recognise(const ByteSource& file) {
  const std::uint64_t length = std::min(file.size(), probe_size);
  PANICROOM_TRY(bytes, read_bytes(file, 0, length, probe_size));
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  if (text.starts_with("minidump FreeBSD/")) return Recognised{Format::minidump, {}};
  if (text.starts_with("minidump DFlyBSD/")) return Recognised{Format::dragonfly_minidump, {}};
  if (is_kdump_signature(bytes)) return Recognised{Format::kdump, {}};
  if (illumos_magic(bytes)) return Recognised{Format::illumos, {}};
  if (text.starts_with("\x7f"
                       "ELF") &&
      text.size() >= 18) {
    const bool big = text[5] == 2;
    const auto type = *Reader(bytes, big ? std::endian::big : std::endian::little).u16(16);
    if (type == 4) return Recognised{Format::elf_core, {}};
    if (type >= 1 && type <= 3) return Recognised{Format::elf_kernel, {}};
    return Recognised{};
  }
  for (const Unread& format : unread_formats)
    if (text.size() > format.offset && text.substr(format.offset).starts_with(format.bytes))
      return Recognised{Format::unread, format.sentence};
  // NetBSD and OpenBSD (sys/kcore.h): a big-endian word whose low half is the magic number.
  const auto magic = Reader(bytes, std::endian::big).u32(0);
  if (magic && (*magic & 0xffff) == 0x8fca) return Recognised{Format::kcore, {}};
  PANICROOM_TRY(trailer, device_trailer(file));
  if (!trailer.empty()) return Recognised{Format::unread, trailer};
  PANICROOM_TRY(kcore, find_kcore(file));
  if (kcore) return Recognised{Format::kcore, {}};
  if (const auto last = illumos_trailer(file.size())) {
    PANICROOM_TRY(header, read_bytes(file, *last, 4, 4));
    if (illumos_magic(header)) return Recognised{Format::illumos, {}};
  }
  return Recognised{};
}

Failure unknown_file(const ByteSource& file) {
  if (file.size() == 0) return fail(ErrorCode::unsupported, "the file is empty");
  std::string first;
  if (const auto bytes = read_bytes(file, 0, std::min<std::uint64_t>(file.size(), 16), 16)) {
    const std::string_view text(reinterpret_cast<const char*>(bytes->data()), bytes->size());
    first = fmt::format(": it begins with \"{}\"", printable(text));
  }
  return fail_at_offset(
      ErrorCode::unsupported, 0,
      fmt::format("this is neither a kernel crash dump that this program knows nor a kernel file{}",
                  first));
}

}  // namespace

std::span<const FormatInfo> formats() { return readable_formats; }

Result<FileKind> classify(const ByteSource& file) {
  PANICROOM_TRY(recognised, recognise(file));
  switch (recognised.format) {
    case Format::minidump:
    case Format::dragonfly_minidump:
    case Format::elf_core:
    case Format::kdump:
    case Format::kcore:
    case Format::illumos:
      return FileKind::dump;
    case Format::elf_kernel:
      return FileKind::kernel;
    case Format::unread:
      return fail(ErrorCode::unsupported, std::string(recognised.sentence));
    case Format::unknown:
      break;
  }
  return unknown_file(file);
}

Result<Dump> open_dump(std::span<const SourcePtr> files) {
  if (files.empty()) return fail(ErrorCode::invalid, "no dump was given");
  Format format = Format::unknown;
  for (const SourcePtr& file : files) {
    PANICROOM_TRY(kind, classify(*file));
    if (kind == FileKind::kernel)
      return fail(ErrorCode::unsupported,
                  "this is an ELF program or kernel, not a dump: give the dump as well");
    PANICROOM_TRY(recognised, recognise(*file));
    format = recognised.format;
    if (files.size() > 1 && format != Format::kdump)
      return fail(ErrorCode::invalid,
                  "several dumps were given: only the parts of a split kdump belong together");
  }
  if (format == Format::minidump) return open_minidump(files.front());
  if (format == Format::dragonfly_minidump) return open_dragonfly_minidump(files.front());
  if (format == Format::elf_core) return open_elf_core(files.front());
  if (format == Format::kcore) return open_kcore(files.front());
  if (format == Format::illumos) return open_illumos_dump(files.front());
  return open_kdump(files);
}

}  // namespace panicroom
