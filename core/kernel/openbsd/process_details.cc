#include "core/kernel/openbsd/process_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t controlling_terminal = 0x1;  // PS_CONTROLT, sys/sys/proc.h
constexpr std::int64_t usual_nice = 20;              // NZERO, sys/sys/resource.h

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
  // A zombie has given back its files and its memory; a kernel process has the kernel's.
  if (process.state == "zombie") return;
  if (query.wants(ProcessFact::paths)) read_paths(address, process.details, notes);
  if (processes_.is_kernel_process(address)) return;
  if (query.wants(ProcessFact::sizes)) read_sizes(address, process.details, notes);
  strings_.read(
      query, memory, [&] { return strings_place(address, notes); }, process.details, notes);
}

/// The kernel has no names of devices: the terminal is called as the vnode is that was opened.
std::optional<std::string> ProcessDetailsReader::terminal(std::uint64_t session, Notes& notes) {
  constexpr std::string_view what = "a process's terminal";
  const auto vnode = noted(terminal_vnode_.read(evidence_, session), notes, what);
  if (vnode && *vnode != 0) {
    Notes by_name;
    if (auto path = vnodes_.path(*vnode, by_name))
      return path->starts_with("/dev/") ? path->substr(5) : std::move(*path);
  }
  const auto terminal = noted(terminal_.read(evidence_, session), notes, what);
  if (!terminal || *terminal == 0) return std::nullopt;
  const auto device = noted(terminal_device_.read(evidence_, *terminal), notes, what);
  return device ? std::optional(device_numbers(*device)) : std::nullopt;
}

void ProcessDetailsReader::read_credentials(std::uint64_t process, ProcessDetails& details,
                                            Notes& notes) {
  constexpr std::string_view what = "a process's user";
  const auto cred = noted(credentials_.read(evidence_, process), notes, what);
  if (!cred || *cred == 0) return;
  const auto id = [&](const Field& field) -> std::optional<std::int64_t> {
    const auto value = noted(field.read(evidence_, *cred), notes, what);
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  details.real_uid = id(real_uid_);
  details.gid = id(gid_);
  details.real_gid = id(real_gid_);
}

/// Seconds since boot. Older kernels keep the time of day: it is then beyond any uptime.
std::optional<double> ProcessDetailsReader::start(std::uint64_t process, Notes& notes) {
  constexpr std::string_view what = "when a process began";
  const auto seconds = noted(start_seconds_.read_signed(evidence_, process), notes, what);
  const auto part = noted(start_nanoseconds_.read_signed(evidence_, process), notes, what);
  if (!seconds || !part) return std::nullopt;
  constexpr std::int64_t latest = std::int64_t{1} << 40;
  if (*seconds < 0 || *seconds > latest) {
    notes.add(Note{ErrorCode::corrupt, fmt::format("{}: at {} s", what, *seconds), process});
    return std::nullopt;
  }
  const auto since = [&](std::int64_t zero) {
    return static_cast<double>(*seconds - zero) + static_cast<double>(*part) * 1e-9;
  };
  const auto up = evidence_.variable("time_uptime", 8), now = evidence_.variable("time_second", 8);
  if (!up || !now || *now > static_cast<std::uint64_t>(latest) || *up > *now ||
      *seconds <= static_cast<std::int64_t>(*up))
    return since(0);
  const auto boot = static_cast<std::int64_t>(*now - *up);
  return since(*seconds >= boot ? boot : 0);
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
      // A session is called by its leader, which may be gone.
      if (const auto leader = noted(leader_.read(evidence_, *session), notes, what);
          leader && *leader != 0)
        details.session = noted(leader_pid_.read_signed(evidence_, *leader), notes, what);
      if (flags && (*flags & controlling_terminal) != 0)
        details.terminal = terminal(*session, notes);
    }
  }
  read_credentials(process, details, notes);
  if (const auto nice = noted(nice_.read_signed(evidence_, process), notes, "a nice value"))
    details.nice = *nice - usual_nice;
  details.start = start(process, notes);
}

/// sys/kern/kern_resource.c, calctsru: by the ticks of the statistics clock. Its living threads'
/// come on top: until 7.5 those not yet added up, since all.
void ProcessDetailsReader::read_times(std::uint64_t process,
                                      const std::vector<std::uint64_t>& threads,
                                      ProcessDetails& details, Notes& notes) {
  constexpr std::string_view what = "how long a process ran";
  auto rate = evidence_.variable("stathz", 4);
  if (!rate || *rate == 0) rate = evidence_.variable("hz", 4);
  if (!rate || *rate == 0) {
    notes.add(Note{ErrorCode::no_symbol,
                   "how long processes ran is not known: neither stathz nor hz tells the rate of "
                   "the statistics clock",
                   std::nullopt});
    return;
  }
  const auto seconds = [&](const Field& kept, const Field& added) -> std::optional<double> {
    const auto before = noted(kept.read(evidence_, process), notes, what);
    if (!before) return std::nullopt;
    auto sum = static_cast<double>(*before);
    for (const std::uint64_t thread : threads) {
      const auto more = noted(added.read(evidence_, thread), notes, what);
      if (!more) return std::nullopt;
      sum += static_cast<double>(*more);
    }
    return sum / static_cast<double>(*rate);
  };
  details.user_time = seconds(user_ticks_, new_user_);
  details.system_time = seconds(system_ticks_, new_system_);
}

void ProcessDetailsReader::read_sizes(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  const auto space = noted(space_.read(evidence_, process), notes, "a process's memory");
  if (!space || *space == 0) return;
  details.size = noted(size_.read(evidence_, *space), notes, "the size of a process");
  const auto map = noted(map_.read(evidence_, *space), notes, "a process's memory");
  if (!map || *map == 0) return;
  const auto pages =
      noted(resident_.read_signed(evidence_, *map), notes, "how much of a process is in memory");
  if (pages) details.resident = resident_bytes(evidence_, *pages, *map, notes);
}

void ProcessDetailsReader::read_paths(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "a process's directories";
  const auto path = [&](const Field& field, std::uint64_t holder) -> std::optional<std::string> {
    const auto vnode = noted(field.read(evidence_, holder), notes, what);
    if (!vnode || *vnode == 0) return std::nullopt;
    return vnodes_.path(*vnode, notes);
  };
  details.executable = path(text_, process);
  const auto files = noted(files_.read(evidence_, process), notes, what);
  if (!files || *files == 0) return;
  details.directory = path(directory_, *files);
  // None of its own: that of the system.
  if (root_.read(evidence_, *files) == 0U)
    details.root = "/";
  else
    details.root = path(root_, *files);
}

std::optional<ProcessStrings::Place> ProcessDetailsReader::strings_place(std::uint64_t process,
                                                                         Notes& notes) {
  const auto strings =
      noted(strings_address_.read(evidence_, process), notes, "where a process's arguments lie");
  if (!strings) return std::nullopt;
  return ProcessStrings::Place{*strings, evidence_.pointer_size()};
}

}  // namespace panicroom::openbsd
