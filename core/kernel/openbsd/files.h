#pragma once

#include <cstdint>

#include "core/kernel/descriptors.h"
#include "core/kernel/field.h"
#include "core/kernel/openbsd/vnodes.h"

namespace panicroom::openbsd {

/// Reads a process's open files.
class FilesReader {
 public:
  FilesReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct process at `process.address`. False when `visit` was.
  bool read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  Descriptors descriptors_;
  Field table_{"process", "ps_fd"}, slots_{"filedesc", "fd_ofiles"}, room_{"filedesc", "fd_nfiles"};
  Field data_{"file", "f_data"}, type_{"file", "f_type"}, flags_{"file", "f_flag"},
      position_{"file", "f_offset"};
};

}  // namespace panicroom::openbsd
