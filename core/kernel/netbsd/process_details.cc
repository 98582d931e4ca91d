#include "core/kernel/netbsd/process_details.h"

#include <fmt/format.h>

#include "core/kernel/lists.h"
#include "core/kernel/netbsd/machine_state.h"

namespace panicroom::netbsd {
namespace {

// sys/sys/proc.h.
constexpr std::uint64_t controlling_terminal = 0x1;  // PL_CONTROLT, of p_lflag
constexpr std::uint64_t of_32_bits = 0x40000;        // PK_32, of p_flag
constexpr std::int64_t no_nice = 20;                 // NZERO: p_nice counts from it

}  // namespace

ProcessDetailsReader::ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes)
    : evidence_(evidence),
      processes_(processes),
      vnodes_(vnodes),
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
  strings_.read(
      query, memory, [&] { return strings_place(address, notes); }, process.details, notes);
}

/// Devices have no names in the kernel: ps(1) finds the one in /dev that has the number.
std::optional<std::string> ProcessDetailsReader::terminal(std::uint64_t session, Notes& notes) {
  constexpr std::string_view what = "a process's terminal";
  const auto terminal = noted(terminal_.read(evidence_, session), notes, what);
  if (!terminal || *terminal == 0) return std::nullopt;
  const auto device = noted(terminal_device_.read(evidence_, *terminal), notes, what);
  if (!device) return std::nullopt;
  // sys/sys/types.h: major and minor of a dev_t.
  const std::uint64_t major = (*device & 0x000fff00U) >> 8U;
  const std::uint64_t minor = (*device & 0xfff00000U) >> 12U | (*device & 0xffU);
  return fmt::format("{}:{}", major, minor);
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

/// p_start is a time of day: seconds since boot are what it is beyond the time of boot.
void ProcessDetailsReader::read_start(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "when a process began";
  const auto statistics = noted(statistics_.read(evidence_, process), notes, what);
  if (!statistics || *statistics == 0) return;
  const auto seconds = noted(start_seconds_.read_signed(evidence_, *statistics), notes, what);
  const auto fraction = noted(start_fraction_.read_signed(evidence_, *statistics), notes, what);
  if (!seconds || !fraction || *seconds == 0) return;
  const auto booted = read_clock(evidence_).boot;
  if (!booted) {
    notes.add(Note{ErrorCode::no_symbol,
                   "when processes began is not known: nothing tells when the system booted",
                   std::nullopt});
    return;
  }
  details.start = static_cast<double>(*seconds) + static_cast<double>(*fraction) * 1e-6 - *booted;
}

void ProcessDetailsReader::read_identity(std::uint64_t process, ProcessDetails& details,
                                         Notes& notes) {
  constexpr std::string_view what = "a process's group and session";
  details.flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
  if (const auto group = noted(group_.read(evidence_, process), notes, what);
      group && *group != 0) {
    details.group = noted(group_id_.read_signed(evidence_, *group), notes, what);
    if (const auto session = noted(session_.read(evidence_, *group), notes, what);
        session && *session != 0) {
      details.session = noted(session_id_.read_signed(evidence_, *session), notes, what);
      const auto flags = noted(life_flags_.read(evidence_, process), notes, "a process's flags");
      if (flags && (*flags & controlling_terminal) != 0)
        details.terminal = terminal(*session, notes);
    }
  }
  read_credentials(process, details, notes);
  if (const auto nice = noted(nice_.read(evidence_, process), notes, "a process's nice value"))
    details.nice = static_cast<std::int64_t>(*nice) - no_nice;
  read_start(process, details, notes);
}

/// NetBSD sys/kern/kern_resource.c, calcru: what its lwps and those before them ran is shared out
/// as the statistics clock found the process.
void ProcessDetailsReader::read_times(std::uint64_t process, const std::vector<std::uint64_t>& lwps,
                                      ProcessDetails& details, Notes& notes) {
  constexpr std::string_view what = "how long a process ran";
  const auto ticks = [&](const Field& field) -> std::optional<double> {
    const auto value = noted(field.read(evidence_, process), notes, what);
    return value ? std::optional(static_cast<double>(*value)) : std::nullopt;
  };
  auto run = processes_.seconds(run_seconds_, run_fraction_, process, what, notes);
  for (const std::uint64_t lwp : lwps) {
    if (!run) return;
    const auto more = processes_.seconds(lwp_run_seconds_, lwp_run_fraction_, lwp, what, notes);
    run = more ? std::optional(*run + *more) : std::nullopt;
  }
  const auto user = ticks(user_ticks_), system = ticks(system_ticks_),
             interrupt = ticks(interrupt_ticks_);
  if (!run || !user || !system || !interrupt) return;
  const double total = *user + *system + *interrupt;
  details.user_time = total == 0 ? *run / 2 : *run * *user / total;
  details.system_time = total == 0 ? *run / 2 : *run * *system / total;
}

void ProcessDetailsReader::read_sizes(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  const auto space = noted(space_.read(evidence_, process), notes, "a process's memory");
  if (!space || *space == 0) return;
  details.size = noted(size_.read(evidence_, *space), notes, "the size of a process");
  constexpr std::string_view what = "how much of a process is in memory";
  const auto pmap = noted(map_pmap_.read(evidence_, *space), notes, what);
  if (!pmap || *pmap == 0) return;
  const auto pages = noted(resident_.read_signed(evidence_, *pmap), notes, what);
  if (pages) details.resident = resident_bytes(evidence_, *pages, *space, notes);
}

void ProcessDetailsReader::read_paths(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "a process's directories";
  // Since NetBSD 9 the process keeps the name that its program was found by.
  if (path_.exists(evidence_))
    details.executable = text_behind(evidence_, path_, process, "a process's program", notes);
  const auto path = [&](const Field& field, std::uint64_t holder) -> std::optional<std::string> {
    const auto vnode = noted(field.read(evidence_, holder), notes, what);
    if (!vnode || *vnode == 0) return std::nullopt;
    return vnodes_.path(*vnode, notes);
  };
  if (!details.executable) details.executable = path(text_, process);
  const auto places = noted(places_.read(evidence_, process), notes, what);
  if (!places || *places == 0) return;
  details.directory = path(directory_, *places);
  // No root of its own: that of the system.
  const auto root = noted(root_.read(evidence_, *places), notes, what);
  if (root) details.root = *root == 0 ? std::optional<std::string>("/") : path(root_, *places);
}

std::optional<ProcessStrings::Place> ProcessDetailsReader::strings_place(std::uint64_t process,
                                                                         Notes& notes) {
  const auto strings =
      noted(strings_address_.read(evidence_, process), notes, "a process's arguments");
  if (!strings) return std::nullopt;
  const auto flags = flags_.read(evidence_, process);
  const bool narrow = flags && (*flags & of_32_bits) != 0;
  return ProcessStrings::Place{*strings, narrow ? 4 : evidence_.pointer_size()};
}

}  // namespace panicroom::netbsd
