#include "wasm/browser_session.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/escape.h"
#include "core/report/writer.h"
#include "wasm/js_reader.h"
#include "wasm/json.h"

namespace panicroom {
namespace {

using emscripten::val;

constexpr std::size_t longest_read = std::size_t{1} << 20;
constexpr std::uint64_t longest_window = 100'000;
constexpr std::size_t largest_piece = std::size_t{64} << 10;

bool given(const val& value) { return !value.isUndefined() && !value.isNull(); }

std::optional<std::int64_t> integer_of(const val& object, const char* key) {
  if (!given(object)) return std::nullopt;
  const val value = object[key];
  if (!given(value)) return std::nullopt;
  return static_cast<std::int64_t>(value.as<double>());
}

std::string text_of(const val& object, const char* key) {
  if (!given(object)) return {};
  const val value = object[key];
  return given(value) ? value.as<std::string>() : std::string();
}

bool truth_of(const val& object, const char* key) {
  return given(object) && given(object[key]) && object[key].as<bool>();
}

std::uint64_t count_of(const val& object, const char* key, std::uint64_t otherwise) {
  const auto value = integer_of(object, key);
  return value && *value >= 0 ? static_cast<std::uint64_t>(*value) : otherwise;
}

bool same(const Query& a, const Query& b) {
  return a.pid == b.pid && a.tid == b.tid && a.name == b.name && a.crashed_only == b.crashed_only &&
         a.columns == b.columns;
}

Query query_of(const Table& table, const val& options) {
  Query query;
  if (given(options) && given(options["extra"]) && !truth_of(options, "extra"))
    for (std::size_t at = 0; at < table.columns().size(); ++at)
      if (table.columns()[at].extra) query.columns &= ~(std::uint64_t{1} << at);
  query.pid = integer_of(options, "pid");
  query.tid = integer_of(options, "tid");
  if (given(options) && given(options["name"])) query.name = text_of(options, "name");
  query.crashed_only = truth_of(options, "crashed");
  return query;
}

Result<std::size_t> column_of(const Table& table, const std::string& name) {
  const auto columns = table.columns();
  for (std::size_t index = 0; index < columns.size(); ++index)
    if (columns[index].name == name) return index;
  return fail(ErrorCode::invalid,
              fmt::format("the table {} has no column \"{}\"", table.name(), visible(name)));
}

Result<Selection> selection_of(const Table& table, const val& options) {
  Selection selection;
  if (!given(options)) return selection;
  selection.filter = text_of(options, "filter");
  if (const val filters = options["columns"]; given(filters)) {
    const val names = val::global("Object").call<val>("keys", filters);
    const auto count = names["length"].as<unsigned>();
    for (unsigned index = 0; index < count; ++index) {
      const auto name = names[index].as<std::string>();
      PANICROOM_TRY(column, column_of(table, name));
      selection.column_filters.emplace_back(column, text_of(filters, name.c_str()));
    }
  }
  if (const val keys = options["sort"]; given(keys)) {
    const auto count = keys["length"].as<unsigned>();
    for (unsigned index = 0; index < count; ++index) {
      PANICROOM_TRY(column, column_of(table, text_of(keys[index], "column")));
      selection.sort.push_back({column, truth_of(keys[index], "descending")});
    }
  }
  return selection;
}

/// Where a statement that begins at `start` went wrong, in the units of JavaScript's strings.
std::optional<std::uint64_t> place_in(std::string_view text, std::size_t start,
                                      std::optional<std::size_t> offset) {
  if (!offset) return std::nullopt;
  std::uint64_t units = 0;
  for (const char byte : text.substr(0, start + *offset)) {
    const auto value = static_cast<unsigned char>(byte);
    if ((value & 0xc0U) != 0x80) units += value >= 0xf0 ? 2 : 1;
  }
  return units;
}

std::string not_open() {
  return json_failure(
      Error{ErrorCode::invalid, Absence::none, "no dump is open", std::nullopt, std::nullopt});
}

std::string failure_of(const Error& error) { return json_failure(error); }

}  // namespace

std::string BrowserSession::open(const val& files) {
  answer_.reset();
  database_.reset();
  session_.reset();
  views_.clear();
  const auto cache = std::make_shared<BlockCache>(block_bound);
  std::vector<SourcePtr> sources;
  const auto count = files["length"].as<unsigned>();
  for (unsigned index = 0; index < count; ++index)
    sources.push_back(js_source(files[index], cache));
  auto session = Session::open(std::move(sources));
  if (!session) return failure_of(session.error());
  session_ = std::move(*session);
  const auto& why = session_->why_no_kernel();
  return fmt::format(R"({{"notes": {}, "kernel_error": {}}})", json_of(session_->notes()),
                     why ? json_of(*why) : "null");
}

std::string BrowserSession::tables() const {
  std::string out = "[";
  for (const Table* table : panicroom::tables())
    out += (out.size() > 1 ? "," : "") + json_of(*table);
  return out + "]";
}

Result<TableView*> BrowserSession::view_of(const Table& table, const Query& query) {
  const auto kept = std::find_if(views_.begin(), views_.end(), [&](const KeptView& entry) {
    return entry.table == &table && same(entry.query, query);
  });
  if (kept != views_.end()) {
    views_.splice(views_.begin(), views_, kept);
    return &views_.front().view;
  }
  PANICROOM_TRY(view, TableView::make(*session_, table, query, rows_bound));
  views_.push_front({&table, query, std::move(view)});
  std::size_t held = 0;
  for (auto entry = views_.begin(); entry != views_.end();) {
    held += entry->view.bytes_held();
    entry = entry != views_.begin() && held > rows_bound ? views_.erase(entry) : std::next(entry);
  }
  return &views_.front().view;
}

Result<BrowserSession::Asked> BrowserSession::asked(const std::string& table_name,
                                                    const val& options) {
  const bool is_answer = answer_ && answer_->table().name() == table_name;
  const Table* table = is_answer ? &answer_->table() : find_table(table_name);
  if (!table)
    return fail(ErrorCode::invalid, fmt::format("there is no table \"{}\"", visible(table_name)));
  PANICROOM_TRY(selection, selection_of(*table, options));
  if (is_answer) return Asked{table, std::move(selection), &answer_->view()};
  PANICROOM_TRY(view, view_of(*table, query_of(*table, options)));
  return Asked{table, std::move(selection), view};
}

std::string BrowserSession::query(const std::string& table, const val& options) {
  if (!session_) return not_open();
  const auto rows = asked(table, options);
  if (!rows) return failure_of(rows.error());
  return rows->view->window(rows->selection, count_of(options, "offset", 0),
                            std::min(count_of(options, "limit", longest_window), longest_window));
}

std::string BrowserSession::write(const std::string& table, const val& options,
                                  const std::string& form, const val& sink) {
  if (!session_) return not_open();
  const auto rows = asked(table, options);
  if (!rows) return failure_of(rows.error());
  std::string piece;
  const auto hand_over = [&] {
    const auto* bytes = reinterpret_cast<const unsigned char*>(piece.data());
    if (!piece.empty()) sink(val(emscripten::typed_memory_view(piece.size(), bytes)));
    piece.clear();
  };
  const Sink collect = [&](std::string_view text) {
    piece += text;
    if (piece.size() >= largest_piece) hand_over();
    return true;
  };
  const auto writer = form == "csv" ? csv_writer(collect) : json_writer(collect);
  const std::uint64_t written = rows->view->write(rows->selection, count_of(options, "offset", 0),
                                                  count_of(options, "limit", UINT64_MAX), *writer);
  hand_over();
  return fmt::format(R"({{"rows": {}}})", written);
}

std::string BrowserSession::sql(const std::string& text, double limit, const val& go_on) {
  if (!session_) return not_open();
  if (!database_) {
    auto opened = SqlDatabase::open(*session_);
    if (!opened) return failure_of(opened.error());
    database_ = std::move(*opened);
  }
  answer_.reset();  // its memory is free for the next
  auto answer = std::make_unique<SqlAnswer>(fmt::format("sql-{}", ++answers_), answer_bound);
  SqlReceiver receiver;
  receiver.columns = [&answer](std::span<const Column> columns) { answer->begin(columns); };
  receiver.row = [&answer](std::span<const Value> row) { return answer->add(row); };
  if (given(go_on)) receiver.go_on = [&go_on] { return go_on().as<bool>(); };
  Notes notes;
  for (std::size_t at = 0; at < text.size();) {
    const auto done = database_->run(std::string_view(text).substr(at), receiver, notes);
    if (!done) return json_failure(done.error().error, place_in(text, at, done.error().offset));
    at += *done;
  }
  answer->finish(notes);
  answer_ = std::move(answer);
  const auto rows = static_cast<std::uint64_t>(std::max(0.0, limit));
  return fmt::format(R"({{"columns": {}, {})", json_columns(answer_->table()),
                     answer_->view().window({}, 0, std::min(rows, longest_window)).substr(1));
}

std::string BrowserSession::find(const std::string& table, const val& options,
                                 const std::string& column, const std::string& text) {
  if (!session_) return not_open();
  const auto rows = asked(table, options);
  if (!rows) return failure_of(rows.error());
  const auto index = column_of(*rows->table, column);
  if (!index) return failure_of(index.error());
  const auto place = rows->view->find(rows->selection, *index, text);
  return fmt::format(R"({{"place": {}}})", place ? json_integer(*place) : "null");
}

// Goes from page to page, so that a hole costs its own page and no more; of the page in which the
// file ends the first bytes are there.
template <class ReadSome>
std::string BrowserSession::read_parts(std::uint64_t address, std::size_t length,
                                       std::uint64_t unit, const ReadSome& read_some) {
  bytes_.assign(length, std::byte{0});
  struct Part {
    std::uint64_t address = 0;
    std::size_t offset = 0, length = 0;
    std::optional<Error> error;
  };
  std::vector<Part> parts;
  for (std::size_t done = 0; done < length;) {
    const std::uint64_t at = address + done;
    const std::size_t room =
        static_cast<std::size_t>(std::min<std::uint64_t>(unit - at % unit, length - done));
    Error error;
    const std::size_t got = read_some(at, MutableBytes(bytes_).subspan(done, room), error);
    const bool joins = !parts.empty() && !parts.back().error;
    if (got != 0 && joins) parts.back().length += got;
    if (got != 0 && !joins) parts.push_back({at, done, got, std::nullopt});
    if (got != room) parts.push_back({at + got, done + got, room - got, std::move(error)});
    done += room;
  }
  std::string out =
      fmt::format(R"({{"address": {}, "length": {}, "parts": [)", json_address(address), length);
  for (std::size_t index = 0; index < parts.size(); ++index) {
    const Part& part = parts[index];
    out += fmt::format(R"({}{{"address": {}, "length": {}, )", index ? "," : "",
                       json_address(part.address), part.length);
    out += part.error ? "\"error\": " + json_of(*part.error) + "}"
                      : fmt::format("\"offset\": {}}}", part.offset);
  }
  return out + "]}";
}

std::string BrowserSession::read(const std::string& address_text, double length, const val& space) {
  if (!session_) return not_open();
  const auto address = session_->resolve(address_text);
  if (!address) return failure_of(address.error());
  if (!(length >= 0) || length > static_cast<double>(longest_read))
    return failure_of(
        Error{ErrorCode::invalid, Absence::none, "at most 1 MiB can be read at once", {}, {}});
  // Memory is there or missing in pieces of so many bytes.
  const std::uint64_t unit = std::min<std::uint64_t>(session_->dump().memory->page_size(), 4096);
  // Reading ends at the end of the address space.
  const std::uint64_t to_the_end = 0 - *address;
  auto wanted = static_cast<std::size_t>(length);
  if (to_the_end != 0 && wanted > to_the_end) wanted = static_cast<std::size_t>(to_the_end);
  if (truth_of(space, "physical"))
    return read_parts(*address, wanted, unit,
                      [&](std::uint64_t at, MutableBytes out, Error& error) {
                        return session_->physical().read_some(at, out, &error);
                      });
  auto memory = session_->memory(integer_of(space, "pid"));
  if (!memory) return failure_of(memory.error());
  return read_parts(*address, wanted, unit, [&](std::uint64_t at, MutableBytes out, Error& error) {
    return (*memory)->read_some(at, out, &error);
  });
}

val BrowserSession::bytes() const {
  return val(emscripten::typed_memory_view(bytes_.size(),
                                           reinterpret_cast<const unsigned char*>(bytes_.data())));
}

std::string BrowserSession::translate(const std::string& address_text, const val& space) {
  if (!session_) return not_open();
  const auto address = session_->resolve(address_text);
  if (!address) return failure_of(address.error());
  const PhysicalMemory& dump_memory = *session_->dump().memory;
  std::vector<TranslationStep> steps;
  std::optional<Error> error;
  std::optional<Translation> translation;
  std::optional<std::uint64_t> physical;
  if (truth_of(space, "physical")) {
    physical = *address;
  } else {
    auto memory = session_->memory(integer_of(space, "pid"));
    if (!memory) return failure_of(memory.error());
    const auto result = (*memory)->translate(*address, &steps);
    if (result) {
      translation = *result;
      physical = result->physical;
    } else {
      error = result.error();
    }
  }
  std::string out = fmt::format("{{\"address\": {}, \"steps\": [", json_address(*address));
  for (std::size_t index = 0; index < steps.size(); ++index)
    out += (index ? "," : "") + json_of(steps[index]);
  return out + fmt::format("], \"translation\": {}, \"location\": {}, \"error\": {}}}",
                           translation ? json_of(*translation) : "null",
                           physical ? json_of(dump_memory.locate(*physical),
                                              *physical % dump_memory.page_size())
                                    : "null",
                           error ? json_of(*error) : "null");
}

std::string BrowserSession::resolve(const std::string& text) {
  if (!session_) return not_open();
  const auto address = session_->resolve(text);
  if (!address) return failure_of(address.error());
  return fmt::format(R"({{"address": {}, "symbol": {}}})", json_address(*address),
                     symbol_at(fmt::format("{:#x}", *address)));
}

std::string BrowserSession::symbol_at(const std::string& address_text) {
  if (!session_) return not_open();
  const auto address = session_->resolve(address_text);
  if (!address) return failure_of(address.error());
  const auto symbols = session_->kernel() ? session_->kernel()->symbols() : nullptr;
  const auto symbol = symbols ? symbols->at(*address) : std::nullopt;
  if (!symbol) return "null";
  return fmt::format(R"({{"name": {}, "address": {}, "offset": {}, "size": {}, "type": {}}})",
                     json_string(visible(symbol->name)), json_address(symbol->address),
                     json_integer(*address - symbol->address),
                     symbol->size ? json_integer(symbol->size) : "null",
                     json_string(visible(std::string_view(&symbol->type, 1))));
}

}  // namespace panicroom
