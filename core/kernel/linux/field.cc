#include "core/kernel/linux/field.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/base/arithmetic.h"
#include "core/base/loop_guard.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::size_t longest_text = 4096;

}  // namespace

Result<Member> Field::member(Evidence& evidence) const {
  if (!member_) {
    std::optional<Error> why;
    for (const std::string_view path : paths_) {
      auto found = evidence.member(structure_, path);
      if (found) {
        member_ = std::move(found);
        break;
      }
      if (!why) why = found.error();
    }
    if (!member_) member_ = Failure(*why);
  }
  return *member_;
}

Result<std::uint64_t> Field::place(Evidence& evidence, std::uint64_t address) const {
  PANICROOM_TRY(known, member(evidence));
  return address + known.offset;
}

Result<std::uint64_t> Field::read(Evidence& evidence, std::uint64_t address) const {
  PANICROOM_TRY(known, member(evidence));
  return evidence.field(address, known);
}

Result<std::int64_t> Field::read_signed(Evidence& evidence, std::uint64_t address) const {
  PANICROOM_TRY(known, member(evidence));
  PANICROOM_TRY(value, evidence.field(address, known));
  const std::uint64_t bits = known.bit_size != 0 ? known.bit_size : known.size * 8;
  return static_cast<std::int64_t>(
      bits < 64 && bits != 0 ? sign_extend(value, static_cast<unsigned>(bits)) : value);
}

Result<std::string> Field::text(Evidence& evidence, std::uint64_t address) const {
  PANICROOM_TRY(known, member(evidence));
  return evidence.memory().string(
      address + known.offset,
      static_cast<std::size_t>(std::min<std::uint64_t>(known.size, longest_text)));
}

std::uint64_t most_objects(Evidence& evidence, std::uint64_t size) {
  constexpr std::uint64_t least = std::uint64_t{1} << 12, most = std::uint64_t{1} << 22;
  return std::clamp(evidence.memory_present() / size, least, most);
}

void for_each_entry(Evidence& evidence, std::uint64_t head, std::uint64_t link, std::uint64_t most,
                    std::string_view what, Notes& notes,
                    const std::function<bool(std::uint64_t)>& visit) {
  AddressSpace& memory = evidence.memory();
  LoopGuard guard(most);
  auto at = memory.word(head);
  while (at && *at != head) {
    if (*at == 0 || !guard.step(*at)) {
      notes.add(Note{ErrorCode::corrupt,
                     *at != 0 && !guard.cyclic()
                         ? fmt::format("{} has more elements than are followed", what)
                         : fmt::format("{} does not lead back to its head", what),
                     *at});
      return;
    }
    if (!visit(*at - link)) return;
    at = memory.word(*at);
  }
  if (!at) notes.add(at.error().within(fmt::format("{} breaks off", what)));
}

}  // namespace panicroom::linux_kernel
