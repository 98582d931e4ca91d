#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/kernel/kernel.h"
#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/identity.h"
#include "core/kernel/linux/log.h"
#include "core/kernel/linux/modules.h"
#include "core/kernel/linux/stacks.h"
#include "core/kernel/linux/tasks.h"

namespace panicroom {
namespace {

using linux_kernel::Cpu;
using linux_kernel::Evidence;
using linux_kernel::Module;
using linux_kernel::Paging;
using linux_kernel::Stacks;
using linux_kernel::Tasks;

class Linux final : public Kernel {
 public:
  Linux(const Dump& dump, Paging paging, std::optional<Vmcoreinfo> vmcoreinfo)
      : evidence_(dump, std::move(paging), std::move(vmcoreinfo)),
        stacks_(evidence_, [this]() -> const std::vector<Module>& { return modules(); }) {}

  Evidence& evidence() { return evidence_; }

  KernelIdentity identity(Notes& notes) override;
  Result<void> processes(const std::function<bool(const Process&)>& visit, Notes& notes) override;
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes& notes) override;
  Unwound stack(const Thread& thread, Notes&) override { return stacks_.unwind(thread); }
  Result<void> log(const std::function<bool(const LogLine&)>& visit, Notes& notes) override {
    return linux_kernel::read_log(evidence_, visit, notes);
  }

  AddressSpace& memory() override { return evidence_.memory(); }
  Result<std::unique_ptr<AddressSpace>> process_memory(const Process& process) override;
  std::shared_ptr<const SymbolTable> symbols() override {
    if (symbols_) return symbols_;
    const auto kernel = evidence_.symbols();
    if (!kernel) return nullptr;
    symbols_ = linux_kernel::with_modules(evidence_, *kernel, modules());
    return symbols_;
  }
  std::optional<Error> why_no_symbols() override {
    const auto symbols = evidence_.symbols();
    if (symbols) return std::nullopt;
    return symbols.error();
  }
  std::shared_ptr<const TypeCatalog> types() override {
    auto types = evidence_.types();
    return types ? *types : nullptr;
  }

 private:
  /// The walk's own state: layouts and processors, read anew for each walk.
  Result<Tasks> tasks(Notes& notes);
  /// The task that ran on the processor which panicked. Nothing: the kernel did not die, or, with a
  /// note, it is not known.
  struct Crashed {
    std::optional<std::uint64_t> task;
    bool known = false;
  };
  Crashed crashed_task(const std::vector<Cpu>& cpus, Notes& notes);

  /// Read once, when the first answer needs them; none where they cannot be read.
  const std::vector<Module>& modules() {
    if (!modules_) {
      Notes walk;
      auto read = linux_kernel::read_modules(evidence_, walk);
      modules_ = read ? std::move(*read) : std::vector<Module>();
    }
    return *modules_;
  }

  Evidence evidence_;
  std::optional<std::vector<Module>> modules_;
  std::shared_ptr<const SymbolTable> symbols_;
  Stacks stacks_;
};

Result<Tasks> Linux::tasks(Notes& notes) {
  PANICROOM_TRY(layout, linux_kernel::read_task_layout(evidence_));
  std::vector<Cpu> cpus;
  if (auto read = linux_kernel::read_cpus(evidence_, notes))
    cpus = std::move(*read);
  else
    notes.add(read.error().within("which threads were running is not known"));
  return Tasks(evidence_, layout, std::move(cpus));
}

Linux::Crashed Linux::crashed_task(const std::vector<Cpu>& cpus, Notes& notes) {
  const auto number = linux_kernel::crashed_cpu(evidence_);
  if (!number) {
    notes.add(number.error());
    return {};
  }
  if (!*number) return {std::nullopt, true};
  for (const Cpu& cpu : cpus)
    if (cpu.number == **number && cpu.current) return {cpu.current, true};
  notes.add(Note{ErrorCode::not_in_dump,
                 fmt::format("the thread that died on processor {} is not known", **number),
                 std::nullopt});
  return {};
}

KernelIdentity Linux::identity(Notes& notes) {
  KernelIdentity identity = linux_kernel::read_identity(evidence_, notes);
  auto cpus = linux_kernel::read_cpus(evidence_, notes);
  if (!cpus) {
    notes.add(cpus.error().within("the thread on which the kernel died"));
    return identity;
  }
  const Crashed crashed = crashed_task(*cpus, notes);
  const auto pid = evidence_.member("task_struct", "pid");
  if (!crashed.task || !pid) return identity;
  if (const auto tid = evidence_.field(*crashed.task, *pid))
    identity.crashed_tid = static_cast<std::int32_t>(static_cast<std::uint32_t>(*tid));
  else
    notes.add(tid.error().within("the thread on which the kernel died"));
  return identity;
}

Result<void> Linux::processes(const std::function<bool(const Process&)>& visit, Notes& notes) {
  PANICROOM_TRY(walk, tasks(notes));
  PANICROOM_TRY(leaders, walk.leaders(notes));
  for (const std::uint64_t leader : leaders)
    if (!visit(walk.read_process(leader, notes))) break;
  return {};
}

Result<void> Linux::threads(const std::function<bool(const Thread&)>& visit, Notes& notes) {
  PANICROOM_TRY(walk, tasks(notes));
  PANICROOM_TRY(leaders, walk.leaders(notes));
  const Crashed crashed = crashed_task(walk.cpus(), notes);
  for (const std::uint64_t leader : leaders) {
    for (const std::uint64_t task : walk.threads_of(leader, notes)) {
      Thread thread = walk.read_thread(task, leader, notes);
      thread.registers = stacks_.registers_of(task, walk.cpu_of(task), notes);
      if (crashed.known) thread.crashed = crashed.task == task;
      if (!visit(thread)) return {};
    }
  }
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
  return std::unique_ptr<Kernel>(std::move(kernel));
}

}  // namespace panicroom
