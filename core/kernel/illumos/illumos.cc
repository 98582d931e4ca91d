#include <fmt/format.h>

#include <memory>
#include <string>
#include <utility>

#include "core/base/printable.h"
#include "core/kernel/evidenced_kernel.h"
#include "core/kernel/illumos/evidence.h"
#include "core/kernel/illumos/files.h"
#include "core/kernel/illumos/identity.h"
#include "core/kernel/illumos/log.h"
#include "core/kernel/illumos/machine.h"
#include "core/kernel/illumos/mappings.h"
#include "core/kernel/illumos/page_tables.h"
#include "core/kernel/illumos/process_details.h"
#include "core/kernel/illumos/processes.h"
#include "core/kernel/illumos/registers.h"
#include "core/kernel/illumos/vnodes.h"
#include "core/kernel/kernel_tables.h"

namespace panicroom {
namespace {

using illumos::Evidence;
using illumos::Processes;

class Illumos final : public EvidencedKernel {
 public:
  Illumos(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
          std::unique_ptr<PageTable> table)
      : evidence_(inputs, std::move(symbols), std::move(table)) {}

  KernelIdentity identity(Notes& notes) override {
    remark(notes);
    return illumos::read_identity(evidence_, crash(), notes);
  }
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override;
  Registers saved_registers(std::uint64_t address, Notes& notes) override {
    const auto found = noted(illumos::read_saved_registers(memory(), address), notes,
                             "the registers that a trap saved");
    return found ? found->registers : Registers();
  }
  std::optional<std::string> module_at(std::uint64_t address) override {
    return evidence_.module_at(address);
  }
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    remark(notes);
    return illumos::read_log(evidence_, visit, notes);
  }
  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes) override {
    remark(notes);
    return illumos::read_loaded_modules(evidence_, visit, notes);
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override {
    remark(notes);
    return illumos::read_mounts(evidence_, visit, notes);
  }
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override;
  Result<Load> load(Notes& notes) override;
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    remark(notes);
    return illumos::read_swap_areas(evidence_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    remark(notes);
    return illumos::read_memory_counters(evidence_, visit, notes);
  }

  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override {
    return illumos::process_memory(evidence_, process);
  }
  std::shared_ptr<const SymbolTable> symbols() override { return evidence_.symbols(); }
  std::optional<Error> why_no_symbols() override {
    if (evidence_.symbols()) return std::nullopt;
    return Error{ErrorCode::no_symbol, Absence::none,
                 "the dump's own symbols cannot be read: give unix.N, which savecore writes beside "
                 "it, too",
                 std::nullopt, std::nullopt};
  }

 private:
  KernelEvidence& evidence() override { return evidence_; }
  bool is_of_scheduler(std::string_view function) override {
    return illumos::is_of_dispatcher(function);
  }

  /// Every process, or the one with that id, with its pid and name. Fails without the structures of
  /// the kernel: `what` cannot be known then.
  Result<void> each_process(std::string_view what, std::optional<std::int64_t> pid,
                            const std::function<bool(Processes&, const Process&)>& visit,
                            Notes& notes);
  Registers registers_of(std::uint64_t thread, std::optional<std::int64_t> cpu, Notes& notes);
  const illumos::Crash& crash() {
    if (!crash_) crash_ = illumos::read_crash(evidence_);
    return *crash_;
  }

  Evidence evidence_;
  std::optional<illumos::Crash> crash_;
};

Result<void> Illumos::each_process(std::string_view what, std::optional<std::int64_t> pid,
                                   const std::function<bool(Processes&, const Process&)>& visit,
                                   Notes& notes) {
  PANICROOM_CHECK(structures_for(what, notes));
  Processes walk(evidence_);
  return each_named(walk, pid, visit, notes);
}

Result<void> Illumos::processes(const ProcessQuery& query,
                                const std::function<bool(const Process&)>& visit, Notes& notes) {
  illumos::Vnodes vnodes(evidence_);
  std::unique_ptr<illumos::ProcessDetailsReader> details;
  return each_process(
      "processes", query.pid,
      [&](Processes& walk, const Process& known) {
        if (!details)
          details = std::make_unique<illumos::ProcessDetailsReader>(evidence_, walk, vnodes);
        std::vector<std::uint64_t> threads;
        Process process = walk.read_process(known.address, threads, notes);
        if (query.facts != 0)
          details->read(
              query, threads, [&] { return process_memory(process); }, process, notes);
        return visit(process);
      },
      notes);
}

Result<void> Illumos::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                            Notes& notes) {
  illumos::Vnodes vnodes(evidence_);
  illumos::FilesReader reader(evidence_, vnodes);
  return each_process(
      "open files", pid,
      [&](Processes&, const Process& process) { return reader.read(process, visit, notes); },
      notes);
}

