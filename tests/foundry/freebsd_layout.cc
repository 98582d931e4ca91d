#include "tests/foundry/freebsd_layout.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

#include "tests/foundry/freebsd_machine_layout.h"

namespace foundry {
namespace {

// A row: structure, member, offset, size, kind; "." is the structure itself. A size in w is in
// pointers of the machine. The kind "absent" takes away what the base has.

// No FreeBSD ever had these: a reader that does not take them from the kernel file fails.
constexpr std::string_view invented = R"(
proc . 0 496 size
proc p_sysent 192 w pointer
proc p_rux.rux_iticks 208 8 unsigned
proc p_rux.rux_sticks 216 8 unsigned
proc p_rux.rux_uticks 232 8 unsigned
proc p_rux.rux_runtime 240 8 unsigned
proc p_stats 248 w pointer
proc p_nice 272 1 signed
proc p_args 280 w pointer
proc p_binname 296 w pointer
proc p_textdvp 320 w pointer
proc p_textvp 336 w pointer
proc p_pgrp 352 w pointer
proc p_vmspace 376 w pointer
proc p_pptr 392 w pointer
proc p_oppid 404 4 signed
proc p_pd 408 w pointer
proc p_fd 432 w pointer
proc p_ucred 448 w pointer
proc p_flag 468 4 signed
proc p_state 480 4 unsigned
proc p_comm 60 20 text
proc p_pid 36 4 signed
proc p_threads 96 2w tqh
proc p_list 8 2w le
thread . 0 384 size
thread td_iticks 160 4 unsigned
thread td_sticks 172 4 unsigned
thread td_uticks 176 4 unsigned
thread td_incruntime 192 8 unsigned
thread td_runtime 200 8 unsigned
thread td_kstack_pages 212 4 signed
thread td_kstack 224 8 unsigned
thread td_lockname 232 w pointer
thread td_blocked 248 w pointer
thread td_wmesg 272 w pointer
thread td_wchan 288 w pointer
thread td_pri_class 304 1 unsigned
thread td_priority 320 1 unsigned
thread td_flags 332 4 signed
thread td_inhibitors 336 4 signed
thread td_state 356 4 unsigned
thread td_pcb 112 w pointer
thread td_lastcpu 364 4 signed
thread td_oncpu 100 4 signed
thread td_name 68 20 text
thread td_tid 44 4 signed
thread td_plist 24 2w tqe
pcb . 0 384 size
ucred . 0 88 size
ucred cr_gid 24 4 unsigned
ucred cr_prison 32 w pointer
ucred cr_rgid 48 4 unsigned
ucred cr_ruid 68 4 unsigned
ucred cr_uid 72 4 unsigned
prison . 0 40 size
prison pr_id 24 4 signed
pgrp . 0 56 size
pgrp pg_session 24 w pointer
pgrp pg_id 44 4 signed
session . 0 56 size
session s_ttyp 24 w pointer
session s_sid 44 4 signed
tty . 0 48 size
tty t_dev 24 w pointer
cdev . 0 288 size
cdev si_name 24 256 text
pargs . 0 48 size
pargs ar_length 24 4 unsigned
pargs ar_args 32 1 text
pstats . 0 48 size
pstats p_start.tv_usec 24 8 signed
pstats p_start.tv_sec 32 8 signed
sysentvec . 0 48 size
sysentvec sv_flags 40 4 unsigned
sysentvec sv_psstringssz 24 8 unsigned
sysentvec sv_psstrings 32 8 unsigned
vm_map_entry . 0 152 size
vm_map_entry inheritance 24 1 signed
vm_map_entry protection 32 1 unsigned
vm_map_entry eflags 40 4 unsigned
vm_map_entry offset 56 8 unsigned
vm_map_entry object.vm_object 64 w pointer
vm_map_entry right 80 w pointer
vm_map_entry left 104 w pointer
vm_map_entry end 120 8 unsigned
vm_map_entry start 128 8 unsigned
vm_object . 0 96 size
vm_object backing_object_offset 24 8 unsigned
vm_object backing_object 32 w pointer
vm_object handle 48 w pointer
vm_object flags 76 2 unsigned
vm_object un_pager.swp.swp_priv 80 w pointer
vm_object un_pager.swp.swp_tmpfs 88 w pointer
vm_object type 72 1 unsigned
tmpfs_node . 0 48 size
tmpfs_node tn_vnode 32 w pointer
filedesc . 0 48 size
filedesc fd_files 24 w pointer
pwddesc . 0 40 size
pwddesc pd_pwd 24 8 bytes
pwd . 0 64 size
pwd pwd_rdir 24 w pointer
pwd pwd_cdir 40 w pointer
fdescenttbl . 0 40 size
fdescenttbl fdt_nfiles 24 4 signed
fdescenttbl fdt_ofiles 32 0 bytes
filedescent . 0 48 size
filedescent fde_file 24 w pointer
file . 0 96 size
file f_offset 24 8 signed
file f_flag 36 4 unsigned
file f_type 40 2 signed
file f_vnode 56 w pointer
file f_data 72 w pointer
vnode . 0 128 size
vnode v_data 24 w pointer
vnode v_cache_dst 40 2w tqh
vnode v_rdev 56 w pointer
vnode v_mount 80 w pointer
vnode v_bufobj.bo_object 112 w pointer
vnode v_vflag 96 2 unsigned
vnode v_type 104 1 unsigned
namecache . 0 88 size
namecache nc_nlen 24 1 unsigned
namecache nc_flag 32 1 unsigned
namecache nc_dvp 40 w pointer
namecache nc_dst 64 2w tqe
namecache nc_name 80 0 text
mount . 0 1072 size
mount mnt_stat.f_fstypename 24 16 text
mount mnt_stat.f_mntonname 40 1024 text
socket . 0 128 size
socket sol_qlen 24 4 unsigned
socket so_snd.sb_ccc 36 4 unsigned
socket so_rcv.sb_ccc 40 4 unsigned
socket so_proto 56 w pointer
socket so_pcb 72 w pointer
socket so_state 88 2 signed
socket so_options 104 4 signed
socket so_type 112 2 signed
protosw . 0 56 size
protosw pr_protocol 24 2 signed
protosw pr_domain 32 w pointer
domain . 0 40 size
domain dom_family 24 4 signed
inpcb . 0 96 size
inpcbinfo . 0 96 size
inpcbinfo ipi_listhead 40 w bytes
inpcb inp_socket 0 w pointer
inpcb inp_list 8 2w le
inpcb inp_inc.inc_ie.ie_dependladdr 24 16 bytes
inpcb inp_inc.inc_ie.ie_dependfaddr 40 16 bytes
inpcb inp_inc.inc_ie.ie_lport 56 2 unsigned
inpcb inp_inc.inc_ie.ie_fport 72 2 unsigned
inpcb inp_vflag 80 1 unsigned
unpcb . 0 64 size
unpcb unp_socket 0 w pointer
unpcb unp_link 8 2w le
unpcb unp_conn 24 w pointer
unpcb unp_addr 40 w pointer
sockaddr_un . 0 144 size
sockaddr_un sun_path 24 104 text
sockaddr_un sun_len 128 1 unsigned
shmfd . 0 48 size
shmfd shm_path 24 w pointer
ksem . 0 48 size
ksem ks_path 24 w pointer
lock_object . 0 56 size
lock_object lo_flags 24 4 unsigned
lock_object lo_name 32 w pointer
turnstile . 0 64 size
turnstile ts_owner 24 w pointer
turnstile ts_lockobj 40 w pointer
tcpcb . 0 136 size
tcpcb t_inpcb 24 96 bytes
tcpcb t_state 120 4 bits:16:4
vmspace . 0 240 size
vmspace vm_pmap.pm_cr3 24 8 unsigned
vmspace vm_pmap.pm_stats.resident_count 32 8 signed
vmspace vm_stacktop 40 8 unsigned
vmspace vm_map.nentries 60 4 signed
vmspace vm_map.header 64 152 bytes
vmspace vm_map.size 216 8 unsigned
mtx . 0 96 size
mtx mtx_lock 24 8 unsigned
mtx lock_object 32 56 bytes
rwlock . 0 96 size
rwlock rw_lock 24 8 unsigned
rwlock lock_object 32 56 bytes
sx . 0 96 size
sx sx_lock 24 8 unsigned
sx lock_object 32 56 bytes
lock . 0 96 size
lock lk_lock 24 8 unsigned
lock lock_object 32 56 bytes
)";

// The headers of the releases, and of 14.0-CURRENT of July 2022 (__FreeBSD_version 1400063),
// options as in GENERIC. Those of 14.2 are what that installs, with sys/kern of stable/14
// (1400507); those of 15.0 are of two copies of releng/15.0 (1500068), less what one added to
// struct thread.
constexpr std::string_view freebsd_12_1_amd64 = R"(
proc . 0 1328 size
proc p_list 0 16 le
proc p_threads 16 16 tqh
proc p_pid 188 4 signed
proc p_comm 996 20 text
proc p_state 184 4 unsigned
proc p_flag 176 4 signed
proc p_ucred 64 8 pointer
proc p_fd 72 8 pointer
proc p_pptr 224 8 pointer
proc p_oppid 504 4 signed
proc p_vmspace 512 8 pointer
proc p_pgrp 1072 8 pointer
proc p_textvp 848 8 pointer
proc p_args 1024 8 pointer
proc p_nice 1040 1 signed
proc p_stats 88 8 pointer
proc p_rux.rux_runtime 704 8 unsigned
proc p_rux.rux_uticks 712 8 unsigned
proc p_rux.rux_sticks 720 8 unsigned
proc p_rux.rux_iticks 728 8 unsigned
proc p_sysent 1016 8 pointer
thread . 0 1440 size
thread td_plist 16 16 tqe
thread td_tid 160 4 signed
thread td_name 684 20 text
thread td_oncpu 1332 4 signed
thread td_lastcpu 1328 4 signed
thread td_pcb 1032 8 pointer
thread td_state 1040 4 unsigned
thread td_inhibitors 256 4 signed
thread td_flags 252 4 signed
thread td_priority 914 1 unsigned
thread td_pri_class 915 1 unsigned
thread td_wchan 272 8 pointer
thread td_wmesg 280 8 pointer
thread td_blocked 304 8 pointer
thread td_lockname 312 8 pointer
thread td_kstack 1152 8 unsigned
thread td_kstack_pages 1160 4 signed
thread td_runtime 592 8 unsigned
thread td_incruntime 584 8 unsigned
thread td_uticks 612 4 unsigned
thread td_sticks 604 4 unsigned
thread td_iticks 608 4 unsigned
pcb . 0 320 size
ucred cr_uid 4 4 unsigned
ucred cr_ruid 8 4 unsigned
ucred cr_rgid 20 4 unsigned
ucred cr_groups 144 8 pointer
ucred cr_prison 48 8 pointer
prison pr_id 16 4 signed
pgrp pg_id 40 4 signed
pgrp pg_session 24 8 pointer
session s_sid 40 4 signed
session s_ttyp 32 8 pointer
tty t_dev 720 8 pointer
cdev si_name 224 64 text
pargs ar_length 4 4 unsigned
pargs ar_args 8 1 text
pstats p_start.tv_sec 272 8 signed
pstats p_start.tv_usec 280 8 signed
sysentvec sv_psstrings 136 8 unsigned
vmspace vm_map.size 192 8 unsigned
vmspace vm_map.header 0 120 bytes
vmspace vm_map.nentries 184 4 signed
vmspace vm_pmap.pm_stats.resident_count 432 8 signed
vmspace vm_pmap.pm_cr3 360 8 unsigned
vm_map_entry . 0 120 size
vm_map_entry start 32 8 unsigned
vm_map_entry end 40 8 unsigned
vm_map_entry left 16 8 pointer
vm_map_entry right 24 8 pointer
vm_map_entry next 8 8 pointer
vm_map_entry prev 0 8 pointer
vm_map_entry object.vm_object 72 8 pointer
vm_map_entry offset 80 8 unsigned
vm_map_entry eflags 88 4 unsigned
vm_map_entry protection 92 1 unsigned
vm_map_entry inheritance 94 1 signed
vm_object type 133 1 unsigned
vm_object handle 192 8 pointer
vm_object backing_object 152 8 pointer
vm_object backing_object_offset 160 8 unsigned
filedesc fd_files 0 8 pointer
filedesc fd_cdir 8 8 pointer
filedesc fd_rdir 16 8 pointer
fdescenttbl fdt_nfiles 0 4 signed
fdescenttbl fdt_ofiles 8 0 bytes
filedescent . 0 48 size
filedescent fde_file 0 8 pointer
file f_data 0 8 pointer
file f_vnode 24 8 pointer
file f_type 32 2 signed
file f_flag 36 4 unsigned
file f_offset 64 8 signed
vnode v_type 472 4 unsigned
vnode v_vflag 456 4 unsigned
vnode v_mount 24 8 pointer
vnode v_rdev 48 8 pointer
vnode v_cache_dst 80 16 tqh
vnode v_data 16 8 pointer
namecache nc_dst 32 16 tqe
namecache nc_dvp 48 8 pointer
namecache nc_flag 64 1 unsigned
namecache nc_nlen 65 1 unsigned
namecache nc_name 66 0 text
mount mnt_stat.f_mntonname 1480 1024 text
mount mnt_stat.f_fstypename 440 16 text
socket so_type 200 2 signed
socket so_options 204 4 signed
socket so_state 210 2 signed
socket so_pcb 216 8 pointer
socket so_proto 232 8 pointer
socket so_rcv.sb_ccc 472 4 unsigned
socket so_snd.sb_ccc 712 4 unsigned
socket sol_qlen 376 4 unsigned
protosw pr_domain 8 8 pointer
protosw pr_protocol 16 2 signed
domain dom_family 0 4 signed
inpcb inp_flags 92 4 signed
inpcb inp_vflag 188 1 unsigned
inpcb inp_ppcb 104 8 pointer
inpcb inp_inc.inc_ie.ie_fport 220 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 222 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 224 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 240 16 bytes
tcpcb t_state 28 4 bits:16:4
tcpcb t_inpcb 0 8 pointer
unpcb unp_addr 48 8 pointer
unpcb unp_conn 32 8 pointer
sockaddr_un sun_len 0 1 unsigned
sockaddr_un sun_path 2 104 text
shmfd shm_path 120 8 pointer
ksem ks_path 120 8 pointer
lock_object lo_name 0 8 pointer
lock_object lo_flags 8 4 unsigned
mtx mtx_lock 24 8 unsigned
mtx lock_object 0 24 bytes
rwlock rw_lock 24 8 unsigned
rwlock lock_object 0 24 bytes
sx sx_lock 24 8 unsigned
sx lock_object 0 24 bytes
lock lk_lock 24 8 unsigned
lock lock_object 0 24 bytes
turnstile ts_lockobj 120 8 pointer
turnstile ts_owner 128 8 pointer
)";

