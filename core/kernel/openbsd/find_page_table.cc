#include "core/kernel/openbsd/find_page_table.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <vector>

#include "core/base/printable.h"
#include "core/kernel/kernel_image.h"
#include "core/kernel/kernel_tables.h"
#include "core/memory/address_space.h"

namespace panicroom::openbsd {
namespace {

// KERNBASE, sys/arch/{amd64,i386}/include/param.h: the kernel lies at this distance from the memory
// that it was loaded to.
constexpr std::uint64_t amd64_base = 0xffffffff80000000, i386_base = 0xd0000000;
// sys/arch/arm64/arm64/locore.S: an arm64 kernel finds itself by such steps; VIRT_BITS is 39.
constexpr std::uint64_t load_step = std::uint64_t{2} << 20;
constexpr unsigned arm64_bits = 39;
constexpr std::uint64_t most_steps = 1U << 20, largest_image = std::uint64_t{1} << 30;
constexpr std::uint64_t largest_pmap = 4096;
constexpr std::size_t longest_version = 512, longest_name = 64, shown = 24;

std::uint64_t usual_displacement(Architecture architecture) {
  return architecture == Architecture::x86_64 ? amd64_base
         : architecture == Architecture::i386 ? i386_base
                                              : 0;
}

class Finder {
 public:
  Finder(const Dump& dump, const SystemKernel& kernel)
      : dump_(dump),
        kernel_(kernel),
        symbols_(kernel.symbols.get()),
        reader_(dump.memory, dump.machine.order),
        architecture_(dump.machine.architecture) {
    if (kernel.file)
      if (auto image = KernelImage::read(*kernel.file)) image_ = std::move(*image);
  }

  KernelMap find() {
    collect_told_roots();
    for (const std::uint64_t root : roots_)
      if (try_root(root)) return std::move(map_);
    if (symbols_ != nullptr && architecture_ != Architecture::unknown) {
      const auto displacement = find_displacement();
      if (displacement && fits(image_alone(*displacement))) {
        for (const std::uint64_t root : roots_of_pmap(*displacement))
          if (try_root(root)) return std::move(map_);
        map_.table = image_alone(*displacement);
        map_.image_alone = true;
        map_.fits = true;
        return std::move(map_);
      }
      if (roots_.empty() && search()) return std::move(map_);
    }
    // The symbols fit nowhere, or there are none: what is told is all there is.
    std::string instead;
    for (const std::uint64_t root : roots_)
      for (const TablesOf& tables : tables_at(root)) {
        if (map_.table == nullptr) map_.table = tables(root), map_.tables_of = tables;
        if (instead.empty()) instead = text_at_version(tables(root));
      }
    map_.contradiction = other_code_
                             ? "it has other code than the dump"
                             : fmt::format("where it has the kernel's version the dump has {}",
                                           instead.empty() ? "nothing" : instead);
    return std::move(map_);
  }

 private:
  void collect_told_roots() {
    if (dump_.kcore && dump_.kcore->page_table_root)
      roots_.push_back(*dump_.kcore->page_table_root);
    for (const CpuState& cpu : dump_.cpus)
      if (const auto root = cpu.registers.find("cr3"); root && *root != 0) roots_.push_back(*root);
  }

  /// Every kind of tables that a root may be of.
  std::vector<TablesOf> tables_at(std::uint64_t root) const {
    const auto x86 = [](X86Mode mode) {
      return [mode](std::uint64_t of) { return x86_page_table(mode, of); };
    };
    switch (architecture_) {
      case Architecture::x86_64:
        return {x86(X86Mode::four_level)};
      case Architecture::i386:
        if ((root & 0xfffU) == 0) return {x86(X86Mode::two_level), x86(X86Mode::pae)};
        return {x86(X86Mode::pae)};
      case Architecture::aarch64:
        return {[](std::uint64_t of) {
          return aarch64_page_table({of, 12, arm64_bits, false, true});
        }};
      default:
        return {};
    }
  }

  bool try_root(std::uint64_t root) {
    if (symbols_ == nullptr) return false;
    for (const TablesOf& tables : tables_at(root)) {
      if (!fits(tables(root))) continue;
      map_.table = tables(root);
      map_.tables_of = tables;
      map_.fits = true;
      return true;
    }
    return false;
  }

  /// As the kernels of all systems are looked for: wherever their code lies.
  bool search() {
    auto found = find_kernel_tables(dump_, kernel_, System::openbsd);
    if (!found || !try_root(found->root)) return false;
    map_.remark = std::move(found->remark);
    return true;
  }

  bool fits(std::unique_ptr<PageTable> table) {
    const std::shared_ptr<const PageTable> tables = std::move(table);
    if (image_) {
      const ImageMatch match = image_->match_virtual(reader_, *tables);
      if (!match.unknown() && !match.holds()) other_code_ = true;
      if (!match.unknown()) return match.holds();
    }
    AddressSpace space(dump_.memory, dump_.machine, tables);
    return version_fits(
        [&](std::uint64_t address, std::size_t limit) { return space.string(address, limit); });
  }

