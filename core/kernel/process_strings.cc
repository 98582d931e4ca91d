#include "core/kernel/process_strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

namespace panicroom {
namespace {

constexpr std::uint64_t most_words = 65536;  // of one list

}  // namespace

Result<std::vector<std::string>> ProcessStrings::read(AddressSpace& memory, std::uint64_t list,
                                                      unsigned word) {
  PANICROOM_TRY(pointers, memory.integer(list, word));
  PANICROOM_TRY(count, memory.u32(list + word));
  if (count > most_words)
    return fail_at_address(ErrorCode::corrupt, list,
                           fmt::format("there are said to be {} of them", count));
  std::vector<std::string> words;
  std::uint64_t left = std::min(longest_process_strings, bytes_left_);
  for (std::uint64_t index = 0; index < count; ++index) {
    PANICROOM_TRY(at, memory.integer(pointers + index * word, word));
    if (at == 0) break;
    PANICROOM_TRY(text, memory.string(at, static_cast<std::size_t>(left)));
    if (text.size() + 1 > left)
      return fail_at_address(ErrorCode::corrupt, list, "they are longer than they can be");
    left -= text.size() + 1, bytes_left_ -= text.size() + 1;
    words.push_back(std::move(text));
  }
  return words;
}

}  // namespace panicroom
