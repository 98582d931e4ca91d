#include "native/io/line_editor.h"

#include <fcntl.h>
#include <histedit.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

namespace panicroom {
namespace {

constexpr int lines_kept = 1000;
constexpr std::size_t most_listed = 200;

bool is_word(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

std::size_t common_length(const std::vector<std::string>& words) {
  std::size_t length = words.front().size();
  for (const std::string& word : words) {
    std::size_t same = 0;
    while (same < std::min(length, word.size()) && word[same] == words.front()[same]) ++same;
    length = same;
  }
  return length;
}

}  // namespace

struct LineEditor::State {
  EditLine* editor = nullptr;
  History* history = nullptr;
  std::string history_path;
  std::string prompt;
  const Complete* complete = nullptr;
  bool dropped = false;

  static State& of(EditLine* editor) {
    void* state = nullptr;
    el_get(editor, EL_CLIENTDATA, &state);
    return *static_cast<State*>(state);
  }
  static char* prompt_of(EditLine* editor) { return of(editor).prompt.data(); }

  static unsigned char drop(EditLine* editor, int) {
    of(editor).dropped = true;
    std::fputs("^C\n", stdout);
    return CC_EOF;
  }

  static unsigned char complete_word(EditLine* editor, int) {
    const State& state = of(editor);
    if (!state.complete || !*state.complete) return CC_ERROR;
    const LineInfo* info = el_line(editor);
    const std::string_view line(info->buffer,
                                static_cast<std::size_t>(info->cursor - info->buffer));
    std::size_t start = line.size();
    while (start > 0 && is_word(line[start - 1])) --start;
    const std::size_t typed = line.size() - start;
    std::vector<std::string> words = (*state.complete)(line);
    if (words.empty()) return CC_ERROR;
    const std::size_t common = common_length(words);
    if (common > typed || words.size() == 1) {
      std::string rest = words.front().substr(0, common);
      if (words.size() == 1) rest += ' ';
      el_deletestr(editor, static_cast<int>(typed));
      return el_insertstr(editor, rest.c_str()) == 0 ? CC_REFRESH : CC_ERROR;
    }
    std::fputc('\n', stdout);
    for (std::size_t at = 0; at < std::min(words.size(), most_listed); ++at)
      std::printf("%s  ", words[at].c_str());
    std::fputs(words.size() > most_listed ? "...\n" : "\n", stdout);
    return CC_REDISPLAY;
  }

  void save() const {
    if (history_path.empty()) return;
    std::error_code ignored;
    const std::filesystem::path folder = std::filesystem::path(history_path).parent_path();
    std::filesystem::create_directories(folder, ignored);
    // It may name what a dead machine held: for its owner's eyes, from its first byte on.
    const int file = ::open(history_path.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    if (file < 0) return;
    const bool is_private = ::fchmod(file, 0600) == 0;
    ::close(file);
    HistEvent event;
    if (is_private) ::history(history, &event, H_SAVE, history_path.c_str());
  }
};

LineEditor::LineEditor(std::string history_path) : state_(std::make_unique<State>()) {
  std::setlocale(LC_CTYPE, "");
  State& state = *state_;
  state.history_path = std::move(history_path);
  state.history = history_init();
  HistEvent event;
  ::history(state.history, &event, H_SETSIZE, lines_kept);
  ::history(state.history, &event, H_SETUNIQUE, 1);
  if (!state.history_path.empty())
    ::history(state.history, &event, H_LOAD, state.history_path.c_str());
  state.editor = el_init("panicroom", stdin, stdout, stderr);
  el_set(state.editor, EL_CLIENTDATA, &state);
  el_set(state.editor, EL_PROMPT, &State::prompt_of);
  el_set(state.editor, EL_EDITOR, "emacs");
  el_set(state.editor, EL_HIST, ::history, state.history);
  el_set(state.editor, EL_ADDFN, "drop-line", "Drops the line", &State::drop);
  el_set(state.editor, EL_ADDFN, "complete-word", "Completes the word", &State::complete_word);
  el_set(state.editor, EL_BIND, "^I", "complete-word", nullptr);
  // While a line is edited Ctrl-C is a key.
  el_set(state.editor, EL_SETTY, "-d", "-isig", nullptr);
  el_set(state.editor, EL_BIND, "^C", "drop-line", nullptr);
  el_set(state.editor, EL_BIND, "^R", "em-inc-search-prev", nullptr);
}

LineEditor::~LineEditor() {
  state_->save();
  el_end(state_->editor);
  history_end(state_->history);
}

std::optional<LineEditor::Typed> LineEditor::line(std::string_view prompt,
                                                  const Complete& complete) {
  state_->prompt = prompt;
  state_->complete = &complete;
  state_->dropped = false;
  int count = 0;
  const char* typed = el_gets(state_->editor, &count);
  state_->complete = nullptr;
  if (state_->dropped) {
    el_reset(state_->editor);
    return Typed{"", true};
  }
  if (!typed || count <= 0) return std::nullopt;
  std::string line(typed, static_cast<std::size_t>(count));
  HistEvent event;
  if (line.find_first_not_of(" \t\r\n") != std::string::npos)
    ::history(state_->history, &event, H_ENTER, line.c_str());
  while (!line.empty() && (line.back() == '\n' || line.back() == '\r')) line.pop_back();
  return Typed{std::move(line), false};
}

std::string state_path(std::string_view name) {
  const char* folder = std::getenv("XDG_STATE_HOME");
  if (folder && *folder == '/') return std::string(folder) + "/panicroom/" + std::string(name);
  const char* home = std::getenv("HOME");
  if (!home || !*home) return {};
  return std::string(home) + "/.local/state/panicroom/" + std::string(name);
}

}  // namespace panicroom
