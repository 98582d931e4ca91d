#include <algorithm>
#include <map>
#include <set>

#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"

namespace foundry {
namespace {

/// Writes the structures of a layout as C declares them: members by their paths, what a path goes
/// through as structures of its own.
class Types {
 public:
  /// Structures refer to each other: `proc` and `thread` are the numbers that those will get.
  Types(const Description& description, const CtfStyle& style, unsigned proc, unsigned thread)
      : layout_(description.layout, description.image.pointer()),
        word_(description.image.pointer()),
        ctf_(style) {
    whole_ = ctf_.integer("int", 4, CtfWriter::is_signed, 32);
    letter_ = ctf_.integer("char", 1, CtfWriter::is_signed | CtfWriter::is_char, 8);
    index_ = ctf_.integer("unsigned long", word_, 0, word_ * 8);
    to_anything_ = ctf_.reference(3, "", 0);
    to_proc_ = ctf_.reference(3, "", proc);
    to_thread_ = ctf_.reference(3, "", thread);
    pid_ = ctf_.reference(10, "pid_t", whole_);
    counter_ = ctf_.reference(10, "counter_u64_t",
                              ctf_.reference(3, "", ctf_.integer("unsigned long long", 8, 0, 64)));
    three_ = ctf_.integer("int", 4, CtfWriter::is_signed, 3, false);
  }

  unsigned number(const std::string& structure) const { return numbers_.at(structure); }

  Blob write(const Description& description) {
    const Image& image = description.image;
    ctf_.structure(
        "pcb", layout_.size("pcb"),
        {{"pcb_words",
          ctf_.array(index_, index_, static_cast<unsigned>(layout_.size("pcb") / word_)), 0}});
    for (const auto& [name, members] : layout_.structures()) {
      if (name == "pcb") continue;
      std::vector<FreeBsdLayout::Member> sorted = members;
      std::sort(sorted.begin(), sorted.end(),
                [](const auto& a, const auto& b) { return a.offset < b.offset; });
      numbers_[name] = structure(name, layout_.size(name), sorted, 0, name == "proc");
    }
    // LIST_HEAD(proclist, proc)
    const unsigned processes = ctf_.structure("proclist", word_, {{"lh_first", to_proc_, 0}});
    const unsigned text = ctf_.array(letter_, index_, 0);
    const auto of_own = [&](const std::string& symbol) -> unsigned {
      for (const MachineText::Own& own : description.machine.own)
        if (own.symbol() == symbol)
          return !own.counters ? index_
                 : own.values.size() == 1
                     ? counter_
                     : ctf_.array(counter_, index_, static_cast<unsigned>(own.values.size()));
      return 0;
    };
    std::vector<unsigned> objects;
    for (const Symbol& symbol : image.symbols) {
      if (symbol.type == 'T' || symbol.type == 't' || symbol.type == 'A') continue;
      const bool is_list = symbol.name == "allproc" || symbol.name == "zombproc";
      const bool is_text = symbol.name == "version" || symbol.name == "osrelease";
      const unsigned own = of_own(symbol.name);
      const bool is_meter = symbol.name == "vm_cnt";
      objects.push_back(own != 0           ? own
                        : is_meter         ? numbers_.at("vmmeter")
                        : is_list          ? processes
                        : is_text          ? text
                        : symbol.size == 4 ? whole_
                                           : 0);
    }
    return ctf_.finish(objects);
  }

 private:
  /// `members` sorted by offset, offsets from `base`; their paths begin at `depth`.
  unsigned structure(const std::string& name, std::uint64_t size,
                     const std::vector<FreeBsdLayout::Member>& members, std::uint64_t base,
                     bool with_bits = false) {
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
      std::vector<FreeBsdLayout::Member> inner;
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
    // Two bit-fields where no member of interest lies, of numbers that are zero.
    if (with_bits) {
      const std::uint64_t free = layout_.offset("proc", "p_pid") * 8 + 32;
      out.push_back({"p_low", three_, free}), out.push_back({"p_high", three_, free + 3});
    }
    return ctf_.structure(name, size, out, false, !name.empty());
  }

  static std::uint64_t first_bit(const std::string& kind) {
    return kind.starts_with("bits:") ? std::stoull(kind.substr(5)) : 0;
  }

  unsigned type_of(const FreeBsdLayout::Member& member) {
    if (member.path == "p_pid") return pid_;
    if (member.path == "v_wire_count" && member.kind == "pointer") return counter_;
    const unsigned linked = member.path == "p_list" ? to_proc_
                            : member.path == "p_threads" || member.path == "td_plist"
                                ? to_thread_
                                : to_anything_;
    const auto key = member.kind + " " + std::to_string(member.size) + " " + std::to_string(linked);
    const auto known = types_.find(key);
    if (known != types_.end()) return known->second;
    return types_[key] = make(member, linked);
  }

  unsigned make(const FreeBsdLayout::Member& member, unsigned linked) {
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
                          static_cast<unsigned>(std::stoul(kind.substr(kind.rfind(':') + 1))),
                          false);
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

  FreeBsdLayout layout_;
  unsigned word_;
  CtfWriter ctf_;
  unsigned whole_ = 0, letter_ = 0, index_ = 0, to_anything_ = 0, to_proc_ = 0, to_thread_ = 0,
           pid_ = 0, three_ = 0, counter_ = 0;
  std::map<std::string, unsigned> types_, numbers_;
};

}  // namespace

Blob freebsd_types(const Description& description, const CtfStyle& style) {
  Types first(description, style, 0, 0);
  first.write(description);
  return Types(description, style, first.number("proc"), first.number("thread")).write(description);
}

}  // namespace foundry
