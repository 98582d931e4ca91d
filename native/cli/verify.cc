#include <array>

#include "core/memory/scan.h"
#include "native/cli/run_request.h"

namespace panicroom {

int run_verify(const Request& request, Session& session, Host& host) {
  const PhysicalMemory& memory = *session.dump().memory;
  const ScanSummary summary = scan_pages(
      memory, host.workers(),
      [&host](unsigned count, const std::function<void(unsigned)>& job) {
        host.run_jobs(count, job);
      },
      [](unsigned, std::uint64_t, Bytes) { return true; });

  static constexpr std::array<Column, 4> columns = {{
      {"pages", ColumnType::integer, "Pages that the dump holds and that could be read."},
      {"bytes", ColumnType::integer, "Bytes in them."},
      {"damaged", ColumnType::integer, "Pages that the dump holds but that cannot be read."},
      {"first_damaged", ColumnType::address, "Physical address of the first of them."},
  }};
  const auto writer = writer_for(request, host, true);
  writer->begin("verification", columns);
  const std::uint64_t read = summary.pages;
  Value first = std::monostate{};
  if (summary.first_error && summary.first_error->address)
    first = Address{*summary.first_error->address};
  const std::array<Value, 4> row = {read, read * memory.page_size(), summary.unreadable, first};
  const bool taken = writer->row(row);
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  if (summary.first_error) notes.add(*summary.first_error);
  const std::vector<Note> remarks = notes.take();
  writer->end(remarks);
  if (request.form != OutputForm::json) report_notes(host, remarks);
  return taken && summary.unreadable == 0 ? 0 : 1;
}

}  // namespace panicroom
