#include "core/kernel/freebsd/release_machine_members.h"

#include <algorithm>
#include <array>
#include <span>

namespace panicroom::freebsd {
namespace {

/// As ReleaseMember; some lie further in.
struct MachineMember {
  std::string_view structure, path;
  std::uint32_t offset = 0, size = 0;
  bool is_signed = false;
};

// Measured as the members in release_layouts.cc (sys/sys, sys/vm, sys/net, sys/kern/sched_ule.c,
// vfs_bio.c, kern_tc.c, link_elf.c and link_elf_obj.c).

// FreeBSD 12.1-RELEASE.
constexpr std::array<MachineMember, 93> freebsd_12_1_amd64 = {{
    {"linker_file", "", 0, 176},
    {"linker_file", "link", 24, 16},
    {"linker_file", "filename", 40, 8},
    {"linker_file", "refs", 8, 4, true},
    {"linker_file", "flags", 16, 4, true},
    {"linker_file", "id", 56, 4, true},
    {"linker_file", "address", 64, 8},
    {"linker_file", "size", 72, 8},
    {"linker_file", "ndeps", 96, 4, true},
    {"linker_file", "deps", 104, 8},
    {"mount", "mnt_list", 40, 16},
    {"mount", "mnt_flag", 128, 8},
    {"mount", "mnt_stat.f_flags", 168, 8},
    {"mount", "mnt_stat.f_mntfromname", 456, 1024},
    {"mount", "mnt_stat.f_owner", 348, 4},
    {"pcpu", "", 0, 4096},
    {"pcpu", "pc_curthread", 0, 8},
    {"pcpu", "pc_idlethread", 8, 8},
    {"pcpu", "pc_curpcb", 32, 8},
    {"pcpu", "pc_cpuid", 52, 4},
    {"pcpu", "pc_dynamic", 152, 8},
    {"tdq", "", 0, 3200},
    {"tdq", "tdq_load", 72, 4, true},
    {"loadavg", "ldavg", 0, 12},
    {"loadavg", "fscale", 16, 8, true},
    {"swdevt", "sw_flags", 0, 4, true},
    {"swdevt", "sw_nblks", 4, 4, true},
    {"swdevt", "sw_used", 8, 4, true},
    {"swdevt", "sw_vp", 24, 8},
    {"swdevt", "sw_list", 56, 16},
    {"vmmeter", "v_wire_count", 280, 8},
    {"vmmeter", "v_page_size", 288, 4},
    {"vmmeter", "v_page_count", 292, 4},
    {"vm_domain", "", 0, 1664},
    {"vm_domain", "vmd_pagequeues", 0, 512},
    {"vm_domain", "vmd_domain", 688, 4},
    {"vm_domain", "vmd_page_count", 692, 4},
    {"vm_domain", "vmd_free_count", 704, 4},
    {"vm_domain", "vmd_free_reserved", 1584, 4},
    {"vm_domain", "vmd_free_target", 1588, 4},
    {"vm_domain", "vmd_free_min", 1592, 4},
    {"vm_pagequeue", "", 0, 128},
    {"vm_pagequeue", "pq_cnt", 48, 4, true},
    {"bufdomain", "", 0, 33472},
    {"bufdomain", "bd_bufspace", 33344, 8, true},
    {"uma_keg", "uk_zones", 48, 8},
    {"uma_keg", "uk_pages", 76, 4},
    {"uma_keg", "uk_free", 80, 4},
    {"uma_keg", "uk_link", 184, 16},
    {"uma_keg", "uk_domain", 200, 0},
    {"uma_domain", "", 0, 24},
    {"uma_zone", "uz_name", 8, 8},
    {"uma_zone", "uz_size", 28, 4},
    {"uma_zone", "uz_link", 104, 16},
    {"uma_zone", "uz_allocs", 256, 8},
    {"uma_zone", "uz_frees", 272, 8},
    {"uma_zone", "uz_cpu", 384, 0},
    {"uma_zone", "uz_domain", 16, 8},
    {"uma_cache", "", 0, 128},
    {"uma_cache", "uc_freebucket", 0, 8},
    {"uma_cache", "uc_allocbucket", 8, 8},
    {"uma_cache", "uc_allocs", 16, 8},
    {"uma_cache", "uc_frees", 24, 8},
    {"uma_bucket", "ub_cnt", 16, 2, true},
    {"uma_zone_domain", "", 0, 40},
    {"uma_zone_domain", "uzd_nitems", 8, 8, true},
    {"intr_event", "ie_list", 0, 16},
    {"intr_event", "ie_handlers", 16, 8},
    {"intr_event", "ie_irq", 176, 4, true},
    {"intr_handler", "ih_next", 64, 8},
    {"intr_handler", "ih_name", 28, 20},
    {"sysctl_oid", "oid_children", 0, 8},
    {"sysctl_oid", "oid_link.sle_next", 16, 8},
    {"sysctl_oid", "oid_kind", 28, 4},
    {"sysctl_oid", "oid_arg1", 32, 8},
    {"sysctl_oid", "oid_arg2", 40, 8, true},
    {"sysctl_oid", "oid_name", 48, 8},
    {"sysctl_oid", "oid_handler", 56, 8},
    {"sysctl_oid", "oid_fmt", 64, 8},
    {"sysctl_oid", "oid_descr", 80, 8},
    {"timehands", "th_offset.sec", 32, 8, true},
    {"timehands", "th_offset.frac", 40, 8},
    {"timehands", "th_boottime.sec", 96, 8, true},
    {"timehands", "th_boottime.frac", 104, 8},
    {"vnet", "", 0, 48},
    {"vnet", "vnet_data_base", 40, 8},
    {"elf_file", "", 0, 344},
    {"elf_file", "progtab", 208, 8},
    {"elf_file", "ddbsymtab", 256, 8},
    {"elf_file", "ddbsymcnt", 264, 8, true},
    {"elf_file", "ddbstrtab", 272, 8},
    {"elf_file", "ddbstrcnt", 280, 8, true},
    {"elf_file", "address", 184, 8},
}};

// What arm64 has otherwise.
constexpr std::array<MachineMember, 22> freebsd_12_1_arm64 = {{
    {"pcpu", "", 0, 512},
    {"tdq", "", 0, 3328},
    {"tdq", "tdq_load", 136, 4, true},
    {"vm_domain", "", 0, 1920},
    {"vm_domain", "vmd_domain", 816, 4},
    {"vm_domain", "vmd_page_count", 820, 4},
    {"vm_domain", "vmd_free_count", 896, 4},
    {"vm_domain", "vmd_free_reserved", 1840, 4},
    {"vm_domain", "vmd_free_target", 1844, 4},
    {"vm_domain", "vmd_free_min", 1848, 4},
    {"bufdomain", "", 0, 66944},
    {"bufdomain", "bd_bufspace", 66688, 8, true},
    {"uma_zone", "uz_allocs", 240, 8},
    {"uma_zone", "uz_frees", 256, 8},
    {"uma_zone", "uz_cpu", 272, 0},
    {"uma_cache", "", 0, 32},
    {"elf_file", "", 0, 472},
    {"elf_file", "dynamic", 192, 8},
    {"elf_file", "ddbsymtab", 336, 8},
    {"elf_file", "ddbsymcnt", 344, 8, true},
    {"elf_file", "ddbstrtab", 352, 8},
    {"elf_file", "ddbstrcnt", 360, 8, true},
}};

// What FreeBSD 12.3-RELEASE has otherwise.
constexpr std::array<MachineMember, 6> freebsd_12_3_amd64 = {{
    {"tdq", "", 0, 3264},
    {"swdevt", "sw_list", 64, 16},
    {"vm_domain", "", 0, 1856},
    {"vm_domain", "vmd_free_reserved", 1752, 4},
    {"vm_domain", "vmd_free_target", 1756, 4},
    {"vm_domain", "vmd_free_min", 1760, 4},
}};

// What it has otherwise on arm64 than 12.1.
constexpr std::array<MachineMember, 5> freebsd_12_3_arm64 = {{
    {"swdevt", "sw_list", 64, 16},
    {"vm_domain", "", 0, 2176},
    {"vm_domain", "vmd_free_reserved", 2008, 4},
    {"vm_domain", "vmd_free_target", 2012, 4},
    {"vm_domain", "vmd_free_min", 2016, 4},
}};

struct Release {
  Architecture architecture = Architecture::x86_64;
  std::uint64_t osreldate = 0;
  std::array<std::span<const MachineMember>, 3> members;  ///< the first that has one tells
};
constexpr std::array<Release, 4> releases = {{
    {Architecture::x86_64, 1201000, {{freebsd_12_1_amd64, {}, {}}}},
    {Architecture::aarch64, 1201000, {{freebsd_12_1_arm64, freebsd_12_1_amd64, {}}}},
    {Architecture::x86_64, 1203000, {{freebsd_12_3_amd64, freebsd_12_1_amd64, {}}}},
    {Architecture::aarch64,
     1203000,
     {{freebsd_12_3_arm64, freebsd_12_1_arm64, freebsd_12_1_amd64}}},
}};

}  // namespace

std::optional<Member> release_machine_member(Architecture architecture, std::uint64_t osreldate,
                                             std::string_view structure, std::string_view path) {
  for (const Release& release : releases) {
    if (release.architecture != architecture || release.osreldate != osreldate) continue;
    for (const auto& members : release.members)
      for (const MachineMember& one : members) {
        if (one.structure != structure || one.path != path) continue;
        Member member;
        member.offset = one.offset;
        member.size = one.size;
        member.is_signed = one.is_signed;
        return member;
      }
  }
  return std::nullopt;
}

}  // namespace panicroom::freebsd
