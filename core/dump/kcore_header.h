#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "core/dump/dump.h"

namespace panicroom {

/// One run of physical memory; its bytes follow those of the run before it.
struct KcoreRun {
  std::uint64_t start = 0;
  std::uint64_t size = 0;
  std::uint64_t record_offset = 0;  ///< of its entry in the cpu header
};

/// The headers of a NetBSD or OpenBSD kernel core (sys/kcore.h; machine/kcore.h for the cpu
/// header): as savecore stores them, or as the kernel left them on its dump device.
struct KcoreHeaders {
  KcoreHeader cpu;
  Machine machine;
  bool on_device = false;
  std::uint64_t start = 0;     ///< of the first header in the file
  std::uint64_t cpu_size = 0;  ///< of the cpu header with its list of memory, with its padding
  std::uint64_t data = 0;      ///< where memory begins in the file
  std::vector<KcoreRun> runs;
  bool complete = true;  ///< false when the file ends within the headers

  /// Where memory ends in a whole file.
  std::uint64_t end() const;
};

/// Where a kernel core begins in the file: at 0, one page into a dump device, or where a search in
/// steps of 512 bytes finds headers whose memory lies within the file. Nothing where there is none.
Result<std::optional<std::uint64_t>> find_kcore(const ByteSource& file);

/// Reads the headers that begin at `at`. Neither the size of the memory segment (32 bits: wrong for
/// large dumps) nor the segments' machine ids (0 in real files) are looked at. Errors: `corrupt`
/// when the headers contradict themselves, `unsupported` for another machine's, `not_in_dump` when
/// the file ends before it lists any memory.
Result<KcoreHeaders> read_kcore_headers(const ByteSource& file, std::uint64_t at);

}  // namespace panicroom
