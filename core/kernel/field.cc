#include "core/kernel/field.h"

#include <algorithm>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::size_t longest_text = 4096;

}  // namespace

Result<Member> Field::member(Structures& structures) const {
  if (!member_) {
    std::optional<Error> why;
    for (const std::string_view path : paths_) {
      auto found = structures.member(structure_, path);
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

Result<std::uint64_t> Field::place(Structures& structures, std::uint64_t address) const {
  PANICROOM_TRY(known, member(structures));
  return address + known.offset;
}

Result<std::uint64_t> Field::read(Structures& structures, std::uint64_t address) const {
  PANICROOM_TRY(known, member(structures));
  return structures.field(address, known);
}

Result<std::int64_t> Field::read_signed(Structures& structures, std::uint64_t address) const {
  PANICROOM_TRY(known, member(structures));
  PANICROOM_TRY(value, structures.field(address, known));
  const std::uint64_t bits = known.bit_size != 0 ? known.bit_size : known.size * 8;
  return static_cast<std::int64_t>(
      bits < 64 && bits != 0 ? sign_extend(value, static_cast<unsigned>(bits)) : value);
}

Result<std::string> Field::text(Structures& structures, std::uint64_t address) const {
  PANICROOM_TRY(known, member(structures));
  return structures.memory().string(
      address + known.offset,
      static_cast<std::size_t>(std::min<std::uint64_t>(known.size, longest_text)));
}

std::uint64_t most_objects(Structures& structures, std::uint64_t size) {
  constexpr std::uint64_t least = std::uint64_t{1} << 12, most = std::uint64_t{1} << 22;
  return std::clamp(structures.memory_present() / size, least, most);
}

}  // namespace panicroom
