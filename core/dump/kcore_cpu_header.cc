#include "core/dump/kcore_cpu_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/arithmetic.h"

// Sources, read as facts: NetBSD's and OpenBSD's sys/arch/*/include/kcore.h and the dump code that
// fills these structures.

namespace panicroom {
namespace {

constexpr std::uint64_t run_size = 16;     // phys_ram_seg_t
constexpr std::uint64_t i386_pae = 0x200;  // I386_KCORE_PAE

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

  Result<void> read(KcoreLayout layout, std::uint64_t file_size) {
    switch (layout) {
      case KcoreLayout::amd64:
        return amd64();
      case KcoreLayout::i386:
        return i386(file_size);
      case KcoreLayout::netbsd_aarch64:
        return aarch64();
      case KcoreLayout::openbsd_arm64:
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

}  // namespace

Result<void> read_kcore_cpu_header(KcoreHeaders& headers, KcoreLayout layout, Bytes bytes,
                                   std::uint64_t file_size) {
  return CpuHeader(headers, bytes).read(layout, file_size);
}

}  // namespace panicroom
