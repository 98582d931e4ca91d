#include <fmt/format.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel/evidenced_kernel.h"
#include "core/kernel/freebsd/trap_frames.h"
#include "core/kernel/module_file.h"
#include "core/kernel/netbsd/crashed.h"
#include "core/kernel/netbsd/evidence.h"
#include "core/kernel/netbsd/files.h"
#include "core/kernel/netbsd/machine_state.h"
#include "core/kernel/netbsd/mappings.h"
#include "core/kernel/netbsd/message_buffer.h"
#include "core/kernel/netbsd/modules.h"
#include "core/kernel/netbsd/mounts.h"
#include "core/kernel/netbsd/page_table.h"
#include "core/kernel/netbsd/process_details.h"
#include "core/kernel/netbsd/processes.h"
#include "core/kernel/netbsd/registers.h"
#include "core/kernel/netbsd/scheduler_functions.h"
#include "core/kernel/netbsd/sockets.h"
#include "core/kernel/netbsd/vnodes.h"
#include "core/kernel/system_of.h"
#include "core/types/debug_file.h"

namespace panicroom {
namespace {

using netbsd::Evidence;
using netbsd::Processes;

class NetBsd final : public EvidencedKernel {
 public:
  NetBsd(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
         std::unique_ptr<PageTable> table)
      : evidence_(inputs, std::move(symbols), std::move(table)) {
    const auto modules = modules_of_files(inputs.kernel_files);
    for (std::size_t i = 0; i < inputs.kernel_files.size(); ++i)
      if (!modules[i]) {
        code_.add(inputs.kernel_files[i].second, 0);
        kernel_files_.push_back(inputs.kernel_files[i].second);
      }
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override;
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    return netbsd::read_message_buffer(evidence_, visit, notes);
  }
  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                       Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>& visit, Notes& notes) override {
    remark(notes);
    return netbsd::read_modules(evidence_, visit, notes);
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override {
    remark(notes);
    return netbsd::read_mounts(evidence_, visit, notes);
  }
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override;
  Result<Load> load(Notes& notes) override;
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    remark(notes);
    return netbsd::read_swap_areas(evidence_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    remark(notes);
    return netbsd::read_memory_counters(evidence_, visit, notes);
  }

  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override { return evidence_.symbols(); }
  std::optional<Error> why_no_symbols() override {
    if (evidence_.symbols()) return std::nullopt;
    return Error{ErrorCode::no_symbol, Absence::none,
                 "a NetBSD dump does not carry its symbols: give the kernel file (/netbsd, or "
                 "savecore's netbsd.N) too",
                 std::nullopt, std::nullopt};
  }
  std::string build_id() override {
    for (const SourcePtr& file : kernel_files_)
      if (std::string id = build_id_of(file); !id.empty()) return id;
    return {};
  }

 private:
  KernelEvidence& evidence() override { return evidence_; }
  bool is_of_scheduler(std::string_view function) override {
    return netbsd::is_of_scheduler(function);
  }

  /// Every process, or the one with that id, with its pid and name. Fails without the structures of
  /// the kernel: `what` cannot be known then.
  Result<void> each_process(std::string_view what, std::optional<std::int64_t> pid,
                            const std::function<bool(Processes&, const Process&)>& visit,
                            Notes& notes);
  /// As structures_for; without a kernel file, that it is missing.
  Result<void> known_for(std::string_view what, Notes& notes);
  const netbsd::CrashedLwp& crashed(Notes& notes);
  /// Those of a lwp: `cpu` is where it runs, if it does.
  std::optional<Registers> registers_of(std::uint64_t lwp, std::optional<std::int64_t> cpu,
                                        Processes& walk, Notes& notes);
  bool is_text(std::uint64_t address);
  InterruptedAt interrupted_at();

  Evidence evidence_;
  std::vector<SourcePtr> kernel_files_;
  std::optional<netbsd::CrashedLwp> crashed_;
  std::vector<Note> crashed_notes_;
};

const netbsd::CrashedLwp& NetBsd::crashed(Notes& notes) {
  if (!crashed_) {
    Notes search;
    crashed_ = netbsd::find_crashed_lwp(evidence_, search);
    crashed_notes_ = search.take();
  }
  for (const Note& note : crashed_notes_) notes.add(note);
  return *crashed_;
}

KernelIdentity NetBsd::identity(Notes& notes) {
  KernelIdentity identity;
  identity.system = "NetBSD";
  identity.release = evidence_.release();
  identity.version = version_text();
  identity.nodename = text_variable("hostname").value_or("");
  const Architecture architecture = evidence_.dump().machine.architecture;
  identity.machine = architecture == Architecture::x86_64    ? "amd64"
                     : architecture == Architecture::aarch64 ? "evbarm"
                                                             : std::string(name(architecture));
  const bool panic_is_known = read_panic(identity, notes);
  if (const auto cpus = evidence_.variable("ncpu", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  const netbsd::Clock clock = netbsd::read_clock(evidence_);
  identity.time = clock.now;
  identity.uptime = clock.uptime;
  identity.crashed_tid = crashed(notes).lid;
  say_unknown(identity, panic_is_known, "the kernel file", notes);
  return identity;
}

Result<void> NetBsd::known_for(std::string_view what, Notes& notes) {
  if (!evidence_.symbols()) return Failure(*why_no_symbols());
  return structures_for(what, notes);
}

Result<void> NetBsd::processes(const ProcessQuery& query,
                               const std::function<bool(const Process&)>& visit, Notes& notes) {
  PANICROOM_CHECK(known_for("processes", notes));
  Processes walk(evidence_);
  netbsd::Vnodes vnodes(evidence_);
  netbsd::ProcessDetailsReader details(evidence_, walk, vnodes);
  return walk.each(
      [&](std::uint64_t address, bool zombie) {
        if (query.pid && walk.pid(address, notes) != query.pid) return true;
        std::vector<std::uint64_t> lwps;
        Process process = walk.read_process(address, zombie, lwps, notes);
        if (query.facts != 0)
          details.read(
              query, lwps, [&] { return process_memory(process); }, process, notes);
        return visit(process);
      },
      notes);
}

Result<void> NetBsd::each_process(std::string_view what, std::optional<std::int64_t> pid,
                                  const std::function<bool(Processes&, const Process&)>& visit,
                                  Notes& notes) {
  PANICROOM_CHECK(known_for(what, notes));
  Processes walk(evidence_);
  return each_named(walk, pid, visit, notes);
}

Result<void> NetBsd::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                           Notes& notes) {
  netbsd::Vnodes vnodes(evidence_);
  netbsd::FilesReader reader(evidence_, vnodes);
  return each_process(
      "open files", pid,
      [&](Processes&, const Process& process) {
        return reader.read(
            process, [&](const OpenFile& file, std::uint64_t) { return visit(file); }, notes);
      },
      notes);
}

Result<void> NetBsd::sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                             Notes& notes) {
  netbsd::Vnodes vnodes(evidence_);
  netbsd::FilesReader files(evidence_, vnodes);
  netbsd::SocketsReader sockets(evidence_);
  Notes of_files;  // they are said by the table of files
  return each_process(
      "sockets", pid,
      [&](Processes&, const Process& process) {
        return files.read(
            process,
            [&](const OpenFile& file, std::uint64_t socket) {
              return socket == 0 || visit(sockets.read(file, socket, notes));
            },
            of_files);
      },
      notes);
}

Result<void> NetBsd::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                              Notes& notes) {
  netbsd::Vnodes vnodes(evidence_);
  netbsd::MappingsReader reader(evidence_, vnodes);
  return each_process(
      "mappings", pid,
      [&](Processes& walk, const Process& process) {
        return walk.is_kernel_process(process.address) || reader.read(process, visit, notes);
      },
      notes);
}

std::optional<Registers> NetBsd::registers_of(std::uint64_t lwp, std::optional<std::int64_t> cpu,
                                              Processes& walk, Notes& notes) {
  constexpr std::string_view what = "a thread's registers";
  const netbsd::CrashedLwp& died = crashed(notes);
  if (died.address == lwp && died.pcb)
    return noted(netbsd::read_pcb(evidence_, *died.pcb), notes, what);
  if (cpu) {
    // What it saved when it was last switched out is of no use; an emulator's dump tells more.
    for (const CpuState& state : evidence_.dump().cpus)
      if (state.index == static_cast<std::uint64_t>(*cpu)) return state.registers;
    return std::nullopt;
  }
  const auto pcb = walk.pcb(lwp, notes);
  if (!pcb || *pcb == 0) return std::nullopt;
  return noted(netbsd::read_pcb(evidence_, *pcb), notes, what);
}

Result<void> NetBsd::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  PANICROOM_CHECK(known_for("threads", notes));
  const netbsd::CrashedLwp died = crashed(notes);
  Processes walk(evidence_);
  bool unsaved = false;
  const auto walked = walk.each(
      [&](std::uint64_t process, bool) {
        const auto pid = walk.pid(process, notes);
        const auto name = walk.name(process, notes);
        for (const std::uint64_t address : walk.lwps_of(process, notes).addresses) {
          if (!walk.lwp_can_be_read(address, notes)) continue;
          Thread thread = walk.read_lwp(address, process, notes);
          if (died.address) thread.crashed = address == *died.address;
          if (auto registers = registers_of(address, thread.cpu, walk, notes))
            thread.registers = std::move(*registers);
          unsaved = unsaved || (thread.cpu && !thread.registers.pc);
          thread.pid = pid;
          thread.process = name;
          if (!thread.name) thread.name = name;
          if (!visit(thread)) return false;
        }
        return true;
      },
      notes);
  if (unsaved)
    notes.add(Note{ErrorCode::not_in_dump,
                   "threads that ran on a processor when the system stopped have no registers: "
                   "the kernel did not save them",
                   std::nullopt});
  return walked;
}

