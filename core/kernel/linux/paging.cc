#include "core/kernel/linux/paging.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "core/arch/control_registers.h"
#include "core/arch/two_halves.h"
#include "core/base/arithmetic.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t x86_64_image_base = 0xffffffff80000000;       // __START_KERNEL_map
constexpr std::uint64_t x86_64_image_size = std::uint64_t{1} << 30U;  // KERNEL_IMAGE_SIZE, KASLR
constexpr std::uint64_t image_alignment = std::uint64_t{1} << 21U;    // CONFIG_PHYSICAL_ALIGN

// A dump may claim any amount of memory: searches end here.
constexpr std::uint64_t most_searched_memory = std::uint64_t{1} << 41U;
constexpr std::uint64_t most_search_cost = 1U << 24U;  // plain 4 KiB; compressed ones cost 64
constexpr std::size_t most_candidates = 16;            // VMCOREINFOs that differ

std::unique_ptr<PageTable> table_at(const Paging& paging, std::uint64_t root, bool upper_half) {
  if (paging.architecture != Architecture::aarch64)
    return x86_page_table(paging.mode, root, paging.encryption_mask);
  Aarch64Regime regime = paging.regime;
  regime.root = root;
  regime.upper_half = upper_half;
  return aarch64_page_table(regime);
}

/// The page tables prove themselves: they map their own top-level table at its run-time address.
bool maps_itself(const Paging& paging, std::uint64_t root_address, PhysicalReader& reader) {
  const auto walked = paging.kernel_table()->walk(root_address, reader, nullptr);
  return walked && walked->physical == paging.root;
}

Failure no_candidate(std::uint64_t root_address, const Dump& dump) {
  if (!dump.complete)
    return fail_at_address(ErrorCode::not_in_dump, root_address,
                           "the kernel's page tables are not in this incomplete dump");
  return fail_at_address(ErrorCode::corrupt, root_address,
                         "no physical address makes swapper_pg_dir a page table that maps itself");
}

std::optional<std::uint64_t> x86_64_root(Paging& paging, std::uint64_t root_address,
                                         const Vmcoreinfo& info, const Dump& dump,
                                         PhysicalReader& reader) {
  if (root_address < x86_64_image_base) return std::nullopt;
  const std::uint64_t offset = root_address - x86_64_image_base;
  const auto fits = [&](std::uint64_t phys_base) {
    paging.root = offset + phys_base;
    return paging.root < dump.memory->end() && maps_itself(paging, root_address, reader);
  };
  // VMCOREINFO's value comes first: QEMU writes a wrong one into the kdump sub header.
  if (const auto base = info.number("phys_base"); base && fits(static_cast<std::uint64_t>(*base)))
    return paging.root;
  if (dump.phys_base && fits(static_cast<std::uint64_t>(*dump.phys_base))) return paging.root;
  if (fits(0)) return paging.root;
  const std::uint64_t within = root_address % image_alignment;
  bool found = false;
  dump.memory->ranges([&](const PhysicalRange& range) {
    if (range.start >= most_searched_memory) return false;
    if (!range.present) return true;
    std::uint64_t at = round_down(range.start, image_alignment) + within;
    if (at < range.start) at += image_alignment;
    for (; at < range.end && !found; at += image_alignment) found = fits(at - offset);
    return !found;
  });
  return found ? std::optional(paging.root) : std::nullopt;
}

Result<Paging> x86_paging(const Vmcoreinfo& info, const Dump& dump, std::uint64_t root_address,
                          PhysicalReader& reader) {
  Paging paging;
  paging.architecture = dump.machine.architecture;
  paging.found_by = "VMCOREINFO";
  if (const auto mask = info.number("sme_mask"))
    paging.encryption_mask = static_cast<std::uint64_t>(*mask);
  if (dump.machine.architecture == Architecture::x86_64) {
    paging.mode =
        info.number("pgtable_l5_enabled") == 1 ? X86Mode::five_level : X86Mode::four_level;
    if (x86_64_root(paging, root_address, info, dump, reader)) return paging;
    return no_candidate(root_address, dump);
  }
  paging.mode = info.value("CONFIG_X86_PAE") == "y" ? X86Mode::pae : X86Mode::two_level;
  // CONFIG_PAGE_OFFSET's choices (arch/x86/Kconfig).
  for (const std::uint64_t page_offset :
       {0xc0000000U, 0xb0000000U, 0x80000000U, 0x78000000U, 0x40000000U}) {
    if (root_address < page_offset) continue;
    paging.root = root_address - page_offset;
    if (maps_itself(paging, root_address, reader)) return paging;
  }
  return no_candidate(root_address, dump);
}

