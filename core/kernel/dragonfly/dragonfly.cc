#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel/dragonfly/evidence.h"
#include "core/kernel/dragonfly/files.h"
#include "core/kernel/dragonfly/machine_state.h"
#include "core/kernel/dragonfly/mappings.h"
#include "core/kernel/dragonfly/message_buffer.h"
#include "core/kernel/dragonfly/modules.h"
#include "core/kernel/dragonfly/process_details.h"
#include "core/kernel/dragonfly/processes.h"
#include "core/kernel/dragonfly/sockets.h"
#include "core/kernel/dragonfly/threads.h"
#include "core/kernel/evidenced_kernel.h"
#include "core/kernel/linker_files.h"
#include "core/kernel/module_file.h"
#include "core/kernel/system_of.h"
#include "core/types/debug_file.h"

namespace panicroom {
namespace {

using dragonfly::Evidence;
using dragonfly::Processes;

class DragonFly final : public EvidencedKernel {
 public:
  DragonFly(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
            std::unique_ptr<PageTable> table)
      : evidence_(inputs, std::move(symbols), std::move(table)) {
    // A kernel runs where it was linked to run; where modules' sections lie is not read.
    const auto modules = modules_of_files(inputs.kernel_files);
    for (std::size_t i = 0; i < modules.size(); ++i)
      if (!modules[i]) code_.add(inputs.kernel_files[i].second, 0);
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override;
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    return dragonfly::read_message_buffer(evidence_, visit, notes);
  }

  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                       Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes) override {
    remark(notes);
    return read_linker_files(evidence_, visit, notes);
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override {
    remark(notes);
    return dragonfly::read_mounts(evidence_, visit, notes);
  }
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override;
  Result<Load> load(Notes& notes) override;
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    remark(notes);
    return dragonfly::read_swap_areas(evidence_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    remark(notes);
    return dragonfly::read_memory_counters(evidence_, visit, notes);
  }

  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override {
    if (symbols_ || !evidence_.symbols()) return symbols_;
    Notes reading;
    symbols_ = dragonfly::with_modules(evidence_, evidence_.symbols(), loaded(), reading);
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
                 "a DragonFly dump does not carry its symbols: give the kernel file "
                 "(/boot/kernel/kernel) too",
                 std::nullopt, std::nullopt};
  }
  std::string build_id() override {
    for (const auto& [name, file] : evidence_.kernel_files())
      if (std::string id = build_id_of(file); !id.empty()) return id;
    return {};
  }

 private:
  KernelEvidence& evidence() override { return evidence_; }
  bool is_of_scheduler(std::string_view function) override;

  /// Every process, or the one with that id, with its pid and name. Fails without the structures of
  /// the kernel: `what` cannot be known then.
  Result<void> each_process(std::string_view what, std::optional<std::int64_t> pid,
                            const std::function<bool(Processes&, const Process&)>& visit,
                            Notes& notes);
  /// Where the page tables cannot tell (their pages may be missing), the kernel's own half decides.
  bool is_text(std::uint64_t address) {
    const auto translated = memory().translate(address);
    if (translated) return translated->executable;
    const auto kernbase = evidence_.address_of("kernbase");
    return kernbase && address >= *kernbase;
  }

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
  std::optional<LinkedModules> modules_;
  std::shared_ptr<const SymbolTable> symbols_;
  std::vector<Note> module_notes_;  // for every answer that needs the modules
};

KernelIdentity DragonFly::identity(Notes& notes) {
  KernelIdentity identity;
  identity.system = "DragonFly";
  identity.machine = "x86_64";
  identity.release = text_variable("osrelease").value_or("");
  identity.version = version_text();
  identity.nodename = text_variable("hostname").value_or("");
  const bool panic_is_known = read_panic(identity, notes);
  if (const auto cpus = evidence_.variable("ncpus", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  // time_t (sys/kern/kern_clock.c).
  if (const auto time = evidence_.variable("time_second", 8); time && *time != 0)
    identity.time = static_cast<std::int64_t>(*time);
  if (const auto up = evidence_.variable("time_uptime", 8); up && *up != 0)
    identity.uptime = static_cast<double>(*up);
  if (const auto thread = evidence_.pointer("dumpthread"); thread && *thread != 0) {
    // A thread of the kernel's own has no id.
    const auto lwp = Field("thread", "td_lwp").read(evidence_, *thread);
    if (lwp && *lwp != 0)
      identity.crashed_tid = noted(Field("lwp", "lwp_tid").read_signed(evidence_, *lwp), notes,
                                   "the thread on which the kernel died");
  }
  say_unknown(identity, panic_is_known, "the kernel file", notes);
  return identity;
}

Result<void> DragonFly::processes(const ProcessQuery& query,
                                  const std::function<bool(const Process&)>& visit, Notes& notes) {
  PANICROOM_CHECK(structures_for("processes", notes));
  Processes walk(evidence_);
  dragonfly::Threads threads(evidence_, notes);
  dragonfly::NameCache names(evidence_);
  dragonfly::ProcessDetailsReader details(evidence_, walk, names);
  return walk.each(
      [&](std::uint64_t address) {
        if (query.pid && walk.pid(address, notes) != query.pid) return true;
        Processes::LwpList lwps;
        Process process = walk.read_process(address, lwps, notes);
        if (walk.is_active(address) && !lwps.addresses.empty())
          process.state = threads.state_of_lwp(lwps.addresses.front(), notes);
        if (query.facts != 0)
          details.read(
              query, lwps.addresses, [&] { return process_memory(process); }, process, notes);
        return visit(process);
      },
      notes);
}

Result<void> DragonFly::each_process(std::string_view what, std::optional<std::int64_t> pid,
                                     const std::function<bool(Processes&, const Process&)>& visit,
                                     Notes& notes) {
  PANICROOM_CHECK(structures_for(what, notes));
  Processes walk(evidence_);
  return each_named(walk, pid, visit, notes);
}

Result<void> DragonFly::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  dragonfly::Threads reader(evidence_, notes);
  bool go_on = true;
  PANICROOM_CHECK(each_process(
      "threads", std::nullopt,
      [&](Processes& walk, const Process& process) {
        for (const std::uint64_t lwp : walk.lwps_of(process.address, notes).addresses) {
          Thread thread = reader.of_lwp(lwp, notes);
          if (thread.state == "stopped" && walk.is_traced(process.address)) thread.state = "traced";
          thread.process_address = process.address;
          thread.pid = process.pid;
          thread.process = process.name;
          go_on = visit(thread);
          if (!go_on) return false;
        }
        return true;
      },
      notes));
  if (go_on) reader.each_of_kernel(visit, notes);
  return {};
}

Unwound DragonFly::stack(const Thread& thread, Notes& notes) {
  for (const Note& note : module_notes_) notes.add(note);
  const auto text = [this](std::uint64_t address) { return is_text(address); };
  return unwind(thread, code_.have_rules(), text, {}, notes);
}

/// Functions of the scheduler: sys/kern/lwkt_thread.c, kern_synch.c, kern_lock.c and others that
/// wait for another.
bool DragonFly::is_of_scheduler(std::string_view function) {
  constexpr std::array<std::string_view, 11> families = {
      "cpu_heavy_", "cpu_lwkt_", "lwkt_",  "tsleep",   "_tsleep",  "ssleep",
      "lksleep",    "mtxsleep",  "zsleep", "lockmgr_", "_mtx_lock"};
  return std::any_of(families.begin(), families.end(),
                     [&](std::string_view family) { return function.starts_with(family); });
}

Result<void> DragonFly::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                              Notes& notes) {
  dragonfly::NameCache names(evidence_);
  dragonfly::FilesReader reader(evidence_, names);
  return each_process(
      "open files", pid,
      [&](Processes&, const Process& process) {
        return reader.read(
            process, [&](const OpenFile& file, std::uint64_t) { return visit(file); }, notes);
      },
      notes);
}

Result<void> DragonFly::sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                                Notes& notes) {
  dragonfly::NameCache names(evidence_);
  dragonfly::FilesReader files(evidence_, names);
  dragonfly::SocketsReader sockets(evidence_);
  return each_process(
      "sockets", pid,
      [&](Processes&, const Process& process) {
        return files.read(
            process,
            [&](const OpenFile& file, std::uint64_t socket) {
              return socket == 0 || visit(sockets.read(file, socket, notes));
            },
            notes);
      },
      notes);
}