/// Where the page tables cannot tell (their pages may be missing), the kernel's own half decides.
bool NetBsd::is_text(std::uint64_t address) {
  const auto translated = memory().translate(address);
  if (translated) return translated->executable;
  const auto start = evidence_.address_of("start");
  return start && address >= *start;
}

/// What a trap stopped, of the frame in the entry code that called trap(): its registers lie above
/// (calltrap in sys/arch/{amd64/amd64/amd64_trap.S,i386/i386/i386_trap.S}). Struct trapframe has
/// the members that FreeBSD's has.
InterruptedAt NetBsd::interrupted_at() {
  if (evidence_.memory().machine().architecture == Architecture::aarch64 || !evidence_.has_types())
    return {};
  const auto known = evidence_.types();
  if (!known || !(*known)->size_of("trapframe")) return {};
  return [this, types = *known](const Registers& frame, std::uint64_t address,
                                bool) -> std::optional<Interrupted> {
    const auto function = evidence_.symbols()->at(address);
    if (!function || function->name != "calltrap") return std::nullopt;
    return freebsd::trap_frame_at(memory(), *evidence_.symbols(), *types, frame, address);
  };
}

Unwound NetBsd::stack(const Thread& thread, Notes& notes) {
  const auto text = [this](std::uint64_t address) { return is_text(address); };
  return unwind(thread, code_.have_rules(), text, interrupted_at(), notes);
}

