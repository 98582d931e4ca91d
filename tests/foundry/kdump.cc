#include <lzo/lzo1x.h>
#include <snappy.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <array>
#include <optional>
#include <stdexcept>

#include "tests/foundry/containers.h"
#include "tests/foundry/notes.h"

// Layout: makedumpfile's diskdump_mod.h and IMPLEMENTATION document (struct disk_dump_header,
// kdump_sub_header, page_desc).

namespace foundry {
namespace {

constexpr std::uint32_t zlib_flag = 1, lzo_flag = 2, snappy_flag = 4, incomplete_flag = 8,
                        zstd_flag = 0x20;

struct Stored {
  Blob bytes;
  std::uint32_t flags = 0;
};

std::uint32_t flag_of(const std::string& codec) {
  if (codec == "zlib") return zlib_flag;
  if (codec == "lzo") return lzo_flag;
  if (codec == "snappy") return snappy_flag;
  if (codec == "zstd") return zstd_flag;
  return 0;
}

/// As makedumpfile does: a page that does not shrink is stored as it is.
Stored store(const Blob& page, const std::string& codec) {
  Blob packed;
  if (codec == "zlib") {
    uLongf size = compressBound(page.size());
    packed.resize(size);
    if (compress2(packed.data(), &size, page.data(), page.size(), 6) != Z_OK)
      throw std::runtime_error("zlib");
    packed.resize(size);
  } else if (codec == "lzo") {
    Blob work(LZO1X_1_MEM_COMPRESS);
    lzo_uint size = 0;
    packed.resize(page.size() + page.size() / 16 + 64 + 3);
    if (lzo1x_1_compress(page.data(), page.size(), packed.data(), &size, work.data()) != LZO_E_OK)
      throw std::runtime_error("lzo");
    packed.resize(size);
  } else if (codec == "snappy") {
    std::size_t size = 0;
    packed.resize(snappy::MaxCompressedLength(page.size()));
    snappy::RawCompress(reinterpret_cast<const char*>(page.data()), page.size(),
                        reinterpret_cast<char*>(packed.data()), &size);
    packed.resize(size);
  } else if (codec == "zstd") {
    packed.resize(ZSTD_compressBound(page.size()));
    packed.resize(ZSTD_compress(packed.data(), packed.size(), page.data(), page.size(), 1));
  }
  if (codec == "none" || packed.size() >= page.size()) return {page, 0};
  return {packed, flag_of(codec)};
}

struct SubHeader {
  std::uint64_t start_pfn = 0, end_pfn = 0, split = 0;
  std::uint64_t vmcoreinfo_at = 0, note_at = 0, vmcoreinfo_size = 0, note_size = 0, max_pfn = 0;
};

Blob sub_header(const KdumpOptions& options, bool wide, const SubHeader& sub) {
  Blob out;
  const unsigned word = wide ? 8 : 4;
  const auto aligned = [&](unsigned width) {
    if (wide || options.padded32) pad_to(out, width);
  };
  append(out, static_cast<std::uint64_t>(options.phys_base), word);
  append(out, 31, 4);
  append(out, sub.split, 4);
  append(out, sub.start_pfn, word), append(out, sub.end_pfn, word);
  const auto offset_and_size = [&](std::uint64_t offset, std::uint64_t size) {
    aligned(8);
    append(out, offset, 8), append(out, size, word);
  };
  if (options.version >= 3) offset_and_size(sub.vmcoreinfo_at, sub.vmcoreinfo_size);
  if (options.version >= 4) offset_and_size(sub.note_at, sub.note_size);
  if (options.version >= 5) offset_and_size(0, 0);
  if (options.version >= 6) {
    aligned(8);
    append(out, sub.start_pfn, 8), append(out, sub.end_pfn, 8), append(out, sub.max_pfn, 8);
  }
  return out;
}

}  // namespace

std::vector<Blob> kdump(const Image& image, const KdumpOptions& options, unsigned parts) {
  const bool wide = image.pointer() == 8 || options.wide;
  const auto block = static_cast<std::size_t>(image.page);
  std::uint64_t end = 0;
  for (const Range& range : image.ram) end = std::max(end, range.end);
  const std::uint64_t max_pfn = (end + image.page - 1) / image.page;
  const std::size_t half = static_cast<std::size_t>((max_pfn + 7) / 8 + block - 1) / block * block;
  Blob present(half), dumped(half);
  for (const Range& range : image.ram)
    for (std::uint64_t pfn = range.start / image.page; pfn * image.page < range.end; ++pfn) {
      const auto bit = static_cast<std::uint8_t>(1U << (pfn % 8));
      present[static_cast<std::size_t>(pfn / 8)] |= bit;
      if (!image.excluded.contains(pfn * image.page))
        dumped[static_cast<std::size_t>(pfn / 8)] |= bit;
    }
  const auto is_dumped = [&](std::uint64_t pfn) {
    return (dumped[static_cast<std::size_t>(pfn / 8)] >> (pfn % 8) & 1U) != 0;
  };
  std::uint64_t total = 0;
  for (std::uint64_t pfn = 0; pfn < max_pfn; ++pfn) total += is_dumped(pfn) ? 1U : 0U;

  Blob prstatus_notes = elf_notes(image, false);
  std::vector<Blob> files;
  for (unsigned part = 0; part < parts; ++part) {
    SubHeader sub;
    sub.split = parts > 1 ? 1 : 0;
    sub.start_pfn = parts > 1 ? max_pfn * part / parts : 0;
    sub.end_pfn = parts > 1 ? max_pfn * (part + 1) / parts : max_pfn;
    sub.max_pfn = max_pfn;
    const std::size_t texts_at = block + 128;
    if (options.version >= 3 && !image.vmcoreinfo.empty())
      sub.vmcoreinfo_at = texts_at, sub.vmcoreinfo_size = image.vmcoreinfo.size();
    if (options.version >= 4)
      sub.note_at = texts_at + image.vmcoreinfo.size(), sub.note_size = prstatus_notes.size();
    Blob sub_blocks = sub_header(options, wide, sub);
    sub_blocks.resize(128);
    append(sub_blocks, image.vmcoreinfo);
    sub_blocks.insert(sub_blocks.end(), prstatus_notes.begin(), prstatus_notes.end());
    pad_to(sub_blocks, block);

    Blob out;
    append(out, "KDUMP   ");
    append(out, options.version, 4);
    const std::array<std::string, 6> names = {
        "Linux",
        "foundry",
        options.release,
        "#1 SMP foundry",
        image.architecture == "i386" ? "i686" : image.architecture,
        "(none)"};
    for (const std::string& text : names) {
      Blob field(text.begin(), text.end());
      field.resize(65);
      out.insert(out.end(), field.begin(), field.end());
    }
    pad_to(out, wide ? 8 : 4);
    append(out, 1700000000, wide ? 8 : 4), append(out, 0, wide ? 8 : 4);
    append(out, flag_of(options.codec) | (options.incomplete ? incomplete_flag : 0U), 4);
    append(out, block, 4), append(out, sub_blocks.size() / block, 4),
        append(out, 2 * half / block, 4);
    append(out, max_pfn, 4), append(out, total, 4), append(out, 0, 4), append(out, 0, 4),
        append(out, 0, 4);
    append(out, image.cpus.size(), 4);
    pad_to(out, block);
    out.insert(out.end(), sub_blocks.begin(), sub_blocks.end());
    out.insert(out.end(), present.begin(), present.end());
    out.insert(out.end(), dumped.begin(), dumped.end());

    std::vector<std::uint64_t> pfns;
    for (std::uint64_t pfn = sub.start_pfn; pfn < sub.end_pfn; ++pfn)
      if (is_dumped(pfn)) pfns.push_back(pfn);
    const std::size_t descriptors_at = out.size();
    out.resize(descriptors_at + pfns.size() * 24);
    std::optional<std::pair<std::uint64_t, Stored>> zero_page;  // all zero pages share one record
    const std::size_t written =
        options.incomplete ? pfns.size() - pfns.size() / 10 - 1 : pfns.size();
    for (std::size_t index = 0; index < written; ++index) {
      const Blob page = image.page_bytes(pfns[index] * image.page);
      const bool zero =
          std::all_of(page.begin(), page.end(), [](std::uint8_t byte) { return byte == 0; });
      std::pair<std::uint64_t, Stored> record;
      if (zero && zero_page) {
        record = *zero_page;
      } else {
        record = {out.size(), store(page, options.codec)};
        const Blob& bytes = record.second.bytes;
        out.insert(out.end(), bytes.begin(), bytes.end());
        if (zero) zero_page = record;
      }
      const auto& [offset, stored] = record;
      const std::size_t at = descriptors_at + index * 24;
      put(out, at, offset, 8), put(out, at + 8, stored.bytes.size(), 4),
          put(out, at + 12, stored.flags, 4);
    }
    files.push_back(std::move(out));
  }
  return files;
}

}  // namespace foundry