constexpr std::string_view freebsd_12_1_arm64 = R"(
proc . 0 1312 size
thread . 0 1304 size
thread td_oncpu 1284 4 signed
thread td_lastcpu 1280 4 signed
pcb . 0 848 size
vmspace vm_pmap.pm_stats.resident_count 344 8 signed
inpcb inp_vflag 196 1 unsigned
inpcb inp_flags 100 4 signed
inpcb inp_ppcb 112 8 pointer
inpcb inp_inc.inc_ie.ie_fport 228 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 230 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 232 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 248 16 bytes
vmspace vm_pmap.pm_cr3 0 0 absent
)";

constexpr std::string_view freebsd_12_2_amd64 = R"(
thread . 0 1792 size
namecache nc_dst 16 16 tqe
)";

constexpr std::string_view freebsd_12_2_arm64 = R"(
namecache nc_dst 16 16 tqe
)";

constexpr std::string_view freebsd_13_1_amd64 = R"(
proc . 0 1352 size
proc p_list 0 16 le
proc p_threads 16 16 tqh
proc p_pid 196 4 signed
proc p_comm 984 20 text
proc p_state 192 4 unsigned
proc p_flag 184 4 signed
proc p_ucred 64 8 pointer
proc p_fd 72 8 pointer
proc p_pd 88 8 pointer
proc p_pptr 232 8 pointer
proc p_vmspace 520 8 pointer
proc p_pgrp 1064 8 pointer
proc p_textvp 856 8 pointer
proc p_textdvp 1336 8 pointer
proc p_binname 1344 8 pointer
proc p_args 1016 8 pointer
proc p_nice 1032 1 signed
proc p_stats 96 8 pointer
proc p_rux.rux_runtime 712 8 unsigned
proc p_rux.rux_uticks 720 8 unsigned
proc p_rux.rux_sticks 728 8 unsigned
proc p_rux.rux_iticks 736 8 unsigned
proc p_sysent 1008 8 pointer
thread . 0 1760 size
thread td_plist 16 16 tqe
thread td_tid 160 4 signed
thread td_name 700 20 text
thread td_oncpu 1724 4 signed
thread td_lastcpu 1720 4 signed
thread td_pcb 1080 8 pointer
thread td_state 1088 4 unsigned
thread td_inhibitors 256 4 signed
thread td_flags 252 4 signed
thread td_priority 950 1 unsigned
thread td_pri_class 951 1 unsigned
thread td_wchan 280 8 pointer
thread td_wmesg 288 8 pointer
thread td_blocked 312 8 pointer
thread td_lockname 320 8 pointer
thread td_kstack 1192 8 unsigned
thread td_kstack_pages 1200 4 signed
thread td_runtime 608 8 unsigned
thread td_incruntime 600 8 unsigned
thread td_uticks 628 4 unsigned
thread td_sticks 620 4 unsigned
thread td_iticks 624 4 unsigned
pcb . 0 320 size
ucred cr_uid 88 4 unsigned
ucred cr_ruid 92 4 unsigned
ucred cr_rgid 104 4 unsigned
ucred cr_groups 176 8 pointer
ucred cr_prison 128 8 pointer
prison pr_id 16 4 signed
pgrp pg_id 40 4 signed
pgrp pg_session 24 8 pointer
session s_sid 40 4 signed
session s_ttyp 32 8 pointer
tty t_dev 704 8 pointer
cdev si_name 224 256 text
pargs ar_length 4 4 unsigned
pargs ar_args 8 1 text
pstats p_start.tv_sec 272 8 signed
pstats p_start.tv_usec 280 8 signed
sysentvec sv_psstrings 128 8 unsigned
sysentvec sv_psstringssz 136 8 unsigned
vmspace vm_map.size 168 8 unsigned
vmspace vm_map.header 0 96 bytes
vmspace vm_map.nentries 160 4 signed
vmspace vm_stacktop 280 8 unsigned
vmspace vm_pmap.pm_stats.resident_count 416 8 signed
vmspace vm_pmap.pm_cr3 344 8 unsigned
vm_map_entry . 0 96 size
vm_map_entry start 16 8 unsigned
vm_map_entry end 24 8 unsigned
vm_map_entry left 0 8 pointer
vm_map_entry right 8 8 pointer
vm_map_entry object.vm_object 48 8 pointer
vm_map_entry offset 56 8 unsigned
vm_map_entry eflags 64 4 unsigned
vm_map_entry protection 68 1 unsigned
vm_map_entry inheritance 70 1 signed
vm_object type 137 1 unsigned
vm_object handle 200 8 pointer
vm_object backing_object 160 8 pointer
vm_object backing_object_offset 168 8 unsigned
filedesc fd_files 0 8 pointer
pwddesc pd_pwd 32 8 bytes
pwd pwd_cdir 8 8 pointer
pwd pwd_rdir 16 8 pointer
fdescenttbl fdt_nfiles 0 4 signed
fdescenttbl fdt_ofiles 8 0 bytes
filedescent . 0 48 size
filedescent fde_file 0 8 pointer
file f_data 8 8 pointer
file f_vnode 24 8 pointer
file f_type 40 2 signed
file f_flag 0 4 unsigned
file f_offset 72 8 signed
vnode v_type 0 1 unsigned
vnode v_vflag 462 2 unsigned
vnode v_mount 32 8 pointer
vnode v_rdev 56 8 pointer
vnode v_cache_dst 88 16 tqh
vnode v_data 24 8 pointer
namecache nc_dst 16 16 tqe
namecache nc_dvp 40 8 pointer
namecache nc_flag 56 1 unsigned
namecache nc_nlen 57 1 unsigned
namecache nc_name 58 0 text
mount mnt_stat.f_mntonname 1504 1024 text
mount mnt_stat.f_fstypename 464 16 text
socket so_type 184 2 signed
socket so_options 188 4 signed
socket so_state 194 2 signed
socket so_pcb 200 8 pointer
socket so_proto 216 8 pointer
socket so_rcv.sb_ccc 456 4 unsigned
socket so_snd.sb_ccc 736 4 unsigned
socket sol_qlen 360 4 unsigned
protosw pr_domain 8 8 pointer
protosw pr_protocol 16 2 signed
domain dom_family 0 4 signed
inpcb inp_vflag 196 1 unsigned
inpcb inp_ppcb 112 8 pointer
inpcb inp_inc.inc_ie.ie_fport 228 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 230 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 232 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 248 16 bytes
tcpcb t_state 28 4 bits:16:4
tcpcb t_inpcb 0 8 pointer
unpcb unp_addr 48 8 pointer
unpcb unp_conn 32 8 pointer
sockaddr_un sun_len 0 1 unsigned
sockaddr_un sun_path 2 104 text
shmfd shm_path 120 8 pointer
ksem ks_path 120 8 pointer
lock_object lo_name 0 8 pointer
lock_object lo_flags 8 4 unsigned
mtx mtx_lock 24 8 unsigned
mtx lock_object 0 24 bytes
rwlock rw_lock 24 8 unsigned
rwlock lock_object 0 24 bytes
sx sx_lock 24 8 unsigned
sx lock_object 0 24 bytes
lock lk_lock 24 8 unsigned
lock lock_object 0 24 bytes
turnstile ts_lockobj 120 8 pointer
turnstile ts_owner 128 8 pointer
)";

