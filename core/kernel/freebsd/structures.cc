#include "core/kernel/freebsd/structures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace panicroom::freebsd {
namespace {

// No member that is read lies further in: the structures are under 8 KiB in every release.
constexpr std::uint64_t furthest_member = 1U << 16U;

/// What the kernel exports for debuggers (sys/kern/kern_proc.c, kern_thread.c); sizes are the
/// members' since FreeBSD 11. Links are as long as two pointers.
struct Exported {
  std::string_view structure, path, variable;
  std::uint64_t size;
};
constexpr std::array<Exported, 9> all_exported = {{
    {"proc", "p_pid", "proc_off_p_pid", 4},
    {"proc", "p_comm", "proc_off_p_comm", 20},
    {"proc", "p_list", "proc_off_p_list", 0},
    {"proc", "p_threads", "proc_off_p_threads", 0},
    {"thread", "td_tid", "thread_off_td_tid", 4},
    {"thread", "td_name", "thread_off_td_name", 20},
    {"thread", "td_oncpu", "thread_off_td_oncpu", 4},
    {"thread", "td_pcb", "thread_off_td_pcb", 0},
    {"thread", "td_plist", "thread_off_td_plist", 0},
}};

}  // namespace

Evidence::Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                   std::unique_ptr<PageTable> table)
    : KernelEvidence(inputs, std::move(symbols), std::move(table), "/boot/kernel/kernel") {
  if (const auto value = variable("osreldate", 4)) osreldate_ = *value;
}

template <class Lookup>
bool Evidence::agrees(const Lookup& member) {
  return std::all_of(all_exported.begin(), all_exported.end(), [&](const Exported& one) {
    const auto seen = exported(one.structure, one.path);
    const auto known = member(one);
    return !seen || (known && seen->offset == known->offset);
  });
}

std::string Evidence::why_not_its_types(const TypeCatalog& types) {
  if (!types.size_of("struct proc"))
    return fmt::format("{} does not know struct proc", types.origin());
  if (!agrees([&](const Exported& one) { return types.member(one.structure, one.path); }))
    return fmt::format(
        "{} contradicts the offsets that the dead kernel exports: it is another kernel's",
        types.origin());
  return "";
}

std::optional<Member> Evidence::exported(std::string_view structure, std::string_view path) {
  const auto* known = std::find_if(
      all_exported.begin(), all_exported.end(),
      [&](const Exported& one) { return one.structure == structure && one.path == path; });
  if (known == all_exported.end()) return std::nullopt;
  const auto offset = variable(known->variable, 4);
  if (!offset || *offset >= furthest_member) return std::nullopt;
  Member member;
  member.offset = *offset;
  member.size = known->size == 0 ? pointer_size() : known->size;
  return member;
}

KernelEvidence::BuiltIn Evidence::find_built_in() {
  if (!osreldate_) return {nullptr, "the kernel's version (osreldate) is not known", ""};
  const Architecture architecture = dump().machine.architecture;
  const ReleaseLayout* found = release_layout(architecture, *osreldate_);
  const bool of_the_branch = !found;
  if (!found) found = branch_layout(architecture, *osreldate_);
  if (!found)
    return {nullptr,
            fmt::format("no layout of FreeBSD version {} on {} is built in", *osreldate_,
                        name(architecture)),
            ""};
  const auto refuse = [&](std::string_view why) -> BuiltIn {
    return {nullptr,
            of_the_branch
                ? fmt::format("no layout of FreeBSD version {} is built in, and that of {} {}",
                              *osreldate_, found->name, why)
                : fmt::format("the layout of {} that is built in {}", found->name, why),
            ""};
  };
  if (!agrees([&](const Exported& one) { return found->member(one.structure, one.path); }))
    return refuse("contradicts the offsets that the kernel exports");
  if (of_the_branch && !finds_init(*found))
    return refuse("is not its: initproc is not process 1 by it");
  return {found, "", of_the_branch ? fmt::format("FreeBSD version {}", *osreldate_) : ""};
}

bool Evidence::finds_init(const ReleaseLayout& layout) {
  const auto value = [&](std::uint64_t object, std::string_view structure,
                         std::string_view path) -> std::optional<std::uint64_t> {
    const auto member = layout.member(structure, path);
    if (!member) return std::nullopt;
    const auto read = field(object, *member);
    return read ? std::optional(*read) : std::nullopt;
  };
  const auto init = pointer("initproc");
  if (!init || value(*init, "proc", "p_pid") != 1U) return false;
  const auto parent = value(*init, "proc", "p_pptr");
  const auto credentials = value(*init, "proc", "p_ucred");
  return parent && credentials && value(*parent, "proc", "p_pid") == 0U &&
         value(*credentials, "ucred", "cr_uid") == 0U;
}

std::optional<Member> Evidence::built_in(const ReleaseLayout& layout, std::string_view structure,
                                         std::string_view path) const {
  if (auto found = layout.member(structure, path)) return found;
  const ReleaseLayout* machine = release_machine_layout(layout.architecture, *osreldate_);
  return machine ? machine->member(structure, path) : std::nullopt;
}

std::string_view Evidence::known_at_least() {
  return exported("proc", "p_pid")
             ? "only pids, names and threads are known, from the offsets that the kernel exports"
             : "the kernel's structures are not known";
}

}  // namespace panicroom::freebsd
