#include "core/kernel/dragonfly/files.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/flag_names.h"

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t size_of_file = 64;  // at least

// DTYPE_*, sys/sys/file.h.
enum FileType : std::uint64_t { of_vnode = 1, of_socket = 2, of_fifo = 4 };
constexpr std::array<std::string_view, 9> type_names = {
    "", "file", "socket", "pipe", "pipe", "kqueue", "crypto", "message queue", "DMA buffer"};

// sys/sys/fcntl.h.
constexpr std::array<FlagName, 5> flag_names = {
    {{0x4, "nonblock"}, {0x8, "append"}, {0x40, "async"}, {0x80, "sync"}, {0x10000, "direct"}}};

}  // namespace

FilesReader::FilesReader(Evidence& evidence, NameCache& names)
    : evidence_(evidence), names_(names), descriptors_(evidence, size_of_file) {}

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
  if (*type == of_socket) {
    socket = data.value_or(0);
    return open;
  }
  if (*type != of_vnode && *type != of_fifo) return open;
  if (*type == of_vnode)
    open.position = noted(position_.read(evidence_, file), notes, "a file's position");
  if (data && *data != 0) {
    if (auto kind = names_.type_of_vnode(*data, notes)) open.type = std::move(kind);
    open.size = names_.size_of_vnode(*data, notes);
  }
  if (const auto place = names_.place(entry_, mount_, file, "a file's path", notes)) {
    open.path = names_.path(*place, notes);
    open.deleted = names_.removed(*place, notes);
  } else if (data && *data != 0) {
    open.path = names_.path_of_vnode(*data, notes);
  }
  return open;
}

bool FilesReader::read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto table = noted(table_.read(evidence_, process.address), notes, what);
  if (!table || *table == 0) return true;  // it has exited
  const auto files = noted(files_.read(evidence_, *table), notes, what);
  if (!files || *files == 0) return true;
  const auto room = noted(room_.read_signed(evidence_, *table), notes, what);
  const auto stride = noted(evidence_.size_of("fdnode"), notes, what);
  const auto file_at = noted(file_.member(evidence_), notes, what);
  if (!room || !stride || !file_at || *stride == 0) return true;
  return descriptors_.for_each(
      process, *room, *files,
      [&](std::uint64_t descriptor) {
        return evidence_.memory().word(*files + descriptor * *stride + file_at->offset);
      },
      [&](std::uint64_t file, std::uint64_t& socket) { return read_file(file, socket, notes); },
      visit, notes);
}

}  // namespace panicroom::dragonfly
