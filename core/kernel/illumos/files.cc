#include "core/kernel/illumos/files.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/flag_names.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t size_of_file = 40;  // bytes, at least

// uts/common/sys/file.h.
constexpr std::array<FlagName, 6> flag_names = {{{0x4, "ndelay"},
                                                 {0x8, "append"},
                                                 {0x10, "sync"},
                                                 {0x40, "dsync"},
                                                 {0x80, "nonblock"},
                                                 {0x1000, "async"}}};

}  // namespace

FilesReader::FilesReader(Evidence& evidence, Vnodes& vnodes)
    : evidence_(evidence), vnodes_(vnodes), descriptors_(evidence, size_of_file) {}

OpenFile FilesReader::read_file(std::uint64_t file, Notes& notes) {
  OpenFile open;
  open.address = file;
  if (const auto flags = noted(flags_.read(evidence_, file), notes, "a file's flags")) {
    open.access = access_of(*flags);
    open.flags = names_of(*flags, flag_names, ",");
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
  return descriptors_.for_each(
      process, *room, *slots,
      [&](std::uint64_t descriptor) {
        return evidence_.memory().word(*slots + descriptor * *stride + file_at->offset);
      },
      [&](std::uint64_t file, std::uint64_t&) { return read_file(file, notes); },
      [&](const OpenFile& open, std::uint64_t) { return visit(open); }, notes);
}

}  // namespace panicroom::illumos
