// FreeBSD's face: struct kinfo_proc (sys/sys/user.h), operations (sys/sys/sysctl.h).
#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/include/panicroom/freebsd/panicroom_kinfo.h"
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
struct OfFile : xfile {};

/// What an unknown operation chooses is everything, as with FreeBSD's own library on a dump.
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
    case KERN_PROC_RGID:
      return {Choice::real_gid, value};
    case KERN_PROC_GID:
      return {Choice::gid, value};
    default:
      return {};
  }
}

char number_of(State state) {
  switch (state) {
    case State::unknown:
      return 0;
    case State::fresh:
      return SIDL;
    case State::running:
      return SRUN;
    case State::sleeping:
      return SSLEEP;
    case State::stopped:
      return SSTOP;
    case State::zombie:
      return SZOMB;
    case State::waiting:
      return SWAIT;
    case State::locked:
      return SLOCK;
  }
  return 0;
}

unsigned char priority_class(const std::optional<std::string>& policy) {
  if (policy == "interrupt") return PRI_ITHD;
  if (policy == "realtime" || policy == "fifo" || policy == "rr") return PRI_REALTIME;
  if (policy == "idle") return PRI_IDLE;
  return PRI_TIMESHARE;
}

void add_thread(kinfo_proc& record, const Thread& thread, bool locked) {
  record.ki_tid = kvm::number<lwpid_t>(thread.tid);
  record.ki_tdaddr = kvm::pointer<struct thread>(thread.address);
  kvm::copy_text(record.ki_tdname, thread.name.value_or(""));
  if (const std::string name = thread.name.value_or(""); name.size() >= sizeof(record.ki_tdname))
    kvm::copy_text(record.ki_moretdname, name.substr(sizeof(record.ki_tdname) - 1));
  kvm::copy_text(locked ? record.ki_lockname : record.ki_wmesg, thread.wait_message.value_or(""));
  if (locked) record.ki_kiflag |= KI_LOCKBLOCK;
  record.ki_wchan = kvm::pointer<void>(thread.wait_channel.value_or(0));
  record.ki_oncpu = kvm::number<int>(thread.cpu);
  record.ki_oncpu_old = kvm::number<unsigned char>(thread.cpu);
  record.ki_lastcpu = kvm::number<int>(thread.last_cpu);
  record.ki_lastcpu_old = kvm::number<unsigned char>(thread.last_cpu);
  record.ki_pri.pri_level = kvm::amount<unsigned char>(thread.priority);
  record.ki_pri.pri_class = priority_class(thread.policy);
}

Record record_of(kvm::Handle& handle, const kvm::ProcessRecord& one, const Thread* thread,
                 bool of_thread) {
  const panicroom::Process& process = one.process;
  const panicroom::ProcessDetails& details = process.details;
  Record record{};
  record.ki_structsize = sizeof(kinfo_proc);
  record.ki_paddr = kvm::pointer<proc>(process.address);
  record.ki_pid = kvm::number<pid_t>(process.pid);
  record.ki_ppid = kvm::number<pid_t>(process.ppid);
  record.ki_pgid = kvm::number<pid_t>(details.group);
  record.ki_sid = kvm::number<pid_t>(details.session);
  record.ki_tpgid = -1;
  record.ki_tsid = -1;
  record.ki_tdev = ~std::uint64_t{0};  // NODEV
  record.ki_tdev_freebsd11 = ~std::uint32_t{0};
  record.ki_uid = kvm::number<uid_t>(process.uid);
  record.ki_ruid = kvm::number<uid_t>(details.real_uid);
  record.ki_svuid = static_cast<uid_t>(-1);
  record.ki_rgid = kvm::number<gid_t>(details.real_gid);
  record.ki_svgid = static_cast<gid_t>(-1);
  if (details.gid) {
    record.ki_ngroups = 1;
    record.ki_groups[0] = kvm::number<gid_t>(details.gid);
  }
  record.ki_size = details.size.value_or(0);
  record.ki_rssize = static_cast<decltype(record.ki_rssize)>(kvm::pages(handle, details.resident));
  const std::int64_t user = kvm::microseconds(details.user_time);
  const std::int64_t system = kvm::microseconds(details.system_time);
  record.ki_runtime = static_cast<std::uint64_t>(user + system);
  record.ki_rusage.ru_utime = kvm::time_of(user);
  record.ki_rusage.ru_stime = kvm::time_of(system);
  if (one.start) record.ki_start = kvm::time_of(*one.start);
  record.ki_flag = kvm::amount<long>(details.flags);
  if (details.terminal) record.ki_kiflag |= KI_CTTY;
  if (process.pid && details.session == process.pid) record.ki_kiflag |= KI_SLEADER;
  const State state = kvm::state_of(of_thread && thread != nullptr ? thread->state : process.state);
  record.ki_stat = number_of(state);
  record.ki_nice = kvm::amount<signed char>(details.nice);
  record.ki_numthreads = kvm::amount<int>(process.threads);
  record.ki_jid = kvm::amount<int>(details.jail);
  kvm::copy_text(record.ki_comm, process.name.value_or(""));
  record.ki_oncpu = -1;
  record.ki_lastcpu = -1;
  record.ki_tid = -1;
  if (thread != nullptr) add_thread(record, *thread, state == State::locked);
  return record;
}