Result<Paging> aarch64_paging(const Vmcoreinfo& info, const Dump& dump, std::uint64_t root_address,
                              PhysicalReader& reader) {
  Paging paging;
  paging.architecture = Architecture::aarch64;
  paging.found_by = "VMCOREINFO";
  const auto offset = info.number("kimage_voffset");
  if (!offset) return fail(ErrorCode::no_symbol, "VMCOREINFO lacks NUMBER(kimage_voffset)");
  paging.root = root_address - static_cast<std::uint64_t>(*offset);

  std::uint64_t page_size = dump.machine.page_size;
  if (const auto text = info.number("PAGESIZE"); text && *text > 0)
    page_size = static_cast<std::uint64_t>(*text);
  const std::array<std::pair<std::uint64_t, unsigned>, 3> granules = {
      {{4096, 12}, {16384, 14}, {65536, 16}}};
  for (const auto& [size, shift] : granules)
    if (size == page_size) paging.regime.granule_shift = shift;

  // A kernel built for 52 bits falls back to 48 on older processors; its tables then begin lower
  // with small pages but not with 64 KiB ones. TCR_EL1 says what the processor was told.
  std::vector<unsigned> widths;
  if (const auto t1sz = info.number("TCR_EL1_T1SZ"); t1sz && *t1sz >= 12 && *t1sz <= 39)
    widths.push_back(static_cast<unsigned>(64 - *t1sz));
  if (const auto bits = info.number("VA_BITS"); bits && *bits >= 25 && *bits <= 52)
    widths.push_back(static_cast<unsigned>(*bits));
  widths.insert(widths.end(), {48, 39, 47, 42, 36, 52});
  for (const unsigned width : widths) {
    paging.regime.va_bits = width;
    for (const bool large : {width == 52, width != 52}) {
      paging.regime.large_pa = large;
      if (maps_itself(paging, root_address, reader)) return paging;
    }
  }
  return no_candidate(root_address, dump);
}

}  // namespace

std::unique_ptr<PageTable> Paging::kernel_table() const { return table_at(*this, root, true); }

std::unique_ptr<PageTable> Paging::process_table(std::uint64_t process_root) const {
  // On x86 a process's table has the kernel's half too.
  if (architecture != Architecture::aarch64) return table_at(*this, process_root, true);
  return two_halves(table_at(*this, process_root, false), kernel_table());
}

Result<Paging> paging_from_vmcoreinfo(const Vmcoreinfo& info, const Dump& dump) {
  auto root = info.symbol("swapper_pg_dir");
  if (!root) root = info.symbol("init_top_pgt");
  if (!root) root = info.symbol("init_level4_pgt");
  if (!root) return fail(ErrorCode::no_symbol, "VMCOREINFO lacks SYMBOL(swapper_pg_dir)");
  PhysicalReader reader(dump.memory, dump.machine.order);
  switch (dump.machine.architecture) {
    case Architecture::x86_64:
    case Architecture::i386:
      return x86_paging(info, dump, *root, reader);
    case Architecture::aarch64:
      return aarch64_paging(info, dump, *root, reader);
    default:
      return fail(ErrorCode::unsupported, fmt::format("Linux page tables of {} are not known here",
                                                      name(dump.machine.architecture)));
  }
}

Result<Paging> paging_from_registers(const Dump& dump) {
  PhysicalReader reader(dump.memory, dump.machine.order);
  bool tried = false;
  for (const CpuState& cpu : dump.cpus) {
    const auto stated = x86_paging_of(cpu.registers, dump.machine.architecture);
    const auto idt = cpu.registers.find("idt_base");
    if (!stated || !idt) continue;
    tried = true;
    Paging paging;
    paging.architecture = dump.machine.architecture;
    paging.found_by = "the control registers";
    paging.mode = stated->mode;
    paging.root = stated->root;
    // With page-table isolation the user's table is the odd page beside the kernel's.
    constexpr std::uint64_t odd_page = 0x1000;
    if (paging.architecture == Architecture::x86_64) paging.root &= ~odd_page;
    if (paging.kernel_table()->walk(*idt, reader, nullptr)) return paging;
    // Without page-table isolation tables may lie on odd pages.
    if (paging.root == stated->root) continue;
    paging.root = stated->root;
    if (paging.kernel_table()->walk(*idt, reader, nullptr)) return paging;
  }
  if (!tried)
    return fail(ErrorCode::unsupported,
                "no processor state with control registers (QEMU's note) is in the dump");
  return fail(ErrorCode::corrupt,
              "the control registers in QEMU's notes lead to no page tables that map the "
              "interrupt table");
}

