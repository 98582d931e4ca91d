// NetBSD's face: struct kinfo_proc2 and kinfo_lwp (sys/sys/sysctl.h).
#include "native/libkvm/faces/proc2.h"
#include "native/libkvm/include/panicroom/netbsd/kvm.h"
#include "native/libkvm/include/panicroom/netbsd/panicroom_kinfo.h"
#include "native/libkvm/open.h"
#include "native/libkvm/record_values.h"

namespace kvm = panicroom::kvm;

namespace {

using kvm::Choice;
using kvm::State;
using panicroom::Thread;

/// The structure under a name of this file alone: the systems' structures of one name differ, and
/// what templates make of them must not be taken for one another.
struct Record : kinfo_proc2 {};
struct LwpRecord : kinfo_lwp {};

std::optional<kvm::Selection> selection(int operation, int value) {
  switch (operation) {
    case KERN_PROC_ALL:
      return kvm::Selection{};
    case KERN_PROC_PID:
      return kvm::Selection{Choice::pid, value};
    case KERN_PROC_PGRP:
      return kvm::Selection{Choice::group, value};
    case KERN_PROC_SESSION:
      return kvm::Selection{Choice::session, value};
    case KERN_PROC_TTY:
      return kvm::Selection{Choice::terminal, value};
    case KERN_PROC_UID:
      return kvm::Selection{Choice::uid, value};
    case KERN_PROC_RUID:
      return kvm::Selection{Choice::real_uid, value};
    case KERN_PROC_GID:
      return kvm::Selection{Choice::gid, value};
    case KERN_PROC_RGID:
      return kvm::Selection{Choice::real_gid, value};
    default:
      return std::nullopt;
  }
}

std::int8_t lwp_state(const Thread& thread) {
  switch (kvm::state_of(thread.state)) {
    case State::unknown:
      return 0;
    case State::fresh:
      return LSIDL;
    case State::running:
      return thread.cpu ? LSONPROC : LSRUN;
    case State::stopped:
      return LSSTOP;
    case State::zombie:
      return LSZOMB;
    default:
      return LSSLEEP;
  }
}

std::uint64_t process_state(State state) {
  switch (state) {
    case State::unknown:
      return 0;
    case State::fresh:
      return SIDL;
    case State::stopped:
      return SSTOP;
    case State::zombie:
      return SZOMB;
    default:
      return SACTIVE;
  }
}

Record record_of(kvm::Handle& handle, const kvm::ProcessRecord& one) {
  auto record = kvm::proc2_of<Record>(handle, one, {EPROC_CTTY, EPROC_SLEADER});
  const State state = kvm::state_of(one.process.state);
  record.p_paddr = one.process.address;
  record.p_flag = kvm::amount<std::int32_t>(one.process.details.flags);
  record.p_realstat = process_state(state);
  record.p_nlwps = kvm::amount<std::uint64_t>(one.process.threads);
  record.p_vm_vsize = static_cast<std::int64_t>(kvm::pages(handle, one.process.details.size));
  record.p_vm_msize = record.p_vm_vsize;
  if (state != State::unknown) record.p_stat = state == State::zombie ? LSZOMB : LSSLEEP;
  for (const Thread& thread : one.threads)
    if (kvm::state_of(thread.state) == State::running) ++record.p_nrlwps;
  if (one.threads.empty()) return record;
  // A process shows the first of its list.
  const Thread& shown = one.threads.front();
  kvm::add_wait(record, shown);
  record.p_stat = lwp_state(shown);
  // What a thread waited for last stays in it.
  if (record.p_stat != LSSLEEP) {
    kvm::copy_text(record.p_wmesg, "");
    record.p_wchan = 0;
  }
  return record;
}

LwpRecord record_of(const Thread& thread) {
  LwpRecord record{};
  record.l_laddr = thread.address;
  record.l_lid = kvm::number<std::int32_t>(thread.tid);
  record.l_pid = kvm::number<std::int32_t>(thread.pid);
  record.l_priority = kvm::amount<std::uint8_t>(thread.priority);
  record.l_stat = lwp_state(thread);
  if (record.l_stat == LSSLEEP) {
    kvm::copy_text(record.l_wmesg, thread.wait_message.value_or(""));
    record.l_wchan = thread.wait_channel.value_or(0);
  }
  const auto cpu = thread.cpu ? thread.cpu : thread.last_cpu;
  record.l_cpuid = kvm::number<std::uint64_t>(cpu);
  const timeval run_time = kvm::time_of(kvm::microseconds(thread.run_time));
  record.l_rtime_sec = static_cast<std::uint32_t>(run_time.tv_sec);
  record.l_rtime_usec = static_cast<std::uint32_t>(run_time.tv_usec);
  kvm::copy_text(record.l_name, thread.name.value_or(""));
  return record;
}

bool is_size(kvm::Handle& handle, size_t elemsize) {
  if (elemsize == 0) handle.hard("the size of a record is 0");
  return elemsize != 0;
}

}  // namespace

kvm_t* kvm_open(const char* execfile, const char* corefile, const char*, int flags,
                const char* errstr) {
  return kvm::open_printing({kvm::Face::netbsd, execfile, corefile, flags, {}}, errstr);
}

kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char*, int flags,
                     char* errbuf) {
  return kvm::open_quietly({kvm::Face::netbsd, execfile, corefile, flags, {}}, errbuf);
}

const char* kvm_getkernelname(kvm_t* kd) { return kd->kernel_name().c_str(); }

struct kinfo_proc2* kvm_getproc2(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt) {
  return kvm::answer<kinfo_proc2*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_proc2* {
    const auto wanted = selection(op, arg);
    if (!wanted) {
      handle.hard("invalid filter");
      return nullptr;
    }
    if (!is_size(handle, elemsize)) return nullptr;
    const auto processes = kvm::select(handle, *wanted);
    if (!processes) return nullptr;
    std::vector<Record> records;
    for (const kvm::ProcessRecord& one : *processes) records.push_back(record_of(handle, one));
    return kvm::keep(handle.records, records, elemsize, cnt);
  });
}

struct kinfo_lwp* kvm_getlwps(kvm_t* kd, int pid, unsigned long procaddr, size_t elemsize,
                              int* cnt) {
  return kvm::answer<kinfo_lwp*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_lwp* {
    panicroom::Kernel* const kernel = handle.kernel();
    if (kernel == nullptr || !is_size(handle, elemsize)) return nullptr;
    std::vector<LwpRecord> records;
    panicroom::Notes notes;
    const auto walked = kernel->threads(
        [&](const Thread& thread) {
          if (thread.pid == pid && (procaddr == 0 || thread.process_address == procaddr))
            records.push_back(record_of(thread));
          return true;
        },
        notes);
    if (!walked) {
      handle.hard(walked.error().message());
      return nullptr;
    }
    return kvm::keep(handle.lwp_records, records, elemsize, cnt);
  });
}

char** kvm_getargv2(kvm_t* kd, const struct kinfo_proc2* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->p_pid, false, nchr);
  });
}

char** kvm_getenvv2(kvm_t* kd, const struct kinfo_proc2* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->p_pid, true, nchr);
  });
}
