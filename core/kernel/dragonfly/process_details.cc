#include "core/kernel/dragonfly/process_details.h"

#include <fmt/format.h>

#include <string_view>
#include <utility>

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t controlling_terminal = 0x2;  // P_CONTROLT, sys/sys/proc.h
// PS_STRINGS, sys/sys/exec.h: struct ps_strings ends where user addresses do (USRSTACK,
// sys/platform/pc64/include/vmparam.h).
constexpr ProcessStrings::Place strings_place{0x00007fffffe00000 - 32, 8};

}  // namespace

ProcessDetailsReader::ProcessDetailsReader(Evidence& evidence, Processes& processes,
                                           NameCache& names)
    : evidence_(evidence),
      processes_(processes),
      names_(names),
      strings_(evidence.memory_present()) {}

void ProcessDetailsReader::read(const ProcessQuery& query, const std::vector<std::uint64_t>& lwps,
                                const ProcessStrings::OpenMemory& memory, Process& process,
                                Notes& notes) {
  const std::uint64_t address = process.address;
  if (query.wants(ProcessFact::identity)) read_identity(address, process.details, notes);
  if (query.wants(ProcessFact::times)) read_times(address, lwps, process.details, notes);
  if (query.wants(ProcessFact::paths)) read_paths(address, process.details, notes);
  // A kernel process has the kernel's memory; a zombie has given its own back.
  if (processes_.is_kernel_process(address) || process.state == "zombie") return;
  if (query.wants(ProcessFact::sizes)) read_sizes(address, process.details, notes);
  if (query.wants(ProcessFact::arguments))
    process.details.arguments = strings_.kept_arguments(evidence_, arguments_, address, notes);
  strings_.read(
      query, memory, [] { return std::optional(strings_place); }, process.details, notes);
}

std::optional<std::string> ProcessDetailsReader::terminal(std::uint64_t session, Notes& notes) {
  constexpr std::string_view what = "a process's terminal";
  const auto terminal = noted(terminal_.read(evidence_, session), notes, what);
  if (!terminal || *terminal == 0) return std::nullopt;
  const auto device = noted(terminal_device_.read(evidence_, *terminal), notes, what);
  if (!device || *device == 0) return std::nullopt;
  return names_.device_name(*device, notes);
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
  if (const auto groups = noted(groups_.place(evidence_, *cred), notes, what))
    details.gid = id(noted(evidence_.memory().integer(*groups, 4), notes, what));
  if (const auto prison = noted(prison_.read(evidence_, *cred), notes, "a process's jail"))
    details.jail =
        *prison == 0 ? std::optional<std::int64_t>(0)
                     : noted(prison_id_.read_signed(evidence_, *prison), notes, "a process's jail");
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
  read_start(process, details, notes);
}

/// It is the time of day (microtime), boottime too.
void ProcessDetailsReader::read_start(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "when a process began";
  const auto seconds = noted(start_seconds_.read_signed(evidence_, process), notes, what);
  const auto fraction = noted(start_fraction_.read_signed(evidence_, process), notes, what);
  const auto booted = noted(evidence_.address_of("boottime"), notes, what);
  if (!seconds || !fraction || !booted) return;
  // struct timespec.
  const auto boot = noted(evidence_.memory().u64(*booted), notes, what);
  const auto boot_fraction = noted(evidence_.memory().u64(*booted + 8), notes, what);
  if (!boot || !boot_fraction) return;
  details.start = static_cast<double>(*seconds - static_cast<std::int64_t>(*boot)) +
                  static_cast<double>(*fraction) * 1e-6 -
                  static_cast<double>(*boot_fraction) * 1e-9;
}

/// As calcru_proc (sys/kern/kern_resource.c): what threads that are gone used, and what those that
/// there are have used, in microseconds.
void ProcessDetailsReader::read_times(std::uint64_t process, const std::vector<std::uint64_t>& lwps,
                                      ProcessDetails& details, Notes& notes) {
  constexpr std::string_view what = "how long a process ran";
  const auto total = [&](const Field& of_process, const Field& of_thread) -> std::optional<double> {
    const auto place = noted(of_process.place(evidence_, process), notes, what);
    if (!place) return std::nullopt;
    // struct timeval.
    const auto seconds = noted(evidence_.memory().u64(*place), notes, what);
    const auto fraction = noted(evidence_.memory().u64(*place + 8), notes, what);
    if (!seconds || !fraction) return std::nullopt;
    double sum = static_cast<double>(*seconds) + static_cast<double>(*fraction) * 1e-6;
    for (const std::uint64_t lwp : lwps) {
      const auto thread = noted(thread_.read(evidence_, lwp), notes, what);
      if (!thread) return std::nullopt;
      if (*thread == 0) continue;
      const auto used = noted(of_thread.read(evidence_, *thread), notes, what);
      if (!used) return std::nullopt;
      sum += static_cast<double>(*used) * 1e-6;
    }
    return sum;
  };
  details.user_time = total(user_time_, thread_user_);
  details.system_time = total(system_time_, thread_system_);
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

void ProcessDetailsReader::read_paths(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  if (const auto place =
          names_.place(text_entry_, text_mount_, process, "a process's program", notes)) {
    details.executable = names_.path(*place, notes);
  } else if (const auto vnode = noted(text_.read(evidence_, process), notes, "a process's program");
             vnode && *vnode != 0) {
    details.executable = names_.path_of_vnode(*vnode, notes);
  }
  constexpr std::string_view what = "a process's directories";
  const auto files = noted(files_.read(evidence_, process), notes, what);
  if (!files || *files == 0) return;
  const auto path = [&](const Field& entry, const Field& mount) -> std::optional<std::string> {
    const auto place = names_.place(entry, mount, *files, what, notes);
    return place ? names_.path(*place, notes) : std::nullopt;
  };
  details.directory = path(directory_entry_, directory_mount_);
  details.root = path(root_entry_, root_mount_);
}

}  // namespace panicroom::dragonfly
