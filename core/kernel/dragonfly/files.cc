#include "core/kernel/dragonfly/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace panicroom::dragonfly {
namespace {

constexpr std::uint64_t size_of_file = 64;            // at least
constexpr std::uint64_t most_descriptors = 1U << 20;  // of one process

// DTYPE_*, sys/sys/file.h.
enum FileType : std::uint64_t { of_vnode = 1, of_socket = 2, of_fifo = 4 };
constexpr std::array<std::string_view, 9> type_names = {
    "", "file", "socket", "pipe", "pipe", "kqueue", "crypto", "message queue", "DMA buffer"};

// sys/sys/fcntl.h: FREAD and FWRITE are what open's argument is plus one.
constexpr std::uint64_t flag_read = 1, flag_write = 2;
struct FlagName {
  std::uint64_t bit;
  std::string_view name;
};
constexpr std::array<FlagName, 5> flag_names = {
    {{0x4, "nonblock"}, {0x8, "append"}, {0x40, "async"}, {0x80, "sync"}, {0x10000, "direct"}}};

std::string names_of(std::uint64_t flags) {
  std::string names;
  for (const FlagName& flag : flag_names) {
    if ((flags & flag.bit) == 0) continue;
    if (!names.empty()) names += ',';
    names += flag.name;
  }
  return names;
}

std::string access_of(std::uint64_t flags) {
  return std::string((flags & flag_read) != 0 ? "r" : "") + ((flags & flag_write) != 0 ? "w" : "");
}

}  // namespace

FilesReader::FilesReader(Evidence& evidence, NameCache& names)
    : evidence_(evidence), names_(names), left_(most_objects(evidence, size_of_file)) {}

OpenFile FilesReader::read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes) {
  OpenFile open;
  open.address = file;
  socket = 0;
  if (const auto flags = noted(flags_.read(evidence_, file), notes, "a file's flags")) {
    open.access = access_of(*flags);
    open.flags = names_of(*flags);
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

bool FilesReader::read(const Process& process, const VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto table = noted(table_.read(evidence_, process.address), notes, what);
  if (!table || *table == 0) return true;  // it has exited
  const auto files = noted(files_.read(evidence_, *table), notes, what);
  if (!files || *files == 0) return true;
  const auto room = noted(room_.read_signed(evidence_, *table), notes, what);
  const auto stride = noted(evidence_.size_of("fdnode"), notes, what);
  const auto file_at = noted(file_.member(evidence_), notes, what);
  if (!room || !stride || !file_at || *stride == 0) return true;
  const std::uint64_t said = *room < 0 ? UINT64_MAX : static_cast<std::uint64_t>(*room);
  const std::uint64_t count = std::min({said, most_descriptors, slots_left_});
  slots_left_ -= count;
  if (count < said)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: their table has room for {}, of which {} were looked at", what,
                               *room, count),
                   *files});
  for (std::uint64_t descriptor = 0; descriptor < count; ++descriptor) {
    const auto file = noted(
        evidence_.memory().word(*files + descriptor * *stride + file_at->offset), notes, what);
    if (!file) return true;
    if (*file == 0) continue;
    if (left_ == 0) {
      notes.add(Note{ErrorCode::corrupt, "there are more open files than the memory can hold",
                     std::nullopt});
      return false;
    }
    --left_;
    std::uint64_t socket = 0;
    OpenFile found = read_file(*file, socket, notes);
    found.pid = process.pid;
    found.process = process.name;
    found.descriptor = static_cast<std::int64_t>(descriptor);
    if (!visit(found, socket)) return false;
  }
  return true;
}

}  // namespace panicroom::dragonfly
