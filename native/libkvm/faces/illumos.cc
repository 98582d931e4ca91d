// illumos's face: kvm_open(3KVM) and its companions, which walk the processes one by one.
#include <cstdlib>
#include <memory>

#include "native/libkvm/include/panicroom/illumos/kvm.h"
#include "native/libkvm/names.h"
#include "native/libkvm/open.h"
#include "native/libkvm/record_values.h"

namespace kvm = panicroom::kvm;

namespace {

using kvm::State;

/// The processes and how far kvm_nextproc has come.
struct Walk {
  std::vector<kvm::ProcessRecord> processes;
  std::size_t next = 0;
  proc_t current{};
};

/// The handle under the name that illumos's programs have for it.
__kvm* handle_of(kvm_t* kd) { return reinterpret_cast<__kvm*>(kd); }

/// The walk, begun at the first need. Null, with a hard error, where there are no processes.
Walk* walk_of(kvm::Handle& handle) {
  if (!handle.face_state) {
    auto processes = kvm::select(handle, {});
    if (!processes) return nullptr;
    handle.face_state = std::make_shared<Walk>(Walk{std::move(*processes), 0, {}});
  }
  return static_cast<Walk*>(handle.face_state.get());
}

char number_of(State state) {
  switch (state) {
    case State::unknown:
      return 0;
    case State::fresh:
      return SIDL;
    case State::running:
      return SRUN;
    case State::stopped:
      return SSTOP;
    case State::zombie:
      return SZOMB;
    default:
      return SSLEEP;
  }
}

/// A pointer or long of the kernel's own proc_t, by the dump's types; 0 where they have it not
/// (another system's).
std::uint64_t word_of(kvm::Handle& handle, const panicroom::Process& process,
                      std::string_view path) {
  const auto types = handle.session()->types();
  if (!types) return 0;
  const auto member = (*types)->member("proc", path);
  panicroom::AddressSpace* const memory = handle.memory();
  if (!member || memory == nullptr) return 0;
  return memory->integer(process.address + member->offset, member->size).value_or(0);
}

proc_t record_of(kvm::Handle& handle, const kvm::ProcessRecord& one) {
  const panicroom::Process& process = one.process;
  proc_t record{};
  record.p_as = kvm::pointer<as>(word_of(handle, process, "p_as"));
  record.p_next = kvm::pointer<proc_t>(word_of(handle, process, "p_next"));
  record.p_pidp = kvm::pointer<pid>(word_of(handle, process, "p_pidp"));
  record.p_flag = static_cast<decltype(record.p_flag)>(process.details.flags.value_or(0));
  record.p_model = static_cast<decltype(record.p_model)>(word_of(handle, process, "p_model"));
  record.p_usrstack = word_of(handle, process, "p_usrstack");
  record.p_stat = number_of(kvm::state_of(process.state));
  record.p_pid = kvm::number<pid_t>(process.pid);
  record.p_ppid = kvm::number<pid_t>(process.ppid);
  kvm::copy_text(record.p_user.u_comm, process.name.value_or(""));
  return record;
}

/// The process that the walk stands at; nothing, with a hard error, before kvm_nextproc.
std::optional<std::int64_t> current_pid(kvm::Handle& handle) {
  Walk* const walk = walk_of(handle);
  if (walk == nullptr) return std::nullopt;
  if (walk->next == 0) {
    handle.hard("no process: call kvm_getproc or kvm_nextproc first");
    return std::nullopt;
  }
  return walk->processes[walk->next - 1].process.pid;
}

/// Pointers and strings in one block, which the caller frees. Null where there is no memory.
std::unique_ptr<char*, decltype(&std::free)> block_of(const std::vector<std::string>& texts) {
  std::size_t size = (texts.size() + 1) * sizeof(char*);
  for (const std::string& text : texts) size += text.size() + 1;
  char** const block = static_cast<char**>(std::malloc(size));
  if (block == nullptr) throw std::bad_alloc();
  char* to = reinterpret_cast<char*>(block + texts.size() + 1);
  for (std::size_t index = 0; index < texts.size(); ++index) {
    block[index] = to;
    to = std::copy_n(texts[index].c_str(), texts[index].size() + 1, to);
  }
  block[texts.size()] = nullptr;
  return {block, &std::free};
}

ssize_t read_kernel(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes) {
  return kvm::answer<ssize_t>(handle_of(kd), -1,
                              [&](kvm::Handle& handle) { return handle.read(addr, buf, nbytes); });
}

}  // namespace

kvm_t* kvm_open(const char* namelist, const char* corefile, const char*, int flag,
                const char* errstr) {
  kvm_t* const kd = reinterpret_cast<kvm_t*>(
      kvm::open_printing({kvm::Face::illumos, namelist, corefile, flag, {}}, errstr));
  if (kd == nullptr || kvm_setproc(kd) == 0) return kd;
  kvm_close(kd);
  return nullptr;
}

const char* kvm_namelist(kvm_t* kd) { return handle_of(kd)->kernel_name().c_str(); }

int kvm_nlist(kvm_t* kd, struct nlist nl[]) {
  return kvm::answer<int>(handle_of(kd), -1, [&](kvm::Handle& handle) {
    std::vector<const char*> names;
    for (const struct nlist* entry = nl; entry->n_name != nullptr && *entry->n_name != '\0';
         ++entry)
      names.push_back(entry->n_name);
    const auto found = kvm::look_up(handle, names);
    if (!found) return -1;
    int missing = 0;
    for (std::size_t index = 0; index < names.size(); ++index) {
      const auto& one = (*found)[index];
      if (!one) ++missing;
      nl[index].n_value = static_cast<long>(one ? one->address : 0);
      nl[index].n_type = one ? one->type : 0;
      nl[index].n_scnum = 0;
      nl[index].n_sclass = 0;
      nl[index].n_numaux = 0;
    }
    return missing;
  });
}

