#include "core/stack/code_files.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/printable.h"
#include "core/types/section_bytes.h"

namespace panicroom {

bool CodeFiles::File::speaks_of(std::uint64_t pc) const {
  return loaded &&
         (loaded->memory.empty() ||
          std::any_of(loaded->memory.begin(), loaded->memory.end(), [pc](const CodeRange& range) {
            return pc >= range.begin && pc < range.end;
          }));
}

void CodeFiles::add(const SourcePtr& file, std::uint64_t slide) {
  add(file, [file, slide]() -> Result<LoadedCode> {
    PANICROOM_TRY(elf, read_elf_sections(*file));
    if (elf.type == ET_REL)
      return fail(ErrorCode::no_symbol, fmt::format("{} is not linked: its code has no addresses",
                                                    printable(base_name(file->name()))));
    return LoadedCode{std::move(elf), slide, {}};
  });
}

void CodeFiles::add(SourcePtr file, Load load) {
  File& added = files_.emplace_back();
  added.source = std::move(file);
  added.load = std::move(load);
}

void CodeFiles::remark(const Error& error) {
  Note note = note_of(error);
  if (std::find(remarks_.begin(), remarks_.end(), note) == remarks_.end())
    remarks_.push_back(std::move(note));
}

bool CodeFiles::load(File& file) {
  if (!std::exchange(file.asked_to_load, true)) {
    if (auto loaded = file.load())
      file.loaded = *std::move(loaded);
    else
      unused_.push_back(note_of(loaded.error()));
  }
  return file.loaded.has_value();
}

void CodeFiles::open_rules(File& file) {
  if (!load(file) || std::exchange(file.asked_for_rules, true)) return;
  auto table = read_cfi(file.source, file.loaded->elf);
  if (table)
    file.rules = *std::move(table);
  else if (table.error().code != ErrorCode::no_symbol)
    remark(table.error());
}

void CodeFiles::open_lines(File& file) {
  if (!load(file) || std::exchange(file.asked_for_lines, true)) return;
  auto lines = read_source_lines(file.source, file.loaded->elf);
  if (lines)
    file.lines = *std::move(lines);
  else if (lines.error().code != ErrorCode::no_symbol)
    remark(lines.error());
}

bool CodeFiles::have_rules() {
  bool found = false;
  for (File& file : files_) {
    open_rules(file);
    found = found || file.rules != nullptr;
  }
  return found;
}

Result<std::optional<CfiFound>> CodeFiles::rules(std::uint64_t pc) {
  std::optional<Error> why;
  if (have_rules()) {
    for (const File& file : files_) {
      if (!file.rules || !file.speaks_of(pc)) continue;
      auto row = file.rules->row_at(pc - file.loaded->slide);
      if (const auto doubt = file.rules->take_remark())
        remark(doubt->within(printable(base_name(file.source->name()))));
      if (row && *row) return std::optional<CfiFound>({**std::move(row), file.loaded->slide});
      if (!row && !why) why = row.error();
    }
  }
  if (why) return Failure(*why);
  return std::optional<CfiFound>{};
}

SourceCalls CodeFiles::calls(std::uint64_t pc) {
  for (File& file : files_) {
    if (!load(file) || !file.speaks_of(pc)) continue;
    open_lines(file);
    if (!file.lines) continue;
    const std::uint64_t address = pc - file.loaded->slide;
    auto found = file.lines->calls_at(address);
    if (found && (found->line || !found->inlined.empty())) return *std::move(found);
    if (found) continue;
    remark(found.error().within("the source lines of a frame"));
    // The line alone needs less.
    if (auto line = file.lines->at(address); line && *line) return {{}, *std::move(line)};
  }
  return {};
}

std::vector<Note> CodeFiles::take_remarks() {
  std::vector<Note> all = unused_;
  all.insert(all.end(), remarks_.begin(), remarks_.end());
  remarks_.clear();
  return all;
}

}  // namespace panicroom