constexpr std::string_view freebsd_13_1_arm64 = R"(
proc . 0 1328 size
proc p_textdvp 1312 8 pointer
proc p_binname 1320 8 pointer
thread . 0 1360 size
thread td_oncpu 1324 4 signed
thread td_lastcpu 1320 4 signed
pcb . 0 1376 size
vmspace vm_pmap.pm_stats.resident_count 328 8 signed
mount mnt_stat.f_mntonname 1568 1024 text
mount mnt_stat.f_fstypename 528 16 text
vmspace vm_pmap.pm_cr3 0 0 absent
)";

// 13.0-RELEASE (1300139) as F-Stack carries it, its change of struct callout undone: with it the
// offsets that kern_thread.c asserts hold.
constexpr std::string_view freebsd_13_0_amd64 = R"(
proc . 0 1320 size
proc p_textdvp 0 0 absent
proc p_binname 0 0 absent
thread . 0 1744 size
sysentvec sv_psstringssz 0 0 absent
vmspace vm_stacktop 0 0 absent
vmspace vm_pmap.pm_stats.resident_count 408 8 signed
vmspace vm_pmap.pm_cr3 336 8 unsigned
vnode v_vflag 470 2 unsigned
inpcb inp_vflag 188 1 unsigned
inpcb inp_ppcb 104 8 pointer
inpcb inp_inc.inc_ie.ie_fport 220 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 222 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 224 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 240 16 bytes
proc p_oppid 512 4 signed
inpcb inp_flags 92 4 signed
)";