Result<void> DragonFly::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                                 Notes& notes) {
  dragonfly::NameCache names(evidence_);
  dragonfly::MappingsReader reader(evidence_, names);
  return each_process(
      "mappings", pid,
      [&](Processes& walk, const Process& process) {
        return walk.is_kernel_process(process.address) || reader.read(process, visit, notes);
      },
      notes);
}

Result<void> DragonFly::cpus(const Visitor<Processor>& visit, Notes& notes) {
  remark(notes);
  dragonfly::Threads threads(evidence_, notes);
  return dragonfly::read_cpus(
      evidence_, threads.crashed(),
      [&](const dragonfly::Cpu& cpu, bool died) { return threads.registers_of(cpu, died, notes); },
      visit, notes);
}

Result<Load> DragonFly::load(Notes& notes) {
  remark(notes);
  const auto count = [&]() -> std::optional<std::uint64_t> {
    Processes walk(evidence_);
    auto threads = count_threads(
        walk, [&](std::uint64_t process) { return walk.lwps_of(process, notes); }, notes);
    if (!threads) return std::nullopt;
    dragonfly::Threads(evidence_, notes)
        .each_of_kernel(
            [&](const Thread&) {
              ++*threads;
              return true;
            },
            notes);
    return threads;
  };
  return dragonfly::read_load(evidence_, count, notes);
}

Result<std::unique_ptr<AddressSpace>> DragonFly::process_memory(const Process& process) {
  const Dump& dump = evidence_.dump();
  if (dump.minidump)
    return fail(ErrorCode::not_in_dump,
                "a DragonFly minidump holds no process's memory, only the kernel's");
  if (!process.page_table_root || *process.page_table_root == 0) {
    if (!evidence_.knows_structures())
      return fail_at_address(ErrorCode::no_type, process.address,
                             "the page tables of a process cannot be found without the kernel's "
                             "types (struct vmspace)");
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it is a kernel process, has "
                           "exited, or its page tables are not known");
  }
  return std::make_unique<AddressSpace>(dump.memory, dump.machine,
                                        std::shared_ptr<const PageTable>(x86_page_table(
                                            X86Mode::four_level, *process.page_table_root)));
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_dragonfly(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  if (dump.machine.architecture != Architecture::x86_64) return nullptr;
  Notes reading;
  SystemKernel kernel = kernel_of(inputs, System::dragonfly, reading);
  if (!kernel.symbols && !dragonfly::shows_itself(inputs)) return nullptr;
  PANICROOM_TRY(table, dragonfly::find_page_table(dump, kernel, reading));
  if (!table) return nullptr;
  for (Note& note : reading.take()) notes.add(std::move(note));
  return std::unique_ptr<Kernel>(
      std::make_unique<DragonFly>(inputs, std::move(kernel.symbols), std::move(table)));
}

}  // namespace panicroom
