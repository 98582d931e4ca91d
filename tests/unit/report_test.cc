#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>

#include "core/report/escape.h"
#include "core/report/writer.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 3> three = {{
    {"pid", ColumnType::integer, ""},
    {"name", ColumnType::text, ""},
    {"at", ColumnType::address, ""},
}};

std::string written(const std::function<std::unique_ptr<TableWriter>(Sink)>& make,
                    const std::vector<std::array<Value, 3>>& rows,
                    const std::vector<Note>& notes = {}) {
  std::string out;
  const auto writer = make([&](std::string_view text) {
    out += text;
    return true;
  });
  writer->begin("things", three);
  for (const auto& row : rows) writer->row(row);
  writer->end(notes);
  return out;
}

TEST(Visible, LeavesPlainTextAndUtf8Alone) {
  EXPECT_EQ(visible("init"), "init");
  EXPECT_EQ(visible("n\xc3\xa9on \xe2\x82\xac"), "n\xc3\xa9on \xe2\x82\xac");
}

TEST(Visible, EscapesWhatATerminalWouldObey) {
  EXPECT_EQ(visible("a\x1b[2Jb"), "a\\x1b[2Jb");
  EXPECT_EQ(visible("a\nb\tc\rd"), "a\\nb\\tc\\x0dd");
  EXPECT_EQ(visible("\x7f"), "\\x7f");
  EXPECT_EQ(visible("\xc2\x9b"), "\\xc2\\x9b") << "U+009B is a control sequence introducer";
  EXPECT_EQ(visible("\xe2\x80\xae"), "\\xe2\\x80\\xae") << "U+202E turns the line around";
  EXPECT_EQ(visible(std::string_view("a\0b", 3)), "a\\x00b");
}

std::string utf8(char32_t c) {
  if (c < 0x800) return {static_cast<char>(0xc0 | c >> 6), static_cast<char>(0x80 | (c & 0x3f))};
  const char last = static_cast<char>(0x80 | (c & 0x3f));
  const char middle = static_cast<char>(0x80 | (c >> 6 & 0x3f));
  if (c < 0x10000) return {static_cast<char>(0xe0 | c >> 12), middle, last};
  return {static_cast<char>(0xf0 | c >> 18), static_cast<char>(0x80 | (c >> 12 & 0x3f)), middle,
          last};
}

// perl's \p{Default_Ignorable_Code_Point} (5.36, Unicode 14.0), and the characters beside each.
TEST(Visible, EscapesWhatCannotBeSeen) {
  constexpr std::pair<char32_t, char32_t> ranges[] = {
      {0xad, 0xad},     {0x34f, 0x34f},   {0x61c, 0x61c},   {0x115f, 0x1160},   {0x17b4, 0x17b5},
      {0x180b, 0x180f}, {0x200b, 0x200f}, {0x202a, 0x202e}, {0x2060, 0x206f},   {0x3164, 0x3164},
      {0xfe00, 0xfe0f}, {0xfeff, 0xfeff}, {0xffa0, 0xffa0}, {0x1bca0, 0x1bca3}, {0x1d173, 0x1d17a}};
  for (const auto& [first, last] : ranges) {
    for (char32_t c = first; c <= last; ++c) EXPECT_TRUE(visible(utf8(c)).starts_with("\\x"));
    // Line separators stand before the bidirectional controls.
    for (const char32_t c : {first - 1, last + 1})
      if (c != 0x2029) {
        EXPECT_EQ(visible(utf8(c)), utf8(c));
      }
  }
  for (const char32_t c : {0xfff0U, 0xfff8U, 0xe0000U, 0xe0fffU})
    EXPECT_TRUE(visible(utf8(c)).starts_with("\\x"));
  EXPECT_EQ(json_string(utf8(0x3164)), R"("\u3164")");
}

