#include "core/types/source_lines.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/types/debug_section.h"
#include "core/types/dwarf_cursor.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

constexpr std::size_t kRangesLimit = std::size_t{1} << 22;
constexpr std::size_t kTablesKept = 4096, kRowsKept = std::size_t{1} << 21;
constexpr std::size_t kCallsKept = 4096;

}  // namespace

SourceLines::SourceLines(SourceLineSections sections)
    : sections_(std::move(sections)),
      units_(std::move(sections_.dwarf)),
      inlined_(units_, sections_.code) {}

/// DWARF 5, 6.1.2. A set that cannot be read costs its unit.
void SourceLines::index_aranges() {
  LazyBytes& bytes = sections_.aranges;
  for (std::uint64_t at = 0; at < bytes.size() && ranges_->size() < kRangesLimit;) {
    unsigned offset_size = 4;
    DwarfCursor head(bytes, units_.order(), at, bytes.size());
    const std::uint64_t length = head.initial_length(offset_size);
    if (head.failed() || !contains(bytes.size(), head.at(), length)) return;
    DwarfCursor cursor(bytes, units_.order(), head.at(), head.at() + length);
    const std::uint64_t version = cursor.number(2);
    const std::uint64_t unit = cursor.number(offset_size);
    const auto address_size = static_cast<unsigned>(cursor.number(1));
    const std::uint64_t selector_size = cursor.number(1);
    const bool known = version == 2 && (address_size == 4 || address_size == 8);
    if (known && selector_size == 0) {
      const std::uint64_t tuple = std::uint64_t{2} * address_size;
      if (const std::uint64_t off = (cursor.at() - at) % tuple; off != 0) cursor.skip(tuple - off);
      while (!cursor.at_end() && ranges_->size() < kRangesLimit) {
        const std::uint64_t begin = cursor.number(address_size);
        const std::uint64_t size = cursor.number(address_size);
        if (cursor.failed() || (begin == 0 && size == 0)) break;
        if (const auto end = checked_add(begin, size); end && size != 0)
          ranges_->push_back({begin, *end, unit});
      }
    }
    at = cursor.end();
  }
}

void SourceLines::index() {
  ranges_.emplace();
  index_aranges();
  std::set<std::uint64_t> told;
  for (const UnitRange& range : *ranges_) told.insert(range.unit);
  // Compilers may leave units out of .debug_aranges, or all of it.
  for (std::size_t number = 0; ranges_->size() < kRangesLimit; ++number) {
    const auto unit = units_.unit(number);
    if (!unit || *unit == nullptr) break;
    if (told.contains((*unit)->begin)) continue;
    const auto root = units_.entry(**unit, (*unit)->entries);
    if (!root || !root->code.lines) continue;
    const auto ranges = code_ranges(sections_.code, **unit, units_.order(), root->code, root->code);
    if (!ranges) continue;
    for (const CodeRange& range : *ranges)
      ranges_->push_back({range.begin, range.end, (*unit)->begin});
  }
  std::sort(ranges_->begin(), ranges_->end(), [](const UnitRange& a, const UnitRange& b) {
    return std::pair(a.begin, a.unit) < std::pair(b.begin, b.unit);
  });
}

Result<SourceLines::Unit> SourceLines::unit_of(std::uint64_t place) {
  if (const auto known = asked_.find(place); known != asked_.end()) return known->second;
  const auto read = [&]() -> Result<Unit> {
    PANICROOM_TRY(unit, units_.unit_at(place));
    PANICROOM_TRY(root, units_.entry(*unit, unit->entries));
    return Unit{root.code.lines, root.code.directory, unit->address_size};
  };
  return asked_.emplace(place, read()).first->second;
}

/// Forgets what was not asked for the longest; the latest table always stays.
void SourceLines::make_room() {
  while (tables_.size() > 1 && (tables_.size() > kTablesKept || rows_kept_ > kRowsKept)) {
    const auto oldest = tables_.find(uses_.back());
    if (oldest->second.table) rows_kept_ -= (*oldest->second.table)->rows.size();
    tables_.erase(oldest);
    uses_.pop_back();
  }
}

SourceLines::Table SourceLines::table_of(const Program& program) {
  if (const auto known = tables_.find(program); known != tables_.end()) {
    uses_.splice(uses_.begin(), uses_, known->second.use);
    return known->second.table;
  }
  ++programs_run_;
  auto run = run_line_program(sections_.lines, units_.sections(), program.first, program.second);
  Table table = run ? Table(std::make_shared<const LineTable>(std::move(*run)))
                    : Table(Failure(std::move(run).error()));
  if (table) rows_kept_ += (*table)->rows.size();
  uses_.push_front(program);
  tables_.emplace(program, Kept{table, uses_.begin()});
  make_room();
  return table;
}

