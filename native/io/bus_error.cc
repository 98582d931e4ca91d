#include "native/io/bus_error.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <string>

#include "core/base/printable.h"
#include "native/io/mapped_file.h"

namespace panicroom {

struct Slot {
  std::atomic<bool> taken{false};
  std::atomic<std::uintptr_t> begin{0};
  std::atomic<std::uintptr_t> end{0};  // 0 while the slot is being written
  std::array<char, 512> name{};
  std::size_t name_length = 0;
};

namespace {

// A signal handler reaches nothing but static storage, hence this one table.
std::array<Slot, 64> slots;

void write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDERR_FILENO, text.data(), text.size());
    if (count <= 0) return;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
}

void on_bus_error(int number, siginfo_t* information, void*) {
  const auto address = reinterpret_cast<std::uintptr_t>(information->si_addr);
  for (const Slot& slot : slots) {
    const std::uintptr_t end = slot.end.load(std::memory_order_acquire);
    if (end == 0 || address >= end || address < slot.begin.load(std::memory_order_relaxed))
      continue;
    write_all("panicroom: ");
    write_all({slot.name.data(), slot.name_length});
    write_all(": the file became shorter, or its disk failed, while it was being read\n");
    ::_exit(1);
  }
  // Not a mapped file's: the same access again, with nobody to catch it.
  struct sigaction fatal {};
  fatal.sa_handler = SIG_DFL;
  ::sigaction(number, &fatal, nullptr);
}

}  // namespace

BusErrorWatch::BusErrorWatch(std::string_view name, Bytes mapped) {
  for (Slot& slot : slots) {
    if (slot.taken.exchange(true)) continue;
    const std::string shown = printable(name, slot.name.size() - 4);
    slot.name_length = shown.copy(slot.name.data(), slot.name.size());
    const auto begin = reinterpret_cast<std::uintptr_t>(mapped.data());
    slot.begin.store(begin, std::memory_order_relaxed);
    slot.end.store(begin + mapped.size(), std::memory_order_release);
    slot_ = &slot;
    return;
  }
}

BusErrorWatch::~BusErrorWatch() {
  if (!slot_) return;
  slot_->end.store(0);
  slot_->taken.store(false);
}

void install_bus_error_handler() {
  struct sigaction action {};
  action.sa_sigaction = on_bus_error;
  action.sa_flags = SA_SIGINFO;
  ::sigaction(SIGBUS, &action, nullptr);
}

}  // namespace panicroom
