// OpenBSD's face: struct kinfo_proc (sys/sys/sysctl.h).
#include <algorithm>
#include <set>

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
struct OfFile : kinfo_file {};

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
    case State::unknown:
      return 0;
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
  const State whole = kvm::state_of(one.process.state);
  if (whole == State::zombie) return SDEAD;
  if (whole == State::unknown) return 0;
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

/// f_type and, of a vnode, v_type (sys/sys/file.h, vnode.h).
void set_type(kinfo_file& record, const std::optional<std::string>& type) {
  static constexpr std::string_view vnode_types[] = {
      "", "file", "directory", "block device", "character device", "link"};
  const std::string name = type.value_or("");
  if (name == "socket") record.f_type = DTYPE_SOCKET;
  if (name == "pipe") record.f_type = DTYPE_PIPE;
  if (name == "kqueue") record.f_type = DTYPE_KQUEUE;
  if (name == "DMA buffer") record.f_type = DTYPE_DMABUF;
  const auto* const found = std::find(std::begin(vnode_types) + 1, std::end(vnode_types), name);
  if (found == std::end(vnode_types)) return;
  record.f_type = DTYPE_VNODE;
  record.v_type = static_cast<std::uint32_t>(found - std::begin(vnode_types));
}

OfFile record_of(const kvm::FileRecord& one) {
  const panicroom::OpenFile& file = one.file;
  OfFile record{};
  record.f_fileaddr = file.address;
  record.f_flag = static_cast<std::uint32_t>(kvm::access_flags(file));
  set_type(record, file.type);
  record.f_offset = file.position.value_or(0);
  record.va_fileid = file.inode.value_or(0);
  record.va_size = file.size.value_or(0);
  record.p_pid = kvm::number<decltype(record.p_pid)>(file.pid);
  record.fd_fd = static_cast<std::int32_t>(file.descriptor);
  record.p_uid = kvm::number<std::uint32_t>(one.uid);
  record.p_gid = kvm::number<std::uint32_t>(one.gid);
  record.p_tid = static_cast<decltype(record.p_tid)>(-1);
  kvm::copy_text(record.p_comm, file.process.value_or(""));
  return record;
}

/// Whether the library's structure has all that a program asks for.
bool is_known(kvm::Handle& handle, size_t elemsize, size_t known) {
  if (elemsize > known) handle.hard("unknown fields requested: libkvm out of date?");
  if (elemsize == 0) handle.hard("the size of a record is 0");
  return elemsize != 0 && elemsize <= known;
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
    if (!is_known(handle, elemsize, sizeof(kinfo_proc))) return nullptr;
    const auto wanted = selection(op & ~KERN_PROC_SHOW_THREADS, arg);
    if (!wanted) {
      handle.hard("invalid filter");
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

struct kinfo_file* kvm_getfiles(kvm_t* kd, int op, int arg, size_t elemsize, int* cnt) {
  return kvm::answer<kinfo_file*>(kd, nullptr, [&](kvm::Handle& handle) -> kinfo_file* {
    if (!is_known(handle, elemsize, sizeof(kinfo_file))) return nullptr;
    if (op != KERN_FILE_BYFILE && op != KERN_FILE_BYPID && op != KERN_FILE_BYUID) {
      handle.hard("invalid filter");
      return nullptr;
    }
    const bool of_one = op == KERN_FILE_BYPID && arg > 0;
    const auto files = kvm::open_files(handle, of_one ? std::optional(arg) : std::nullopt);
    if (!files) return nullptr;
    std::vector<OfFile> records;
    std::set<std::uint64_t> seen;  // each file once, whoever has it open
    for (const kvm::FileRecord& one : *files) {
      if (op == KERN_FILE_BYUID && one.uid != arg) continue;
      if (op == KERN_FILE_BYFILE && !seen.insert(one.file.address).second) continue;
      records.push_back(record_of(one));
    }
    return kvm::keep(handle.file_records, records, elemsize, cnt);
  });
}