constexpr std::string_view freebsd_13_0_arm64 = R"(
proc . 0 1296 size
proc p_textdvp 0 0 absent
proc p_binname 0 0 absent
thread . 0 1336 size
thread td_oncpu 1316 4 signed
thread td_lastcpu 1312 4 signed
sysentvec sv_psstringssz 0 0 absent
vmspace vm_stacktop 0 0 absent
vmspace vm_pmap.pm_stats.resident_count 320 8 signed
vnode v_vflag 470 2 unsigned
proc p_oppid 512 4 signed
inpcb inp_flags 100 4 signed
)";

constexpr std::string_view freebsd_14_current_amd64 = R"(
proc p_comm 996 20 text
proc p_pgrp 1080 8 pointer
proc p_textvp 848 8 pointer
proc p_textdvp 856 8 pointer
proc p_binname 864 8 pointer
proc p_args 1024 8 pointer
proc p_nice 1040 1 signed
proc p_sysent 1016 8 pointer
thread td_name 708 20 text
thread td_pcb 1088 8 pointer
thread td_state 1096 4 unsigned
thread td_inhibitors 268 4 signed
thread td_flags 264 4 signed
thread td_priority 958 1 unsigned
thread td_pri_class 959 1 unsigned
thread td_wchan 288 8 pointer
thread td_wmesg 296 8 pointer
thread td_blocked 320 8 pointer
thread td_lockname 328 8 pointer
thread td_kstack 1200 8 unsigned
thread td_kstack_pages 1208 4 signed
thread td_runtime 616 8 unsigned
thread td_incruntime 608 8 unsigned
thread td_uticks 636 4 unsigned
thread td_sticks 628 4 unsigned
thread td_iticks 632 4 unsigned
sysentvec sv_psstrings 144 8 unsigned
sysentvec sv_psstringssz 152 8 unsigned
vnode v_vflag 434 2 unsigned
mount mnt_stat.f_mntonname 1496 1024 text
mount mnt_stat.f_fstypename 456 16 text
socket so_type 188 2 signed
socket so_options 184 4 signed
socket so_state 190 2 signed
socket so_pcb 192 8 pointer
socket so_proto 208 8 pointer
socket so_rcv.sb_ccc 464 4 unsigned
socket so_snd.sb_ccc 672 4 unsigned
socket sol_qlen 480 4 unsigned
inpcb inp_vflag 140 1 unsigned
inpcb inp_ppcb 96 8 pointer
inpcb inp_inc.inc_ie.ie_fport 172 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 174 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 176 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 192 16 bytes
)";