std::vector<std::uint64_t> SourceLines::units_at(std::uint64_t address) {
  if (!ranges_) index();
  std::vector<std::uint64_t> units;
  auto after = std::upper_bound(
      ranges_->begin(), ranges_->end(), address,
      [](std::uint64_t place, const UnitRange& range) { return place < range.begin; });
  for (unsigned tries = 0; tries < 4 && after != ranges_->begin(); ++tries)
    if (address < (--after)->end) units.push_back(after->unit);
  return units;
}

Result<SourceLines::UnitLines> SourceLines::lines_of(std::uint64_t place) {
  PANICROOM_TRY(unit, unit_of(place));
  UnitLines lines{unit.directory, nullptr};
  if (!unit.program) return lines;
  PANICROOM_TRY(table, table_of({*unit.program, unit.address_size}));
  lines.table = std::move(table);
  return lines;
}

std::optional<SourceLine> SourceLines::UnitLines::at(std::uint64_t address) const {
  const LineTable::Row* row = table ? table->at(address) : nullptr;
  return row != nullptr ? in_file(row->file, row->line) : std::nullopt;
}

std::optional<SourceLine> SourceLines::UnitLines::in_file(std::uint64_t file,
                                                          std::uint64_t line) const {
  if (!table || line == 0) return std::nullopt;  // 0: no line of the source
  std::string path = table->path(file, directory);
  if (path.empty()) return std::nullopt;
  return SourceLine{std::move(path), line};
}

Result<std::optional<SourceLine>> SourceLines::at(std::uint64_t address) {
  for (const std::uint64_t place : units_at(address)) {
    PANICROOM_TRY(lines, lines_of(place));
    if (auto line = lines.at(address)) return line;
  }
  return std::optional<SourceLine>{};
}

Result<SourceCalls> SourceLines::find_calls(std::uint64_t address) {
  for (const std::uint64_t place : units_at(address)) {
    PANICROOM_TRY(lines, lines_of(place));
    PANICROOM_TRY(unit, units_.unit_at(place));
    PANICROOM_TRY(inlined, inlined_.at(*unit, address));
    SourceCalls calls;
    calls.line = lines.at(address);
    // A call stands on its caller's line, and `line` becomes the outermost caller's.
    for (const InlinedCalls::Call& call : inlined) {
      calls.inlined.push_back({std::string(call.function), std::move(calls.line)});
      calls.line = lines.in_file(call.file, call.line);
    }
    if (calls.line || !calls.inlined.empty()) return calls;
  }
  return SourceCalls{};
}

Result<SourceCalls> SourceLines::calls_at(std::uint64_t address) {
  if (const auto known = calls_.find(address); known != calls_.end()) return known->second;
  if (calls_.size() == kCallsKept) calls_.clear();
  return calls_.emplace(address, find_calls(address)).first->second;
}

Result<std::unique_ptr<SourceLines>> read_source_lines(const SourcePtr& file) {
  PANICROOM_TRY(elf, read_elf_sections(*file));
  if (elf.type == ET_REL)
    return fail(ErrorCode::no_symbol, fmt::format("{} is not linked: its code has no addresses",
                                                  printable(base_name(file->name()))));
  return read_source_lines(file, elf);
}

Result<std::unique_ptr<SourceLines>> read_source_lines(const SourcePtr& file,
                                                       const ElfSections& elf) {
  const std::string name = printable(base_name(file->name()));
  if (elf.find(".debug_line") == nullptr || elf.find(".debug_info") == nullptr)
    return fail(ErrorCode::no_symbol, fmt::format("{} carries no source lines", name));
  std::optional<Error> why;
  const auto section = [&](const char* title) {
    auto bytes = debug_section(file, elf, title);
    if (bytes) return *std::move(bytes);
    if (!why) why = bytes.error().within(name);
    return LazyBytes(std::vector<std::byte>());
  };
  SourceLineSections sections{
      {section(".debug_info"), section(".debug_abbrev"), section(".debug_str"),
       section(".debug_line_str"), section(".debug_str_offsets"), elf.machine.order},
      {section(".debug_addr"), section(".debug_ranges"), section(".debug_rnglists")},
      section(".debug_line"),
      section(".debug_aranges")};
  if (why) return Failure(*why);
  return std::make_unique<SourceLines>(std::move(sections));
}

}  // namespace panicroom
