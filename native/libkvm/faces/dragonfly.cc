// DragonFly's face: struct kinfo_proc with its kinfo_lwp (sys/sys/kinfo.h).
#include <cstdlib>

#include "native/libkvm/include/panicroom/dragonfly/kvm.h"
#include "native/libkvm/include/panicroom/dragonfly/panicroom_kinfo.h"
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
struct OfFile : kinfo_file {};

constexpr int modifiers = 0xf0;  // KERN_PROC_FLAGMASK

kvm::Selection selection(int operation, int value) {
  switch (operation) {
    case KERN_PROC_PID:
      return {Choice::pid, value};
    case KERN_PROC_PGRP:
      return {Choice::group, value};
    case KERN_PROC_SESSION:
      return {Choice::session, value};
    case KERN_PROC_TTY:
      return {Choice::terminal, value};
    case KERN_PROC_UID:
      return {Choice::uid, value};
    case KERN_PROC_RUID:
      return {Choice::real_uid, value};
    default:
      return {};
  }
}

auto process_state(State state) {
  switch (state) {
    case State::unknown:
      return procstat{};
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

auto lwp_state(State state) {
  switch (state) {
    case State::unknown:
      return lwpstat{};
    case State::running:
      return LSRUN;
    case State::stopped:
      return LSSTOP;
    default:
      return LSSLEEP;
  }
}

void add_thread(kinfo_lwp& record, const Thread& thread) {
  record.kl_stat = lwp_state(kvm::state_of(thread.state));
  record.kl_cpuid = kvm::number<int>(thread.cpu ? thread.cpu : thread.last_cpu);
  record.kl_prio = kvm::amount<int>(thread.priority);
  record.kl_wchan = thread.wait_channel.value_or(0);
  kvm::copy_text(record.kl_wmesg, thread.wait_message.value_or(""));
  kvm::copy_text(record.kl_comm, thread.name.value_or(""));
}

/// A process with one of its threads, or none.
Record record_of(kvm::Handle& handle, const kvm::ProcessRecord& one, const Thread* thread) {
  const panicroom::Process& process = one.process;
  const panicroom::ProcessDetails& details = process.details;
  Record record{};
  record.kp_paddr = process.address;
  record.kp_flags = kvm::amount<int>(details.flags);
  record.kp_stat = process_state(kvm::state_of(process.state));
  if (one.start) record.kp_start = kvm::time_of(*one.start);
  kvm::copy_text(record.kp_comm, process.name.value_or(""));
  record.kp_uid = kvm::number<uid_t>(process.uid);
  record.kp_ruid = kvm::number<uid_t>(details.real_uid);
  record.kp_svuid = static_cast<uid_t>(-1);
  record.kp_rgid = kvm::number<gid_t>(details.real_gid);
  record.kp_svgid = static_cast<gid_t>(-1);
  if (details.gid) {
    record.kp_ngroups = 1;
    record.kp_groups[0] = kvm::number<gid_t>(details.gid);
  }
  record.kp_pid = kvm::number<pid_t>(process.pid);
  record.kp_ppid = kvm::number<pid_t>(process.ppid);
  record.kp_pgid = kvm::number<pid_t>(details.group);
  record.kp_sid = kvm::number<pid_t>(details.session);
  record.kp_tdev = static_cast<decltype(record.kp_tdev)>(-1);
  record.kp_tpgid = -1;
  record.kp_tsid = -1;
  record.kp_nthreads = kvm::amount<int>(process.threads);
  record.kp_nice = kvm::amount<int>(details.nice);
  record.kp_vm_map_size = details.size.value_or(0);
  record.kp_vm_rssize =
      static_cast<decltype(record.kp_vm_rssize)>(kvm::pages(handle, details.resident));
  record.kp_jailid = kvm::amount<int>(details.jail);
  record.kp_ru.ru_utime = kvm::time_of(kvm::microseconds(details.user_time));
  record.kp_ru.ru_stime = kvm::time_of(kvm::microseconds(details.system_time));
  if (details.terminal) record.kp_auxflags |= KI_CTTY;
  if (process.pid && details.session == process.pid) record.kp_auxflags |= KI_SLEADER;
  record.kp_lwp.kl_pid = record.kp_pid;
  record.kp_lwp.kl_tid = -1;
  if (thread != nullptr) add_thread(record.kp_lwp, *thread);
  return record;
}

short file_type(const std::optional<std::string>& type) {
  if (!type) return 0;
  if (*type == "socket") return DTYPE_SOCKET;
  if (*type == "pipe") return DTYPE_PIPE;
  if (*type == "kqueue") return DTYPE_KQUEUE;
  return DTYPE_VNODE;
}

OfFile record_of(const kvm::FileRecord& one) {
  const panicroom::OpenFile& file = one.file;
  OfFile record{};
  record.f_size = sizeof(kinfo_file);
  record.f_pid = kvm::number<pid_t>(file.pid);
  record.f_uid = kvm::number<uid_t>(one.uid);
  record.f_fd = static_cast<int>(file.descriptor);
  record.f_file = kvm::pointer<void>(file.address);
  record.f_type = file_type(file.type);
  record.f_offset = kvm::amount<off_t>(file.position);
  record.f_flag = static_cast<decltype(record.f_flag)>(kvm::access_flags(file));
  return record;
}

}  // namespace

kvm_t* kvm_open(const char* execfile, const char* corefile, const char*, int flags,
                const char* errstr) {
  return kvm::open_printing({kvm::Face::dragonfly, execfile, corefile, flags, {}}, errstr);
}

kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char*, int flags,
                     char* errbuf) {
  return kvm::open_quietly({kvm::Face::dragonfly, execfile, corefile, flags, {}}, errbuf);
}