constexpr std::string_view freebsd_14_current_arm64 = R"(
proc . 0 1328 size
thread . 0 1464 size
thread td_oncpu 1428 4 signed
thread td_lastcpu 1424 4 signed
pcb . 0 1376 size
vmspace vm_pmap.pm_stats.resident_count 328 8 signed
mount mnt_stat.f_mntonname 1560 1024 text
mount mnt_stat.f_fstypename 520 16 text
socket so_rcv.sb_ccc 592 4 unsigned
socket so_snd.sb_ccc 800 4 unsigned
socket sol_qlen 608 4 unsigned
vmspace vm_pmap.pm_cr3 0 0 absent
)";

constexpr std::string_view freebsd_14_2_amd64 = R"(
proc . 0 1376 size
proc p_comm 992 20 text
proc p_pgrp 1088 8 pointer
proc p_textvp 848 8 pointer
proc p_textdvp 856 8 pointer
proc p_binname 864 8 pointer
proc p_args 1024 8 pointer
proc p_nice 1040 1 signed
proc p_sysent 1016 8 pointer
thread . 0 1776 size
thread td_name 724 20 text
thread td_oncpu 1740 4 signed
thread td_lastcpu 1736 4 signed
thread td_pcb 1104 8 pointer
thread td_state 1112 4 unsigned
thread td_inhibitors 272 4 signed
thread td_flags 264 4 signed
thread td_priority 978 1 unsigned
thread td_pri_class 979 1 unsigned
thread td_wchan 296 8 pointer
thread td_wmesg 304 8 pointer
thread td_blocked 336 8 pointer
thread td_lockname 344 8 pointer
thread td_kstack 1216 8 unsigned
thread td_kstack_pages 1224 4 signed
thread td_runtime 632 8 unsigned
thread td_incruntime 624 8 unsigned
thread td_uticks 652 4 unsigned
thread td_sticks 644 4 unsigned
thread td_iticks 648 4 unsigned
ucred cr_uid 96 4 unsigned
ucred cr_ruid 100 4 unsigned
ucred cr_rgid 112 4 unsigned
ucred cr_prison 136 8 pointer
sysentvec sv_psstrings 136 8 unsigned
sysentvec sv_psstringssz 144 8 unsigned
vmspace vm_pmap.pm_stats.resident_count 520 8 signed
vmspace vm_pmap.pm_cr3 352 8 unsigned
vnode v_vflag 434 2 unsigned
mount mnt_stat.f_mntonname 1496 1024 text
mount mnt_stat.f_fstypename 456 16 text
socket so_type 188 2 signed
socket so_options 184 4 signed
socket so_state 190 2 signed
socket so_pcb 192 8 pointer
socket so_proto 208 8 pointer
socket so_rcv.sb_ccc 528 4 unsigned
socket sol_qlen 544 4 unsigned
protosw pr_protocol 2 2 signed
domain dom_family 8 4 signed
inpcb inp_vflag 116 1 unsigned
inpcb inp_ppcb 80 8 pointer
inpcb inp_inc.inc_ie.ie_fport 144 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 146 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 148 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 164 16 bytes
tcpcb t_state 612 4 bits:16:4
tcpcb t_inpcb 0 392 bytes
shmfd shm_path 128 8 pointer
proc p_oppid 512 4 signed
)";

