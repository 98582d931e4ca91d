#include "core/kernel/freebsd/process_details.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace panicroom::freebsd {
namespace {

constexpr std::size_t longest_binary_name = 255;
constexpr std::uint64_t system_of_32_bits = 0x100;   // SV_ILP32, sys/sys/sysent.h
constexpr std::uint64_t controlling_terminal = 0x2;  // P_CONTROLT, sys/sys/proc.h

}  // namespace

ProcessDetailsReader::ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes)
    : evidence_(evidence),
      processes_(processes),
      vnodes_(vnodes),
      strings_(evidence.memory_present()) {}

void ProcessDetailsReader::read(const ProcessQuery& query,
                                const std::vector<std::uint64_t>& threads,
                                const ProcessStrings::OpenMemory& memory, Process& process,
                                Notes& notes) {
  const std::uint64_t address = process.address;
  if (query.wants(ProcessFact::identity)) read_identity(address, process.details, notes);
  if (query.wants(ProcessFact::times)) read_times(address, threads, process.details, notes);
  if (query.wants(ProcessFact::paths)) read_paths(address, process.details, notes);
  // A kernel process has the kernel's memory; a zombie has given its own back.
  if (processes_.is_kernel_process(address) || process.state == "zombie") return;
  if (query.wants(ProcessFact::sizes)) read_sizes(address, process.details, notes);
  if (query.wants(ProcessFact::arguments))
    process.details.arguments = strings_.kept_arguments(evidence_, arguments_, address, notes);
  strings_.read(
      query, memory, [&] { return strings_place(address, notes); }, process.details, notes);
}

std::optional<std::string> ProcessDetailsReader::terminal(std::uint64_t session, Notes& notes) {
  constexpr std::string_view what = "a process's terminal";
  const auto terminal = noted(terminal_.read(evidence_, session), notes, what);
  if (!terminal || *terminal == 0) return std::nullopt;
  const auto device = noted(terminal_device_.read(evidence_, *terminal), notes, what);
  if (!device || *device == 0) return std::nullopt;
  return vnodes_.device_name(*device, notes);
}

