#include "core/dump/kcore_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/arithmetic.h"

// Sources, read as facts: NetBSD's and OpenBSD's sys/sys/kcore.h, sys/sys/core.h,
// sys/arch/*/include/kcore.h and the dump code of amd64, i386 and aarch64; lib/libkvm/kvm.c of both
// for what savecore writes.

namespace panicroom {
namespace {

constexpr std::uint32_t file_magic = 0x8fca;
constexpr std::uint32_t segment_magic = 0x8fac;
constexpr std::uint32_t cpu_flag = 1;
constexpr std::uint32_t data_flag = 2;
constexpr std::uint64_t file_header_size = 12;
constexpr std::uint64_t segment_header_size = 8;
constexpr std::uint64_t run_size = 16;
constexpr std::uint64_t device_block = 512;
/// Four million runs: a sparse dump of 32 GiB in which every other page is left out.
constexpr std::uint64_t most_header_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t most_searched = std::uint64_t{4} << 30;
constexpr std::uint64_t i386_pae = 0x200;  // I386_KCORE_PAE

enum class Layout : std::uint8_t { amd64, i386, netbsd_aarch64, openbsd_arm64 };

struct MachineId {
  std::uint16_t id;
  std::string_view name;
  std::optional<Layout> layout;  ///< none: this program does not read it
};

// sys/sys/aout_mids.h, sys/sys/exec.h. OpenBSD gave 148 to 161 other meanings than NetBSD; of those
// that are read only 159 is one (NetBSD's is ia64, which never ran).
constexpr std::array<MachineId, 18> machine_ids = {{{134, "i386", Layout::i386},
                                                    {157, "amd64", Layout::amd64},
                                                    {159, "arm64", Layout::openbsd_arm64},
                                                    {183, "aarch64", Layout::netbsd_aarch64},
                                                    {135, "m68k", std::nullopt},
                                                    {136, "m68k", std::nullopt},
                                                    {138, "sparc", std::nullopt},
                                                    {139, "pmax", std::nullopt},
                                                    {141, "alpha", std::nullopt},
                                                    {142, "mips", std::nullopt},
                                                    {143, "arm", std::nullopt},
                                                    {145, "sh3", std::nullopt},
                                                    {149, "powerpc", std::nullopt},
                                                    {150, "vax", std::nullopt},
                                                    {154, "hppa", std::nullopt},
                                                    {156, "sparc64", std::nullopt},
                                                    {161, "riscv64", std::nullopt},
                                                    {185, "riscv", std::nullopt}}};

struct Word {
  std::uint32_t magic, machine, flags;
};

/// c_midmag is in network byte order, all else in the machine's.
Word split(std::uint32_t midmag) { return {midmag & 0xffff, (midmag >> 16) & 0x3ff, midmag >> 26}; }

const MachineId* known_machine(std::uint32_t id) {
  const auto* found = std::find_if(machine_ids.begin(), machine_ids.end(),
                                   [id](const MachineId& machine) { return machine.id == id; });
  return found == machine_ids.end() ? nullptr : found;
}

Result<Word> read_word(const ByteSource& file, std::uint64_t at) {
  PANICROOM_TRY(bytes, read_bytes(file, at, 4, 4));
  return split(*Reader(bytes, std::endian::big).u32(0));
}

/// The list of memory behind a cpu header.
struct RunList {
  std::uint64_t at = 0;     ///< within the cpu header
  std::uint64_t count = 0;  ///< as the header says
  bool to_zero = false;     ///< no count: ends at a size of 0
};

Result<std::vector<KcoreRun>> read_runs(const Reader& cpu, std::uint64_t cpu_offset,
                                        const RunList& list) {
  const std::uint64_t room = cpu.size() < list.at ? 0 : (cpu.size() - list.at) / run_size;
  std::vector<KcoreRun> runs;
  std::uint64_t total = 0;
  for (std::uint64_t index = 0; index < std::min(list.count, room); ++index) {
    const std::uint64_t at = list.at + index * run_size;
    const KcoreRun run{*cpu.u64(at), *cpu.u64(at + 8), cpu_offset + at};
    if (run.size == 0 && list.to_zero) break;
    if (run.size == 0) continue;
    const auto sum = checked_add(total, run.size);
    if (!sum || !checked_add(run.start, run.size))
      return fail_at_offset(
          ErrorCode::corrupt, run.record_offset,
          fmt::format("run {} of memory has {:#x} bytes from {:#x}, past the end of what "
                      "64 bits can address",
                      index, run.size, run.start));
    total = *sum;
    runs.push_back(run);
  }
  return runs;
}

/// The kernels round runs to pages and list them in ascending order.
bool plausible(const std::vector<KcoreRun>& runs) {
  std::uint64_t end = 0;
  for (const KcoreRun& run : runs) {
    if (((run.start | run.size) & 0xfff) != 0 || run.start < end) return false;
    end = run.start + run.size;
  }
  return !runs.empty();
}

std::uint32_t page_size_of(std::uint64_t tcr1) {
  switch ((tcr1 >> 30) & 3) {  // TG1
    case 1:
      return 16384;
    case 3:
      return 65536;
    default:
      return 4096;
  }
}

Failure lists_too_much(std::uint64_t count, std::uint64_t room, std::uint64_t offset) {
  return fail_at_offset(
      ErrorCode::corrupt, offset,
      fmt::format("the cpu header says that {} runs of memory follow; it has room for {}", count,
                  room));
}

/// Fills what the cpu header says. `cpu` may be shorter than `headers.cpu_size`: the file ends
/// there.
class CpuHeader {
 public:
  CpuHeader(KcoreHeaders& headers, Bytes bytes)
      : headers_(headers),
        bytes_(bytes),
        cpu_(bytes, std::endian::little),
        offset_(headers.cpu.offset) {}

