#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace panicroom {

// What a kernel tells, one struct for each kind of row. What is unknown is empty. Strings are the
// dump's raw bytes.

template <class T>
using Visitor = std::function<bool(const T&)>;

/// What may be asked of processes beside what is always answered: each has reads of its own.
enum class ProcessFact : std::uint32_t {
  identity = 1,      ///< group, session, terminal, credentials, flags, priority, start, namespaces
  times = 2,         ///< of all its threads
  sizes = 4,         ///< of its memory
  paths = 8,         ///< executable, current and root directory
  arguments = 16,    ///< from its own memory
  environment = 32,  ///< from its own memory
};

struct ProcessQuery {
  std::optional<std::int64_t> pid;
  std::uint32_t facts = 0;  ///< ProcessFact bits

  bool wants(ProcessFact fact) const { return (facts & static_cast<std::uint32_t>(fact)) != 0; }
};

struct ProcessDetails {
  std::optional<std::int64_t> group, session;  ///< process ids of their leaders
  std::optional<std::string> terminal;         ///< "ttyS0", "pts/3"
  std::optional<std::int64_t> real_uid, gid, real_gid;
  std::optional<std::uint64_t> flags;
  std::optional<std::int64_t> nice;
  std::optional<double> start;                   ///< seconds since boot
  std::optional<double> user_time, system_time;  ///< seconds
  std::optional<std::uint64_t> size, resident;   ///< bytes
  std::optional<std::string> executable, directory, root;
  std::optional<std::vector<std::string>> arguments, environment;
  /// Inode numbers of the namespaces, as /proc/PID/ns names them; the jail's number.
  std::optional<std::int64_t> pid_namespace, mount_namespace, network_namespace, jail;
};

struct OpenFile {
  std::optional<std::int64_t> pid;
  std::optional<std::string> process;
  std::int64_t descriptor = 0;
  std::optional<std::string> type;    ///< "file", "directory", "character device", "block device",
                                      ///< "pipe", "socket", "link", "anonymous"; FreeBSD: also
                                      ///< "kqueue", "shared memory", "pseudo terminal" and others
  std::optional<std::string> access;  ///< "r", "w", "rw", "path"
  std::optional<std::string> flags;   ///< "append,nonblock", the system's names without O_
  std::optional<std::uint64_t> position;
  std::optional<std::uint64_t> inode, size;
  std::optional<std::string> device;  ///< of the file system, "major:minor"
  std::optional<std::string> path;
  std::optional<bool> deleted;
  std::uint64_t address = 0;  ///< of struct file
};

/// A socket that a process has open.
struct Socket {
  std::optional<std::int64_t> pid;  ///< nothing: no process has it open
  std::optional<std::string> process;
  std::optional<std::int64_t> descriptor;
  std::optional<std::string> protocol;       ///< "tcp", "udp6", "unix stream", "netlink", "raw 1"
  std::optional<std::string> state;          ///< "established", "listen", "connected"
  std::optional<std::string> local, remote;  ///< "127.0.0.1:80", "[::1]:80", a path
  std::optional<std::uint64_t> received, sent;
  std::optional<std::uint64_t> inode;
  std::uint64_t address = 0;  ///< of struct sock (Linux), socket or inpcb (FreeBSD)
};

/// A part of a process's address space.
struct Mapping {
  std::optional<std::int64_t> pid;
  std::uint64_t start = 0, end = 0;
  std::optional<std::string> access;  ///< "rw-p": read, write, execute, private or shared
  std::optional<std::uint64_t> offset;
  std::optional<std::string> device;
  std::optional<std::uint64_t> inode;
  std::optional<std::string> path;  ///< of the file, or "[heap]", "[stack]", "[vdso]"
  std::optional<bool> deleted;
  std::uint64_t address = 0;  ///< of struct vm_area_struct (Linux), vm_map_entry (FreeBSD)
};

struct LoadedModule {
  std::optional<std::string> name;
  std::optional<std::uint64_t> base, size;  ///< of its memory
  std::optional<std::string> state;         ///< "live", "loading", "unloading"
  std::optional<std::int64_t> references;
  std::vector<std::string> used_by;
  std::uint64_t address = 0;  ///< of struct module, linker_file
};

