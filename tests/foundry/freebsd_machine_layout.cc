#include "tests/foundry/freebsd_machine_layout.h"

#include "tests/foundry/freebsd_layout.h"

namespace foundry {
namespace {

// Rows as in freebsd_layout.cc: the structures that belong to the machine as a whole. Those of the
// invented kernel are of the newest forms: counters of each processor's own, a tree of variables.

constexpr std::string_view invented = R"(
elf_file . 0 264 size
elf_file progtab 168 w pointer
elf_file nprogtab 176 4 unsigned
Elf_progent . 0 48 size
Elf_progent name 0 w pointer
Elf_progent size 16 w unsigned
Elf_progent addr 32 w pointer
elf_file dynamic 184 w pointer
elf_file address 192 w pointer
elf_file ddbstrcnt 200 w signed
elf_file ddbstrtab 216 w pointer
elf_file ddbsymcnt 232 w signed
elf_file ddbsymtab 248 w pointer
linker_file . 0 160 size
linker_file deps 24 w pointer
linker_file ndeps 36 4 signed
linker_file size 48 w unsigned
linker_file address 56 w pointer
linker_file id 68 4 signed
linker_file flags 76 4 signed
linker_file refs 84 4 signed
linker_file filename 96 w pointer
linker_file link 112 2w tqe
mount . 0 2240 size
mount mnt_list 8 2w tqe
mount mnt_stat.f_mntfromname 1064 1024 text
mount mnt_stat.f_flags 2088 8 unsigned
mount mnt_stat.f_owner 2100 4 unsigned
mount mnt_flag 2112 8 unsigned
pcpu . 0 1024 size
pcpu pc_zpcpu_offset 16 w unsigned
pcpu pc_dynamic 40 w unsigned
pcpu pc_cpuid 52 4 unsigned
pcpu pc_curpcb 72 w pointer
pcpu pc_idlethread 88 w pointer
pcpu pc_curthread 104 w pointer
tdq . 0 256 size
tdq tdq_load 36 4 signed
loadavg . 0 48 size
loadavg fscale 8 w signed
loadavg ldavg 20 12 array:3
swdevt . 0 112 size
swdevt sw_list 16 2w tqe
swdevt sw_vp 40 w pointer
swdevt sw_used 52 4 signed
swdevt sw_nblks 60 4 signed
vmmeter . 0 96 size
vmmeter v_page_count 20 4 unsigned
vmmeter v_page_size 28 4 unsigned
vmmeter v_wire_count 48 w pointer
vm_domain . 0 704 size
vm_domain vmd_free_min 12 4 unsigned
vm_domain vmd_free_target 20 4 unsigned
vm_domain vmd_free_reserved 28 4 unsigned
vm_domain vmd_free_count 36 4 unsigned
vm_domain vmd_page_count 44 4 unsigned
vm_domain vmd_domain 52 4 unsigned
vm_domain vmd_pagequeues 64 320 bytes
vm_pagequeue . 0 80 size
vm_pagequeue pq_cnt 28 4 signed
bufdomain . 0 192 size
bufdomain bd_bufspace 88 w signed
uma_keg . 0 1000 size
uma_keg uk_link 40 2w le
uma_keg uk_zones 72 w pointer
uma_keg uk_domain 112 0 bytes
uma_domain . 0 96 size
uma_domain ud_free_items 20 4 unsigned
uma_domain ud_pages 44 4 unsigned
uma_zone . 0 264 size
uma_zone uz_frees 24 w pointer
uma_zone uz_allocs 40 w pointer
uma_zone uz_link 64 2w le
uma_zone uz_size 84 4 unsigned
uma_zone uz_name 96 w pointer
uma_zone uz_cpu 264 0 bytes
uma_cache . 0 96 size
uma_cache uc_frees 8 8 unsigned
uma_cache uc_allocs 24 8 unsigned
uma_cache uc_crossbucket.ucb_cnt 36 2 signed
uma_cache uc_allocbucket.ucb_cnt 52 2 signed
uma_cache uc_freebucket.ucb_cnt 68 2 signed
uma_zone_domain . 0 80 size
uma_zone_domain uzd_nitems 48 w signed
intr_event . 0 136 size
intr_event ie_irq 20 4 signed
intr_event ie_flags 28 4 signed
intr_event ie_handlers 40 w pointer
intr_event ie_list 64 2w tqe
intr_event ie_flags 100 4 signed
intr_handler . 0 96 size
intr_handler ih_name 24 20 text
intr_handler ih_next 56 w pointer
sysctl_oid . 0 240 size
sysctl_oid oid_descr 16 w pointer
sysctl_oid oid_fmt 32 w pointer
sysctl_oid oid_handler 48 w pointer
sysctl_oid oid_name 64 w pointer
sysctl_oid oid_arg2 80 8 signed
sysctl_oid oid_arg1 96 w pointer
sysctl_oid oid_kind 116 4 unsigned
sysctl_oid oid_link.rbe_link 128 3w array:3
sysctl_oid oid_children 176 w pointer
timehands . 0 96 size
timehands th_boottime.frac 16 8 unsigned
timehands th_boottime.sec 24 8 signed
timehands th_offset.frac 48 8 unsigned
timehands th_offset.sec 56 8 signed
vnet . 0 48 size
vnet vnet_data_base 24 w unsigned
)";

constexpr std::string_view freebsd_12_1_amd64 = R"(
linker_file . 0 176 size
linker_file link 24 16 tqe
linker_file filename 40 8 pointer
linker_file refs 8 4 signed
linker_file flags 16 4 signed
linker_file id 56 4 signed
linker_file address 64 8 pointer
linker_file size 72 8 unsigned
linker_file ndeps 96 4 signed
linker_file deps 104 8 pointer
mount mnt_list 40 16 tqe
mount mnt_flag 128 8 unsigned
mount mnt_stat.f_flags 168 8 unsigned
mount mnt_stat.f_mntfromname 456 1024 text
mount mnt_stat.f_owner 348 4 unsigned
pcpu . 0 4096 size
pcpu pc_curthread 0 8 pointer
pcpu pc_idlethread 8 8 pointer
pcpu pc_curpcb 32 8 pointer
pcpu pc_cpuid 52 4 unsigned
pcpu pc_cp_time 72 40 array:5
pcpu pc_dynamic 152 8 unsigned
tdq . 0 3264 size
tdq tdq_load 72 4 signed
loadavg ldavg 0 12 array:3
loadavg fscale 16 8 signed
swdevt sw_flags 0 4 signed
swdevt sw_nblks 4 4 signed
swdevt sw_used 8 4 signed
swdevt sw_vp 24 8 pointer
swdevt sw_list 56 16 tqe
vmmeter v_wire_count 280 8 pointer
vmmeter v_page_size 288 4 unsigned
vmmeter v_page_count 292 4 unsigned
vm_domain . 0 1664 size
vm_domain vmd_pagequeues 0 512 bytes
vm_domain vmd_domain 688 4 unsigned
vm_domain vmd_page_count 692 4 unsigned
vm_domain vmd_free_count 704 4 unsigned
vm_domain vmd_free_reserved 1584 4 unsigned
vm_domain vmd_free_target 1588 4 unsigned
vm_domain vmd_free_min 1592 4 unsigned
vm_pagequeue . 0 128 size
vm_pagequeue pq_cnt 48 4 signed
bufdomain . 0 33472 size
bufdomain bd_bufspace 33344 8 signed
uma_keg uk_zones 48 8 pointer
uma_keg uk_pages 76 4 unsigned
uma_keg uk_free 80 4 unsigned
uma_keg uk_link 184 16 le
uma_keg uk_domain 200 0 bytes
uma_domain . 0 24 size
uma_zone uz_name 8 8 pointer
uma_zone uz_size 28 4 unsigned
uma_zone uz_link 104 16 le
uma_zone uz_allocs 256 8 unsigned
uma_zone uz_frees 272 8 unsigned
uma_zone uz_cpu 384 0 bytes
uma_zone uz_domain 16 8 pointer
uma_cache . 0 128 size
uma_cache uc_freebucket 0 8 pointer
uma_cache uc_allocbucket 8 8 pointer
uma_cache uc_allocs 16 8 unsigned
uma_cache uc_frees 24 8 unsigned
uma_bucket ub_cnt 16 2 signed
uma_zone_domain . 0 40 size
uma_zone_domain uzd_nitems 8 8 signed
intr_event ie_list 0 16 tqe
intr_event ie_handlers 16 8 pointer
intr_event ie_flags 144 4 signed
intr_event ie_irq 176 4 signed
intr_handler ih_next 64 8 pointer
intr_handler ih_name 28 20 text
sysctl_oid oid_children 0 8 pointer
sysctl_oid oid_link.sle_next 16 8 pointer
sysctl_oid oid_kind 28 4 unsigned
sysctl_oid oid_arg1 32 8 pointer
sysctl_oid oid_arg2 40 8 signed
sysctl_oid oid_name 48 8 pointer
sysctl_oid oid_handler 56 8 pointer
sysctl_oid oid_fmt 64 8 pointer
sysctl_oid oid_descr 80 8 pointer
timehands th_offset.sec 32 8 signed
timehands th_offset.frac 40 8 unsigned
timehands th_boottime.sec 96 8 signed
timehands th_boottime.frac 104 8 unsigned
vnet . 0 48 size
vnet vnet_data_base 40 8 unsigned
elf_file . 0 344 size
elf_file progtab 208 8 pointer
elf_file nprogtab 216 4 unsigned
Elf_progent . 0 32 size
Elf_progent addr 0 8 pointer
Elf_progent size 8 8 unsigned
Elf_progent name 24 8 pointer
elf_file ddbsymtab 256 8 pointer
elf_file ddbsymcnt 264 8 signed
elf_file ddbstrtab 272 8 pointer
elf_file ddbstrcnt 280 8 signed
elf_file address 184 8 pointer
)";

