#include "native/libkvm/processes.h"

#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

namespace panicroom::kvm {
namespace {

constexpr std::uint32_t facts_of_a_record = static_cast<std::uint32_t>(ProcessFact::identity) |
                                            static_cast<std::uint32_t>(ProcessFact::times) |
                                            static_cast<std::uint32_t>(ProcessFact::sizes);

bool is_chosen(const Selection& selection, const Process& process) {
  const ProcessDetails& details = process.details;
  switch (selection.choice) {
    case Choice::all:
      return true;
    case Choice::pid:
      return process.pid == selection.value;
    case Choice::group:
      return details.group == selection.value;
    case Choice::session:
      return details.session == selection.value;
    case Choice::uid:
      return process.uid == selection.value;
    case Choice::real_uid:
      return details.real_uid == selection.value;
    case Choice::gid:
      return details.gid == selection.value;
    case Choice::real_gid:
      return details.real_gid == selection.value;
    case Choice::terminal:
      return false;
  }
  return false;
}

/// Microseconds since 1970 when the machine had booted.
std::optional<double> boot_time(Kernel& kernel) {
  Notes notes;
  const KernelIdentity identity = kernel.identity(notes);
  if (!identity.time || !identity.uptime) return std::nullopt;
  return (static_cast<double>(*identity.time) - *identity.uptime) * 1e6;
}

}  // namespace

State state_of(const std::optional<std::string>& state) {
  if (!state) return State::unknown;
  if (*state == "sleeping" || *state == "uninterruptible" || *state == "parked")
    return State::sleeping;
  if (*state == "running") return State::running;
  if (*state == "stopped" || *state == "traced") return State::stopped;
  if (*state == "zombie" || *state == "dead") return State::zombie;
  if (*state == "locked") return State::locked;
  if (*state == "idle") return State::waiting;
  if (*state == "new") return State::fresh;
  return State::sleeping;
}

std::optional<std::vector<ProcessRecord>> select(Handle& handle, const Selection& selection) {
  Kernel* const kernel = handle.kernel();
  if (kernel == nullptr) return std::nullopt;
  if (selection.choice == Choice::terminal) {
    handle.hard("processes cannot be chosen by their terminal: its device's number is not read");
    return std::nullopt;
  }
  ProcessQuery query;
  query.facts = facts_of_a_record;
  if (selection.choice == Choice::pid) query.pid = selection.value;
  std::vector<ProcessRecord> records;
  std::unordered_map<std::uint64_t, std::size_t> by_address;
  const auto booted = boot_time(*kernel);
  Notes notes;
  const auto walked = kernel->processes(
      query,
      [&](const Process& process) {
        if (!is_chosen(selection, process)) return true;
        by_address.emplace(process.address, records.size());
        ProcessRecord record{process, {}, {}};
        if (booted && process.details.start)
          record.start = static_cast<std::int64_t>(*booted + *process.details.start * 1e6);
        records.push_back(std::move(record));
        return true;
      },
      notes);
  if (!walked) {
    handle.hard(walked.error().message());
    return std::nullopt;
  }
  // What hinders the threads leaves the processes as they are.
  static_cast<void>(kernel->threads(
      [&](const Thread& thread) {
        const auto found = by_address.find(thread.process_address);
        if (found != by_address.end()) records[found->second].threads.push_back(thread);
        return true;
      },
      notes));
  return records;
}

std::optional<std::vector<FileRecord>> open_files(Handle& handle, std::optional<std::int64_t> pid) {
  const auto processes = select(handle, pid ? Selection{Choice::pid, *pid} : Selection{});
  if (!processes) return std::nullopt;
  std::unordered_map<std::int64_t, const Process*> by_pid;
  for (const ProcessRecord& one : *processes)
    if (one.process.pid) by_pid.emplace(*one.process.pid, &one.process);
  std::vector<FileRecord> files;
  Notes notes;
  const auto walked = handle.kernel()->files(
      pid,
      [&](const OpenFile& file) {
        FileRecord record{file, {}, {}};
        const auto owner = file.pid ? by_pid.find(*file.pid) : by_pid.end();
        if (owner != by_pid.end()) {
          record.uid = owner->second->uid;
          record.gid = owner->second->details.gid;
        }
        files.push_back(std::move(record));
        return true;
      },
      notes);
  if (walked) return files;
  handle.hard(walked.error().message());
  return std::nullopt;
}

int access_flags(const OpenFile& file) {
  constexpr int can_read = 1, can_write = 2;
  const std::string access = file.access.value_or("");
  return (access.find('r') != std::string::npos ? can_read : 0) |
         (access.find('w') != std::string::npos ? can_write : 0);
}

Result<std::vector<std::string>> texts_of(Kernel& kernel, std::int64_t pid, bool environment) {
  ProcessQuery query;
  query.pid = pid;
  query.facts =
      static_cast<std::uint32_t>(environment ? ProcessFact::environment : ProcessFact::arguments);
  std::optional<std::vector<std::string>> strings;
  bool found = false;
  Notes notes;
  PANICROOM_CHECK(kernel.processes(
      query,
      [&](const Process& process) {
        found = true;
        strings = environment ? process.details.environment : process.details.arguments;
        return false;
      },
      notes));
  if (strings) return *std::move(strings);
  if (!found) return fail(ErrorCode::invalid, fmt::format("no process {}", pid));
  const auto said = notes.take();
  if (!said.empty()) return fail(said.front().code, said.front().text);
  return fail(ErrorCode::not_in_dump, fmt::format("process {} has no memory of its own", pid));
}

char** strings_of(Handle& handle, std::int64_t pid, bool environment, int limit) {
  Kernel* const kernel = handle.kernel();
  if (kernel == nullptr) return nullptr;
  const auto strings = texts_of(*kernel, pid, environment);
  if (!strings || strings->empty()) {
    handle.hard(strings ? fmt::format("process {} has none", pid) : strings.error().message());
    return nullptr;
  }
  auto& bytes = handle.argument_bytes;
  auto& pointers = handle.argument_pointers;
  std::size_t room = limit > 0 ? static_cast<std::size_t>(limit) : SIZE_MAX;
  std::vector<std::size_t> starts;
  bytes.clear();
  for (const std::string& text : *strings) {
    if (room == 0) break;
    // What follows a NUL of the text would be lost to C anyway.
    const std::size_t length = std::min({text.size(), text.find('\0'), room - 1});
    starts.push_back(bytes.size());
    bytes.insert(bytes.end(), text.begin(), text.begin() + static_cast<std::ptrdiff_t>(length));
    bytes.push_back('\0');
    room -= length + 1;
  }
  pointers.clear();
  for (const std::size_t start : starts) pointers.push_back(&bytes[start]);
  pointers.push_back(nullptr);
  return pointers.data();
}

ssize_t read_process(Handle& handle, std::int64_t pid, std::uint64_t address, void* to,
                     std::size_t size) {
  AddressSpace* const space = handle.process_memory(pid);
  return space == nullptr ? -1 : handle.read(*space, address, to, size);
}

}  // namespace panicroom::kvm
