#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/foundry/containers.h"
#include "tests/foundry/image.h"
#include "tests/foundry/machine_text.h"

namespace foundry {

/// FreeBSD: a lock, and who has it: a thread or so many readers.
struct LockText {
  std::string name;
  std::string kind;  ///< "mutex", "spin mutex", "sx", "rw", "lockmgr"
  std::optional<std::int64_t> owner;
  std::uint64_t readers = 0;
  std::uint64_t address = 0;   ///< of its lock_object; set while the world is built
  std::uint64_t argument = 0;  ///< what is handed to functions that wait for it
};

/// FreeBSD: an open file.
struct DescriptorText {
  std::int64_t number = 0;
  std::string type;    ///< file, directory, device, fifo, pipe, kqueue, shm, sem, pts, socket kinds
  std::string access;  ///< r, w, rw
  std::string path;
  std::uint64_t position = 0, flags = 0;
  std::string local, remote;           ///< of sockets: "127.0.0.1:80", "[::1]:80", a path
  std::uint64_t state = 0;             ///< of TCP
  bool listens = false, gone = false;  ///< gone: a connection without a struct socket
  std::uint64_t received = 0, sent = 0;
  std::uint64_t address = 0, socket_address = 0;  ///< set while the world is built
};

/// FreeBSD: a part of a process's address space.
struct MappingText {
  std::uint64_t start = 0, end = 0;
  std::string access;  ///< "rwxp", "r--s"
  std::uint64_t offset = 0;
  std::string path;           ///< of the file; "[stack]"; empty: none
  bool copied = false;        ///< a private copy of the file lies above it
  std::string tmpfs;          ///< its object is tmpfs's, which has the file's "vnode" or "node", or
                              ///< swap space's with a "flag"
  std::uint64_t address = 0;  ///< set while the world is built
};

struct ThreadText {
  std::int64_t tid = 0;
  std::string name;
  std::optional<std::int64_t> cpu;
  bool crashed = false;
  std::string state;  ///< empty: sleeping
  // FreeBSD:
  std::uint64_t priority = 120, scheduling_class = 3, last_cpu = 0, run_ticks = 0;
  std::uint64_t channel = 0;
  std::string message, lock;  ///< why it sleeps; the lock that it waits for
  std::string spins;          ///< the lock for which it waits in a loop
  std::uint64_t user_ticks = 0, system_ticks = 0, new_ticks = 0;
  std::uint64_t stack_pages = 0, stack = 0;
  std::vector<std::uint64_t> frames;  ///< program counters, innermost first
  // Set while the world is built:
  std::uint64_t address = 0;
  std::uint64_t sp = 0, fp = 0;
};

struct ProcessText {
  std::int64_t pid = 0;
  std::string name;
  bool zombie = false;  ///< FreeBSD: on zombproc
  std::int64_t ppid = 0;
  std::uint64_t uid = 0;
  // FreeBSD:
  std::int64_t group = 0, session = 0, jail = 0, nice = 0;
  std::uint64_t real_uid = 0, gid = 0, real_gid = 0, flags = 0;
  std::uint64_t start_seconds = 0, start_microseconds = 0;
  std::string terminal;
  std::uint64_t run_ticks = 0, user_ticks = 0, system_ticks = 0, interrupt_ticks = 0;
  std::uint64_t size = 0, resident_pages = 0;
  std::string executable, directory, root;
  std::vector<std::string> arguments, environment;
  bool arguments_in_memory = false;  ///< too long for the kernel's own copy
  std::uint64_t strings = 0;         ///< user address of ps_strings
  bool of_32_bits = false;           ///< its pointers
  std::vector<DescriptorText> descriptors;
  std::vector<MappingText> mappings;
  std::vector<ThreadText> threads;
  std::vector<Mapping> memory;  ///< illumos: pages that lie in its own memory
  // Set while the world is built:
  std::uint64_t address = 0, space = 0;  ///< FreeBSD: its vmspace; illumos: its struct as
  std::uint64_t tables = 0;              ///< illumos: its struct htable
};

/// Linux: a loaded module, the symbols of its own and where its sections were loaded.
struct ModuleText {
  std::string name;
  Range text;
  std::vector<Symbol> symbols;
  std::vector<std::pair<std::string, std::uint64_t>> sections;
  std::uint64_t address = 0;    ///< set while the world is built
  std::vector<Symbol> per_cpu;  ///< variables that each processor has its own of, by linked address
};

struct LogText {
  std::optional<int> level;
  std::string text;
  std::uint64_t time_ns = 0;  ///< Linux
};

/// A file to make: `container` ("minidump", "elf", "kdump") with its key=value settings.
struct FileText {
  std::string name;
  std::string container;
  std::vector<std::pair<std::string, std::string>> settings;

  std::string get(std::string_view key, std::string otherwise = "") const;
  std::uint64_t number(std::string_view key, std::uint64_t otherwise) const;
};

/// A parsed description: the machine, what its kernel knew, and the files to make. See
/// docs/foundry.md.
struct Description {
  std::string name;
  std::string system;  ///< one of systems.cc, or empty: only memory
  Image image;
  std::vector<ProcessText> processes;
  std::vector<ThreadText> kernel_threads;  ///< DragonFly: of no process
  std::vector<ModuleText> modules;
  std::vector<LogText> log;
  std::string panic;
  std::string layout = "invented";  ///< FreeBSD: whose structures
  std::uint64_t version = 1400097;  ///< FreeBSD: osreldate
  std::string release = "14.0-FOUNDRY";
  std::uint64_t tick_rate = 0;  ///< FreeBSD: cpu_tick_frequency
  std::vector<LockText> locks;
  std::vector<DescriptorText> sockets;  ///< FreeBSD: those that no process has open
  MachineText machine;                  ///< FreeBSD
  std::vector<std::pair<std::string, std::string>> filesystems;  ///< FreeBSD: path, type
  bool tell_kallsyms = true;    ///< VMCOREINFO names the kallsyms tables (Linux 6.0 and later)
  std::string ctf = "plain";    ///< illumos: what types the dump has: "plain", "compressed", "none"
  bool backlog = false;         ///< illumos: no syslogd has taken the messages yet
  bool functions_only = false;  ///< kallsyms names code alone (no CONFIG_KALLSYMS_ALL)
  std::map<std::int64_t, std::uint64_t> run_queues;  ///< Linux: of the processors, once built
  Range heap;  ///< virtual addresses that kernel objects are put at
  std::vector<FileText> files;
};

/// Parses a description and builds its world (page tables, kernel objects). Throws
/// std::runtime_error that names the line.
Description parse_description(std::string_view text, std::string name);
/// `more`: lines that follow those of the file.
Description read_description(const std::string& path, std::string_view more = {});
/// The files that a description names; nothing is built.
std::vector<FileText> read_files(const std::string& path);

/// What one `file` line makes: the parts of the dump (one but for split sets), wrapped as it says.
std::vector<Blob> make_dump(const Description& description, const FileText& file);

}  // namespace foundry
