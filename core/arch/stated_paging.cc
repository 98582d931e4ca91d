#include "core/arch/stated_paging.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <optional>
#include <utility>

#include "core/arch/two_halves.h"
#include "core/base/printable.h"

namespace panicroom {
namespace {

constexpr std::array<std::pair<std::string_view, X86Mode>, 4> x86_modes = {
    {{"two-level", X86Mode::two_level},
     {"pae", X86Mode::pae},
     {"four-level", X86Mode::four_level},
     {"five-level", X86Mode::five_level}}};
constexpr std::array<std::pair<std::string_view, unsigned>, 3> granules = {
    {{"4k", 12}, {"16k", 14}, {"64k", 16}}};

/// The text up to the next colon, which is taken off.
std::string_view next_word(std::string_view& text) {
  const std::string_view word = text.substr(0, text.find(':'));
  text.remove_prefix(std::min(word.size() + 1, text.size()));
  return word;
}

std::optional<Aarch64Regime> regime_of(std::string_view text) {
  Aarch64Regime regime;
  const std::string_view granule = next_word(text);
  bool known = false;
  for (const auto& [word, shift] : granules) {
    if (word != granule) continue;
    regime.granule_shift = shift;
    known = true;
  }
  if (!known) return std::nullopt;
  for (bool first = true; !text.empty(); first = false) {
    const std::string_view word = next_word(text);
    if (word == "lpa") {
      regime.large_pa = true;
      continue;
    }
    const auto [end, error] =
        std::from_chars(word.data(), word.data() + word.size(), regime.va_bits);
    if (!first || error != std::errc{} || end != word.data() + word.size()) return std::nullopt;
  }
  if (regime.va_bits < 25 || regime.va_bits > 52) return std::nullopt;
  if (regime.va_bits > 48 && regime.granule_shift != 16) regime.large_pa = true;
  return regime;
}

}  // namespace

Result<std::unique_ptr<PageTable>> stated_page_table(std::uint64_t root, std::string_view paging) {
  for (const auto& [word, mode] : x86_modes)
    if (word == paging) return x86_page_table(mode, root);
  auto regime = regime_of(paging);
  if (!regime)
    return fail(ErrorCode::invalid,
                fmt::format("page tables are two-level, pae, four-level or five-level, or 4k, 16k "
                            "or 64k with the bits of an address (4k:48, 64k:52:lpa), not \"{}\"",
                            printable(paging)));
  regime->root = root;
  Aarch64Regime lower = *regime;
  lower.upper_half = false;
  return two_halves(aarch64_page_table(lower), aarch64_page_table(*regime));
}

}  // namespace panicroom
