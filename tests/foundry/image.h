#pragma once

// The foundry turns descriptions into dumps. It shares no code with the engine: what it writes is
// an independent statement of the formats, so that a mistake on either side shows as a
// disagreement.

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace foundry {

using Blob = std::vector<std::uint8_t>;

/// Appends or overwrites little-endian integers (big-endian where asked).
void put(Blob& blob, std::size_t at, std::uint64_t value, unsigned width, bool big = false);
void append(Blob& blob, std::uint64_t value, unsigned width, bool big = false);
void append(Blob& blob, std::string_view text);
void pad_to(Blob& blob, std::size_t multiple);

struct Range {
  std::uint64_t start = 0;
  std::uint64_t end = 0;  ///< exclusive
};

struct Symbol {
  std::string name;
  std::uint64_t address = 0;
  std::uint64_t size = 0;
  char type = 'D';
};

/// A virtual mapping; all numbers are multiples of `page` bytes.
struct Mapping {
  std::uint64_t virtual_address = 0;
  std::uint64_t physical = 0;
  std::uint64_t size = 0;
  std::uint64_t page = 4096;
};

/// A loaded part of the kernel file. All numbers are multiples of 32.
struct LoadedPart {
  std::uint64_t virtual_address = 0;
  std::uint64_t physical = 0;  ///< where it was linked to be loaded
  std::uint64_t size = 0;
  bool data = false;  ///< written since: the file has no bytes of it
};

struct Cpu {
  std::uint64_t pid = 0;
  std::uint64_t pc = 0, sp = 0, fp = 0;
};

/// The machine that a description speaks of, at the moment of its death.
struct Image {
  std::string architecture = "x86_64";  ///< x86_64, i386, aarch64
  std::uint64_t page = 4096;
  std::vector<Range> ram;
  std::map<std::uint64_t, Blob> pages;  ///< contents by physical page address; other RAM is zero
  std::set<std::uint64_t> excluded;     ///< page addresses that the writer leaves out
  std::vector<Symbol> symbols;
  std::vector<Mapping> mappings;
  /// illumos: what other address spaces than the kernel's show, by the address of their struct as.
  std::vector<std::pair<std::uint64_t, Mapping>> spaces;
  std::string paging = "four_level";  ///< two_level, pae, pae_directories, four_level, five_level,
                                      ///< 4k, 16k, 64k
  std::uint64_t root = 0;  ///< physical address of the top table, set by build_page_tables
  Range table_area;        ///< physical pages that tables are taken from
  std::string vmcoreinfo;
  std::vector<Cpu> cpus;
  std::vector<LoadedPart> parts;  ///< of the kernel file

  unsigned pointer() const { return architecture == "i386" ? 4 : 8; }
  bool has(std::uint64_t physical) const;

  void write(std::uint64_t physical, const void* bytes, std::size_t size);
  void write(std::uint64_t physical, std::uint64_t value, unsigned width);
  std::uint64_t read(std::uint64_t physical, unsigned width) const;
  Blob page_bytes(std::uint64_t page_address) const;

  /// Physical address of a mapped virtual one; throws std::runtime_error when nothing maps it.
  std::uint64_t physical_of(std::uint64_t virtual_address) const;
  /// The same writes by virtual address; they may cross pages.
  void write_virtual(std::uint64_t address, std::uint64_t value, unsigned width);
  void write_virtual(std::uint64_t address, std::string_view text);

  /// A zeroed page for a page table.
  std::uint64_t take_table(std::uint64_t size);

 private:
  std::uint64_t next_table_ = 0;
};

/// Builds page tables of `image.paging` for `image.mappings` in `image.table_area`; sets
/// `image.root`.
void build_page_tables(Image& image);

}  // namespace foundry