void ProcessDetailsReader::read_credentials(std::uint64_t process, ProcessDetails& details,
                                            Notes& notes) {
  constexpr std::string_view what = "a process's user";
  const auto cred = noted(credentials_.read(evidence_, process), notes, what);
  if (!cred || *cred == 0) return;
  const auto id = [](std::optional<std::uint64_t> value) -> std::optional<std::int64_t> {
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  details.real_uid = id(noted(real_uid_.read(evidence_, *cred), notes, what));
  details.real_gid = id(noted(real_gid_.read(evidence_, *cred), notes, what));
  // The effective group has a member of its own since FreeBSD 15; before, it is the first group.
  if (gid_.exists(evidence_))
    details.gid = id(noted(gid_.read(evidence_, *cred), notes, what));
  else if (const auto groups = noted(groups_.read(evidence_, *cred), notes, what);
           groups && *groups != 0)
    details.gid = id(noted(evidence_.memory().integer(*groups, 4), notes, what));
  if (const auto prison = noted(prison_.read(evidence_, *cred), notes, "a process's jail");
      prison && *prison != 0)
    details.jail = noted(prison_id_.read_signed(evidence_, *prison), notes, "a process's jail");
}

void ProcessDetailsReader::read_identity(std::uint64_t process, ProcessDetails& details,
                                         Notes& notes) {
  constexpr std::string_view what = "a process's group and session";
  const auto flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
  details.flags = flags;
  if (const auto group = noted(group_.read(evidence_, process), notes, what);
      group && *group != 0) {
    details.group = noted(group_id_.read_signed(evidence_, *group), notes, what);
    if (const auto session = noted(session_.read(evidence_, *group), notes, what);
        session && *session != 0) {
      details.session = noted(session_id_.read_signed(evidence_, *session), notes, what);
      if (flags && (*flags & controlling_terminal) != 0)
        details.terminal = terminal(*session, notes);
    }
  }
  read_credentials(process, details, notes);
  details.nice = noted(nice_.read_signed(evidence_, process), notes, "a process's nice value");
  if (const auto statistics = noted(statistics_.read(evidence_, process), notes, "when it began");
      statistics && *statistics != 0) {
    const auto seconds =
        noted(start_seconds_.read_signed(evidence_, *statistics), notes, "when a process began");
    const auto fraction =
        noted(start_fraction_.read_signed(evidence_, *statistics), notes, "when a process began");
    if (seconds && fraction)
      details.start = static_cast<double>(*seconds) + static_cast<double>(*fraction) * 1e-6;
  }
}

/// FreeBSD sys/kern/kern_resource.c, calcru1: the run time is shared out as the statistics clock
/// found the process; what its threads ran since they were last added up comes on top.
void ProcessDetailsReader::read_times(std::uint64_t process,
                                      const std::vector<std::uint64_t>& threads,
                                      ProcessDetails& details, Notes& notes) {
  constexpr std::string_view what = "how long a process ran";
  double run = 0, user = 0, system = 0, interrupt = 0;
  bool whole = true;
  const auto add = [&](double& sum, const Field& field, std::uint64_t holder) {
    if (const auto value = noted(field.read(evidence_, holder), notes, what))
      sum += static_cast<double>(*value);
    else
      whole = false;
  };
  add(run, run_time_, process), add(user, user_ticks_, process);
  add(system, system_ticks_, process), add(interrupt, interrupt_ticks_, process);
  for (const std::uint64_t thread : threads) {
    if (!whole) return;
    add(run, thread_run_time_, thread), add(user, thread_user_, thread);
    add(system, thread_system_, thread), add(interrupt, thread_interrupt_, thread);
  }
  const auto second = processes_.seconds(1, notes);
  if (!whole || !second) return;
  // Found nowhere, it ran in the kernel.
  const double total = user + system + interrupt;
  const double seconds = run * *second;
  details.user_time = total == 0 ? 0 : seconds * user / total;
  details.system_time = total == 0 ? seconds : seconds * system / total;
}

void ProcessDetailsReader::read_sizes(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  const auto space = noted(space_.read(evidence_, process), notes, "a process's memory");
  if (!space || *space == 0) return;
  details.size = noted(size_.read(evidence_, *space), notes, "the size of a process");
  const auto pages =
      noted(resident_.read_signed(evidence_, *space), notes, "how much of a process is in memory");
  if (pages) details.resident = resident_bytes(evidence_, *pages, *space, notes);
}

std::optional<std::string> ProcessDetailsReader::executable(std::uint64_t process, Notes& notes) {
  const auto text = noted(text_.read(evidence_, process), notes, "a process's program");
  if (!text || *text == 0) return std::nullopt;
  // Since FreeBSD 14 the process keeps the name that it was started by, and its directory.
  Notes first_way;
  if (text_directory_.exists(evidence_) && binary_.exists(evidence_)) {
    const auto directory = text_directory_.read(evidence_, process);
    const auto name = binary_.read(evidence_, process);
    if (directory && name && *directory != 0 && *name != 0) {
      auto above = vnodes_.path(*directory, first_way);
      const auto last = noted(evidence_.memory().string(*name, longest_binary_name), first_way,
                              "a process's program");
      if (above && last) return (*above == "/" ? "" : *above) + "/" + *last;
    }
  }
  auto path = vnodes_.path(*text, notes);
  if (!path)
    for (Note& note : first_way.take()) notes.add(std::move(note));
  return path;
}

void ProcessDetailsReader::read_paths(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "a process's directories";
  details.executable = executable(process, notes);
  // FreeBSD 13 moved them from struct filedesc to a struct pwd, which p_pd leads to.
  std::uint64_t holder = 0;
  const Field *directory = &directory_, *root = &root_;
  if (places_.exists(evidence_)) {
    const auto places = noted(places_.read(evidence_, process), notes, what);
    if (places && *places != 0)
      holder = noted(pwd_.read(evidence_, *places), notes, what).value_or(0);
  } else {
    holder = noted(files_.read(evidence_, process), notes, what).value_or(0);
    if (holder != 0 && shared_pwd_.exists(evidence_))
      holder = noted(shared_pwd_.read(evidence_, holder), notes, what).value_or(0);
    else
      directory = &old_directory_, root = &old_root_;
  }
  if (holder == 0) return;
  const auto path = [&](const Field& field) -> std::optional<std::string> {
    const auto vnode = noted(field.read(evidence_, holder), notes, what);
    if (!vnode || *vnode == 0) return std::nullopt;
    return vnodes_.path(*vnode, notes);
  };
  details.directory = path(*directory);
  details.root = path(*root);
}

Result<std::uint64_t> ProcessDetailsReader::strings_of(std::uint64_t process) {
  PANICROOM_TRY(system, system_.read(evidence_, process));
  if (system == 0) return 0;
  // Since FreeBSD 13.1 it lies below the stack's end, which is not the same for all processes.
  if (!stack_top_.exists(evidence_)) return strings_address_.read(evidence_, system);
  PANICROOM_TRY(space, space_.read(evidence_, process));
  if (space == 0) return 0;
  PANICROOM_TRY(top, stack_top_.read(evidence_, space));
  PANICROOM_TRY(size, strings_size_.read(evidence_, system));
  return top < size ? 0 : top - size;
}

unsigned ProcessDetailsReader::word_of(std::uint64_t process) {
  const auto system = system_.read(evidence_, process);
  const auto flags = system && *system != 0 ? system_flags_.read(evidence_, *system) : system;
  const bool narrow = flags && *system != 0 && (*flags & system_of_32_bits) != 0;
  return narrow ? 4 : evidence_.pointer_size();
}

std::optional<ProcessStrings::Place> ProcessDetailsReader::strings_place(std::uint64_t process,
                                                                         Notes& notes) {
  const auto strings = noted(strings_of(process), notes, "where a process's arguments lie");
  if (!strings) return std::nullopt;
  return ProcessStrings::Place{*strings, word_of(process)};
}

}  // namespace panicroom::freebsd
