#include "core/stack/code_files.h"

#include <algorithm>
#include <utility>

namespace panicroom {

void CodeFiles::add(std::string name, SourcePtr file, std::uint64_t slide) {
  files_.push_back({std::move(name), std::move(file), slide, nullptr, nullptr});
}

void CodeFiles::remark(const Error& error) {
  Note note = note_of(error);
  if (std::find(remarks_.begin(), remarks_.end(), note) == remarks_.end())
    remarks_.push_back(std::move(note));
}

bool CodeFiles::have_rules() {
  bool found = false;
  for (; opened_ < files_.size(); ++opened_) {
    File& file = files_[opened_];
    auto table = read_cfi(file.source);
    if (table)
      file.rules = *std::move(table);
    else if (table.error().code != ErrorCode::no_symbol)
      remark(table.error());
  }
  for (const File& file : files_) found = found || file.rules != nullptr;
  return found;
}

Result<std::optional<CfiFound>> CodeFiles::rules(std::uint64_t pc) {
  std::optional<Error> why;
  if (have_rules()) {
    for (const File& file : files_) {
      if (!file.rules) continue;
      auto row = file.rules->row_at(pc - file.slide);
      if (row && *row) return std::optional<CfiFound>({**std::move(row), file.slide});
      if (!row && !why) why = row.error();
    }
  }
  if (why) return Failure(*why);
  return std::optional<CfiFound>{};
}

std::optional<SourceLine> CodeFiles::line(std::uint64_t pc) {
  for (; opened_lines_ < files_.size(); ++opened_lines_) {
    File& file = files_[opened_lines_];
    auto lines = read_source_lines(file.source);
    if (lines)
      file.lines = *std::move(lines);
    else if (lines.error().code != ErrorCode::no_symbol)
      remark(lines.error());
  }
  for (File& file : files_) {
    if (!file.lines) continue;
    auto found = file.lines->at(pc - file.slide);
    if (!found)
      remark(found.error().within("the source lines of a frame"));
    else if (*found)
      return **std::move(found);
  }
  return std::nullopt;
}

std::vector<Note> CodeFiles::take_remarks() { return std::exchange(remarks_, {}); }

}  // namespace panicroom
