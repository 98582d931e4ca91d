#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "core/report/escape.h"
#include "native/cli/chosen_memory.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 7> all_columns = {{
    {"address", ColumnType::address, "Which of several addresses is translated."},
    {"table", ColumnType::text, "What was looked at: a page table, a rule, the dump."},
    {"index", ColumnType::integer, "Of the entry in its table.", true},
    {"entry_address", ColumnType::address, "Physical address of the entry.", true},
    {"file_offset", ColumnType::address, "Where it lies in the (decompressed) file.", true},
    {"entry", ColumnType::address, "The entry itself."},
    {"meaning", ColumnType::text, "What follows from it."},
}};

/// Only where there are several addresses the first column says which one a row is of.
std::span<const Column> columns_of(const Request& request) {
  return std::span(all_columns).subspan(request.operands.size() > 1 ? 0 : 1);
}

/// What the tables allow: " (rw-, kernel)".
std::string rights_of(const Translation& translated) {
  return fmt::format(" (r{}{}, {})", translated.writable ? 'w' : '-',
                     translated.executable ? 'x' : '-', translated.user ? "user" : "kernel");
}

/// Writes the steps of one address after another.
class TranslationRows {
 public:
  TranslationRows(const PhysicalMemory& memory, TableWriter& writer, Notes& notes, bool several)
      : memory_(memory), writer_(writer), notes_(notes), skipped_(several ? 0 : 1) {}

  void begin(std::uint64_t address) { address_ = address, has_rights_ = false; }
  void step(const TranslationStep& step) {
    Value offset = null;
    if (step.entry_offset)
      offset = Address{*step.entry_offset};
    else if (step.entry_address)
      if (const PageLocation place = memory_.locate(*step.entry_address);
          place.present && place.codec == Codec::none)
        offset = Address{place.file_offset + *step.entry_address % memory_.page_size()};
    const bool rule = !step.entry_address && !step.entry_offset;
    has_rights_ = !rule;  // a rule knows of none
    row(std::string(step.table), rule ? null : Value(step.index),
        step.entry_address ? Value(Address{*step.entry_address}) : null, offset,
        rule ? null : Value(Address{step.entry}), step.meaning);
  }
  /// Where the byte is: in memory, by which record, in the file. False when it is in no file.
  bool place(const Translation& translated) {
    const PageLocation place = memory_.locate(translated.physical);
    const std::uint64_t in_page = translated.physical % memory_.page_size();
    const bool before_cut = place.before_cut(in_page);
    const bool in_dump = place.present || before_cut;
    row(std::string("physical memory"), null, Address{translated.physical}, null, null,
        fmt::format("physical address {:#x}{}", translated.physical,
                    has_rights_ ? rights_of(translated) : ""));
    std::string meaning;
    Value offset = null;
    if (before_cut) {
      offset = Address{place.file_offset + in_page};
      meaning = fmt::format("stored as it is, at file offset {:#x}; the file ends within this page",
                            place.file_offset + in_page);
    } else if (!place.present) {
      const bool damaged = place.absence == Absence::none;
      meaning = fmt::format("not in the dump: {}", damaged ? "damaged" : name(place.absence));
      notes_.add(damaged ? Error{ErrorCode::corrupt, Absence::none,
                                 "the record that says where this page is contradicts itself",
                                 translated.physical, std::nullopt}
                         : absent(place.absence, translated.physical,
                                  "the dump does not hold this physical address")
                               .value());
    } else if (place.codec == Codec::none) {
      offset = Address{place.file_offset + in_page};
      meaning = fmt::format("stored as it is, at file offset {:#x}", place.file_offset + in_page);
    } else {
      offset = Address{place.file_offset};
      meaning = fmt::format("byte {:#x} of the page stored in {} bytes of {} at file offset {:#x}",
                            in_page, place.stored_size, name(place.codec), place.file_offset);
    }
    row(std::string(place.record.empty() ? "dump" : place.record), null, null,
        place.record.empty() ? null : Value(Address{place.record_offset}), null,
        std::string(in_dump ? "names where the page is" : "names no page"));
    row(std::string("file"), null, null, offset, null, meaning);
    return in_dump;
  }

 private:
  template <class... Cells>
  void row(Cells&&... cells) {
    const std::array<Value, 7> values = {Address{address_}, std::forward<Cells>(cells)...};
    writer_.row(std::span(values).subspan(skipped_));
  }

  const Value null = std::monostate{};
  const PhysicalMemory& memory_;
  TableWriter& writer_;
  Notes& notes_;
  std::size_t skipped_;
  std::uint64_t address_ = 0;
  bool has_rights_ = false;  ///< the last step was an entry
};

}  // namespace

int run_translate(const Request& request, Session& session, Host& host) {
  const auto refused = [&](const Error& error) {
    return refuse(request, session, host, "translation", columns_of(request), error);
  };
  std::vector<std::uint64_t> addresses;
  for (const std::string& operand : request.operands) {
    const auto address = session.resolve(operand, cpu_of(request));
    if (!address) return refused(address.error());
    addresses.push_back(*address);
  }
  std::shared_ptr<AddressSpace> space;
  if (!request.physical) {
    auto chosen = chosen_memory(request, session);
    if (!chosen) return refused(chosen.error());
    space = std::move(*chosen);
  }

  const auto writer = writer_for(request, host);
  writer->begin("translation", columns_of(request));
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  TranslationRows rows(*session.dump().memory, *writer, notes, addresses.size() > 1);
  bool all_in_dump = true;
  std::vector<Error> errors;
  for (const std::uint64_t address : addresses) {
    std::vector<TranslationStep> steps;
    Result<Translation> translated = Translation{address, 0, true, true, false};
    if (space) translated = space->translate(address, &steps);
    rows.begin(address);
    for (const TranslationStep& step : steps) rows.step(step);
    if (translated) {
      all_in_dump = rows.place(*translated) && all_in_dump;
    } else {
      notes.add(translated.error());
      errors.push_back(std::move(translated).error());
    }
  }
  const std::vector<Note> remarks = notes.take();
  writer->end(remarks);
  report_left_out(host, *writer);
  if (!errors.empty()) {
    for (const Error& error : errors) report_error(host, request.dump, error);
    return 1;
  }
  if (request.form != OutputForm::json) report_notes(host, remarks);
  return all_in_dump ? 0 : 1;
}

}  // namespace panicroom
