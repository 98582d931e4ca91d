#pragma once

#include <cstdint>

#include "core/kernel/descriptors.h"
#include "core/kernel/dragonfly/namecache.h"

namespace panicroom::dragonfly {

/// Reads a process's open files.
class FilesReader {
 public:
  FilesReader(Evidence& evidence, NameCache& names);

  /// Of the struct proc at `process.address`. False when `visit` was.
  bool read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes);

  Evidence& evidence_;
  NameCache& names_;
  Descriptors descriptors_;
  Field table_{"proc", "p_fd"}, files_{"filedesc", "fd_files"}, room_{"filedesc", "fd_nfiles"},
      file_{"fdnode", "fp"};
  Field data_{"file", "f_data"}, type_{"file", "f_type"}, flags_{"file", "f_flag"},
      position_{"file", "f_offset"}, entry_{"file", "f_nchandle.ncp"},
      mount_{"file", "f_nchandle.mount"};
};

}  // namespace panicroom::dragonfly
