#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/dump/elf_headers.h"
#include "core/dump/elf_memory.h"
#include "core/dump/elf_notes.h"
#include "core/dump/file_regions.h"
#include "core/dump/openers.h"

namespace panicroom {
namespace {

constexpr std::uint32_t nt_auxv = 6;

void read_notes(const ByteSource& file, const ElfCoreHeaders& headers, Dump& dump) {
  std::uint64_t budget = max_notes_size;
  std::uint64_t broken = 0;
  std::optional<Note> first_broken;
  for (const ElfSegment& segment : headers.segments) {
    if (segment.type != elf_pt_note || segment.file_size == 0) continue;
    const std::uint64_t in_file = segment.offset < file.size() ? file.size() - segment.offset : 0;
    const std::uint64_t length = std::min({segment.file_size, in_file, budget});
    budget -= length;
    std::optional<Note> damage;
    if (length != segment.file_size) damage = broken_notes(segment.offset);
    if (length != 0) {
      const auto bytes = read_bytes(file, segment.offset, length, max_notes_size);
      if (!bytes)
        damage = note_of(bytes.error().within("reading the ELF notes"));
      else if (!parse_elf_notes(*bytes, headers.order, segment.offset, dump.notes))
        damage = broken_notes(segment.offset);
    }
    if (damage && broken++ == 0) first_broken = std::move(damage);
  }
  if (!first_broken) return;
  if (broken > 1)
    first_broken->text += fmt::format("; {} more lists of notes are broken", broken - 1);
  dump.remarks.push_back(*std::move(first_broken));
}

/// Segments that say where in physical memory they are. /proc/kcore has others: p_paddr all ones,
/// or zero in each.
std::vector<ElfSegment> physical_segments(const ElfCoreHeaders& headers,
                                          std::uint64_t& virtual_only) {
  const std::uint64_t unknown = headers.width == 8 ? ~std::uint64_t{0} : 0xffffffff;
  std::vector<ElfSegment> loads;
  loads.reserve(headers.segments.size());
  for (const ElfSegment& segment : headers.segments) {
    if (segment.type != elf_pt_load || segment.memory_size == 0) continue;
    if (segment.physical_address == unknown)
      ++virtual_only;
    else
      loads.push_back(segment);
  }
  const bool nowhere =
      loads.size() > 1 && std::all_of(loads.begin(), loads.end(), [](const ElfSegment& segment) {
        return segment.physical_address == 0 && segment.virtual_address != 0;
      });
  if (nowhere) {
    virtual_only += loads.size();
    loads.clear();
  }
  return loads;
}

bool is_user_program(const Dump& dump) {
  return !dump.vmcoreinfo &&
         std::any_of(dump.notes.begin(), dump.notes.end(), [](const ElfNote& note) {
           // NT_AUXV of Linux and others; FreeBSD's process notes (NT_PROCSTAT_*) begin at 8.
           return (note.name == "CORE" && note.type == nt_auxv) ||
                  (note.name == "FreeBSD" && note.type >= 8 && note.type < 18);
         });
}

struct Extent {
  std::uint64_t start, end;
};

/// Where in the file segments keep memory, joined: a dump may have many thousands of segments.
std::vector<Extent> stored_extents(const ElfCoreHeaders& headers) {
  std::vector<Extent> extents;
  extents.reserve(headers.segments.size());
  for (const ElfSegment& segment : headers.segments) {
    const auto end = checked_add(segment.offset, segment.file_size);
    if (segment.type == elf_pt_load && segment.file_size != 0)
      extents.push_back({segment.offset, end.value_or(~std::uint64_t{0})});
  }
  std::sort(extents.begin(), extents.end(),
            [](const Extent& a, const Extent& b) { return a.start < b.start; });
  std::vector<Extent> joined;
  for (const Extent& extent : extents) {
    if (!joined.empty() && extent.start <= joined.back().end)
      joined.back().end = std::max(joined.back().end, extent.end);
    else
      joined.push_back(extent);
  }
  return joined;
}

void add_regions(const ByteSource& file, const ElfCoreHeaders& headers, Dump& dump) {
  FileRegions regions(file.size(), 0);
  regions.add(0, headers.headers_size, "header");
  regions.add(headers.segments_offset, headers.segment_size * headers.segment_count,
              "program headers");
  regions.add(headers.section_headers_offset, headers.section_headers_size, "section headers");
  for (const ElfSegment& segment : headers.segments)
    if (segment.type == elf_pt_note) regions.add(segment.offset, segment.file_size, "notes");
  for (const Extent& extent : stored_extents(headers))
    regions.add(extent.start, extent.end - extent.start, "page data");
  dump.regions = regions.finish();
}

}  // namespace

Result<Dump> open_elf_core(const SourcePtr& file) {
  PANICROOM_TRY(headers, read_elf_core_headers(*file));
  Dump dump;
  dump.format = "ELF core";
  dump.machine.architecture = architecture_of_elf_machine(headers.machine);
  dump.machine.order = headers.order;

  read_notes(*file, headers, dump);
  interpret_notes(dump);
  dump.machine.pointer_size = pointer_size_of(dump.machine.architecture, headers.width);
  interpret_vmcoreinfo(dump);
  if (is_user_program(dump))
    return fail(ErrorCode::unsupported, "this is the core of a user's program, not of a kernel");

  std::uint64_t virtual_only = 0;
  const std::vector<ElfSegment> loads = physical_segments(headers, virtual_only);
  if (loads.empty())
    return fail_at_offset(
        ErrorCode::unsupported, headers.segments_offset,
        fmt::format(
            "none of this ELF core's {} segments says where in physical memory it is; a core of "
            "virtual memory alone (/proc/kcore of an old kernel?) is not supported",
            virtual_only));
  const auto read = headers.segment_count * headers.segment_size;
  const bool headers_whole =
      headers.segments_offset <= file->size() && read <= file->size() - headers.segments_offset;
  auto memory = std::make_shared<const ElfMemory>(file, loads);
  if (!headers_whole)
    dump.remarks.push_back({ErrorCode::not_in_dump, "the file ends within its program headers",
                            headers.segments_offset});
  if (!memory->whole())
    dump.remarks.push_back(
        {ErrorCode::not_in_dump, "the file ends early: segments lie beyond its end", file->size()});
  if (virtual_only != 0)
    dump.remarks.push_back(
        {ErrorCode::unsupported,
         fmt::format("{} segments of virtual memory without a physical address were left out",
                     virtual_only),
         std::nullopt});
  dump.complete = headers_whole && memory->whole();
  dump.memory = std::move(memory);
  add_regions(*file, headers, dump);
  return dump;
}

}  // namespace panicroom
