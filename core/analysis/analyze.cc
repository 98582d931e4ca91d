#include "core/analysis/analyze.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <map>
#include <utility>
#include <vector>

#include "core/analysis/aarch64_traps.h"
#include "core/analysis/cause.h"

namespace panicroom {
namespace {

constexpr std::size_t most_frames = 12, most_groups = 10, most_named = 6;
constexpr std::size_t most_blocked = 2048;  // threads whose stacks are compared
constexpr double little_memory = 0.03;      // of all

class Teller {
 public:
  Teller(Kernel& kernel, const std::function<bool(const Statement&)>& visit, Notes& notes)
      : kernel_(kernel), visit_(visit), notes_(notes), scene_(read_scene(kernel, notes)) {}

  void tell_all() {
    tell("cause", cause_of(scene_, kernel_, notes_), scene_.confidence, place_of_cause());
    tell("kind", std::string(name(scene_.death)), scene_.confidence, place_of_cause());
    tell("signature", signature(scene_.death, calls_of_signature()), scene_.confidence);
    tell_words();
    tell_thread();
    tell_instruction();
    tell_frames();
    tell_locks();
    tell_machine();
    tell_blocked();
    for (const std::string& missing : scene_.missing) tell("missing", missing);
  }

 private:
  void tell(std::string_view topic, std::string text, Confidence confidence = Confidence::certain,
            std::optional<std::uint64_t> address = std::nullopt) {
    if (!stopped_ && !visit_({topic, std::move(text), confidence, address})) stopped_ = true;
  }

  std::vector<Call> calls_of_signature() {
    std::vector<Call> calls;
    if (scene_.death != Death::deadlock) {
      calls = scene_.calls;
      calls.erase(calls.begin(), calls.begin() + static_cast<std::ptrdiff_t>(std::min(
                                                     scene_.culprit.function, calls.size())));
      return calls;
    }
    // Where each of the threads waits; which of them came first does not matter.
    for (const std::int64_t tid : scene_.cycles.front()) {
      const Thread* thread = scene_.thread_of(tid);
      if (thread == nullptr) continue;
      auto stack = calls_of(kernel_, kernel_.stack(*thread, notes_));
      const std::size_t first = first_behind_waiting(stack);
      if (first < stack.size()) calls.push_back(std::move(stack[first]));
    }
    std::ranges::sort(calls, {}, [](const Call& call) { return written(call); });
    return calls;
  }
  std::optional<std::uint64_t> place_of(std::optional<std::size_t> line) const {
    return line ? scene_.log[*line].address : std::nullopt;
  }
  std::optional<std::uint64_t> place_of_cause() const {
    const auto said = place_of(scene_.words.line ? scene_.words.line : scene_.words.panic);
    if (said || scene_.blamed() == nullptr) return said;
    return scene_.blamed()->frame.pc;
  }

  /// The kernel's own words.
  void tell_words() {
    std::vector<std::size_t> lines;
    if (scene_.words.line) lines.push_back(*scene_.words.line);
    if (scene_.words.panic && scene_.words.panic != scene_.words.line)
      lines.push_back(*scene_.words.panic);
    std::ranges::sort(lines);
    for (const std::size_t line : lines)
      tell("said", scene_.log[line].text, Confidence::certain, scene_.log[line].address);
    if (lines.empty() && scene_.identity.panic_text) tell("said", *scene_.identity.panic_text);
  }

  void tell_thread() {
    if (scene_.subject) {
      const Thread& thread = scene_.threads[*scene_.subject];
      std::string text = fmt::format("{}, process {}", written(thread),
                                     thread.pid ? fmt::format("{}", *thread.pid) : "unknown");
      if (thread.process && thread.process != thread.name)
        text += fmt::format(" ({})", *thread.process);
      if (thread.state) text += fmt::format(", {}", *thread.state);
      if (thread.cpu) text += fmt::format(" on processor {}", *thread.cpu);
      tell("thread", std::move(text), Confidence::certain,
           thread.address != 0 ? std::optional(thread.address) : std::nullopt);
    }
    if (scene_.crashed && scene_.crashed != scene_.subject)
      tell("thread",
           fmt::format("the panic itself came from {}", written(scene_.threads[*scene_.crashed])),
           Confidence::certain, scene_.threads[*scene_.crashed].address);
  }