constexpr std::string_view freebsd_14_2_arm64 = R"(
proc . 0 1352 size
thread . 0 1512 size
thread td_oncpu 1476 4 signed
thread td_lastcpu 1472 4 signed
pcb . 0 1248 size
vmspace vm_pmap.pm_stats.resident_count 336 8 signed
mount mnt_stat.f_mntonname 1560 1024 text
mount mnt_stat.f_fstypename 520 16 text
socket so_rcv.sb_ccc 592 4 unsigned
socket so_snd.sb_ccc 800 4 unsigned
socket sol_qlen 608 4 unsigned
vmspace vm_pmap.pm_cr3 0 0 absent
)";

constexpr std::string_view freebsd_15_0_amd64 = R"(
proc . 0 1368 size
thread . 0 1824 size
thread td_name 732 20 text
thread td_oncpu 1788 4 signed
thread td_lastcpu 1784 4 signed
thread td_pcb 1152 8 pointer
thread td_state 1160 4 unsigned
thread td_priority 1018 1 unsigned
thread td_pri_class 1019 1 unsigned
thread td_blocked 344 8 pointer
thread td_lockname 352 8 pointer
thread td_kstack 1264 8 unsigned
thread td_kstack_pages 1272 2 unsigned
thread td_runtime 640 8 unsigned
thread td_incruntime 632 8 unsigned
thread td_uticks 660 4 unsigned
thread td_sticks 652 4 unsigned
thread td_iticks 656 4 unsigned
ucred cr_uid 100 4 unsigned
ucred cr_ruid 104 4 unsigned
ucred cr_rgid 116 4 unsigned
ucred cr_groups 184 8 pointer
ucred cr_prison 144 8 pointer
vmspace vm_map.size 136 8 unsigned
vmspace vm_map.nentries 128 4 signed
vmspace vm_stacktop 248 8 unsigned
vmspace vm_pmap.pm_stats.resident_count 488 8 signed
vmspace vm_pmap.pm_cr3 320 8 unsigned
vm_object type 121 1 unsigned
vm_object handle 184 8 pointer
vm_object backing_object 144 8 pointer
vm_object backing_object_offset 152 8 unsigned
vnode v_vflag 426 2 unsigned
inpcb inp_vflag 108 1 unsigned
inpcb inp_inc.inc_ie.ie_fport 136 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 138 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 140 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 156 16 bytes
tcpcb t_state 596 4 bits:16:4
tcpcb t_inpcb 0 376 bytes
ucred cr_gid 112 4 unsigned
inpcb inp_ppcb 0 0 absent
)";

