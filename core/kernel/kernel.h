#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/registers.h"
#include "core/dump/dump.h"
#include "core/kernel/facts.h"
#include "core/kernel/own_variables.h"
#include "core/memory/address_space.h"
#include "core/stack/unwind.h"
#include "core/symbols/elf_symbols.h"
#include "core/symbols/symbol_table.h"
#include "core/types/source_lines.h"
#include "core/types/type_catalog.h"
#include "core/types/value_lines.h"

namespace panicroom {

/// Collects the remarks of one answer; equal ones are kept once, of those that differ in their
/// place alone the first three, and at most 100 in all. Remarks of their own say how many were left
/// out.
class Notes {
 public:
  void add(Note note);
  void add(const Error& error) { add(note_of(error)); }
  std::vector<Note> take();

 private:
  struct Text {
    std::size_t first = 0;  ///< in notes_: where this text first stands
    std::size_t places = 0;
    std::size_t left_out = 0;
  };
  std::vector<Note> notes_;
  std::vector<Text> texts_;
  std::size_t left_out_ = 0;
};

/// What the dump is about. Everything unknown is empty.
struct KernelIdentity {
  std::string system;   ///< "Linux", "FreeBSD"
  std::string release;  ///< uname -r
  std::string version;  ///< uname -v
  std::string nodename;
  std::string machine;                    ///< uname -m
  std::optional<std::string> panic_text;  ///< what panic(9)/panic() was told, one line
  std::optional<std::int64_t> time;       ///< seconds since 1970, of the crash
  std::optional<double> uptime;           ///< seconds
  std::optional<std::uint32_t> cpus;      ///< processors online
  std::optional<std::int64_t> crashed_tid;
  std::optional<std::uint64_t> kernel_slide;  ///< KASLR, bytes
};

/// Thread and process states, under the names that `ps` of the system's own uses in `state`.
struct Process {
  std::uint64_t address = 0;  ///< of struct proc / the group leader's task_struct
  std::optional<std::int64_t> pid, ppid, uid;
  std::optional<std::string> state;  ///< "running", "sleeping", "uninterruptible", "idle",
                                     ///< "stopped", "traced", "zombie", "dead", "parked", "new",
                                     ///< "locked": it waits for a lock (FreeBSD)
  std::optional<std::string> name;   ///< raw bytes
  std::optional<std::uint64_t> threads;
  std::optional<std::uint64_t>
      page_table_root;     ///< physical; none for kernel threads and where unknown
  ProcessDetails details;  ///< as far as they were asked for
};

struct Thread {
  std::uint64_t address = 0;  ///< of struct thread / task_struct; 0 where unknown
  std::uint64_t process_address = 0;
  std::optional<std::int64_t> pid, tid;
  std::optional<std::string> process;  ///< the process's name
  std::optional<std::string> name;
  std::optional<std::string> state;
  std::optional<std::int64_t> cpu;  ///< the processor that it was running on; none when on none
  std::optional<bool> crashed;
  /// Linux: as ps shows it, 20 for nice 0, negative for real time; FreeBSD: the kernel's own.
  std::optional<std::int64_t> priority;
  /// "other", "fifo", "rr", "batch", "idle", "deadline"; FreeBSD: "interrupt", "realtime",
  /// "timeshare", "idle", "fifo".
  std::optional<std::string> policy;
  std::optional<std::int64_t> last_cpu;         ///< where it ran last
  std::optional<double> run_time;               ///< seconds
  std::optional<std::uint64_t> wait_channel;    ///< address that it sleeps on (FreeBSD)
  std::optional<std::string> wait_message;      ///< why it sleeps or which lock it waits for, in
                                                ///< the kernel's words (FreeBSD)
  Registers registers;                          ///< where its kernel stack continues
  std::uint64_t stack_low = 0, stack_high = 0;  ///< both 0 when unknown
};

struct LogLine {
  std::optional<std::uint64_t> time_ns;  ///< since boot
  std::optional<int> level;              ///< syslog priority 0..7
  std::string text;                      ///< raw bytes, one line
  std::optional<std::uint64_t> address;  ///< where its text begins
};
using LogVisitor = std::function<bool(const LogLine&)>;

/// The dead kernel: knows lists and structures of its system, not formats. Every walk answers what
/// it can and adds a note for what it cannot; visitors stop a walk by answering false. A walk fails
/// as a whole only when not even its start is known. Not thread-safe.
class Kernel {
 public:
  virtual ~Kernel() = default;
  virtual KernelIdentity identity(Notes& notes) = 0;
  virtual Result<void> processes(const ProcessQuery& query,
                                 const std::function<bool(const Process&)>& visit,
                                 Notes& notes) = 0;
  virtual Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) = 0;
  virtual Unwound stack(const Thread& thread, Notes& notes) = 0;
  /// The registers of the code that a trap or interrupt stopped, from what its entry saved at that
  /// address (UnwoundFrame::saved_registers), and what the processor itself told of a trap under
  /// the names "error_code" (x86), "syndrome" (AArch64's ESR) and "fault_address". Empty, with a
  /// note, where they cannot be read.
  virtual Registers saved_registers(std::uint64_t address, Notes& notes);
  /// Where a thread that is on no processor waits: the innermost return address outside of the
  /// scheduler. Nothing when it ran, or where that is not known.
  virtual std::optional<std::uint64_t> wait_address(const Thread& thread, Notes& notes);
  /// The loaded module whose code holds an address; nothing for the kernel's own.
  virtual std::optional<std::string> module_at(std::uint64_t address);
  /// The line of source that an instruction was made from and the calls that were inlined there, by
  /// the DWARF of the kernel's and its modules' files, as far as they say it.
  virtual SourceCalls source_calls(std::uint64_t address, Notes& notes);
  virtual Result<void> log(const LogVisitor& visit, Notes& notes) = 0;

