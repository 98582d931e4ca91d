#include <fmt/format.h>

#include <algorithm>
#include <string>

#include "core/base/loop_guard.h"
#include "core/kernel/illumos/machine.h"
#include "core/kernel/illumos/vnodes.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t size_of_vfs = 128;  // bytes, at least
constexpr std::uint64_t most_types = 256;   // nfstype is under 64
constexpr std::uint64_t most_options = 64;  // of one mount
constexpr std::size_t longest_text = 1024;
constexpr std::uint64_t option_is_set = 1, option_is_hidden = 2;  // MO_SET, MO_NODISPLAY

class Reader {
 public:
  explicit Reader(Evidence& evidence) : evidence_(evidence), vnodes_(evidence) {}

  Result<void> read(const Visitor<Mount>& visit, Notes& notes) {
    PANICROOM_TRY(first, evidence_.pointer("rootvfs"));
    PANICROOM_TRY(link, next_.member(evidence_));
    VisitOnce guard(most_objects(evidence_, size_of_vfs));
    std::uint64_t at = first;
    while (at != 0) {
      if (!guard.step(at)) {
        notes.add(Note{ErrorCode::corrupt,
                       guard.cyclic() ? "the ring of mounts does not lead back to its head"
                                      : "the ring of mounts has more elements than are followed",
                       at});
        break;
      }
      const auto next = evidence_.memory().word(at + link.offset);
      if (!next) {
        notes.add(next.error().within("the ring of mounts breaks off"));
        break;
      }
      if (!visit(one(at, notes)) || *next == first) break;
      at = *next;
    }
    return {};
  }

 private:
  std::optional<std::string> shared_text(const Field& field, std::uint64_t vfs, Notes& notes) {
    const auto text = noted(field.read(evidence_, vfs), notes, "a mount");
    if (!text || *text == 0) return std::nullopt;
    const auto place = noted(text_.place(evidence_, *text), notes, "a mount");
    if (!place) return std::nullopt;
    return noted(evidence_.memory().string(*place, longest_text), notes, "a mount");
  }

  std::optional<std::string> type(std::uint64_t vfs, Notes& notes) {
    constexpr std::string_view what = "a mount's type";
    const auto number = noted(type_.read(evidence_, vfs), notes, what);
    const auto table = noted(evidence_.address_of("vfssw"), notes, what);
    const auto size = noted(evidence_.size_of("vfssw"), notes, what);
    if (!number || !table || !size) return std::nullopt;
    const auto said = evidence_.variable("nfstype", 4);
    if (*number >= std::min(said ? *said : most_types, most_types)) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} is {}", what, *number), vfs});
      return std::nullopt;
    }
    const auto at = noted(type_name_.read(evidence_, *table + *number * *size), notes, what);
    if (!at || *at == 0) return std::nullopt;
    return noted(evidence_.memory().string(*at, longest_text), notes, what);
  }

  /// As /etc/mnttab has them.
  std::optional<std::string> options(std::uint64_t vfs, Notes& notes) {
    constexpr std::string_view what = "a mount's options";
    const auto count = noted(option_count_.read(evidence_, vfs), notes, what);
    const auto list = noted(options_.read(evidence_, vfs), notes, what);
    const auto size = noted(evidence_.size_of("mntopt"), notes, what);
    if (!count || !list || !size) return std::nullopt;
    if (*count > most_options) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} are said to be {}", what, *count), vfs});
      return std::nullopt;
    }
    std::string names;
    for (std::uint64_t i = 0; *list != 0 && i < *count; ++i) {
      const std::uint64_t option = *list + i * *size;
      const auto flags = noted(option_flags_.read(evidence_, option), notes, what);
      if (!flags || (*flags & option_is_set) == 0 || (*flags & option_is_hidden) != 0) continue;
      const auto name_at = noted(option_name_.read(evidence_, option), notes, what);
      if (!name_at || *name_at == 0) continue;
      const auto name = noted(evidence_.memory().string(*name_at, longest_text), notes, what);
      if (!name) continue;
      names.append(names.empty() ? "" : ",").append(*name);
      const auto value_at = noted(option_value_.read(evidence_, option), notes, what);
      if (!value_at || *value_at == 0) continue;
      if (const auto value = noted(evidence_.memory().string(*value_at, longest_text), notes, what))
        names.append("=").append(*value);
    }
    return names;
  }

  Mount one(std::uint64_t address, Notes& notes) {
    Mount mount;
    mount.address = address;
    mount.source = shared_text(source_, address, notes);
    mount.path = shared_text(path_, address, notes);
    mount.type = type(address, notes);
    mount.options = options(address, notes);
    if (const auto device = noted(device_.read(evidence_, address), notes, "a mount's device"))
      mount.device = vnodes_.device_name(*device);
    return mount;
  }

  Evidence& evidence_;
  Vnodes vnodes_;
  Field next_{"vfs", "vfs_next"}, source_{"vfs", "vfs_resource"}, path_{"vfs", "vfs_mntpt"},
      type_{"vfs", "vfs_fstype"}, device_{"vfs", "vfs_dev"},
      option_count_{"vfs", "vfs_mntopts.mo_count"}, options_{"vfs", "vfs_mntopts.mo_list"};
  Field text_{"refstr", "rs_string"}, type_name_{"vfssw", "vsw_name"},
      option_name_{"mntopt", "mo_name"}, option_value_{"mntopt", "mo_arg"},
      option_flags_{"mntopt", "mo_flags"};
};

}  // namespace

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes) {
  return Reader(evidence).read(visit, notes);
}

}  // namespace panicroom::illumos