constexpr std::string_view freebsd_15_0_arm64 = R"(
proc . 0 1360 size
thread . 0 1560 size
thread td_oncpu 1524 4 signed
thread td_lastcpu 1520 4 signed
pcb . 0 1248 size
vmspace vm_pmap.pm_stats.resident_count 304 8 signed
mount mnt_stat.f_mntonname 1560 1024 text
mount mnt_stat.f_fstypename 520 16 text
socket so_rcv.sb_ccc 592 4 unsigned
socket so_snd.sb_ccc 800 4 unsigned
socket sol_qlen 608 4 unsigned
vmspace vm_pmap.pm_cr3 0 0 absent
)";

// The tree that F-Stack began from.
constexpr std::string_view freebsd_11_0_amd64 = R"(
proc . 0 1320 size
proc p_comm 976 20 text
proc p_vmspace 496 8 pointer
proc p_pgrp 1048 8 pointer
proc p_textvp 832 8 pointer
proc p_args 1008 8 pointer
proc p_nice 1024 1 signed
proc p_rux.rux_runtime 688 8 unsigned
proc p_rux.rux_uticks 696 8 unsigned
proc p_rux.rux_sticks 704 8 unsigned
proc p_rux.rux_iticks 712 8 unsigned
proc p_sysent 1000 8 pointer
thread . 0 1224 size
thread td_tid 156 4 signed
thread td_name 660 20 text
thread td_oncpu 1220 4 signed
thread td_lastcpu 1216 4 signed
thread td_pcb 936 8 pointer
thread td_state 944 4 unsigned
thread td_inhibitors 232 4 signed
thread td_flags 228 4 signed
thread td_priority 898 1 unsigned
thread td_pri_class 899 1 unsigned
thread td_wchan 248 8 pointer
thread td_wmesg 256 8 pointer
thread td_blocked 280 8 pointer
thread td_lockname 288 8 pointer
thread td_kstack 1056 8 unsigned
thread td_kstack_pages 1064 4 signed
thread td_runtime 568 8 unsigned
thread td_incruntime 560 8 unsigned
thread td_uticks 588 4 unsigned
thread td_sticks 580 4 unsigned
thread td_iticks 584 4 unsigned
tty t_dev 712 8 pointer
sysentvec sv_psstrings 128 8 unsigned
vmspace vm_map.size 200 8 unsigned
vmspace vm_map.header 0 128 bytes
vmspace vm_map.nentries 192 4 signed
vmspace vm_pmap.pm_stats.resident_count 416 8 signed
vmspace vm_pmap.pm_cr3 352 8 unsigned
vm_map_entry . 0 128 size
vm_map_entry object.vm_object 80 8 pointer
vm_map_entry offset 88 8 signed
vm_map_entry eflags 96 4 unsigned
vm_map_entry protection 100 1 unsigned
vm_map_entry inheritance 102 1 signed
vm_object type 125 1 unsigned
vm_object handle 200 8 pointer
vm_object backing_object 144 8 pointer
vm_object backing_object_offset 152 8 signed
vnode v_rdev 0 0 absent
vnode v_un.vu_cdev 48 8 pointer
vnode v_type 468 4 unsigned
namecache_ts nc_name 108 0 text
mount mnt_stat.f_mntonname 568 88 text
mount mnt_stat.f_fstypename 464 16 text
socket so_type 4 2 signed
socket so_options 6 2 signed
socket so_state 10 2 signed
socket so_pcb 16 8 pointer
socket so_proto 32 8 pointer
socket so_rcv.sb_ccc 328 4 unsigned
socket so_snd.sb_ccc 640 4 unsigned
socket so_qlen 96 4 unsigned
inpcb inp_vflag 116 1 unsigned
inpcb inp_ppcb 48 8 pointer
inpcb inp_inc.inc_ie.ie_fport 196 2 unsigned
inpcb inp_inc.inc_ie.ie_lport 198 2 unsigned
inpcb inp_inc.inc_ie.ie_dependfaddr 200 16 bytes
inpcb inp_inc.inc_ie.ie_dependladdr 216 16 bytes
tcpcb t_state 48 4 signed
tcpcb t_inpcb 40 8 pointer
unpcb unp_addr 80 8 pointer
unpcb unp_conn 48 8 pointer
socket sol_qlen 0 0 absent
proc p_oppid 488 4 signed
inpcb inp_flags 108 4 signed
)";

