#include "core/kernel/linux/files.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <vector>

#include "core/base/arithmetic.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_descriptors = std::uint64_t{1} << 20;  // NR_OPEN's default limit

constexpr std::uint64_t size_of_file = 232;  // struct file

// Linux include/linux/fs.h, FMODE_*.
constexpr std::uint64_t mode_read = 1, mode_write = 2, mode_path = 0x4000;

struct FlagName {
  std::uint64_t bits;
  std::string_view name;
};
// Linux include/uapi/asm-generic/fcntl.h; x86 has the same numbers.
constexpr std::uint64_t flag_sync = 04010000;
constexpr std::array generic_flags = {
    FlagName{02000, "append"},     FlagName{04000, "nonblock"},   FlagName{010000, "dsync"},
    FlagName{020000, "async"},     FlagName{040000, "direct"},    FlagName{0200000, "directory"},
    FlagName{0400000, "nofollow"}, FlagName{01000000, "noatime"},
};
// arch/arm64 and arch/arm move four of them (include/uapi/asm/fcntl.h).
constexpr std::array arm_flags = {
    FlagName{02000, "append"},     FlagName{04000, "nonblock"},   FlagName{010000, "dsync"},
    FlagName{020000, "async"},     FlagName{0200000, "direct"},   FlagName{040000, "directory"},
    FlagName{0100000, "nofollow"}, FlagName{01000000, "noatime"},
};

std::string_view type_name(std::uint64_t mode) {
  switch (mode & 0170000) {
    case 0010000:
      return "pipe";
    case 0020000:
      return "character device";
    case 0040000:
      return "directory";
    case 0060000:
      return "block device";
    case 0100000:
      return "file";
    case 0120000:
      return "link";
    case 0140000:
      return "socket";
    default:
      return "anonymous";  // eventfd and its like have an inode without a type
  }
}

/// Bits of one of the kernel's bitmaps of longs, in the order of their numbers.
Result<std::vector<bool>> read_bits(AddressSpace& memory, std::uint64_t address,
                                    std::uint64_t count) {
  const unsigned word = memory.machine().pointer_size, bits = word * 8;
  std::vector<bool> found;
  for (std::uint64_t first = 0; first < count; first += bits) {
    PANICROOM_TRY(value, memory.word(address + first / 8));
    for (std::uint64_t bit = 0; bit < bits && first + bit < count; ++bit)
      found.push_back((value >> bit & 1) != 0);
  }
  return found;
}

}  // namespace

std::string device_text(std::uint64_t device) {
  return fmt::format("{}:{}", device >> 20, device & 0xfffff);
}

FilesReader::FilesReader(Evidence& evidence, Paths& paths)
    : evidence_(evidence), paths_(paths), left_(most_objects(evidence, size_of_file)) {}

std::string FilesReader::flag_names(std::uint64_t flags, bool close_on_exec) const {
  const Architecture architecture = evidence_.memory().machine().architecture;
  const bool arm = architecture == Architecture::aarch64 || architecture == Architecture::arm;
  std::string names;
  const auto add = [&names](std::string_view name) {
    if (!names.empty()) names += ',';
    names += name;
  };
  const bool sync = (flags & flag_sync) == flag_sync;
  for (const FlagName& flag : arm ? arm_flags : generic_flags)
    if ((flags & flag.bits) != 0) add(flag.name == "dsync" && sync ? "sync" : flag.name);
  if (close_on_exec) add("cloexec");
  return names;
}

OpenFile FilesReader::read_file(std::uint64_t file, Notes& notes) {
  OpenFile open;
  open.address = file;
  open.position = noted(position_.read(evidence_, file), notes, "a file's position");
  if (const auto mode = noted(mode_.read(evidence_, file), notes, "a file's mode")) {
    open.access = (*mode & mode_path) != 0 ? "path" : "";
    if ((*mode & mode_read) != 0) *open.access += 'r';
    if ((*mode & mode_write) != 0) *open.access += 'w';
  }
  if (const auto at = noted(path_.place(evidence_, file), notes, "a file's path"))
    if (const auto path = paths_.at(*at, notes)) {
      open.path = path->text;
      open.deleted = path->deleted;
    }
  const auto inode = noted(inode_.read(evidence_, file), notes, "a file's inode");
  if (!inode || *inode == 0) return open;
  if (const auto mode = noted(inode_mode_.read(evidence_, *inode), notes, "a file's type"))
    open.type = type_name(*mode);
  open.inode = noted(number_.read(evidence_, *inode), notes, "a file's inode");
  open.size = noted(size_.read(evidence_, *inode), notes, "a file's size");
  if (const auto super = noted(super_.read(evidence_, *inode), notes, "a file's file system");
      super && *super != 0)
    if (const auto device = noted(device_.read(evidence_, *super), notes, "a file's device"))
      open.device = device_text(*device);
  return open;
}

bool FilesReader::read(std::uint64_t task, const Process& process, const Visitor<OpenFile>& visit,
                       Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  AddressSpace& memory = evidence_.memory();
  const auto files = noted(files_.read(evidence_, task), notes, what);
  if (!files || *files == 0) return true;  // a kernel thread, or it has exited
  const auto table = noted(table_.read(evidence_, *files), notes, what);
  if (!table) return true;
  const auto room = noted(room_.read(evidence_, *table), notes, what);
  const auto array = noted(array_.read(evidence_, *table), notes, what);
  const auto open_at = noted(open_.read(evidence_, *table), notes, what);
  const auto close_at = noted(close_on_exec_.read(evidence_, *table), notes, what);
  if (!room || !array || !open_at || !close_at) return true;
  const std::uint64_t count = std::min({*room, most_descriptors, bits_left_});
  bits_left_ -= count;
  if (count < *room)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: their table has room for {}, of which {} were looked at", what,
                               *room, count),
                   *table});
  const auto open = noted(read_bits(memory, *open_at, count), notes, what);
  const auto close = noted(read_bits(memory, *close_at, count), notes, what);
  if (!open) return true;
  for (std::uint64_t descriptor = 0; descriptor < open->size(); ++descriptor) {
    if (!(*open)[static_cast<std::size_t>(descriptor)]) continue;
    const auto file =
        noted(memory.word(*array + descriptor * memory.machine().pointer_size), notes, what);
    if (!file || *file == 0) continue;  // reserved, not opened yet
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
    if (const auto flags = noted(flags_.read(evidence_, *file), notes, "a file's flags"))
      found.flags = flag_names(*flags, close && (*close)[static_cast<std::size_t>(descriptor)]);
    if (!visit(found)) return false;
  }
  return true;
}

}  // namespace panicroom::linux_kernel
