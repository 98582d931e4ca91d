#include "tests/foundry/layout_types.h"

#include <algorithm>
#include <set>
#include <utility>

namespace foundry {
namespace {

std::uint64_t first_bit(const std::string& kind) {
  return kind.starts_with("bits:") ? std::stoull(kind.substr(5)) : 0;
}

}  // namespace

LayoutTypes::LayoutTypes(const KernelLayout& layout, const CtfStyle& style)
    : layout_(layout), word_(layout.word()), ctf_(style) {
  whole_ = ctf_.integer("int", 4, CtfWriter::is_signed, 32);
  letter_ = ctf_.integer("char", 1, CtfWriter::is_signed | CtfWriter::is_char, 8);
  index_ = ctf_.integer("unsigned long", word_, 0, word_ * 8);
  to_anything_ = ctf_.reference(3, "", 0);
}

std::optional<unsigned> LayoutTypes::own_type(const KernelLayout::Member& member) {
  static_cast<void>(member);
  return std::nullopt;
}

std::optional<unsigned> LayoutTypes::own_type(const Symbol& symbol) {
  static_cast<void>(symbol);
  return std::nullopt;
}

std::vector<CtfWriter::Member> LayoutTypes::more_members(const std::string& structure) {
  static_cast<void>(structure);
  return {};
}

unsigned LayoutTypes::linked(const KernelLayout::Member& member) {
  static_cast<void>(member);
  return to_anything_;
}

Blob LayoutTypes::write(const Image& image) {
  for (const auto& [name, members] : layout_.structures()) {
    std::vector<KernelLayout::Member> sorted = members;
    std::sort(sorted.begin(), sorted.end(),
              [](const auto& a, const auto& b) { return a.offset < b.offset; });
    numbers_[name] = structure(name, layout_.size(name), sorted, 0);
  }
  for (const auto& [name, size] : layout_.sizes())
    if (!layout_.structures().contains(name))
      numbers_[name] = ctf_.structure(
          name, size,
          {{name + "_words", ctf_.array(index_, index_, static_cast<unsigned>(size / word_)), 0}});
  std::vector<unsigned> objects;
  for (const Symbol& symbol : image.symbols) {
    if (symbol.type == 'T' || symbol.type == 't' || symbol.type == 'A') continue;
    const auto own = own_type(symbol);
    objects.push_back(own ? *own : symbol.size == 4 ? whole_ : 0);
  }
  return ctf_.finish(objects);
}

/// `members` sorted by offset; offsets are from `base`.
unsigned LayoutTypes::structure(const std::string& name, std::uint64_t size,
                                const std::vector<KernelLayout::Member>& members,
                                std::uint64_t base) {
  std::vector<CtfWriter::Member> out;
  std::set<std::string> done;
  for (const auto& member : members) {
    const std::size_t dot = member.path.find('.');
    const std::string own = member.path.substr(0, dot);
    if (!done.insert(own).second) continue;
    if (dot == std::string::npos) {
      out.push_back({own, type_of(member), (member.offset - base) * 8 + first_bit(member.kind)});
      continue;
    }
    std::vector<KernelLayout::Member> inner;
    std::uint64_t first = ~std::uint64_t{0}, end = 0;
    for (auto other : members)
      if (other.path.starts_with(own + ".")) {
        first = std::min(first, other.offset), end = std::max(end, other.offset + other.size);
        other.path = other.path.substr(dot + 1);
        inner.push_back(other);
      }
    const unsigned type = structure("", end - first, inner, first);
    out.push_back({own, type, (first - base) * 8});
  }
  for (CtfWriter::Member& member : more_members(name)) out.push_back(std::move(member));
  return ctf_.structure(name, size, out, false, !name.empty());
}

unsigned LayoutTypes::type_of(const KernelLayout::Member& member) {
  if (const auto own = own_type(member)) return *own;
  const unsigned to = linked(member);
  const auto key = member.kind + " " + std::to_string(member.size) + " " + std::to_string(to);
  const auto known = types_.find(key);
  if (known != types_.end()) return known->second;
  return types_[key] = make(member, to);
}

unsigned LayoutTypes::make(const KernelLayout::Member& member, unsigned linked) {
  const std::string& kind = member.kind;
  const auto size = static_cast<unsigned>(member.size);
  if (kind == "pointer") return to_anything_;
  if (kind == "text") return ctf_.array(letter_, index_, size);
  if (kind == "signed" && size == 4) return whole_;
  if (kind == "signed" || kind == "unsigned")
    return ctf_.integer(kind + std::to_string(size), size,
                        kind == "signed" ? CtfWriter::is_signed : 0, size * 8);
  if (kind.starts_with("bits:"))
    return ctf_.integer("unsigned", 4, 0,
                        static_cast<unsigned>(std::stoul(kind.substr(kind.rfind(':') + 1))), false);
  if (kind.starts_with("array:")) {
    const auto count = static_cast<unsigned>(std::stoul(kind.substr(6)));
    const unsigned element = size / count == word_
                                 ? to_anything_
                                 : ctf_.integer("unsigned", size / count, 0, size / count * 8);
    return ctf_.array(element, index_, count);
  }
  if (kind == "bytes") return ctf_.array(letter_, index_, size);
  const std::uint64_t bits = std::uint64_t{word_} * 8;
  const std::string first = kind + (kind == "tqh" ? "_first" : "_next");
  const std::string second = kind + (kind == "tqh" ? "_last" : "_prev");
  return ctf_.structure("", std::uint64_t{2} * word_,
                        {{first, linked, 0}, {second, to_anything_, bits}}, false, false);
}

}  // namespace foundry
