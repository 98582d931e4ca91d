// The page map that a FreeBSD or DragonFly kernel writes into its minidump. Layouts: freebsd-src
// sys/amd64/include/minidump.h, sys/i386/include/minidump.h, sys/arm64/include/minidump.h and the
// readers in lib/libkvm/kvm_minidump_*.c; DragonFlyBSD sys/platform/pc64/x86_64/minidump_machdep.c.
#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/arch/linear_range.h"
#include "core/arch/page_table.h"
#include "core/arch/table_entry.h"
#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

constexpr std::string_view map_name = "minidump page map";
constexpr std::uint64_t no_execute = std::uint64_t{1} << 63;

/// What the architectures share: the entry of an address in the map, the direct map.
class MinidumpTable : public PageTable {
 public:
  MinidumpTable(MinidumpMap map, Machine machine) : map_(std::move(map)), machine_(machine) {}

 protected:
  /// Entry (address - kernbase) >> shift of the map in the file.
  Result<std::uint64_t> map_entry(TableWalk& walk, unsigned shift, unsigned width) const {
    const std::uint64_t address = walk.virtual_address();
    if (address < map_.kernbase) {
      return walk.unmapped(
          fmt::format("the address lies outside the direct map and below {:#x}, where the "
                      "minidump's page map begins",
                      map_.kernbase));
    }
    const std::uint64_t index = (address - map_.kernbase) >> shift;
    if (index >= map_.map_size / width) {
      return walk.unmapped(fmt::format(
          "the minidump's page map ends before this address: it has {} entries of {} from {:#x}",
          map_.map_size / width, size_text(std::uint64_t{1} << shift), map_.kernbase));
    }
    return entry_at(walk, index, width);
  }
  /// Entry `index` of the map, which has one.
  Result<std::uint64_t> entry_at(TableWalk& walk, std::uint64_t index, unsigned width) const {
    const std::uint64_t address = walk.virtual_address();
    const std::uint64_t offset = map_.map_offset + index * width;
    std::array<std::byte, 8> copy{};
    Bytes bytes = map_.file->view(offset, width);
    if (bytes.size() < width) {
      const auto out = MutableBytes(copy).first(width);
      if (auto done = map_.file->read(offset, out); !done) {
        Error error = done.error().within("reading the minidump's page map");
        error.address = address;
        error.offset = offset;
        return Failure(std::move(error));
      }
      bytes = out;
    }
    const auto value = Reader(bytes, machine_.order).word(0, width);
    walk.outside_entry(map_name, index, offset, *value);
    return *value;
  }

  bool in_direct_map(std::uint64_t address) const {
    return address >= map_.dmapbase && address < map_.dmapend;
  }
  /// Of a page that has no address of the direct map, which is asked first.
  Translation beside_direct_map(Translation page, std::uint64_t address) const {
    if (map_.dmapbase < map_.dmapend)
      page.page_size = page_size_beside(address, page.page_size, map_.dmapbase, map_.dmapend - 1);
    return page;
  }
  Translation direct(TableWalk& walk) const {
    const std::uint64_t address = walk.virtual_address();
    const std::uint64_t physical = address - map_.dmapbase + map_.dmapphys;
    walk.rule("direct map", [&] {
      return fmt::format("{:#x} to {:#x} begins at physical {:#x}", map_.dmapbase, map_.dmapend - 1,
                         map_.dmapphys);
    });
    return {physical, linear_page_size(address, physical, map_.dmapbase, map_.dmapend - 1), true,
            false, false};
  }

  MinidumpMap map_;
  Machine machine_;
};

/// Version 1 has a page-table entry for each 4 KiB, versions 2 and 3 a page-directory entry for
/// each 2 MiB whose page table is an ordinary page of the dump.
class Amd64Minidump final : public MinidumpTable {
 public:
  using MinidumpTable::MinidumpTable;

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    if (in_direct_map(address)) return direct(walk);
    std::uint64_t rights = 2 | 4;
    std::uint64_t entry = 0;
    if (map_.version == 1) {
      PANICROOM_TRY(only, map_entry(walk, 12, 8));
      entry = only;
    } else {
      PANICROOM_TRY(directory, map_entry(walk, 21, 8));
      if ((directory & 1) == 0) return walk.not_present();
      if ((directory & 0x80) != 0) {
        const std::uint64_t physical = (directory & 0x000fffffffe00000) | (address & 0x1fffff);
        return beside_direct_map(walk.page(physical, 0x200000, (directory & 2) != 0,
                                           (directory & no_execute) == 0, (directory & 4) != 0),
                                 address);
      }
      rights &= directory;
      const std::uint64_t table = directory & 0x000ffffffffff000;
      walk.goes_to_table(table);
      PANICROOM_TRY(last, walk.entry("PT", table, (address >> 12) & 0x1ff, 8));
      entry = last | (directory & no_execute);
    }
    if ((entry & 1) == 0) return walk.not_present();
    rights &= entry;
    return beside_direct_map(
        walk.page((entry & 0x000ffffffffff000) | (address & 0xfff), 0x1000, (rights & 2) != 0,
                  (entry & no_execute) == 0, (rights & 4) != 0),
        address);
  }
  std::string describe() const override {
    return fmt::format("FreeBSD minidump page map, amd64 v{}", map_.version);
  }
};

