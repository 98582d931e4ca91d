#pragma once

#include <cstdint>

#include "core/kernel/linux/field.h"
#include "core/kernel/linux/paths.h"

namespace panicroom::linux_kernel {

/// "0:21" from a dev_t of the kernel (12 bits of major number, 20 of minor).
std::string device_text(std::uint64_t device);

/// Reads a process's open files.
class FilesReader {
 public:
  FilesReader(Evidence& evidence, Paths& paths);

  /// Of the task at `task`, in order of their descriptors. False when `visit` was.
  bool read(std::uint64_t task, const Process& process, const Visitor<OpenFile>& visit,
            Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, Notes& notes);
  std::string flag_names(std::uint64_t flags, bool close_on_exec) const;

  Evidence& evidence_;
  Paths& paths_;
  std::uint64_t left_;                                // files that may still be read
  std::uint64_t bits_left_ = std::uint64_t{1} << 30;  // of all processes' bitmaps
  Field files_{"task_struct", "files"}, table_{"files_struct", "fdt"};
  Field room_{"fdtable", "max_fds"}, open_{"fdtable", "open_fds"}, array_{"fdtable", "fd"},
      close_on_exec_{"fdtable", "close_on_exec"};
  Field inode_{"file", "f_inode"}, path_{"file", "f_path"}, position_{"file", "f_pos"},
      flags_{"file", "f_flags"}, mode_{"file", "f_mode"};
  Field inode_mode_{"inode", "i_mode"}, number_{"inode", "i_ino"}, size_{"inode", "i_size"},
      super_{"inode", "i_sb"}, device_{"super_block", "s_dev"};
};

}  // namespace panicroom::linux_kernel
