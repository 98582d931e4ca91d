#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace panicroom {

/// Lines that are typed at a terminal, with editing, history and completion.
class LineEditor {
 public:
  /// What may stand in place of the last word of a line up to the cursor.
  using Complete = std::function<std::vector<std::string>(std::string_view line)>;

  /// `history_path` is read, and written with mode 0600 when the editor ends; its folders are made.
  /// Empty: the history is kept nowhere.
  explicit LineEditor(std::string history_path);
  ~LineEditor();
  LineEditor(const LineEditor&) = delete;
  LineEditor& operator=(const LineEditor&) = delete;

  struct Typed {
    std::string line;
    bool dropped = false;  ///< with Ctrl-C
  };
  /// Nothing at the end of the input (Ctrl-D).
  std::optional<Typed> line(std::string_view prompt, const Complete& complete);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// $XDG_STATE_HOME/panicroom/NAME or ~/.local/state/panicroom/NAME; empty where neither is known.
std::string state_path(std::string_view name);

}  // namespace panicroom