  Result<void> read(Layout layout, std::uint64_t file_size) {
    switch (layout) {
      case Layout::amd64:
        return amd64();
      case Layout::i386:
        return i386(file_size);
      case Layout::netbsd_aarch64:
        return aarch64();
      case Layout::openbsd_arm64:
        return arm64();
    }
    return {};
  }

 private:
  /// Where the machine's numbers are in the file, not where the file ended.
  std::uint64_t room(std::uint64_t list_at) const {
    return headers_.cpu_size < list_at ? 0 : (headers_.cpu_size - list_at) / run_size;
  }
  Result<void> too_short() const {
    return absent(Absence::truncated, 0, "the file ends within its cpu header");
  }
  Result<void> take_runs(const RunList& list) {
    PANICROOM_TRY(runs, read_runs(cpu_, offset_, list));
    headers_.runs = std::move(runs);
    if (list.at + std::min(list.count, room(list.at)) * run_size > bytes_.size())
      headers_.complete = false;
    return {};
  }

  // u64 ptdpaddr, u64 nmemsegs; the same in both systems.
  Result<void> amd64() {
    headers_.machine = {Architecture::x86_64, 8, std::endian::little, 4096};
    const auto root = cpu_.u64(0), count = cpu_.u64(8);
    if (!root || !count) return too_short();
    if (*count > room(16)) return lists_too_much(*count, room(16), offset_ + 8);
    headers_.cpu.page_table_root = *root;
    return take_runs({16, *count});
  }

  // NetBSD: u32 pdppaddr, u32 nmemsegs. OpenBSD leaves what was on its stack: memory is all from
  // physical 0 on, as it lies.
  Result<void> i386(std::uint64_t file_size) {
    headers_.machine = {Architecture::i386, 4, std::endian::little, 4096};
    const auto root = cpu_.u32(0), count = cpu_.u32(4);
    if (root && count && *count <= room(8)) {
      const auto runs = read_runs(cpu_, offset_, {8, *count});
      if ((*root & 0xfff & ~i386_pae) == 0 && runs && plausible(*runs)) {
        headers_.cpu.system = KcoreHeader::System::netbsd;
        headers_.cpu.page_table_root = *root & ~std::uint64_t{0xfff};
        headers_.cpu.pae = (*root & i386_pae) != 0;
        return take_runs({8, *count});
      }
    }
    headers_.cpu.system = KcoreHeader::System::openbsd;
    const std::uint64_t size =
        file_size > headers_.data ? round_down(file_size - headers_.data, 4096) : 0;
    if (size != 0) headers_.runs.push_back({0, size, offset_});
    return {};
  }

