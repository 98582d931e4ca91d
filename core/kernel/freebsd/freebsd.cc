#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>

#include "core/base/loop_guard.h"
#include "core/base/printable.h"
#include "core/kernel/freebsd/evidence.h"
#include "core/kernel/freebsd/message_buffer.h"
#include "core/kernel/kernel.h"
#include "core/types/file_types.h"

namespace panicroom {
namespace {

using freebsd::address_of;
using freebsd::Offsets;
using freebsd::variable;

constexpr std::size_t name_length = 20;         // MAXCOMLEN + 1, sys/sys/param.h
constexpr std::uint64_t smallest_object = 512;  // a struct proc or thread has over 1 KiB
constexpr std::uint64_t least_objects = 1024;   // that are looked for, however small the dump is
constexpr std::uint64_t most_objects = 1U << 22U;
constexpr std::uint32_t no_cpu = 0xffffffff;  // NOCPU as an int
constexpr std::uint32_t no_cpu_byte = 0xff;   // NOCPU before FreeBSD 11
constexpr std::uint64_t most_cpus = 4096;     // MAXCPU is 1024 at most

class FreeBsd final : public Kernel {
 public:
  FreeBsd(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
          std::unique_ptr<PageTable> table)
      : dump_(*inputs.dump),
        kernel_files_(inputs.kernel_files),
        symbols_(std::move(symbols)),
        memory_(dump_.memory, dump_.machine, std::shared_ptr<const PageTable>(std::move(table))) {
    if (symbols_)
      if (const auto value = variable(memory_, symbols_.get(), "osreldate", 4)) osreldate_ = *value;
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes&) override {
    return unwind_frame_pointers(memory_, thread.registers, thread.stack_low, thread.stack_high,
                                 [this](std::uint64_t address) { return is_text(address); });
  }
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    return freebsd::read_message_buffer(dump_, &memory_, symbols_.get(), visit, notes);
  }

  AddressSpace& memory() override { return memory_; }
  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override {
    if (dump_.minidump)
      return fail(ErrorCode::not_in_dump,
                  "a FreeBSD minidump holds no process's memory, only the kernel's");
    return fail_at_address(
        ErrorCode::no_type, process.address,
        "the page tables of a process cannot be found without the kernel's types (struct vmspace)");
  }
  std::shared_ptr<const SymbolTable> symbols() override { return symbols_; }
  std::optional<Error> why_no_symbols() override {
    if (symbols_) return std::nullopt;
    return Error{ErrorCode::no_symbol, Absence::none,
                 "a FreeBSD dump does not carry its symbols: give the kernel file "
                 "(/boot/kernel/kernel) too",
                 std::nullopt, std::nullopt};
  }
  Result<std::shared_ptr<const TypeCatalog>> types() override {
    if (!types_) types_ = types_of_files(kernel_files_, dump_.machine);
    return *types_;
  }

 private:
  struct CrashedThread {
    std::optional<std::uint64_t> tid;
    std::uint64_t pcb = 0;
  };

  /// Calls `visit` with the address of each struct proc of a list; `zombie` marks zombproc.
  Result<void> walk_list(const char* head, const Offsets& offsets, Notes& notes,
                         const std::function<bool(std::uint64_t)>& visit);
  struct ThreadList {
    std::vector<std::uint64_t> addresses;  ///< of struct threads
    bool whole = true;                     ///< false when the list broke off
  };
  /// `seen` has the threads of all lists of one walk: each has one process.
  ThreadList threads_of(std::uint64_t process, const Offsets& offsets,
                        std::set<std::uint64_t>& seen, Notes& notes);
  Thread read_thread(std::uint64_t address, const Offsets& offsets, const CrashedThread& crashed,
                     Notes& notes);
  /// The processor that the thread ran on; none for NOCPU.
  std::optional<std::uint64_t> cpu_of(std::uint64_t thread, const Offsets& offsets, Notes& notes);
  /// Page tables may show one proc or thread at any number of addresses; no more are real than fit
  /// into the memory in the dump.
  std::uint64_t most_listed() {
    if (!most_listed_)
      most_listed_ =
          std::clamp(present_bytes(*dump_.memory) / smallest_object, least_objects, most_objects);
    return *most_listed_;
  }
  CrashedThread crashed_thread(Notes* notes);
  /// The registers that stopped processors saved: an array until FreeBSD 14, then a pointer to one.
  /// The symbol's size tells which.
  Result<std::uint64_t> stopped_pcbs() {
    PANICROOM_TRY(address, address_of(symbols_.get(), "stoppcbs"));
    const std::uint64_t size = symbols_->find("stoppcbs")->size;
    if (size == 0 || size > dump_.machine.pointer_size) return address;
    return memory_.word(address);
  }
  /// False, with a note, where neither id nor name can be read.
  bool can_be_read(std::uint64_t address, std::uint64_t id, std::uint64_t name,
                   std::string_view what, Notes& notes);
  std::optional<std::string> text_variable(const char* name);
  std::optional<std::string> name_at(std::uint64_t address, Notes& notes);