constexpr std::string_view freebsd_11_0_arm64 = R"(
proc . 0 1296 size
thread . 0 1192 size
thread td_oncpu 1188 4 signed
thread td_lastcpu 1184 4 signed
pcb . 0 832 size
vmspace vm_pmap.pm_stats.resident_count 344 8 signed
vmspace vm_pmap.pm_cr3 0 0 absent
)";

// What the newest releases do no more.
constexpr const char* invented_older = R"(
inpcbinfo ipi_listhead 48 w pointer
inpcb inp_flags 84 4 signed
inpcb inp_ppcb 88 w pointer
tcpcb t_inpcb 24 w pointer
)";

constexpr NamedRows layouts[] = {
    {"invented", "", invented},
    {"invented-older", "invented", invented_older},
    {"freebsd-11.0-amd64", "freebsd-12.1-amd64", freebsd_11_0_amd64},
    {"freebsd-11.0-arm64", "freebsd-11.0-amd64", freebsd_11_0_arm64},
    {"freebsd-12.1-amd64", "", freebsd_12_1_amd64},
    {"freebsd-12.1-arm64", "freebsd-12.1-amd64", freebsd_12_1_arm64},
    {"freebsd-12.2-amd64", "freebsd-12.1-amd64", freebsd_12_2_amd64},
    {"freebsd-12.2-arm64", "freebsd-12.1-arm64", freebsd_12_2_arm64},
    {"freebsd-12.3-amd64", "freebsd-12.2-amd64", ""},
    {"freebsd-12.3-arm64", "freebsd-12.2-arm64", ""},
    {"freebsd-13.0-amd64", "freebsd-13.1-amd64", freebsd_13_0_amd64},
    {"freebsd-13.0-arm64", "freebsd-13.1-arm64", freebsd_13_0_arm64},
    {"freebsd-13.1-amd64", "", freebsd_13_1_amd64},
    {"freebsd-13.1-arm64", "freebsd-13.1-amd64", freebsd_13_1_arm64},
    {"freebsd-14-current-amd64", "freebsd-13.1-amd64", freebsd_14_current_amd64},
    {"freebsd-14-current-arm64", "freebsd-14-current-amd64", freebsd_14_current_arm64},
    {"freebsd-14.2-amd64", "freebsd-13.1-amd64", freebsd_14_2_amd64},
    {"freebsd-14.2-arm64", "freebsd-14.2-amd64", freebsd_14_2_arm64},
    {"freebsd-15.0-amd64", "freebsd-14.2-amd64", freebsd_15_0_amd64},
    {"freebsd-15.0-arm64", "freebsd-15.0-amd64", freebsd_15_0_arm64},
};

}  // namespace

std::uint64_t FreeBsdLayout::size_text(const std::string& text) const {
  if (text == "w") return word_;
  if (text == "2w") return std::uint64_t{2} * word_;
  if (text == "3w") return std::uint64_t{3} * word_;
  return std::stoull(text);
}

std::string rows_with_bases(std::span<const NamedRows> known, std::string_view name) {
  for (const NamedRows& layout : known)
    if (layout.name == name) return rows_with_bases(known, layout.base) + std::string(layout.rows);
  return {};
}

FreeBsdLayout::FreeBsdLayout(const std::string& name, unsigned word) : word_(word) {
  const std::string text = rows_with_bases(layouts, name);
  if (text.empty()) throw std::runtime_error("there is no layout " + name);
  std::istringstream rows{text + machine_rows(name)};
  std::string structure, path, offset, size, kind;
  while (rows >> structure >> path >> offset >> size >> kind) {
    if (path == ".") {
      sizes_[structure] = std::stoull(size);
      continue;
    }
    std::vector<Member>& members = structures_[structure];
    std::erase_if(members, [&](const Member& earlier) { return earlier.path == path; });
    if (kind != "absent") members.push_back({path, std::stoull(offset), size_text(size), kind});
  }
}

const FreeBsdLayout::Member* FreeBsdLayout::find(std::string_view structure,
                                                 std::string_view path) const {
  const auto known = structures_.find(std::string(structure));
  if (known == structures_.end()) return nullptr;
  for (const Member& member : known->second)
    if (member.path == path) return &member;
  return nullptr;
}

std::uint64_t FreeBsdLayout::offset(std::string_view structure, std::string_view path) const {
  const Member* member = find(structure, path);
  if (!member)
    throw std::runtime_error("no member " + std::string(structure) + "." + std::string(path));
  return member->offset;
}

std::uint64_t FreeBsdLayout::size(std::string_view structure) const {
  const auto told = sizes_.find(std::string(structure));
  if (told != sizes_.end()) return told->second;
  std::uint64_t end = 0;
  for (const Member& member : structures_.at(std::string(structure)))
    end = std::max(end, member.offset + member.size);
  return (end + 7) / 8 * 8;
}

}  // namespace foundry
