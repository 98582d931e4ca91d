#pragma once

#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "core/session/session.h"
#include "tests/unit/linux_image.h"

namespace panicroom::testing {

/// A kernel of given processes and threads that counts what is read of them.
class CountingKernel : public Kernel {
 public:
  struct Counts {
    std::size_t process_lists = 0, details = 0, thread_lists = 0, threads = 0, stacks = 0;
  };

  KernelIdentity identity(Notes&) override { return {}; }
  Result<void> processes(const ProcessQuery& query,
                         const std::function<bool(const Process&)>& visit, Notes& notes) override {
    ++counts->process_lists;
    for (Process process : process_list) {
      if (query.pid && process.pid != query.pid) continue;
      if (query.facts != 0) {
        ++counts->details;
        process.details.arguments = {"one", "two words"};
      }
      if (!visit(process)) break;
    }
    if (process_note) notes.add(*process_note);
    return {};
  }
  Result<void> threads(const std::function<bool(const Thread&)>& visit, Notes&) override {
    ++counts->thread_lists;
    if (threads_error) return Failure(*threads_error);
    for (const Thread& thread : thread_list) {
      ++counts->threads;
      if (!visit(thread)) break;
    }
    return {};
  }
  Unwound stack(const Thread& thread, Notes&) override {
    ++counts->stacks;
    Unwound unwound;
    for (std::uint64_t frame = 0; frame < frames_each; ++frame) {
      UnwoundFrame made;
      made.pc = thread.address + frame;
      made.exact = frame == 0;
      unwound.frames.push_back(made);
    }
    return unwound;
  }
  Result<void> log(const LogVisitor& visit, Notes&) override {
    for (const std::string& text : log_lines) {
      LogLine line;
      line.text = text;
      if (!visit(line)) break;
    }
    if (log_error) return Failure(*log_error);
    return {};
  }
  AddressSpace& memory() override { return *space; }
  Result<std::unique_ptr<AddressSpace>> process_memory(const Process&) override {
    return fail(ErrorCode::unsupported, "no process has memory here");
  }
  std::shared_ptr<const SymbolTable> symbols() override { return symbol_table; }
  std::optional<Error> why_no_symbols() override { return std::nullopt; }
  Result<std::shared_ptr<const TypeCatalog>> types() override {
    return fail(ErrorCode::no_type, "there are no types here");
  }

  /// So many processes from pid 1 on, each with a thread of twice its pid.
  void populate(std::int64_t count) {
    for (std::int64_t pid = 1; pid <= count; ++pid) {
      Process process;
      process.pid = pid;
      process.address = address_of(pid);
      process.name = "process " + std::to_string(pid);
      process_list.push_back(process);
      Thread thread;
      thread.pid = pid;
      thread.tid = 2 * pid;
      thread.address = address_of(pid);
      thread.name = process.name;
      thread.state = pid % 3 == 0 ? "running" : "sleeping";
      thread_list.push_back(thread);
    }
  }
  static std::uint64_t address_of(std::int64_t pid) {
    return 0xffff'8880'0000'0000 + 0x1000 * static_cast<std::uint64_t>(pid);
  }

  std::shared_ptr<Counts> counts = std::make_shared<Counts>();
  std::vector<Process> process_list;
  std::vector<Thread> thread_list;
  std::vector<std::string> log_lines;
  std::uint64_t frames_each = 2;
  std::optional<Note> process_note;
  std::optional<Error> threads_error, log_error;  ///< what their walks end with
  std::shared_ptr<const SymbolTable> symbol_table;
  std::unique_ptr<AddressSpace> space;
};

/// A session over such a kernel and a dump of four pages.
inline std::unique_ptr<Session> session_of(std::unique_ptr<CountingKernel> kernel) {
  LinuxImage image(4 * LinuxImage::kPage);
  return Session::of(std::make_unique<Dump>(image.dump), std::move(kernel));
}

}  // namespace panicroom::testing
