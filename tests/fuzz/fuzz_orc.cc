// Input: 32-bit words pc, sp, fp, ip_table, unwind_table (offsets in the image), count and version
// (little-endian), then the kernel image: tables, stacks and code alike.
#include <span>

#include "core/stack/unwind.h"
#include "tests/fuzz/kernel_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  constexpr std::size_t kHeader = 28;
  const Bytes input = std::as_bytes(std::span(data, size));
  if (size < kHeader || size > (std::size_t{1} << 20)) return 0;
  const Reader words(input.first(kHeader), std::endian::little);
  const auto place = [&](std::uint64_t at) { return fuzz::KernelImage::kBase + *words.u32(at); };
  const auto kernel = fuzz::map_image(input.subspan(kHeader), std::endian::little);
  Registers registers;
  registers.pc = place(0);
  registers.sp = place(4);
  registers.fp = place(8);
  const OrcTables tables{place(12), place(16), *words.u32(20), 6, *words.u32(24) & 1};
  const auto is_text = [](std::uint64_t pc) { return pc >= fuzz::KernelImage::kBase; };
  const auto by_orc = unwind_orc(*kernel, tables, registers, is_text);
  const auto by_frames = unwind_frame_pointers(*kernel, registers, 0, 0, is_text);
  if (by_orc.frames.size() > 512 || by_frames.frames.size() > 512) __builtin_trap();
  return 0;
}