constexpr std::string_view freebsd_12_1_arm64 = R"(
pcpu . 0 512 size
tdq . 0 3328 size
tdq tdq_load 136 4 signed
vm_domain . 0 1920 size
vm_domain vmd_domain 816 4 unsigned
vm_domain vmd_page_count 820 4 unsigned
vm_domain vmd_free_count 896 4 unsigned
vm_domain vmd_free_reserved 1840 4 unsigned
vm_domain vmd_free_target 1844 4 unsigned
vm_domain vmd_free_min 1848 4 unsigned
bufdomain . 0 66944 size
bufdomain bd_bufspace 66688 8 signed
uma_zone uz_allocs 240 8 unsigned
uma_zone uz_frees 256 8 unsigned
uma_zone uz_cpu 272 0 bytes
uma_cache . 0 32 size
elf_file . 0 472 size
elf_file dynamic 192 8 pointer
elf_file ddbsymtab 336 8 pointer
elf_file ddbsymcnt 344 8 signed
elf_file ddbstrtab 352 8 pointer
elf_file ddbstrcnt 360 8 signed
elf_file progtab 0 0 absent
)";

constexpr std::string_view freebsd_12_2_amd64 = R"(
swdevt sw_list 64 16 tqe
)";

constexpr std::string_view freebsd_12_2_arm64 = R"(
swdevt sw_list 64 16 tqe
)";

