#include "core/kernel/dragonfly/processes.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/kernel/lists.h"
#include "core/kernel/red_black.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t smallest_object = 512;  // a struct proc or thread has over 1 KiB
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects_ever = 1U << 22U;
constexpr std::uint64_t usual_lists = 256, most_lists = 65536;  // ALLPROC_HSIZE

// enum procstat, sys/sys/proc_common.h; P_*, sys/sys/proc.h.
enum ProcessState : std::uint64_t { idle = 1, active = 2, stopped = 3, zombie = 4, core = 5 };
constexpr std::uint64_t flag_system = 0x200, flag_traced = 0x800;

}  // namespace

Processes::Processes(Evidence& evidence)
    : evidence_(evidence),
      most_listed_(std::clamp(evidence.memory_present() / smallest_object, least_objects,
                              most_objects_ever)) {}

Result<Processes::Heads> Processes::heads() {
  Heads heads;
  if (const auto table = evidence_.address_of("procglob")) {
    PANICROOM_TRY(first, listed_.place(evidence_, *table));
    PANICROOM_TRY(size, evidence_.size_of("procglob"));
    heads.first = first, heads.stride = size;
  } else if (const auto lists = evidence_.address_of("allprocs")) {
    heads.first = *lists, heads.stride = evidence_.pointer_size();
  } else {
    PANICROOM_TRY(only, evidence_.address_of("allproc"));
    heads.first = only;
    return heads;
  }
  heads.count = evidence_.variable("allproc_hsize", 4).value_or(usual_lists);
  if (heads.count == 0 || heads.count > most_lists)
    return fail(ErrorCode::corrupt,
                fmt::format("the number of lists of processes, allproc_hsize, is {}", heads.count));
  return heads;
}

Result<void> Processes::each(const std::function<bool(std::uint64_t)>& visit, Notes& notes) {
  PANICROOM_TRY(link, list_.member(evidence_));
  PANICROOM_TRY(lists, heads());
  const auto once = [&](std::uint64_t process) {
    if (!processes_.insert(process).second) {
      notes.add(Note{ErrorCode::corrupt, "a process is on two lists", process});
      return true;
    }
    const auto number = pid_.read(evidence_, process);
    if (number || name_.text(evidence_, process)) return visit(process);
    notes.add(number.error().within("a process is left out"));
    return true;
  };
  processes_.clear();
  for (std::uint64_t index = 0; index < lists.count && processes_.size() < most_listed_; ++index)
    if (!for_each_listed(evidence_, lists.first + index * lists.stride, link.offset,
                         most_listed_ - processes_.size(), "a list of processes", notes, once))
      break;
  return {};
}

Processes::LwpList Processes::lwps_of(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's tree of threads";
  LwpList lwps;
  const auto root = tree_.place(evidence_, process);
  const auto left = left_.member(evidence_), right = right_.member(evidence_);
  if (!root || !left || !right) {
    notes.add((!root ? root.error() : !left ? left.error() : right.error()).within(what));
    lwps.whole = false;
    return lwps;
  }
  Notes walk;
  for_each_in_tree(evidence_, *root, {left->offset, right->offset}, most_listed_, what, walk,
                   [&](std::uint64_t lwp) {
                     const bool full = lwps_.size() == most_listed_;
                     if (!full && lwps_.insert(lwp).second) {
                       lwps.addresses.push_back(lwp);
                       return true;
                     }
                     walk.add(Note{ErrorCode::corrupt,
                                   full ? "there are more threads than fit into the memory in the "
                                          "dump"
                                        : "a process's tree of threads comes to a thread that was "
                                          "already in one",
                                   lwp});
                     return false;
                   });
  for (Note& note : walk.take()) {
    lwps.whole = false;
    notes.add(std::move(note));
  }
  return lwps;
}

std::optional<std::int64_t> Processes::pid(std::uint64_t process, Notes& notes) {
  return noted(pid_.read_signed(evidence_, process), notes, "a process's pid");
}

std::optional<std::string> Processes::name(std::uint64_t process, Notes& notes) {
  return noted(name_.text(evidence_, process), notes, "a process's name");
}

bool Processes::is_kernel_process(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & flag_system) != 0;
}

bool Processes::is_traced(std::uint64_t process) {
  const auto flags = flags_.read(evidence_, process);
  return flags && (*flags & flag_traced) != 0;
}

bool Processes::is_active(std::uint64_t process) {
  const auto state = state_.read(evidence_, process);
  return state && *state == active;
}

std::optional<std::uint64_t> Processes::page_table_root(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's page tables";
  if (is_kernel_process(process)) return std::nullopt;
  const auto space = noted(space_.read(evidence_, process), notes, what);
  if (!space || *space == 0) return std::nullopt;
  const auto table = noted(root_.read(evidence_, *space), notes, what);
  if (!table || *table == 0) return std::nullopt;
  const auto physical = noted(evidence_.memory().translate(*table), notes, what);
  return physical ? std::optional(physical->physical) : std::nullopt;
}

std::optional<std::int64_t> Processes::parent_of(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "a process's parent";
  // p_pptr leads to the debugger of a process that is traced; p_oppid is 0 for those that are not.
  const auto real = noted(real_parent_.read_signed(evidence_, process), notes, what);
  if (real && *real != 0) return real;
  const auto parent = noted(parent_.read(evidence_, process), notes, what);
  if (!parent || *parent == 0) return std::nullopt;  // process 0 has none
  return pid(*parent, notes);
}

std::optional<std::string> Processes::state(std::uint64_t process, Notes& notes) {
  const auto state = noted(state_.read(evidence_, process), notes, "a process's state");
  if (!state) return std::nullopt;
  switch (*state) {
    case idle:
      return "new";
    case active:
      return std::nullopt;
    case stopped:
    case core:
      return is_traced(process) ? "traced" : "stopped";
    case zombie:
      return "zombie";
    default:
      notes.add(Note{ErrorCode::corrupt, fmt::format("a process's state is {}", *state), process});
      return std::nullopt;
  }
}

Process Processes::read_process(std::uint64_t address, LwpList& lwps, Notes& notes) {
  Process process;
  process.address = address;
  process.pid = pid(address, notes);
  process.name = name(address, notes);
  lwps = lwps_of(address, notes);
  if (lwps.whole) process.threads = lwps.addresses.size();
  process.ppid = parent_of(address, notes);
  if (const auto cred = noted(credentials_.read(evidence_, address), notes, "a process's user");
      cred && *cred != 0)
    if (const auto uid = noted(user_.read(evidence_, *cred), notes, "a process's user"))
      process.uid = static_cast<std::int64_t>(*uid);
  process.state = state(address, notes);
  if (process.state != "zombie") process.page_table_root = page_table_root(address, notes);
  return process;
}

}  // namespace panicroom::dragonfly
