#include "core/kernel/openbsd/mounts.h"

#include <array>

#include "core/kernel/field.h"
#include "core/kernel/flag_names.h"
#include "core/kernel/lists.h"

namespace panicroom::openbsd {
namespace {

constexpr std::uint64_t size_of_mount = 512;  // bytes, at least: it has a struct statfs

// MNT_* (sys/sys/mount.h) by the words of mount(8), sbin/mount/mount.c, in its order.
constexpr std::array flag_names = {
    FlagName{0x40, "asynchronous"},  FlagName{0x100, "NFS exported"}, FlagName{0x1000, "local"},
    FlagName{0x8000, "noatime"},     FlagName{0x10, "nodev"},         FlagName{0x4, "noexec"},
    FlagName{0x8, "nosuid"},         FlagName{0x20, "noperm"},        FlagName{0x800, "wxallowed"},
    FlagName{0x2000, "with quotas"}, FlagName{0x1, "read-only"},      FlagName{0x2, "synchronous"},
    FlagName{0x4000000, "softdep"}};

}  // namespace

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes) {
  constexpr std::string_view what = "a mounted file system";
  const Field link("mount", "mnt_list"), flags("mount", "mnt_flag"),
      source("mount", "mnt_stat.f_mntfromname"), path("mount", "mnt_stat.f_mntonname"),
      type("mount", "mnt_stat.f_fstypename");
  PANICROOM_TRY(head, evidence.address_of("mountlist"));
  PANICROOM_TRY(next, link.member(evidence));
  for_each_listed(evidence, head, next.offset, most_objects(evidence, size_of_mount),
                  "the list of mounts", notes, [&](std::uint64_t address) {
                    Mount mount;
                    mount.address = address;
                    mount.source = noted(source.text(evidence, address), notes, what);
                    mount.path = noted(path.text(evidence, address), notes, what);
                    mount.type = noted(type.text(evidence, address), notes, what);
                    if (const auto bits = noted(flags.read(evidence, address), notes, what))
                      mount.options = names_of(*bits, flag_names, ", ");
                    return visit(mount);
                  });
  return {};
}

}  // namespace panicroom::openbsd
