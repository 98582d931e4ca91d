#include "core/report/writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "core/report/escape.h"

namespace panicroom {
namespace {

// Times are the only reals: microseconds are what kernels log.
std::string real_text(double value) {
  if (!std::isfinite(value)) return "null";
  return fmt::format("{:.6f}", value);
}

struct JsonOf {
  std::string operator()(std::monostate) const { return "null"; }
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(std::uint64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const { return real_text(value); }
  std::string operator()(Address value) const { return fmt::format("\"{:#x}\"", value.value); }
  std::string operator()(const std::string& value) const { return json_string(value); }
};

struct TextOf {
  std::string operator()(std::monostate) const { return "-"; }
  std::string operator()(bool value) const { return value ? "yes" : "no"; }
  std::string operator()(std::int64_t value) const { return fmt::format("{}", value); }
  std::string operator()(std::uint64_t value) const { return fmt::format("{}", value); }
  std::string operator()(double value) const {
    return std::isfinite(value) ? real_text(value) : "-";
  }
  std::string operator()(Address value) const { return fmt::format("{:#x}", value.value); }
  std::string operator()(const std::string& value) const { return visible(value); }
};

class Json final : public TableWriter {
 public:
  explicit Json(Sink sink) : sink_(std::move(sink)) {}

  void begin(std::string_view table, std::span<const Column> columns) override {
    for (const Column& column : columns) keys_.push_back(json_string(column.name) + ": ");
    sink_(fmt::format("{{\"table\": {}, \"rows\": [", json_string(table)));
  }
  bool row(std::span<const Value> values) override {
    std::string line = first_ ? "\n  {" : ",\n  {";
    first_ = false;
    for (std::size_t index = 0; index < values.size(); ++index) {
      if (index) line += ", ";
      line += keys_[index];
      line += std::visit(JsonOf{}, values[index]);
    }
    return sink_(line + "}");
  }
  void end(std::span<const Note> notes) override {
    std::string tail = first_ ? "], \"notes\": [" : "\n], \"notes\": [";
    for (std::size_t index = 0; index < notes.size(); ++index) {
      const Note& note = notes[index];
      tail += fmt::format("{}\n  {{\"code\": {}, \"text\": {}, \"at\": {}}}", index ? "," : "",
                          json_string(name(note.code)), json_string(note.text),
                          note.at ? fmt::format("\"{:#x}\"", *note.at) : "null");
    }
    sink_(tail + (notes.empty() ? "]}\n" : "\n]}\n"));
  }

 private:
  Sink sink_;
  std::vector<std::string> keys_;
  bool first_ = true;
};

class Csv final : public TableWriter {
 public:
  explicit Csv(Sink sink) : sink_(std::move(sink)) {}

  void begin(std::string_view, std::span<const Column> columns) override {
    std::string line;
    for (const Column& column : columns) line += (line.empty() ? "" : ",") + csv_field(column.name);
    sink_(line + "\r\n");
  }
  bool row(std::span<const Value> values) override {
    std::string line;
    for (std::size_t index = 0; index < values.size(); ++index) {
      if (index) line += ',';
      const Value& value = values[index];
      if (const auto* text = std::get_if<std::string>(&value))
        line += csv_field(*text);
      else if (const auto* truth = std::get_if<bool>(&value))
        line += *truth ? "true" : "false";
      else if (!std::holds_alternative<std::monostate>(value))
        line += std::visit(TextOf{}, value);
    }
    return sink_(line + "\r\n");
  }
  void end(std::span<const Note>) override {}

 private:
  Sink sink_;
};

/// Lines of at most `columns` (0: any number), broken at blanks where there are some.
std::vector<std::string> wrapped(std::string_view text, std::size_t columns) {
  if (columns == 0 || display_width(text) <= columns) return {std::string(text)};
  std::vector<std::string> lines(1);
  while (!text.empty()) {
    const std::size_t blank = std::min(text.find(' ', 1), text.size());
    std::string_view word = text.substr(0, blank);  // with the blank before it
    text.remove_prefix(blank);
    const std::size_t used = display_width(lines.back());
    if (used + display_width(word) <= columns) {
      lines.back() += word;
      continue;
    }
    if (used != 0) {
      lines.emplace_back();
      if (word.starts_with(' ')) word.remove_prefix(1);
    }
    while (display_width(word) > columns) {
      const std::size_t length = std::max<std::size_t>(1, prefix_within(word, columns));
      lines.back() += word.substr(0, length);
      lines.emplace_back();
      word.remove_prefix(length);
    }
    lines.back() += word;
  }
  return lines;
}

constexpr std::size_t rows_measured = 1000;
constexpr std::size_t narrowest_column = 8;

class Text final : public TableWriter {
 public:
  Text(Sink sink, const TextStyle& style) : sink_(std::move(sink)), style_(style) {}

  void begin(std::string_view, std::span<const Column> columns) override {
    columns_.assign(columns.begin(), columns.end());
    for (const Column& column : columns) widths_.push_back(display_width(column.name));
  }
  bool row(std::span<const Value> values) override {
    std::vector<std::string> cells;
    for (const Value& value : values) cells.push_back(std::visit(TextOf{}, value));
    if (style_.vertical) return write_vertical(cells);
    if (started_) return write(cells, false);
    for (std::size_t index = 0; index < cells.size(); ++index)
      widths_[index] = std::max(widths_[index], display_width(cells[index]));
    waiting_.push_back(std::move(cells));
    return waiting_.size() < rows_measured || start();
  }
  void end(std::span<const Note>) override {
    if (!started_ && !style_.vertical) start();
  }
  std::vector<std::string_view> left_out() const override {
    std::vector<std::string_view> names;
    for (std::size_t index = 0; started_ && index < columns_.size(); ++index)
      if (std::find(shown_.begin(), shown_.end(), index) == shown_.end())
        names.push_back(columns_[index].name);
    return names;
  }

