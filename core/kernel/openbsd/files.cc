#include "core/kernel/openbsd/files.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/flag_names.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t size_of_file = 64;  // at least

// DTYPE_*, sys/sys/file.h.
constexpr std::uint64_t of_vnode = 1, of_socket = 2;
constexpr std::array<std::string_view, 7> type_names = {"",       "file",       "socket",   "pipe",
                                                        "kqueue", "DMA buffer", "sync file"};

// sys/sys/fcntl.h.
constexpr std::array<FlagName, 4> flag_names = {
    {{0x4, "nonblock"}, {0x8, "append"}, {0x40, "async"}, {0x80, "sync"}}};

}  // namespace

FilesReader::FilesReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), descriptors_(evidence, size_of_file) {}

OpenFile FilesReader::read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes) {
  OpenFile open;
  open.address = file;
  if (const auto flags = noted(flags_.read(evidence_, file), notes, "a file's flags")) {
    open.access = access_of(*flags);
    open.flags = names_of(*flags, flag_names, ",");
  }
  const auto type = noted(type_.read(evidence_, file), notes, "a file's type");
  if (!type) return open;
  if (*type != 0 && *type < type_names.size())
    open.type = type_names[static_cast<std::size_t>(*type)];
  else
    notes.add(
        Note{ErrorCode::unsupported, fmt::format("a file's type {} is not known", *type), file});
  const auto data = noted(data_.read(evidence_, file), notes, "what a file refers to");
  if (*type == of_socket) socket = data.value_or(0);
  if (*type != of_vnode) return open;
  open.position = noted(position_.read(evidence_, file), notes, "a file's position");
  if (!data || *data == 0) return open;
  if (auto kind = vnodes_.type(*data, notes)) open.type = std::move(kind);
  open.path = vnodes_.path(*data, notes);
  open.inode = vnodes_.inode(*data, notes);
  return open;
}

bool FilesReader::read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto table = noted(table_.read(evidence_, process.address), notes, what);
  if (!table || *table == 0) return true;
  const auto slots = noted(slots_.read(evidence_, *table), notes, what);
  const auto room = noted(room_.read_signed(evidence_, *table), notes, what);
  if (!slots || *slots == 0 || !room) return true;
  return descriptors_.for_each(
      process, *room, *table,
      [&](std::uint64_t descriptor) {
        return evidence_.memory().word(*slots + descriptor * evidence_.pointer_size());
      },
      [&](std::uint64_t file, std::uint64_t& socket) { return read_file(file, socket, notes); },
      visit, notes);
}

}  // namespace panicroom::openbsd
