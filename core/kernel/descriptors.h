#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"

namespace panicroom {

/// "rw" of a struct file's flags: FREAD and FWRITE are the same bits in the BSDs and illumos.
std::string access_of(std::uint64_t flags);

/// Walks the tables of descriptors of processes: no more slots and files than can be, in all of
/// them together.
class Descriptors {
 public:
  /// `file_size`: bytes of a struct file, at least.
  Descriptors(Structures& structures, std::uint64_t file_size);

  /// `socket` is the struct socket of a socket, else 0.
  using VisitFile = std::function<bool(const OpenFile&, std::uint64_t socket)>;

  /// One process's files, in order of their descriptors: `room` slots are said to be in its table,
  /// which lies at `table`. `file_in` reads a slot: a struct file's address or 0. `read_file` reads
  /// that, and sets `socket`. False when `visit` was, or when nothing more may be read.
  bool for_each(const Process& process, std::int64_t room, std::uint64_t table,
                const std::function<Result<std::uint64_t>(std::uint64_t descriptor)>& file_in,
                const std::function<OpenFile(std::uint64_t file, std::uint64_t& socket)>& read_file,
                const VisitFile& visit, Notes& notes);

 private:
  std::uint64_t files_left_;
  std::uint64_t slots_left_ = std::uint64_t{1} << 22;
};

}  // namespace panicroom