struct Mount {
  std::optional<std::int64_t> mount_namespace;
  std::optional<std::int64_t> id, parent;
  std::optional<std::string> source, path, type, options;
  std::optional<std::string> device;  ///< "major:minor"
  std::optional<std::string> root;    ///< which directory of the file system is mounted
  std::uint64_t address = 0;          ///< of struct mount
};

struct Processor {
  std::int64_t number = 0;
  std::optional<bool> online, crashed;
  std::optional<std::int64_t> tid;    ///< what it was running
  std::optional<std::string> thread;  ///< its name
  std::optional<bool> idle;
  std::optional<std::uint64_t> runnable;  ///< threads in its run queue
  std::optional<std::uint64_t> current, per_cpu_base;
  /// FreeBSD: of its struct pcpu; what is added to an address that a per-processor zone gave out.
  std::optional<std::uint64_t> structure, zone_offset;
  std::optional<std::uint64_t> pc, sp;
};

struct Load {
  std::optional<double> one, five, fifteen;  ///< averages over so many minutes
  std::optional<std::uint64_t> runnable, threads;
  std::optional<std::int64_t> last_pid;
};

struct SwapArea {
  std::optional<std::string> path, type;    ///< "partition", "file"
  std::optional<std::uint64_t> size, used;  ///< bytes
  std::optional<std::int64_t> priority;
  std::uint64_t address = 0;
};

struct MemoryCounter {
  std::string name;  ///< the system's own: "MemFree"
  std::optional<std::uint64_t> bytes;
};

/// A zone of physical pages (Linux) or a memory domain (FreeBSD). All but the node in bytes.
struct MemoryZone {
  std::optional<std::int64_t> node;
  std::optional<std::string> name;
  std::optional<std::uint64_t> size, managed, free;
  std::optional<std::uint64_t> min, low, high;  ///< below these the kernel begins to look for pages
  std::uint64_t address = 0;
};

/// A cache of equal objects: a slab cache (Linux), a UMA zone (FreeBSD).
struct ObjectCache {
  std::optional<std::string> name;
  std::optional<std::uint64_t> object_size;      ///< bytes from one to the next
  std::optional<std::uint64_t> objects, in_use;  ///< that there is memory for; of those
  std::optional<std::uint64_t> bytes;            ///< of memory that it holds
  std::uint64_t address = 0;
};

/// A source of interrupts and how often it came.
struct Interrupt {
  std::optional<std::int64_t> number;
  std::optional<std::string> name;  ///< of the line or the vector: "LOC", "irq16: ahci0"
  std::optional<std::uint64_t> count;
  std::vector<std::uint64_t> per_cpu;     ///< as far as they are told apart
  std::optional<std::string> controller;  ///< "IO-APIC", "PCI-MSI"
  std::optional<std::uint64_t> hwirq;     ///< the line's number at its controller
  std::vector<std::string> handlers;      ///< names of the devices that asked for it
  std::uint64_t address = 0;
};

/// A lock that is held or waited for.
struct Lock {
  std::uint64_t address = 0;
  std::optional<std::string> kind;   ///< "mutex", "rw semaphore", "sx", "spin mutex"
  std::optional<std::string> name;   ///< the system's own name for it, else its symbol
  std::optional<std::string> state;  ///< "held", "shared", "free"
  std::optional<std::int64_t> owner_pid, owner_tid;
  std::optional<std::string> owner;    ///< name of the thread that holds it
  std::vector<std::int64_t> waiters;   ///< thread ids, on Linux first come first
  std::vector<std::int64_t> spinning;  ///< those of them that wait on a processor, in a loop
};

struct Sysctl {
  std::string name;  ///< "kern.maxproc"
  std::optional<std::string> type;
  std::optional<std::string> value;  ///< as sysctl(8) prints it; none where only a function knows
  std::optional<std::string> doc;    ///< the kernel's own description
  std::uint64_t address = 0;         ///< of struct sysctl_oid or ctl_table
};

}  // namespace panicroom