constexpr std::string_view freebsd_12_3_amd64 = R"(
vm_domain . 0 1856 size
vm_domain vmd_free_reserved 1752 4 unsigned
vm_domain vmd_free_target 1756 4 unsigned
vm_domain vmd_free_min 1760 4 unsigned
)";

constexpr std::string_view freebsd_12_3_arm64 = R"(
vm_domain . 0 2176 size
vm_domain vmd_free_reserved 2008 4 unsigned
vm_domain vmd_free_target 2012 4 unsigned
vm_domain vmd_free_min 2016 4 unsigned
)";

constexpr std::string_view freebsd_14_2_amd64 = R"(
linker_file . 0 200 size
linker_file link 24 16 tqe
linker_file filename 40 8 pointer
linker_file refs 8 4 signed
linker_file flags 16 4 signed
linker_file id 56 4 signed
linker_file address 64 8 pointer
linker_file size 72 8 unsigned
linker_file ndeps 120 4 signed
linker_file deps 128 8 pointer
mount mnt_list 104 16 tqe
mount mnt_flag 8 8 unsigned
mount mnt_stat.f_flags 184 8 unsigned
mount mnt_stat.f_mntfromname 472 1024 text
mount mnt_stat.f_owner 364 4 unsigned
pcpu . 0 4096 size
pcpu pc_curthread 0 8 pointer
pcpu pc_idlethread 8 8 pointer
pcpu pc_curpcb 32 8 pointer
pcpu pc_cpuid 60 4 unsigned
pcpu pc_dynamic 160 8 unsigned
pcpu pc_zpcpu_offset 176 8 unsigned
tdq . 0 3264 size
tdq tdq_load 80 4 signed
loadavg ldavg 0 12 array:3
loadavg fscale 16 8 signed
swdevt sw_flags 0 4 signed
swdevt sw_nblks 4 4 signed
swdevt sw_used 8 4 signed
swdevt sw_vp 24 8 pointer
swdevt sw_list 64 16 tqe
vmmeter v_wire_count 280 8 pointer
vmmeter v_page_size 288 4 unsigned
vmmeter v_page_count 292 4 unsigned
vm_domain . 0 1664 size
vm_domain vmd_pagequeues 0 512 bytes
vm_domain vmd_domain 688 4 unsigned
vm_domain vmd_page_count 692 4 unsigned
vm_domain vmd_free_count 704 4 unsigned
vm_domain vmd_free_reserved 1616 4 unsigned
vm_domain vmd_free_target 1620 4 unsigned
vm_domain vmd_free_min 1624 4 unsigned
vm_pagequeue . 0 128 size
vm_pagequeue pq_cnt 48 4 signed
bufdomain . 0 640 size
bufdomain bd_bufspace 512 8 signed
uma_keg uk_zones 16 8 pointer
uma_keg uk_link 128 16 le
uma_keg uk_domain 192 0 bytes
uma_domain . 0 128 size
uma_domain ud_pages 88 4 unsigned
uma_domain ud_free_items 92 4 unsigned
uma_zone uz_name 168 8 pointer
uma_zone uz_size 4 4 unsigned
uma_zone uz_link 128 16 le
uma_zone uz_allocs 144 8 pointer
uma_zone uz_frees 152 8 pointer
uma_zone uz_cpu 384 0 bytes
uma_cache . 0 128 size
uma_cache uc_freebucket.ucb_cnt 8 2 signed
uma_cache uc_allocbucket.ucb_cnt 24 2 signed
uma_cache uc_crossbucket.ucb_cnt 40 2 signed
uma_cache uc_allocs 48 8 unsigned
uma_cache uc_frees 56 8 unsigned
uma_bucket ub_cnt 8 2 signed
uma_zone_domain . 0 128 size
uma_zone_domain uzd_nitems 24 8 signed
intr_event ie_list 0 16 tqe
intr_event ie_handlers 16 8 pointer
intr_event ie_flags 144 4 signed
intr_event ie_irq 176 4 signed
intr_handler ih_next 64 8 pointer
intr_handler ih_name 28 20 text
sysctl_oid oid_children 0 8 pointer
sysctl_oid oid_link.rbe_link 16 24 array:3
sysctl_oid oid_kind 44 4 unsigned
sysctl_oid oid_arg1 48 8 pointer
sysctl_oid oid_arg2 56 8 signed
sysctl_oid oid_name 64 8 pointer
sysctl_oid oid_handler 72 8 pointer
sysctl_oid oid_fmt 80 8 pointer
sysctl_oid oid_descr 96 8 pointer
timehands th_offset.sec 32 8 signed
timehands th_offset.frac 40 8 unsigned
timehands th_boottime.sec 96 8 signed
timehands th_boottime.frac 104 8 unsigned
vnet . 0 64 size
vnet vnet_data_base 40 8 unsigned
elf_file . 0 368 size
elf_file progtab 232 8 pointer
elf_file nprogtab 240 4 unsigned
Elf_progent . 0 32 size
Elf_progent addr 0 8 pointer
Elf_progent size 8 8 unsigned
Elf_progent name 24 8 pointer
elf_file ddbsymtab 280 8 pointer
elf_file ddbsymcnt 288 8 signed
elf_file ddbstrtab 296 8 pointer
elf_file ddbstrcnt 304 8 signed
elf_file address 208 8 pointer
)";

