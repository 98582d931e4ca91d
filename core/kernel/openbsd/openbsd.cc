#include <fmt/format.h>

#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/arch/stated_paging.h"
#include "core/kernel/evidenced_kernel.h"
#include "core/kernel/kernel_tables.h"
#include "core/kernel/openbsd/cpus.h"
#include "core/kernel/openbsd/evidence.h"
#include "core/kernel/openbsd/files.h"
#include "core/kernel/openbsd/find_page_table.h"
#include "core/kernel/openbsd/machine_state.h"
#include "core/kernel/openbsd/mappings.h"
#include "core/kernel/openbsd/mounts.h"
#include "core/kernel/openbsd/process_details.h"
#include "core/kernel/openbsd/processes.h"
#include "core/kernel/openbsd/scheduler_functions.h"
#include "core/kernel/openbsd/sockets.h"
#include "core/kernel/openbsd/thread_registers.h"
#include "core/kernel/openbsd/vnodes.h"
#include "core/kernel/system_of.h"
#include "core/types/debug_file.h"

namespace panicroom {
namespace {

using openbsd::Cpu;
using openbsd::Cpus;
using openbsd::Evidence;
using openbsd::Processes;

constexpr unsigned user_bits = 39,
                   user_bits_of_four_levels = 48;  // sys/arch/arm64: USER_SPACE_BITS
constexpr std::size_t longest_panic = 512;

class OpenBsd final : public EvidencedKernel {
 public:
  OpenBsd(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
          openbsd::KernelMap map, std::optional<Error> refused)
      : evidence_(inputs, std::move(symbols), std::move(map.table)),
        tables_of_(std::move(map.tables_of)),
        refused_(std::move(refused)) {
    // The kernel runs where it was linked to run, and has no modules.
    if (!refused_)
      for (const auto& [name, file] : inputs.kernel_files) code_.add(file, 0);
  }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes& notes) override;
  Result<void> log(const LogVisitor& visit, Notes& notes) override {
    remark(notes);
    return openbsd::read_log(evidence_, visit, notes);
  }
  Result<void> files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                     Notes& notes) override;
  Result<void> sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                       Notes& notes) override;
  Result<void> mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                        Notes& notes) override;
  Result<void> modules(const Visitor<LoadedModule>&, Notes&) override {
    return fail(ErrorCode::unsupported, "OpenBSD has no kernel modules");
  }
  Result<void> mounts(const Visitor<Mount>& visit, Notes& notes) override {
    remark(notes);
    return openbsd::read_mounts(evidence_, visit, notes);
  }
  Result<void> cpus(const Visitor<Processor>& visit, Notes& notes) override {
    remark(notes);
    return openbsd::read_cpus(evidence_, visit, notes);
  }
  Result<Load> load(Notes& notes) override {
    remark(notes);
    return openbsd::read_load(evidence_, notes);
  }
  Result<void> swap_areas(const Visitor<SwapArea>& visit, Notes& notes) override {
    remark(notes);
    return openbsd::read_swap_areas(evidence_, visit, notes);
  }
  Result<void> memory_counters(const Visitor<MemoryCounter>& visit, Notes& notes) override {
    remark(notes);
    return openbsd::read_memory_counters(evidence_, visit, notes);
  }

  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override { return evidence_.symbols(); }
  std::optional<Error> why_no_symbols() override {
    if (evidence_.symbols()) return std::nullopt;
    if (refused_) return refused_;
    return Error{ErrorCode::no_symbol, Absence::none,
                 "an OpenBSD dump does not carry its symbols: give the kernel that was running "
                 "(/bsd) too",
                 std::nullopt, std::nullopt};
  }
  std::string build_id() override {
    if (refused_) return {};
    for (const auto& [name, file] : evidence_.kernel_files())
      if (std::string id = build_id_of(file); !id.empty()) return id;
    return {};
  }

 private:
  KernelEvidence& evidence() override { return evidence_; }
  bool is_of_scheduler(std::string_view function) override {
    return openbsd::is_of_scheduler(function);
  }

  /// Every living process, or the one with that id, with its pid and name.
  Result<void> each_living(std::string_view what, std::optional<std::int64_t> pid,
                           const std::function<bool(Processes&, const Process&)>& visit,
                           Notes& notes);
  /// Its processor, its registers and whether the kernel died on it. `cpus` may be null.
  void complete(Thread& thread, const Cpus* cpus, const Cpu* died, Notes& notes);
  void remark(Notes& notes) override {
    if (refused_) notes.add(*refused_);
    EvidencedKernel::remark(notes);
  }
  bool is_text(std::uint64_t address) {
    const auto translated = memory().translate(address);
    return translated && translated->executable;
  }

  Evidence evidence_;
  openbsd::TablesOf tables_of_;
  std::optional<Error> refused_;  ///< why the kernel file that was given is not this kernel's
};

