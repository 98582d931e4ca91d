#include "core/kernel/linux/process_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/kernel/texts.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_words_bytes = std::uint64_t{2} << 20;  // of arguments, environment
constexpr std::int64_t default_priority = 120;                      // DEFAULT_PRIO
constexpr double nanoseconds = 1e-9;

std::string as_proc_shows(const Path& path) {
  return path.deleted ? path.text + " (deleted)" : path.text;
}

}  // namespace

ProcessDetailsReader::ProcessDetailsReader(Evidence& evidence, Paths& paths)
    : evidence_(evidence), paths_(paths), bytes_left_(evidence.memory_present()) {}

void ProcessDetailsReader::read(
    const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
    const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory, Process& process,
    Notes& notes) {
  const std::uint64_t task = process.address;
  if (query.wants(ProcessFact::identity)) read_identity(task, process.details, notes);
  if (query.wants(ProcessFact::times)) read_times(threads, process.details, notes);
  if (query.facts < static_cast<std::uint32_t>(ProcessFact::sizes)) return;
  const std::uint64_t mm =
      noted(mm_.read(evidence_, task), notes, "a process's memory").value_or(0);
  if (query.wants(ProcessFact::paths)) read_paths(task, mm, process.details, notes);
  if (mm == 0) return;
  if (query.wants(ProcessFact::sizes)) read_sizes(mm, process.details, notes);
  if (!query.wants(ProcessFact::arguments) && !query.wants(ProcessFact::environment)) return;
  const auto own = memory();
  if (own)
    read_words(query, mm, **own, process, notes);
  else
    notes.add(own.error().within("a process's arguments and environment"));
}

std::optional<std::int64_t> ProcessDetailsReader::id_of(std::uint64_t signal, std::string_view kind,
                                                        Notes& notes) {
  const auto id = [&]() -> Result<std::int64_t> {
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(index, types->enumerator(kind));
    PANICROOM_TRY(pids, pids_.place(evidence_, signal));
    PANICROOM_TRY(pid, evidence_.memory().word(pids + static_cast<std::uint64_t>(index) *
                                                          evidence_.pointer_size()));
    if (pid == 0) return 0;
    PANICROOM_TRY(first, numbers_.place(evidence_, pid));
    return number_.read_signed(evidence_, first);
  }();
  return noted(id, notes, "a process's group and session");
}

void ProcessDetailsReader::read_identity(std::uint64_t task, ProcessDetails& details,
                                         Notes& notes) {
  if (const auto signal = noted(signal_.read(evidence_, task), notes, "a process's signal_struct");
      signal && *signal != 0) {
    details.group = id_of(*signal, "PIDTYPE_PGID", notes);
    details.session = id_of(*signal, "PIDTYPE_SID", notes);
    const auto terminal = noted(terminal_.read(evidence_, *signal), notes, "a process's terminal");
    if (terminal && *terminal != 0) {
      details.terminal =
          noted(terminal_name_.text(evidence_, *terminal), notes, "a terminal's name");
      if (details.terminal && details.terminal->starts_with("pts") &&
          !details.terminal->starts_with("pts/"))
        details.terminal->insert(3, "/");
    }
  }
  if (const auto cred = noted(credentials_.read(evidence_, task), notes, "a process's user");
      cred && *cred != 0) {
    const auto id = [&](const Field& field) -> std::optional<std::int64_t> {
      const auto value = noted(field.read(evidence_, *cred), notes, "a process's user");
      return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
    };
    details.real_uid = id(uid_);
    details.gid = id(effective_gid_);
    details.real_gid = id(gid_);
  }
  details.flags = noted(flags_.read(evidence_, task), notes, "a process's flags");
  if (const auto priority =
          noted(static_priority_.read_signed(evidence_, task), notes, "a process's priority"))
    details.nice = *priority - default_priority;
  if (const auto start = noted(start_.read(evidence_, task), notes, "when a process began"))
    details.start = static_cast<double>(*start) * nanoseconds;
  read_namespaces(task, details, notes);
}

