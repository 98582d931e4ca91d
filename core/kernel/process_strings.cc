#include "core/kernel/process_strings.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

#include "core/kernel/texts.h"

namespace panicroom {
namespace {

constexpr std::uint64_t most_words = 65536;                       // of one list
constexpr std::uint64_t longest_list = std::uint64_t{512} << 10;  // ARG_MAX

}  // namespace

Result<std::vector<std::string>> ProcessStrings::read_list(AddressSpace& memory, std::uint64_t list,
                                                           unsigned word) {
  PANICROOM_TRY(pointers, memory.integer(list, word));
  PANICROOM_TRY(count, memory.u32(list + word));
  if (count > most_words)
    return fail_at_address(ErrorCode::corrupt, list,
                           fmt::format("there are said to be {} of them", count));
  std::vector<std::string> words;
  std::uint64_t left = std::min(longest_list, bytes_left_);
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

void ProcessStrings::read(const ProcessQuery& query, const OpenMemory& memory,
                          const std::function<std::optional<Place>()>& place,
                          ProcessDetails& details, Notes& notes) {
  const bool arguments = query.wants(ProcessFact::arguments) && !details.arguments;
  const bool environment = query.wants(ProcessFact::environment);
  if (!arguments && !environment) return;
  const auto own = memory();
  if (!own) {
    notes.add(own.error().within(arguments ? "a process's arguments and environment"
                                           : "a process's environment"));
    return;
  }
  const auto strings = place();
  if (!strings || strings->address == 0) return;
  const unsigned word = strings->word;
  if (arguments)
    details.arguments =
        noted(read_list(**own, strings->address, word), notes, "a process's arguments");
  // struct ps_strings: the arguments' pointer and number, padded to a pointer, then the
  // environment's.
  if (environment)
    details.environment = noted(read_list(**own, strings->address + std::uint64_t{2} * word, word),
                                notes, "a process's environment");
}

std::optional<std::vector<std::string>> ProcessStrings::kept_arguments(Structures& structures,
                                                                       const Field& pointer,
                                                                       std::uint64_t process,
                                                                       Notes& notes) {
  constexpr std::string_view what = "a process's arguments";
  const auto kept = noted(pointer.read(structures, process), notes, what);
  if (!kept || *kept == 0) return std::nullopt;
  const auto length = noted(length_.read(structures, *kept), notes, what);
  const auto place = noted(text_.place(structures, *kept), notes, what);
  if (!length || !place) return std::nullopt;
  if (*length > std::min(longest_list, bytes_left_)) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{} are said to have {} bytes: more than can be", what, *length),
                   *kept});
    return std::nullopt;
  }
  bytes_left_ -= *length;
  std::string bytes(static_cast<std::size_t>(*length), '\0');
  const auto read = structures.memory().read(
      *place, MutableBytes(reinterpret_cast<std::byte*>(bytes.data()), bytes.size()));
  if (read) return split_at_nuls(bytes);
  notes.add(read.error().within(what));
  return std::nullopt;
}

std::optional<std::uint64_t> resident_bytes(Structures& structures, std::int64_t pages,
                                            std::uint64_t map, Notes& notes) {
  const std::uint64_t page = structures.memory().machine().page_size;
  if (pages >= 0 && static_cast<std::uint64_t>(pages) <= UINT64_MAX / page)
    return static_cast<std::uint64_t>(pages) * page;
  notes.add(Note{ErrorCode::corrupt, fmt::format("a process has {} pages in memory", pages), map});
  return std::nullopt;
}

}  // namespace panicroom
