#include "core/sql/table_cursor.h"

#include <algorithm>
#include <utility>

namespace panicroom {
namespace {

constexpr std::size_t first_rows = 64;
// So many narrow walks may cost what one of the whole does.
constexpr unsigned most_narrow_walks = 16;
constexpr std::size_t rows_between_questions = 256;

/// Puts an equality where the table itself can use it. Answers whether it could.
bool narrow(Query& query, std::string_view column, const SqlKey& key) {
  const auto* number = std::get_if<std::int64_t>(&key);
  const auto* text = std::get_if<std::string>(&key);
  if (number && column == "pid" && !query.pid)
    query.pid = *number;
  else if (number && column == "tid" && !query.tid)
    query.tid = *number;
  else if (number && column == "address" && !query.address)
    query.address = static_cast<std::uint64_t>(*number);
  // A backslash may stand for a byte that is not UTF-8.
  else if (text && column == "name" && !query.name && text->find('\\') == std::string::npos)
    query.name = *text;
  else
    return false;
  return true;
}

struct Part {
  std::shared_ptr<HeldRows> rows;
  bool more = false;
};

/// Holds at most so many of the rows that satisfy the equalities, and as many as the bound allows,
/// from the one numbered `first` on.
Result<Part> read_part(const Table& table, const SqlRun& run, const Query& query,
                       std::span<const Equality> equalities, std::size_t first, std::size_t most,
                       Notes& notes) {
  Part part{std::make_shared<HeldRows>(query.columns, table.columns().size()), false};
  std::size_t visited = 0, matching = 0;
  bool stopped = !run.go_on();
  const auto visit = [&](std::span<const Value> row) {
    if (++visited % rows_between_questions == 0) stopped = !run.go_on();
    if (stopped) return false;
    for (const Equality& equality : equalities)
      if (key_of(row[equality.column]) != equality.key) return true;
    if (matching++ < first) return true;
    part.more = part.rows->size() == most || part.rows->bytes() > run.bounds.rows;
    if (!part.more) part.rows->add(row);
    return !part.more;
  };
  if (!stopped) PANICROOM_CHECK(run.session->rows(table, query, visit, notes));
  if (stopped) return fail(ErrorCode::invalid, "the statement was stopped");
  return part;
}

}  // namespace

TableCursor::TableCursor(const Table& table, SqlRun& run) : table_(table), run_(run) {
  auto& walks = run.walks[&table];
  if (!walks) walks = std::make_shared<TableWalks>();
  walks_ = walks;
}

Result<void> TableCursor::filter(std::uint64_t columns, std::vector<Equality> equalities) {
  hand_over_notes();
  equalities_ = std::move(equalities);
  for (const Equality& equality : equalities_)
    columns |= std::uint64_t{1} << std::min<std::size_t>(equality.column, 63);
  columns_ = columns;
  walks_->columns |= columns;
  at_ = first_ = 0;
  indexed_ = more_ = false;
  alike_.clear();
  identified_.reset();
  PANICROOM_TRY(held, use_whole());
  if (held) return {};
  query_ = Query();
  query_.exact = true;
  query_.columns = columns;
  bool is_narrow = false;
  for (const Equality& equality : equalities_)
    is_narrow |= narrow(query_, table_.columns()[equality.column].name, equality.key);
  ++(is_narrow ? walks_->narrow : walks_->full);
  return read(first_rows);
}

/// Answers from all of the table's rows, held for the statement, where that is worth it.
Result<bool> TableCursor::use_whole() {
  const bool worth = walks_->full > 0 || walks_->narrow >= most_narrow_walks;
  if (!worth || walks_->too_large) return false;
  if (!walks_->whole || (walks_->columns & ~walks_->whole->columns()) != 0) {
    walks_->whole = nullptr;
    Query query;
    query.columns = walks_->columns;
    PANICROOM_TRY(part, read_part(table_, run_, query, {}, 0, SIZE_MAX, notes_));
    walks_->too_large = part.more;
    if (part.more) return false;
    walks_->whole = std::move(part.rows);
  }
  rows_ = walks_->whole;
  if (equalities_.empty()) return true;
  chosen_ = rows_->equal(equalities_.front().column, equalities_.front().key);
  indexed_ = true;
  return true;
}

std::int64_t TableCursor::row_id() {
  if (identified_ && identified_->first == at_) return identified_->second;
  // Rows that are alike in the columns that the statement uses satisfy the same equalities, so that
  // their numbers among each other are the same in every walk.
  const std::uint64_t content = rows_->hash(row(), columns_);
  const std::uint64_t number = mixed(content ^ mixed(++alike_[content]));
  identified_.emplace(at_, static_cast<std::int64_t>(number));
  return identified_->second;
}

Result<void> TableCursor::next() {
  ++at_;
  if (!at_end() || !more_) return {};
  first_ = at_;
  return read(SIZE_MAX);
}

Result<void> TableCursor::read(std::size_t most) {
  rows_ = nullptr;  // what it takes is free for those that follow
  Notes notes;
  auto part = read_part(table_, run_, query_, equalities_, first_, most, notes);
  notes_ = std::move(notes);
  if (!part) {
    rows_ = std::make_shared<HeldRows>(0, 0);
    more_ = false;
    return Failure(part.error());
  }
  rows_ = std::move(part->rows);
  more_ = part->more;
  return {};
}

void TableCursor::hand_over_notes() {
  if (!run_.notes) return;
  for (Note& note : notes_.take()) run_.notes->add(std::move(note));
}

}  // namespace panicroom
