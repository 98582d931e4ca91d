#include <fmt/format.h>

#include <string>

#include "core/dump/elf_memory.h"
#include "core/dump/file_regions.h"
#include "core/dump/kcore_header.h"
#include "core/dump/openers.h"

namespace panicroom {
namespace {

/// The runs of memory lie one after the other in the file.
std::vector<ElfSegment> segments_of(const KcoreHeaders& headers) {
  std::vector<ElfSegment> segments;
  segments.reserve(headers.runs.size());
  std::uint64_t offset = headers.data;
  for (const KcoreRun& run : headers.runs) {
    ElfSegment segment;
    segment.type = elf_pt_load;
    segment.offset = offset;
    segment.physical_address = run.start;
    segment.file_size = segment.memory_size = run.size;
    segment.header_offset = run.record_offset;
    segments.push_back(segment);
    offset += run.size;  // read_runs has summed them up
  }
  return segments;
}

void add_regions(const ByteSource& file, const KcoreHeaders& headers, Dump& dump) {
  FileRegions regions(file.size(), 0);
  regions.add(0, headers.start, "before the dump");
  regions.add(headers.start, headers.cpu.offset - headers.start, "header");
  regions.add(headers.cpu.offset, headers.cpu_size, "cpu header and list of memory");
  regions.add(headers.cpu.offset + headers.cpu_size,
              headers.data - (headers.cpu.offset + headers.cpu_size), "header of the memory");
  regions.add(headers.data, headers.end() - headers.data, "page data");
  dump.regions = regions.finish("beyond the last page");
}

}  // namespace

Result<Dump> open_kcore(const SourcePtr& file) {
  PANICROOM_TRY(start, find_kcore(*file));
  if (!start) return fail(ErrorCode::unsupported, "this file holds no BSD kernel core");
  PANICROOM_TRY(headers, read_kcore_headers(*file, *start));
  if (headers.runs.empty())
    return fail_at_offset(headers.complete ? ErrorCode::corrupt : ErrorCode::not_in_dump,
                          headers.cpu.offset,
                          headers.complete ? "the cpu header of this kernel core lists no memory"
                                           : "the file ends before it lists any memory");
  Dump dump;
  dump.format = headers.on_device ? "BSD kcore on its dump device" : "BSD kcore";
  dump.machine = headers.machine;
  dump.kcore = headers.cpu;
  auto memory =
      std::make_shared<const ElfMemory>(file, segments_of(headers), "entry of the memory list");
  if (!headers.complete)
    dump.remarks.push_back(
        {ErrorCode::not_in_dump, "the file ends within its list of memory", headers.cpu.offset});
  if (!memory->whole())
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         fmt::format("the file ends early: memory would reach to offset {:#x}", headers.end()),
         file->size()});
  dump.complete = headers.complete && memory->whole();
  dump.memory = std::move(memory);
  add_regions(*file, headers, dump);
  return dump;
}

}  // namespace panicroom
