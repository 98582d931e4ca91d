#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <tuple>
#include <utility>

#include "core/base/printable.h"
#include "core/kernel/kernel.h"
#include "core/kernel/linux/allocator.h"
#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/files.h"
#include "core/kernel/linux/identity.h"
#include "core/kernel/linux/interrupts.h"
#include "core/kernel/linux/loaded_modules.h"
#include "core/kernel/linux/locks.h"
#include "core/kernel/linux/log.h"
#include "core/kernel/linux/machine_state.h"
#include "core/kernel/linux/mappings.h"
#include "core/kernel/linux/module_sections.h"
#include "core/kernel/linux/modules.h"
#include "core/kernel/linux/mounts.h"
#include "core/kernel/linux/own_variables.h"
#include "core/kernel/linux/paths.h"
#include "core/kernel/linux/process_details.h"
#include "core/kernel/linux/socket_lists.h"
#include "core/kernel/linux/sockets.h"
#include "core/kernel/linux/stacks.h"
#include "core/kernel/linux/sysctl.h"
#include "core/kernel/linux/tasks.h"
#include "core/kernel/module_file.h"
#include "core/kernel/wait_search.h"
#include "core/types/section_bytes.h"

namespace panicroom {
namespace {

using linux_kernel::AddressRange;
using linux_kernel::Cpu;
using linux_kernel::Cpus;
using linux_kernel::Evidence;
using linux_kernel::Modules;
using linux_kernel::noted;
using linux_kernel::Paging;
using linux_kernel::Paths;
using linux_kernel::Stacks;
using linux_kernel::Tasks;

class Linux final : public Kernel {
 public:
  Linux(const Dump& dump, Paging paging, std::optional<Vmcoreinfo> vmcoreinfo)
      : evidence_(dump, std::move(paging), std::move(vmcoreinfo)),
        paths_(evidence_),
        stacks_(evidence_, [this]() -> const Modules& { return loaded(); }) {}

