#include "core/kernel/netbsd/mounts.h"

#include <fmt/format.h>

#include <array>
#include <string>
#include <string_view>

#include "core/kernel/field.h"
#include "core/kernel/flag_names.h"
#include "core/kernel/lists.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t size_of_mount = 1024;  // bytes, at least: it has a struct statvfs
constexpr std::uint64_t entry_of_mount = 0;    // ME_MOUNT; the others mark where a walk is

// sys/sys/fstypes.h: MNT_* that mount(8) shows, and its words for them.
constexpr std::array flag_names = {FlagName{0x40, "asynchronous"},
                                   FlagName{0x10000000, "automounted"},
                                   FlagName{0x200000, "nfs4acls"},
                                   FlagName{0x800, "posix1eacls"},
                                   FlagName{0x800000, "discard"},
                                   FlagName{0x1000000, "extattr"},
                                   FlagName{0x100000, "hidden"},
                                   FlagName{0x2000000, "log"},
                                   FlagName{0x4000000, "noatime"},
                                   FlagName{0x8000, "nocoredump"},
                                   FlagName{0x10, "nodev"},
                                   FlagName{0x40000000, "nodevmtime"},
                                   FlagName{4, "noexec"},
                                   FlagName{8, "nosuid"},
                                   FlagName{1, "read-only"},
                                   FlagName{0x20000, "relatime"},
                                   FlagName{0x80000000, "soft dependencies"},
                                   FlagName{0x20000000, "symperm"},
                                   FlagName{2, "synchronous"},
                                   FlagName{0x20, "union"},
                                   FlagName{0x80, "exported read-only"},
                                   FlagName{0x100, "NFS exported"},
                                   FlagName{0x200, "exported to the world"},
                                   FlagName{0x1000, "local"},
                                   FlagName{0x2000, "with quotas"},
                                   FlagName{0x4000, "root file system"}};

std::string option_names(std::uint64_t flags, std::optional<std::uint64_t> owner) {
  std::string names = names_of(flags, flag_names, ", ");
  if (owner && *owner != 0)
    names += fmt::format("{}mounted by {}", names.empty() ? "" : ", ", *owner);
  return names;
}

class MountsReader {
 public:
  MountsReader(Evidence& evidence, Notes& notes) : evidence_(evidence), notes_(notes) {}

  Mount read(std::uint64_t address) {
    constexpr std::string_view what = "a mounted file system";
    Mount mount;
    mount.address = address;
    mount.source = noted(source_.text(evidence_, address), notes_, what);
    mount.path = noted(path_.text(evidence_, address), notes_, what);
    mount.type = noted(type_.text(evidence_, address), notes_, what);
    const auto by = noted(owner_.read(evidence_, address), notes_, what);
    if (const auto bits = noted(flags_.read(evidence_, address), notes_, what))
      mount.options = option_names(*bits & 0xffffffffU, by);
    return mount;
  }

 private:
  Evidence& evidence_;
  Notes& notes_;
  Field flags_{"mount", "mnt_flag"}, source_{"mount", "mnt_stat.f_mntfromname"},
      path_{"mount", "mnt_stat.f_mntonname"}, type_{"mount", "mnt_stat.f_fstypename"},
      owner_{"mount", "mnt_stat.f_owner"};
};

}  // namespace

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes) {
  const Field link("mount", "mnt_list"), entry_link("mountlist_entry", "me_list"),
      entry_mount("mountlist_entry", "me_mount"), entry_type("mountlist_entry", "me_type");
  PANICROOM_TRY(head, evidence.address_of("mountlist"));
  const bool by_entries = entry_link.exists(evidence);
  PANICROOM_TRY(next, (by_entries ? entry_link : link).member(evidence));
  MountsReader reader(evidence, notes);
  for_each_listed(
      evidence, head, next.offset, most_objects(evidence, size_of_mount), "the list of mounts",
      notes, [&](std::uint64_t address) {
        // A circular list ends at its own head.
        if (address == head) return false;
        if (!by_entries) return visit(reader.read(address));
        const auto type = noted(entry_type.read(evidence, address), notes, "the list of mounts");
        if (!type || *type != entry_of_mount) return true;
        const auto mount = noted(entry_mount.read(evidence, address), notes, "the list of mounts");
        return !mount || *mount == 0 || visit(reader.read(*mount));
      });
  return {};
}

}  // namespace panicroom::netbsd
