#include <elf.h>
#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/printable.h"
#include "core/kernel/evidenced_kernel.h"
#include "core/kernel/freebsd/allocator.h"
#include "core/kernel/freebsd/cpus.h"
#include "core/kernel/freebsd/evidence.h"
#include "core/kernel/freebsd/files.h"
#include "core/kernel/freebsd/interrupts.h"
#include "core/kernel/freebsd/locks.h"
#include "core/kernel/freebsd/machine_state.h"
#include "core/kernel/freebsd/mappings.h"
#include "core/kernel/freebsd/message_buffer.h"
#include "core/kernel/freebsd/module_sections.h"
#include "core/kernel/freebsd/modules.h"
#include "core/kernel/freebsd/mounts.h"
#include "core/kernel/freebsd/own_variables.h"
#include "core/kernel/freebsd/process_details.h"
#include "core/kernel/freebsd/processes.h"
#include "core/kernel/freebsd/scheduler_functions.h"
#include "core/kernel/freebsd/socket_lists.h"
#include "core/kernel/freebsd/sockets.h"
#include "core/kernel/freebsd/sysctl.h"
#include "core/kernel/freebsd/trap_frames.h"
#include "core/kernel/freebsd/vnodes.h"
#include "core/kernel/linker_files.h"
#include "core/kernel/module_file.h"
#include "core/kernel/system_of.h"
#include "core/types/debug_file.h"
#include "core/types/file_types.h"
#include "core/types/section_bytes.h"

namespace panicroom {
namespace {

using freebsd::Evidence;
using freebsd::Processes;

class FreeBsd final : public EvidencedKernel {
 public:
  FreeBsd(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
          std::unique_ptr<PageTable> table)
      : evidence_(inputs, std::move(symbols), std::move(table)) {
    // A FreeBSD kernel runs where it was linked to run.
    modules_of_files_ = modules_of_files(inputs.kernel_files);
    for (std::size_t i = 0; i < inputs.kernel_files.size(); ++i) {
      const SourcePtr& file = inputs.kernel_files[i].second;
      if (const auto& name = modules_of_files_[i])
        code_.add(file, [this, wanted = *name, file] { return load_module(wanted, file); });
      else
        code_.add(file, 0);
    }
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override;
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    return freebsd::read_message_buffer(evidence_, visit, notes);
  }

  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                       Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> locks(const Visitor<Lock>& visit, Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes) override {
    remark(notes);
    return read_linker_files(evidence_, visit, notes);
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_mounts(evidence_, visit, notes);
  }
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override;
  Result<Load> load(Notes& notes) override;
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_swap_areas(evidence_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_memory_counters(evidence_, visit, notes);
  }
  Result<void> memory_zones(const Visitor<MemoryZone>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_memory_zones(evidence_, visit, notes);
  }
  Result<void> object_caches(const Visitor<ObjectCache>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_object_caches(evidence_, visit, notes);
  }
  Result<void> interrupts(const Visitor<Interrupt>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_interrupts(evidence_, visit, notes);
  }
  Result<void> sysctls(const Visitor<Sysctl>& visit, Notes& notes) override {
    remark(notes);
    return freebsd::read_sysctls(evidence_, visit, notes);
  }

  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override {
    if (symbols_ || !evidence_.symbols()) return symbols_;
    Notes reading;
    symbols_ = freebsd::with_modules(evidence_, evidence_.symbols(), loaded(), reading);
    for (Note& note : reading.take()) module_notes_.push_back(std::move(note));
    return symbols_;
  }
  std::optional<std::string> module_at(std::uint64_t address) override {
    const auto* module = loaded().at(address);
    return module ? std::optional(module->name) : std::nullopt;
  }
  std::optional<Error> why_no_symbols() override {
    if (evidence_.symbols()) return std::nullopt;
    return Error{ErrorCode::no_symbol, Absence::none,
                 "a FreeBSD dump does not carry its symbols: give the kernel file "
                 "(/boot/kernel/kernel) too",
                 std::nullopt, std::nullopt};
  }
  Result<std::optional<OwnVariable>> own_variable(std::string_view name, CpuNumber cpu,
                                                  Notes& notes) override {
    const auto known = symbols();
    if (!known) return std::nullopt;
    return freebsd::own_variable(evidence_, *known, name, cpu, notes);
  }
  PointerWords pointer_words() override { return freebsd::counter_sums(evidence_); }
  std::string build_id() override {
    for (std::size_t i = 0; i < modules_of_files_.size(); ++i) {
      if (modules_of_files_[i]) continue;
      if (std::string id = build_id_of(evidence_.kernel_files()[i].second); !id.empty()) return id;
    }
    return {};
  }

