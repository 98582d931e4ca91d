#include "core/dump/kcore_header.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string_view>

#include "core/base/arithmetic.h"
#include "core/dump/kcore_cpu_header.h"

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
constexpr std::uint64_t device_block = 512;
/// Four million runs: a sparse dump of 32 GiB in which every other page is left out.
constexpr std::uint64_t most_header_bytes = std::uint64_t{64} << 20;
constexpr std::uint64_t most_searched = std::uint64_t{4} << 30;

struct MachineId {
  std::uint16_t id;
  std::string_view name;
  std::optional<KcoreLayout> layout;  ///< none: this program does not read it
};

// sys/sys/aout_mids.h, sys/sys/exec.h. OpenBSD gave 148 to 161 other meanings than NetBSD; of those
// that are read only 159 is one (NetBSD's is ia64, which never ran).
constexpr std::array<MachineId, 18> machine_ids = {{{134, "i386", KcoreLayout::i386},
                                                    {157, "amd64", KcoreLayout::amd64},
                                                    {159, "arm64", KcoreLayout::openbsd_arm64},
                                                    {183, "aarch64", KcoreLayout::netbsd_aarch64},
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
Result<void> place_on_device(const ByteSource& file, KcoreLayout layout, KcoreHeaders& headers) {
  PANICROOM_TRY(bytes, read_bytes(file, headers.start, segment_header_size, segment_header_size));
  // ALIGN(sizeof (kcore_seg_t)) of the kernel.
  const std::uint64_t aligned = layout == KcoreLayout::netbsd_aarch64 ? 16 : 8;
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
  const std::uint64_t aligned = *machine->layout == KcoreLayout::netbsd_aarch64 ? 16 : 8;
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
  PANICROOM_CHECK(read_kcore_cpu_header(headers, *machine->layout, bytes, file.size()));
  headers.cpu.runs = headers.runs.size();
  return headers;
}

}  // namespace panicroom