  // What a system's reader does not know yet is `unsupported`. `pid`: of this process alone.
  virtual Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                             Notes& notes);
  virtual Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                               Notes& notes);
  virtual Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                                Notes& notes);
  virtual Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes);
  virtual Result<void> mounts(const Visitor<Mount>& visit, Notes& notes);
  virtual Result<void> cpus(const Visitor<Processor>& visit, Notes& notes);
  virtual Result<Load> load(Notes& notes);
  virtual Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes);
  virtual Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes);
  virtual Result<void> memory_zones(const Visitor<MemoryZone>& visit, Notes& notes);
  virtual Result<void> object_caches(const Visitor<ObjectCache>& visit, Notes& notes);
  virtual Result<void> interrupts(const Visitor<Interrupt>& visit, Notes& notes);
  /// Every lock that a thread waits for, and those held ones that can be found otherwise.
  virtual Result<void> locks(const Visitor<Lock>& visit, Notes& notes);
  virtual Result<void> sysctls(const Visitor<Sysctl>& visit, Notes& notes);

  /// The kernel's own address space; lives as long as this object.
  virtual AddressSpace& memory() = 0;
  /// A process's address space (its user half and the kernel's where they share tables).
  virtual Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) = 0;
  /// Null when there are none; `why_no_symbols` then says why.
  virtual std::shared_ptr<const SymbolTable> symbols() = 0;
  virtual std::optional<Error> why_no_symbols() = 0;
  /// Error: why there are none.
  virtual Result<std::shared_ptr<const TypeCatalog>> types() = 0;
  /// Where a variable lies of which each processor has its own (that of `cpu`) or each network
  /// stack (the host's), by its symbol or by the name that the kernel's source gives it. Nothing:
  /// `name` is no such variable's. Errors: `invalid` for a processor that there is not, or that is
  /// said of a network stack's variable; `not_in_dump`, those of a read.
  virtual Result<std::optional<OwnVariable>> own_variable(std::string_view name, CpuNumber cpu,
                                                          Notes& notes);
  /// What pointers of types with a meaning of their own tell when they are printed; may be empty.
  virtual PointerWords pointer_words();
  /// The kernel's NT_GNU_BUILD_ID in hexadecimal; empty where it is not known.
  virtual std::string build_id() { return {}; }
};

/// What a kernel is opened from.
struct KernelInputs {
  const Dump* dump = nullptr;  ///< outlives the kernel
  std::vector<std::pair<std::string, SourcePtr>>
      kernel_files;  ///< unwrapped kernel files with their names
};

/// Finds out which system died and opens it: Linux by VMCOREINFO, its banner or its page tables;
/// FreeBSD by the minidump or its kernel file. `corrupt`/`unsupported` say what was tried. Remarks
/// that hold for the whole session (a kernel file that does not fit, a last-resort method) go to
/// `notes`.
Result<std::unique_ptr<Kernel>> open_kernel(const KernelInputs& inputs, Notes& notes);

/// One file per system; each answers nothing when the dump is not its system's.
Result<std::unique_ptr<Kernel>> open_linux(const KernelInputs& inputs, Notes& notes);
Result<std::unique_ptr<Kernel>> open_freebsd(const KernelInputs& inputs, Notes& notes);
Result<std::unique_ptr<Kernel>> open_netbsd(const KernelInputs& inputs, Notes& notes);
Result<std::unique_ptr<Kernel>> open_openbsd(const KernelInputs& inputs, Notes& notes);
Result<std::unique_ptr<Kernel>> open_dragonfly(const KernelInputs& inputs, Notes& notes);
Result<std::unique_ptr<Kernel>> open_illumos(const KernelInputs& inputs, Notes& notes);

}  // namespace panicroom
