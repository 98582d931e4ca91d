#include "wasm/table_view.h"

#include <fmt/format.h>

#include <algorithm>

#include "core/report/escape.h"
#include "core/report/writer.h"
#include "wasm/json.h"

namespace panicroom {
namespace {

// Folds A-Z alone: what people search for are names, addresses and messages of a kernel.
std::string folded(std::string_view text) {
  std::string out(text);
  for (char& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::vector<std::string> words_of(std::string_view text) {
  std::vector<std::string> words;
  std::string word;
  for (const char c : folded(text)) {
    if (c != ' ' && c != '\t') {
      word += c;
    } else if (!word.empty()) {
      words.push_back(std::move(word));
      word.clear();
    }
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

bool contains_all(const std::string& text, const std::vector<std::string>& words) {
  return std::all_of(words.begin(), words.end(),
                     [&](const std::string& word) { return text.find(word) != std::string::npos; });
}

// -1, 0 or 1. Null is handled by the caller; a column holds values of one type, but integers of
// either sign.
int compare(const Value& a, const Value& b) {
  const auto three_way = [](const auto& x, const auto& y) { return x < y ? -1 : y < x ? 1 : 0; };
  const auto* signed_a = std::get_if<std::int64_t>(&a);
  const auto* signed_b = std::get_if<std::int64_t>(&b);
  if (signed_a && signed_b) return three_way(*signed_a, *signed_b);
  if (signed_a && *signed_a < 0) return -1;
  if (signed_b && *signed_b < 0) return 1;
  const auto as_unsigned = [](const Value& value) -> std::optional<std::uint64_t> {
    if (const auto* plain = std::get_if<std::uint64_t>(&value)) return *plain;
    if (const auto* with_sign = std::get_if<std::int64_t>(&value))
      return static_cast<std::uint64_t>(*with_sign);
    if (const auto* address = std::get_if<Address>(&value)) return address->value;
    if (const auto* truth = std::get_if<bool>(&value)) return *truth ? 1u : 0u;
    return std::nullopt;
  };
  const auto plain_a = as_unsigned(a);
  const auto plain_b = as_unsigned(b);
  if (plain_a && plain_b) return three_way(*plain_a, *plain_b);
  const auto* real_a = std::get_if<double>(&a);
  const auto* real_b = std::get_if<double>(&b);
  if (real_a && real_b) return three_way(*real_a, *real_b);
  const auto* text_a = std::get_if<std::string>(&a);
  const auto* text_b = std::get_if<std::string>(&b);
  if (text_a && text_b) return three_way(*text_a, *text_b);
  return three_way(a.index(), b.index());
}

bool is_null(const Value& value) { return std::holds_alternative<std::monostate>(value); }

}  // namespace

Result<TableView> TableView::make(Session& session, const Table& table, const Query& query,
                                  std::size_t bound) {
  TableView view(table);
  Notes notes;
  const auto made = session.rows(
      table, query, [&](std::span<const Value> row) { return view.add(row, bound); }, notes);
  if (!made && view.rows_ == 0) return Failure(made.error());
  if (!made) notes.add(made.error());
  view.finish(notes);
  return view;
}

bool TableView::add(std::span<const Value> row, std::size_t bound) {
  std::size_t bytes = row.size() * sizeof(Value) + sizeof(std::uint32_t);
  for (const Value& value : row)
    if (const auto* text = std::get_if<std::string>(&value)) bytes += text->size() + 16;
  cut_ = cut_ || bytes_held_ + bytes > bound || row.size() != table_->columns().size();
  if (cut_) return false;
  bytes_held_ += bytes;
  cells_.insert(cells_.end(), row.begin(), row.end());
  ++rows_;
  return true;
}

void TableView::finish(Notes& notes) {
  if (cut_)
    notes.add(Note{
        ErrorCode::unsupported,
        fmt::format("only the first {} rows are shown: more do not fit the memory bound", rows_),
        std::nullopt});
  notes_ = notes.take();
}

// A row as it is searched: its cells, folded, with line ends between them, which are in no
// visible() text, so that no word reaches over two cells.
std::string TableView::searched_text(std::uint32_t row) const {
  std::string all;
  for (std::size_t column = 0; column < table_->columns().size(); ++column)
    if (!is_null(at(row, column))) all += folded(plain_text(at(row, column))) + "\n";
  return all;
}

void TableView::arrange(const Selection& selection) {
  if (arranged_ && arranged_by_ == selection) return;
  const auto words = words_of(selection.filter);
  std::vector<std::pair<std::size_t, std::vector<std::string>>> column_words;
  for (const auto& [column, text] : selection.column_filters)
    column_words.emplace_back(column, words_of(text));
  order_.clear();
  for (std::uint32_t row = 0; row < rows_; ++row) {
    const bool wanted =
        std::all_of(column_words.begin(), column_words.end(), [&](const auto& filter) {
          return contains_all(folded(plain_text(at(row, filter.first))), filter.second);
        });
    if (wanted && (words.empty() || contains_all(searched_text(row), words))) order_.push_back(row);
  }
  if (!selection.sort.empty()) {
    std::stable_sort(order_.begin(), order_.end(), [&](std::uint32_t a, std::uint32_t b) {
      for (const SortKey& key : selection.sort) {
        const Value& left = at(a, key.column);
        const Value& right = at(b, key.column);
        if (is_null(left) != is_null(right)) return is_null(right);
        const int sign = compare(left, right);
        if (sign != 0) return key.descending ? sign > 0 : sign < 0;
      }
      return false;
    });
  }
  arranged_by_ = selection;
  arranged_ = true;
}

std::string TableView::window(const Selection& selection, std::uint64_t offset,
                              std::uint64_t limit) {
  arrange(selection);
  const std::uint64_t matched = order_.size();
  const std::uint64_t start = std::min(offset, matched);
  const std::uint64_t end = start + std::min(limit, matched - start);
  std::string out =
      fmt::format(R"({{"table": {}, "total": {}, "matched": {}, "offset": {}, "rows": [)",
                  json_string(table_->name()), rows_, matched, start);
  for (std::uint64_t place = start; place < end; ++place) {
    out += place == start ? "[" : ",[";
    for (std::size_t column = 0; column < table_->columns().size(); ++column) {
      if (column) out += ',';
      out += json_cell(at(order_[static_cast<std::size_t>(place)], column));
    }
    out += ']';
  }
  return out + "], \"notes\": " + json_of(notes_) + "}";
}

std::uint64_t TableView::write(const Selection& selection, std::uint64_t offset,
                               std::uint64_t limit, TableWriter& writer) {
  arrange(selection);
  const std::size_t columns = table_->columns().size();
  const std::uint64_t start = std::min<std::uint64_t>(offset, order_.size());
  const std::uint64_t end = start + std::min(limit, order_.size() - start);
  writer.begin(table_->name(), table_->columns());
  for (std::uint64_t place = start; place < end; ++place) {
    const std::size_t row = order_[static_cast<std::size_t>(place)];
    writer.row(std::span(cells_).subspan(row * columns, columns));
  }
  writer.end(notes_);
  return end - start;
}

std::optional<std::uint64_t> TableView::find(const Selection& selection, std::size_t column,
                                             const std::string& text) {
  arrange(selection);
  for (std::size_t place = 0; place < order_.size(); ++place)
    if (plain_text(at(order_[place], column)) == text) return place;
  return std::nullopt;
}

}  // namespace panicroom
