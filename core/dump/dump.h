#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/error.h"
#include "core/base/machine.h"
#include "core/base/registers.h"
#include "core/dump/illumos.h"
#include "core/dump/physical_memory.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// An ELF note as the dump holds it (ELF core notes and those inside a kdump file).
struct ElfNote {
  std::string name;  ///< without its NUL
  std::uint32_t type = 0;
  std::uint64_t offset = 0;  ///< of the descriptor in the unwrapped file, for messages
  std::vector<std::byte> descriptor;
};

/// A processor's state when the dump was written (NT_PRSTATUS or QEMU's note).
struct CpuState {
  std::uint32_t index = 0;          ///< order of the notes, which is the order of the processors
  std::optional<std::int64_t> pid;  ///< what NT_PRSTATUS says ran there; 0 for idle
  Registers registers;              ///< with "cr3", "cr4", "gs_base", ... when the note has them
};

/// What the address translation needs of a minidump: its own page map instead of page tables.
struct MinidumpMap {
  std::uint32_t version = 0;  ///< as in the header, per architecture
  /// DragonFly's own header (version 2): the map has an entry for each GiB of the whole address
  /// space. A minidump of DragonFly's version 1 is FreeBSD's version 1 in all.
  bool of_dragonfly = false;
  std::uint64_t kernbase = 0;  ///< lowest address of the kernel's part of the page map
  std::uint64_t dmapbase = 0;  ///< direct map's virtual range; both 0 where there is none
  std::uint64_t dmapend = 0;
  std::uint64_t dmapphys = 0;    ///< physical address of dmapbase
  bool pae = false;              ///< i386: 8-byte entries
  std::uint64_t map_offset = 0;  ///< the page map in `file`, bytes
  std::uint64_t map_size = 0;
  SourcePtr file;
};

/// What the cpu header of a NetBSD or OpenBSD kernel core says of its machine. The container does
/// not name the system; where the two kernels write different headers, `system` is what this one
/// was read as.
struct KcoreHeader {
  enum class System : std::uint8_t { either, netbsd, openbsd };

  System system = System::either;
  std::uint16_t machine_id = 0;  ///< MID_* of the first header
  std::uint64_t offset = 0;      ///< of the cpu header in the file
  std::uint64_t runs = 0;        ///< of memory; many where the dump is sparse
  /// x86: physical address of the top page table. OpenBSD's i386 header has none.
  std::optional<std::uint64_t> page_table_root;
  /// NetBSD i386: the root is that of four page directories that lie side by side, with entries of
  /// 8 bytes.
  bool pae = false;
  std::optional<std::uint64_t> tcr1, ttbr1;  ///< NetBSD aarch64: TCR_EL1, TTBR1_EL1
  /// OpenBSD arm64: what of the kernel is mapped linearly. No kernel is known to write more than
  /// the first.
  std::optional<std::uint64_t> kernelbase, kerneloffs, staticsize;
};

/// A stretch of the unwrapped file and what it is ("header", "bitmap", "page data"): every byte of
/// the file is accounted for, in ascending order and without gaps; unknown bytes are called
/// "unknown".
struct FileRegion {
  std::uint64_t start = 0;
  std::uint64_t end = 0;
  std::string what;
  std::uint32_t part = 0;
};

/// An opened dump of any format. Immutable; the format's file in core/dump fills it.
struct Dump {
  std::string format;               ///< for people and the `dump` table: "FreeBSD minidump v3",
                                    ///< "kdump-compressed v6", "ELF core"
  std::vector<std::string> layers;  ///< what was around it: "gzip", "flattened", ...
  Machine machine;
  std::shared_ptr<const PhysicalMemory> memory;

  std::vector<ElfNote> notes;  ///< raw, in file order, at most max_notes_size bytes (elf_notes.h)
  std::optional<std::string> vmcoreinfo;  ///< Linux: the VMCOREINFO text, key=value lines
  std::vector<CpuState> cpus;
  std::optional<MinidumpMap> minidump;
  std::optional<KcoreHeader> kcore;
  std::optional<IllumosDump> illumos;

  /// What a header says of the machine, empty where it says nothing.
  std::string release;  ///< uname -r
  std::string version;  ///< uname -v
  std::string nodename;
  std::optional<std::int64_t> time;  ///< seconds since 1970
  std::optional<std::int64_t>
      phys_base;  ///< Linux kdump sub header; QEMU writes it wrong, prefer VMCOREINFO
  std::optional<int> dump_level;  ///< makedumpfile's -d
  std::optional<std::pair<std::uint64_t, std::uint64_t>>
      message_buffer;  ///< minidump: offset and size in the file

  bool complete =
      true;  ///< false when the file ends early or its writer says that it is incomplete
  std::vector<Note> remarks;  ///< what the user should know: truncation, odd headers, missing parts
  std::vector<FileRegion> regions;
};

}  // namespace panicroom
