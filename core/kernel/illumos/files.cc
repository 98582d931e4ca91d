#include "core/kernel/illumos/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <string>
#include <string_view>

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t size_of_file = 40;            // bytes, at least
constexpr std::uint64_t size_of_slot = 28;            // at least
constexpr std::uint64_t most_descriptors = 1U << 20;  // of one process

// uts/common/sys/file.h.
constexpr std::uint64_t flag_read = 1, flag_write = 2;
struct FlagName {
  std::uint64_t bit;
  std::string_view name;
};
constexpr std::array<FlagName, 6> flag_names = {{{0x4, "ndelay"},
                                                 {0x8, "append"},
                                                 {0x10, "sync"},
                                                 {0x40, "dsync"},
                                                 {0x80, "nonblock"},
                                                 {0x1000, "async"}}};

std::string names_of(std::uint64_t flags) {
  std::string names;
  for (const FlagName& flag : flag_names) {
    if ((flags & flag.bit) == 0) continue;
    if (!names.empty()) names += ',';
    names += flag.name;
  }
  return names;
}

}  // namespace

FilesReader::FilesReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence),
      vnodes_(vnodes),
      left_(most_objects(evidence, size_of_file)),
      slots_left_(most_objects(evidence, size_of_slot)) {}

OpenFile FilesReader::read_file(std::uint64_t file, Notes& notes) {
  OpenFile open;
  open.address = file;
  if (const auto flags = noted(flags_.read(evidence_, file), notes, "a file's flags")) {
    open.access =
        std::string((*flags & flag_read) != 0 ? "r" : "") + ((*flags & flag_write) != 0 ? "w" : "");
    open.flags = names_of(*flags);
  }
  open.position = noted(position_.read(evidence_, file), notes, "a file's position");
  const auto vnode = noted(vnode_.read(evidence_, file), notes, "a file's vnode");
  if (!vnode || *vnode == 0) return open;
  open.type = vnodes_.type(*vnode, notes);
  open.path = vnodes_.path(*vnode, notes);
  open.device = vnodes_.device(*vnode, notes);
  return open;
}

bool FilesReader::read(const Process& process, const Visitor<OpenFile>& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const auto room = noted(count_.read_signed(evidence_, process.address), notes, what);
  const auto slots = noted(list_.read(evidence_, process.address), notes, what);
  if (!room || !slots || *room == 0 || *slots == 0) return true;  // it has exited
  const auto stride = noted(evidence_.size_of("uf_entry"), notes, what);
  const auto file_at = noted(file_.member(evidence_), notes, what);
  if (!stride || !file_at || *stride == 0) return true;
  const std::uint64_t said = *room < 0 ? UINT64_MAX : static_cast<std::uint64_t>(*room);
  const std::uint64_t count = std::min({said, most_descriptors, slots_left_});
  slots_left_ -= count;
  if (count < said)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: their table has room for {}, of which {} were looked at", what,
                               *room, count),
                   *slots});
  for (std::uint64_t descriptor = 0; descriptor < count; ++descriptor) {
    const auto file = noted(
        evidence_.memory().word(*slots + descriptor * *stride + file_at->offset), notes, what);
    if (!file) return true;
    if (*file == 0) continue;
    if (left_ == 0) {
      notes.add(Note{ErrorCode::corrupt, "there are more open files than the memory can hold",
                     std::nullopt});
      return false;
    }
    --left_;
    OpenFile found = read_file(*file, notes);
    found.pid = process.pid;
    found.process = process.name;
    found.descriptor = static_cast<std::int64_t>(descriptor);
    if (!visit(found)) return false;
  }
  return true;
}

}  // namespace panicroom::illumos
