#include "core/analysis/scene.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/analysis/aarch64_traps.h"
#include "core/kernel/deadlock.h"

namespace panicroom {
namespace {

constexpr std::size_t most_lines = std::size_t{1} << 20;  // of the log
constexpr std::uint64_t first_page = 4096;
constexpr std::size_t longest_instruction = 15;
// X86_PF_WRITE, X86_PF_INSTR of Linux arch/x86/include/asm/trap_pf.h, PGEX_* of FreeBSD
// sys/x86/include/psl.h.
constexpr std::uint64_t fault_writes = 2, fault_fetches = 16;

class SceneReader {
 public:
  SceneReader(Kernel& kernel, Notes& notes) : kernel_(kernel), notes_(notes) {}

  Scene read() {
    scene_.identity = kernel_.identity(notes_);
    read_log();
    read_threads();
    read_locks();
    scene_.index();
    read_words();
    find_subject();
    look_at_fault();
    return std::move(scene_);
  }

 private:
  /// Answers whether the walk came to its end.
  template <class Row, class Walk>
  bool gather(std::vector<Row>& rows, std::string_view what, std::size_t most, const Walk& walk) {
    const auto done = walk([&](const Row& row) {
      rows.push_back(row);
      return rows.size() < most;
    });
    if (!done) missing(what, done.error().text);
    return done.has_value();
  }
  void missing(std::string_view what, std::string_view why) {
    scene_.missing.push_back(fmt::format("{}: {}", what, why));
  }

  void read_log() {
    scene_.log_read = gather(scene_.log, "the kernel's log", most_lines,
                             [&](const LogVisitor& visit) { return kernel_.log(visit, notes_); });
  }
  void read_threads() {
    threads_read_ =
        gather(scene_.threads, "the threads", SIZE_MAX,
               [&](const Visitor<Thread>& visit) { return kernel_.threads(visit, notes_); });
    for (std::size_t i = 0; i < scene_.threads.size(); ++i)
      if (scene_.threads[i].crashed == true) scene_.crashed = i;
    if (kernel_.symbols()) return;
    const auto why = kernel_.why_no_symbols();
    missing("the names of functions", why ? why->text : std::string("there are no symbols"));
  }
  void read_locks() {
    gather(scene_.locks, "who waits for which lock", SIZE_MAX,
           [&](const Visitor<Lock>& visit) { return kernel_.locks(visit, notes_); });
    scene_.cycles = deadlocks(scene_.locks);
  }
  void read_words() {
    scene_.words = last_words(scene_.identity, scene_.log);
    scene_.death = scene_.words.death;
    scene_.fault_address = scene_.words.fault_address;
    scene_.access = scene_.words.access;
  }

  std::optional<std::size_t> index_of(std::int64_t tid) const {
    const auto known = scene_.thread_by_tid.find(tid);
    return known == scene_.thread_by_tid.end() ? std::nullopt : std::optional(known->second);
  }

  /// The panic of a watchdog comes from its own thread; the death is about those that hang.
  std::optional<std::size_t> hung_thread() {
    for (const auto& cycle : scene_.cycles)
      if (const auto index = index_of(cycle.front())) {
        scene_.death = Death::deadlock;
        return index;
      }
    for (const HungThread& hung : scene_.words.hung)
      if (const auto index = index_of(hung.tid)) return index;
    for (std::size_t i = 0; i < scene_.threads.size(); ++i)
      if (scene_.threads[i].state == "uninterruptible" &&
          scene_.lock_waited_for(scene_.threads[i]) != nullptr)
        return i;
    return std::nullopt;
  }

  void take_calls() {
    if (!scene_.subject) return;
    scene_.calls = calls_of(kernel_, kernel_.stack(scene_.threads[*scene_.subject], notes_));
  }

  void find_subject() {
    scene_.subject = scene_.crashed;
    take_calls();
    if (scene_.death == Death::unknown) {
      scene_.death = death_by_stack(scene_.calls);
      if (scene_.death != Death::unknown) scene_.confidence = Confidence::likely;
      if (scene_.death == Death::unknown && scene_.log.empty() && scene_.identity.panic_text)
        scene_.death = Death::panic;
      if (scene_.death == Death::unknown && !scene_.crashed && !scene_.identity.panic_text &&
          scene_.log_read && threads_read_)
        scene_.death = Death::running;
    }
    if (scene_.death == Death::hung_task) {
      if (const auto hung = hung_thread()) {
        scene_.subject = hung;
        for (const HungThread& said : scene_.words.hung)
          if (said.tid == scene_.threads[*hung].tid) scene_.words.line = said.line;
        take_calls();
        scene_.culprit.trapped = scene_.culprit.function = first_behind_waiting(scene_.calls);
        return;
      }
    }
    scene_.culprit = find_culprit(scene_.calls, scene_.death);
    // An allocator that stops at what it is given tells of a mistake of its caller.
    if (scene_.death == Death::assertion && scene_.culprit.trapped < scene_.calls.size() &&
        frees_memory(scene_.calls[scene_.culprit.trapped].function)) {
      scene_.death = Death::double_free;
      scene_.confidence = Confidence::likely;
      scene_.culprit = find_culprit(scene_.calls, scene_.death);
    }
  }

