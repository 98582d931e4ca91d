#pragma once

#include <cstdint>

#include "core/kernel/descriptors.h"
#include "core/kernel/field.h"
#include "core/kernel/netbsd/evidence.h"
#include "core/kernel/netbsd/vnodes.h"

namespace panicroom::netbsd {

/// Reads a process's open files: filedesc -> fdtab -> fdfile -> file (sys/sys/filedesc.h).
class FilesReader {
 public:
  FilesReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct proc at `process.address`. False when `visit` was.
  bool read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  Descriptors descriptors_;
  Field table_{"proc", "p_fd"}, files_{"filedesc", "fd_dt"}, room_{"fdtab", "dt_nfiles"},
      slots_{"fdtab", "dt_ff"}, file_{"fdfile", "ff_file"};
  Field data_{"file", "f_undata.fd_data"}, type_{"file", "f_type"}, flags_{"file", "f_flag"},
      position_{"file", "f_offset"};
};

}  // namespace panicroom::netbsd
