#include "tests/foundry/kallsyms_writer.h"

#include <algorithm>
#include <array>
#include <string>

namespace foundry {
namespace {

/// Token i is character i where that occurs in names; the rest are common parts of names.
std::array<std::string, 256> tokens() {
  std::array<std::string, 256> table;
  for (unsigned character = 0x21; character < 0x7f; ++character)
    table[character] = std::string(1, static_cast<char>(character));
  const std::array<std::string, 8> parts = {"task",  "init_", "kallsyms_", "__",
                                            "panic", "run",   "sched",     "_start"};
  for (std::size_t index = 0; index < parts.size(); ++index) table[0x80 + index] = parts[index];
  return table;
}

Blob compressed(const std::string& text, const std::array<std::string, 256>& table) {
  Blob out;
  for (std::size_t at = 0; at < text.size();) {
    std::size_t best = 0;
    for (std::size_t token = 0; token < table.size(); ++token)
      if (table[token].size() > table[best].size() &&
          text.compare(at, table[token].size(), table[token]) == 0)
        best = token;
    out.push_back(static_cast<std::uint8_t>(best));
    at += table[best].size();
  }
  return out;
}

}  // namespace

std::vector<Symbol> write_kallsyms(Image& image, std::uint64_t at, std::vector<Symbol> symbols,
                                   bool names_itself) {
  const auto table = tokens();
  std::uint64_t base = ~0ULL;
  for (const Symbol& symbol : symbols)
    if (symbol.address >= 0x10000000) base = std::min(base, symbol.address);

  // The tables hold their own symbols, so their sizes must be known before their addresses are: the
  // names fix the sizes, the addresses do not.
  const std::array<std::string, 6> own = {"kallsyms_offsets",     "kallsyms_relative_base",
                                          "kallsyms_num_syms",    "kallsyms_names",
                                          "kallsyms_token_table", "kallsyms_token_index"};
  const std::size_t first_own = symbols.size();
  if (names_itself)
    for (const std::string& name : own) symbols.push_back({name, 0, 0, 'R'});

  const auto build = [&](std::vector<Symbol> sorted, std::vector<std::uint64_t>& places) {
    std::sort(sorted.begin(), sorted.end(), [](const Symbol& a, const Symbol& b) {
      return a.address != b.address ? a.address < b.address : a.name < b.name;
    });
    Blob out;
    const auto place = [&] {
      pad_to(out, image.pointer());
      places.push_back(at + out.size());
    };
    place();
    for (const Symbol& symbol : sorted)
      append(out, symbol.address >= 0x10000000 ? base - 1 - symbol.address : symbol.address, 4);
    place();
    append(out, base, image.pointer());
    place();
    append(out, sorted.size(), 4);
    place();
    Blob markers;
    const std::size_t names_at = out.size();
    for (std::size_t index = 0; index < sorted.size(); ++index) {
      if (index % 256 == 0) append(markers, out.size() - names_at, 4);
      const Blob name = compressed(std::string(1, sorted[index].type) + sorted[index].name, table);
      if (name.size() > 0x7f)
        out.push_back(static_cast<std::uint8_t>((name.size() & 0x7fU) | 0x80U)),
            out.push_back(static_cast<std::uint8_t>(name.size() >> 7U));
      else
        out.push_back(static_cast<std::uint8_t>(name.size()));
      out.insert(out.end(), name.begin(), name.end());
    }
    pad_to(out, image.pointer());
    out.insert(out.end(), markers.begin(), markers.end());
    place();
    std::vector<std::size_t> token_at;
    const std::size_t tokens_at = out.size();
    for (const std::string& token : table) {
      token_at.push_back(out.size() - tokens_at);
      append(out, token);
      out.push_back(0);
    }
    place();
    for (const std::size_t offset : token_at) append(out, offset, 2);
    // What follows in .rodata is no zeros: a reader that takes it for the offsets must notice.
    for (std::size_t index = 0; index < 8 * sorted.size(); ++index)
      append(out, index * 0x9e3779b9U >> 7U, 1);
    return out;
  };
  std::vector<std::uint64_t> places;
  // All own symbols sort behind the others or among them alike in both passes: their addresses lie
  // in one stretch that holds no other symbol.
  for (std::size_t index = first_own; index < symbols.size(); ++index) symbols[index].address = at;
  build(symbols, places);
  for (std::size_t index = first_own; index < symbols.size(); ++index)
    symbols[index].address = places[index - first_own];
  places.clear();
  const Blob bytes = build(symbols, places);
  for (std::size_t index = 0; index < bytes.size(); ++index)
    image.write_virtual(at + index, bytes[index], 1);
  std::vector<Symbol> tables;
  for (std::size_t index = 0; index < own.size(); ++index)
    tables.push_back({own[index], places[index], 0, 'R'});
  return tables;
}

}  // namespace foundry