constexpr std::string_view freebsd_14_2_arm64 = R"(
mount mnt_list 168 16 tqe
mount mnt_stat.f_flags 248 8 unsigned
mount mnt_stat.f_mntfromname 536 1024 text
mount mnt_stat.f_owner 428 4 unsigned
pcpu . 0 512 size
tdq . 0 3328 size
tdq tdq_load 144 4 signed
vm_domain . 0 1920 size
vm_domain vmd_domain 816 4 unsigned
vm_domain vmd_page_count 820 4 unsigned
vm_domain vmd_free_count 896 4 unsigned
vm_domain vmd_free_reserved 1872 4 unsigned
vm_domain vmd_free_target 1876 4 unsigned
vm_domain vmd_free_min 1880 4 unsigned
bufdomain . 0 1280 size
bufdomain bd_bufspace 1024 8 signed
uma_keg uk_domain 256 0 bytes
uma_domain . 0 256 size
uma_domain ud_pages 152 4 unsigned
uma_domain ud_free_items 156 4 unsigned
vnet . 0 128 size
elf_file . 0 496 size
elf_file dynamic 216 8 pointer
elf_file ddbsymtab 360 8 pointer
elf_file ddbsymcnt 368 8 signed
elf_file ddbstrtab 376 8 pointer
elf_file ddbstrcnt 384 8 signed
elf_file progtab 0 0 absent
)";

