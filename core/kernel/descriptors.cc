#include "core/kernel/descriptors.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string_view>

#include "core/kernel/field.h"

namespace panicroom {
namespace {

constexpr std::uint64_t most_descriptors = 1U << 20;  // of one process
constexpr std::uint64_t flag_read = 1, flag_write = 2;

}  // namespace

std::string access_of(std::uint64_t flags) {
  std::string access;
  if ((flags & flag_read) != 0) access += 'r';
  if ((flags & flag_write) != 0) access += 'w';
  return access;
}

Descriptors::Descriptors(Structures& structures, std::uint64_t file_size)
    : files_left_(most_objects(structures, file_size)) {}

bool Descriptors::for_each(const Process& process, std::int64_t room, std::uint64_t table,
                           const std::function<Result<std::uint64_t>(std::uint64_t)>& file_in,
                           const std::function<OpenFile(std::uint64_t, std::uint64_t&)>& read_file,
                           const VisitFile& visit, Notes& notes) {
  constexpr std::string_view what = "a process's open files";
  const std::uint64_t said = room < 0 ? UINT64_MAX : static_cast<std::uint64_t>(room);
  const std::uint64_t count = std::min({said, most_descriptors, slots_left_});
  slots_left_ -= count;
  if (count < said)
    notes.add(Note{ErrorCode::corrupt,
                   fmt::format("{}: their table has room for {}, of which {} were looked at", what,
                               room, count),
                   table});
  for (std::uint64_t descriptor = 0; descriptor < count; ++descriptor) {
    const auto file = noted(file_in(descriptor), notes, what);
    if (!file) return true;
    if (*file == 0) continue;
    if (files_left_ == 0) {
      notes.add(Note{ErrorCode::corrupt, "there are more open files than the memory can hold",
                     std::nullopt});
      return false;
    }
    --files_left_;
    std::uint64_t socket = 0;
    OpenFile open = read_file(*file, socket);
    open.pid = process.pid;
    open.process = process.name;
    open.descriptor = static_cast<std::int64_t>(descriptor);
    if (!visit(open, socket)) return false;
  }
  return true;
}

}  // namespace panicroom
