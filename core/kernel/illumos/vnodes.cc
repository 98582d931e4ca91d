#include "core/kernel/illumos/vnodes.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

namespace panicroom::illumos {
namespace {

constexpr std::size_t longest_path = 1024;  // MAXPATHLEN
// enum vtype, uts/common/sys/vnode.h.
constexpr std::array<std::string_view, 11> type_names = {
    "",     "file", "directory", "block device", "character device", "link",
    "pipe", "door", "process",   "socket",       "event port"};

}  // namespace

Vnodes::Vnodes(Evidence& evidence) : evidence_(evidence) {
  if (const auto operations = evidence.pointer("spec_vnodeops")) special_ = *operations;
}

std::optional<std::string> Vnodes::own_path(std::uint64_t vnode, Notes& notes) {
  constexpr std::string_view what = "a file's path";
  const auto at = noted(path_.read(evidence_, vnode), notes, what);
  if (!at || *at == 0) return std::nullopt;
  auto path = noted(evidence_.memory().string(*at, longest_path), notes, what);
  if (!path || path->empty()) return std::nullopt;  // vn_vpath_empty since 2017
  return path;
}

std::optional<std::string> Vnodes::path(std::uint64_t vnode, Notes& notes) {
  auto path = own_path(vnode, notes);
  if (path || special_ == 0) return path;
  // A device's vnode may stand before the one that was looked up (uts/common/sys/fs/snode.h).
  const auto operations = operations_.read(evidence_, vnode);
  if (!operations || *operations != special_) return std::nullopt;
  const auto node = noted(data_.read(evidence_, vnode), notes, "a device file");
  if (!node || *node == 0) return std::nullopt;
  const auto real = noted(real_.read(evidence_, *node), notes, "a device file");
  return real && *real != 0 ? own_path(*real, notes) : std::nullopt;
}

std::optional<std::string> Vnodes::type(std::uint64_t vnode, Notes& notes) {
  const auto number = noted(type_.read(evidence_, vnode), notes, "a file's type");
  if (!number) return std::nullopt;
  if (*number != 0 && *number < type_names.size())
    return std::string(type_names[static_cast<std::size_t>(*number)]);
  notes.add(
      Note{ErrorCode::unsupported, fmt::format("a file's type {} is not known", *number), vnode});
  return std::nullopt;
}

std::string Vnodes::device_name(std::uint64_t device) const {
  const bool wide = evidence_.pointer_size() == 8;
  const unsigned minor_bits = wide ? 32 : 18;  // NBITSMINOR64, NBITSMINOR32
  return fmt::format("{}:{}", device >> minor_bits,
                     device & ((std::uint64_t{1} << minor_bits) - 1));
}

std::optional<std::string> Vnodes::device(std::uint64_t vnode, Notes& notes) {
  constexpr std::string_view what = "a file's file system";
  const auto system = noted(file_system_.read(evidence_, vnode), notes, what);
  if (!system || *system == 0) return std::nullopt;
  const auto device = noted(device_.read(evidence_, *system), notes, what);
  return device ? std::optional(device_name(*device)) : std::nullopt;
}

}  // namespace panicroom::illumos