  /// Where the page tables cannot tell (their pages may be missing), the kernel's own half decides.
  bool is_text(std::uint64_t address) {
    const auto translated = memory_.translate(address);
    if (translated) return translated->executable;
    const auto kernbase = address_of(symbols_.get(), "kernbase");
    return kernbase && address >= *kernbase;
  }

  const Dump& dump_;
  std::vector<std::pair<std::string, SourcePtr>> kernel_files_;
  std::optional<Result<std::shared_ptr<const TypeCatalog>>> types_;
  std::shared_ptr<const SymbolTable> symbols_;
  AddressSpace memory_;
  std::optional<std::uint64_t> osreldate_;
  std::optional<std::uint64_t> most_listed_;
};

std::optional<std::string> FreeBsd::text_variable(const char* name) {
  const auto address = address_of(symbols_.get(), name);
  if (!address) return std::nullopt;
  const auto text = memory_.string(*address, 256);
  if (!text || text->empty()) return std::nullopt;
  return *text;
}

std::optional<std::string> FreeBsd::name_at(std::uint64_t address, Notes& notes) {
  auto text = memory_.string(address, name_length);
  if (text) return *text;
  notes.add(text.error());
  return std::nullopt;
}

bool FreeBsd::can_be_read(std::uint64_t address, std::uint64_t id, std::uint64_t name,
                          std::string_view what, Notes& notes) {
  const auto number = memory_.i32(address + id);
  if (number || memory_.string(address + name, name_length)) return true;
  notes.add(number.error().within(what));
  return false;
}

FreeBsd::CrashedThread FreeBsd::crashed_thread(Notes* notes) {
  CrashedThread crashed;
  const auto tid = variable(memory_, symbols_.get(), "dumptid", 4);
  const auto pcb = address_of(symbols_.get(), "dumppcb");
  if (!tid || !pcb) {
    if (notes)
      notes->add((!tid ? tid.error() : pcb.error())
                     .within("the thread on which the kernel died is not known"));
    return crashed;
  }
  crashed.tid = *tid;
  crashed.pcb = *pcb;
  return crashed;
}

KernelIdentity FreeBsd::identity(Notes& notes) {
  KernelIdentity identity;
  identity.system = "FreeBSD";
  identity.release = text_variable("osrelease").value_or("");
  std::string version = text_variable("version").value_or("");
  while (version.ends_with('\n')) version.pop_back();
  identity.version = std::move(version);
  identity.machine = dump_.machine.architecture == Architecture::x86_64 ? "amd64"
                     : dump_.machine.architecture == Architecture::aarch64
                         ? "arm64"
                         : std::string(name(dump_.machine.architecture));
  const auto text = variable(memory_, symbols_.get(), "panicstr", dump_.machine.pointer_size);
  const bool no_panic = text && *text == 0;  // the dump was taken without one
  if (text && *text != 0) {
    if (auto panic = memory_.string(*text, 1024))
      identity.panic_text = *panic;
    else
      notes.add(panic.error().within("the panic text"));
  }
  if (const auto cpus = variable(memory_, symbols_.get(), "mp_ncpus", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  // time_second and time_uptime are time_t (sys/kern/kern_tc.c).
  if (const auto time =
          variable(memory_, symbols_.get(), "time_second", dump_.machine.pointer_size);
      time && *time > 1)
    identity.time = static_cast<std::int64_t>(*time);
  if (const auto up = variable(memory_, symbols_.get(), "time_uptime", dump_.machine.pointer_size);
      up && *up > 1)
    identity.uptime = static_cast<double>(*up);
  if (const auto crashed = crashed_thread(&notes); crashed.tid)
    identity.crashed_tid = static_cast<std::int64_t>(*crashed.tid);
  std::string unknown;
  const auto lacks = [&](bool missing, std::string_view what) {
    if (missing) unknown += fmt::format("{}{}", unknown.empty() ? "" : ", ", what);
  };
  lacks(identity.release.empty(), "release");
  lacks(identity.version.empty(), "version");
  lacks(!identity.panic_text && !no_panic, "panic");
  lacks(!identity.time, "time");
  lacks(!identity.uptime, "uptime");
  lacks(!identity.cpus, "cpus");
  if (!unknown.empty())
    notes.add(
        Note{ErrorCode::no_symbol,
             fmt::format(
                 "unknown, because {} lacks or the dump does not hold the variables that tell: {}",
                 symbols_ ? symbols_->origin() : "the kernel file is missing and so", unknown),
             std::nullopt});
  return identity;
}

Result<void> FreeBsd::walk_list(const char* head, const Offsets& offsets, Notes& notes,
                                const std::function<bool(std::uint64_t)>& visit) {
  PANICROOM_TRY(first, variable(memory_, symbols_.get(), head, dump_.machine.pointer_size));
  LoopGuard guard(most_listed());
  std::uint64_t process = first;
  while (process != 0) {
    if (!guard.step(process)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic()
                         ? fmt::format("the list {} is a cycle", head)
                         : fmt::format("the list {} is longer than the memory in the dump", head),
                     process});
      return {};
    }
    // The next link is read first: a proc that cannot be read ends the walk, not the answer.
    const auto next = memory_.word(process + offsets.p_list);
    if (!next) {
      notes.add(next.error().within(fmt::format("the list {} breaks off", head)));
      return {};
    }
    if (!visit(process)) return {};
    process = *next;
  }
  return {};
}

FreeBsd::ThreadList FreeBsd::threads_of(std::uint64_t process, const Offsets& offsets,
                                        std::set<std::uint64_t>& seen, Notes& notes) {
  ThreadList threads;
  auto thread = memory_.word(process + offsets.p_threads);
  while (thread && *thread != 0) {
    const bool full = seen.size() == most_listed();
    if (full || !seen.insert(*thread).second) {
      notes.add(Note{ErrorCode::corrupt,
                     full ? "there are more threads than fit into the memory in the dump"
                          : "a process's list of threads comes to a thread that was already on one",
                     *thread});
      threads.whole = false;
      return threads;
    }
    threads.addresses.push_back(*thread);
    thread = memory_.word(*thread + offsets.td_plist);
  }
  if (thread) return threads;
  notes.add(thread.error().within("a process's list of threads breaks off"));
  threads.whole = false;
  return threads;
}

Result<void> FreeBsd::processes(const ProcessQuery& query,
                                const std::function<bool(const Process&)>& visit, Notes& notes) {
  PANICROOM_TRY(offsets, freebsd::read_offsets(memory_, symbols_.get()));
  notes.add(Note{ErrorCode::no_type,
                 "only pid, name and threads of living processes are known: the kernel exports no "
                 "other offsets",
                 std::nullopt});
  bool go_on = true;
  std::set<std::uint64_t> seen;
  const auto walk = [&](const char* head, bool zombie) {
    return walk_list(head, offsets, notes, [&](std::uint64_t address) {
      if (!can_be_read(address, offsets.p_pid, offsets.p_comm, "a process is left out", notes))
        return true;
      Process process;
      process.address = address;
      if (const auto pid = memory_.i32(address + offsets.p_pid))
        process.pid = *pid;
      else
        notes.add(pid.error().within("a process's pid"));
      process.name = name_at(address + offsets.p_comm, notes);
      if (const auto threads = threads_of(address, offsets, seen, notes); threads.whole)
        process.threads = threads.addresses.size();
      if (zombie) process.state = "zombie";
      if (query.pid && process.pid != query.pid) return true;
      go_on = visit(process);
      return go_on;
    });
  };
  PANICROOM_CHECK(walk("allproc", false));
  if (go_on && symbols_->find("zombproc")) return walk("zombproc", true);
  return {};
}

std::optional<std::uint64_t> FreeBsd::cpu_of(std::uint64_t thread, const Offsets& offsets,
                                             Notes& notes) {
  const auto cpu = memory_.integer(thread + offsets.td_oncpu, offsets.td_oncpu_size);
  if (!cpu) {
    notes.add(cpu.error().within("a thread's processor"));
    return std::nullopt;
  }
  if (*cpu == (offsets.td_oncpu_size == 1 ? no_cpu_byte : no_cpu)) return std::nullopt;
  const auto last = variable(memory_, symbols_.get(), "mp_maxid", 4);
  if (*cpu >= most_cpus || (last && *cpu > *last)) {
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("a thread's processor is {}: there is none of that number", *cpu),
                   thread});
    return std::nullopt;
  }
  return *cpu;
}

