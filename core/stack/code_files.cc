#include "core/stack/code_files.h"

#include <utility>

namespace panicroom {

void CodeFiles::add(std::string name, SourcePtr file, std::uint64_t slide) {
  files_.push_back({std::move(name), std::move(file), slide, nullptr});
}

bool CodeFiles::have_rules() {
  bool found = false;
  for (; opened_ < files_.size(); ++opened_) {
    File& file = files_[opened_];
    auto table = read_cfi(file.source);
    if (table)
      file.rules = *std::move(table);
    else if (table.error().code != ErrorCode::no_symbol)
      remarks_.push_back(note_of(table.error()));
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

std::vector<Note> CodeFiles::take_remarks() { return std::exchange(remarks_, {}); }

}  // namespace panicroom
