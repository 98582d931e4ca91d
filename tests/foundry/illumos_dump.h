#pragma once

#include <string>

#include "tests/foundry/image.h"

namespace foundry {

/// illumos crash dumps: vmcore.N as savecore writes it, vmdump.N or the dump device's image.
struct IllumosOptions {
  std::string kind = "vmcore";     ///< vmcore, vmdump, device
  unsigned version = 10;           ///< 9, 10, 11
  unsigned word = 8;               ///< bytes of a long
  bool big = false;                ///< all fields big-endian
  std::string content = "kernel";  ///< kernel, all, curproc
  bool live = false, incomplete = false, fm_panic = false, encrypted = false;
  std::string panic;
  std::string machine = "i86pc";
  std::uint64_t kas = 0;       ///< address of the kernel's struct as
  bool plain_symbols = false;  ///< ksyms is stored as it is, as newer kernels do
  bool no_symbols = false;
  bool short_tail = false;  ///< vmcore: pages of zeros at the end are not written
  /// vmdump and device: "serial" (pages alone, no data header), "single" (the same with one),
  /// "lzjb", "bzip2" (streams)
  std::string codec = "lzjb";
  unsigned streams = 3;
  std::uint64_t range = 8;     ///< most pages behind one stream header
  std::uint64_t block = 8192;  ///< bytes of a stream block
  unsigned extra = 0;          ///< so many pages follow the streams one by one
  std::uint64_t member = 0;    ///< bzip2: a new member begins after so many bytes; 0: never
  bool overwritten = false;    ///< device: the header at its start is gone
  bool strays = false;         ///< the map names pages that the dump lacks, too
};
Blob illumos_dump(const Image& image, const IllumosOptions& options);

/// lzjb as the kernel writes it: as long as the input where it would not be shorter.
Blob lzjb(const Blob& plain);

}  // namespace foundry