  Evidence& evidence() { return evidence_; }
  /// What the user's files of modules say of their code is found where those were loaded.
  void use_module_files() {
    for (const auto& [name, file] : evidence_.module_files())
      evidence_.code().add(
          file, [this, wanted = name, source = file] { return load_module(wanted, source); });
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override {
    Unwound unwound = stacks_.unwind(thread);
    for (const Note& note : module_notes_) notes.add(note);
    for (Note& note : evidence_.code().take_remarks()) notes.add(std::move(note));
    for (const Note& note : unwound.remarks) notes.add(note);
    return unwound;
  }
  Registers saved_registers(std::uint64_t address, Notes& notes) override {
    return stacks_.saved_at(address, notes);
  }
  std::optional<std::uint64_t> wait_address(const Thread& thread, Notes& notes) override;
  std::string build_id() override {
    const auto id =
        evidence_.vmcoreinfo() ? evidence_.vmcoreinfo()->value("BUILD-ID") : std::nullopt;
    return id ? std::string(*id) : std::string();
  }
  SourceCalls source_calls(std::uint64_t address, Notes& notes) override {
    auto calls = evidence_.code().calls(address);
    for (Note& note : evidence_.code().take_remarks()) notes.add(std::move(note));
    return calls;
  }
  std::optional<std::string> module_at(std::uint64_t address) override {
    const auto* module = loaded().at(address);
    return module ? std::optional(module->name) : std::nullopt;
  }
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    return linux_kernel::read_log(evidence_, visit, notes);
  }
  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                       Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes) override {
    return linux_kernel::read_loaded_modules(evidence_, visit, notes);
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override;
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override;
  Result<Load> load(Notes& notes) override;
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    return linux_kernel::read_swap_areas(evidence_, paths_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    return linux_kernel::read_memory_counters(evidence_, visit, notes);
  }

  Result<void> memory_zones(const Visitor<MemoryZone>& visit, Notes& notes) override {
    return linux_kernel::read_memory_zones(evidence_, visit, notes);
  }
  Result<void> object_caches(const Visitor<ObjectCache>& visit, Notes& notes) override {
    return linux_kernel::read_object_caches(evidence_, visit, notes);
  }
  Result<void> interrupts(const Visitor<Interrupt>& visit, Notes& notes) override {
    PANICROOM_TRY(cpus, linux_kernel::read_cpus(evidence_, notes));
    return linux_kernel::read_interrupts(evidence_, cpus, visit, notes);
  }
  Result<void> sysctls(const Visitor<Sysctl>& visit, Notes& notes) override {
    return linux_kernel::read_sysctls(evidence_, visit, notes);
  }
  Result<void> locks(const Visitor<Lock>& visit, Notes& notes) override;

  AddressSpace& memory() override { return evidence_.memory(); }
  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override {
    if (symbols_) return symbols_;
    const auto kernel = evidence_.symbols();
    if (!kernel) return nullptr;
    Notes reading;
    symbols_ = linux_kernel::with_modules(evidence_, *kernel, loaded(), reading);
    for (Note& note : reading.take()) module_notes_.push_back(std::move(note));
    return symbols_;
  }
  std::optional<Error> why_no_symbols() override {
    const auto symbols = evidence_.symbols();
    if (symbols) return std::nullopt;
    return symbols.error();
  }
  Result<std::shared_ptr<const TypeCatalog>> types() override { return evidence_.types(); }
  Result<std::optional<OwnVariable>> own_variable(std::string_view name, CpuNumber cpu,
                                                  Notes&) override {
    const auto known = symbols();
    if (!known) return std::nullopt;
    return linux_kernel::own_variable(evidence_, *known, loaded(), name, cpu);
  }

 private:
  /// The walk's own state: layouts and processors, read anew for each walk.
  Result<Tasks> tasks(Notes& notes);
  /// Every process that the query selects, with the tasks that may answer for it: the leader, and
  /// where that has exited before its threads one of them.
  Result<void> each_process(const ProcessQuery& query,
                            const std::function<bool(const Process&, std::uint64_t task)>& visit,
                            Notes& notes);
  /// The thread on which the kernel died, by the task that ran on the processor which panicked,
  /// else by what the log says. `known` without either: the kernel did not die.
  struct Crashed {
    bool known = false;
    std::optional<std::uint64_t> task;
    std::optional<linux_kernel::Death> said;

    bool is(std::uint64_t address, const Thread& thread) const {
      if (task) return *task == address;
      return said && thread.tid == said->tid && (thread.tid != 0 || thread.cpu == said->cpu);
    }
  };
  Crashed crashed_thread(const std::optional<Cpus>& cpus, Notes& notes);
  /// Without the kernel's types no list can be walked: one thread for each processor, of which
  /// little more is known than its registers.
  void threads_of_processors(const std::function<bool(const Thread&)>& visit, Notes& notes);

  Result<LoadedCode> load_module(const std::string& name, const SourcePtr& file);

  /// Read once, when the first answer needs them; none where they cannot be read.
  const Modules& loaded() {
    if (!modules_) {
      Notes walk;
      auto read = linux_kernel::read_modules(evidence_, walk);
      // A kernel without modules has no list of them.
      if (!read && read.error().code != ErrorCode::no_symbol)
        walk.add(read.error().within("the modules"));
      modules_ = read ? std::move(*read) : Modules();
      for (Note& note : walk.take()) module_notes_.push_back(std::move(note));
    }
    return *modules_;
  }

  Evidence evidence_;
  Paths paths_;
  std::optional<Modules> modules_;
  std::vector<Note> module_notes_;  // for every answer that needs the modules
  WaitSearch waits_;
  std::shared_ptr<const SymbolTable> symbols_;
  Stacks stacks_;
};

Result<LoadedCode> Linux::load_module(const std::string& name, const SourcePtr& file) {
  for (const linux_kernel::Module& module : loaded().all()) {
    if (plain_module_name(module.name) != name) continue;
    ModulePlace place;
    place.base = module.text.start;
    for (const AddressRange& range : module.memory)
      place.memory.push_back({range.start, range.end});
    auto sections = linux_kernel::read_module_sections(evidence_, module.address);
    if (!sections)
      return Failure(
          sections.error().within(fmt::format("{}: not used", printable(base_name(file->name())))));
    place.sections = *std::move(sections);
    return load_module_file(evidence_.memory(), file, place);
  }
  return Failure(module_not_loaded(file));
}

Result<Tasks> Linux::tasks(Notes& notes) {
  PANICROOM_TRY(layout, linux_kernel::read_task_layout(evidence_));
  auto cpus = linux_kernel::read_cpus(evidence_, notes);
  if (cpus) return Tasks(evidence_, layout, std::move(*cpus));
  notes.add(cpus.error().within(
      layout.on_cpu
          ? "the processors' run queues are not known: the idle tasks of all but the first "
            "are left out, and what ran where is taken from the tasks themselves"
          : "which threads were running is not known"));
  return Tasks(evidence_, layout, std::nullopt);
}

Linux::Crashed Linux::crashed_thread(const std::optional<Cpus>& cpus, Notes& notes) {
  const auto number = linux_kernel::crashed_cpu(evidence_);
  if (number && !*number) return {true, std::nullopt, std::nullopt};
  if (number && cpus)
    for (const Cpu& cpu : cpus->all())
      if (cpu.number == **number && cpu.current) return {true, cpu.current, std::nullopt};
  const Error why =
      number ? Error{ErrorCode::not_in_dump, Absence::none,
                     fmt::format("the thread that died on processor {} is not known", **number),
                     std::nullopt, std::nullopt}
             : number.error();
  if (auto said = linux_kernel::death_in_log(evidence_)) {
    notes.add(why.within("the thread on which the kernel died is the one that its log names"));
    return {true, std::nullopt, std::move(said)};
  }
  notes.add(why);
  return {};
}

KernelIdentity Linux::identity(Notes& notes) {
  KernelIdentity identity = linux_kernel::read_identity(evidence_, notes);
  auto cpus = linux_kernel::read_cpus(evidence_, notes);
  const Crashed crashed =
      crashed_thread(cpus ? std::optional(std::move(*cpus)) : std::nullopt, notes);
  if (crashed.said) identity.crashed_tid = crashed.said->tid;
  if (!crashed.task) return identity;
  const auto pid = evidence_.member("task_struct", "pid");
  const auto tid =
      pid ? evidence_.field(*crashed.task, *pid) : Result<std::uint64_t>(Failure(pid.error()));
  if (tid)
    identity.crashed_tid = static_cast<std::int32_t>(static_cast<std::uint32_t>(*tid));
  else
    notes.add(tid.error().within("the thread on which the kernel died"));
  return identity;
}

Result<void> Linux::each_process(
    const ProcessQuery& query, const std::function<bool(const Process&, std::uint64_t task)>& visit,
    Notes& notes) {
  PANICROOM_TRY(walk, tasks(notes));
  PANICROOM_TRY(leaders, walk.leaders(notes));
  linux_kernel::ProcessDetailsReader details(evidence_, paths_);
  for (const std::uint64_t leader : leaders) {
    if (!walk.can_be_read(leader, notes, "a process is left out")) continue;
    Process process = walk.read_process(leader, notes);
    if (query.pid && process.pid != query.pid) continue;
    std::uint64_t task = leader;
    const bool leader_is_gone = process.state == "zombie" && process.threads.value_or(1) > 1;
    std::vector<std::uint64_t> threads;
    if (query.wants(ProcessFact::times) || leader_is_gone) threads = walk.threads_of(leader, notes);
    if (leader_is_gone && threads.size() > 1) task = threads[1];
    details.read(
        query, threads, [&] { return process_memory(process); }, process, notes);
    if (!visit(process, task)) break;
  }
  return {};
}

Result<void> Linux::processes(const ProcessQuery& query,
                              const std::function<bool(const Process&)>& visit, Notes& notes) {
  return each_process(
      query, [&](const Process& process, std::uint64_t) { return visit(process); }, notes);
}

Result<void> Linux::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                          Notes& notes) {
  linux_kernel::FilesReader reader(evidence_, paths_);
  return each_process(
      {pid, 0},
      [&](const Process& process, std::uint64_t task) {
        return reader.read(task, process, visit, notes);
      },
      notes);
}

Result<void> Linux::sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                            Notes& notes) {
  linux_kernel::SocketsReader reader(evidence_);
  const linux_kernel::Field proxy("task_struct", "nsproxy"), network("nsproxy", "net_ns");
  linux_kernel::SocketLists lists(evidence_, [&] {
    std::set<std::uint64_t> nets;
    Notes unused;  // the walk for the open sockets had them
    std::ignore = each_process(
        {},
        [&](const Process&, std::uint64_t task) {
          const auto at = proxy.read(evidence_, task);
          if (!at || *at == 0) return true;  // it has exited
          if (const auto net = noted(network.read(evidence_, *at), notes, "a network namespace"))
            nets.insert(*net);
          return true;
        },
        unused);
    return nets;
  });
  std::set<std::uint64_t> open;
  bool go_on = true;
  PANICROOM_CHECK(files(
      pid,
      [&](const OpenFile& file) {
        if (file.type != "socket") return true;
        const auto socket = reader.read(file, notes);
        if (!socket) return true;
        open.insert(socket->address);
        lists.add_open(socket->address);
        return go_on = visit(*socket);
      },
      notes));
  if (pid || !go_on) return {};
  lists.each(
      [&](std::uint64_t sock) { return open.contains(sock) || visit(reader.read(sock, notes)); },
      notes);
  return {};
}