constexpr std::string_view freebsd_13_0_amd64 = R"(
linker_file . 0 176 size
linker_file ndeps 96 4 signed
linker_file deps 104 8 pointer
mount mnt_stat.f_flags 192 8 unsigned
mount mnt_stat.f_mntfromname 480 1024 text
mount mnt_stat.f_owner 372 4 unsigned
tdq tdq_load 72 4 signed
bufdomain . 0 33472 size
bufdomain bd_bufspace 33344 8 signed
sysctl_oid oid_link.rbe_link 0 0 absent
sysctl_oid oid_link.sle_next 16 8 pointer
sysctl_oid oid_kind 28 4 unsigned
sysctl_oid oid_arg1 32 8 pointer
sysctl_oid oid_arg2 40 8 signed
sysctl_oid oid_name 48 8 pointer
sysctl_oid oid_handler 56 8 pointer
sysctl_oid oid_fmt 64 8 pointer
sysctl_oid oid_descr 80 8 pointer
elf_file . 0 344 size
elf_file progtab 208 8 pointer
elf_file nprogtab 216 4 unsigned
elf_file ddbsymtab 256 8 pointer
elf_file ddbsymcnt 264 8 signed
elf_file ddbstrtab 272 8 pointer
elf_file ddbstrcnt 280 8 signed
elf_file address 184 8 pointer
)";