void ProcessDetailsReader::read_namespaces(std::uint64_t task, ProcessDetails& details,
                                           Notes& notes) {
  const auto inode = [&](std::uint64_t holder, const Field& pointer,
                         const Field& number) -> std::optional<std::int64_t> {
    const auto space = noted(pointer.read(evidence_, holder), notes, "a process's namespaces");
    if (!space || *space == 0) return std::nullopt;
    const auto value = noted(number.read(evidence_, *space), notes, "a namespace's inode");
    return value ? std::optional(static_cast<std::int64_t>(*value)) : std::nullopt;
  };
  if (const auto proxy = noted(namespaces_.read(evidence_, task), notes, "a process's namespaces");
      proxy && *proxy != 0) {
    details.mount_namespace = inode(*proxy, mount_namespace_, mount_inode_);
    details.network_namespace = inode(*proxy, network_namespace_, network_inode_);
  }
  const auto pid = noted(own_pid_.read(evidence_, task), notes, "a process's namespaces");
  if (!pid || *pid == 0) return;
  const auto types = evidence_.types();
  const auto size =
      types ? (*types)->size_of("upid") : Result<std::uint64_t>(Failure(types.error()));
  const auto level = noted(level_.read(evidence_, *pid), notes, "a process's namespaces");
  const auto numbers = numbers_.place(evidence_, *pid);
  if (size && level && numbers && *level < 64)
    details.pid_namespace = inode(*numbers + *level * *size, number_namespace_, pid_inode_);
}

void ProcessDetailsReader::read_times(const std::vector<std::uint64_t>& threads,
                                      ProcessDetails& details, Notes& notes) {
  // signal_struct has what threads that are gone used.
  std::uint64_t user = 0, system = 0, run = 0;
  const auto add = [&](const Field& field, std::uint64_t address, std::uint64_t& sum) {
    const auto value = noted(field.read(evidence_, address), notes, "a process's times");
    if (value) sum += *value;
    return value.has_value();
  };
  bool whole = !threads.empty();
  for (const std::uint64_t thread : threads)
    whole = whole && add(user_time_, thread, user) && add(system_time_, thread, system) &&
            add(run_time_, thread, run);
  if (!whole) return;
  const auto signal = noted(signal_.read(evidence_, threads.front()), notes, "a process's times");
  if (signal && *signal != 0 &&
      !(add(old_user_time_, *signal, user) && add(old_system_time_, *signal, system) &&
        add(old_run_time_, *signal, run)))
    return;
  // How long they ran the scheduler measured; where, the ticks of a clock sampled: as ps shows it
  // (Linux kernel/sched/cputime.c, cputime_adjust).
  const double measured = static_cast<double>(run) * nanoseconds;
  const double ticks = static_cast<double>(user) + static_cast<double>(system);
  const double share = ticks == 0 ? 0 : static_cast<double>(system) / ticks;
  details.system_time = measured * share;
  details.user_time = measured * (1 - share);
}

/// One of the counters of pages in memory: an array of numbers, since Linux 6.2 of percpu_counter,
/// of which /proc too shows the common part.
std::optional<std::int64_t> ProcessDetailsReader::counted(std::uint64_t mm, std::string_view what) {
  const auto value = [&]() -> Result<std::int64_t> {
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(kind, types->enumerator(what));
    const auto index = static_cast<std::uint64_t>(kind);
    if (counts_.exists(evidence_)) {
      PANICROOM_TRY(counts, counts_.place(evidence_, mm));
      PANICROOM_TRY(number, evidence_.memory().word(counts + index * evidence_.pointer_size()));
      return static_cast<std::int64_t>(number);
    }
    PANICROOM_TRY(size, types->size_of("percpu_counter"));
    PANICROOM_TRY(first, spread_counts_.place(evidence_, mm));
    const std::uint64_t counter = first + index * size;
    return spread_sum_.read_signed(evidence_, counter);
  }();
  return value ? std::optional(*value) : std::nullopt;
}

