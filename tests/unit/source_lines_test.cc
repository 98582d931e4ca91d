// Line number programs put together by the rules of DWARF 5 (6.2) and DWARF 2 to 4, with the rows
// that those rules give.
#include "core/types/source_lines.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/cfi_blob.h"

namespace panicroom {
namespace {

using test::Assembly;

constexpr std::uint64_t kText = 0xffffffff81000000;
constexpr int kLineBase = -3, kLineRange = 12, kOpcodeBase = 13;

/// A special opcode that advances by so many operations and lines (6.2.5.1).
int special(int operations, int lines) {
  return (lines - kLineBase) + kLineRange * operations + kOpcodeBase;
}

Assembly& set_address(Assembly& program, std::uint64_t address) {
  return program.all({0, 9, 2}).u64(address);
}

const std::vector<std::byte> kEndSequence = Assembly().all({0, 1, 1}).bytes;

struct Shape {
  unsigned version = 4;
  bool wide = false;
  unsigned shortest = 1, operations = 1;
  bool of_a_vendor = false;  ///< files have columns that only their compiler knows
};

/// A column in each form that one of a vendor's may have (6.2.4.2), behind the name.
void add_vendors_files(Assembly& names) {
  const std::initializer_list<std::pair<unsigned, unsigned>> forms = {
      {0x0c, 1}, {0x0d, 2}, {0x17, 4}, {0x1a, 2}, {0x1d, 4}, {0x25, 1},
      {0x26, 2}, {0x27, 3}, {0x28, 4}, {0x0f, 2}, {0x07, 8}, {0x09, 1}};
  names.uleb(forms.size() + 2).all({1, 0x08});
  for (const auto& [form, width] : forms) names.uleb(0x2002).uleb(form);
  names.all({2, 0x0b}).uleb(2);
  for (int i = 0; i < 2; ++i) {
    names.text("main.c");
    for (const auto& [form, width] : forms)
      if (form == 0x09)
        names.u8(0);  // an empty block
      else if (form == 0x0d || form == 0x1a || form == 0x0f)
        names.all({0x81, 1});
      else
        names.number(0x7f, width);
    names.u8(0);
  }
}

std::vector<std::byte> tables(const Shape& shape) {
  Assembly names;
  if (shape.version == 5) {
    names.all({1, 1, 0x1f}).uleb(2).number(0, shape.wide ? 8 : 4).number(6, shape.wide ? 8 : 4);
    if (shape.of_a_vendor) {
      add_vendors_files(names);
      return names.bytes;
    }
    // path as a string, directory as a byte, MD5
    names.all({3, 1, 0x08, 2, 0x0b, 5, 0x1e}).uleb(3);
    for (const auto& [name, directory] : std::initializer_list<std::pair<const char*, unsigned>>{
             {"main.c", 0}, {"main.c", 0}, {"list.h", 1}})
      names.text(name).u8(directory).u64(0x1111).u64(0x2222);
    return names.bytes;
  }
  names.text("include").u8(0);
  names.text("main.c").all({0, 0, 0}).text("list.h").all({1, 5, 6}).u8(0);
  return names.bytes;
}

std::vector<std::byte> program_of(const Shape& shape, const std::vector<std::byte>& program) {
  Assembly behind;
  behind.u8(shape.shortest);
  if (shape.version >= 4) behind.u8(shape.operations);
  behind.all({1, kLineBase & 0xff, kLineRange, kOpcodeBase});
  behind.all({0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1});
  behind.append(tables(shape));
  Assembly body;
  body.number(shape.version, 2);
  if (shape.version == 5) body.u8(8).u8(0);
  body.number(behind.bytes.size(), shape.wide ? 8 : 4).append(behind.bytes).append(program);
  Assembly unit;
  if (shape.wide)
    unit.u32(0xffffffff).u64(body.bytes.size());
  else
    unit.u32(body.bytes.size());
  return unit.append(body.bytes).bytes;
}

DwarfSections sections_with_strings() {
  const auto none = [] { return LazyBytes(std::vector<std::byte>()); };
  return {none(), none(),
          none(), LazyBytes(Assembly().text("/home").text("include").bytes),
          none(), std::endian::little};
}

Result<LineTable> run(const Shape& shape, const std::vector<std::byte>& program) {
  static auto dwarf = sections_with_strings();
  static std::vector<std::unique_ptr<LazyBytes>> kept;  // names point into it
  kept.push_back(std::make_unique<LazyBytes>(program_of(shape, program)));
  return run_line_program(*kept.back(), dwarf, 0, 8);
}

class LineShapes : public testing::TestWithParam<Shape> {};

INSTANTIATE_TEST_SUITE_P(Versions, LineShapes,
                         testing::Values(Shape{2}, Shape{3}, Shape{4}, Shape{5}, Shape{3, true},
                                         Shape{4, true}, Shape{5, true}));

TEST_P(LineShapes, GiveTheSameRows) {
  Assembly program;
  set_address(program, kText)
      .all({special(0, 4)})                    // 0: line 5
      .all({special(3, -2)})                   // 3: line 3
      .all({2, 0x90, 1})                       // advance_pc 144
      .all({3, 0x7f, 1})                       // 147: line 2
      .all({4, 2, 8})                          // list.h, const_add_pc: (255 - 13) / 12
      .all({3, 40, 1})                         // 167: line 42
      .all({9, 0x10, 0, 10, 11, 12, 7, 5, 3})  // fixed_advance_pc, and what changes no row
      .all({6, special(1, 1)})                 // 184: line 43
      .all({0, 3, 0x80, 1, 2})                 // an operation of nobody's
      .all({2, 4})
      .append(kEndSequence);
  const auto table = run(GetParam(), program.bytes);
  ASSERT_TRUE(table) << table.error().message();
  const std::vector<std::array<std::uint64_t, 3>> expected = {
      {0, 5, 1},   {2, 5, 1},    {3, 3, 1},    {146, 3, 1},  {147, 2, 1},
      {166, 2, 1}, {167, 42, 2}, {183, 42, 2}, {184, 43, 2}, {187, 43, 2}};
  for (const auto& [at, line, file] : expected) {
    const auto* row = table->at(kText + at);
    ASSERT_NE(row, nullptr) << at;
    EXPECT_EQ(row->line, line) << at;
    EXPECT_EQ(row->file, file) << at;
  }
  EXPECT_EQ(table->at(kText - 1), nullptr);
  EXPECT_EQ(table->at(kText + 188), nullptr);
  EXPECT_EQ(table->path(1, "/home"), "/home/main.c");
  EXPECT_EQ(table->path(2, "/home"), "/home/include/list.h");
  EXPECT_EQ(table->path(3, "/home"), "");
}

/// As reproducible builds have them (-ffile-prefix-map): a folder of DWARF 5 stands under the
/// first, and the first, like that of earlier versions, is where the unit was compiled.
TEST(LineProgram, JoinsFoldersThatAreNotAbsoluteOnce) {
  const std::vector<std::byte> none;
  auto table = run({4}, none);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->path(1, "build"), "build/main.c");
  EXPECT_EQ(table->path(2, "build"), "build/include/list.h");
  EXPECT_EQ(table->path(1, ""), "main.c");
  LineTable five;
  five.version = 5;
  five.directories = {"build", "include", "/usr/include"};
  five.files = {{"main.c", 0}, {"list.h", 1}, {"stdio.h", 2}, {"/abs.c", 1}};
  EXPECT_EQ(five.path(0, "build"), "build/main.c");
  EXPECT_EQ(five.path(1, "build"), "build/include/list.h");
  EXPECT_EQ(five.path(2, "build"), "/usr/include/stdio.h");
  EXPECT_EQ(five.path(3, "build"), "/abs.c");
  five.directories[0] = "";
  EXPECT_EQ(five.path(0, "build"), "build/main.c");
}

TEST(LineProgram, CountsInstructionsOfTheirLengthAndOperationsOfAWord) {
  Assembly program;
  set_address(program, kText).all({special(0, 1), special(3, 1), 2, 2, 1}).append(kEndSequence);
  auto table = run({4, false, 4, 1}, program.bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->at(kText + 11)->line, 2U);
  EXPECT_EQ(table->at(kText + 12)->line, 3U);
  // Two operations in each word of 16 bytes: 3 operations are one word and a half.
  Assembly wide;
  set_address(wide, kText).all({special(0, 1), special(3, 1), special(1, 1)});
  table = run({4, false, 16, 2}, wide.all({2, 2}).append(kEndSequence).bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->at(kText + 15)->line, 2U);
  EXPECT_EQ(table->at(kText + 16)->line, 3U);
  EXPECT_EQ(table->at(kText + 32)->line, 4U);
}

TEST(LineProgram, SortsSequencesAndLeavesThrownAwayCodeOut) {
  Assembly program;
  set_address(program, kText + 0x100).all({3, 9, special(0, 0), 2, 16}).append(kEndSequence);
  set_address(program, 0).all({3, 19, special(0, 0), 2, 16}).append(kEndSequence);
  set_address(program, kText).all({3, 29, special(0, 0), 2, 16}).append(kEndSequence);
  set_address(program, kText + 0x200).all({special(0, 1)});  // without an end
  const auto table = run({4}, program.bytes);
  ASSERT_TRUE(table);
  EXPECT_EQ(table->at(kText + 0x10f)->line, 10U);
  EXPECT_EQ(table->at(kText + 8)->line, 30U);
  EXPECT_EQ(table->at(kText + 0x80), nullptr);
  EXPECT_EQ(table->at(8), nullptr);
  EXPECT_EQ(table->at(kText + 0x200), nullptr);
}

TEST(LineProgram, MayDefineFilesOnItsWay) {
  Assembly program;
  set_address(program, kText)
      .all({0, 9, 3})
      .text("late")
      .all({1, 0, 0})
      .all({4, 3, special(0, 1), 2, 1});
  const auto table = run({3}, program.append(kEndSequence).bytes);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(table->path(table->at(kText)->file, "/home"), "/home/include/late");
}

TEST(LineProgram, SkipsWhatOnlyACompilerKnowsOfItsFiles) {
  Assembly program;
  set_address(program, kText).all({special(0, 1), 2, 1}).append(kEndSequence);
  const auto table = run({5, false, 1, 1, true}, program.bytes);
  ASSERT_TRUE(table) << table.error().message();
  EXPECT_EQ(table->path(table->at(kText)->file, "/home"), "/home/main.c");
}

TEST(LineProgram, SurvivesEveryCutAndFlip) {
  for (const unsigned version : {2U, 5U}) {
    Assembly program;
    set_address(program, kText).all({special(0, 4), 2, 8}).append(kEndSequence);
    const auto bytes = program_of({version}, program.bytes);
    auto dwarf = sections_with_strings();
    for (std::size_t i = 0; i < bytes.size(); ++i)
      for (const int value : {-1, 0, 0x7f, 0x80, 0xff}) {
        auto broken = bytes;
        if (value < 0)
          broken.resize(i);
        else
          broken[i] = static_cast<std::byte>(value);
        LazyBytes lines(std::move(broken));
        const auto table = run_line_program(lines, dwarf, 0, 8);
        if (table && table->at(kText)) static_cast<void>(table->path(1, "/home"));
      }
  }
}

/// A unit of 0x100 bytes of kText that was compiled in /home, of DWARF 4.
SourceLineSections unit_of(bool with_aranges, std::uint64_t lines_at) {
  const auto abbreviations = Assembly()
                                 .uleb(1)
                                 .uleb(0x11)
                                 .u8(0)
                                 .all({0x10, 0x17, 0x1b, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0, 0})
                                 .bytes;
  Assembly body;
  body.number(4, 2).u32(0).u8(8).uleb(1).u32(lines_at).text("/home").u64(kText).u32(0x100);
  Assembly aranges;
  if (with_aranges) {
    Assembly set;
    set.number(2, 2).u32(0).u8(8).u8(0).u32(0).u64(kText).u64(0x100).u64(0).u64(0);
    aranges.u32(set.bytes.size()).append(set.bytes);
  }
  Assembly program;
  set_address(program, kText)
      .all({special(0, 6), 3, 0x79, special(8, 0), 2, 0x80, 1})
      .append(kEndSequence);
  const auto none = [] { return LazyBytes(std::vector<std::byte>()); };
  return {{LazyBytes(Assembly().u32(body.bytes.size()).append(body.bytes).bytes),
           LazyBytes(abbreviations), none(), none(), none(), std::endian::little},
          {none(), none(), none()},
          LazyBytes(program_of({4}, program.bytes)),
          LazyBytes(aranges.bytes)};
}

TEST(SourceLine, IsFoundByTheUnitsThatSayWhereTheirCodeLies) {
  for (const bool with_aranges : {false, true}) {
    SourceLines lines(unit_of(with_aranges, 0));
    const auto found = lines.at(kText + 4);
    ASSERT_TRUE(found) << found.error().message();
    ASSERT_TRUE(*found);
    EXPECT_EQ((*found)->file, "/home/main.c");
    EXPECT_EQ((*found)->line, 7U);
    EXPECT_FALSE(*lines.at(kText + 8));  // line 0: none of the source
    EXPECT_FALSE(*lines.at(kText + 0x100));
    EXPECT_FALSE(*lines.at(kText - 1));
  }
}

// gcc and clang with -gdwarf-4 -gsplit-dwarf: what DW_AT_GNU_ranges_base says is for the other
// file.
TEST(SourceLine, ASkeletonsRangesCountFromTheStartOfTheirSection) {
  auto sections = unit_of(false, 0);
  const auto abbreviations = Assembly()
                                 .uleb(1)
                                 .uleb(0x11)
                                 .u8(0)
                                 .all({0x10, 0x17, 0x1b, 0x08, 0x55, 0x17})
                                 .uleb(0x2132)
                                 .all({0x17, 0, 0, 0})
                                 .bytes;
  Assembly body;
  body.number(4, 2).u32(0).u8(8).uleb(1).u32(0).text("/home").u32(16).u32(16);
  sections.dwarf.info = LazyBytes(Assembly().u32(body.bytes.size()).append(body.bytes).bytes);
  sections.dwarf.abbreviations = LazyBytes(abbreviations);
  sections.code.ranges =
      LazyBytes(Assembly().u64(0).u64(0).u64(kText).u64(kText + 0x100).u64(0).u64(0).bytes);
  SourceLines lines(std::move(sections));
  const auto found = lines.at(kText + 4);
  ASSERT_TRUE(found) << found.error().message();
  ASSERT_TRUE(*found);
  EXPECT_EQ((*found)->line, 7U);
}

TEST(SourceLine, OfABrokenUnitSaysWhy) {
  SourceLines lines(unit_of(true, 0x1000));
  const auto found = lines.at(kText);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
}

/// So many units of 0x100 bytes each, one behind the other; each has a line program of its own, or
/// all have one.
SourceLineSections units_of(unsigned count, bool of_one_program) {
  auto sections = unit_of(false, 0);
  Assembly info, programs;
  const auto add_program = [&programs](std::uint64_t start, std::uint64_t size) {
    Assembly program;
    set_address(program, start).all({special(0, 6), 2}).uleb(size).append(kEndSequence);
    programs.append(program_of({4}, program.bytes));
  };
  if (of_one_program) add_program(kText, std::uint64_t{0x100} * count);
  for (unsigned i = 0; i < count; ++i) {
    const std::uint64_t start = kText + std::uint64_t{0x100} * i;
    Assembly body;
    body.number(4, 2).u32(0).u8(8).uleb(1);
    body.u32(of_one_program ? 0 : static_cast<std::uint32_t>(programs.bytes.size()));
    body.text("/home").u64(start).u32(0x100);
    info.u32(static_cast<std::uint32_t>(body.bytes.size())).append(body.bytes);
    if (!of_one_program) add_program(start, 0x100);
  }
  sections.dwarf.info = LazyBytes(info.bytes);
  sections.lines = LazyBytes(programs.bytes);
  return sections;
}

TEST(SourceLine, UnitsThatShareALineProgramRunItOnce) {
  constexpr unsigned count = 200;
  SourceLines lines(units_of(count, true));
  for (int times = 0; times < 2; ++times)
    for (unsigned i = 0; i < count; ++i) {
      const auto found = lines.at(kText + std::uint64_t{0x100} * i + 4);
      ASSERT_TRUE(found && *found) << i;
      EXPECT_EQ((*found)->line, 7U);
    }
  EXPECT_EQ(lines.programs_run(), 1U);
}

TEST(SourceLine, ALineProgramIsNotRunAgainForEachOther) {
  constexpr unsigned count = 200;
  SourceLines lines(units_of(count, false));
  for (int times = 0; times < 2; ++times)
    for (unsigned i = 0; i < count; ++i)
      for (const unsigned unit : {0U, i}) {
        const auto found = lines.at(kText + std::uint64_t{0x100} * unit + 4);
        ASSERT_TRUE(found && *found) << unit;
      }
  EXPECT_EQ(lines.programs_run(), count);
}

}  // namespace
}  // namespace panicroom
