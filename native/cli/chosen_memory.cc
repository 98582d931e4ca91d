#include "native/cli/chosen_memory.h"

#include <fmt/format.h>

#include <utility>

#include "core/arch/control_registers.h"
#include "core/arch/stated_paging.h"
#include "core/base/printable.h"

namespace panicroom {
namespace {

/// The page tables that a processor used: "cr3" is the first one's, "cr3:N" processor N's.
Result<X86Paging> paging_of_processor(std::string_view text, const Dump& dump) {
  std::uint64_t number = 0;
  if (text != "cr3") {
    const auto parsed = parse_number(text.substr(std::string_view("cr3:").size()));
    if (!parsed)
      return fail(ErrorCode::invalid,
                  fmt::format("\"{}\" is not cr3:NUMBER, the CR3 of a processor", printable(text)));
    number = *parsed;
  }
  for (const CpuState& cpu : dump.cpus) {
    if (cpu.index != number) continue;
    if (const auto paging = x86_paging_of(cpu.registers, dump.machine.architecture)) return *paging;
    break;
  }
  return fail(ErrorCode::invalid,
              fmt::format("the dump does not say which page tables processor {} used: only a note "
                          "of QEMU's about an x86 machine has CR3; state --root and --paging",
                          number));
}

Result<std::unique_ptr<PageTable>> stated_table(const Request& request, const Dump& dump) {
  if (request.root->starts_with("cr3")) {
    PANICROOM_TRY(paging, paging_of_processor(*request.root, dump));
    if (request.paging) return stated_page_table(paging.root, *request.paging);
    return x86_page_table(paging.mode, paging.root);
  }
  const auto root = parse_number(*request.root);
  if (!root)
    return fail(ErrorCode::invalid,
                fmt::format("--root is the physical address of a page table or cr3, not \"{}\"",
                            printable(*request.root)));
  if (!request.paging)
    return fail(ErrorCode::invalid,
                "how the tables at --root are built must be said too: --paging four-level, for "
                "example");
  return stated_page_table(*root, *request.paging);
}

}  // namespace

Result<std::shared_ptr<AddressSpace>> chosen_memory(const Request& request, Session& session) {
  if (!request.root) {
    PANICROOM_TRY(space, session.memory(request.pid));
    return std::shared_ptr<AddressSpace>(std::shared_ptr<void>(), space);
  }
  const Dump& dump = session.dump();
  PANICROOM_TRY(table, stated_table(request, dump));
  return std::make_shared<AddressSpace>(dump.memory, dump.machine, std::move(table));
}

}  // namespace panicroom
