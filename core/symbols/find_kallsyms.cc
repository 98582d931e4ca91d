// Finds kallsyms by the shape of its tables. Their order in .rodata, each aligned to a word (Linux,
// scripts/kallsyms.c, write_src()):
//   until 6.3:  addresses, or offsets and relative_base; num_syms, names, markers, [seqs_of_names,]
//               token_table, token_index
//   since 6.4:  num_syms, names, markers, token_table, token_index, offsets, [relative_base,]
//               seqs_of_names
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <string_view>

#include "core/base/arithmetic.h"
#include "core/memory/mapped_scan.h"
#include "core/symbols/kallsyms.h"
#include "core/symbols/kallsyms_addresses.h"
#include "core/symbols/kallsyms_names.h"

namespace panicroom {

namespace {

constexpr std::size_t kTokens = 256;
constexpr std::size_t kIndexSize = kTokens * 2;
constexpr std::size_t kTokenTableLimit = 0x10000 + KallsymsNames::kNameLimit;
// The token table holds every character that names use as a token of its own, so all digits in a
// row.
constexpr std::string_view kDigits("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0", 20);
constexpr std::size_t kFirstDigit = '0';
constexpr std::uint64_t kMarkerStep = 256;  // symbols between two markers

/// What one search may still look at: an image may be full of what looks like a beginning.
struct Budget {
  unsigned digits = 256;       ///< runs of digits, each of which may be in a token table
  unsigned token_tables = 16;  ///< tables that agree with an index
  std::uint64_t steps = std::uint64_t{1} << 27;  ///< along names and addresses