  // u64 tcr1, u64 ttbr1, since NetBSD 9 u64 nramsegs; then the runs, in the older form until a size
  // of 0. A first run that begins at a small number that is no page's would be the count.
  Result<void> aarch64() {
    headers_.cpu.system = KcoreHeader::System::netbsd;
    const auto tcr1 = cpu_.u64(0), ttbr1 = cpu_.u64(8), third = cpu_.u64(16);
    if (!tcr1 || !ttbr1 || !third) return too_short();
    headers_.machine = {Architecture::aarch64, 8, std::endian::little, page_size_of(*tcr1)};
    headers_.cpu.tcr1 = *tcr1;
    headers_.cpu.ttbr1 = *ttbr1;
    if (*third != 0 && (*third & 0xfff) != 0) {
      if (*third > room(24)) return lists_too_much(*third, room(24), offset_ + 16);
      return take_runs({24, *third});
    }
    return take_runs({16, room(16), true});
  }

  // u64 kernelbase, kerneloffs, staticsize, two of pmap_kernel, eleven reserved; eight runs.
  Result<void> arm64() {
    headers_.cpu.system = KcoreHeader::System::openbsd;
    headers_.machine = {Architecture::aarch64, 8, std::endian::little, 4096};
    const auto base = cpu_.u64(0), offset = cpu_.u64(8), size = cpu_.u64(16);
    if (!base || !offset || !size) return too_short();
    headers_.cpu.kernelbase = *base;
    headers_.cpu.kerneloffs = *offset;
    headers_.cpu.staticsize = *size;
    return take_runs({128, 8, true});
  }

