#include "core/kernel/release_layout.h"

namespace panicroom {

std::optional<Member> ReleaseLayout::member(std::string_view structure,
                                            std::string_view path) const {
  for (const ReleaseLayout* layout = this; layout != nullptr; layout = layout->base)
    for (const ReleaseMember& one : layout->members) {
      if (one.structure != structure || one.path != path) continue;
      if (one.offset == not_there) return std::nullopt;
      Member member;
      member.offset = one.offset;
      member.size = one.size;
      member.is_signed = one.is_signed;
      member.bit_offset = one.bit_offset;
      member.bit_size = one.bit_size;
      return member;
    }
  return std::nullopt;
}

const ReleaseLayout* find_layout(std::span<const ReleaseLayout* const> known,
                                 Architecture architecture, std::uint64_t version) {
  for (const ReleaseLayout* layout : known)
    if (layout->architecture == architecture && version >= layout->first && version <= layout->last)
      return layout;
  return nullptr;
}

}  // namespace panicroom
