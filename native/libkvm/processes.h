#pragma once

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "native/libkvm/handle.h"

namespace panicroom::kvm {

/// What the second argument of kvm_getprocs(3) means, whatever its number with each system.
enum class Choice : std::uint8_t {
  all,
  pid,
  group,
  session,
  terminal,
  uid,
  real_uid,
  gid,
  real_gid,
};
struct Selection {
  Choice choice = Choice::all;
  std::int64_t value = 0;
};

/// A process for a system's own record of it.
struct ProcessRecord {
  Process process;
  std::vector<Thread> threads;
  std::optional<std::int64_t> start;  ///< microseconds since 1970
};

/// The processes, in the kernel's order, with identity, times and sizes, and their threads.
/// Nothing, with a hard error, when not even one could be read.
std::optional<std::vector<ProcessRecord>> select(Handle& handle, const Selection& selection);

/// An open descriptor for a system's own record of it.
struct FileRecord {
  OpenFile file;
  std::optional<std::int64_t> uid, gid;  ///< of the process
};

/// The open descriptors of all processes, or of one. Nothing, with a hard error.
std::optional<std::vector<FileRecord>> open_files(Handle& handle, std::optional<std::int64_t> pid);

/// FREAD and FWRITE of all systems' sys/file.h.
int access_flags(const OpenFile& file);

/// The states that the systems have numbers for; 0 stands for `unknown` in all of them.
enum class State : std::uint8_t {
  unknown,
  fresh,
  running,
  sleeping,
  stopped,
  zombie,
  waiting,
  locked,
};
State state_of(const std::optional<std::string>& state);

/// Keeps copies of a face's records in the handle, `size` bytes apart: a program that was compiled
/// with a shorter or longer structure gets as much of each.
template <class Record>
Record* keep(std::vector<std::byte>& storage, const std::vector<Record>& records, std::size_t size,
             int* count) {
  // One more, so that no record at all has an address too.
  storage.assign((records.size() + 1) * size, std::byte{0});
  for (std::size_t index = 0; index < records.size(); ++index)
    std::memcpy(&storage[index * size], &records[index], std::min(size, sizeof(Record)));
  *count = static_cast<int>(records.size());
  return reinterpret_cast<Record*>(storage.data());
}

/// A process's arguments or environment. Error: why they cannot be read.
Result<std::vector<std::string>> texts_of(Kernel& kernel, std::int64_t pid, bool environment);
/// kvm_getargv(3), kvm_getenvv(3): the strings, ended by a null pointer, of at most `limit` bytes
/// together unless it is 0. Null, with a hard error, where there are none.
char** strings_of(Handle& handle, std::int64_t pid, bool environment, int limit);

/// kvm_uread: a process's own memory.
ssize_t read_process(Handle& handle, std::int64_t pid, std::uint64_t address, void* to,
                     std::size_t size);

}  // namespace panicroom::kvm