  KcoreHeaders& headers_;
  Bytes bytes_;
  Reader cpu_;
  std::uint64_t offset_;
};

/// Places the cpu header and the memory of a file that savecore wrote: a header, the cpu segment,
/// the memory segment, each with a header of its own.
Result<void> place_in_file(const ByteSource& file, KcoreHeaders& headers) {
  PANICROOM_TRY(bytes, read_bytes(file, headers.start, file_header_size, file_header_size));
  const Reader header(bytes, std::endian::little);
  const std::uint64_t size = *header.u16(4), segment = *header.u16(6), count = *header.u32(8);
  if (size < file_header_size || segment < segment_header_size)
    return fail_at_offset(
        ErrorCode::corrupt, headers.start + 4,
        fmt::format("headers of {} and {} bytes are smaller than the {} and {} that they hold",
                    size, segment, file_header_size, segment_header_size));
  if (count != 2)
    return fail_at_offset(ErrorCode::corrupt, headers.start + 8,
                          fmt::format("a kernel core has 2 segments; this one says {}", count));
  const std::uint64_t at = headers.start + size;
  PANICROOM_TRY(segment_bytes, read_bytes(file, at, segment_header_size, segment_header_size));
  const Word cpu = split(*Reader(segment_bytes, std::endian::big).u32(0));
  if (cpu.magic != segment_magic || (cpu.flags & cpu_flag) == 0)
    return fail_at_offset(ErrorCode::corrupt, at,
                          "the first segment of this kernel core is not that of the processor");
  headers.cpu.offset = at + segment;
  headers.cpu_size = *Reader(segment_bytes, std::endian::little).u32(4);
  const std::uint64_t next = headers.cpu.offset + headers.cpu_size;
  headers.data = next + segment;
  if (!contains(file.size(), next, segment_header_size)) return {};  // the file ends early
  PANICROOM_TRY(data, read_word(file, next));
  if (data.magic != segment_magic || (data.flags & data_flag) == 0)
    return fail_at_offset(ErrorCode::corrupt, next,
                          "no segment of memory follows that of the processor");
  return {};
}

/// On the device the cpu segment stands alone, rounded up to blocks, and memory follows.
Result<void> place_on_device(const ByteSource& file, Layout layout, KcoreHeaders& headers) {
  PANICROOM_TRY(bytes, read_bytes(file, headers.start, segment_header_size, segment_header_size));
  // ALIGN(sizeof (kcore_seg_t)) of the kernel.
  const std::uint64_t aligned = layout == Layout::netbsd_aarch64 ? 16 : 8;
  headers.on_device = true;
  headers.cpu.offset = headers.start + aligned;
  headers.cpu_size = *Reader(bytes, std::endian::little).u32(4);
  headers.data = headers.start + *round_up(aligned + headers.cpu_size, device_block);
  return {};
}

/// Whether headers on a device begin here, by what they say: the place was only searched for.
bool convincing(const ByteSource& file, std::uint64_t at, Bytes block) {
  const Word word = split(*Reader(block, std::endian::big).u32(0));
  const std::uint64_t size = *Reader(block, std::endian::little).u32(4);
  if (word.magic != file_magic || word.flags != cpu_flag) return false;
  const MachineId* machine = known_machine(word.machine);
  if (machine == nullptr || !machine->layout) return false;
  const std::uint64_t aligned = *machine->layout == Layout::netbsd_aarch64 ? 16 : 8;
  if ((aligned + size) % device_block != 0 || size > most_header_bytes) return false;
  const auto headers = read_kcore_headers(file, at);
  return headers && headers->complete && headers->end() <= file.size();
}

}  // namespace

std::uint64_t KcoreHeaders::end() const {
  std::uint64_t end = data;
  for (const KcoreRun& run : runs) {
    const auto sum = checked_add(end, run.size);
    if (!sum) return ~std::uint64_t{0};
    end = *sum;
  }
  return end;
}

Result<std::optional<std::uint64_t>> find_kcore(const ByteSource& file) {
  if (file.size() < 4) return std::optional<std::uint64_t>{};
  PANICROOM_TRY(word, read_word(file, 0));
  if (word.magic == file_magic) return std::optional<std::uint64_t>(0);
  if (file.size() % device_block != 0) return std::optional<std::uint64_t>{};
  constexpr std::uint64_t chunk = std::uint64_t{256} << 10;
  std::uint64_t at = 0;
  for (std::uint64_t searched = 0; searched < most_searched; searched += chunk) {
    at = round_down(file.next_stored(at), device_block);
    if (at >= file.size()) break;
    const std::uint64_t length = std::min(chunk, file.size() - at);
    PANICROOM_TRY(bytes, read_bytes(file, at, length, chunk));
    for (std::uint64_t block = 0; block < length; block += device_block) {
      const auto first = static_cast<std::size_t>(block);
      if (bytes[first + 2] != std::byte{0x8f} || bytes[first + 3] != std::byte{0xca}) continue;
      if (convincing(file, at + block, Bytes(bytes).subspan(first, 8)))
        return std::optional<std::uint64_t>(at + block);
    }
    file.done_with(at, length);
    at += length;
  }
  return std::optional<std::uint64_t>{};
}

Result<KcoreHeaders> read_kcore_headers(const ByteSource& file, std::uint64_t at) {
  PANICROOM_TRY(word, read_word(file, at));
  const MachineId* machine = known_machine(word.machine);
  if (machine == nullptr || !machine->layout)
    return fail_at_offset(
        ErrorCode::unsupported, at,
        fmt::format("this is a BSD kernel core of the machine {}{}; amd64, i386 and aarch64 are "
                    "supported",
                    word.machine, machine == nullptr ? "" : fmt::format(" ({})", machine->name)));
  KcoreHeaders headers;
  headers.start = at;
  headers.cpu.machine_id = static_cast<std::uint16_t>(word.machine);
  if ((word.flags & cpu_flag) != 0) {
    PANICROOM_CHECK(place_on_device(file, *machine->layout, headers));
  } else {
    PANICROOM_CHECK(place_in_file(file, headers));
  }
  if (headers.cpu_size > most_header_bytes)
    return fail_at_offset(
        ErrorCode::corrupt, headers.cpu.offset,
        fmt::format("a cpu header of {} bytes is larger than any dump's", headers.cpu_size));
  const std::uint64_t in_file =
      file.size() > headers.cpu.offset ? file.size() - headers.cpu.offset : 0;
  PANICROOM_TRY(bytes, read_bytes(file, headers.cpu.offset, std::min(headers.cpu_size, in_file),
                                  most_header_bytes));
  PANICROOM_CHECK(CpuHeader(headers, bytes).read(*machine->layout, file.size()));
  headers.cpu.runs = headers.runs.size();
  return headers;
}

}  // namespace panicroom