constexpr std::string_view freebsd_13_0_arm64 = R"(
linker_file . 0 176 size
linker_file ndeps 96 4 signed
linker_file deps 104 8 pointer
mount mnt_stat.f_flags 256 8 unsigned
mount mnt_stat.f_mntfromname 544 1024 text
mount mnt_stat.f_owner 436 4 unsigned
tdq tdq_load 136 4 signed
bufdomain . 0 66944 size
bufdomain bd_bufspace 66688 8 signed
sysctl_oid oid_link.rbe_link 0 0 absent
sysctl_oid oid_link.sle_next 16 8 pointer
sysctl_oid oid_kind 28 4 unsigned
sysctl_oid oid_arg1 32 8 pointer
sysctl_oid oid_arg2 40 8 signed
sysctl_oid oid_name 48 8 pointer
sysctl_oid oid_handler 56 8 pointer
sysctl_oid oid_fmt 64 8 pointer
sysctl_oid oid_descr 80 8 pointer
elf_file . 0 472 size
elf_file ddbsymtab 336 8 pointer
elf_file ddbsymcnt 344 8 signed
elf_file ddbstrtab 352 8 pointer
elf_file ddbstrcnt 360 8 signed
elf_file address 184 8 pointer
elf_file dynamic 192 8 pointer
)";

constexpr std::string_view freebsd_14_current_amd64 = R"(
linker_file . 0 192 size
linker_file ndeps 112 4 signed
linker_file deps 120 8 pointer
tdq tdq_load 72 4 signed
bufdomain . 0 33472 size
bufdomain bd_bufspace 33344 8 signed
sysctl_oid oid_link.sle_next 16 8 pointer
sysctl_oid oid_kind 28 4 unsigned
sysctl_oid oid_arg1 32 8 pointer
sysctl_oid oid_arg2 40 8 signed
sysctl_oid oid_name 48 8 pointer
sysctl_oid oid_handler 56 8 pointer
sysctl_oid oid_fmt 64 8 pointer
sysctl_oid oid_descr 80 8 pointer
elf_file . 0 360 size
elf_file progtab 224 8 pointer
elf_file nprogtab 232 4 unsigned
elf_file ddbsymtab 272 8 pointer
elf_file ddbsymcnt 280 8 signed
elf_file ddbstrtab 288 8 pointer
elf_file ddbstrcnt 296 8 signed
elf_file address 200 8 pointer
sysctl_oid oid_link.rbe_link 0 0 absent
)";

constexpr std::string_view freebsd_14_current_arm64 = R"(
mount mnt_list 168 16 tqe
mount mnt_stat.f_flags 248 8 unsigned
mount mnt_stat.f_mntfromname 536 1024 text
mount mnt_stat.f_owner 428 4 unsigned
pcpu . 0 512 size
tdq . 0 3328 size
tdq tdq_load 136 4 signed
vm_domain . 0 1920 size
vm_domain vmd_domain 816 4 unsigned
vm_domain vmd_page_count 820 4 unsigned
vm_domain vmd_free_count 896 4 unsigned
vm_domain vmd_free_reserved 1872 4 unsigned
vm_domain vmd_free_target 1876 4 unsigned
vm_domain vmd_free_min 1880 4 unsigned
bufdomain . 0 66944 size
bufdomain bd_bufspace 66688 8 signed
uma_keg uk_domain 256 0 bytes
uma_domain . 0 256 size
uma_domain ud_pages 152 4 unsigned
uma_domain ud_free_items 156 4 unsigned
vnet . 0 128 size
elf_file . 0 488 size
elf_file dynamic 208 8 pointer
elf_file ddbsymtab 352 8 pointer
elf_file ddbsymcnt 360 8 signed
elf_file ddbstrtab 368 8 pointer
elf_file ddbstrcnt 376 8 signed
elf_file progtab 0 0 absent
)";