 private:
  KernelEvidence& evidence() override { return evidence_; }
  bool is_of_scheduler(std::string_view function) override {
    return freebsd::is_of_scheduler(function);
  }

  struct CrashedThread {
    std::optional<std::uint64_t> tid;
    std::uint64_t pcb = 0;
  };

  CrashedThread crashed_thread(Notes* notes);
  /// Every process, or the one with that id, with its pid and name. Fails without the structures of
  /// the kernel: `what` cannot be known then.
  Result<void> each_process(std::string_view what, std::optional<std::int64_t> pid,
                            const std::function<bool(Processes&, const Process&)>& visit,
                            Notes& notes);
  /// Registers, and whether the kernel died on it.
  void complete(Thread& thread, Processes& walk, const CrashedThread& crashed, Notes& notes);
  /// The struct pcb in which a stopped processor saved its registers. They are an array until
  /// FreeBSD 13, then a pointer to one: the symbol's size tells which.
  Result<std::uint64_t> stopped_pcb(const Processes& walk, std::uint64_t cpu);
  /// The registers of a processor that was stopped, `what` for a note where they are not known.
  std::optional<Registers> stopped_registers(const Processes& walk, std::uint64_t cpu,
                                             std::string_view what, Notes& notes);

  /// Where the page tables cannot tell (their pages may be missing), the kernel's own half decides.
  bool is_text(std::uint64_t address) {
    const auto translated = memory().translate(address);
    if (translated) return translated->executable;
    const auto kernbase = evidence_.address_of("kernbase");
    return kernbase && address >= *kernbase;
  }

  Result<LoadedCode> load_module(const std::string& name, const SourcePtr& file);

  /// Read once, when the first answer needs them; none where they cannot be read.
  const LinkedModules& loaded() {
    if (!modules_) {
      Notes walk;
      auto read = read_linked_modules(evidence_, walk);
      modules_ = read ? std::move(*read) : LinkedModules();
      for (Note& note : walk.take()) module_notes_.push_back(std::move(note));
    }
    return *modules_;
  }