  /// The registers of the code that was stopped, and what its instruction did.
  void look_at_fault() {
    if (scene_.culprit.trapped >= scene_.calls.size()) return;
    const UnwoundFrame& frame = scene_.calls[scene_.culprit.trapped].frame;
    if (!frame.exact) return;
    if (frame.interrupted)
      scene_.at_fault = *frame.interrupted;
    else if (frame.saved_registers)
      scene_.at_fault = kernel_.saved_registers(*frame.saved_registers, notes_);
    else if (scene_.culprit.trapped == 0)
      scene_.at_fault = scene_.threads[*scene_.subject].registers;
    decode(frame.pc);
    complete_fault();
  }

  void decode(std::uint64_t pc) {
    std::array<std::byte, longest_instruction> code{};
    std::size_t length = code.size();
    // The last instruction of a page that is followed by nothing.
    while (length > 0 && !kernel_.memory().read(pc, MutableBytes(code).first(length))) --length;
    // Where pages of code were not dumped, some dumps have zeros in their place.
    if (std::ranges::all_of(std::span(code).first(length),
                            [](std::byte b) { return b == std::byte{0}; }))
      return;
    auto decoded = decode_instruction(kernel_.memory().machine(), Bytes(code).first(length), pc,
                                      scene_.at_fault);
    if (decoded)
      scene_.instruction = std::move(*decoded);
    else if (decoded.error().code == ErrorCode::unsupported)
      missing("the instruction that failed", decoded.error().text);
  }

  /// What the log does not tell of a fault, by what the processor saved and the instruction.
  void complete_fault() {
    const bool by_address = scene_.death == Death::page_fault ||
                            scene_.death == Death::null_dereference ||
                            scene_.death == Death::null_call;
    if (by_address && !scene_.access) {
      if (const auto code = scene_.at_fault.find("error_code"))
        scene_.access = (*code & fault_fetches) != 0  ? "execute"
                        : (*code & fault_writes) != 0 ? "write"
                                                      : "read";
      if (const auto syndrome = scene_.at_fault.find("syndrome"))
        scene_.access = access_of_syndrome(*syndrome);
    }
    if (by_address && !scene_.fault_address)
      scene_.fault_address = scene_.at_fault.find("fault_address");
    if ((by_address || scene_.death == Death::general_protection) && !scene_.fault_address &&
        scene_.instruction && scene_.instruction->memory.size() == 1)
      scene_.fault_address = scene_.instruction->memory.front().address;
    if (by_address && !scene_.access) scene_.access = access_of_instruction();
    if (scene_.death == Death::page_fault && scene_.fault_address &&
        *scene_.fault_address < first_page)
      scene_.death = scene_.access == "execute" ? Death::null_call : Death::null_dereference;
  }

  /// What the instruction does where the fault was; nothing when it does both, or elsewhere.
  std::optional<std::string> access_of_instruction() const {
    if (!scene_.instruction || !scene_.fault_address) return std::nullopt;
    for (const MemoryOperand& operand : scene_.instruction->memory)
      if (operand.address && *scene_.fault_address - *operand.address < operand.size &&
          operand.reads != operand.writes)
        return operand.writes ? "write" : "read";
    return std::nullopt;
  }

  Kernel& kernel_;
  Notes& notes_;
  Scene scene_;
  bool threads_read_ = false;
};

}  // namespace

void Scene::index() {
  for (std::size_t i = 0; i < threads.size(); ++i)
    if (threads[i].tid) thread_by_tid.emplace(*threads[i].tid, i);
  for (std::size_t i = 0; i < locks.size(); ++i)
    for (const std::int64_t waiter : locks[i].waiters) lock_by_waiter.emplace(waiter, i);
}

const Thread* Scene::thread_of(std::optional<std::int64_t> tid) const {
  const auto known = tid ? thread_by_tid.find(*tid) : thread_by_tid.end();
  return known == thread_by_tid.end() ? nullptr : &threads[known->second];
}

const Lock* Scene::lock_waited_for(const Thread& thread) const {
  const auto known = thread.tid ? lock_by_waiter.find(*thread.tid) : lock_by_waiter.end();
  return known == lock_by_waiter.end() ? nullptr : &locks[known->second];
}

Scene read_scene(Kernel& kernel, Notes& notes) { return SceneReader(kernel, notes).read(); }

}  // namespace panicroom
