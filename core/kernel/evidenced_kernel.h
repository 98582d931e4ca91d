#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/kernel/kernel.h"
#include "core/kernel/kernel_evidence.h"
#include "core/kernel/wait_search.h"
#include "core/stack/code_files.h"

namespace panicroom {

/// What all kernels that are read by a KernelEvidence answer in the same way.
class EvidencedKernel : public Kernel {
 public:
  AddressSpace& memory() override { return evidence().memory(); }
  Result<std::shared_ptr<const TypeCatalog>> types() override { return evidence().types(); }
  SourceCalls source_calls(std::uint64_t address, Notes& notes) override;
  std::optional<std::uint64_t> wait_address(const Thread& thread, Notes& notes) override;

 protected:
  virtual KernelEvidence& evidence() = 0;
  /// Whether a function puts threads to sleep: no thread is said to wait in it.
  virtual bool is_of_scheduler(std::string_view function) = 0;
  /// What holds of every answer by the kernel's structures.
  virtual void remark(Notes& notes);

  /// Remarks on whose structures an answer takes. Error: why they are not known, so that `what` is
  /// not.
  Result<void> structures_for(std::string_view what, Notes& notes);
  /// The text in a variable of chars; nothing where there is none.
  std::optional<std::string> text_variable(std::string_view name);
  /// The variable `version`, without the line's end.
  std::string version_text();
  /// What panic() was told, through panicstr. False: whether there was a panic is not known.
  bool read_panic(KernelIdentity& identity, Notes& notes);
  /// Says which facts of an identity are not known. `kernel_file`: what would tell without symbols.
  void say_unknown(const KernelIdentity& identity, bool panic_is_known,
                   std::string_view kernel_file, Notes& notes);
  /// A thread's stack by call-frame information, or by frame pointers alone.
  Unwound unwind(const Thread& thread, bool by_rules,
                 const std::function<bool(std::uint64_t)>& is_text,
                 const InterruptedAt& interrupted, Notes& notes);

  CodeFiles code_;

 private:
  WaitSearch waits_;
};

/// Every process of a walk, or the one with that id, with its pid and name.
template <class Processes>
Result<void> each_named(Processes& walk, std::optional<std::int64_t> pid,
                        const std::function<bool(Processes&, const Process&)>& visit,
                        Notes& notes) {
  return walk.each(
      [&](std::uint64_t address, auto...) {
        Process process;
        process.address = address;
        process.pid = walk.pid(address, notes);
        if (pid && process.pid != pid) return true;
        process.name = walk.name(address, notes);
        return visit(walk, process);
      },
      notes);
}

/// How many threads the processes of a walk have together; nothing where that is not known of all.
/// `threads_of` answers a process's `addresses` and whether they are its `whole` list.
template <class Processes, class ThreadsOf>
std::optional<std::uint64_t> count_threads(Processes& walk, const ThreadsOf& threads_of,
                                           Notes& notes) {
  std::uint64_t threads = 0;
  bool whole = true;
  const auto walked = walk.each(
      [&](std::uint64_t process, auto...) {
        const auto of_process = threads_of(process);
        threads += of_process.addresses.size();
        whole = whole && of_process.whole;
        return true;
      },
      notes);
  if (!walked) notes.add(walked.error().within("the number of threads"));
  if (!walked || !whole) return std::nullopt;
  return threads;
}

}  // namespace panicroom
