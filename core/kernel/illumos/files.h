#pragma once

#include <cstdint>

#include "core/kernel/descriptors.h"
#include "core/kernel/field.h"
#include "core/kernel/illumos/vnodes.h"

namespace panicroom::illumos {

/// The open files of processes: struct uf_entries and struct files (uts/common/sys/user.h,
/// uts/common/sys/file.h). One for a whole walk: all processes together have no more files than fit
/// into the memory.
class FilesReader {
 public:
  FilesReader(Evidence& evidence, Vnodes& vnodes);

  /// False when `visit` was or nothing more can be read.
  bool read(const Process& process, const Visitor<OpenFile>& visit, Notes& notes);

 private:
  OpenFile read_file(std::uint64_t file, Notes& notes);

  Evidence& evidence_;
  Vnodes& vnodes_;
  Descriptors descriptors_;
  Field count_{"proc", "p_user.u_finfo.fi_nfiles"}, list_{"proc", "p_user.u_finfo.fi_list"},
      file_{"uf_entry", "uf_file"}, flags_{"file", "f_flag"}, vnode_{"file", "f_vnode"},
      position_{"file", "f_offset"};
};

}  // namespace panicroom::illumos
