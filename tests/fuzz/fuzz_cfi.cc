// Input: a byte: bit 0 .eh_frame (else .debug_frame), bit 1 AArch64 (else x86_64), bit 2 i386, bit
// 3 there is an .eh_frame_hdr; 32-bit words pc, sp, fp (offsets in the image; little-endian); the
// lengths of the header and of the frames, 16 bits each, and those bytes. What follows is the
// kernel image. The section of frames was linked to the image's begin. Or an ELF file.
#include <span>
#include <vector>

#include "core/stack/cfi.h"
#include "core/stack/unwind.h"
#include "tests/fuzz/kernel_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  constexpr std::size_t kHeader = 17;
  const Bytes input = std::as_bytes(std::span(data, size));
  if (size > (std::size_t{1} << 20)) return 0;
  if (size > 4 && data[0] == 0x7f) {
    const auto table =
        read_cfi(memory_source("fuzz", std::vector<std::byte>(input.begin(), input.end())));
    std::uint64_t some = 0;
    if (table)
      static_cast<void>((*table)->rows([&](const CfiRow& row) {
        some ^= row.begin;
        return true;
      }));
    if (table) static_cast<void>((*table)->row_at(some));
    return 0;
  }
  if (size < kHeader) return 0;
  const Reader words(input.subspan(1, kHeader - 1), std::endian::little);
  const auto place = [&](std::uint64_t at) { return fuzz::KernelImage::kBase + *words.u32(at); };
  const std::size_t header_size = std::min<std::size_t>(*words.u16(12), size - kHeader);
  const std::size_t frames_size =
      std::min<std::size_t>(*words.u16(14), size - kHeader - header_size);
  const auto part = [&](std::size_t from, std::size_t length) {
    const Bytes bytes = input.subspan(from, length);
    return LazyBytes(std::vector<std::byte>(bytes.begin(), bytes.end()));
  };
  const unsigned flags = data[0];
  CfiSections sections;
  sections.machine.architecture = (flags & 2) != 0   ? Architecture::aarch64
                                  : (flags & 4) != 0 ? Architecture::i386
                                                     : Architecture::x86_64;
  sections.frames.push_back(
      {part(kHeader + header_size, frames_size), fuzz::KernelImage::kBase, (flags & 1) != 0});
  if ((flags & 8) != 0)
    sections.header =
        CfiSection{part(kHeader, header_size), fuzz::KernelImage::kBase + 0x10000, true};
  const auto kernel = fuzz::map_image(input.subspan(kHeader + header_size + frames_size),
                                      std::endian::little, sections.machine.architecture);
  CfiTable table(std::move(sections));
  Registers registers;
  registers.pc = place(0);
  registers.sp = place(4);
  registers.fp = place(8);
  const auto unwound = unwind_cfi(
      *kernel,
      [&](std::uint64_t pc) -> Result<std::optional<CfiFound>> {
        auto row = table.row_at(pc);
        if (!row) return Failure(row.error());
        if (!*row) return std::optional<CfiFound>{};
        return std::optional<CfiFound>({**std::move(row), 0});
      },
      registers, [](std::uint64_t pc) { return pc >= fuzz::KernelImage::kBase; }, {});
  if (unwound.frames.size() > 512) __builtin_trap();
  return 0;
}