  void tell_instruction() {
    if (!scene_.instruction) return;
    const std::uint64_t pc = scene_.calls[scene_.culprit.trapped].frame.pc;
    std::string text = fmt::format("{:#x}: {}", pc, scene_.instruction->text);
    if (scene_.instruction->trap)
      if (const auto meaning = meaning_of_break(scene_.identity.system, *scene_.instruction->trap))
        text += fmt::format(" ({})", *meaning);
    tell("instruction", std::move(text), Confidence::certain, pc);
    for (const std::string& part : scene_.instruction->registers) {
      const auto value = register_value(scene_.at_fault, part);
      if (!value) continue;
      tell("register", fmt::format("{} = {:#x}{}", part, *value, meaning_of(*value)),
           Confidence::certain, scene_.calls[scene_.culprit.trapped].frame.saved_registers);
    }
    for (const MemoryOperand& operand : scene_.instruction->memory) {
      if (!operand.address) continue;
      const std::string_view does = operand.writes  ? operand.reads ? "reads and writes" : "writes"
                                    : operand.reads ? "reads"
                                                    : "names";
      const std::string part = operand.size == 0 ? "memory" : fmt::format("{} bytes", operand.size);
      tell("operand",
           fmt::format("it {} {} at {:#x}{}", does, part, *operand.address,
                       meaning_of(*operand.address)),
           Confidence::certain, operand.address);
    }
  }

  /// ", symbol+0x1" where a symbol covers a value.
  std::string meaning_of(std::uint64_t value) {
    // Small numbers are no addresses, though per-processor symbols have such.
    if (value >> (kernel_.memory().machine().pointer_size * 8 - 1) == 0) return {};
    const auto symbols = kernel_.symbols();
    const auto symbol = symbols ? symbols->at(value) : std::nullopt;
    if (!symbol) return {};
    return value == symbol->address
               ? fmt::format(" ({})", symbol->name)
               : fmt::format(" ({}+{:#x})", symbol->name, value - symbol->address);
  }

  void tell_frames() {
    const auto calls =
        std::span(scene_.calls).subspan(std::min(scene_.culprit.trapped, scene_.calls.size()));
    std::size_t told = 0;
    for (std::size_t i = 0; i < calls.size();) {
      if (told++ == most_frames) {
        tell("frame", fmt::format("... and {} more", calls.size() - i));
        return;
      }
      std::size_t times = 1;
      while (i + times < calls.size() && calls[i + times].frame.pc == calls[i].frame.pc) ++times;
      std::string text = written(calls[i]);
      if (!calls[i].function.empty() && calls[i].offset != 0)
        text = fmt::format("{}+{:#x}{}", calls[i].function, calls[i].offset,
                           calls[i].module.empty() ? "" : fmt::format(" [{}]", calls[i].module));
      if (times > 1) text += fmt::format(", {} times", times);
      tell("frame", std::move(text), Confidence::certain, calls[i].frame.pc);
      i += times;
    }
  }

  void tell_locks() {
    for (const Lock& lock : scene_.locks) {
      const bool held =
          scene_.subject && lock.owner_tid && lock.owner_tid == scene_.threads[*scene_.subject].tid;
      if (held)
        tell("holds",
             lock.waiters.size() == 1
                 ? fmt::format("{}, for which tid {} waits", written(lock), lock.waiters.front())
                 : fmt::format("{}, for which {} threads wait", written(lock), lock.waiters.size()),
             Confidence::certain, lock.address);
    }
    if (scene_.subject)
      if (const Lock* lock = scene_.lock_waited_for(scene_.threads[*scene_.subject]))
        tell("waits",
             fmt::format("for {}{}", written(*lock),
                         lock->owner_tid ? fmt::format(", held by {} (tid {})",
                                                       lock->owner.value_or("?"), *lock->owner_tid)
                                         : std::string()),
             Confidence::certain, lock->address);
    for (const auto& cycle : scene_.cycles)
      tell("deadlock", fmt::format("{} -> {}", fmt::join(cycle, " -> "), cycle.front()));
  }