Thread FreeBsd::read_thread(std::uint64_t address, const Offsets& offsets,
                            const CrashedThread& crashed, Notes& notes) {
  Thread thread;
  thread.address = address;
  if (const auto tid = memory_.i32(address + offsets.td_tid))
    thread.tid = *tid;
  else
    notes.add(tid.error().within("a thread's tid"));
  thread.name = name_at(address + offsets.td_name, notes);
  if (const auto cpu = cpu_of(address, offsets, notes))
    thread.cpu = static_cast<std::int64_t>(*cpu), thread.state = "running";
  if (crashed.tid)
    thread.crashed = thread.tid && static_cast<std::uint64_t>(*thread.tid) == *crashed.tid;

  // The dying thread saved its registers in dumppcb; the other processors were stopped and saved
  // theirs in stoppcbs; a thread that was on none has its own pcb.
  Result<std::uint64_t> pcb = memory_.word(address + offsets.td_pcb);
  if (thread.crashed == true) {
    pcb = crashed.pcb;
  } else if (thread.cpu) {
    pcb = stopped_pcbs();
    if (pcb) *pcb += static_cast<std::uint64_t>(*thread.cpu) * offsets.pcb_size;
  }
  Result<Registers> registers =
      pcb ? freebsd::read_pcb(memory_, *pcb, osreldate_) : Failure(pcb.error());
  if (registers)
    thread.registers = std::move(*registers);
  else
    notes.add(registers.error().within("a thread's registers"));
  return thread;
}