  Evidence evidence_;
  std::vector<std::optional<std::string>> modules_of_files_;  ///< of the user's kernel files
  std::optional<LinkedModules> modules_;
  std::shared_ptr<const SymbolTable> symbols_;
  std::vector<Note> module_notes_;  // for every answer that needs the modules
};

Result<LoadedCode> FreeBsd::load_module(const std::string& name, const SourcePtr& file) {
  for (const LinkedModule& module : loaded().all()) {
    if (plain_module_name(module.name) != name) continue;
    ModulePlace place{module.start, {}, {{module.start, module.end}}};
    PANICROOM_TRY(elf, read_elf_sections(*file));
    if (elf.type == ET_REL) {
      auto sections = freebsd::read_module_sections(evidence_, module.address);
      if (!sections)
        return Failure(sections.error().within(
            fmt::format("{}: not used", printable(base_name(file->name())))));
      place.sections = *std::move(sections);
    }
    return load_module_file(memory(), file, place);
  }
  return Failure(module_not_loaded(file));
}

Result<std::uint64_t> FreeBsd::stopped_pcb(const Processes& walk, std::uint64_t cpu) {
  PANICROOM_TRY(first, evidence_.address_of("stoppcbs"));
  if (evidence_.symbols()->find("stoppcbs")->size == evidence_.pointer_size()) {
    PANICROOM_TRY(pointed, memory().word(first));
    first = pointed;
  }
  if (cpu == 0) return first;
  PANICROOM_TRY(size, walk.pcb_size());
  return first + cpu * size;
}

std::optional<Registers> FreeBsd::stopped_registers(const Processes& walk, std::uint64_t cpu,
                                                    std::string_view what, Notes& notes) {
  // Where an emulator stopped the machine, its kernel has saved nothing.
  for (const CpuState& noted_cpu : evidence_.dump().cpus)
    if (noted_cpu.index == cpu && noted_cpu.registers.pc) return noted_cpu.registers;
  const auto pcb = noted(stopped_pcb(walk, cpu), notes, what);
  if (!pcb) return std::nullopt;
  return noted(freebsd::read_pcb(memory(), *pcb, evidence_.osreldate()), notes, what);
}

Unwound FreeBsd::stack(const Thread& thread, Notes& notes) {
  for (const Note& note : module_notes_) notes.add(note);
  const auto text = [this](std::uint64_t address) { return is_text(address); };
  std::shared_ptr<const TypeCatalog> types;
  if (evidence_.has_types())
    if (const auto known = evidence_.types(); known && (*known)->size_of("trapframe"))
      types = *known;
  InterruptedAt interrupted;
  if (types && evidence_.symbols())
    interrupted = [this, &types](const Registers& frame, std::uint64_t address, bool) {
      return freebsd::trap_frame_at(memory(), *evidence_.symbols(), *types, frame, address);
    };
  return unwind(thread, types || code_.have_rules(), text, interrupted, notes);
}

FreeBsd::CrashedThread FreeBsd::crashed_thread(Notes* notes) {
  CrashedThread crashed;
  const auto tid = evidence_.variable("dumptid", 4);
  const auto pcb = evidence_.address_of("dumppcb");
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
  identity.version = version_text();
  identity.machine = evidence_.dump().machine.architecture == Architecture::x86_64 ? "amd64"
                     : evidence_.dump().machine.architecture == Architecture::aarch64
                         ? "arm64"
                         : std::string(name(evidence_.dump().machine.architecture));
  const bool panic_is_known = read_panic(identity, notes);
  if (const auto cpus = evidence_.variable("mp_ncpus", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  // time_second and time_uptime are time_t (sys/kern/kern_tc.c).
  if (const auto time = evidence_.variable("time_second", evidence_.dump().machine.pointer_size);
      time && *time > 1)
    identity.time = static_cast<std::int64_t>(*time);
  if (const auto up = evidence_.variable("time_uptime", evidence_.dump().machine.pointer_size);
      up && *up > 1)
    identity.uptime = static_cast<double>(*up);
  if (!identity.time || !identity.uptime)
    if (const auto clock = freebsd::read_clock(evidence_)) {
      if (!identity.time) identity.time = clock->now;
      if (!identity.uptime) identity.uptime = clock->uptime;
    }
  if (const auto crashed = crashed_thread(&notes); crashed.tid.value_or(0) != 0)
    identity.crashed_tid = static_cast<std::int64_t>(*crashed.tid);
  say_unknown(identity, panic_is_known, "the kernel file", notes);
  return identity;
}

Result<void> FreeBsd::processes(const ProcessQuery& query,
                                const std::function<bool(const Process&)>& visit, Notes& notes) {
  remark(notes);
  Processes walk(evidence_);
  freebsd::Vnodes vnodes(evidence_);
  freebsd::ProcessDetailsReader details(evidence_, walk, vnodes);
  return walk.each(
      [&](std::uint64_t address, bool zombie) {
        if (query.pid && walk.pid(address, notes) != query.pid) return true;
        std::vector<std::uint64_t> threads;
        Process process = walk.read_process(address, zombie, threads, notes);
        if (query.facts != 0 && evidence_.knows_structures())
          details.read(
              query, threads, [&] { return process_memory(process); }, process, notes);
        return visit(process);
      },
      notes);
}

Result<void> FreeBsd::each_process(std::string_view what, std::optional<std::int64_t> pid,
                                   const std::function<bool(Processes&, const Process&)>& visit,
                                   Notes& notes) {
  PANICROOM_CHECK(structures_for(what, notes));
  Processes walk(evidence_);
  return each_named(walk, pid, visit, notes);
}

Result<void> FreeBsd::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                            Notes& notes) {
  freebsd::Vnodes vnodes(evidence_);
  freebsd::FilesReader reader(evidence_, vnodes);
  return each_process(
      "open files", pid,
      [&](Processes&, const Process& process) {
        return reader.read(
            process, [&](const OpenFile& file, std::uint64_t) { return visit(file); }, notes);
      },
      notes);
}

Result<void> FreeBsd::sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                              Notes& notes) {
  freebsd::Vnodes vnodes(evidence_);
  freebsd::FilesReader files(evidence_, vnodes);
  freebsd::SocketsReader sockets(evidence_);
  std::set<std::uint64_t> shown;
  bool go_on = true;
  PANICROOM_CHECK(each_process(
      "sockets", pid,
      [&](Processes&, const Process& process) {
        return go_on = files.read(
                   process,
                   [&](const OpenFile& file, std::uint64_t socket) {
                     if (socket == 0) return true;
                     shown.insert(socket);
                     return visit(sockets.read(file, socket, notes));
                   },
                   notes);
      },
      notes));
  const auto names = symbols();
  if (pid || !go_on || !names) return {};
  freebsd::SocketLists(evidence_).each(
      *names,
      [&](std::uint64_t socket, std::uint64_t pcb) {
        return !shown.insert(socket != 0 ? socket : pcb).second ||
               visit(sockets.read(socket, pcb, notes));
      },
      notes);
  return {};
}

Result<void> FreeBsd::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                               Notes& notes) {
  freebsd::Vnodes vnodes(evidence_);
  freebsd::MappingsReader reader(evidence_, vnodes);
  return each_process(
      "mappings", pid,
      [&](Processes& walk, const Process& process) {
        return walk.is_kernel_process(process.address) || reader.read(process, visit, notes);
      },
      notes);
}

Result<void> FreeBsd::locks(const Visitor<Lock>& visit, Notes& notes) {
  std::vector<freebsd::Waiter> threads;
  PANICROOM_CHECK(each_process(
      "locks", std::nullopt,
      [&](Processes& walk, const Process& process) {
        for (const std::uint64_t address : walk.threads_of(process.address, notes).addresses)
          if (walk.thread_can_be_read(address, notes))
            threads.push_back(
                {address, process.pid, walk.tid(address, notes), walk.thread_name(address, notes)});
        return true;
      },
      notes));
  std::map<std::uint64_t, freebsd::Runner> runners;
  Notes said_already;
  PANICROOM_CHECK(this->threads(
      [&](const Thread& thread) {
        if (thread.cpu) runners.emplace(thread.address, freebsd::Runner{thread, {}});
        return true;
      },
      said_already));
  for (auto& [address, runner] : runners) runner.stack = stack(runner.thread, said_already);
  const auto names = symbols();
  freebsd::LocksReader(evidence_, names.get()).read(threads, runners, visit, notes);
  return {};
}

void FreeBsd::complete(Thread& thread, Processes& walk, const CrashedThread& crashed,
                       Notes& notes) {
  if (crashed.tid)
    thread.crashed = thread.tid && static_cast<std::uint64_t>(*thread.tid) == *crashed.tid;
  // The dying thread saved its registers in dumppcb; the other processors were stopped and saved
  // theirs in stoppcbs; a thread that was on none has its own pcb.
  std::optional<std::uint64_t> pcb;
  if (thread.crashed == true) {
    pcb = crashed.pcb;
  } else if (thread.cpu) {
    if (auto registers = stopped_registers(walk, static_cast<std::uint64_t>(*thread.cpu),
                                           "a thread's registers", notes))
      thread.registers = std::move(*registers);
    return;
  } else {
    pcb = walk.pcb(thread.address, notes);
  }
  if (!pcb) return;
  if (auto registers = noted(freebsd::read_pcb(memory(), *pcb, evidence_.osreldate()), notes,
                             "a thread's registers"))
    thread.registers = std::move(*registers);
}

Result<void> FreeBsd::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  remark(notes);
  const CrashedThread crashed = crashed_thread(&notes);
  Processes walk(evidence_);
  return walk.each(
      [&](std::uint64_t process, bool) {
        const auto pid = walk.pid(process, notes);
        const auto name = walk.name(process, notes);
        for (const std::uint64_t address : walk.threads_of(process, notes).addresses) {
          if (!walk.thread_can_be_read(address, notes)) continue;
          Thread thread = walk.read_thread(address, process, notes);
          complete(thread, walk, crashed, notes);
          thread.pid = pid;
          thread.process = name;
          if (!visit(thread)) return false;
        }
        return true;
      },
      notes);
}