  void tell_machine() {
    const auto load = kernel_.load(notes_);
    std::string text;
    if (scene_.identity.uptime) text += fmt::format("up {:.0f} s", *scene_.identity.uptime);
    if (scene_.identity.cpus)
      text += fmt::format("{}{} processors", text.empty() ? "" : ", ", *scene_.identity.cpus);
    if (load && load->one)
      text += fmt::format("{}load {:.2f} {:.2f} {:.2f}", text.empty() ? "" : ", ", *load->one,
                          load->five.value_or(0), load->fifteen.value_or(0));
    if (load && load->runnable)
      text += fmt::format(", {} of {} threads ready to run", *load->runnable,
                          load->threads.value_or(scene_.threads.size()));
    if (!text.empty()) tell("machine", std::move(text));

    std::map<std::string, std::uint64_t, std::less<>> bytes;
    Notes of_counters;
    const auto counted = kernel_.memory_counters(
        [&](const MemoryCounter& counter) {
          if (counter.bytes) bytes.emplace(counter.name, *counter.bytes);
          return true;
        },
        of_counters);
    const auto total = bytes.find("MemTotal"), unused = bytes.find("MemFree");
    if (!counted || total == bytes.end() || unused == bytes.end() || total->second == 0) return;
    const double part = static_cast<double>(unused->second) / static_cast<double>(total->second);
    tell("memory", fmt::format("{} of {} MiB free{}", unused->second >> 20U, total->second >> 20U,
                               part < little_memory ? ": hardly any" : ""));
  }

  /// Threads that wait where nothing can wake them but what they wait for, those with equal stacks
  /// together.
  void tell_blocked() {
    struct Group {
      std::vector<const Thread*> threads;
      std::uint64_t pc = 0;
    };
    std::map<std::string, Group> groups;
    std::size_t seen = 0;
    for (const Thread& thread : scene_.threads) {
      if (thread.state != "uninterruptible" || thread.cpu) continue;
      if (++seen > most_blocked) break;
      const auto calls = calls_of(kernel_, kernel_.stack(thread, notes_));
      std::vector<std::string> names;
      for (std::size_t i = first_behind_waiting(calls); i < calls.size() && names.size() < 5; ++i)
        names.push_back(written(calls[i]));
      Group& group = groups[fmt::format("{}", fmt::join(names, " < "))];
      group.threads.push_back(&thread);
      const std::size_t first = first_behind_waiting(calls);
      if (first < calls.size()) group.pc = calls[first].frame.pc;
    }
    std::vector<const std::pair<const std::string, Group>*> order;
    for (const auto& group : groups) order.push_back(&group);
    // Equal ones in the order of their stacks.
    std::ranges::sort(order, [](const auto* a, const auto* b) {
      return std::pair(b->second.threads.size(), std::string_view(a->first)) <
             std::pair(a->second.threads.size(), std::string_view(b->first));
    });
    if (order.size() > most_groups) {
      tell("blocked", fmt::format("{} groups; the largest {}:", order.size(), most_groups));
      order.resize(most_groups);
    }
    for (const auto* group : order) {
      const auto& threads = group->second.threads;
      std::vector<std::string> named;
      for (std::size_t i = 0; i < std::min(threads.size(), most_named); ++i)
        named.push_back(written(*threads[i]));
      if (threads.size() > most_named)
        named.push_back(fmt::format("{} more", threads.size() - most_named));
      tell("blocked",
           fmt::format("{} in {}: {}", threads.size(),
                       group->first.empty() ? "a place that is not known" : group->first,
                       fmt::join(named, ", ")),
           Confidence::certain,
           group->second.pc != 0 ? std::optional(group->second.pc) : std::nullopt);
    }
    if (seen > most_blocked)
      scene_.missing.push_back(
          fmt::format("the blocked threads behind the first {}", most_blocked));
  }

  Kernel& kernel_;
  const std::function<bool(const Statement&)>& visit_;
  Notes& notes_;
  Scene scene_;
  bool stopped_ = false;
};

}  // namespace

std::string_view name(Confidence confidence) {
  switch (confidence) {
    case Confidence::certain:
      return "certain";
    case Confidence::likely:
      return "likely";
    case Confidence::possible:
      return "possible";
  }
  return "possible";
}

void analyze(Kernel& kernel, const std::function<bool(const Statement&)>& visit, Notes& notes) {
  Teller(kernel, visit, notes).tell_all();
}

}  // namespace panicroom
