#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/kernel/kernel.h"

namespace panicroom {
namespace {

constexpr std::size_t most_notes = 100;
constexpr std::size_t most_places = 3;  // of one text

}  // namespace

void Notes::add(Note note) {
  if (std::find(notes_.begin(), notes_.end(), note) != notes_.end()) return;
  const auto known = std::find_if(texts_.begin(), texts_.end(), [&](const Text& text) {
    return notes_[text.first].code == note.code && notes_[text.first].text == note.text;
  });
  if (known != texts_.end() && known->places == most_places) {
    ++known->left_out;
    return;
  }
  if (notes_.size() == most_notes) {
    ++left_out_;
    return;
  }
  if (known == texts_.end())
    texts_.push_back({notes_.size(), 1, 0});
  else
    ++known->places;
  notes_.push_back(std::move(note));
}

std::vector<Note> Notes::take() {
  std::vector<Note> taken = std::exchange(notes_, {});
  for (const Text& text : std::exchange(texts_, {})) {
    const Note& first = taken[text.first];
    if (text.left_out != 0)
      taken.push_back(Note{first.code, fmt::format("{} more places: {}", text.left_out, first.text),
                           std::nullopt});
  }
  if (const std::size_t left_out = std::exchange(left_out_, 0); left_out != 0) {
    const ErrorCode code = taken.back().code;
    taken.push_back(
        Note{code, fmt::format("{} more remarks were left out", left_out), std::nullopt});
  }
  return taken;
}

}  // namespace panicroom
