#include "core/kernel/kernel_tables.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/arch/control_registers.h"
#include "core/arch/stated_paging.h"
#include "core/base/printable.h"
#include "core/kernel/kernel_image.h"
#include "core/memory/address_space.h"
#include "core/memory/scan.h"

namespace panicroom {
namespace {

// Of a hostile dump: processors' tables, places of the image, words of a variable.
constexpr std::size_t most_roots = 256, most_shifts = 4096, most_places = 8;
constexpr std::uint64_t most_words = 1024;
// Pages that are looked at, compressed ones cost 64: 64 GiB of plain memory.
constexpr std::uint64_t most_search_cost = 1U << 24U;
constexpr std::uint64_t small_page = 4096;
constexpr std::size_t step = 4096;  // an image lies at any small page

/// A form of page tables: where the entry of an address lies in the first of them.
struct Form {
  Architecture architecture;
  std::string_view paging;
  unsigned shift, bits, width;

  std::uint64_t place_of(std::uint64_t address) const {
    return (address >> shift & ((std::uint64_t{1} << bits) - 1)) * width;
  }
};
constexpr std::array<Form, 10> forms = {{{Architecture::x86_64, "four-level", 39, 9, 8},
                                         {Architecture::x86_64, "five-level", 48, 9, 8},
                                         {Architecture::i386, "pae", 30, 2, 8},
                                         {Architecture::i386, "two-level", 22, 10, 4},
                                         {Architecture::aarch64, "4k:48", 39, 9, 8},
                                         {Architecture::aarch64, "4k:39", 30, 9, 8},
                                         {Architecture::aarch64, "16k:48", 47, 1, 8},
                                         {Architecture::aarch64, "16k:47", 36, 11, 8},
                                         {Architecture::aarch64, "64k:48", 42, 6, 8},
                                         {Architecture::aarch64, "64k:42", 29, 13, 8}}};

std::string_view paging_name(X86Mode mode) {
  switch (mode) {
    case X86Mode::two_level:
      return "two-level";
    case X86Mode::pae:
      return "pae";
    case X86Mode::five_level:
      return "five-level";
    default:
      return "four-level";
  }
}

class Search {
 public:
  Search(const Dump& dump, const KernelImage& image, const SymbolTable& symbols,
         std::span<const RootSymbol> roots)
      : dump_(dump),
        image_(image),
        symbols_(symbols),
        roots_(roots),
        reader_(dump.memory, dump.machine.order) {}

  Result<KernelTables> run(std::string_view file) {
    if (auto found = by_registers()) return std::move(*found);
    if (auto found = by_image()) return std::move(*found);
    if (auto found = by_search()) return std::move(*found);
    const std::string processors =
        registers_tried_.empty()
            ? "the dump does not say which page tables the processors used"
            : fmt::format("of the {} page tables that the processors used none maps the code of {}",
                          registers_tried_.size(), file);
    if (places_.empty())
      return fail(ErrorCode::not_in_dump,
                  fmt::format("the page tables of this kernel were not found: {}, and {}its code "
                              "is nowhere in physical memory: is {} the kernel that ran?",
                              processors, exhausted_ ? "where it was looked for " : "", file));
    return fail_at_address(
        ErrorCode::corrupt, *image_.linked_at(image_.samples()[0].address) + places_[0],
        fmt::format("the page tables of this kernel were not found: {}; its code is in memory, but "
                    "no table there maps it",
                    processors));
  }

 private:
  /// The tables at a root, when they map the kernel's code to it.
  std::optional<KernelTables> proved(std::uint64_t root, std::string_view paging) {
    if (root == 0 || !dump_.memory->locate(root & ~(small_page - 1)).present) return std::nullopt;
    auto table = stated_page_table(root, paging);
    if (!table || !image_.match_virtual(reader_, **table).holds()) return std::nullopt;
    return KernelTables{std::move(*table), root, paging, std::nullopt};
  }

  /// What the root variables say, read wherever `read` finds a word of the kernel.
  template <class Place>
  std::optional<KernelTables> by_variables(const Place& place) {
    const std::uint64_t width = dump_.machine.pointer_size;
    for (const RootSymbol& root : roots_) {
      const auto symbol = symbols_.find(root.name);
      if (!symbol) continue;
      if (root.is == RootSymbol::Is::table) {
        const auto physical = place(symbol->address);
        if (!physical) continue;
        if (auto found = proved(*physical, root.paging)) return found;
        continue;
      }
      const bool anywhere = root.is == RootSymbol::Is::somewhere;
      const std::uint64_t words =
          anywhere ? std::clamp<std::uint64_t>(symbol->size / width, 1, most_words) : 1;
      for (std::uint64_t i = 0; i < words; ++i) {
        const auto physical = place(symbol->address + i * width);
        if (!physical) break;
        const auto value = reader_.word(*physical, static_cast<unsigned>(width));
        if (!value || (anywhere && *value % small_page != 0)) continue;
        if (auto found = proved(*value, root.paging)) return found;
      }
    }
    return std::nullopt;
  }

  std::optional<KernelTables> by_registers() {
    for (const CpuState& cpu : dump_.cpus) {
      const auto stated = x86_paging_of(cpu.registers, dump_.machine.architecture);
      if (!stated || registers_tried_.size() == most_roots) continue;
      if (!registers_tried_.insert(stated->root).second) continue;
      auto found = proved(stated->root, paging_name(stated->mode));
      // A processor that was in a user's code may have used tables without the kernel; some keep
      // the others beside them.
      if (!found) found = proved(stated->root ^ small_page, paging_name(stated->mode));
      if (!found) continue;
      // It may be a process's: the kernel's own has no user half.
      const PageTable& table = *found->table;
      auto own = by_variables([&](std::uint64_t address) -> std::optional<std::uint64_t> {
        const auto walked = table.walk(address, reader_, nullptr);
        return walked ? std::optional(walked->physical) : std::nullopt;
      });
      return own ? std::move(own) : std::move(found);
    }
    return std::nullopt;
  }

