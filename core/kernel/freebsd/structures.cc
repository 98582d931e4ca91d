#include "core/kernel/freebsd/structures.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/kernel/freebsd/evidence.h"
#include "core/types/file_types.h"

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
    : dump_(*inputs.dump),
      kernel_files_(inputs.kernel_files),
      symbols_(std::move(symbols)),
      memory_(dump_.memory, dump_.machine, std::shared_ptr<const PageTable>(std::move(table))) {
  if (const auto value = variable("osreldate", 4)) osreldate_ = *value;
}

std::uint64_t Evidence::memory_present() {
  if (!memory_present_) memory_present_ = present_bytes(*dump_.memory);
  return *memory_present_;
}

Result<std::uint64_t> Evidence::address_of(std::string_view name) {
  return freebsd::address_of(symbols_.get(), name);
}

Result<std::uint64_t> Evidence::variable(std::string_view name, std::uint64_t size) {
  return freebsd::variable(memory_, symbols_.get(), name, size);
}

Result<std::shared_ptr<const TypeCatalog>> Evidence::types() {
  if (!types_) types_ = types_of_files(kernel_files_, dump_.machine);
  return *types_;
}

template <class Lookup>
bool Evidence::agrees(const Lookup& member) {
  return std::all_of(all_exported.begin(), all_exported.end(), [&](const Exported& one) {
    const auto seen = exported(one.structure, one.path);
    const auto known = member(one);
    return !seen || (known && seen->offset == known->offset);
  });
}

std::string Evidence::why_no_types() {
  if (kernel_files_.empty()) return "no kernel file (/boot/kernel/kernel) was given";
  const auto catalog = types();
  if (!catalog)
    return catalog.error().code == ErrorCode::no_type
               ? "the kernel file has no types"
               : fmt::format("the kernel file's types cannot be read ({})", catalog.error().text);
  if (!(*catalog)->size_of("struct proc"))
    return fmt::format("{} does not know struct proc", (*catalog)->origin());
  if (!agrees([&](const Exported& one) { return (*catalog)->member(one.structure, one.path); }))
    return fmt::format(
        "{} contradicts the offsets that the dead kernel exports: it is another "
        "kernel's",
        (*catalog)->origin());
  return "";
}

bool Evidence::has_types() {
  if (!has_types_) {
    why_no_types_ = why_no_types();
    has_types_ = why_no_types_.empty();
  }
  return *has_types_;
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

const ReleaseLayout* Evidence::layout() {
  if (layout_) return *layout_;
  layout_ = nullptr;
  if (!osreldate_) {
    why_no_layout_ = "the kernel's version (osreldate) is not known";
    return nullptr;
  }
  const ReleaseLayout* found = release_layout(dump_.machine.architecture, *osreldate_);
  of_the_branch_ = !found;
  if (!found) found = branch_layout(dump_.machine.architecture, *osreldate_);
  if (!found)
    why_no_layout_ = fmt::format("no layout of FreeBSD version {} on {} is built in", *osreldate_,
                                 name(dump_.machine.architecture));
  else if (holds(*found))
    layout_ = found;
  return *layout_;
}

bool Evidence::holds(const ReleaseLayout& found) {
  const auto refuse = [&](std::string_view why) {
    why_no_layout_ = of_the_branch_
                         ? fmt::format(
                               "no layout of FreeBSD version {} is built in, and that of "
                               "{} {}",
                               *osreldate_, found.name, why)
                         : fmt::format("the layout of {} that is built in {}", found.name, why);
    return false;
  };
  if (!agrees([&](const Exported& one) { return found.member(one.structure, one.path); }))
    return refuse("contradicts the offsets that the kernel exports");
  if (of_the_branch_ && !finds_init(found))
    return refuse("is not its: initproc is not process 1 by it");
  return true;
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

Result<Member> Evidence::member(std::string_view structure, std::string_view path) {
  if (has_types()) return (*types())->member(structure, path);
  if (auto found = exported(structure, path)) return *found;
  if (const ReleaseLayout* known = layout()) {
    if (auto found = built_in(*known, structure, path)) return *found;
    return fail(ErrorCode::no_type,
                fmt::format("{} of struct {} is not known: {}, and the layout of {} that is built "
                            "in does not tell",
                            path, structure, why_no_types_, known->name));
  }
  return fail(ErrorCode::no_type, fmt::format("{} of struct {} is not known: {}, and {}", path,
                                              structure, why_no_types_, why_no_layout_));
}

Result<std::uint64_t> Evidence::size_of(std::string_view structure) {
  if (has_types()) return (*types())->size_of(structure);
  if (const ReleaseLayout* known = layout())
    if (const auto whole = built_in(*known, structure, "")) return whole->size;
  return fail(ErrorCode::no_type, fmt::format("the size of struct {} is not known", structure));
}

Error Evidence::why_unknown() {
  layout();
  return Error{ErrorCode::no_type, Absence::none,
               fmt::format("{}, and {}", why_no_types_, why_no_layout_), std::nullopt,
               std::nullopt};
}

bool Evidence::is_pointer(const Member& member) const {
  if (!member.type.graph) return false;
  const auto type = plain(member.type);
  return type && type->type.kind == TypeKind::pointer;
}

std::optional<Note> Evidence::remark() {
  if (has_types()) return std::nullopt;
  if (const ReleaseLayout* known = layout())
    return Note{ErrorCode::no_type,
                of_the_branch_
                    ? fmt::format("the offsets in structures are those of {}, the nearest that is "
                                  "built in to FreeBSD version {}, so that some may be wrong: {}",
                                  known->name, *osreldate_, why_no_types_)
                    : fmt::format("the offsets in structures are those of {}, built in: {}",
                                  known->name, why_no_types_),
                std::nullopt};
  const std::string_view known =
      exported("proc", "p_pid")
          ? "only pids, names and threads are known, from the offsets that the kernel exports"
          : "the kernel's structures are not known";
  return Note{ErrorCode::no_type,
              fmt::format("{}: {}, and {}", known, why_no_types_, why_no_layout_), std::nullopt};
}

}  // namespace panicroom::freebsd
