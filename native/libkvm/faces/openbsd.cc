// OpenBSD's face: struct kinfo_proc (sys/sys/sysctl.h).
#include "native/libkvm/faces/proc2.h"
#include "native/libkvm/include/panicroom/openbsd/kvm.h"
#include "native/libkvm/include/panicroom/openbsd/panicroom_kinfo.h"
#include "native/libkvm/open.h"
#include "native/libkvm/record_values.h"

namespace kvm = panicroom::kvm;

namespace {

using kvm::Choice;
using kvm::State;
using panicroom::Thread;

/// The structure under a name of this file alone: the systems' structures of one name differ, and
/// what templates make of them must not be taken for one another.
struct Record : kinfo_proc {};

std::optional<kvm::Selection> selection(int operation, int value) {
  switch (operation) {
    case KERN_PROC_ALL:
    case KERN_PROC_KTHREAD:
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
    default:
      return std::nullopt;
  }
}

/// OpenBSD marks its kernel's processes itself; those of others have no user memory.
bool is_of_kernel(bool of_openbsd, const panicroom::Process& process) {
  constexpr std::uint64_t of_system = 0x10000;  // PS_SYSTEM, sys/sys/proc.h
  if (of_openbsd) return (process.details.flags.value_or(0) & of_system) != 0;
  return !process.page_table_root && kvm::state_of(process.state) != State::zombie;
}

std::int8_t thread_state(const Thread& thread) {
  switch (kvm::state_of(thread.state)) {
    case State::fresh:
      return SIDL;
    case State::running:
      return thread.cpu ? SONPROC : SRUN;
    case State::stopped:
      return SSTOP;
    case State::zombie:
      return SDEAD;
    default:
      return SSLEEP;
  }
}

/// Of all threads, that which a process's record shows where threads are not asked for.
std::int8_t merged_state(const kvm::ProcessRecord& one) {
  if (kvm::state_of(one.process.state) == State::zombie) return SDEAD;
  for (const int state : {SONPROC, SRUN, SSTOP, SSLEEP})
    for (const Thread& thread : one.threads)
      if (thread_state(thread) == state) return thread_state(thread);
  return SIDL;
}

void add_thread(kinfo_proc& record, const Thread& thread) {
  kvm::add_wait(record, thread);
  record.p_paddr = thread.address;
}

Record record_of(kvm::Handle& handle, const kvm::ProcessRecord& one) {
  auto record = kvm::proc2_of<Record>(handle, one, {EPROC_CTTY, EPROC_SLEADER});
  record.p_tid = -1;
  record.p_psflags = kvm::amount<decltype(record.p_psflags)>(one.process.details.flags);
  record.p_stat = merged_state(one);
  record.p_vm_map_size = one.process.details.size.value_or(0);
  if (!one.threads.empty()) add_thread(record, one.threads.front());
  return record;
}

}  // namespace

kvm_t* kvm_open(const char* execfile, const char* corefile, const char*, int flags,
                const char* errstr) {
  return kvm::open_printing({kvm::Face::openbsd, execfile, corefile, flags, {}}, errstr);
}

kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char*, int flags,
                     char* errbuf) {
  return kvm::open_quietly({kvm::Face::openbsd, execfile, corefile, flags, {}}, errbuf);
}

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt) {
  return kvm::answer<kinfo_proc*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_proc* {
    if (elemsize > sizeof(kinfo_proc)) {
      handle.hard("unknown fields requested: libkvm out of date?");
      return nullptr;
    }
    const auto wanted = selection(op & ~KERN_PROC_SHOW_THREADS, arg);
    if (!wanted || elemsize == 0) {
      handle.hard(wanted ? "the size of a record is 0" : "invalid filter");
      return nullptr;
    }
    const auto processes = kvm::select(handle, *wanted);
    if (!processes) return nullptr;
    panicroom::Notes notes;
    const bool of_openbsd = handle.kernel()->identity(notes).system == "OpenBSD";
    const bool with_kernel = (op & ~KERN_PROC_SHOW_THREADS) != KERN_PROC_ALL;
    std::vector<Record> records;
    for (const kvm::ProcessRecord& one : *processes) {
      if (!with_kernel && is_of_kernel(of_openbsd, one.process)) continue;
      records.push_back(record_of(handle, one));
      if ((op & KERN_PROC_SHOW_THREADS) == 0) continue;
      for (const Thread& thread : one.threads) {
        Record record = records.back();
        add_thread(record, thread);
        record.p_stat = thread_state(thread);
        record.p_tid = kvm::amount<std::int32_t>(thread.tid) + THREAD_PID_OFFSET;
        kvm::copy_text(record.p_name, thread.name.value_or(""));
        records.push_back(record);
      }
    }
    return kvm::keep(handle.records, records, elemsize, cnt);
  });
}

char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->p_pid, false, nchr);
  });
}

char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->p_pid, true, nchr);
  });
}