Result<void> Linux::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                             Notes& notes) {
  linux_kernel::MappingsReader reader(evidence_, paths_);
  return each_process(
      {pid, 0},
      [&](const Process& process, std::uint64_t task) {
        return reader.read(task, process, visit, notes);
      },
      notes);
}

Result<void> Linux::mounts(const Visitor<Mount>& visit, Notes& notes) {
  linux_kernel::MountsReader reader(evidence_, paths_);
  std::set<std::uint64_t> seen;
  return each_process(
      {},
      [&](const Process&, std::uint64_t task) {
        const std::uint64_t space = reader.namespace_of(task, notes);
        return space == 0 || !seen.insert(space).second || reader.read(space, visit, notes);
      },
      notes);
}

Result<void> Linux::cpus(const Visitor<Processor>& visit, Notes& notes) {
  PANICROOM_TRY(walk, tasks(notes));
  if (!walk.cpus())
    return fail(ErrorCode::no_symbol, "where the processors' run queues lie is not known");
  const linux_kernel::Field running("rq", "nr_running");
  const auto queues = evidence_.address_of("runqueues");
  const auto crashed = linux_kernel::crashed_cpu(evidence_);
  const auto online = noted(linux_kernel::online_cpus(evidence_), notes, "which processors ran");
  for (const Cpu& cpu : walk.cpus()->all()) {
    Processor processor;
    processor.number = cpu.number;
    if (online && cpu.number < online->size()) processor.online = (*online)[cpu.number];
    if (crashed) processor.crashed = *crashed == cpu.number;
    processor.current = cpu.current;
    processor.per_cpu_base = cpu.per_cpu_offset;
    if (queues)
      processor.runnable = noted(running.read(evidence_, *queues + cpu.per_cpu_offset), notes,
                                 "a run queue's length");
    if (cpu.current) {
      const Thread thread = walk.read_thread(*cpu.current, *cpu.current, notes);
      processor.tid = thread.tid;
      processor.thread = thread.name;
      if (cpu.idle) processor.idle = *cpu.current == *cpu.idle;
    }
    if (cpu.state) {
      processor.pc = cpu.state->registers.pc;
      processor.sp = cpu.state->registers.sp;
    }
    if (!visit(processor)) break;
  }
  return {};
}

