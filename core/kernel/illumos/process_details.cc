#include "core/kernel/illumos/process_details.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t longest_words = std::uint64_t{2} << 20;  // ARG_MAX of 64-bit programs
constexpr std::uint64_t most_words = 65536;                      // of one list
constexpr std::uint64_t program_of_32_bits = 0x100000;  // DATAMODEL_ILP32, uts/common/sys/model.h
constexpr std::int64_t neutral_nice = 20;               // NZERO
constexpr std::uint64_t most_levels = 4;                // of page tables

std::vector<std::string> split_at_blanks(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return words;
}

}  // namespace

ProcessDetailsReader::ProcessDetailsReader(Evidence& evidence, Processes& processes, Vnodes& vnodes)
    : evidence_(evidence),
      processes_(processes),
      vnodes_(vnodes),
      bytes_left_(evidence.memory_present()) {}

void ProcessDetailsReader::read(
    const ProcessQuery& query, const std::vector<std::uint64_t>& threads,
    const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory, Process& process,
    Notes& notes) {
  const std::uint64_t address = process.address;
  if (query.wants(ProcessFact::identity)) read_identity(address, threads, process.details, notes);
  if (query.wants(ProcessFact::times)) read_times(address, threads, process.details, notes);
  if (query.wants(ProcessFact::paths)) read_paths(address, process.details, notes);
  // A kernel process has the kernel's memory; a zombie has given its own back.
  if (processes_.is_kernel_process(address) || process.state == "zombie") return;
  if (query.wants(ProcessFact::sizes)) read_sizes(address, process.details, notes);
  if (query.wants(ProcessFact::arguments) || query.wants(ProcessFact::environment))
    read_words(query, memory, process, notes);
}

std::optional<std::string> ProcessDetailsReader::terminal(std::uint64_t session, Notes& notes) {
  constexpr std::string_view what = "a process's terminal";
  const auto vnode = noted(terminal_.read(evidence_, session), notes, what);
  if (!vnode || *vnode == 0) return std::nullopt;
  if (auto path = vnodes_.path(*vnode, notes)) {
    constexpr std::string_view devices = "/dev/";
    if (path->starts_with(devices)) path->erase(0, devices.size());
    return path;
  }
  const auto device = noted(terminal_device_.read(evidence_, session), notes, what);
  return device ? std::optional(vnodes_.device_name(*device)) : std::nullopt;
}

void ProcessDetailsReader::read_credentials(std::uint64_t process, ProcessDetails& details,
                                            Notes& notes) {
  constexpr std::string_view what = "a process's user";
  const auto cred = noted(credentials_.read(evidence_, process), notes, what);
  if (!cred || *cred == 0) return;
  details.real_uid = noted(real_uid_.read_signed(evidence_, *cred), notes, what);
  details.gid = noted(gid_.read_signed(evidence_, *cred), notes, what);
  details.real_gid = noted(real_gid_.read_signed(evidence_, *cred), notes, what);
}

/// What the class of its first thread keeps (uts/common/sys/ts.h, fx.h, fss.h); the others have no
/// nice value.
std::optional<std::int64_t> ProcessDetailsReader::nice(const std::vector<std::uint64_t>& threads,
                                                       Notes& notes) {
  constexpr std::string_view what = "a process's nice value";
  if (threads.empty()) return std::nullopt;
  const auto name = processes_.scheduling_class(threads.front(), notes);
  const Field* field = name == "TS" || name == "IA" ? &nice_shared_
                       : name == "FX"               ? &nice_fixed_
                       : name == "FSS"              ? &nice_fair_
                                                    : nullptr;
  if (field == nullptr || !field->exists(evidence_)) return std::nullopt;
  const auto data = noted(of_class_.read(evidence_, threads.front()), notes, what);
  if (!data || *data == 0) return std::nullopt;
  const auto value = noted(field->read_signed(evidence_, *data), notes, what);
  return value ? std::optional(*value - neutral_nice) : std::nullopt;
}

void ProcessDetailsReader::read_identity(std::uint64_t process,
                                         const std::vector<std::uint64_t>& threads,
                                         ProcessDetails& details, Notes& notes) {
  constexpr std::string_view what = "a process's group and session";
  details.flags = noted(flags_.read(evidence_, process), notes, "a process's flags");
  if (const auto group = noted(group_.read(evidence_, process), notes, what); group && *group != 0)
    details.group = noted(id_number_.read_signed(evidence_, *group), notes, what);
  if (const auto session = noted(session_.read(evidence_, process), notes, what);
      session && *session != 0) {
    const auto leader = noted(leader_.read(evidence_, *session), notes, what);
    if (leader && *leader != 0)
      details.session = noted(id_number_.read_signed(evidence_, *leader), notes, what);
    details.terminal = terminal(*session, notes);
  }
  read_credentials(process, details, notes);
  if (const auto zone = noted(zone_.read(evidence_, process), notes, "a process's zone");
      zone && *zone != 0)
    details.jail = noted(zone_id_.read_signed(evidence_, *zone), notes, "a process's zone");
  details.nice = nice(threads, notes);
  if (const auto ticks = noted(began_.read(evidence_, process), notes, "when a process began"))
    details.start = processes_.seconds_of_ticks(*ticks, notes);
}

/// As uts/common/os/msacct.c, mstate_aggr_state, has it: what the process keeps of the lwps that
/// are gone, and what those that are there ran.
void ProcessDetailsReader::read_times(std::uint64_t process,
                                      const std::vector<std::uint64_t>& threads,
                                      ProcessDetails& details, Notes& notes) {
  const auto gone = noted(times_.place(evidence_, process), notes, "how long a process ran");
  if (!gone) return;
  const auto sum = [&](bool user) -> std::optional<double> {
    auto seconds = processes_.seconds_in(*gone, user, notes);
    if (!seconds) return std::nullopt;
    for (const std::uint64_t thread : threads)
      if (const auto more = processes_.run_time(thread, user, notes)) *seconds += *more;
    return seconds;
  };
  details.user_time = sum(true);
  details.system_time = sum(false);
}

