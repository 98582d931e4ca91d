#pragma once

#include "native/libkvm/record_values.h"

namespace panicroom::kvm {

/// Of p_eflag.
struct Proc2Flags {
  int controlling_terminal = 0, session_leader = 0;  // EPROC_CTTY, EPROC_SLEADER
};

/// What struct kinfo_proc2 of NetBSD and its descendant, struct kinfo_proc of OpenBSD, have in
/// common.
template <class Record>
Record proc2_of(Handle& handle, const ProcessRecord& one, Proc2Flags flags) {
  constexpr int normal_nice = 20;  // NZERO, sys/sys/param.h of both
  const Process& process = one.process;
  const ProcessDetails& details = process.details;
  Record record{};
  record.p_pid = number<std::int32_t>(process.pid);
  record.p_ppid = number<std::int32_t>(process.ppid);
  record.p_sid = number<std::int32_t>(details.session);
  record.p__pgid = number<std::int32_t>(details.group);
  record.p_tpgid = -1;
  record.p_tdev = static_cast<std::uint32_t>(-1);
  record.p_uid = number<std::uint32_t>(process.uid);
  record.p_ruid = number<std::uint32_t>(details.real_uid);
  record.p_svuid = static_cast<std::uint32_t>(-1);
  record.p_gid = number<std::uint32_t>(details.gid);
  record.p_rgid = number<std::uint32_t>(details.real_gid);
  record.p_svgid = static_cast<std::uint32_t>(-1);
  if (details.terminal) record.p_eflag |= flags.controlling_terminal;
  if (process.pid && details.session == process.pid) record.p_eflag |= flags.session_leader;
  record.p_nice = static_cast<std::uint8_t>(details.nice.value_or(0) + normal_nice);
  record.p_cpuid = ~std::uint64_t{0};  // KI_NOCPU
  copy_text(record.p_comm, process.name.value_or(""));
  const std::int64_t user = microseconds(details.user_time);
  const std::int64_t system = microseconds(details.system_time);
  const timeval user_time = time_of(user), system_time = time_of(system),
                run_time = time_of(user + system), start = time_of(one.start.value_or(0));
  record.p_uvalid = details.user_time || details.system_time ? 1 : 0;
  record.p_uutime_sec = static_cast<std::uint32_t>(user_time.tv_sec);
  record.p_uutime_usec = static_cast<std::uint32_t>(user_time.tv_usec);
  record.p_ustime_sec = static_cast<std::uint32_t>(system_time.tv_sec);
  record.p_ustime_usec = static_cast<std::uint32_t>(system_time.tv_usec);
  record.p_rtime_sec = static_cast<std::uint32_t>(run_time.tv_sec);
  record.p_rtime_usec = static_cast<std::uint32_t>(run_time.tv_usec);
  record.p_ustart_sec = static_cast<decltype(record.p_ustart_sec)>(start.tv_sec);
  record.p_ustart_usec = static_cast<std::uint32_t>(start.tv_usec);
  record.p_vm_rssize = static_cast<std::int32_t>(pages(handle, details.resident));
  return record;
}

/// Where a thread waits, and its processor: members of the same name in the records of processes.
template <class Record>
void add_wait(Record& record, const Thread& thread) {
  copy_text(record.p_wmesg, thread.wait_message.value_or(""));
  record.p_wchan = thread.wait_channel.value_or(0);
  record.p_priority = amount<std::uint8_t>(thread.priority);
  record.p_cpuid = number<std::uint64_t>(thread.cpu ? thread.cpu : thread.last_cpu);
}

}  // namespace panicroom::kvm
