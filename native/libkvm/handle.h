#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "core/session/session.h"

namespace panicroom::kvm {

/// Whose kvm(3) a handle speaks. The prototypes that all systems share are one function each in the
/// library; what they answer for a system's own sake hangs on the handle's face.
enum class Face : std::uint8_t { common, freebsd, netbsd, openbsd, dragonfly, illumos };

/// Bytes of an `errbuf` and of what kvm_geterr answers, with the NUL (_POSIX2_LINE_MAX).
inline constexpr std::size_t error_size = 2048;

/// Resolves a symbol for kvm_open2: 0 and the address, or not 0.
using Resolver = std::function<std::optional<std::uint64_t>(const char* name)>;

/// Where a handle's pages lie: the running process of each face's kvm_uread.
struct ProcessMemory {
  std::int64_t pid = 0;
  std::unique_ptr<AddressSpace> space;
};

/// "program: text" on standard error; that it cannot be written is nobody's failure.
void print_error(const char* program, std::string_view text);

/// What a program holds as kvm_t: an opened dump, the last error, and the storage of results, which
/// a call of the same family overwrites. Handles share nothing; one may be used by one thread at a
/// time.
class Handle {
 public:
  /// `program`: printed in front of hard errors (kvm_open's errstr); null where they are kept for
  /// kvm_geterr. It is not copied, as the manual pages say.
  Handle(Face face, const char* program);
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;

  Face face() const { return face_; }

  /// Hard errors (a symbol, a header, memory) go to standard error after the program's name where
  /// kvm_open was given one, else to kvm_geterr; soft ones (an address) always to kvm_geterr.
  void hard(std::string_view text);
  void soft(std::string_view text);
  char* error() { return error_; }

  /// Null when no file is open (KVM_NO_FILES, /dev/null) or, for NetBSD and OpenBSD, none with a
  /// valid header; a hard error then says so.
  Session* session();
  /// The kernel; null, with a hard error, when there is none.
  Kernel* kernel();
  /// Its memory; null as kernel().
  AddressSpace* memory();

  /// What the opening found out.
  void opened(std::unique_ptr<Session> session) { session_ = std::move(session); }
  void not_opened(std::string why) { why_none_ = std::move(why); }
  void set_kernel_name(std::string name) { kernel_name_ = std::move(name); }
  /// The kernel file's path; the dump's where its own symbols are used; empty without either.
  const std::string& kernel_name() const { return kernel_name_; }
  void set_resolver(Resolver resolver) { resolver_ = std::move(resolver); }
  const Resolver& resolver() const { return resolver_; }

  /// As kvm_read(3) of the handle's face. BSD: -1 where an address of the range is not mapped or
  /// its page is not in the dump, the number of bytes read where the file ends or cannot be read.
  /// illumos: what could be read, -1 when nothing could.
  ssize_t read(std::uint64_t address, void* to, std::size_t size);
  ssize_t read(AddressSpace& space, std::uint64_t address, void* to, std::size_t size);
  /// The memory of one process, kept until another's is asked for. Null with an error.
  AddressSpace* process_memory(std::int64_t pid);

  /// An integer variable of the kernel. Nothing, with a hard error, where it cannot be had.
  std::optional<std::uint64_t> variable(const char* name, std::size_t size);

  /// The processor whose variables kvm_nlist means (kvm_dpcpu_setcpu).
  CpuNumber cpu;

  // Results that belong to the handle.
  std::vector<std::byte> records;      ///< of processes
  std::vector<std::byte> lwp_records;  ///< of threads (NetBSD)
  std::vector<std::byte> file_records;
  std::vector<char> argument_bytes;
  std::vector<char*> argument_pointers;
  std::shared_ptr<void> face_state;  ///< what one face's calls keep between them (illumos)

 private:
  void keep(std::string_view text);

  Face face_;
  const char* program_;
  char error_[error_size] = {};
  std::unique_ptr<Session> session_;
  std::string why_none_;
  std::string kernel_name_;
  Resolver resolver_;
  ProcessMemory process_memory_;
};

/// Runs a call of the library for a handle that C code gave: memory that cannot be had is the
/// call's failure.
template <class Answer, class Call>
Answer answer(Handle* handle, std::type_identity_t<Answer> failure, Call call) {
  try {
    return call(*handle);
  } catch (const std::bad_alloc&) {
    handle->hard("can't allocate memory");
    return failure;
  }
}

}  // namespace panicroom::kvm

/// kvm_t of the BSDs' headers; fvc_t and illumos's kvm_t are it under their own names.
struct __kvm final : panicroom::kvm::Handle {
  using Handle::Handle;
};