/// DragonFly since 5.1: an entry of a page-directory pointer table for each GiB of the whole
/// address space; the tables below are ordinary pages of the dump. libkvm adds the offset in a
/// large page before it masks, and does not look whether the last entry is valid.
class DragonFlyMinidump final : public MinidumpTable {
 public:
  using MinidumpTable::MinidumpTable;

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    if (in_direct_map(address)) return direct(walk);
    if (address >> 47U != 0 && address >> 47U != 0x1ffff)
      return walk.unmapped("the address is not canonical");
    const std::uint64_t index = (address >> 30U) & 0x3ffff;
    if (index >= map_.map_size / 8)
      return walk.unmapped(fmt::format(
          "the minidump's page map ends before this address: it has {} entries of 1 GiB",
          map_.map_size / 8));
    Rights rights;
    PANICROOM_TRY(entry, entry_at(walk, index, 8));
    for (const auto& [name, shift] : below) {
      if ((entry & 1) == 0) return walk.not_present();
      rights.take(entry);
      const unsigned covers = shift + 9;
      if ((entry & 0x80) != 0) return page(walk, entry, std::uint64_t{1} << covers, rights);
      const std::uint64_t table = entry & frames;
      walk.goes_to_table(table);
      PANICROOM_TRY(next, walk.entry(name, table, (address >> shift) & 0x1ff, 8));
      entry = next;
    }
    if ((entry & 1) == 0) return walk.not_present();
    rights.take(entry);
    return page(walk, entry, 0x1000, rights);
  }
  std::string describe() const override { return "DragonFly minidump page map, v2"; }

 private:
  struct Rights {
    std::uint64_t given = 2 | 4;
    bool executable = true;
    void take(std::uint64_t entry) {
      given &= entry;
      executable = executable && (entry & no_execute) == 0;
    }
  };
  static constexpr std::uint64_t frames = 0x000ffffffffff000;
  static constexpr std::array<std::pair<std::string_view, unsigned>, 2> below = {
      {{"PD", 21}, {"PT", 12}}};

  Translation page(TableWalk& walk, std::uint64_t entry, std::uint64_t size,
                   const Rights& rights) const {
    const std::uint64_t address = walk.virtual_address();
    const std::uint64_t frame = entry & frames & ~(size - 1);
    return beside_direct_map(
        walk.page(frame | (address & (size - 1)), size, (rights.given & 2) != 0, rights.executable,
                  (rights.given & 4) != 0),
        address);
  }
};

class I386Minidump final : public MinidumpTable {
 public:
  using MinidumpTable::MinidumpTable;

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    if (address > 0xffffffff) return walk.unmapped("the address has more than 32 bits");
    PANICROOM_TRY(entry, map_entry(walk, 12, map_.pae ? 8 : 4));
    if ((entry & 1) == 0) return walk.not_present();
    const std::uint64_t frame = entry & (map_.pae ? 0x000ffffffffff000 : 0xfffff000);
    return walk.page(frame | (address & 0xfff), 0x1000, (entry & 2) != 0,
                     !map_.pae || (entry & no_execute) == 0, (entry & 4) != 0);
  }
  std::string describe() const override {
    return fmt::format("FreeBSD minidump page map, i386 v{}{}", map_.version,
                       map_.pae ? ", PAE" : "");
  }
};

/// Level 3 descriptors only: the kernel writes blocks as the pages that they hold.
class Aarch64Minidump final : public MinidumpTable {
 public:
  using MinidumpTable::MinidumpTable;

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    TableWalk walk(address, words, steps);
    if (in_direct_map(address)) return direct(walk);
    const std::uint64_t within = machine_.page_size - 1;
    PANICROOM_TRY(entry, map_entry(walk, static_cast<unsigned>(std::countr_one(within)), 8));
    if ((entry & 1) == 0) return walk.not_present();
    if ((entry & 3) != 3) return walk.corrupt("not a page descriptor");
    const std::uint64_t frame = entry & 0x0003fffffffff000 & ~within;
    const bool user = (entry & (1U << 6)) != 0;
    const std::uint64_t never_execute = std::uint64_t{1} << (user ? 54 : 53);
    return beside_direct_map(
        walk.page(frame | (address & within), within + 1, (entry & (1U << 7)) == 0,
                  (entry & never_execute) == 0, user),
        address);
  }
  std::string describe() const override {
    return fmt::format("FreeBSD minidump page map, arm64 v{}, {} pages", map_.version,
                       size_text(machine_.page_size));
  }
};

}  // namespace

Result<std::unique_ptr<PageTable>> minidump_page_table(const MinidumpMap& map,
                                                       const Machine& machine) {
  if (map.file == nullptr) return fail(ErrorCode::invalid, "the minidump's page map has no file");
  if (!checked_add(map.map_offset, map.map_size)) {
    return fail_at_offset(ErrorCode::corrupt, map.map_offset,
                          "the minidump's page map is larger than any file");
  }
  if (map.dmapend < map.dmapbase) {
    return fail(ErrorCode::corrupt,
                fmt::format("the minidump's direct map ends at {:#x}, before it begins at {:#x}",
                            map.dmapend, map.dmapbase));
  }
  if (!is_power_of_two(machine.page_size) || machine.page_size < 4096 ||
      machine.page_size > 65536) {
    return fail(ErrorCode::corrupt, fmt::format("{} bytes is not a page size", machine.page_size));
  }
  switch (machine.architecture) {
    case Architecture::x86_64:
      if (map.of_dragonfly) return std::make_unique<DragonFlyMinidump>(map, machine);
      return std::make_unique<Amd64Minidump>(map, machine);
    case Architecture::i386:
      return std::make_unique<I386Minidump>(map, machine);
    case Architecture::aarch64:
      return std::make_unique<Aarch64Minidump>(map, machine);
    default:
      return fail(ErrorCode::unsupported,
                  fmt::format("the page map of a FreeBSD minidump of {} is not supported",
                              name(machine.architecture)));
  }
}

}  // namespace panicroom