Result<Load> Linux::load(Notes& notes) {
  Notes unused;
  const auto cpus = linux_kernel::read_cpus(evidence_, unused);
  return linux_kernel::read_load(evidence_, cpus ? &*cpus : nullptr, notes);
}

void Linux::threads_of_processors(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  const Crashed crashed = crashed_thread(std::nullopt, notes);
  const linux_kernel::CpuStates states(evidence_.dump().cpus);
  for (std::uint64_t number = 0; number < states.size(); ++number) {
    const linux_kernel::Running running{static_cast<std::uint32_t>(number),
                                        states.by_number(number)};
    Thread thread;
    thread.cpu = static_cast<std::int64_t>(number);
    thread.state = "running";
    thread.registers = stacks_.registers_of(0, running, notes);
    if (crashed.said) {
      thread.crashed = crashed.said->cpu == thread.cpu;
      if (thread.crashed == true) {
        thread.tid = crashed.said->tid;
        if (!crashed.said->name.empty()) thread.name = crashed.said->name;
      }
    }
    if (!visit(thread)) return;
  }
}

Result<void> Linux::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  auto tried = tasks(notes);
  if (!tried && !evidence_.dump().cpus.empty() && tried.error().code == ErrorCode::no_type) {
    notes.add(tried.error().within("only what ran on the processors is known"));
    threads_of_processors(visit, notes);
    return {};
  }
  PANICROOM_TRY(walk, std::move(tried));
  PANICROOM_TRY(leaders, walk.leaders(notes));
  const Crashed crashed = crashed_thread(walk.cpus(), notes);
  for (const std::uint64_t leader : leaders) {
    for (const std::uint64_t task : walk.threads_of(leader, notes)) {
      if (!walk.can_be_read(task, notes, "a thread is left out")) continue;
      Thread thread = walk.read_thread(task, leader, notes);
      const auto running = walk.running(task, notes);
      if (running && running->cpu) thread.cpu = *running->cpu;
      thread.registers = stacks_.registers_of(task, running, notes);
      if (crashed.known) thread.crashed = crashed.is(task, thread);
      if (!visit(thread)) return {};
    }
  }
  return {};
}

