#include <fmt/ranges.h>

#include <array>
#include <map>

#include "core/kernel/deadlock.h"
#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 10> columns_of_locks = {{
    {"address", ColumnType::address, "Address of the lock."},
    {"kind", ColumnType::text,
     "mutex, spin mutex, spinlock, rwlock, rw semaphore, semaphore, sx, rw, rm, lockmgr and so "
     "on."},
    {"name", ColumnType::text, "The system's name for it; else its symbol."},
    {"state", ColumnType::text, "held, shared or free."},
    {"owner_pid", ColumnType::integer, "Process of the thread that holds it.", true},
    {"owner", ColumnType::integer, "Thread that holds it; null when shared or unknown."},
    {"owner_name", ColumnType::text, "Name of that thread."},
    {"waiters", ColumnType::text, "Threads that wait for it; on Linux first come first."},
    {"spinning", ColumnType::text,
     "Those of the waiters that wait in a loop on a processor; null when none does."},
    {"deadlock", ColumnType::text,
     "When its waiters wait for each other in a circle: the threads of that circle."},
}};

std::string circle(const std::vector<std::int64_t>& cycle) {
  return fmt::format("{} -> {}", fmt::join(cycle, " -> "), cycle.front());
}

class Locks final : public Table {
 public:
  std::string_view name() const override { return "locks"; }
  std::string_view doc() const override {
    return "Locks that threads wait for, who holds them, and deadlocks.";
  }
  std::span<const Column> columns() const override { return columns_of_locks; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    std::vector<Lock> locks;
    PANICROOM_CHECK(kernel->locks(
        [&](const Lock& lock) {
          locks.push_back(lock);
          return true;
        },
        notes));
    // A thread waits for one lock at most, so it is in one circle at most.
    const auto cycles = deadlocks(locks);
    std::map<std::int64_t, const std::vector<std::int64_t>*> circle_of;
    for (const auto& cycle : cycles)
      for (const std::int64_t thread : cycle) circle_of.emplace(thread, &cycle);
    for (const Lock& lock : locks) {
      if (query.address && lock.address != *query.address) continue;
      Value in_circle;
      const auto owners = lock.owner_tid ? circle_of.find(*lock.owner_tid) : circle_of.end();
      if (owners != circle_of.end() && std::ranges::any_of(lock.waiters, [&](std::int64_t waiter) {
            const auto its = circle_of.find(waiter);
            return its != circle_of.end() && its->second == owners->second;
          }))
        in_circle = circle(*owners->second);
      const std::array<Value, columns_of_locks.size()> cells = {
          Address{lock.address},
          cell(lock.kind),
          cell(lock.name),
          cell(lock.state),
          cell(lock.owner_pid),
          cell(lock.owner_tid),
          cell(lock.owner),
          text_cell(fmt::format("{}", fmt::join(lock.waiters, " "))),
          lock.spinning.empty() ? Value()
                                : text_cell(fmt::format("{}", fmt::join(lock.spinning, " "))),
          in_circle};
      if (!visit(cells)) break;
    }
    return {};
  }
};

}  // namespace

const Table& locks_table() {
  static const Locks table;
  return table;
}

}  // namespace panicroom
