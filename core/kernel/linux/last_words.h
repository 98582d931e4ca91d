#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace panicroom::linux_kernel {

/// On which thread and processor the kernel says that it died.
struct Death {
  std::int64_t tid = 0;
  std::int64_t cpu = 0;
  std::string name;  ///< raw bytes
};

/// What the kernel said about its own death, gathered line by line from its log.
class LastWords {
 public:
  void hear(std::string_view line);

  /// The latest "Kernel panic - not syncing: ..." or, without one, the latest oops.
  const std::optional<std::string>& panic() const { return panic_ ? panic_ : oops_; }
  /// From the first line of the trace that comes with a panic or, without one, with the latest
  /// oops: "CPU: 1 PID: 42 Comm: name ..." (Linux lib/dump_stack.c, kernel/printk/printk.c).
  const std::optional<Death>& death() const { return panic() ? death_ : nobody_; }

 private:
  std::optional<std::string> panic_, oops_;
  std::optional<Death> death_;
  bool death_is_final_ = false;
  std::optional<Death> nobody_;
};

}  // namespace panicroom::linux_kernel
