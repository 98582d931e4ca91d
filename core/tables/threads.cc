#include <array>
#include <map>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::size_t wait_at = 14, lock_at = 17, lock_owner_at = 18, column_count = 21;

constexpr std::array<Column, column_count> columns_of_threads = {{
    {"pid", ColumnType::integer, "Process id."},
    {"tid", ColumnType::integer, "Thread id."},
    {"process", ColumnType::text, "Name of the process.", true},
    {"name", ColumnType::text, "Name of the thread."},
    {"state", ColumnType::text, "As in processes, of this thread."},
    {"cpu", ColumnType::integer,
     "Processor that the thread was running on; null when it was on none."},
    {"crashed", ColumnType::boolean,
     "True for the thread on which the kernel died; null when that is unknown."},
    {"address", ColumnType::address, "Address of struct thread (FreeBSD) or task_struct (Linux).",
     true},
    {"pc", ColumnType::address, "Where the thread was, or continues, in the kernel.", true},
    {"sp", ColumnType::address, "Its kernel stack pointer there.", true},
    {"priority", ColumnType::integer,
     "Linux: as ps shows it, 20 for nice 0, negative for real-time threads; FreeBSD: the kernel's "
     "own, 0 (first) to 255.",
     true, true},
    {"policy", ColumnType::text,
     "Scheduling: other, batch, idle, fifo, rr, deadline (Linux); interrupt, realtime, timeshare, "
     "idle, fifo (FreeBSD).",
     true, true},
    {"last_cpu", ColumnType::integer, "Processor on which it ran last.", true, true},
    {"run_time", ColumnType::real, "Seconds that it ran.", true, true},
    {"wait", ColumnType::text,
     "Function in which it waits, the scheduler's left out; null when it ran.", true, true},
    {"wait_channel", ColumnType::address, "What it sleeps on (FreeBSD).", true, true},
    {"wait_message", ColumnType::text,
     "Why it sleeps, in the kernel's own word, or the name of the lock that it waits for "
     "(FreeBSD).",
     true, true},
    {"lock", ColumnType::address, "The lock that it waits for.", true, true},
    {"lock_owner", ColumnType::integer, "Thread id of the one that holds that lock.", true, true},
    {"stack_low", ColumnType::address, "First byte of its kernel stack.", true, true},
    {"stack_high", ColumnType::address, "First byte behind it.", true, true},
}};

Value waits_in(Kernel& kernel, const Thread& thread, Notes& notes) {
  const auto symbols = kernel.symbols();
  const auto address = symbols ? kernel.wait_address(thread, notes) : std::nullopt;
  if (!address) return std::monostate{};
  const auto symbol = symbols->at(*address - 1);  // a call may be a function's last instruction
  if (!symbol) return std::monostate{};
  return std::string(symbol->name);
}

Value stack_cell(const Thread& thread, std::uint64_t address) {
  if (thread.stack_low == thread.stack_high) return std::monostate{};
  return Address{address};
}

/// The lock that each thread waits for.
class WaitedLocks {
 public:
  void find(Kernel& kernel, Notes& notes) {
    const auto found = kernel.locks(
        [&](const Lock& lock) {
          for (const std::int64_t waiter : lock.waiters) of_thread_.emplace(waiter, lock);
          return true;
        },
        notes);
    if (!found && found.error().code != ErrorCode::unsupported) notes.add(found.error());
  }
  const Lock* of(const Thread& thread) const {
    const auto at = thread.tid ? of_thread_.find(*thread.tid) : of_thread_.end();
    return at == of_thread_.end() ? nullptr : &at->second;
  }

 private:
  std::map<std::int64_t, Lock> of_thread_;
};

class Threads final : public Table {
 public:
  std::string_view name() const override { return "threads"; }
  std::string_view doc() const override {
    return "Every thread with its state, processor and kernel registers.";
  }
  std::span<const Column> columns() const override { return columns_of_threads; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    WaitedLocks waited;
    if (query.wants(lock_at) || query.wants(lock_owner_at)) waited.find(*kernel, notes);
    return kernel->threads(
        [&](const Thread& thread) {
          if (!selects(query, thread)) return true;
          const Lock* lock = waited.of(thread);
          const std::array<Value, column_count> row = {
              cell(thread.pid),
              cell(thread.tid),
              cell(thread.process),
              cell(thread.name),
              cell(thread.state),
              cell(thread.cpu),
              cell(thread.crashed),
              thread.address != 0 ? Value(Address{thread.address}) : Value(std::monostate{}),
              address_cell(thread.registers.pc),
              address_cell(thread.registers.sp),
              cell(thread.priority),
              cell(thread.policy),
              cell(thread.last_cpu),
              cell(thread.run_time),
              query.wants(wait_at) ? waits_in(*kernel, thread, notes) : Value(std::monostate{}),
              address_cell(thread.wait_channel),
              cell(thread.wait_message),
              lock ? Value(Address{lock->address}) : Value(std::monostate{}),
              lock ? cell(lock->owner_tid) : Value(std::monostate{}),
              stack_cell(thread, thread.stack_low),
              stack_cell(thread, thread.stack_high),
          };
          return visit(row);
        },
        notes);
  }
};

}  // namespace

bool selects(const Query& query, const Thread& thread) {
  if (query.pid && thread.pid != query.pid) return false;
  if (query.tid && thread.tid != query.tid) return false;
  if (query.name && thread.name != query.name) return false;
  if (query.address && thread.address != *query.address) return false;
  return !query.crashed_only || thread.crashed == true;
}

const Table& threads_table() {
  static const Threads table;
  return table;
}

}  // namespace panicroom