  /// Whether the image lies `shift` above where it was linked; remembers that it does.
  bool lies_at(std::uint64_t shift) {
    if (shifts_.size() == most_shifts || !shifts_.insert(shift).second) return false;
    if (!image_.match_physical(reader_, shift).holds()) return false;
    if (places_.size() < most_places) places_.push_back(shift);
    return true;
  }

  std::optional<KernelTables> by_variables_at(std::uint64_t shift) {
    return by_variables([&](std::uint64_t address) -> std::optional<std::uint64_t> {
      const auto linked = image_.linked_at(address);
      return linked ? std::optional(*linked + shift) : std::nullopt;
    });
  }

  /// False when no more is to be looked at.
  bool within_budget(std::uint64_t address, std::size_t size) {
    const std::uint64_t cost =
        size / step * (dump_.memory->locate(address).codec == Codec::none ? 1 : 64);
    if (budget_ < cost) exhausted_ = true;
    budget_ -= std::min(budget_, cost);
    return !exhausted_;
  }

  /// By the root variables of the image, wherever it lies. Copies of it lie about too: what a boot
  /// loader read, a file's cached pages.
  std::optional<KernelTables> by_image() {
    if (lies_at(0))
      if (auto found = by_variables_at(0)) return found;
    constexpr std::size_t most_compared = 16;
    const auto samples = image_.samples();
    const std::size_t stride = samples.size() / most_compared + 1;
    std::optional<KernelTables> found;
    budget_ = most_search_cost;
    scan_pages(
        *dump_.memory, 1, run_in_turn,
        [&](unsigned, std::uint64_t address, Bytes page) {
          if (!within_budget(address, page.size())) return false;
          for (std::size_t at = 0; at + step <= page.size() && !found; at += step)
            for (std::size_t i = 0; i < samples.size() && !found; i += stride) {
              const KernelImage::Sample& sample = samples[i];
              const auto within = static_cast<std::size_t>(sample.address % step);
              if (std::memcmp(page.data() + at + within, sample.bytes.data(),
                              KernelImage::sample_size) != 0)
                continue;
              const std::uint64_t shift = address + at + within - *image_.linked_at(sample.address);
              if (lies_at(shift)) found = by_variables_at(shift);
            }
          return !found;
        },
        SharedPages::skip_when_read);
    return found;
  }

  /// Any page that is a first table which maps the image where it lies; of several the one with the
  /// least in its lower half, which is the user's.
  std::optional<KernelTables> by_search() {
    if (places_.empty()) return std::nullopt;
    const KernelImage::Sample& sample = image_.samples()[0];
    std::optional<KernelTables> best;
    std::size_t least = SIZE_MAX;
    budget_ = most_search_cost;
    exhausted_ = false;
    scan_pages(*dump_.memory, 1, run_in_turn, [&](unsigned, std::uint64_t address, Bytes page) {
      if (!within_budget(address, page.size())) return false;
      for (std::size_t at = 0; at + step <= page.size(); at += step)
        for (const Form& form : forms) {
          if (form.architecture != dump_.machine.architecture) continue;
          const auto place = static_cast<std::size_t>(form.place_of(sample.address));
          if (place + form.width > page.size() - at ||
              (std::to_integer<unsigned>(page[at + place]) & 1U) == 0)
            continue;
          const std::size_t used = used_below(page.subspan(at), place, form.width);
          if (used >= least || !maps_image(address + at, form.paging)) continue;
          if (auto found = proved(address + at, form.paging)) {
            best = std::move(found);
            least = used;
          }
        }
      return least != 0;
    });
    if (best)
      best->remark = Note{ErrorCode::no_symbol,
                          "the kernel's page tables were found by searching memory for tables that "
                          "map its code: neither a processor's registers nor a symbol led to them",
                          best->root};
    return best;
  }

  /// Entries before the kernel's that map something.
  static std::size_t used_below(Bytes table, std::size_t place, unsigned width) {
    std::size_t used = 0;
    for (std::size_t at = 0; at < place; at += width)
      used += std::to_integer<unsigned>(table[at]) & 1U;
    return used;
  }

  bool maps_image(std::uint64_t root, std::string_view paging) {
    const KernelImage::Sample& sample = image_.samples()[0];
    const auto table = stated_page_table(root, paging);
    if (!table) return false;
    const auto walked = (*table)->walk(sample.address, reader_, nullptr);
    return walked && std::any_of(places_.begin(), places_.end(), [&](std::uint64_t shift) {
             return walked->physical == *image_.linked_at(sample.address) + shift;
           });
  }

  const Dump& dump_;
  const KernelImage& image_;
  const SymbolTable& symbols_;
  std::span<const RootSymbol> roots_;
  PhysicalReader reader_;
  std::set<std::uint64_t> registers_tried_;
  std::set<std::uint64_t> shifts_;
  std::vector<std::uint64_t> places_;  ///< shifts at which the image lies
  std::uint64_t budget_ = 0;
  bool exhausted_ = false;
};

}  // namespace

Result<KernelTables> find_kernel_tables(const Dump& dump, const SystemKernel& kernel,
                                        System system) {
  const std::string file = printable(kernel.file->name());
  PANICROOM_TRY(image, KernelImage::read(*kernel.file));
  if (image.samples().empty())
    return fail(ErrorCode::unsupported,
                fmt::format("{} has no code by which the kernel could be found in memory", file));
  return Search(dump, image, *kernel.symbols, root_symbols_of(system)).run(file);
}

}  // namespace panicroom