 private:
  bool start() {
    started_ = true;
    fit();
    std::vector<std::string> header;
    for (const Column& column : columns_) {
      std::string title(column.name);
      for (char& c : title)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
      header.push_back(std::move(title));
    }
    bool taken = write(header, true);
    for (const auto& cells : waiting_) taken = taken && write(cells, false);
    waiting_.clear();
    return taken;
  }

  /// Chooses the columns that the terminal has room for and their widths: details go first, then
  /// the widest texts are cut and the last one wrapped, then the last columns go.
  void fit() {
    for (std::size_t index = 0; index < columns_.size(); ++index) shown_.push_back(index);
    if (style_.columns == 0) return;
    for (std::size_t at = shown_.size(); at-- > 0 && line_width(false) > style_.columns;)
      if (columns_[shown_[at]].detail)
        shown_.erase(shown_.begin() + static_cast<std::ptrdiff_t>(at));
    while (line_width(true) > style_.columns && shown_.size() > 1) shown_.pop_back();
    std::size_t total = line_width(false);
    while (total > style_.columns) {
      std::optional<std::size_t> widest;
      for (const std::size_t index : shown_)
        if (widths_[index] > narrowest(index) && (!widest || widths_[index] > widths_[*widest]))
          widest = index;
      if (!widest) return;
      const std::size_t taken =
          std::min(total - style_.columns, widths_[*widest] - narrowest(*widest));
      widths_[*widest] -= taken;
      total -= taken;
    }
  }
  /// How narrow a column may become.
  std::size_t narrowest(std::size_t index) const {
    if (columns_[index].type != ColumnType::text) return widths_[index];
    return std::min(widths_[index], narrowest_column);
  }
  std::size_t line_width(bool narrow) const {
    std::size_t total = 2 * (shown_.size() - 1);
    for (const std::size_t index : shown_) total += narrow ? narrowest(index) : widths_[index];
    return total;
  }

  bool write(const std::vector<std::string>& cells, bool header) {
    std::string line;
    std::size_t indent = 0;
    std::string out;
    for (const std::size_t index : shown_) {
      const bool last = index == shown_.back();
      const bool right =
          columns_[index].type == ColumnType::integer || columns_[index].type == ColumnType::real;
      std::string cell = cells[index];
      std::vector<std::string> more;
      if (style_.columns != 0 && last && columns_[index].type == ColumnType::text) {
        more = wrapped(cell, widths_[index]);
        cell = more.front();
      } else if (style_.columns != 0) {
        cell = fitted(cell, widths_[index]);
      }
      const std::size_t width = display_width(cell);
      const std::string padding(width < widths_[index] ? widths_[index] - width : 0, ' ');
      if (right)
        line += padding + cell;
      else
        line += cell + (last ? "" : padding);
      if (!last) {
        line += "  ";
        indent += widths_[index] + 2;
      }
      for (std::size_t part = 1; part < more.size(); ++part)
        out += std::string(indent, ' ') + more[part] + "\n";
    }
    if (header && style_.colour) line = "\x1b[1m" + line + "\x1b[0m";
    return sink_(line + "\n" + out);
  }

  bool write_vertical(const std::vector<std::string>& cells) {
    std::size_t width = 0;
    for (const Column& column : columns_) width = std::max(width, column.name.size());
    const std::size_t indent = width + 2;
    const std::size_t room =
        style_.columns > indent + narrowest_column ? style_.columns - indent : 0;
    std::string out;
    for (std::size_t index = 0; index < cells.size(); ++index) {
      std::string title(columns_[index].name);
      for (char& c : title)
        if (c == '_') c = ' ';
      const std::string padding(indent - title.size(), ' ');
      out += style_.colour ? "\x1b[1m" + title + "\x1b[0m" : title;
      out += padding;
      bool first = true;
      for (const std::string& line : wrapped(cells[index], room)) {
        if (!first) out += std::string(indent, ' ');
        out += line + "\n";
        first = false;
      }
    }
    return sink_(out);
  }

  Sink sink_;
  TextStyle style_;
  std::vector<Column> columns_;
  std::vector<std::size_t> widths_;
  std::vector<std::vector<std::string>> waiting_;
  std::vector<std::size_t> shown_;  // of columns_
  bool started_ = false;
};

}  // namespace

std::string plain_text(const Value& value) { return std::visit(TextOf{}, value); }
std::string json_value(const Value& value) { return std::visit(JsonOf{}, value); }

std::unique_ptr<TableWriter> json_writer(Sink sink) {
  return std::make_unique<Json>(std::move(sink));
}
std::unique_ptr<TableWriter> csv_writer(Sink sink) {
  return std::make_unique<Csv>(std::move(sink));
}
std::unique_ptr<TableWriter> text_writer(Sink sink, const TextStyle& style) {
  return std::make_unique<Text>(std::move(sink), style);
}

}  // namespace panicroom
