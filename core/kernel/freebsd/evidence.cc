#include "core/kernel/freebsd/evidence.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace panicroom::freebsd {
Result<std::uint64_t> address_of(const SymbolTable* symbols, std::string_view name) {
  if (!symbols)
    return fail(
        ErrorCode::no_symbol,
        fmt::format("the symbol {} is needed: give the kernel file (/boot/kernel/kernel) too",
                    name));
  if (const auto symbol = symbols->find(name)) return symbol->address;
  return fail(ErrorCode::no_symbol, fmt::format("{} has no symbol {}", symbols->origin(), name));
}

Result<std::uint64_t> variable(AddressSpace& kernel, const SymbolTable* symbols,
                               std::string_view name, std::uint64_t size) {
  PANICROOM_TRY(address, address_of(symbols, name));
  auto value = kernel.integer(address, size);
  if (!value) return Failure(value.error().within(fmt::format("the kernel variable {}", name)));
  return *value;
}

Result<Registers> read_pcb(AddressSpace& kernel, std::uint64_t address,
                           std::optional<std::uint64_t> osreldate) {
  Registers registers;
  const auto take = [&](std::string_view name, std::uint64_t offset) -> Result<std::uint64_t> {
    PANICROOM_TRY(value, kernel.word(address + offset));
    registers.others.emplace_back(name, value);
    return value;
  };
  switch (kernel.machine().architecture) {
    case Architecture::x86_64: {
      // sys/amd64/include/pcb.h: r15 r14 r13 r12 rbp rsp rbx rip.
      constexpr std::array<std::string_view, 8> names = {"r15", "r14", "r13", "r12",
                                                         "rbp", "rsp", "rbx", "rip"};
      for (std::size_t index = 0; index < names.size(); ++index)
        PANICROOM_CHECK(take(names[index], index * 8));
      registers.fp = registers.find("rbp"), registers.sp = registers.find("rsp"),
      registers.pc = registers.find("rip");
      return registers;
    }
    case Architecture::i386: {
      // sys/i386/include/pcb.h: edi esi ebp esp ebx eip.
      constexpr std::array<std::string_view, 6> names = {"edi", "esi", "ebp", "esp", "ebx", "eip"};
      for (std::size_t index = 0; index < names.size(); ++index)
        PANICROOM_CHECK(take(names[index], index * 4));
      registers.fp = registers.find("ebp"), registers.sp = registers.find("esp"),
      registers.pc = registers.find("eip");
      return registers;
    }
    case Architecture::aarch64: {
      // sys/arm64/include/pcb.h: until 14 x0..x29, lr, reserved, sp; from __FreeBSD_version 1400085
      // on x19..x29, lr, sp.
      if (!osreldate)
        return fail(ErrorCode::unsupported,
                    "the layout of an arm64 struct pcb depends on the kernel variable osreldate, "
                    "which is not known");
      const bool reduced = *osreldate > 1400084;
      const std::uint64_t first = reduced ? 19 : 0;
      for (std::uint64_t number = first; number < 30; ++number)
        PANICROOM_CHECK(take(fmt::format("x{}", number), (number - first) * 8));
      const std::uint64_t lr = (30 - first) * 8;
      PANICROOM_TRY(pc, take("lr", lr));
      PANICROOM_TRY(sp, take("sp", reduced ? lr + 8 : lr + 16));
      registers.pc = pc, registers.sp = sp, registers.fp = registers.find("x29");
      return registers;
    }
    default:
      return fail(ErrorCode::unsupported, fmt::format("the layout of struct pcb on {} is not known",
                                                      name(kernel.machine().architecture)));
  }
}

Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SymbolTable* symbols) {
  if (dump.minidump) return minidump_page_table(*dump.minidump, dump.machine);
  if (!symbols) return nullptr;
  const auto kernbase = symbols->find("kernbase");
  if (!kernbase) return nullptr;
  // A full dump: the variable with the root lies at its link address less kernbase, because the
  // kernel is loaded where it was linked (sys/amd64/amd64/pmap.c, sys/i386/i386/pmap.c).
  PhysicalReader physical(dump.memory, dump.machine.order);
  const auto root_of = [&](const Symbol& symbol, unsigned width) -> Result<std::uint64_t> {
    if (symbol.address < kernbase->address)
      return fail_at_address(ErrorCode::corrupt, symbol.address,
                             fmt::format("{} lies below kernbase", symbol.name));
    auto root = physical.word(symbol.address - kernbase->address, width);
    if (!root)
      return Failure(root.error().within(fmt::format("the page-table root in {}", symbol.name)));
    return *root;
  };
  if (dump.machine.architecture == Architecture::x86_64) {
    const auto symbol = symbols->find("KPML4phys");
    if (!symbol) return nullptr;
    PANICROOM_TRY(root, root_of(*symbol, 8));
    return x86_page_table(X86Mode::four_level, root);
  }
  if (dump.machine.architecture == Architecture::i386) {
    if (const auto pae = symbols->find("IdlePDPT")) {
      PANICROOM_TRY(root, root_of(*pae, 4));
      return x86_page_table(X86Mode::pae, root);
    }
    if (const auto plain = symbols->find("IdlePTD")) {
      PANICROOM_TRY(root, root_of(*plain, 4));
      return x86_page_table(X86Mode::two_level, root);
    }
    return nullptr;
  }
  if (symbols->find("proc_off_p_pid"))
    return fail(
        ErrorCode::unsupported,
        fmt::format(
            "a full dump of FreeBSD on {} cannot be translated: only its minidumps are read",
            name(dump.machine.architecture)));
  return nullptr;
}

}  // namespace panicroom::freebsd
