#include <fmt/format.h>

#include <array>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 22> columns_of_dump = {{
    {"panic", ColumnType::text, "What the kernel said when it died."},
    {"system", ColumnType::text, "Operating system of the dead kernel."},
    {"release", ColumnType::text, "Kernel release (uname -r)."},
    {"architecture", ColumnType::text, "Processor architecture."},
    {"version", ColumnType::text, "Kernel version (uname -v)."},
    {"nodename", ColumnType::text, "Host name."},
    {"time", ColumnType::text, "When it died: UTC, ISO 8601."},
    {"uptime", ColumnType::real,
     "Seconds since boot, by the latest tick of the kernel's clock: the log's last "
     "lines may be a little later."},
    {"cpus", ColumnType::integer, "Processors online."},
    {"crashed_cpu", ColumnType::integer, "Processor on which the kernel died."},
    {"crashed_pid", ColumnType::integer, "Process on which it died."},
    {"crashed_tid", ColumnType::integer, "Thread on which it died."},
    {"crashed_name", ColumnType::text, "Name of that thread."},
    {"kernel_slide", ColumnType::address, "KASLR: run-time minus link-time address of the kernel."},
    {"translation", ColumnType::text, "How kernel addresses are translated."},
    {"format", ColumnType::text, "Dump format and version."},
    {"layers", ColumnType::text,
     "What was around it, outermost first: gzip, zstd, flattened; null when nothing was."},
    {"page_size", ColumnType::integer, "Bytes."},
    {"complete", ColumnType::boolean,
     "False when the file ends early or its writer says that it is incomplete."},
    {"memory_present", ColumnType::integer, "Bytes of physical memory in the dump."},
    {"memory_excluded", ColumnType::integer, "Bytes of physical memory that its writer left out."},
    {"memory_missing", ColumnType::integer,
     "Bytes that should be in the dump and are not (truncated, damaged, other part)."},
}};

// Days since 1970 to a civil date (proleptic Gregorian), after the standard era arithmetic.
std::string iso_time(std::int64_t seconds) {
  std::int64_t days = seconds / 86400;
  std::int64_t rest = seconds % 86400;
  if (rest < 0) rest += 86400, --days;
  const std::int64_t shifted = days + 719468;
  const std::int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
  const std::int64_t day_of_era = shifted - era * 146097;
  const std::int64_t year_of_era =
      (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
  const std::int64_t day_of_year =
      day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const std::int64_t month_index = (5 * day_of_year + 2) / 153;
  const std::int64_t day = day_of_year - (153 * month_index + 2) / 5 + 1;
  const std::int64_t month = month_index < 10 ? month_index + 3 : month_index - 9;
  const std::int64_t year = year_of_era + era * 400 + (month <= 2 ? 1 : 0);
  return fmt::format("{:04}-{:02}-{:02}T{:02}:{:02}:{:02}Z", year, month, day, rest / 3600,
                     rest / 60 % 60, rest % 60);
}

struct MemoryTotals {
  std::uint64_t present = 0, excluded = 0, missing = 0;
};

MemoryTotals totals_of(const PhysicalMemory& memory) {
  MemoryTotals totals;
  memory.ranges([&](const PhysicalRange& range) {
    const std::uint64_t size = range.end - range.start;
    if (range.present)
      totals.present += size;
    else if (range.absence == Absence::excluded)
      totals.excluded += size;
    else if (range.absence != Absence::hole)
      totals.missing += size;
    return true;
  });
  return totals;
}

class DumpFacts final : public Table {
 public:
  std::string_view name() const override { return "dump"; }
  std::string_view doc() const override {
    return "What this dump is and how its kernel died: one row.";
  }
  std::span<const Column> columns() const override { return columns_of_dump; }
  Result<void> rows(const TableContext& context, const Query&, const RowVisitor& visit,
                    Notes& notes) const override {
    const Dump& dump = *context.dump;
    KernelIdentity identity;
    std::optional<Thread> crashed;
    std::optional<std::string> translation;
    if (context.kernel) {
      identity = context.kernel->identity(notes);
      translation = context.kernel->memory().table().describe();
      // The crashed thread is wanted for its name and processor alone; the walk's own notes belong
      // to the threads table.
      Notes walk;
      const auto walked = context.kernel->threads(
          [&](const Thread& thread) {
            if (thread.crashed != true) return true;
            crashed = thread;
            return false;
          },
          walk);
      if (!walked) notes.add(walked.error());
      if (!crashed && identity.crashed_tid) {
        for (Note& note : walk.take()) notes.add(std::move(note));
        notes.add(Note{ErrorCode::not_in_dump,
                       fmt::format("the thread {} on which the kernel died is not among those that "
                                   "could be found",
                                   *identity.crashed_tid),
                       std::nullopt});
      }
    } else if (context.why_no_kernel) {
      notes.add(*context.why_no_kernel);
    }
    for (const Note& remark : dump.remarks) notes.add(remark);

    std::string layers;
    for (const std::string& layer : dump.layers) layers += (layers.empty() ? "" : ", ") + layer;
    const MemoryTotals totals = totals_of(*dump.memory);
    const auto either = [](const std::string& first, const std::string& second) {
      return text_cell(first.empty() ? second : first);
    };
    const std::optional<std::int64_t> time = identity.time ? identity.time : dump.time;
    const std::array<Value, 22> row = {
        cell(identity.panic_text),
        identity.system.empty() && dump.vmcoreinfo ? Value("Linux") : text_cell(identity.system),
        either(identity.release, dump.release),
        identity.machine.empty() ? std::string(panicroom::name(dump.machine.architecture))
                                 : identity.machine,
        either(identity.version, dump.version),
        either(identity.nodename, dump.nodename),
        time ? Value(iso_time(*time)) : Value(std::monostate{}),
        cell(identity.uptime),
        cell(identity.cpus),
        crashed ? cell(crashed->cpu) : Value(std::monostate{}),
        crashed ? cell(crashed->pid) : Value(std::monostate{}),
        crashed ? cell(crashed->tid) : cell(identity.crashed_tid),
        crashed ? cell(crashed->name) : Value(std::monostate{}),
        address_cell(identity.kernel_slide),
        cell(translation),
        dump.format,
        text_cell(layers),
        static_cast<std::uint64_t>(dump.machine.page_size),
        dump.complete,
        totals.present,
        totals.excluded,
        totals.missing,
    };
    visit(row);
    return {};
  }
};

}  // namespace

const Table& dump_table() {
  static const DumpFacts table;
  return table;
}

}  // namespace panicroom