Result<void> FreeBsd::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  PANICROOM_TRY(offsets, freebsd::read_offsets(memory_, symbols_.get()));
  const CrashedThread crashed = crashed_thread(&notes);
  notes.add(Note{ErrorCode::no_type,
                 "the state of threads that were on no processor is unknown: the kernel does not "
                 "export its offset",
                 std::nullopt});
  std::set<std::uint64_t> seen;
  return walk_list("allproc", offsets, notes, [&](std::uint64_t process) {
    const auto pid = memory_.i32(process + offsets.p_pid);
    const auto name = name_at(process + offsets.p_comm, notes);
    for (const std::uint64_t address : threads_of(process, offsets, seen, notes).addresses) {
      if (!can_be_read(address, offsets.td_tid, offsets.td_name, "a thread is left out", notes))
        continue;
      Thread thread = read_thread(address, offsets, crashed, notes);
      thread.process_address = process;
      if (pid) thread.pid = *pid;
      thread.process = name;
      if (!visit(thread)) return false;
    }
    return true;
  });
}

/// Those of the first file that can be read and knows the processes, else of the first (a module
/// may stand before the kernel); a file that cannot be read says why.
std::shared_ptr<const SymbolTable> symbols_from(const KernelInputs& inputs, Notes& notes) {
  std::optional<KernelFile> first;
  for (const auto& [file_name, file] : inputs.kernel_files) {
    auto kernel = read_kernel_file(file);
    if (!kernel) {
      notes.add(kernel.error().within(printable(file_name)));
    } else if (kernel->machine.architecture != inputs.dump->machine.architecture) {
      notes.add(Note{
          ErrorCode::invalid,
          fmt::format("{}: a kernel for {}, but the dump is of {}: not used", printable(file_name),
                      name(kernel->machine.architecture), name(inputs.dump->machine.architecture)),
          std::nullopt});
    } else {
      const bool knows_processes = kernel->symbols->find("allproc").has_value();
      if (knows_processes || !first) first = std::move(*kernel);
      if (knows_processes) break;
    }
  }
  if (!first) return nullptr;
  if (first->remark) notes.add(*first->remark);
  return first->symbols;
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_freebsd(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  if (dump.vmcoreinfo) return nullptr;
  if (!dump.minidump && inputs.kernel_files.empty()) return nullptr;
  Notes reading;
  auto symbols = symbols_from(inputs, reading);
  PANICROOM_TRY(table, freebsd::find_page_table(dump, symbols.get()));
  if (!table) return nullptr;
  for (Note& note : reading.take()) notes.add(std::move(note));
  return std::unique_ptr<Kernel>(
      std::make_unique<FreeBsd>(inputs, std::move(symbols), std::move(table)));
}

}  // namespace panicroom
