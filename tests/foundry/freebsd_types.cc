#include "tests/foundry/description.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/layout_types.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

class FreeBsdTypes final : public LayoutTypes {
 public:
  /// Structures refer to each other: `proc` and `thread` are the numbers that those will get.
  FreeBsdTypes(const Description& description, const CtfStyle& style, unsigned proc,
               unsigned thread)
      : LayoutTypes(freebsd_layout(description.layout, description.image.pointer()), style),
        machine_(description.machine) {
    to_proc_ = ctf_.reference(3, "", proc);
    to_thread_ = ctf_.reference(3, "", thread);
    pid_ = ctf_.reference(10, "pid_t", whole_);
    counter_ = ctf_.reference(10, "counter_u64_t",
                              ctf_.reference(3, "", ctf_.integer("unsigned long long", 8, 0, 64)));
    three_ = ctf_.integer("int", 4, CtfWriter::is_signed, 3, false);
    // LIST_HEAD(proclist, proc)
    processes_ = ctf_.structure("proclist", word_, {{"lh_first", to_proc_, 0}});
    text_ = ctf_.array(letter_, index_, 0);
  }

 private:
  std::optional<unsigned> own_type(const KernelLayout::Member& member) override {
    if (member.path == "p_pid") return pid_;
    if (member.path == "v_wire_count" && member.kind == "pointer") return counter_;
    return std::nullopt;
  }

  std::optional<unsigned> own_type(const Symbol& symbol) override {
    for (const MachineText::Own& own : machine_.own)
      if (own.symbol() == symbol.name)
        return !own.counters ? index_
               : own.values.size() == 1
                   ? counter_
                   : ctf_.array(counter_, index_, static_cast<unsigned>(own.values.size()));
    if (symbol.name == "vm_cnt") return number("vmmeter");
    if (symbol.name == "allproc" || symbol.name == "zombproc") return processes_;
    if (symbol.name == "version" || symbol.name == "osrelease") return text_;
    return std::nullopt;
  }

  /// Two bit-fields where no member of interest lies, of numbers that are zero.
  std::vector<CtfWriter::Member> more_members(const std::string& structure) override {
    if (structure != "proc") return {};
    const std::uint64_t free = layout_.offset("proc", "p_pid") * 8 + 32;
    return {{"p_low", three_, free}, {"p_high", three_, free + 3}};
  }

  unsigned linked(const KernelLayout::Member& member) override {
    if (member.path == "p_list") return to_proc_;
    return member.path == "p_threads" || member.path == "td_plist" ? to_thread_ : to_anything_;
  }

  const MachineText& machine_;
  unsigned to_proc_ = 0, to_thread_ = 0, pid_ = 0, three_ = 0, counter_ = 0, processes_ = 0,
           text_ = 0;
};

}  // namespace

Blob freebsd_types(const Description& description, const CtfStyle& style) {
  FreeBsdTypes first(description, style, 0, 0);
  first.write(description.image);
  return FreeBsdTypes(description, style, first.number("proc"), first.number("thread"))
      .write(description.image);
}

}  // namespace foundry
