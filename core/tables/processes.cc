#include <fmt/format.h>

#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::size_t usual_columns = 7, column_count = 29;

constexpr std::array<Column, column_count> columns_of_processes = {{
    {"pid", ColumnType::integer, "Process id; 0 for the kernel itself and idle tasks."},
    {"ppid", ColumnType::integer, "Process id of the parent; null where it has none."},
    {"uid", ColumnType::integer, "Effective user id."},
    {"state", ColumnType::text,
     "running, sleeping, uninterruptible, locked (FreeBSD: it waits for a lock), idle, stopped, "
     "traced, zombie, dead, parked or new; the state of the thread group's leader (Linux) or of "
     "the first thread (FreeBSD)."},
    {"name", ColumnType::text,
     "Command name as the kernel keeps it (comm), cut at the kernel's length."},
    {"threads", ColumnType::integer, "Number of threads."},
    {"address", ColumnType::address,
     "Address of struct proc (FreeBSD) or of the leader's task_struct (Linux).", true},
    {"arguments", ColumnType::text,
     "Its arguments, quoted as for a shell; null for kernel threads and where the pages are not in "
     "the dump.",
     true, true},
    {"executable", ColumnType::text, "The program that it runs; null for kernel threads.", true,
     true},
    {"directory", ColumnType::text, "Its current directory.", true, true},
    {"root", ColumnType::text, "Its root directory.", true, true},
    {"start", ColumnType::real, "When it began: seconds since boot.", true, true},
    {"user_time", ColumnType::real,
     "Seconds that its threads ran outside the kernel, also those that are gone.", true, true},
    {"system_time", ColumnType::real, "Seconds that its threads ran in the kernel.", true, true},
    {"size", ColumnType::integer, "Bytes of its address space; null for kernel threads.", true,
     true},
    {"resident", ColumnType::integer, "Bytes of it that were in memory.", true, true},
    {"nice", ColumnType::integer, "Nice value, -20 to 19.", true, true},
    {"terminal", ColumnType::text, "Controlling terminal; null where it has none.", true, true},
    {"pgid", ColumnType::integer, "Process group; 0 where it has none.", true, true},
    {"sid", ColumnType::integer, "Session; 0 where it has none.", true, true},
    {"ruid", ColumnType::integer, "Real user id.", true, true},
    {"gid", ColumnType::integer, "Effective group id.", true, true},
    {"rgid", ColumnType::integer, "Real group id.", true, true},
    {"flags", ColumnType::text, "The system's flags in hexadecimal (Linux PF_*, FreeBSD P_*).",
     true, true},
    {"pid_namespace", ColumnType::integer, "Inode of its pid namespace (Linux).", true, true},
    {"mount_namespace", ColumnType::integer, "Inode of its mount namespace (Linux).", true, true},
    {"network_namespace", ColumnType::integer, "Inode of its network namespace (Linux).", true,
     true},
    {"jail", ColumnType::integer, "Number of its jail (FreeBSD).", true, true},
    {"environment", ColumnType::text,
     "Its environment, quoted as for a shell; null as with arguments.", true, true},
}};

/// What each of the columns after the usual ones needs to be known.
constexpr std::array<ProcessFact, column_count - usual_columns> facts_of_columns = {
    ProcessFact::arguments, ProcessFact::paths,      ProcessFact::paths,    ProcessFact::paths,
    ProcessFact::identity,  ProcessFact::times,      ProcessFact::times,    ProcessFact::sizes,
    ProcessFact::sizes,     ProcessFact::identity,   ProcessFact::identity, ProcessFact::identity,
    ProcessFact::identity,  ProcessFact::identity,   ProcessFact::identity, ProcessFact::identity,
    ProcessFact::identity,  ProcessFact::identity,   ProcessFact::identity, ProcessFact::identity,
    ProcessFact::identity,  ProcessFact::environment};

std::uint32_t facts_for(const Query& query) {
  std::uint32_t facts = 0;
  for (std::size_t i = 0; i < facts_of_columns.size(); ++i)
    if (query.wants(usual_columns + i)) facts |= static_cast<std::uint32_t>(facts_of_columns[i]);
  return facts;
}

Value hexadecimal_cell(const std::optional<std::uint64_t>& value) {
  if (!value) return std::monostate{};
  return fmt::format("{:#x}", *value);
}

class Processes final : public Table {
 public:
  std::string_view name() const override { return "processes"; }
  std::string_view doc() const override {
    return "Every process that existed when the kernel died.";
  }
  std::span<const Column> columns() const override { return columns_of_processes; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    std::optional<std::int64_t> pid = query.pid;
    if (query.address && !pid) {
      // Its own facts alone, not those of all. What that walk remarks the next one does too.
      Notes walk;
      PANICROOM_CHECK(kernel->processes(
          {},
          [&](const Process& process) {
            if (process.address == *query.address) pid = process.pid;
            return process.address != *query.address;
          },
          walk));
      if (!pid) {
        for (Note& note : walk.take()) notes.add(std::move(note));
        return {};
      }
    }
    return kernel->processes(
        {pid, facts_for(query)},
        [&](const Process& process) {
          if (query.name && process.name != query.name) return true;
          if (query.address && process.address != *query.address) return true;
          const ProcessDetails& more = process.details;
          const std::array<Value, column_count> row = {
              cell(process.pid),
              cell(process.ppid),
              cell(process.uid),
              cell(process.state),
              cell(process.name),
              cell(process.threads),
              Address{process.address},
              words_cell(more.arguments),
              cell(more.executable),
              cell(more.directory),
              cell(more.root),
              cell(more.start),
              cell(more.user_time),
              cell(more.system_time),
              cell(more.size),
              cell(more.resident),
              cell(more.nice),
              cell(more.terminal),
              cell(more.group),
              cell(more.session),
              cell(more.real_uid),
              cell(more.gid),
              cell(more.real_gid),
              hexadecimal_cell(more.flags),
              cell(more.pid_namespace),
              cell(more.mount_namespace),
              cell(more.network_namespace),
              cell(more.jail),
              words_cell(more.environment),
          };
          return visit(row);
        },
        notes);
  }
};

}  // namespace

const Table& processes_table() {
  static const Processes table;
  return table;
}

}  // namespace panicroom
