// Input: seven 32-bit words that place the tables (count, and offsets in the image of names, token
// table, token index, offsets, relative_base's target and addresses; little-endian), then the
// kernel image.
#include <array>
#include <span>

#include "core/symbols/kallsyms.h"
#include "tests/fuzz/kernel_image.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  constexpr std::size_t kHeader = 28;
  const Bytes input = std::as_bytes(std::span(data, size));
  if (size < kHeader || size > (std::size_t{1} << 20)) return 0;
  const Reader words(input.first(kHeader), std::endian::little);
  const auto place = [&](std::uint64_t at) {
    const std::uint64_t offset = *words.u32(at);
    return offset == 0 ? 0 : fuzz::KernelImage::kBase + offset;
  };
  const KallsymsTables tables{*words.u32(0), place(4),  place(8), place(12),
                              place(16),     place(20), place(24)};
  const Bytes image = input.subspan(kHeader);
  const auto kernel = fuzz::map_image(image, std::endian::little);
  const auto use = [&](const KallsymsTables& where) {
    const auto symbols = read_kallsyms(*kernel, where, std::nullopt);
    if (!symbols) return;
    constexpr std::array<std::string_view, 3> kNames{"_stext", "init_task", ""};
    static_cast<void>((*symbols)->find_all(kNames));
    for (const Symbol& symbol :
         (*symbols)->all().first(std::min<std::size_t>(64, (*symbols)->size()))) {
      static_cast<void>((*symbols)->at(symbol.address));
      static_cast<void>((*symbols)->find(symbol.name));
    }
  };
  use(tables);
  if (const auto found =
          find_kallsyms(*kernel, fuzz::KernelImage::kBase, fuzz::KernelImage::kBase + image.size()))
    use(*found);
  return 0;
}
