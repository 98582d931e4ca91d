#include "core/kernel/illumos/page_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>
#include <utility>
#include <vector>

#include "core/base/printable.h"
#include "core/kernel/system_of.h"
#include "core/symbols/elf_symbols.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t physical_address_extension = 0x20;  // CR4.PAE
constexpr std::uint64_t most_entries = 1U << 20;            // of the map, that are looked at

constexpr std::array<std::string_view, 22> dispatcher = {
    "_resume_from_idle", "cv_block",           "cv_wait_stop",       "idle",           "kpreempt",
    "lwp_block",         "mutex_enter",        "mutex_vector_enter", "preempt",        "resume",
    "resume_from_intr",  "resume_from_zombie", "rw_enter",           "rw_enter_sleep", "sema_p",
    "sema_p_sig",        "shuttle_resume",     "shuttle_swtch",      "swtch",          "swtch_to",
    "swtch_unsafe",      "turnstile_block"};

/// The struct as of the kernel where no symbol names it: the one that shows the highest addresses.
std::optional<std::uint64_t> kernel_space(const IllumosMap& map) {
  std::uint64_t highest = 0, seen = 0;
  std::optional<std::uint64_t> space;
  const auto walked = map.each([&](const IllumosMapping& mapping) {
    if (!space || mapping.virtual_page > highest)
      space = mapping.as, highest = mapping.virtual_page;
    return ++seen < most_entries;
  });
  return walked || space ? space : std::nullopt;
}

/// Whether the kernel's own list of processes can be read by `table`.
bool shows_kernel(const Dump& dump, const SymbolTable& symbols,
                  const std::shared_ptr<const PageTable>& table) {
  AddressSpace memory(dump.memory, dump.machine, table);
  const auto list = symbols.find("practive"), first = symbols.find("p0");
  if (!list || !first) return false;
  const auto head = memory.word(list->address);
  return head && *head != 0 && memory.word(*head).has_value() &&
         memory.word(first->address).has_value();
}

}  // namespace

std::shared_ptr<const SymbolTable> symbols_of(const KernelInputs& inputs, Notes& notes) {
  const auto& dump = inputs.dump->illumos;
  if (dump && dump->ksyms) {
    auto own = read_kernel_file(dump->ksyms);
    if (own) {
      if (own->remark) notes.add(*own->remark);
      symbols_of_kernel(inputs, System::illumos, notes);  // says whose another system's file is
      return own->symbols;
    }
    notes.add(own.error().within("the symbols in the dump (ksyms)"));
  }
  return symbols_of_kernel(inputs, System::illumos, notes);
}

Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SymbolTable* symbols) {
  const auto kas = symbols ? symbols->find("kas") : std::nullopt;
  if (dump.illumos) {
    auto space = kas ? std::optional(kas->address) : kernel_space(*dump.illumos->map);
    if (!space)
      return fail(ErrorCode::not_in_dump,
                  "the dump's translation map has no entry: no address can be read");
    return illumos_page_table(*dump.illumos, *space);
  }
  if (!kas || !symbols->find("practive")) return nullptr;
  bool had_root = false;
  for (const CpuState& cpu : dump.cpus) {
    const auto root = cpu.registers.find("cr3");
    if (!root) continue;
    had_root = true;
    X86Mode mode = X86Mode::four_level;
    if (dump.machine.architecture == Architecture::i386) {
      const auto control = cpu.registers.find("cr4");
      mode = control && (*control & physical_address_extension) == 0 ? X86Mode::two_level
                                                                     : X86Mode::pae;
    } else if (dump.machine.architecture != Architecture::x86_64) {
      break;
    }
    // In user mode a processor may use tables without the kernel (KPTI).
    if (shows_kernel(dump, *symbols, std::shared_ptr<const PageTable>(x86_page_table(mode, *root))))
      return x86_page_table(mode, *root);
  }
  return fail(ErrorCode::unsupported,
              had_root ? fmt::format("{} is an illumos kernel, but by no processor's page tables "
                                     "its list of processes can be read: it is another kernel, or "
                                     "its pages are missing",
                                     symbols->origin())
                       : std::string("an illumos kernel's memory can be read by its dump's "
                                     "translation map or by a processor's CR3: this dump has "
                                     "neither"));
}

Result<std::unique_ptr<AddressSpace>> process_memory(Evidence& evidence, const Process& process) {
  const Dump& dump = evidence.dump();
  const Field space("proc", "p_as"), flags("proc", "p_flag");
  constexpr std::uint64_t system_process = 1;  // SSYS
  if (const auto bits = flags.read(evidence, process.address);
      bits && (*bits & system_process) != 0)
    return fail_at_address(ErrorCode::unmapped, process.address,
                           "this process has no memory of its own: it runs in the kernel alone");
  if (dump.illumos) {
    PANICROOM_TRY(as, space.read(evidence, process.address));
    if (as == 0)
      return fail_at_address(ErrorCode::unmapped, process.address,
                             "this process has no memory: it has exited");
    if (dump.illumos->content == IllumosContent::kernel)
      return fail(ErrorCode::not_in_dump,
                  "the dump holds the kernel's pages alone (dumpadm -c kernel), no process's");
    return std::make_unique<AddressSpace>(
        dump.memory, dump.machine,
        std::shared_ptr<const PageTable>(illumos_page_table(*dump.illumos, as)));
  }
  if (dump.machine.architecture != Architecture::x86_64)
    return fail(ErrorCode::unsupported,
                fmt::format("the page tables of a process are not read on {}",
                            name(dump.machine.architecture)));
  if (!process.page_table_root || *process.page_table_root == 0)
    return fail_at_address(ErrorCode::no_type, process.address,
                           "the page tables of this process are not known: it has exited, or the "
                           "types of struct hat and htable are missing");
  return std::make_unique<AddressSpace>(dump.memory, dump.machine,
                                        std::shared_ptr<const PageTable>(x86_page_table(
                                            X86Mode::four_level, *process.page_table_root)));
}

bool is_of_dispatcher(std::string_view function) {
  return std::binary_search(dispatcher.begin(), dispatcher.end(), function) ||
         function.starts_with("cv_wait") || function.starts_with("cv_timedwait") ||
         function.starts_with("cv_reltimedwait");
}

}  // namespace panicroom::illumos
