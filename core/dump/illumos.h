#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// One step of a look-up in the translation map.
struct IllumosMapStep {
  std::string_view table;         ///< "hash bucket", "hash entry", "translation entry"
  std::uint64_t index = 0;        ///< of the entry in its table
  std::uint64_t file_offset = 0;  ///< of the entry
  std::uint64_t entry = 0;        ///< what it holds: the offset of the next entry or of the page, a
                                  ///< frame number
  std::string meaning;
};

/// A page of an address space that the translation map names.
struct IllumosMapping {
  std::uint64_t as = 0;  ///< kernel address of its `struct as`
  std::uint64_t virtual_page = 0;
  std::uint64_t physical_page = 0;
};

/// An illumos dump's translation map: which page of physical memory an address space shows at a
/// virtual page. A space is named by the kernel's address of its `struct as`: that of the symbol
/// `kas` for the kernel, proc.p_as for a process. No page table is ever walked. Immutable; each
/// member may be called from several threads at once.
class IllumosMap {
 public:
  virtual ~IllumosMap() = default;

  /// Bytes of a page, a power of two.
  virtual std::uint32_t page_size() const = 0;
  /// The physical address of the page that lies at `virtual_page` (a multiple of the page size) of
  /// the space `as`. `steps`, when given, receives each step in order, also before an error.
  /// Errors: `unmapped` (the map has no such entry), `corrupt` (an entry that cannot be),
  /// `not_in_dump` (the file ends within the map).
  virtual Result<std::uint64_t> physical(std::uint64_t as, std::uint64_t virtual_page,
                                         std::vector<IllumosMapStep>* steps = nullptr) const = 0;

  /// Every entry in the file's order, until `visit` answers false. What cannot be read or be true
  /// is left out; the first such error is the answer.
  virtual Result<void> each(const std::function<bool(const IllumosMapping&)>& visit) const = 0;
};

/// Which pages the dump was configured to hold (dumpadm -c).
enum class IllumosContent : std::uint8_t { unknown, kernel, all, current_process };
/// "kernel pages", "all pages", "kernel and current process's pages", "unknown".
std::string_view name(IllumosContent content);

/// What only an illumos (Solaris, SmartOS) crash dump says. Release, version, node name and time of
/// the crash are in Dump.
struct IllumosDump {
  std::uint32_t version = 0;  ///< of the dump's header: 9, 10, 11
  std::uint32_t flags = 0;    ///< dump_flags as they are
  IllumosContent content = IllumosContent::unknown;
  bool live = false;         ///< savecore -L: of a system that went on running
  bool complete = false;     ///< its writer says that all pages are there
  bool compressed = false;   ///< vmdump.N or a dump device; false for vmcore.N
  unsigned word_bits = 64;   ///< of the kernel: 32 or 64
  std::string sysname;       ///< uname -s: "SunOS"
  std::string machine;       ///< uname -m: "i86pc", "sun4v"
  std::string platform;      ///< uname -i
  std::string panic_string;  ///< empty in a live dump
  std::string uuid;          ///< of the running system's image; empty before version 10
  bool fm_panic = false;     ///< fault management brought the system down
  /// The kernel's symbols (an ELF file with those of unix and all its modules, what /dev/ksyms
  /// was), decompressed when first read. Null when the header names none.
  SourcePtr ksyms;
  std::shared_ptr<const IllumosMap> map;  ///< never null
};

}  // namespace panicroom
