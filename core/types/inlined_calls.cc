#include "core/types/inlined_calls.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/types/dwarf_cursor.h"

namespace panicroom {

namespace {

constexpr std::size_t kCallsLimit = 128;  // inlined in each other at one address
constexpr std::size_t kNamesLimit = 8;    // entries that complete each other
constexpr std::size_t kFunctionsKept = std::size_t{1} << 20;
// Of all addresses together, beside one for each byte: stacks ask for a few hundred functions.
constexpr std::uint64_t kEntriesLimit = std::uint64_t{1} << 22;

}  // namespace

Result<DwarfEntry> InlinedCalls::outline(const DwarfUnits::Unit& unit, std::uint64_t offset) {
  if (++entries_read_ > kEntriesLimit + units_.size())
    return Failure(corrupt_dwarf(offset, "too much is to be read for the functions inlined here"));
  return units_.outline(unit, offset);
}

Result<std::uint64_t> InlinedCalls::behind(const DwarfUnits::Unit& unit, const DwarfEntry& entry) {
  if (!entry.has_children) return entry.next;
  if (entry.sibling > entry.next && entry.sibling <= unit.end) return entry.sibling;
  std::uint64_t at = entry.next;
  for (std::size_t depth = 1; depth != 0 && at < unit.end;) {
    PANICROOM_TRY(child, outline(unit, at));
    if (child.tag == DwarfTag::end)
      --depth;
    else if (child.has_children)
      ++depth;
    at = child.next;
  }
  return at;
}

Result<std::shared_ptr<const InlinedCalls::Unit>> InlinedCalls::functions_of(
    const DwarfUnits::Unit& unit) {
  if (const auto known = indexed_.find(unit.begin); known != indexed_.end()) return known->second;
  auto found = std::make_shared<Unit>();
  PANICROOM_TRY(root, units_.entry(unit, unit.entries));
  found->root = root.code;
  std::uint64_t at = root.has_children ? root.next : unit.end;
  while (at < unit.end) {
    PANICROOM_TRY(entry, outline(unit, at));
    if (entry.tag == DwarfTag::subprogram) {
      // One whose place cannot be read costs its own calls.
      if (const auto ranges = code_ranges(code_, unit, units_.order(), root.code, entry.code))
        for (const CodeRange& range : *ranges) found->functions.push_back({range, at});
    }
    // C has functions at the top of a unit alone, C++ in name spaces too.
    if (entry.tag == DwarfTag::namespace_ || entry.tag == DwarfTag::end) {
      at = entry.next;
      continue;
    }
    PANICROOM_TRY(next, behind(unit, entry));
    at = next;
  }
  std::sort(found->functions.begin(), found->functions.end(),
            [](const Function& a, const Function& b) {
              return std::pair(a.code.begin, a.entry) < std::pair(b.code.begin, b.entry);
            });
  functions_kept_ += found->functions.size();
  if (functions_kept_ > kFunctionsKept) {
    indexed_.clear();
    functions_kept_ = found->functions.size();
  }
  return indexed_.emplace(unit.begin, std::move(found)).first->second;
}

Result<bool> InlinedCalls::holds(const DwarfUnits::Unit& unit, const DwarfCode& root,
                                 const DwarfCode& code, std::uint64_t address) {
  PANICROOM_TRY(ranges, code_ranges(code_, unit, units_.order(), root, code));
  return std::any_of(ranges.begin(), ranges.end(), [address](const CodeRange& range) {
    return address >= range.begin && address < range.end;
  });
}

Result<std::string_view> InlinedCalls::name_of(std::uint64_t entry) {
  for (std::size_t i = 0; i < kNamesLimit && entry != 0; ++i) {
    PANICROOM_TRY(unit, units_.unit_of(entry));
    PANICROOM_TRY(found, units_.entry(*unit, entry));
    if (!found.name.empty()) return found.name;
    entry = found.origin;
  }
  return std::string_view{};
}

Result<std::vector<InlinedCalls::Call>> InlinedCalls::calls_in(const DwarfUnits::Unit& unit,
                                                               const DwarfCode& root,
                                                               std::uint64_t function,
                                                               std::uint64_t address) {
  std::vector<Call> calls;
  PANICROOM_TRY(whole, outline(unit, function));
  std::uint64_t at = whole.next;
  std::size_t depth = whole.has_children ? 1 : 0;
  while (depth != 0 && at < unit.end) {
    PANICROOM_TRY(entry, outline(unit, at));
    if (entry.tag == DwarfTag::end) {
      --depth;
      at = entry.next;
      continue;
    }
    const bool is_call = entry.tag == DwarfTag::inlined_subroutine;
    const bool is_block = entry.tag == DwarfTag::lexical_block;
    const bool has_code = entry.code.low || entry.code.ranges;
    bool here = false;
    if ((is_call || is_block) && has_code) {
      PANICROOM_TRY(held, holds(unit, root, entry.code, address));
      here = held;
    }
    if (here && is_call) {
      if (calls.size() == kCallsLimit)
        return Failure(corrupt_dwarf(
            at, fmt::format("over {} functions are inlined in each other", kCallsLimit)));
      PANICROOM_TRY(name, name_of(entry.origin));
      calls.push_back({name, entry.code.call_file, entry.code.call_line});
    }
    if (here) {
      // What lies beside it holds other addresses.
      depth = entry.has_children ? 1 : 0;
      at = entry.next;
    } else if (is_block && !has_code && entry.has_children) {
      ++depth;
      at = entry.next;
    } else {
      PANICROOM_TRY(next, behind(unit, entry));
      at = next;
    }
  }
  std::reverse(calls.begin(), calls.end());
  return calls;
}

Result<std::vector<InlinedCalls::Call>> InlinedCalls::at(const DwarfUnits::Unit& unit,
                                                         std::uint64_t address) {
  PANICROOM_TRY(known, functions_of(unit));
  auto after = std::upper_bound(
      known->functions.begin(), known->functions.end(), address,
      [](std::uint64_t place, const Function& function) { return place < function.code.begin; });
  // Few functions lie within another's range.
  for (unsigned tries = 0; tries < 4 && after != known->functions.begin(); ++tries) {
    --after;
    if (address < after->code.end) return calls_in(unit, known->root, after->entry, address);
  }
  return std::vector<Call>{};
}

}  // namespace panicroom
