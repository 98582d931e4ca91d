#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/kernel/kernel.h"

namespace panicroom {
namespace {

constexpr std::size_t most_notes = 100;

}  // namespace

void Notes::add(Note note) {
  if (std::find(notes_.begin(), notes_.end(), note) != notes_.end()) return;
  if (notes_.size() == most_notes) {
    ++left_out_;
    return;
  }
  notes_.push_back(std::move(note));
}

std::vector<Note> Notes::take() {
  std::vector<Note> taken = std::exchange(notes_, {});
  if (const std::size_t left_out = std::exchange(left_out_, 0); left_out != 0) {
    const ErrorCode code = taken.back().code;
    taken.push_back(
        Note{code, fmt::format("{} more remarks were left out", left_out), std::nullopt});
  }
  return taken;
}

}  // namespace panicroom