KernelIdentity OpenBsd::identity(Notes& notes) {
  KernelIdentity identity;
  identity.system = evidence_.text_variable("ostype").value_or("OpenBSD");
  identity.release = evidence_.osrelease();
  identity.nodename = evidence_.text_variable("hostname").value_or("");
  std::string version = evidence_.text_variable("version").value_or("");
  while (version.ends_with('\n')) version.pop_back();
  identity.version = std::move(version);
  const Architecture architecture = evidence_.dump().machine.architecture;
  identity.machine = architecture == Architecture::x86_64    ? "amd64"
                     : architecture == Architecture::aarch64 ? "arm64"
                                                             : std::string(name(architecture));
  const auto panic = evidence_.pointer("panicstr");
  if (panic && *panic != 0)
    identity.panic_text =
        noted(memory().string(*panic, longest_panic), notes, "what panic() was told");
  if (const auto cpus = evidence_.variable("ncpus", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  // Both are time_t, of 64 bits on every machine, and kept for those who look at dumps
  // (sys/kern/kern_tc.c).
  if (const auto time = evidence_.variable("time_second", 8); time && *time > 1)
    identity.time = static_cast<std::int64_t>(*time);
  if (const auto up = evidence_.variable("time_uptime", 8); up && *up > 1)
    identity.uptime = static_cast<double>(*up);
  Notes walk;
  if (const auto cpus = Cpus::read(evidence_, walk)) {
    if (const Cpu* died = cpus->crashed(evidence_); died != nullptr && died->current != 0)
      identity.crashed_tid = Processes(evidence_).tid(died->current, notes);
  }
  if (refused_) notes.add(*refused_);
  say_unknown(identity, panic.has_value(), "the kernel file (/bsd)", notes);
  return identity;
}

Result<void> OpenBsd::processes(const ProcessQuery& query,
                                const std::function<bool(const Process&)>& visit, Notes& notes) {
  remark(notes);
  Processes walk(evidence_);
  openbsd::Vnodes vnodes(evidence_);
  openbsd::ProcessDetailsReader details(evidence_, walk, vnodes);
  return walk.each(
      [&](std::uint64_t address, bool zombie) {
        if (query.pid && walk.pid(address, notes) != query.pid) return true;
        std::vector<std::uint64_t> threads;
        Process process = walk.read_process(address, zombie, threads, notes);
        if (query.facts != 0)
          details.read(
              query, threads, [&] { return process_memory(process); }, process, notes);
        return visit(process);
      },
      notes);
}

Result<void> OpenBsd::each_living(std::string_view what, std::optional<std::int64_t> pid,
                                  const std::function<bool(Processes&, const Process&)>& visit,
                                  Notes& notes) {
  PANICROOM_CHECK(structures_for(what, notes));
  Processes walk(evidence_);
  return walk.each(
      [&](std::uint64_t address, bool zombie) {
        // What a zombie had may be another's by now.
        if (zombie) return true;
        Process process;
        process.address = address;
        process.pid = walk.pid(address, notes);
        if (pid && process.pid != pid) return true;
        process.name = walk.name(address, notes);
        return visit(walk, process);
      },
      notes);
}

Result<void> OpenBsd::files(std::optional<std::int64_t> pid, const Visitor<OpenFile>& visit,
                            Notes& notes) {
  openbsd::Vnodes vnodes(evidence_);
  openbsd::FilesReader reader(evidence_, vnodes);
  return each_living(
      "open files", pid,
      [&](Processes&, const Process& process) {
        return reader.read(
            process, [&](const OpenFile& file, std::uint64_t) { return visit(file); }, notes);
      },
      notes);
}

Result<void> OpenBsd::sockets(std::optional<std::int64_t> pid, const Visitor<Socket>& visit,
                              Notes& notes) {
  openbsd::Vnodes vnodes(evidence_);
  openbsd::FilesReader files(evidence_, vnodes);
  openbsd::SocketsReader sockets(evidence_);
  return each_living(
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

Result<void> OpenBsd::mappings(std::optional<std::int64_t> pid, const Visitor<Mapping>& visit,
                               Notes& notes) {
  openbsd::Vnodes vnodes(evidence_);
  openbsd::MappingsReader reader(evidence_, vnodes);
  return each_living(
      "mappings", pid,
      [&](Processes& walk, const Process& process) {
        return walk.is_kernel_process(process.address) || reader.read(process, visit, notes);
      },
      notes);
}

void OpenBsd::complete(Thread& thread, const Cpus* cpus, const Cpu* died, Notes& notes) {
  const Cpu* const cpu = cpus != nullptr ? cpus->running(thread.address) : nullptr;
  if (cpu != nullptr) thread.cpu = static_cast<std::int64_t>(cpu->number);
  if (died != nullptr) thread.crashed = cpu == died;
  const Field last("proc", "p_cpu");
  if (cpus != nullptr)
    if (const auto at =
            noted(last.read(evidence_, thread.address), notes, "a thread's last processor"))
      if (const Cpu* before = cpus->at(*at); before != nullptr)
        thread.last_cpu = static_cast<std::int64_t>(before->number);
  if (thread.state == "dead" || thread.state == "new") return;  // its stack is gone or not begun
  thread.registers =
      cpu != nullptr
          ? openbsd::registers_on_cpu(evidence_, cpu->number, thread.address, cpu == died, notes)
          : openbsd::registers_switched_out(evidence_, thread.address, notes);
}

Result<void> OpenBsd::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  remark(notes);
  const auto cpus = noted(Cpus::read(evidence_, notes), notes, "the processors");
  const Cpu* const died = cpus ? cpus->crashed(evidence_) : nullptr;
  Processes walk(evidence_);
  return walk.each(
      [&](std::uint64_t process, bool) {
        const auto pid = walk.pid(process, notes);
        const auto name = walk.name(process, notes);
        for (const std::uint64_t address : walk.threads_of(process, notes).addresses) {
          if (!walk.thread_can_be_read(address, notes)) continue;
          Thread thread = walk.read_thread(address, process, notes);
          complete(thread, cpus ? &*cpus : nullptr, died, notes);
          thread.pid = pid;
          thread.process = name;
          if (!thread.name) thread.name = name;
          if (!visit(thread)) return false;
        }
        return true;
      },
      notes);
}

Unwound OpenBsd::stack(const Thread& thread, Notes& notes) {
  const auto text = [this](std::uint64_t address) { return is_text(address); };
  return unwind(thread, code_.have_rules(), text, {}, notes);
}

Result<std::unique_ptr<AddressSpace>> OpenBsd::process_memory(const Process& process) {
  const Dump& dump = evidence_.dump();
  if (!process.page_table_root || *process.page_table_root == 0)
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it is a kernel process, has "
                           "exited, or its page tables are not known");
  std::unique_ptr<PageTable> table;
  if (dump.machine.architecture == Architecture::aarch64) {
    const bool four = Processes(evidence_).four_levels(process.address);
    table = aarch64_page_table(
        {*process.page_table_root, 12, four ? user_bits_of_four_levels : user_bits, false, false});
  } else if (tables_of_) {
    table = tables_of_(*process.page_table_root);
  } else {
    return fail(ErrorCode::unsupported,
                fmt::format("the page tables of a process are not read on {}",
                            name(dump.machine.architecture)));
  }
  return std::make_unique<AddressSpace>(dump.memory, dump.machine,
                                        std::shared_ptr<const PageTable>(std::move(table)));
}

Error another_kernels(const SymbolTable& symbols, const openbsd::KernelMap& map) {
  return Error{
      ErrorCode::invalid, Absence::none,
      fmt::format("{} is not the kernel that was running: {}. OpenBSD links its kernel anew "
                  "for every boot, so that only the /bsd of that boot fits: save it "
                  "beside the dump",
                  symbols.origin(), map.contradiction),
      std::nullopt, std::nullopt};
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_openbsd(const KernelInputs& inputs, Notes& notes) {
  const Dump& dump = *inputs.dump;
  Notes reading;
  const SystemKernel kernel = kernel_of(inputs, System::openbsd, reading);
  auto symbols = kernel.symbols;
  if (!symbols && !(dump.kcore && dump.kcore->system == KcoreHeader::System::openbsd))
    return nullptr;
  openbsd::KernelMap map = openbsd::find_page_table(dump, kernel);
  if (map.image_alone && symbols)
    if (auto found = find_kernel_tables(dump, kernel, System::openbsd)) {
      if (found->remark) reading.add(*found->remark);
      map.table = std::move(found->table);
      map.tables_of = [paging = found->paging](std::uint64_t root) {
        return std::move(*stated_page_table(root, paging));
      };
      map.image_alone = false;
    }
  std::optional<Error> refused;
  if (symbols && !map.fits) {
    refused = another_kernels(*symbols, map);
    if (!map.table) return Failure(*refused);
    symbols = nullptr;
  }
  if (!map.table)
    return fail(ErrorCode::no_symbol,
                "the header of this OpenBSD kernel core does not tell where the page tables are: "
                "give the kernel that was running (/bsd) too");
  for (Note& note : reading.take()) notes.add(std::move(note));
  if (refused) notes.add(*refused);
  if (map.remark) notes.add(*map.remark);
  if (map.image_alone)
    notes.add(Note{ErrorCode::corrupt,
                   "the root of the kernel's page tables was not found: only what was loaded with "
                   "the kernel can be read",
                   std::nullopt});
  return std::unique_ptr<Kernel>(
      std::make_unique<OpenBsd>(inputs, std::move(symbols), std::move(map), std::move(refused)));
}

}  // namespace panicroom