  /// The kernel says what it is three times (conf/newvers.sh): `version` begins with `ostype` and
  /// `osrelease`, each a variable of its own.
  template <class TextAt>
  bool version_fits(const TextAt& text_at) const {
    const auto variable = [&](std::string_view name, std::size_t limit) -> std::string {
      const auto symbol = symbols_->find(name);
      if (!symbol) return {};
      const auto text = text_at(symbol->address, limit);
      return text ? *text : std::string();
    };
    const std::string version = variable("version", longest_version);
    const std::string system = variable("ostype", longest_name);
    const std::string release = variable("osrelease", longest_name);
    return !system.empty() && !release.empty() && version.starts_with(system + " " + release);
  }

  bool fits_at(std::uint64_t displacement) {
    return version_fits([&](std::uint64_t address, std::size_t limit) -> Result<std::string> {
      std::string text(limit, '\0');
      Error why;
      const std::size_t count = reader_.read_some(
          address - displacement,
          MutableBytes(reinterpret_cast<std::byte*>(text.data()), text.size()), &why);
      if (count == 0) return Failure(why);
      text.resize(std::min(text.find('\0'), count));
      return text;
    });
  }

  /// By how much the kernel's addresses are above those of its memory.
  std::optional<std::uint64_t> find_displacement() {
    const std::uint64_t usual = usual_displacement(architecture_);
    if (usual != 0 && fits_at(usual)) return usual;
    const auto version = symbols_->find("version");
    if (!version) return std::nullopt;
    std::optional<std::uint64_t> found;
    std::uint64_t steps = 0;
    dump_.memory->ranges([&](const PhysicalRange& range) {
      if (!range.present) return true;
      // The first place in the range that lies within its 2 MiB as the address does.
      std::uint64_t at = range.start + ((version->address - range.start) & (load_step - 1));
      for (; at >= range.start && at < range.end; at += load_step) {
        if (++steps > most_steps) return false;
        if (!fits_at(version->address - at)) continue;
        found = version->address - at;
        return false;
      }
      return true;
    });
    return found;
  }

  /// What in the kernel's own struct pmap may be the root of its tables: a physical address, or
  /// (arm64) a virtual one within the memory that was mapped with the kernel.
  std::vector<std::uint64_t> roots_of_pmap(std::uint64_t displacement) {
    std::vector<std::uint64_t> roots;
    const bool arm = architecture_ == Architecture::aarch64;
    const unsigned width = dump_.machine.pointer_size;
    for (const std::string_view name : {"kernel_pmap_store", "kernel_pmap_"}) {
      const auto pmap = symbols_->find(name);
      if (!pmap) continue;
      const std::uint64_t size = std::min(pmap->size == 0 ? 512 : pmap->size, largest_pmap);
      for (std::uint64_t at = 0; at + width <= size; at += width) {
        const auto word = reader_.word(pmap->address + at - displacement, width);
        if (!word || *word == 0) continue;
        const std::uint64_t root = arm ? *word - displacement : *word;
        if (root % (architecture_ == Architecture::i386 ? 32 : 4096) == 0 &&
            root < dump_.memory->end())
          roots.push_back(root);
      }
    }
    if (const auto directory = symbols_->find("PTDpaddr"))  // i386 before PAE is switched on
      if (const auto root = reader_.word(directory->address - displacement, width); root && *root)
        roots.push_back(*root);
    return roots;
  }

  std::unique_ptr<PageTable> image_alone(std::uint64_t displacement) const {
    LinearRange range;
    range.start = symbols_->find("version")->address & ~(load_step - 1);
    for (const Symbol& symbol : symbols_->all())
      if (symbol.type != 'A' && symbol.type != 'a' && symbol.address >= displacement)
        range.start = std::min(range.start, symbol.address & ~(load_step - 1));
    const auto end = symbols_->find("end");
    range.last =
        (end && end->address > range.start ? end->address : range.start + largest_image) - 1;
    range.physical = range.start - displacement;
    range.what = "kernel image";
    return linear_page_table({range}, nullptr);
  }

  /// What the dump has where the kernel file says that the version is.
  std::string text_at_version(std::unique_ptr<PageTable> table) {
    const auto version = symbols_ != nullptr ? symbols_->find("version") : std::nullopt;
    if (!version) return {};
    AddressSpace space(dump_.memory, dump_.machine,
                       std::shared_ptr<const PageTable>(std::move(table)));
    const auto text = space.string(version->address, shown);
    if (!text) return {};
    return text->empty() ? "zeros" : fmt::format("'{}'", printable(*text));
  }

  const Dump& dump_;
  const SystemKernel& kernel_;
  const SymbolTable* symbols_;
  std::optional<KernelImage> image_;
  PhysicalReader reader_;
  Architecture architecture_;
  std::vector<std::uint64_t> roots_;  ///< that the dump tells
  bool other_code_ = false;           ///< where the file says that its code is
  KernelMap map_;
};

}  // namespace

KernelMap find_page_table(const Dump& dump, const SystemKernel& kernel) {
  return Finder(dump, kernel).find();
}

}  // namespace panicroom::openbsd
