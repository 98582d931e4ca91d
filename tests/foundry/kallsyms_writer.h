#pragma once

#include <vector>

#include "tests/foundry/image.h"

namespace foundry {

/// Linux's kallsyms tables as scripts/kallsyms.c of 6.1 lays them out, one behind the other from
/// `at` (virtual): offsets, relative_base, num_syms, names, markers, token_table, token_index.
/// Symbols at small addresses are per-CPU ones (absolute). Returns the tables' own symbols, with
/// kallsyms_* names.
std::vector<Symbol> write_kallsyms(Image& image, std::uint64_t at, std::vector<Symbol> symbols,
                                   bool names_itself = true);

}  // namespace foundry
