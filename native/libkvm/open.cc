#include "native/libkvm/open.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <new>

#include "core/dump/formats.h"
#include "core/io/unwrap.h"
#include "native/io/mapped_file.h"

namespace panicroom::kvm {
namespace {

constexpr unsigned no_files = 0x80000000;  // KVM_NO_FILES
constexpr const char* null_device = "/dev/null";
constexpr const char* no_live_system =
    "the running system is not read by this library: name a dump as the core file";
constexpr const char* no_open_file = "no file is open: only a dump can answer this";

/// An opening has either succeeded or says why not.
using Opened = Result<void>;

Failure refused(std::string text) { return fail(ErrorCode::invalid, std::move(text)); }
Failure system_refusal(const char* what, int error) {
  return refused(fmt::format("{}: {}", what, std::strerror(error)));
}

bool speaks_no_files(Face face) {
  return face == Face::common || face == Face::netbsd || face == Face::openbsd;
}

Opened check_flags(Face face, int flags) {
  if (face == Face::illumos) {
    if (flags == O_RDONLY || flags == O_RDWR) return {};
    return refused(fmt::format("illegal flag {:#x} to kvm_open()", static_cast<unsigned>(flags)));
  }
  const int known = face == Face::openbsd ? O_ACCMODE : O_RDWR;
  if ((flags & ~known) != 0) return refused("bad flags arg");
  return {};
}

/// What must hold before a file is looked into, in the words of the system's own library.
Opened check_file(Face face, const char* path, int flags, bool is_core) {
  struct stat status {};
  if (::stat(path, &status) != 0) return system_refusal(path, errno);
  const int wanted = is_core && flags != O_RDONLY ? R_OK | W_OK : R_OK;
  if (::access(path, wanted) != 0) return system_refusal(path, errno);
  if (!is_core) return {};
  const bool in_freebsds_words = face == Face::freebsd || face == Face::dragonfly;
  if (S_ISREG(status.st_mode) && status.st_size <= 0 && in_freebsds_words)
    return system_refusal("empty file", EINVAL);
  if (S_ISCHR(status.st_mode)) {
    if (std::strcmp(path, "/dev/mem") == 0 || std::strcmp(path, "/dev/kmem") == 0)
      return refused(fmt::format("{}: {}", path, no_live_system));
    if (face != Face::freebsd) return refused(fmt::format("{}: not physical memory device", path));
  }
  return {};
}

Result<SourcePtr> open_file(const char* path) {
  auto file = open_mapped_file(path);
  if (!file) return Failure(file.error().within(path));
  return std::move(*file);
}

/// The kernel file; FreeBSD's words, to the letter, for what is none.
Result<SourcePtr> open_kernel_file(Face face, const char* path) {
  PANICROOM_TRY(file, open_file(path));
  PANICROOM_TRY(unwrapped, unwrap(file));
  const auto kind = classify(*unwrapped.source);
  if (kind && *kind == FileKind::kernel) return file;
  constexpr const char* why = "kernel is not an ELF file";
  return refused(face == Face::freebsd ? why : fmt::format("{}: {}", path, why));
}

/// NetBSD's and OpenBSD's libraries open what has no header, and refuse to read from it.
bool opens_anything(Face face) { return face == Face::netbsd || face == Face::openbsd; }

/// The dump with what was opened of its kernel. An error too when no kernel is understood.
Result<std::unique_ptr<Session>> open_session(const char* core, std::vector<SourcePtr> files) {
  PANICROOM_TRY(dump, open_file(core));
  files.insert(files.begin(), dump);
  PANICROOM_TRY(session, Session::open(std::move(files)));
  if (const auto& why = session->why_no_kernel()) return Failure(*why);
  return session;
}

Opened open_files(Handle& handle, const Opening& opening) {
  const Face face = opening.face;
  if (speaks_no_files(face) && (static_cast<unsigned>(opening.flags) & no_files) != 0) {
    handle.not_opened(no_open_file);
    return {};
  }
  if (opening.execfile != nullptr && std::strlen(opening.execfile) >= PATH_MAX)
    return refused("exec file name too long");
  PANICROOM_CHECK(check_flags(face, opening.flags));
  if (opening.corefile == nullptr) return refused(no_live_system);
  // A handle of programs that use sysctl(3) alone.
  if (std::strcmp(opening.corefile, null_device) == 0 &&
      (face == Face::freebsd || face == Face::dragonfly)) {
    handle.not_opened(no_open_file);
    return {};
  }
  PANICROOM_CHECK(check_file(face, opening.corefile, opening.flags, true));
  std::vector<SourcePtr> files;
  if (opening.execfile != nullptr) {
    PANICROOM_CHECK(check_file(face, opening.execfile, O_RDONLY, false));
    PANICROOM_TRY(kernel, open_kernel_file(face, opening.execfile));
    files.push_back(kernel);
  }
  handle.set_kernel_name(opening.execfile != nullptr ? opening.execfile : opening.corefile);
  auto session = open_session(opening.corefile, std::move(files));
  if (!session && opens_anything(face)) {
    handle.not_opened("no valid dump header: " + session.error().message());
    return {};
  }
  if (!session) return Failure(session.error());
  handle.opened(std::move(*session));
  return {};
}

/// A new handle, or null with the reason in `why`.
__kvm* open(const Opening& opening, const char* program, std::string& why) {
  std::unique_ptr<__kvm> handle;
  try {
    handle = std::make_unique<__kvm>(opening.face, program);
    handle->set_resolver(opening.resolver);
    const Opened opened = open_files(*handle, opening);
    if (opened) return handle.release();
    why = opened.error().message();
  } catch (const std::bad_alloc&) {
    why = "";
  }
  if (why.empty()) why = std::strerror(ENOMEM);
  return nullptr;
}

}  // namespace

__kvm* open_printing(const Opening& opening, const char* errstr) {
  std::string why;
  __kvm* const handle = open(opening, errstr, why);
  if (handle == nullptr && errstr != nullptr) print_error(errstr, why);
  return handle;
}

__kvm* open_quietly(const Opening& opening, char* errbuf) {
  std::string why;
  __kvm* const handle = open(opening, nullptr, why);
  if (handle == nullptr && errbuf != nullptr) {
    const std::size_t length = std::min(why.size(), error_size - 1);
    std::memcpy(errbuf, why.data(), length);
    errbuf[length] = '\0';
  }
  return handle;
}

}  // namespace panicroom::kvm