ssize_t kvm_kread(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes) {
  return read_kernel(kd, addr, buf, nbytes);
}

ssize_t kvm_kwrite(kvm_t* kd, uintptr_t, const void*, size_t) {
  handle_of(kd)->hard("kvm_kwrite: a dump is not written to");
  return -1;
}

ssize_t kvm_uread(kvm_t* kd, uintptr_t addr, void* buf, size_t nbytes) {
  return kvm::answer<ssize_t>(handle_of(kd), -1, [&](kvm::Handle& handle) -> ssize_t {
    const auto pid = current_pid(handle);
    return pid ? kvm::read_process(handle, *pid, addr, buf, nbytes) : -1;
  });
}

ssize_t kvm_pread(kvm_t* kd, uint64_t addr, void* buf, size_t nbytes) {
  return kvm::answer<ssize_t>(handle_of(kd), -1, [&](kvm::Handle& handle) -> ssize_t {
    panicroom::Session* const session = handle.session();
    if (session == nullptr) return -1;
    panicroom::Error error;
    const std::size_t got = session->physical().read_some(
        addr, panicroom::MutableBytes(static_cast<std::byte*>(buf), nbytes), &error);
    if (got < nbytes) handle.soft(error.message());
    return got == 0 && nbytes != 0 ? -1 : static_cast<ssize_t>(got);
  });
}

uint64_t kvm_physaddr(kvm_t* kd, struct as* as, uintptr_t addr) {
  constexpr std::uint64_t none = ~std::uint64_t{0};
  return kvm::answer<uint64_t>(handle_of(kd), none, [&](kvm::Handle& handle) -> uint64_t {
    panicroom::AddressSpace* space = handle.memory();
    if (space == nullptr) return none;
    const auto kernel = handle.session()->resolve("kas");
    if (as != nullptr && !(kernel && kvm::pointer<struct as>(*kernel) == as)) {
      Walk* const walk = walk_of(handle);
      if (walk == nullptr) return none;
      space = nullptr;
      for (const kvm::ProcessRecord& one : walk->processes)
        if (one.process.pid && kvm::pointer<struct as>(word_of(handle, one.process, "p_as")) == as)
          space = handle.process_memory(*one.process.pid);
      if (space == nullptr) return none;
    }
    const auto translation = space->translate(addr);
    if (translation) return translation->physical;
    handle.soft(translation.error().message());
    return none;
  });
}

int kvm_setproc(kvm_t* kd) {
  return kvm::answer<int>(handle_of(kd), -1, [](kvm::Handle& handle) {
    Walk* const walk = walk_of(handle);
    if (walk == nullptr) return -1;
    walk->next = 0;
    return 0;
  });
}

proc_t* kvm_nextproc(kvm_t* kd) {
  return kvm::answer<proc_t*>(handle_of(kd), nullptr, [](kvm::Handle& handle) -> proc_t* {
    Walk* const walk = walk_of(handle);
    if (walk == nullptr || walk->next == walk->processes.size()) return nullptr;
    walk->current = record_of(handle, walk->processes[walk->next++]);
    return &walk->current;
  });
}

proc_t* kvm_getproc(kvm_t* kd, pid_t pid) {
  return kvm::answer<proc_t*>(handle_of(kd), nullptr, [&](kvm::Handle& handle) -> proc_t* {
    Walk* const walk = walk_of(handle);
    if (walk == nullptr) return nullptr;
    for (std::size_t index = 0; index < walk->processes.size(); ++index) {
      if (walk->processes[index].process.pid != pid) continue;
      walk->next = index + 1;
      walk->current = record_of(handle, walk->processes[index]);
      return &walk->current;
    }
    walk->next = walk->processes.size();
    return nullptr;
  });
}

user_t* kvm_getu(kvm_t* kd, proc_t* proc) {
  return kvm::answer<user_t*>(handle_of(kd), nullptr, [&](kvm::Handle& handle) -> user_t* {
    // The words of the command, as far as there is room: u_psargs.
    panicroom::Kernel* const kernel = handle.kernel();
    if (kernel != nullptr && proc->p_user.u_psargs[0] == '\0')
      if (const auto texts = kvm::texts_of(*kernel, proc->p_pid, false)) {
        std::string joined;
        for (const std::string& text : *texts) joined += (joined.empty() ? "" : " ") + text;
        kvm::copy_text(proc->p_user.u_psargs, joined);
        proc->p_user.u_argc = static_cast<int>(texts->size());
      }
    return &proc->p_user;
  });
}

int kvm_getcmd(kvm_t* kd, proc_t* proc, user_t*, char*** arg, char*** env) {
  return kvm::answer<int>(handle_of(kd), -1, [&](kvm::Handle& handle) {
    panicroom::Kernel* const kernel = handle.kernel();
    if (kernel == nullptr) return -1;
    std::unique_ptr<char*, decltype(&std::free)> blocks[] = {{nullptr, &std::free},
                                                             {nullptr, &std::free}};
    char*** const wanted[] = {arg, env};
    for (const bool environment : {false, true}) {
      if (wanted[environment] == nullptr) continue;
      const auto texts = kvm::texts_of(*kernel, proc->p_pid, environment);
      if (!texts) {
        handle.hard(texts.error().message());
        return -1;
      }
      blocks[environment] = block_of(*texts);
    }
    for (const bool environment : {false, true})
      if (wanted[environment] != nullptr) *wanted[environment] = blocks[environment].release();
    return 0;
  });
}
