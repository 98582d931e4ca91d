#pragma once

#include <cstdint>

#include "core/kernel/descriptors.h"
#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"
#include "core/kernel/freebsd/vnodes.h"

namespace panicroom::freebsd {

/// Reads a process's open files.
class FilesReader {
 public:
  FilesReader(Evidence& evidence, Vnodes& vnodes);

  /// Of the struct proc at `process.address`. False when `visit` was.
  bool read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes);
  void describe(std::uint64_t type, std::uint64_t data, OpenFile& open, Notes& notes);
  std::optional<std::string> text_at(const Field& pointer, std::uint64_t holder, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  Descriptors descriptors_;
  Field table_{"proc", "p_fd"}, files_{"filedesc", "fd_files"}, room_{"fdescenttbl", "fdt_nfiles"},
      slots_{"fdescenttbl", "fdt_ofiles"}, file_{"filedescent", "fde_file"};
  Field data_{"file", "f_data"}, vnode_{"file", "f_vnode"}, type_{"file", "f_type"},
      flags_{"file", "f_flag"}, position_{"file", "f_offset"};
  Field shared_memory_name_{"shmfd", "shm_path"}, semaphore_name_{"ksem", "ks_path"},
      terminal_device_{"tty", "t_dev"};
};

}  // namespace panicroom::freebsd