Result<void> FreeBsd::cpus(const Visitor<Processor>& visit, Notes& notes) {
  remark(notes);
  const CrashedThread crashed = crashed_thread(&notes);
  const Processes walk(evidence_);
  const auto registers = [&](std::uint64_t cpu, bool died) -> std::optional<Registers> {
    if (!died) return stopped_registers(walk, cpu, "a processor's registers", notes);
    return noted(freebsd::read_pcb(memory(), crashed.pcb, evidence_.osreldate()), notes,
                 "a processor's registers");
  };
  return freebsd::read_cpus(evidence_, crashed.tid, registers, visit, notes);
}

Result<Load> FreeBsd::load(Notes& notes) {
  remark(notes);
  const auto count = [&] {
    Processes walk(evidence_);
    return count_threads(
        walk, [&](std::uint64_t process) { return walk.threads_of(process, notes); }, notes);
  };
  return freebsd::read_load(evidence_, count, notes);
}

Result<std::unique_ptr<AddressSpace>> FreeBsd::process_memory(const Process& process) {
  const Dump& dump = evidence_.dump();
  if (dump.minidump)
    return fail(ErrorCode::not_in_dump,
                "a FreeBSD minidump holds no process's memory, only the kernel's");
  if (dump.machine.architecture != Architecture::x86_64)
    return fail(ErrorCode::unsupported,
                fmt::format("the page tables of a process are not read on {}",
                            name(dump.machine.architecture)));
  if (!process.page_table_root || *process.page_table_root == 0) {
    if (!evidence_.knows_structures())
      return fail_at_address(ErrorCode::no_type, process.address,
                             "the page tables of a process cannot be found without the kernel's "
                             "types (struct vmspace)");
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it is a kernel process, has "
                           "exited, or its page tables are not known");
  }
  const auto five = evidence_.variable("la57", 4);
  return std::make_unique<AddressSpace>(
      dump.memory, dump.machine,
      std::shared_ptr<const PageTable>(
          x86_page_table(five && *five != 0 ? X86Mode::five_level : X86Mode::four_level,
                         *process.page_table_root)));
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_freebsd(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  if (!dump.minidump && inputs.kernel_files.empty()) return nullptr;
  Notes reading;
  auto kernel = kernel_of(inputs, System::freebsd, reading);
  PANICROOM_TRY(table, freebsd::find_page_table(dump, kernel, reading));
  if (!table) return nullptr;
  for (Note& note : reading.take()) notes.add(std::move(note));
  return std::unique_ptr<Kernel>(
      std::make_unique<FreeBsd>(inputs, std::move(kernel.symbols), std::move(table)));
}

}  // namespace panicroom
