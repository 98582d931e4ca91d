#pragma once

#include <cstdint>

// Offsets that no FreeBSD ever had: a reader that does not take them from the exported variables or
// from the kernel file's types fails.

namespace foundry::freebsd_layout {

inline constexpr std::uint64_t p_list = 8, p_pid = 36, p_comm = 60, p_threads = 96, proc_size = 192;
inline constexpr std::uint64_t td_plist = 24, td_tid = 44, td_name = 68, td_oncpu = 100,
                               td_pcb = 112, thread_size = 160;
inline constexpr std::uint64_t pcb_size = 384;

}  // namespace foundry::freebsd_layout