  void spend(std::uint64_t count) { steps -= std::min(count, steps); }
};

struct TokenTables {
  std::uint64_t table = 0;
  std::uint64_t index = 0;
};

std::string_view as_text(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// The tables around the digits at `digits`, where an index follows that agrees with every token.
std::optional<TokenTables> tokens_around(AddressSpace& kernel, std::uint64_t digits) {
  std::vector<std::byte> after(kTokenTableLimit + kIndexSize + 64);
  after.resize(kernel.read_some(digits, after));
  const std::string_view text = as_text(after);
  std::array<std::size_t, kTokens - kFirstDigit + 1> starts{};
  for (std::size_t i = 1; i < starts.size(); ++i) {
    const auto nul = text.find('\0', starts[i - 1]);
    if (nul == std::string_view::npos || nul - starts[i - 1] > KallsymsNames::kNameLimit)
      return std::nullopt;
    starts[i] = nul + 1;
  }
  const Reader reader(after, kernel.machine().order);
  // The index is aligned in memory; the digits may begin at an odd address.
  const std::uint64_t first_place = starts.back() + ((digits + starts.back()) & 1U);
  for (std::uint64_t at = first_place; at < starts.back() + 64; at += 2) {
    const auto first = reader.u16(at), digit = reader.u16(at + kFirstDigit * 2);
    if (!first || !digit || *first != 0) continue;
    bool agrees = true;
    for (std::size_t i = 0; i + kFirstDigit < kTokens && agrees; ++i)
      agrees = reader.u16(at + (kFirstDigit + i) * 2) == *digit + starts[i];
    for (std::size_t i = 1; i < kFirstDigit && agrees; ++i)
      agrees = *reader.u16(at + i * 2) > *reader.u16(at + (i - 1) * 2);
    if (agrees) return TokenTables{digits - *digit, digits + at};
  }
  return std::nullopt;
}

/// num_syms and names, found backwards from the token table by the markers, which repeat the places
/// that a walk along the names comes to.
class NamesSearch {
 public:
  NamesSearch(Bytes before, std::uint64_t end, const Machine& machine, Budget& budget)
      : before_(before),
        reader_(before, machine.order),
        start_(end - before.size()),
        word_(machine.pointer_size),
        budget_(budget) {}

  struct Found {
    std::uint64_t count_address = 0;
    std::uint64_t count = 0;
    std::uint64_t names = 0;
  };

  std::optional<Found> search() {
    // Addresses, not offsets, are aligned.
    std::uint64_t at = round_down(start_ + before_.size(), word_);
    for (; at >= start_ + word_ && budget_.steps != 0; budget_.spend(1)) {
      at -= word_;
      const std::uint64_t offset = at - start_;
      const auto count = reader_.u32(offset);
      const std::uint64_t names = offset + word_;
      const std::uint64_t room = names < before_.size() ? before_.size() - names : 0;
      if (!count || *count <= kMarkerStep || *count > KallsymsNames::kCountLimit) continue;
      if (std::uint64_t{*count} * 2 > room || (word_ == 8 && reader_.u32(offset + 4) != 0U))
        continue;
      if (walks(names, *count)) return Found{at, *count, start_ + names};
    }
    return std::nullopt;
  }

 private:
  bool walks(std::uint64_t names, std::uint64_t count) {
    std::uint64_t at = names, second = 0, last = 0;
    for (std::uint64_t i = 0; i < count; ++i) {
      if (budget_.steps == 0) return false;
      budget_.spend(1);
      if (at >= before_.size()) return false;
      const auto length = kallsyms_length(before_.subspan(static_cast<std::size_t>(at)));
      if (!length || length->tokens == 0) return false;
      if (i == kMarkerStep) second = at - names;
      if (i % kMarkerStep == 0) last = at - names;
      at += length->bytes + length->tokens;
    }
    // Markers were words before Linux 5.0 and are 32 bits wide since.
    const std::uint64_t markers = round_down(start_ + at + word_ - 1, word_) - start_;
    for (const unsigned width : {4U, word_}) {
      const std::uint64_t end = (count - 1) / kMarkerStep * width;
      if (reader_.word(markers, width) == 0U && reader_.word(markers + width, width) == second &&
          reader_.word(markers + end, width) == last)
        return true;
    }
    return false;
  }

  Bytes before_;
  Reader reader_;
  std::uint64_t start_;
  unsigned word_;
  Budget& budget_;
};

/// The readable bytes that end at `end`, at most `limit` and none below `start`.
std::vector<std::byte> bytes_before(AddressSpace& kernel, std::uint64_t start, std::uint64_t end,
                                    std::uint64_t limit) {
  std::uint64_t from = end;
  std::vector<std::byte> bytes(static_cast<std::size_t>(std::min(limit, end - start)));
  while (end - from < bytes.size()) {
    const std::uint64_t next =
        std::max(end - bytes.size(), round_down(from - 1, kernel.machine().page_size));
    const auto out = MutableBytes(bytes).subspan(
        static_cast<std::size_t>(next + bytes.size() - end), static_cast<std::size_t>(from - next));
    if (!kernel.read(next, out)) break;
    from = next;
  }
  bytes.erase(bytes.begin(), bytes.end() - static_cast<std::ptrdiff_t>(end - from));
  return bytes;
}

std::optional<NamesSearch::Found> names_before(AddressSpace& kernel, std::uint64_t start,
                                               std::uint64_t token_table, Budget& budget) {
  if (start >= token_table) return std::nullopt;
  constexpr std::uint64_t kMiB = std::uint64_t{1} << 20;
  for (const std::uint64_t limit : {4 * kMiB, 32 * kMiB}) {
    const auto bytes = bytes_before(kernel, start, token_table, limit);
    if (auto found = NamesSearch(bytes, token_table, kernel.machine(), budget).search())
      return found;
    if (bytes.size() < limit) break;
  }
  return std::nullopt;
}

/// Where the addresses may stand, by the two orders of the tables.
std::vector<KallsymsTables> places_of_addresses(AddressSpace& kernel,
                                                const NamesSearch::Found& names,
                                                const TokenTables& tokens) {
  const std::uint64_t word = kernel.machine().pointer_size;
  const std::uint64_t offsets_size = *round_up(names.count * 4, word);
  KallsymsTables known{names.count, names.names, tokens.table, tokens.index, 0, 0, 0};
  std::vector<KallsymsTables> places;
  const auto with_base = [&](std::uint64_t offsets, std::uint64_t base_address) {
    const auto base = kernel.word(base_address);
    if (!base || *base == 0) return;
    places.push_back(known);
    places.back().offsets = offsets;
    places.back().relative_base = *base;
  };
  const std::uint64_t behind = *round_up(tokens.index + kIndexSize, word);
  with_base(behind, behind + offsets_size);
  with_base(names.count_address - word - offsets_size, names.count_address - word);
  places.push_back(known);
  places.back().offsets = behind;
  places.push_back(known);
  places.back().addresses = names.count_address - names.count * word;
  return places;
}

std::optional<KallsymsTables> tables_around(AddressSpace& kernel, std::uint64_t start,
                                            const TokenTables& tokens, Budget& budget) {
  const auto names = names_before(kernel, start, tokens.table, budget);
  if (!names) return std::nullopt;
  std::optional<KallsymsTables> best;
  std::uint64_t most = names->count * 9 / 10;
  for (const auto& place : places_of_addresses(kernel, *names, tokens)) {
    budget.spend(names->count);
    const auto readings = read_kallsyms_addresses(kernel, place);
    if (!readings || readings->front().plausible <= most) continue;
    most = readings->front().plausible;
    best = place;
  }
  return best;
}

}  // namespace

Result<KallsymsTables> find_kallsyms(AddressSpace& kernel, std::uint64_t start, std::uint64_t end) {
  if (end <= start)
    return fail_at_address(ErrorCode::invalid, start, "there is no kernel image to search");
  Budget budget;
  std::optional<KallsymsTables> found;
  const auto missing =
      scan_mapped(kernel, start, end, kDigits.size(), [&](std::uint64_t address, Bytes bytes) {
        const std::string_view text = as_text(bytes);
        for (auto hit = text.find(kDigits); hit != std::string_view::npos && !found;
             hit = text.find(kDigits, hit + 1)) {
          if (budget.digits == 0 || budget.token_tables == 0 || budget.steps == 0) return false;
          --budget.digits;
          const auto tokens = tokens_around(kernel, address + hit);
          if (!tokens) continue;
          --budget.token_tables;
          found = tables_around(kernel, start, *tokens, budget);
        }
        return !found;
      });
  if (found) return *found;
  if (budget.token_tables != Budget{}.token_tables)
    return fail_at_address(ErrorCode::corrupt, start,
                           "the kernel's symbol tokens are there, but no names that use them");
  if (budget.digits == 0)
    return fail_at_address(ErrorCode::corrupt, start,
                           fmt::format("{} places look like tokens of kallsyms, and no index "
                                       "agrees with one: the search ended",
                                       Budget{}.digits));
  if (missing) return Failure(missing->within("looking for kallsyms in the kernel's image"));
  return fail_at_address(
      ErrorCode::no_symbol, start,
      fmt::format("no kallsyms between here and {:#x}: the kernel may be built without", end));
}

}  // namespace panicroom