Result<void> Illumos::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                               Notes& notes) {
  illumos::Vnodes vnodes(evidence_);
  illumos::MappingsReader reader(evidence_, vnodes);
  return each_process(
      "mappings", pid,
      [&](Processes& walk, const Process& process) {
        return walk.is_kernel_process(process.address) || reader.read(process, visit, notes);
      },
      notes);
}

Registers Illumos::registers_of(std::uint64_t thread, std::optional<std::int64_t> cpu,
                                Notes& notes) {
  constexpr std::string_view what = "a thread's registers";
  // What brought the system down is kept apart; it and the other processors saved theirs as a
  // thread does that leaves its processor. An emulator's dump has what the processors held.
  if (crash().thread == thread && crash().registers.pc) return crash().registers;
  if (cpu && !crash().panicked)
    for (const CpuState& state : evidence_.dump().cpus)
      if (static_cast<std::int64_t>(state.index) == *cpu) return state.registers;
  const Field label("_kthread", "t_pcb");
  const auto place = noted(label.place(evidence_, thread), notes, what);
  if (!place) return {};
  return noted(illumos::read_label(memory(), *place), notes, what).value_or(Registers());
}

Result<void> Illumos::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  return each_process(
      "threads", std::nullopt,
      [&](Processes& walk, const Process& process) {
        for (const std::uint64_t address : walk.threads_of(process.address, notes).addresses) {
          Thread thread = walk.read_thread(address, process.address, process.name, notes);
          thread.pid = process.pid;
          thread.process = process.name;
          if (crash().panicked || crash().thread)
            thread.crashed = crash().thread && *crash().thread == address;
          thread.registers = registers_of(address, thread.cpu, notes);
          if (!visit(thread)) return false;
        }
        return true;
      },
      notes);
}

Unwound Illumos::stack(const Thread& thread, Notes& notes) {
  (void)notes;
  const auto text = [this](std::uint64_t address) { return evidence_.is_text(address); };
  const auto interrupted = [this](const Registers& frame, std::uint64_t address,
                                  bool) -> std::optional<Interrupted> {
    const auto& names = evidence_.symbols();
    const auto function = names && frame.fp ? names->at(address) : std::nullopt;
    if (!function || !illumos::is_entry(function->name)) return std::nullopt;
    auto found = illumos::read_saved_registers(memory(), *frame.fp);
    if (!found || (!found->ends && !evidence_.is_text(*found->registers.pc))) return std::nullopt;
    return *std::move(found);
  };
  // A thread on a processor may stand on an interrupt's or the panic's stack. t_stk lies below
  // what a system call saved, in the stack's last page.
  if (thread.cpu || thread.crashed == true || thread.stack_high == 0)
    return unwind_frame_pointers(memory(), thread.registers, 0, 0, text, interrupted);
  const std::uint64_t page = memory().machine().page_size;
  const std::uint64_t end = thread.stack_high > UINT64_MAX - page
                                ? thread.stack_high
                                : (thread.stack_high + page - 1) / page * page;
  return unwind_frame_pointers(memory(), thread.registers, thread.stack_low, end, text,
                               interrupted);
}

Result<void> Illumos::cpus(const Visitor<Processor>& visit, Notes& notes) {
  remark(notes);
  Processes walk(evidence_);
  return illumos::read_cpus(
      evidence_, walk, crash().cpu,
      [&](std::uint64_t thread, std::int64_t cpu) -> std::optional<Registers> {
        auto registers = registers_of(thread, cpu, notes);
        return registers.pc ? std::optional(std::move(registers)) : std::nullopt;
      },
      visit, notes);
}

Result<Load> Illumos::load(Notes& notes) {
  remark(notes);
  const auto count = [&] {
    Processes walk(evidence_);
    return count_threads(
        walk, [&](std::uint64_t process) { return walk.threads_of(process, notes); }, notes);
  };
  return illumos::read_load(evidence_, count, notes);
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_illumos(const KernelInputs& inputs, Notes& notes) {
  Notes reading;
  auto symbols = illumos::symbols_of(inputs, reading);
  auto found = illumos::find_page_table(*inputs.dump, symbols.get());
  if (!found && !inputs.dump->illumos) {
    Notes said;
    const SystemKernel kernel = kernel_of(inputs, System::illumos, said);
    if (kernel.symbols)
      if (auto proved = find_kernel_tables(*inputs.dump, kernel, System::illumos)) {
        if (proved->remark) reading.add(*proved->remark);
        found = std::move(proved->table);
      }
  }
  PANICROOM_TRY(table, std::move(found));
  if (!table) return nullptr;
  for (Note& note : reading.take()) notes.add(std::move(note));
  return std::unique_ptr<Kernel>(
      std::make_unique<Illumos>(inputs, std::move(symbols), std::move(table)));
}

}  // namespace panicroom
