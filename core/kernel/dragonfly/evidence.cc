#include "core/kernel/dragonfly/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <utility>
#include <vector>

#include "core/kernel/dragonfly/release_layouts.h"
#include "core/kernel/kernel_tables.h"
#include "core/kernel/system_of.h"

namespace panicroom::dragonfly {
namespace {

// struct pcb, sys/platform/pc64/include/pcb.h: the same since 4.8.
constexpr std::uint64_t cr3_in_pcb = 64;
// Where a kernel is loaded (kernphys) and how much of it is searched for its name.
constexpr std::uint64_t first_of_kernel = 0x200000, most_searched = std::uint64_t{32} << 20U;
constexpr std::uint64_t largest_ring_searched = std::uint64_t{4} << 20U;

bool holds(Bytes bytes, std::string_view words) {
  const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
  return text.find(words) != std::string_view::npos;
}

/// The kernel's banner, "Copyright ... The DragonFly Project", is its first message.
bool in_message_buffer(const Dump& dump) {
  if (!dump.message_buffer || !dump.minidump) return false;
  const auto& [offset, size] = *dump.message_buffer;
  const auto ring = read_bytes(*dump.minidump->file, offset, std::min(size, largest_ring_searched),
                               largest_ring_searched);
  return ring && (holds(*ring, "The DragonFly Project") || holds(*ring, "DragonFly v"));
}

/// The variable `version` begins "DragonFly v5.0.0-RELEASE".
bool in_kernel(const Dump& dump) {
  constexpr std::string_view words = "DragonFly v";
  constexpr std::size_t piece = 65536;
  PhysicalReader physical(dump.memory, dump.machine.order);
  std::vector<std::byte> bytes(piece + words.size());
  for (std::uint64_t at = first_of_kernel; at < first_of_kernel + most_searched; at += piece) {
    const std::size_t length = physical.read_some(at, bytes);
    if (holds(Bytes(bytes).first(length), words)) return true;
  }
  return false;
}

}  // namespace

Evidence::Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                   std::unique_ptr<PageTable> table)
    : KernelEvidence(inputs, std::move(symbols), std::move(table), "/boot/kernel/kernel") {}

template <class Lookup>
Evidence::Fit Evidence::fit(const Lookup& member) {
  const auto value = [&](std::uint64_t object, std::string_view structure,
                         std::string_view path) -> std::optional<std::uint64_t> {
    const auto found = member(structure, path);
    if (!found) return std::nullopt;
    const auto read = field(object, *found);
    return read ? std::optional(*read) : std::nullopt;
  };
  bool proved = false;
  const auto zero = address_of("proc0");
  if (const auto name = zero ? member("proc", "p_comm") : std::nullopt) {
    const auto text = memory().string(*zero + name->offset, 16);
    if (text && *text != "swapper") return Fit::contradicted;
    proved = text.has_value();
  }
  const auto init = pointer("initproc");
  if (init && *init != 0) {
    const auto pid = value(*init, "proc", "p_pid");
    const auto parent = value(*init, "proc", "p_pptr");
    if (!member("proc", "p_pid") || (pid && *pid != 1)) return Fit::contradicted;
    if (zero && parent && *parent != *zero) return Fit::contradicted;
    proved = proved || (pid && parent);
  }
  return proved ? Fit::proved : Fit::unknown;
}

std::string Evidence::why_not_its_types(const TypeCatalog& types) {
  if (!types.member("struct proc", "p_lwp_tree"))
    return fmt::format("{} does not know struct proc as DragonFly has it", types.origin());
  const auto member = [&](std::string_view structure,
                          std::string_view path) -> std::optional<Member> {
    const auto found = types.member(structure, path);
    return found ? std::optional(*found) : std::nullopt;
  };
  if (fit(member) == Fit::contradicted)
    return fmt::format("by {} processes 0 and 1 are not what they must be: it is another kernel's",
                       types.origin());
  return "";
}

KernelEvidence::BuiltIn Evidence::find_built_in() {
  const auto version = variable("osreldate", 4);
  if (!version) return {nullptr, "the kernel's version (osreldate) is not known", ""};
  const ReleaseLayout* found = nearest_layout(*version);
  if (!found)
    return {nullptr, fmt::format("no layout of DragonFly version {} is built in", *version), ""};
  const auto member = [&](std::string_view structure, std::string_view path) {
    return found->member(structure, path);
  };
  // The configuration changes structures too: nothing is believed that nothing confirms.
  if (fit(member) != Fit::proved)
    return {nullptr,
            fmt::format("the layout of {} that is built in is not its (version {}): processes 0 "
                        "and 1 are not found by it",
                        found->name, *version),
            ""};
  const bool its_own = *version <= found->last;
  return {found, "", its_own ? "" : fmt::format("DragonFly version {}", *version)};
}

Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes) {
  if (dump.minidump) return minidump_page_table(*dump.minidump, dump.machine);
  if (!kernel.symbols) return nullptr;
  // A kernel that is loaded where it was linked has its variables at their address less kernbase
  // (sys/platform/pc64/x86_64/pmap.c). KPML4phys is the kernel's own root, dumppcb has that of the
  // thread that died, which maps the kernel too.
  const auto kernbase = kernel.symbols->find("kernbase");
  PhysicalReader physical(dump.memory, dump.machine.order);
  std::unique_ptr<PageTable> unproved;
  for (const auto& [name, offset] :
       {std::pair<std::string_view, std::uint64_t>{"KPML4phys", 0}, {"dumppcb", cr3_in_pcb}}) {
    const auto symbol = kernel.symbols->find(name);
    if (!kernbase || !symbol || symbol->address < kernbase->address) continue;
    const std::uint64_t place = symbol->address - kernbase->address;
    const auto root = physical.word(place + offset, 8);
    if (!root || *root == 0) continue;
    auto table = x86_page_table(X86Mode::four_level, *root);
    const auto itself = table->walk(symbol->address, physical, nullptr);
    if (itself && itself->physical == place) return table;
    if (!unproved) unproved = std::move(table);
  }
  auto found = find_kernel_tables(dump, kernel, System::dragonfly);
  if (found) {
    if (found->remark) notes.add(*found->remark);
    return std::move(found->table);
  }
  if (unproved) return unproved;
  return Failure(found.error());
}

bool shows_itself(const KernelInputs& inputs) {
  const Dump& dump = *inputs.dump;
  if (!dump.minidump) return false;
  if (dump.minidump->of_dragonfly) return true;
  if (dump.minidump->version != 1 || dump.machine.architecture != Architecture::x86_64)
    return false;
  Notes refusals;
  if (symbols_of_kernel(inputs, System::freebsd, refusals)) return false;
  return in_message_buffer(dump) || in_kernel(dump);
}

}  // namespace panicroom::dragonfly
