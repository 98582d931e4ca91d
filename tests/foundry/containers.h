#pragma once

#include <string>
#include <vector>

#include "tests/foundry/image.h"

namespace foundry {

/// FreeBSD and DragonFly minidumps. `kernbase` is the start of the page map; the direct map is
/// [dmapbase, dmapend).
struct MinidumpOptions {
  std::string style = "freebsd";  ///< "dragonfly": version 1, which is FreeBSD's, or 2
  unsigned version = 3;
  std::uint64_t kernbase = 0;
  std::uint64_t dmapbase = 0, dmapend = 0, dmapphys = 0;
  std::string message_buffer;  ///< the ring's bytes
  unsigned avail_word = 8;     ///< i386: 4 or 8
};
/// Adds page-table pages to the image (amd64 v2 and v3), hence not const.
Blob minidump(Image& image, const MinidumpOptions& options);
/// Version 2. Adds page-table pages to the image.
Blob dragonfly_minidump(Image& image, const MinidumpOptions& options);

/// ELF cores. `style`: "freebsd" (no notes, OSABI 255, e_version 0), "linux" (PRSTATUS and
/// VMCOREINFO notes, p_vaddr in the direct map), "qemu" (section header before the program headers,
/// e_ehsize 8).
struct ElfOptions {
  std::string style = "linux";
  std::uint64_t direct_map = 0;    ///< p_vaddr = p_paddr + direct_map (linux)
  bool many_segments = false;      ///< PN_XNUM: one segment a page
  bool excluded_as_short = false;  ///< excluded pages end a segment's p_filesz
  bool wide = false;               ///< 64-bit headers for a 32-bit machine, as QEMU writes them
};
Blob elf_core(const Image& image, const ElfOptions& options);

/// The kernel file: ELF with .symtab, and with `types` as its section .SUNW_ctf (or as `section`
/// says) where there are any. `type`: 2 for a kernel, 1 or 3 for a module.
Blob kernel_file(const Image& image, const Blob& types = {}, unsigned type = 2,
                 std::string_view section = ".SUNW_ctf");

/// The same as illumos's kernel writes it of itself (ksyms, unix.N): each symbol is absolute
/// (uts/common/os/ksyms_snapshot.c).
Blob with_absolute_symbols(Blob kernel_file);

struct KdumpOptions {
  unsigned version = 6;        ///< 1 to 6
  std::string codec = "zlib";  ///< zlib, lzo, snappy, zstd, none
  bool padded32 = false;       ///< 32-bit machines: the padded sub header
  std::string release = "6.1.0-foundry";
  std::int64_t phys_base = 0;
  bool wide = false;        ///< 64-bit headers for a 32-bit machine, as QEMU writes them
  bool incomplete = false;  ///< status 8; the last tenth of the pages has empty descriptors
};
/// One blob; with `parts` > 1 a split set.
std::vector<Blob> kdump(const Image& image, const KdumpOptions& options, unsigned parts = 1);

/// NetBSD's and OpenBSD's kernel cores, as savecore stores them or as they lie on the dump device.
/// Of i386 with PAE the root that the header names is that of four directories side by side.
struct KcoreOptions {
  bool openbsd = false;
  bool sparse = false;  ///< leaves out the excluded pages: a run for each stretch between them
  std::uint64_t data_size = 0x12345;  ///< of the memory's segment; that of real files is wrong too
  bool device = false;
  std::uint64_t device_offset = 4096, device_rest = 0;  ///< what lies before and behind the dump
  std::uint64_t root = 0;                               ///< i386: what the header says; 0: the root
  std::uint64_t tcr1 = 0, ttbr1_bits = 0;               ///< NetBSD aarch64
  bool counted = true;  ///< NetBSD aarch64: since NetBSD 9 the runs are counted
  std::uint64_t kernel_base = 0, kernel_offset = 0, static_size = 0;  ///< OpenBSD arm64
};
Blob kcore(const Image& image, const KcoreOptions& options);

/// makedumpfile's flattened form: records of `chunk` bytes; the first chunk is written last once
/// more, as makedumpfile does with its headers.
Blob flattened(const Blob& plain, std::size_t chunk = 65536);
Blob gzipped(const Blob& plain);
Blob zstd_compressed(const Blob& plain);

}  // namespace foundry
