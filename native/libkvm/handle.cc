#include "native/libkvm/handle.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <cstring>

namespace panicroom::kvm {
namespace {

/// Whether the address has no page, as opposed to a page whose bytes the file does not give.
bool is_bad_address(const Error& error) {
  return error.code == ErrorCode::unmapped ||
         (error.code == ErrorCode::not_in_dump && error.absence != Absence::truncated);
}

}  // namespace

void print_error(const char* program, std::string_view text) {
  std::fprintf(stderr, "%s: %.*s\n", program, static_cast<int>(text.size()), text.data());
}

Handle::Handle(Face face, const char* program) : face_(face), program_(program) {}

void Handle::keep(std::string_view text) {
  const std::size_t length = std::min(text.size(), error_size - 1);
  std::memcpy(error_, text.data(), length);
  error_[length] = '\0';
}

void Handle::soft(std::string_view text) { keep(text); }

void Handle::hard(std::string_view text) {
  if (program_ == nullptr) return keep(text);
  // illumos has no kvm_geterr; the BSDs' does not keep what was printed.
  print_error(program_, text);
}

Session* Handle::session() {
  if (!session_) hard(why_none_);
  return session_.get();
}

Kernel* Handle::kernel() {
  Session* const opened = session();
  if (opened == nullptr) return nullptr;
  if (opened->kernel() == nullptr) hard(opened->why_no_kernel()->message());
  return opened->kernel();
}

AddressSpace* Handle::memory() {
  Kernel* const found = kernel();
  return found == nullptr ? nullptr : &found->memory();
}

ssize_t Handle::read(std::uint64_t address, void* to, std::size_t size) {
  AddressSpace* const space = memory();
  return space == nullptr ? -1 : read(*space, address, to, size);
}

ssize_t Handle::read(AddressSpace& space, std::uint64_t address, void* to, std::size_t size) {
  const MutableBytes out(static_cast<std::byte*>(to), size);
  if (space.read(address, out)) return static_cast<ssize_t>(size);
  Error error;
  const std::size_t got = space.read_some(address, out, &error);
  if (face_ == Face::illumos) {
    soft(error.message());
    return got == 0 ? -1 : static_cast<ssize_t>(got);
  }
  if (is_bad_address(error)) {
    soft(fmt::format("invalid address ({:#x}): {}", address + got, error.text));
    return -1;
  }
  soft(fmt::format("short read: {}", error.message()));
  return static_cast<ssize_t>(got);
}

AddressSpace* Handle::process_memory(std::int64_t pid) {
  if (process_memory_.space && process_memory_.pid == pid) return process_memory_.space.get();
  Kernel* const found = kernel();
  if (found == nullptr) return nullptr;
  std::optional<Process> process;
  Notes notes;
  ProcessQuery query;
  query.pid = pid;
  const auto walked = found->processes(
      query,
      [&](const Process& one) {
        process = one;
        return false;
      },
      notes);
  if (!walked || !process) {
    hard(walked ? fmt::format("no process {}", pid) : walked.error().message());
    return nullptr;
  }
  auto space = found->process_memory(*process);
  if (!space) {
    hard(space.error().message());
    return nullptr;
  }
  process_memory_ = {pid, std::move(*space)};
  return process_memory_.space.get();
}

std::optional<std::uint64_t> Handle::variable(const char* name, std::size_t size) {
  Kernel* const found = kernel();
  if (found == nullptr) return std::nullopt;
  const auto address = session_->resolve(name);
  const auto value = address ? found->memory().integer(*address, size)
                             : Result<std::uint64_t>(Failure(address.error()));
  if (value) return *value;
  hard(fmt::format("{}: {}", name, value.error().message()));
  return std::nullopt;
}

}  // namespace panicroom::kvm
