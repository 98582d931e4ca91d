#include "core/kernel/freebsd/mounts.h"

#include <fmt/format.h>

#include <array>

#include "core/kernel/field.h"
#include "core/kernel/flag_names.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t size_of_mount = 1024;  // bytes, at least: it has a struct statfs

// sys/sys/mount.h: MNT_* that a user can see, and the words of MNTOPT_NAMES, in its order.
constexpr std::uint64_t mounted_by_user = 0x8000;
constexpr std::array flag_names = {FlagName{0x40, "asynchronous"},
                                   FlagName{0x100, "NFS exported"},
                                   FlagName{0x1000, "local"},
                                   FlagName{0x10000000, "noatime"},
                                   FlagName{4, "noexec"},
                                   FlagName{8, "nosuid"},
                                   FlagName{0x400000, "nosymfollow"},
                                   FlagName{0x2000, "with quotas"},
                                   FlagName{1, "read-only"},
                                   FlagName{2, "synchronous"},
                                   FlagName{0x20, "union"},
                                   FlagName{0x40000000, "noclusterr"},
                                   FlagName{0x80000000, "noclusterw"},
                                   FlagName{0x100000, "suiddir"},
                                   FlagName{0x200000, "soft-updates"},
                                   FlagName{0x100000000, "journaled soft-updates"},
                                   FlagName{0x4000000, "multilabel"},
                                   FlagName{0x8000000, "acls"},
                                   FlagName{0x10, "nfsv4acls"},
                                   FlagName{0x2000000, "gjournal"},
                                   FlagName{0x200000000, "automounted"},
                                   FlagName{0x400000000, "verified"},
                                   FlagName{0x800000000, "untrusted"},
                                   FlagName{0x20000000000, "named attributes"}};

std::string option_names(std::uint64_t flags, std::optional<std::uint64_t> owner) {
  std::string names = names_of(flags, flag_names, ", ");
  if (owner && ((flags & mounted_by_user) != 0 || *owner != 0))
    names += fmt::format("{}mounted by {}", names.empty() ? "" : ", ", *owner);
  return names;
}

}  // namespace

Result<void> read_mounts(Evidence& evidence, const Visitor<Mount>& visit, Notes& notes) {
  constexpr std::string_view what = "a mounted file system";
  // struct mount keeps the flags that statfs(2) copies into f_flags when it is asked.
  const Field link("mount", "mnt_list"), flags("mount", {"mnt_flag", "mnt_stat.f_flags"}),
      source("mount", "mnt_stat.f_mntfromname"), path("mount", "mnt_stat.f_mntonname"),
      type("mount", "mnt_stat.f_fstypename"), owner("mount", "mnt_stat.f_owner");
  PANICROOM_TRY(head, evidence.address_of("mountlist"));
  PANICROOM_TRY(next, link.member(evidence));
  for_each_listed(evidence, head, next.offset, most_objects(evidence, size_of_mount),
                  "the list of mounts", notes, [&](std::uint64_t address) {
                    Mount mount;
                    mount.address = address;
                    mount.source = noted(source.text(evidence, address), notes, what);
                    mount.path = noted(path.text(evidence, address), notes, what);
                    mount.type = noted(type.text(evidence, address), notes, what);
                    const auto by = noted(owner.read(evidence, address), notes, what);
                    if (const auto bits = noted(flags.read(evidence, address), notes, what))
                      mount.options = option_names(*bits, by);
                    return visit(mount);
                  });
  return {};
}

}  // namespace panicroom::freebsd
