#include "core/dump/illumos.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/dump/file_regions.h"
#include "core/dump/illumos_hash_map.h"
#include "core/dump/illumos_header.h"
#include "core/dump/illumos_memory.h"
#include "core/dump/illumos_pages.h"
#include "core/dump/illumos_raw_map.h"
#include "core/dump/illumos_records.h"
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
  if (header.ksyms_size > most_symbols || header.ksyms_stored > header.ksyms_size ||
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

/// What is the same in both headers of a dump; savecore clears the flag that it is valid.
bool same_dump(const IllumosHeader& a, const IllumosHeader& b) {
  return a.version == b.version && a.word == b.word && a.order == b.order && a.start == b.start &&
         a.ksyms == b.ksyms && a.pfn_table == b.pfn_table && a.map == b.map && a.data == b.data &&
         a.pages == b.pages && a.mappings == b.mappings && a.crash_time == b.crash_time &&
         ((a.flags ^ b.flags) & ~IllumosHeader::valid_flag) == 0;
}

/// vmdump.N, with a header at its start too, or the image of a device: `trailer` is where the
/// header at the end lies, if that is there.
Result<Dump> open_compressed(const SourcePtr& file, const IllumosHeader& header,
                             std::optional<std::uint64_t> trailer) {
  if (header.encrypted)
    return fail(ErrorCode::unsupported,
                "this illumos crash dump is encrypted: run savecore with its key first and open "
                "what that writes");
  const bool device = header.start != 0;
  Dump dump = described(file, header, device ? "dump device" : "vmdump");
  std::optional<IllumosDataHeader> data_header;
  if (trailer) {
    PANICROOM_TRY(found, read_illumos_data_header(*file, header, *trailer));
    data_header = found;
    const auto first = read_illumos_header(*file, header.start);
    if (!first || !same_dump(*first, header))
      dump.remarks.push_back(
          {ErrorCode::corrupt,
           "the header at the dump's start is not the one at its end: part of the dump was "
           "overwritten (by swapping to its device?), what is read may be wrong",
           header.start});
  } else {
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the file ends early: the header that stands at the end of a "
                            "compressed dump is missing",
                            file->size()});
  }
  auto pages = std::make_shared<const IllumosPages>(file, header);
  auto map = std::make_shared<const IllumosRawMap>(file, header);
  auto records =
      std::make_shared<const IllumosRecords>(file, header, data_header, pages->count_in_file());
  check_pages(*pages, dump);
  if (!map->whole())
    dump.remarks.push_back({ErrorCode::not_in_dump,
                            "the file ends within its translation map: virtual addresses that it "
                            "does not name cannot be found",
                            header.map});
  const std::uint64_t data_size = data_header ? data_header->data_size : 0;
  if (data_size != 0 && !contains(file->size(), header.data, data_size))
    dump.remarks.push_back(
        {ErrorCode::not_in_dump, "the file ends within its page data", file->size()});
  for (const Note& remark : dump.remarks)
    if (remark.code == ErrorCode::not_in_dump) dump.complete = false;

  FileRegions regions(file->size(), 0);
  regions.add(header.start, header.size, "header");
  if (trailer) regions.add(*trailer, header.size, "header");
  regions.add(header.ksyms, header.ksyms_stored, "kernel symbols (ksyms)");
  regions.add(header.pfn_table, header.pages * header.word, "page frame table");
  regions.add(header.map, map->size(), "translation map");
  const std::uint64_t data_end = trailer && *trailer > header.data ? *trailer : file->size();
  regions.add(header.data, data_size != 0 ? data_size : data_end - std::min(data_end, header.data),
              "page data");
  dump.regions = regions.finish(device ? "not of the dump" : "padding");
  dump.memory = std::make_shared<const CompressedIllumosMemory>(file, pages, std::move(records),
                                                                !dump.complete);
  dump.illumos->compressed = true;
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
  auto trailer = illumos_trailer(file->size());
  std::optional<IllumosHeader> last;
  if (trailer) {
    if (auto found = read_illumos_header(*file, *trailer)) last = *std::move(found);
    if (!last) trailer.reset();
  }
  std::array<std::byte, 4> magic{};
  const bool begins = file->size() >= magic.size() && file->read(0, magic) && illumos_magic(magic);
  if (!begins && last) return open_compressed(file, *last, trailer);
  PANICROOM_TRY(header, read_illumos_header(*file, 0));
  if ((header.flags & IllumosHeader::compressed_flag) == 0) return open_vmcore(file, header);
  // What lies at the end of a file that was cut may be anything.
  if (last && last->start != 0) trailer.reset();
  return open_compressed(file, header, trailer);
}

}  // namespace panicroom
