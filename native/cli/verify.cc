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
      [](unsigned, std::uint64_t, Bytes) { return true; }, SharedPages::skip_when_read);

  std::uint64_t missing = 0;
  memory.ranges([&](const PhysicalRange& range) {
    const bool lost =
        !range.present && range.absence != Absence::excluded && range.absence != Absence::hole;
    if (lost) missing += range.end - range.start;
    return true;
  });

  static constexpr std::array<Column, 5> columns = {{
      {"pages", ColumnType::integer, "Pages that the dump holds and that could be read."},
      {"bytes", ColumnType::integer, "Bytes in them."},
      {"damaged", ColumnType::integer, "Pages that the dump holds but that cannot be read."},
      {"first_damaged", ColumnType::address, "Physical address of the first of them."},
      {"missing", ColumnType::integer,
       "Bytes that should be in the dump and are not (truncated, other part)."},
  }};
  const auto writer = writer_for(request, host, true);
  writer->begin("verification", columns);
  const std::uint64_t read = summary.pages;
  Value first = std::monostate{};
  if (summary.first_error && summary.first_error->address)
    first = Address{*summary.first_error->address};
  const std::array<Value, 5> row = {read, read * memory.page_size(), summary.unreadable, first,
                                    missing};
  const bool taken = writer->row(row);
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  for (const Note& remark : session.dump().remarks) notes.add(remark);
  if (summary.first_error) notes.add(*summary.first_error);
  const std::vector<Note> remarks = notes.take();
  writer->end(remarks);
  if (request.form != OutputForm::json) report_notes(host, remarks);
  const bool whole = summary.unreadable == 0 && missing == 0 && session.dump().complete;
  return taken && whole ? 0 : 1;
}

}  // namespace panicroom
