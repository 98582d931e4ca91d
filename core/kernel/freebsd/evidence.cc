#include "core/kernel/freebsd/evidence.h"

#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/arch/stated_paging.h"
#include "core/kernel/kernel_image.h"
#include "core/kernel/kernel_tables.h"

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

namespace {

/// Tables whose root lies in a variable.
struct LinkedTable {
  std::unique_ptr<PageTable> table;
  bool maps_itself = false;  ///< they map that variable to where it was read
};

/// A kernel that is loaded where it was linked has its variables at their address less kernbase
/// (sys/amd64/amd64/pmap.c, sys/i386/i386/pmap.c): that needs neither notes nor code to compare.
LinkedTable table_where_linked(const Dump& dump, const SymbolTable& symbols) {
  LinkedTable found;
  const auto kernbase = symbols.find("kernbase");
  if (!kernbase) return found;
  PhysicalReader physical(dump.memory, dump.machine.order);
  for (const RootSymbol& root : root_symbols_of(System::freebsd)) {
    const auto symbol = symbols.find(root.name);
    if (!symbol || root.is != RootSymbol::Is::address || symbol->address < kernbase->address)
      continue;
    const std::uint64_t place = symbol->address - kernbase->address;
    const auto value = physical.word(place, dump.machine.pointer_size);
    if (!value || *value == 0 || !dump.memory->locate(*value).present) continue;
    auto table = stated_page_table(*value, root.paging);
    if (!table) continue;
    const auto itself = (*table)->walk(symbol->address, physical, nullptr);
    if (itself && itself->physical == place) return {std::move(*table), true};
    if (!found.table) found.table = std::move(*table);
  }
  return found;
}

}  // namespace

Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes) {
  if (dump.minidump) return minidump_page_table(*dump.minidump, dump.machine);
  if (!kernel.symbols) return nullptr;
  auto linked = table_where_linked(dump, *kernel.symbols);
  // Code that is not in the dump, or not in the file, proves nothing; other code does.
  bool contradicted = false;
  if (const auto image = KernelImage::read(*kernel.file); image && linked.table) {
    PhysicalReader physical(dump.memory, dump.machine.order);
    const ImageMatch match = image->match_virtual(physical, *linked.table);
    contradicted = !match.holds() && !match.unknown();
  }
  if (linked.maps_itself && !contradicted) return std::move(linked.table);
  auto found = find_kernel_tables(dump, kernel, System::freebsd);
  if (found) {
    if (found->remark) notes.add(*found->remark);
    return std::move(found->table);
  }
  if (linked.table && !contradicted) return std::move(linked.table);
  return Failure(found.error());
}

}  // namespace panicroom::freebsd
