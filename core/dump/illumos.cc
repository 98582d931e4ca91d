#include "core/dump/illumos.h"

#include <fmt/format.h>

#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/dump/file_regions.h"
#include "core/dump/illumos_hash_map.h"
#include "core/dump/illumos_header.h"
#include "core/dump/illumos_memory.h"
#include "core/dump/illumos_pages.h"
#include "core/dump/openers.h"
#include "core/io/lzjb.h"

namespace panicroom {
namespace {

constexpr std::uint64_t most_symbols = std::uint64_t{256} << 20;  // decompressed, of any kernel

Architecture architecture_of(const IllumosHeader& header) {
  if (header.machine == "aarch64") return Architecture::aarch64;
  // All others that are big-endian are SPARC.
  if (header.order == std::endian::big) return Architecture::unknown;
  return header.word == 8 ? Architecture::x86_64 : Architecture::i386;
}

IllumosContent content_of(const IllumosHeader& header) {
  if ((header.flags & IllumosHeader::all_flag) != 0) return IllumosContent::all;
  if ((header.flags & IllumosHeader::current_process_flag) != 0)
    return IllumosContent::current_process;
  if ((header.flags & IllumosHeader::kernel_flag) != 0) return IllumosContent::kernel;
  return IllumosContent::unknown;
}

SourcePtr symbols_of(const SourcePtr& file, const IllumosHeader& header, Dump& dump) {
  if (header.ksyms_size == 0) return nullptr;
  const char* const name = "the dump's own symbols (ksyms)";
  if (!contains(file->size(), header.ksyms, header.ksyms_stored)) {
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the file ends within the kernel's symbols (ksyms)", header.ksyms});
    return nullptr;
  }
  if (header.ksyms_size == header.ksyms_stored)
    return sub_source(file, header.ksyms, header.ksyms_size, name);
  if (header.ksyms_size > most_symbols ||
      header.ksyms_size > most_lzjb_output(header.ksyms_stored)) {
    dump.remarks.push_back(
        {ErrorCode::corrupt,
         fmt::format(
             "the kernel's symbols (ksyms) are left out: {} stored bytes cannot be a symbol "
             "table of {} bytes",
             header.ksyms_stored, header.ksyms_size),
         header.ksyms});
    return nullptr;
  }
  return lzjb_source(file, header.ksyms, header.ksyms_stored, header.ksyms_size, name);
}

/// What the header alone says.
Dump described(const SourcePtr& file, const IllumosHeader& header, std::string_view kind) {
  Dump dump;
  dump.format = fmt::format("illumos {} v{}", kind, header.version);
  dump.machine = {architecture_of(header), static_cast<std::uint8_t>(header.word), header.order,
                  header.page_size()};
  dump.release = header.release;
  dump.version = header.version_text;
  dump.nodename = header.nodename;
  dump.time = header.crash_time;
  IllumosDump& illumos = dump.illumos.emplace();
  illumos.version = header.version;
  illumos.flags = header.flags;
  illumos.content = content_of(header);
  illumos.live = (header.flags & IllumosHeader::live_flag) != 0;
  illumos.complete = (header.flags & IllumosHeader::complete_flag) != 0;
  illumos.word_bits = header.word * 8;
  illumos.sysname = header.sysname;
  illumos.machine = header.machine;
  illumos.platform = header.platform;
  illumos.panic_string = header.panic_string;
  illumos.uuid = header.uuid;
  illumos.fm_panic = header.fm_panic;
  illumos.ksyms = symbols_of(file, header, dump);
  if (!illumos.complete) {
    dump.complete = false;
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the system that wrote this dump says that it is not complete: pages "
                            "may be missing",
                            std::nullopt});
  }
  return dump;
}

void check_pages(const IllumosPages& pages, Dump& dump) {
  if (pages.count_in_file() < pages.count())
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         fmt::format("the file ends within its table of page frames: {} of {} pages are known",
                     pages.count_in_file(), pages.count()),
         pages.entry_offset(0)});
  if (!pages.ascending())
    dump.remarks.push_back({ErrorCode::corrupt,
                            "the table of page frames is not in ascending order: pages may not be "
                            "found",
                            pages.entry_offset(0)});
}

Result<Dump> open_vmcore(const SourcePtr& file, const IllumosHeader& header) {
  Dump dump = described(file, header, "vmcore");
  auto pages = std::make_shared<const IllumosPages>(file, header);
  auto memory = std::make_shared<const IllumosMemory>(file, pages, header.data);
  auto map = std::make_shared<const IllumosHashMap>(file, header, pages);
  check_pages(*pages, dump);
  if (!contains(file->size(), header.map, map->size()))
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the file ends within its translation map: most virtual addresses "
                            "cannot be found",
                            header.map});
  if (memory->pages_in_file() < pages->count())
    dump.remarks.push_back(
        {ErrorCode::not_in_dump,
         fmt::format("the file ends before the last {} of {} pages (savecore does not write pages "
                     "of zeros, with which a whole dump may end)",
                     pages->count() - memory->pages_in_file(), pages->count()),
         file->size()});
  for (const Note& remark : dump.remarks)
    if (remark.code == ErrorCode::not_in_dump) dump.complete = false;

  FileRegions regions(file->size(), 0);
  regions.add(0, header.size, "header");
  regions.add(header.ksyms, header.ksyms_stored, "kernel symbols (ksyms)");
  regions.add(header.pfn_table, header.pages * header.word, "page frame table");
  regions.add(header.map, map->size(), "translation map");
  regions.add(header.data, header.pages << header.page_shift, "page data");
  dump.regions = regions.finish("padding");
  dump.memory = std::move(memory);
  dump.illumos->map = std::move(map);
  return dump;
}

}  // namespace

std::string_view name(IllumosContent content) {
  switch (content) {
    case IllumosContent::kernel:
      return "kernel pages";
    case IllumosContent::all:
      return "all pages";
    case IllumosContent::current_process:
      return "kernel and current process's pages";
    case IllumosContent::unknown:
      break;
  }
  return "unknown";
}

Result<Dump> open_illumos_dump(const SourcePtr& file) {
  PANICROOM_TRY(header, read_illumos_header(*file, 0));
  if ((header.flags & IllumosHeader::compressed_flag) != 0)
    return fail(ErrorCode::unsupported,
                "this is a compressed illumos crash dump (vmdump.N), which is not supported yet: "
                "run savecore -f on it first");
  return open_vmcore(file, header);
}

}  // namespace panicroom