void ProcessDetailsReader::read_sizes(std::uint64_t mm, ProcessDetails& details, Notes& notes) {
  const std::uint64_t page = evidence_.memory().machine().page_size;
  if (const auto pages = noted(pages_.read(evidence_, mm), notes, "a process's size"))
    details.size = *pages * page;
  std::int64_t resident = 0;
  for (const std::string_view kind : {"MM_FILEPAGES", "MM_ANONPAGES", "MM_SHMEMPAGES"}) {
    const auto pages = counted(mm, kind);
    if (!pages) {
      notes.add(Note{ErrorCode::no_type, "the counters of a process's pages are not known",
                     std::nullopt});
      return;
    }
    resident += std::max<std::int64_t>(*pages, 0);
  }
  details.resident = static_cast<std::uint64_t>(resident) * page;
}

void ProcessDetailsReader::read_paths(std::uint64_t task, std::uint64_t mm, ProcessDetails& details,
                                      Notes& notes) {
  const auto take = [&](std::uint64_t at) -> std::optional<std::string> {
    const auto path = paths_.at(at, notes);
    return path ? std::optional(as_proc_shows(*path)) : std::nullopt;
  };
  if (mm != 0) {
    const auto file = noted(executable_.read(evidence_, mm), notes, "a process's executable");
    if (file && *file != 0)
      if (const auto at = noted(file_path_.place(evidence_, *file), notes, "an executable's path"))
        details.executable = take(*at);
  }
  const auto fs = noted(fs_.read(evidence_, task), notes, "a process's directories");
  if (!fs || *fs == 0) return;
  if (const auto at = noted(directory_.place(evidence_, *fs), notes, "a process's directory"))
    details.directory = take(*at);
  if (const auto at = noted(root_.place(evidence_, *fs), notes, "a process's root"))
    details.root = take(*at);
}

void ProcessDetailsReader::read_words(const ProcessQuery& query, std::uint64_t mm,
                                      AddressSpace& memory, Process& process, Notes& notes) {
  const auto bytes = [&](std::uint64_t start, std::uint64_t end) -> Result<std::string> {
    if (end < start || end - start > most_words_bytes)
      return fail_at_address(
          ErrorCode::corrupt, mm,
          fmt::format("the kernel says that they lie from {:#x} to {:#x}", start, end));
    if (end - start > bytes_left_)
      return fail(ErrorCode::corrupt, "all together are longer than the memory");
    bytes_left_ -= end - start;
    std::string text(static_cast<std::size_t>(end - start), '\0');
    PANICROOM_CHECK(
        memory.read(start, MutableBytes(reinterpret_cast<std::byte*>(text.data()), text.size())));
    return text;
  };
  const auto ends =
      [&](const Field& first,
          const Field& last) -> std::optional<std::pair<std::uint64_t, std::uint64_t>> {
    const auto start = noted(first.read(evidence_, mm), notes, "where a process's arguments lie");
    const auto end = noted(last.read(evidence_, mm), notes, "where a process's arguments lie");
    return start && end ? std::optional(std::pair(*start, *end)) : std::nullopt;
  };
  const auto arguments = ends(arguments_start_, arguments_end_);
  const auto environment = ends(environment_start_, environment_end_);
  if (query.wants(ProcessFact::arguments) && arguments) {
    auto text = bytes(arguments->first, arguments->second);
    // A process that wrote over its arguments goes on into its environment (setproctitle).
    if (text && !text->empty() && text->back() != '\0' && environment &&
        environment->first == arguments->second) {
      text = bytes(arguments->first, environment->second);
      if (text) text->resize(std::min(text->find('\0'), text->size()));
    }
    if (text)
      process.details.arguments = split_at_nuls(*text);
    else
      notes.add(text.error().within("a process's arguments"));
  }
  if (query.wants(ProcessFact::environment) && environment) {
    const auto text = bytes(environment->first, environment->second);
    if (text)
      process.details.environment = split_at_nuls(*text);
    else
      notes.add(text.error().within("a process's environment"));
  }
}

}  // namespace panicroom::linux_kernel