constexpr std::string_view freebsd_15_0_amd64 = R"(
tdq . 0 4288 size
vmmeter v_page_size 296 4 unsigned
vmmeter v_page_count 300 4 unsigned
vm_domain vmd_domain 712 4 unsigned
vm_domain vmd_page_count 716 4 unsigned
vm_domain vmd_free_count 768 4 unsigned
vm_domain vmd_free_reserved 1568 4 unsigned
vm_domain vmd_free_target 1572 4 unsigned
vm_domain vmd_free_min 1576 4 unsigned
intr_event ie_irq 176 4 unsigned
timehands th_offset.sec 40 8 signed
timehands th_offset.frac 48 8 unsigned
timehands th_boottime.sec 104 8 signed
timehands th_boottime.frac 112 8 unsigned
)";

constexpr std::string_view freebsd_15_0_arm64 = R"(
mount mnt_list 168 16 tqe
mount mnt_stat.f_flags 248 8 unsigned
mount mnt_stat.f_mntfromname 536 1024 text
mount mnt_stat.f_owner 428 4 unsigned
pcpu . 0 512 size
tdq . 0 4352 size
tdq tdq_load 144 4 signed
vm_domain . 0 1920 size
vm_domain vmd_domain 840 4 unsigned
vm_domain vmd_page_count 844 4 unsigned
vm_domain vmd_free_count 896 4 unsigned
vm_domain vmd_free_reserved 1760 4 unsigned
vm_domain vmd_free_target 1764 4 unsigned
vm_domain vmd_free_min 1768 4 unsigned
bufdomain . 0 1280 size
bufdomain bd_bufspace 1024 8 signed
uma_keg uk_domain 256 0 bytes
uma_domain . 0 256 size
uma_domain ud_pages 152 4 unsigned
uma_domain ud_free_items 156 4 unsigned
vnet . 0 128 size
elf_file . 0 496 size
elf_file dynamic 216 8 pointer
elf_file ddbsymtab 360 8 pointer
elf_file ddbsymcnt 368 8 signed
elf_file ddbstrtab 376 8 pointer
elf_file ddbstrcnt 384 8 signed
elf_file progtab 0 0 absent
)";

constexpr NamedRows layouts[] = {
    {"invented", "", invented},
    {"freebsd-12.1-amd64", "", freebsd_12_1_amd64},
    {"freebsd-12.1-arm64", "freebsd-12.1-amd64", freebsd_12_1_arm64},
    {"freebsd-12.2-amd64", "freebsd-12.1-amd64", freebsd_12_2_amd64},
    {"freebsd-12.2-arm64", "freebsd-12.1-arm64", freebsd_12_2_arm64},
    {"freebsd-12.3-amd64", "freebsd-12.2-amd64", freebsd_12_3_amd64},
    {"freebsd-12.3-arm64", "freebsd-12.2-arm64", freebsd_12_3_arm64},
    {"freebsd-13.0-amd64", "freebsd-14.2-amd64", freebsd_13_0_amd64},
    {"freebsd-13.0-arm64", "freebsd-14.2-arm64", freebsd_13_0_arm64},
    {"freebsd-14.2-amd64", "", freebsd_14_2_amd64},
    {"freebsd-14.2-arm64", "freebsd-14.2-amd64", freebsd_14_2_arm64},
    {"freebsd-14-current-amd64", "freebsd-14.2-amd64", freebsd_14_current_amd64},
    {"freebsd-14-current-arm64", "freebsd-14-current-amd64", freebsd_14_current_arm64},
    {"freebsd-15.0-amd64", "freebsd-14.2-amd64", freebsd_15_0_amd64},
    {"freebsd-15.0-arm64", "freebsd-15.0-amd64", freebsd_15_0_arm64},
};

}  // namespace

std::string machine_rows(std::string_view layout) { return rows_with_bases(layouts, layout); }

}  // namespace foundry
