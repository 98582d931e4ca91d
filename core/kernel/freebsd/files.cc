#include "core/kernel/freebsd/files.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/flag_names.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t size_of_file = 64;  // at least
constexpr std::size_t longest_name = 1024;

// DTYPE_*, sys/sys/file.h.
enum FileType : std::uint64_t {
  of_vnode = 1,
  of_socket = 2,
  of_fifo = 4,
  of_shared_memory = 8,
  of_semaphore = 9,
  of_terminal = 10
};
constexpr std::array<std::string_view, 18> type_names = {"",
                                                         "file",
                                                         "socket",
                                                         "pipe",
                                                         "pipe",
                                                         "kqueue",
                                                         "crypto",
                                                         "message queue",
                                                         "shared memory",
                                                         "semaphore",
                                                         "pseudo terminal",
                                                         "device",
                                                         "process",
                                                         "eventfd",
                                                         "timerfd",
                                                         "inotify",
                                                         "jail",
                                                         ""};

// sys/sys/fcntl.h: FREAD and FWRITE are what open's argument is plus one.
constexpr std::uint64_t flag_execute = 0x40000, flag_path = 0x400000;
constexpr std::array<FlagName, 5> flag_names = {
    {{0x4, "nonblock"}, {0x8, "append"}, {0x40, "async"}, {0x80, "sync"}, {0x10000, "direct"}}};

std::string whole_access_of(std::uint64_t flags) {
  return ((flags & flag_path) != 0 ? "path" : "") + access_of(flags) +
         ((flags & flag_execute) != 0 ? "x" : "");
}

}  // namespace

FilesReader::FilesReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), descriptors_(evidence, size_of_file) {}

std::optional<std::string> FilesReader::text_at(const Field& pointer, std::uint64_t holder,
                                                Notes& notes) {
  const auto at = noted(pointer.read(evidence_, holder), notes, "a file's name");
  if (!at || *at == 0) return std::nullopt;
  return noted(evidence_.memory().string(*at, longest_name), notes, "a file's name");
}

void FilesReader::describe(std::uint64_t type, std::uint64_t data, OpenFile& open, Notes& notes) {
  if (data == 0) return;
  switch (type) {
    case of_shared_memory:
      open.path = text_at(shared_memory_name_, data, notes);
      return;
    case of_semaphore:
      open.path = text_at(semaphore_name_, data, notes);
      return;
    case of_terminal: {
      const auto device = noted(terminal_device_.read(evidence_, data), notes, "a terminal");
      if (!device || *device == 0) return;
      if (const auto name = vnodes_.device_name(*device, notes)) open.path = "/dev/" + *name;
      return;
    }
    default:
      return;
  }
}

OpenFile FilesReader::read_file(std::uint64_t file, std::uint64_t& socket, Notes& notes) {
  OpenFile open;
  open.address = file;
  if (const auto flags = noted(flags_.read(evidence_, file), notes, "a file's flags")) {
    open.access = whole_access_of(*flags);
    open.flags = names_of(*flags, flag_names, ",");
  }
  const auto type = noted(type_.read(evidence_, file), notes, "a file's type");
  if (!type) return open;
  if (*type != 0 && *type < type_names.size() &&
      !type_names[static_cast<std::size_t>(*type)].empty())
    open.type = type_names[static_cast<std::size_t>(*type)];
  else
    notes.add(
        Note{ErrorCode::unsupported, fmt::format("a file's type {} is not known", *type), file});
  const auto data = noted(data_.read(evidence_, file), notes, "what a file refers to");
  if (*type == of_socket) {
    socket = data.value_or(0);
    return open;
  }
  if (*type == of_vnode || *type == of_shared_memory)
    open.position = noted(position_.read(evidence_, file), notes, "a file's position");
  const auto vnode = noted(vnode_.read(evidence_, file), notes, "a file's vnode");
  if ((*type == of_vnode || *type == of_fifo) && vnode && *vnode != 0) {
    if (auto kind = vnodes_.type(*vnode, notes)) open.type = std::move(kind);
    open.path = vnodes_.path(*vnode, notes);
    open.inode = vnodes_.inode(*vnode, notes);
  } else if (data) {
    describe(*type, *data, open, notes);
  }
  return open;
}

bool FilesReader::read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto table = noted(table_.read(evidence_, process.address), notes, what);
  if (!table || *table == 0) return true;  // it has exited
  const auto files = noted(files_.read(evidence_, *table), notes, what);
  if (!files || *files == 0) return true;
  const auto room = noted(room_.read_signed(evidence_, *files), notes, what);
  const auto slots = noted(slots_.place(evidence_, *files), notes, what);
  const auto stride = noted(evidence_.size_of("filedescent"), notes, what);
  const auto file_at = noted(file_.member(evidence_), notes, what);
  if (!room || !slots || !stride || !file_at || *stride == 0) return true;
  return descriptors_.for_each(
      process, *room, *files,
      [&](std::uint64_t descriptor) {
        return evidence_.memory().word(*slots + descriptor * *stride + file_at->offset);
      },
      [&](std::uint64_t file, std::uint64_t& socket) { return read_file(file, socket, notes); },
      visit, notes);
}

}  // namespace panicroom::freebsd