short file_type(const std::optional<std::string>& type) {
  const std::string name = type.value_or("");
  if (name.empty()) return 0;
  if (name == "socket") return DTYPE_SOCKET;
  if (name == "pipe") return DTYPE_PIPE;
  if (name == "kqueue") return DTYPE_KQUEUE;
  if (name == "shared memory") return DTYPE_SHM;
  if (name == "semaphore") return DTYPE_SEM;
  if (name == "pseudo terminal") return DTYPE_PTS;
  return DTYPE_VNODE;
}

OfFile record_of(const kvm::FileRecord& one) {
  const panicroom::OpenFile& file = one.file;
  OfFile record{};
  record.xf_size = sizeof(xfile);
  record.xf_pid = kvm::number<pid_t>(file.pid);
  record.xf_uid = kvm::number<uid_t>(one.uid);
  record.xf_fd = static_cast<int>(file.descriptor);
  record.xf_file = kvm::pointer<void>(file.address);
  record.xf_type = file_type(file.type);
  record.xf_offset = kvm::amount<off_t>(file.position);
  record.xf_flag = static_cast<unsigned>(kvm::access_flags(file));
  return record;
}

}  // namespace

kvm_t* kvm_open(const char* execfile, const char* corefile, const char*, int flags,
                const char* errstr) {
  return kvm::open_printing({kvm::Face::freebsd, execfile, corefile, flags, {}}, errstr);
}

kvm_t* kvm_openfiles(const char* execfile, const char* corefile, const char*, int flags,
                     char* errbuf) {
  return kvm::open_quietly({kvm::Face::freebsd, execfile, corefile, flags, {}}, errbuf);
}

kvm_t* kvm_open2(const char* execfile, const char* corefile, int flags, char* errbuf,
                 int (*resolver)(const char*, kvaddr_t*)) {
  kvm::Opening opening{kvm::Face::freebsd, execfile, corefile, flags, {}};
  if (resolver != nullptr)
    opening.resolver = [resolver](const char* name) -> std::optional<std::uint64_t> {
      kvaddr_t address = 0;
      return resolver(name, &address) == 0 ? std::optional(address) : std::nullopt;
    };
  return kvm::open_quietly(opening, errbuf);
}

struct kinfo_proc* kvm_getprocs(kvm_t* kd, int op, int arg, int* cnt) {
  return kvm::answer<kinfo_proc*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_proc* {
    const int operation = op & ~KERN_PROC_INC_THREAD;
    const bool by_thread = operation != op || operation == KERN_PROC_ALL;
    const auto processes = kvm::select(handle, selection(operation, arg));
    if (!processes) return nullptr;
    std::vector<Record> records;
    for (const kvm::ProcessRecord& one : *processes) {
      if (!by_thread || one.threads.empty())
        records.push_back(
            record_of(handle, one, one.threads.empty() ? nullptr : one.threads.data(), false));
      else
        for (const Thread& thread : one.threads)
          records.push_back(record_of(handle, one, &thread, true));
    }
    return kvm::keep(handle.records, records, sizeof(kinfo_proc), cnt);
  });
}

char** kvm_getargv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->ki_pid, false, nchr);
  });
}

char** kvm_getenvv(kvm_t* kd, const struct kinfo_proc* kp, int nchr) {
  return kvm::answer<char**>(kd, nullptr, [&](kvm::Handle& handle) {
    return kvm::strings_of(handle, kp->ki_pid, true, nchr);
  });
}

ssize_t kvm_uread(kvm_t* kd, const struct kinfo_proc* kp, unsigned long addr, char* buf,
                  size_t nbytes) {
  return kvm::answer<ssize_t>(kd, -1, [&](kvm::Handle& handle) {
    return kvm::read_process(handle, kp->ki_pid, addr, buf, nbytes);
  });
}

// The operation and its argument are ignored: there is one only, KERN_FILE.
char* kvm_getfiles(kvm_t* kd, int, int, int* cnt) {
  return kvm::answer<char*>(kd, nullptr, [&](kvm::Handle& handle) -> char* {
    const auto files = kvm::open_files(handle, std::nullopt);
    if (!files) return nullptr;
    std::vector<OfFile> records;
    for (const kvm::FileRecord& one : *files) records.push_back(record_of(one));
    return reinterpret_cast<char*>(kvm::keep(handle.file_records, records, sizeof(xfile), cnt));
  });
}