std::optional<std::uint64_t> Linux::wait_address(const Thread& thread, Notes& notes) {
  // Linux kernel/sched/core.c, in_sched_functions, and what it counts with them: locks.
  std::vector<AddressRange> skipped;
  for (const auto& [first, end] : {std::pair{"__sched_text_start", "__sched_text_end"},
                                   std::pair{"__lock_text_start", "__lock_text_end"}}) {
    const auto start = evidence_.address_of(first), stop = evidence_.address_of(end);
    if (start && stop) skipped.push_back({*start, *stop});
  }
  if (skipped.empty()) {
    notes.add(Note{ErrorCode::no_symbol, "which functions are the scheduler's is not known",
                   std::nullopt});
    return std::nullopt;
  }
  return waits_.find(
      *this, thread,
      [&skipped](const UnwoundFrame& frame) {
        return std::any_of(skipped.begin(), skipped.end(), [&frame](const AddressRange& range) {
          return frame.pc >= range.start && frame.pc < range.end;
        });
      },
      notes);
}

Result<void> Linux::locks(const Visitor<Lock>& visit, Notes& notes) {
  const auto names = symbols();
  if (!names) return Failure(why_no_symbols().value_or(Error{}).within("the functions that wait"));
  std::vector<Thread> all;
  PANICROOM_CHECK(threads(
      [&](const Thread& thread) {
        all.push_back(thread);
        return true;
      },
      notes));
  linux_kernel::LocksReader reader(
      evidence_, *names, all, [&](std::uint64_t saved) { return stacks_.saved_at(saved, notes); });
  reader.read([&](const Thread& thread) { return stack(thread, notes); }, visit, notes);
  return {};
}

Result<std::unique_ptr<AddressSpace>> Linux::process_memory(const Process& process) {
  if (!process.page_table_root)
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it is a kernel thread, has "
                           "exited, or its page tables are not known");
  return std::make_unique<AddressSpace>(
      evidence_.dump().memory, evidence_.dump().machine,
      std::shared_ptr<const PageTable>(evidence_.paging().process_table(*process.page_table_root)));
}

/// A proof that what was found is this dump's Linux: the name that it gives itself.
bool names_itself(Linux& kernel) {
  const auto address = kernel.evidence().address_of("linux_banner");
  if (!address) return false;
  const auto text = kernel.memory().string(*address, 64);
  return text && text->starts_with("Linux version ");
}

std::unique_ptr<Linux> open_by_vmcoreinfo(const Dump& dump, const std::string& text,
                                          std::optional<Error>& why) {
  Vmcoreinfo info(text);
  auto paging = linux_kernel::paging_from_vmcoreinfo(info, dump);
  if (paging) return std::make_unique<Linux>(dump, std::move(*paging), std::move(info));
  why = paging.error().within("finding the kernel's page tables by VMCOREINFO");
  return nullptr;
}

std::unique_ptr<Linux> open_by_registers(const Dump& dump, std::optional<Error>& why) {
  auto paging = linux_kernel::paging_from_registers(dump);
  if (!paging) {
    if (!why) why = paging.error();
    return nullptr;
  }
  auto kernel = std::make_unique<Linux>(dump, std::move(*paging), std::nullopt);
  if (!names_itself(*kernel)) {
    if (const auto symbols = kernel->why_no_symbols(); symbols && !why)
      why = symbols->within("the processor's page tables lead to no Linux kernel");
    return nullptr;
  }
  if (!kernel->evidence().find_vmcoreinfo()) return kernel;
  // With VMCOREINFO the kernel's own page tables can be used instead of some process's.
  std::optional<Error> unused;
  auto better = open_by_vmcoreinfo(dump, kernel->evidence().vmcoreinfo()->text(), unused);
  return better ? std::move(better) : std::move(kernel);
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_linux(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  if (dump.minidump) return nullptr;
  std::optional<Error> why;
  std::unique_ptr<Linux> kernel;
  if (dump.vmcoreinfo) kernel = open_by_vmcoreinfo(dump, *dump.vmcoreinfo, why);
  if (!kernel) kernel = open_by_registers(dump, why);
  if (!kernel) {
    const auto found = linux_kernel::search_vmcoreinfo(dump, [&](const Vmcoreinfo& candidate) {
      std::optional<Error> ignored;
      kernel = open_by_vmcoreinfo(dump, candidate.text(), ignored);
      return kernel != nullptr;
    });
    if (found)
      notes.add(Note{ErrorCode::no_symbol,
                     "the dump has no VMCOREINFO: it was found by searching physical memory",
                     std::nullopt});
  }
  if (!kernel) {
    const bool linux_for_sure = dump.vmcoreinfo || dump.dump_level;
    if (linux_for_sure && why) return Failure(*why);
    return nullptr;
  }
  kernel->evidence().use_kernel_files(inputs, notes);
  kernel->use_module_files();
  return std::unique_ptr<Kernel>(std::move(kernel));
}

}  // namespace panicroom
