#include "core/kernel/netbsd/files.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/flag_names.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t size_of_file = 64;  // at least

// DTYPE_*, sys/sys/file.h.
enum FileType : std::uint64_t { of_vnode = 1, of_socket = 2 };
constexpr std::array<std::string_view, 12> type_names = {
    "",       "file",          "socket",    "pipe",    "kqueue",  "miscellaneous",
    "crypto", "message queue", "semaphore", "eventfd", "timerfd", "shared memory"};

// sys/sys/fcntl.h.
constexpr std::array<FlagName, 5> flag_names = {
    {{0x4, "nonblock"}, {0x8, "append"}, {0x40, "async"}, {0x80, "sync"}, {0x80000, "direct"}}};

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
  return open;
}

bool FilesReader::read(const Process& process, const Descriptors::VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto table = noted(table_.read(evidence_, process.address), notes, what);
  if (!table || *table == 0) return true;  // it has exited
  const auto files = noted(files_.read(evidence_, *table), notes, what);
  if (!files || *files == 0) return true;
  const auto room = noted(room_.read(evidence_, *files), notes, what);
  const auto slots = noted(slots_.place(evidence_, *files), notes, what);
  const auto file_at = noted(file_.member(evidence_), notes, what);
  if (!room || !slots || !file_at) return true;
  return descriptors_.for_each(
      process, static_cast<std::int64_t>(*room), *files,
      [&](std::uint64_t descriptor) -> Result<std::uint64_t> {
        PANICROOM_TRY(slot,
                      evidence_.memory().word(*slots + descriptor * evidence_.pointer_size()));
        if (slot == 0) return 0;
        // A file that cannot be read hides none of those after it.
        return noted(evidence_.memory().word(slot + file_at->offset), notes, what).value_or(0);
      },
      [&](std::uint64_t file, std::uint64_t& socket) { return read_file(file, socket, notes); },
      visit, notes);
}

}  // namespace panicroom::netbsd