Result<AddressRange> image_range(AddressSpace& kernel, std::optional<std::uint64_t> stext) {
  AddressRange found;
  if (kernel.machine().architecture == Architecture::x86_64) {
    // Linux unmaps what lies before and behind the image in its window, but freed init memory may
    // leave gaps within: first to last mapped part it is.
    for (std::uint64_t at = 0; at < x86_64_image_size; at += image_alignment) {
      bool mapped = false;
      for (std::uint64_t part = 0; part < image_alignment && !mapped; part += 1U << 18U)
        mapped = kernel.translate(x86_64_image_base + at + part).has_value();
      if (!mapped) continue;
      if (found.end == 0) found.start = x86_64_image_base + at;
      found.end = x86_64_image_base + at + image_alignment;
    }
    if (found.end == 0)
      return fail_at_address(ErrorCode::unmapped, x86_64_image_base,
                             "the page tables map no kernel image");
    return found;
  }
  if (!stext) return fail(ErrorCode::no_symbol, "where the kernel's image begins is not known");
  constexpr std::uint64_t step = 1U << 16U, most = 1U << 28U, widest_gap = 1U << 23U;
  found.start = found.end = *stext & ~(step - 1);
  for (std::uint64_t at = 0; at < most && at < UINT64_MAX - found.start; at += step) {
    if (kernel.translate(found.start + at))
      found.end = found.start + at + step;
    else if (found.start + at - found.end > widest_gap)
      break;
  }
  if (found.end == found.start)
    return fail_at_address(ErrorCode::unmapped, *stext, "the page tables do not map _stext");
  return found;
}

std::optional<Vmcoreinfo> search_vmcoreinfo(const Dump& dump,
                                            const std::function<bool(const Vmcoreinfo&)>& accept) {
  constexpr std::string_view beginning = "OSRELEASE=";
  constexpr std::size_t most = 65536;  // VMCOREINFO_BYTES is one page
  const std::uint64_t page_size = std::max<std::uint64_t>(dump.machine.page_size, 4096);
  PhysicalReader reader(dump.memory, dump.machine.order);
  std::optional<Vmcoreinfo> found;
  std::vector<std::string> tried;  // a page of the dump may be there many times
  std::uint64_t budget = most_search_cost;
  dump.memory->ranges([&](const PhysicalRange& range) {
    if (!range.present) return true;
    const auto first = round_up(range.start, page_size);
    if (!first) return false;
    for (std::uint64_t page = *first; page < range.end && page >= *first; page += page_size) {
      const PageLocation location = dump.memory->locate(page);
      const std::uint64_t cost = page_size / 4096 * (location.codec == Codec::none ? 1 : 64);
      if (budget < cost) return false;
      budget -= cost;
      const auto bytes = reader.bytes(page);
      if (!bytes) continue;
      const std::string_view start(reinterpret_cast<const char*>(bytes->data()),
                                   std::min(bytes->size(), most));
      if (!start.starts_with(beginning)) continue;
      const std::string_view text = start.substr(0, start.find('\0'));
      // Any page may begin like this: only what names the page tables is parsed.
      if (text.find("SYMBOL(swapper_pg_dir)=") == std::string_view::npos &&
          text.find("SYMBOL(init_top_pgt)=") == std::string_view::npos)
        continue;
      if (std::find(tried.begin(), tried.end(), text) != tried.end()) continue;
      if (tried.size() == most_candidates) return false;
      tried.emplace_back(text);
      Vmcoreinfo candidate{tried.back()};
      if (!accept(candidate)) continue;
      found = std::move(candidate);
      return false;
    }
    return true;
  });
  return found;
}

}  // namespace panicroom::linux_kernel