Result<void> NetBsd::cpus(const Visitor<Processor>& visit, Notes& notes) {
  PANICROOM_CHECK(known_for("processors", notes));
  const netbsd::CrashedLwp died = crashed(notes);
  Processes walk(evidence_);
  return netbsd::read_cpus(
      evidence_, walk, died.address,
      [&](std::uint64_t lwp, std::int64_t cpu) { return registers_of(lwp, cpu, walk, notes); },
      visit, notes);
}

Result<Load> NetBsd::load(Notes& notes) {
  PANICROOM_CHECK(known_for("the load averages", notes));
  const auto count = [&] {
    Processes walk(evidence_);
    return count_threads(
        walk, [&](std::uint64_t process) { return walk.lwps_of(process, notes); }, notes);
  };
  return netbsd::read_load(evidence_, count, notes);
}

Result<std::unique_ptr<AddressSpace>> NetBsd::process_memory(const Process& process) {
  if (!process.page_table_root || *process.page_table_root == 0)
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it is a kernel process, has "
                           "exited, or its page tables are not known");
  const Dump& dump = evidence_.dump();
  PANICROOM_TRY(table, netbsd::process_page_table(dump, *process.page_table_root));
  return std::make_unique<AddressSpace>(dump.memory, dump.machine,
                                        std::shared_ptr<const PageTable>(std::move(table)));
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_netbsd(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  if (dump.kcore && dump.kcore->system == KcoreHeader::System::openbsd) return nullptr;
  if (!dump.kcore && inputs.kernel_files.empty()) return nullptr;
  Notes reading;
  SystemKernel kernel = kernel_of(inputs, System::netbsd, reading);
  if (!kernel.symbols && !dump.kcore) return nullptr;
  // A header alone does not tell NetBSD's amd64 from OpenBSD's.
  if (!kernel.symbols && dump.kcore->system == KcoreHeader::System::either) {
    for (Note& note : reading.take()) notes.add(std::move(note));
    return fail(ErrorCode::no_symbol,
                "this kernel core is NetBSD's or OpenBSD's, which carry no symbols: give the "
                "kernel file (/netbsd or /bsd, or savecore's copy) too");
  }
  PANICROOM_TRY(table, netbsd::find_page_table(dump, kernel, reading));
  if (!table) return nullptr;
  for (Note& note : reading.take()) notes.add(std::move(note));
  return std::unique_ptr<Kernel>(
      std::make_unique<NetBsd>(inputs, std::move(kernel.symbols), std::move(table)));
}

}  // namespace panicroom