// kvm_read(3): the length is that of the string with its NUL, also where the buffer is too small
// for it; the buffer then has its beginning.
char* kvm_readstr(kvm_t* kd, unsigned long addr, char* buf, size_t* lenp) {
  return kvm::answer<char*>(kd, nullptr, [&](kvm::Handle& handle) -> char* {
    panicroom::AddressSpace* const memory = handle.memory();
    if (memory == nullptr) return nullptr;
    constexpr std::size_t most = std::size_t{1} << 20;  // a dump may hold no NUL for long
    const auto text = memory->string(addr, most);
    if (!text) {
      handle.soft(text.error().message());
      return nullptr;
    }
    if (text->size() == most) {
      handle.soft("no NUL within 1 MiB");
      return nullptr;
    }
    const std::size_t length = text->size() + 1;
    if (buf == nullptr) {
      char* const made = static_cast<char*>(std::malloc(length));
      if (made == nullptr) throw std::bad_alloc();
      std::memcpy(made, text->c_str(), length);
      if (lenp != nullptr) *lenp = length;
      return made;
    }
    const std::size_t room = lenp != nullptr ? *lenp : 0;
    std::memcpy(buf, text->c_str(), std::min(room, length));
    if (lenp != nullptr) *lenp = length;
    if (room >= length) return buf;
    handle.soft("the buffer is shorter than the string");
    return nullptr;
  });
}

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, int* cnt) {
  return kvm::answer<kinfo_proc*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_proc* {
    const auto processes = kvm::select(handle, selection(op & ~modifiers, arg));
    if (!processes) return nullptr;
    std::vector<Record> records;
    for (const kvm::ProcessRecord& one : *processes) {
      if ((op & KERN_PROC_FLAG_LWP) == 0 || one.threads.empty())
        records.push_back(
            record_of(handle, one, one.threads.empty() ? nullptr : one.threads.data()));
      else
        for (const Thread& thread : one.threads) {
          records.push_back(record_of(handle, one, &thread));
          records.back().kp_lwp.kl_tid = kvm::number<lwpid_t>(thread.tid);
        }
    }
    return kvm::keep(handle.records, records, sizeof(kinfo_proc), cnt);
  });
}

char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->kp_pid, false, nchr);
  });
}

char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->kp_pid, true, nchr);
  });
}

ssize_t kvm_uread(kvm_t* kd, pid_t pid, unsigned long addr, char* buf, size_t nbytes) {
  return kvm::answer<ssize_t>(kd, -1, [&](kvm::Handle& handle) {
    return kvm::read_process(handle, pid, addr, buf, nbytes);
  });
}

int kvm_getswapinfo(kvm_t* kd, struct kvm_swap* swap, int maxswap, int flags) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    return kvm::list_swap(handle, maxswap, (flags & SWIF_DEV_PREFIX) != 0,
                          [&](std::size_t index, const kvm::SwapDevice& device) {
                            swap[index] = {};
                            kvm::copy_text(swap[index].ksw_devname, device.name);
                            swap[index].ksw_used = static_cast<unsigned>(device.used);
                            swap[index].ksw_total = static_cast<unsigned>(device.total);
                          });
  });
}

// The operation and its argument are ignored, as by DragonFly's own.
struct kinfo_file* kvm_getfiles(kvm_t* kd, int, int, int* cnt) {
  return kvm::answer<kinfo_file*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_file* {
    const auto files = kvm::open_files(handle, std::nullopt);
    if (!files) return nullptr;
    std::vector<OfFile> records;
    for (const kvm::FileRecord& one : *files) records.push_back(record_of(one));
    return kvm::keep(handle.file_records, records, sizeof(kinfo_file), cnt);
  });
}
