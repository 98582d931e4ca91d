#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <tuple>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/dump/elf_notes.h"
#include "core/dump/file_regions.h"
#include "core/dump/kdump_header.h"
#include "core/dump/kdump_memory.h"
#include "core/dump/openers.h"

namespace panicroom {
namespace {

constexpr std::size_t max_parts = 4096;

struct OpenPart {
  SourcePtr file;
  KdumpHeader header;
};

Architecture architecture_of_utsname(std::string_view machine) {
  if (machine == "x86_64") return Architecture::x86_64;
  if (machine == "aarch64" || machine == "arm64" || machine == "aarch64_be")
    return Architecture::aarch64;
  if (machine.size() == 4 && machine[0] == 'i' && machine.ends_with("86"))
    return Architecture::i386;
  if (machine.starts_with("arm")) return Architecture::arm;
  if (machine == "riscv64") return Architecture::riscv64;
  if (machine.starts_with("ppc64")) return Architecture::powerpc64;
  return Architecture::unknown;
}

/// The parts in the order of their frames, each range once.
Result<std::vector<OpenPart>> open_parts(std::span<const SourcePtr> files,
                                         std::vector<Note>& remarks) {
  if (files.size() > max_parts)
    return fail(ErrorCode::unsupported,
                fmt::format("{} files are more parts than a dump has", files.size()));
  std::vector<OpenPart> parts;
  for (const SourcePtr& file : files) {
    auto header = read_kdump_header(*file);
    if (!header)
      return Failure(files.size() == 1 ? header.error()
                                       : header.error().within(printable(file->name())));
    parts.push_back({file, *std::move(header)});
  }
  if (parts.size() == 1) return parts;

  const KdumpHeader& first = parts.front().header;
  for (const OpenPart& part : parts) {
    const KdumpHeader& header = part.header;
    if (!header.split)
      return fail(
          ErrorCode::invalid,
          fmt::format("{} is a whole dump of its own, not a part of a split one: open it alone",
                      printable(part.file->name())));
    if (header.page_frames != first.page_frames || header.page_size != first.page_size ||
        header.order != first.order || header.width != first.width ||
        header.release != first.release)
      return fail(ErrorCode::corrupt,
                  fmt::format("{} and {} are not parts of the same dump",
                              printable(parts.front().file->name()), printable(part.file->name())));
  }
  std::sort(parts.begin(), parts.end(), [](const OpenPart& a, const OpenPart& b) {
    return std::tie(a.header.start_frame, a.header.end_frame, a.file->name()) <
           std::tie(b.header.start_frame, b.header.end_frame, b.file->name());
  });
  // A part may be empty; one of them must stay to answer for the headers.
  const auto empty = [](const OpenPart& part) {
    return part.header.start_frame == part.header.end_frame;
  };
  if (!std::all_of(parts.begin(), parts.end(), empty)) std::erase_if(parts, empty);
  std::vector<OpenPart> kept;
  for (OpenPart& part : parts) {
    const KdumpHeader& header = part.header;
    if (!kept.empty() && header.start_frame < kept.back().header.end_frame) {
      const OpenPart& before = kept.back();
      if (header.start_frame != before.header.start_frame ||
          header.end_frame != before.header.end_frame)
        return fail(ErrorCode::corrupt,
                    fmt::format("{} and {} overlap: page frames {:#x} to {:#x} and {:#x} to {:#x}",
                                printable(before.file->name()), printable(part.file->name()),
                                before.header.start_frame, before.header.end_frame,
                                header.start_frame, header.end_frame));
      remarks.push_back({ErrorCode::invalid,
                         fmt::format("{} holds the same page frames as {} and was not used",
                                     printable(part.file->name()), printable(before.file->name())),
                         std::nullopt});
      continue;
    }
    kept.push_back(std::move(part));
  }
  return kept;
}

/// Bits are taken from a whole byte on: the frame at or below `frame` that begins one.
std::uint64_t byte_aligned(std::uint64_t frame) { return round_down(frame, 8); }

/// `room` is what is left for copies of bitmaps.
Result<KdumpStretch> stretch_of(const OpenPart& part, std::optional<std::uint32_t> index,
                                std::uint64_t first, std::uint64_t end, std::uint64_t& room) {
  KdumpStretch stretch;
  stretch.first_frame = first;
  stretch.end_frame = end;
  stretch.part = index;
  stretch.bits_base = byte_aligned(first);
  PANICROOM_TRY(
      bits, PageBits::read(part.file, part.header.dumped_bitmap_offset() + stretch.bits_base / 8,
                           end - stretch.bits_base, BitmapWords::bytes, room));
  room -= bits.copied();
  stretch.dumped = RankedPageBits(std::move(bits));
  return stretch;
}

/// Stretches for all page frames; those of no part get one without.
Result<std::vector<KdumpStretch>> stretches_of(const std::vector<OpenPart>& parts,
                                               std::vector<Note>& remarks, std::uint64_t& room) {
  std::vector<KdumpStretch> stretches;
  std::uint64_t frame = 0;
  const auto missing = [&](std::uint64_t end) -> Result<void> {
    if (frame >= end) return {};
    PANICROOM_TRY(stretch, stretch_of(parts.front(), std::nullopt, frame, end, room));
    const bool matters = stretch.dumped.count() > stretch.dumped.rank(frame - stretch.bits_base);
    if (matters)
      remarks.push_back(
          {ErrorCode::not_in_dump,
           fmt::format("the part of the split dump with page frames {:#x} to {:#x} was not given",
                       frame, end),
           std::nullopt});
    stretches.push_back(std::move(stretch));
    frame = end;
    return {};
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const KdumpHeader& header = parts[i].header;
    if (header.start_frame == header.end_frame) continue;
    PANICROOM_CHECK(missing(header.start_frame));
    PANICROOM_TRY(stretch, stretch_of(parts[i], static_cast<std::uint32_t>(i), frame,
                                      header.end_frame, room));
    stretches.push_back(std::move(stretch));
    frame = header.end_frame;
  }
  PANICROOM_CHECK(missing(parts.front().header.page_frames));
  return stretches;
}

void read_vmcoreinfo(const OpenPart& part, Dump& dump) {
  const KdumpExtent& extent = part.header.vmcoreinfo;
  if (extent.size == 0 || dump.vmcoreinfo) return;
  const auto bytes = read_bytes(*part.file, extent.offset, extent.size, max_vmcoreinfo_size);
  if (!bytes) {
    dump.remarks.push_back(note_of(bytes.error().within("reading VMCOREINFO")));
    return;
  }
  const Reader reader(*bytes, std::endian::little);
  dump.vmcoreinfo = std::string(reader.text(0, reader.size()));
}

void read_notes(const OpenPart& part, Dump& dump) {
  const KdumpExtent& extent = part.header.notes;
  if (extent.size == 0 || !dump.notes.empty()) return;
  const auto bytes = read_bytes(*part.file, extent.offset, extent.size, max_notes_size);
  if (!bytes) {
    dump.remarks.push_back(note_of(bytes.error().within("reading the ELF notes")));
    return;
  }
  if (!parse_elf_notes(*bytes, part.header.order, extent.offset, dump.notes))
    dump.remarks.push_back(broken_notes(extent.offset));
}

void add_regions(const OpenPart& part, std::uint32_t index, std::uint64_t pages, Dump& dump) {
  const KdumpHeader& header = part.header;
  FileRegions regions(part.file->size(), index);
  regions.add(header.vmcoreinfo.offset, header.vmcoreinfo.size, "VMCOREINFO");
  regions.add(header.notes.offset, header.notes.size, "notes");
  regions.add(header.eraseinfo.offset, header.eraseinfo.size, "erase info");
  regions.add(0, header.page_size, "header");
  regions.add(header.page_size, header.bitmap_offset - header.page_size, "sub header");
  const std::uint64_t half = header.two_bitmaps ? header.bitmap_size / 2 : 0;
  regions.add(header.bitmap_offset, half, "bitmap of memory");
  regions.add(header.bitmap_offset + half, header.bitmap_size - half, "bitmap of dumped pages");
  regions.add(header.descriptors_offset, pages * 24, "page descriptors");
  for (FileRegion& region : regions.finish("page data")) dump.regions.push_back(std::move(region));
}

std::string format_name(const KdumpHeader& header, std::size_t parts) {
  const std::string name = header.diskdump ? fmt::format("diskdump v{}", header.version)
                                           : fmt::format("kdump-compressed v{}", header.version);
  return parts > 1 ? fmt::format("{}, {} parts", name, parts) : name;
}

}  // namespace

Result<Dump> open_kdump(std::span<const SourcePtr> files) {
  Dump dump;
  PANICROOM_TRY(parts, open_parts(files, dump.remarks));
  std::uint64_t room = PageBits::default_limit;
  PANICROOM_TRY(stretches, stretches_of(parts, dump.remarks, room));
  for (const KdumpStretch& stretch : stretches)
    if (!stretch.part && stretch.dumped.count() > 0) dump.complete = false;

  const KdumpHeader& header = parts.front().header;
  std::optional<PageBits> existing;
  if (header.two_bitmaps) {
    PANICROOM_TRY(bits, PageBits::read(parts.front().file, header.bitmap_offset, header.page_frames,
                                       BitmapWords::bytes, room));
    existing = std::move(bits);
  }
  const bool filtered = header.dump_level.value_or(0) != 0;

  std::vector<KdumpPart> memory_parts;
  bool incomplete = false;
  for (const OpenPart& part : parts) {
    memory_parts.push_back({part.file, part.header.order, part.header.descriptors_offset});
    incomplete = incomplete || part.header.incomplete();
  }
  for (std::uint32_t i = 0; i < parts.size(); ++i) {
    std::uint64_t pages = 0;
    for (const KdumpStretch& stretch : stretches)
      if (stretch.part == i)
        pages +=
            stretch.dumped.count() - stretch.dumped.rank(stretch.first_frame - stretch.bits_base);
    add_regions(parts[i], i, pages, dump);
  }
  auto memory = std::make_shared<const KdumpMemory>(
      header.page_size, std::move(memory_parts), std::move(stretches), std::move(existing),
      filtered ? Absence::excluded : Absence::hole, incomplete);
  if (incomplete)
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         "the dump's writer marked it incomplete: it ran out of space or was stopped",
         std::nullopt});
  if (!memory->ends_whole() && !incomplete)
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the file ends early: the last pages that it describes are not in it",
                            std::nullopt});
  dump.complete = dump.complete && !incomplete && memory->ends_whole();
  dump.memory = std::move(memory);

  dump.format = format_name(header, parts.size());
  dump.machine.architecture = architecture_of_utsname(header.machine);
  dump.machine.order = header.order;
  dump.machine.page_size = std::min<std::uint32_t>(header.page_size, 65536);
  dump.release = header.release;
  dump.version = header.system_version;
  dump.nodename = header.nodename;
  if (header.time != 0) dump.time = header.time;
  dump.phys_base = header.phys_base;
  dump.dump_level = header.dump_level;

  for (const OpenPart& part : parts) {
    read_vmcoreinfo(part, dump);
    read_notes(part, dump);
  }
  interpret_notes(dump);
  interpret_vmcoreinfo(dump);
  dump.machine.pointer_size = pointer_size_of(dump.machine.architecture, header.width);
  return dump;
}

}  // namespace panicroom