void ProcessDetailsReader::read_sizes(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "how much of a process is in memory";
  const auto space = noted(space_.read(evidence_, process), notes, "a process's memory");
  if (!space || *space == 0) return;
  details.size = noted(size_.read(evidence_, *space), notes, "the size of a process");
  const auto hat = noted(hat_.read(evidence_, *space), notes, what);
  if (!hat || *hat == 0) return;
  const auto pages = noted(resident_.member(evidence_), notes, what);
  if (!pages) return;
  // Pages of each level of the tables, smallest first (uts/i86pc/vm/hat_i86.h). A kernel of 32 bits
  // has PAE's tables, whose levels grow as 64-bit ones do.
  constexpr unsigned bits_of_level = 9;
  const std::uint64_t width = evidence_.pointer_size();
  std::uint64_t bytes = 0, page = evidence_.memory().machine().page_size;
  for (std::uint64_t i = 0; i < std::min(pages->size / width, most_levels); ++i) {
    const auto count =
        noted(evidence_.memory().word(*hat + pages->offset + i * width), notes, what);
    if (!count) return;
    if (*count > UINT64_MAX / 4 / page) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{}: {} pages", what, *count), *hat});
      return;
    }
    bytes += *count * page;
    page <<= bits_of_level;
  }
  details.resident = bytes;
}

void ProcessDetailsReader::read_paths(std::uint64_t process, ProcessDetails& details,
                                      Notes& notes) {
  constexpr std::string_view what = "a process's program and directories";
  const auto path = [&](const Field& field) -> std::optional<std::string> {
    const auto vnode = noted(field.read(evidence_, process), notes, what);
    return vnode && *vnode != 0 ? vnodes_.path(*vnode, notes) : std::nullopt;
  };
  details.executable = path(program_);
  details.directory = path(directory_);
  const auto root = noted(root_.read(evidence_, process), notes, what);
  if (root && *root == 0)
    details.root = "/";  // it has no other than the system's
  else
    details.root = path(root_);
}

std::optional<std::vector<std::string>> ProcessDetailsReader::kept_arguments(std::uint64_t process,
                                                                             Notes& notes) {
  const auto text = noted(beginning_.text(evidence_, process), notes, "a process's arguments");
  if (!text || text->empty()) return std::nullopt;
  return split_at_blanks(*text);
}

Result<std::vector<std::string>> ProcessDetailsReader::words(AddressSpace& memory,
                                                             std::uint64_t pointers,
                                                             std::uint64_t count, unsigned word) {
  if (count > most_words)
    return fail_at_address(ErrorCode::corrupt, pointers,
                           fmt::format("there are said to be {} of them", count));
  Words words;
  std::uint64_t left = std::min(longest_words, bytes_left_);
  for (std::uint64_t index = 0; index < count; ++index) {
    PANICROOM_TRY(at, memory.integer(pointers + index * word, word));
    if (at == 0 && count != most_words)
      return fail_at_address(
          ErrorCode::corrupt, pointers,
          fmt::format("there are said to be {} of them, but only {} are there", count, index));
    if (at == 0) break;
    // Programs may have put other texts there (setproctitle), wherever they lie.
    PANICROOM_TRY(text, memory.string(at, static_cast<std::size_t>(left)));
    if (text.size() + 1 > left)
      return fail_at_address(ErrorCode::corrupt, pointers, "they are longer than they can be");
    left -= text.size() + 1, bytes_left_ -= text.size() + 1;
    words.push_back(std::move(text));
  }
  return words;
}

void ProcessDetailsReader::read_words(
    const ProcessQuery& query, const std::function<Result<std::unique_ptr<AddressSpace>>()>& memory,
    Process& process, Notes& notes) {
  constexpr std::string_view what = "a process's arguments";
  ProcessDetails& details = process.details;
  const auto own = memory();
  if (!own) notes.add(own.error().within("a process's arguments and environment"));
  const auto model = noted(model_.read(evidence_, process.address), notes, what);
  const unsigned word = model && (*model & program_of_32_bits) != 0 ? 4 : evidence_.pointer_size();
  if (query.wants(ProcessFact::arguments)) {
    const auto count = noted(argument_count_.read_signed(evidence_, process.address), notes, what);
    const auto pointers = noted(arguments_.read(evidence_, process.address), notes, what);
    Notes reading;
    if (own && count && *count > 0 && pointers && *pointers != 0)
      details.arguments =
          noted(words(**own, *pointers, static_cast<std::uint64_t>(*count), word), reading, what);
    if (!details.arguments) {
      details.arguments = kept_arguments(process.address, notes);
      if (details.arguments)
        notes.add(Note{ErrorCode::not_in_dump,
                       "of some processes only the beginning of the arguments is known that the "
                       "kernel keeps (u_psargs, at most 79 bytes, split at blanks): their own "
                       "memory is not in the dump",
                       std::nullopt});
      else
        for (Note& note : reading.take()) notes.add(std::move(note));
    }
  }
  if (!own || !query.wants(ProcessFact::environment)) return;
  const auto pointers =
      noted(environment_.read(evidence_, process.address), notes, "a process's environment");
  if (pointers && *pointers != 0)
    details.environment =
        noted(words(**own, *pointers, most_words, word), notes, "a process's environment");
}

}  // namespace panicroom::illumos