// RFC 3629: overlong forms, surrogates and values past U+10FFFF are not UTF-8.
TEST(Visible, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(visible("\xff"), "\\xff");
  EXPECT_EQ(visible("\xc0\xaf"), "\\xc0\\xaf");
  EXPECT_EQ(visible("\xed\xa0\x80"), "\\xed\\xa0\\x80");
  EXPECT_EQ(visible("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
  EXPECT_EQ(visible("\xe2\x82"), "\\xe2\\x82");
}

TEST(Fitted, CutsByColumnsNotBytes) {
  EXPECT_EQ(fitted("abcdef", 6), "abcdef");
  EXPECT_EQ(fitted("abcdef", 4), "abc…");
  EXPECT_EQ(fitted("ééééé", 4), "ééé…");
  EXPECT_EQ(fitted("漢字漢字", 5), "漢字…");
  EXPECT_EQ(fitted("abc", 0), "");
}

TEST(JsonString, EscapesPerRfc8259) {
  EXPECT_EQ(json_string("a\"b\\c"), R"("a\"b\\c")");
  EXPECT_EQ(json_string("a\nb\x01"), R"("a\nb\u0001")");
  EXPECT_EQ(json_string("\xff"), R"("\\xff")");
  EXPECT_EQ(json_string("é"), "\"é\"");
  // U+E0041, a tag that hides itself, as RFC 8259's surrogate pair.
  EXPECT_EQ(json_string("\xf3\xa0\x81\x81"), R"("\udb40\udc41")");
}

TEST(CsvField, QuotesPerRfc4180) {
  EXPECT_EQ(csv_field("plain"), "plain");
  EXPECT_EQ(csv_field("a,b"), "\"a,b\"");
  EXPECT_EQ(csv_field("say \"x\""), "\"say \"\"x\"\"\"");
  EXPECT_EQ(csv_field("two\nlines"), "two\\nlines");
}

TEST(JsonWriter, WritesOneObjectWithRowsAndNotes) {
  const std::string out =
      written(json_writer,
              {{Value(std::int64_t{-1}), Value(std::string("a")), Value(Address{0xffff})},
               {Value(), Value(), Value(std::monostate{})}},
              {Note{ErrorCode::not_in_dump, "page left out", 0x1000}});
  EXPECT_EQ(out,
            "{\"table\": \"things\", \"rows\": [\n"
            "  {\"pid\": -1, \"name\": \"a\", \"at\": \"0xffff\"},\n"
            "  {\"pid\": null, \"name\": null, \"at\": null}\n"
            "], \"notes\": [\n"
            "  {\"code\": \"not_in_dump\", \"text\": \"page left out\", \"at\": \"0x1000\"}\n"
            "]}\n");
}

TEST(JsonWriter, WritesAnEmptyTable) {
  EXPECT_EQ(written(json_writer, {}), "{\"table\": \"things\", \"rows\": [], \"notes\": []}\n");
}

TEST(CsvWriter, LeavesNullEmpty) {
  EXPECT_EQ(written(csv_writer, {{Value(std::uint64_t{7}), Value(), Value(Address{16})}}),
            "pid,name,at\r\n7,,0x10\r\n");
}

TEST(TextWriter, AlignsNumbersRightAndTextLeft) {
  const auto make = [](Sink sink) { return text_writer(std::move(sink), TextStyle{}); };
  EXPECT_EQ(written(make, {{Value(std::int64_t{1}), Value(std::string("init")), Value(Address{1})},
                           {Value(std::int64_t{1234}), Value(std::string("x")), Value()}}),
            " PID  NAME  AT\n"
            "   1  init  0x1\n"
            "1234  x     -\n");
}

TEST(TextWriter, CutsTheWidestTextToFitATerminal) {
  const auto make = [](Sink sink) {
    return text_writer(std::move(sink), TextStyle{30, false, false});
  };
  const std::string out = written(
      make, {{Value(std::int64_t{1}), Value(std::string(60, 'a')), Value(Address{0xffffffff})}});
  std::size_t start = 0;
  while (start < out.size()) {
    const std::size_t end = out.find('\n', start);
    EXPECT_LE(display_width(std::string_view(out).substr(start, end - start)), 30U);
    start = end + 1;
  }
  EXPECT_NE(out.find("…"), std::string::npos);
}

TEST(TextWriter, LeavesOutTheLastColumnsThatHaveNoRoom) {
  std::string out;
  const auto writer = text_writer(
      [&out](std::string_view text) {
        out += text;
        return true;
      },
      TextStyle{16, false, false});
  writer->begin("things", three);
  const std::vector<Value> row = {Value(std::int64_t{1234}), Value(std::string("init-process")),
                                  Value(Address{0xffffffff81000000})};
  EXPECT_TRUE(writer->row(row));
  writer->end({});
  EXPECT_EQ(out, " PID  NAME\n1234  init-proce\n      ss\n");
  EXPECT_EQ(writer->left_out(), std::vector<std::string_view>{"at"});
}

TEST(TextWriter, LeavesOutDetailsFirstCutsTextsAndWrapsTheLast) {
  static constexpr std::array<Column, 4> columns = {{{"pid", ColumnType::integer, ""},
                                                     {"address", ColumnType::address, "", true},
                                                     {"name", ColumnType::text, ""},
                                                     {"meaning", ColumnType::text, ""}}};
  const std::vector<Value> row = {Value(std::int64_t{1}), Value(Address{0xffffffff81000000}),
                                  Value(std::string("a-long-name")),
                                  Value(std::string("what follows from it"))};
  const auto at = [&row](std::size_t width) {
    std::string out;
    const auto writer = text_writer(
        [&out](std::string_view text) {
          out += text;
          return true;
        },
        TextStyle{width, false, false});
    writer->begin("things", columns);
    writer->row(row);
    writer->end({});
    return out;
  };
  EXPECT_EQ(at(58),
            "PID  ADDRESS             NAME         MEANING\n"
            "  1  0xffffffff81000000  a-long-name  what follows from it\n");
  EXPECT_EQ(at(57),
            "PID  NAME         MEANING\n"
            "  1  a-long-name  what follows from it\n");
  EXPECT_EQ(at(23),
            "PID  NAME      MEANING\n"
            "  1  a-long-…  what\n"
            "               follows\n"
            "               from it\n");
}

TEST(TextWriter, BreaksTheLongValuesOfOneRowAtBlanks) {
  const auto make = [](std::size_t columns) {
    return [columns](Sink sink) {
      return text_writer(std::move(sink), TextStyle{columns, false, true});
    };
  };
  const std::vector<std::array<Value, 3>> rows = {
      {Value(std::int64_t{1}), Value(std::string("Kernel panic - not syncing: x")), Value()}};
  EXPECT_EQ(written(make(20), rows),
            "pid   1\n"
            "name  Kernel panic -\n"
            "      not syncing: x\n"
            "at    -\n");
  EXPECT_EQ(written(make(0), rows), "pid   1\nname  Kernel panic - not syncing: x\nat    -\n");
}

TEST(TextWriter, CutsNothingWhenThereIsNoTerminal) {
  const auto make = [](Sink sink) { return text_writer(std::move(sink), TextStyle{}); };
  const std::string name(300, 'a');
  EXPECT_NE(written(make, {{Value(), Value(name), Value()}}).find(name), std::string::npos);
}

TEST(TextWriter, NeverLetsADumpsBytesThrough) {
  const auto make = [](Sink sink) {
    return text_writer(std::move(sink), TextStyle{80, true, false});
  };
  const std::string out =
      written(make, {{Value(), Value(std::string("\x1b]0;owned\x07")), Value()}});
  EXPECT_EQ(out.find('\x07'), std::string::npos);
  EXPECT_EQ(out.find("\x1b]"), std::string::npos);
}

}  // namespace
}  // namespace panicroom
