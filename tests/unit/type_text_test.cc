// Types and values as text. The structures are those of btf_blob.h's C source; places and holes are
// what clang's record layout (-fdump-record-layouts) gives it.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/types/declaration.h"
#include "core/types/layout.h"
#include "core/types/value_lines.h"
#include "tests/unit/btf_blob.h"
#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using namespace test;

std::shared_ptr<const TypeCatalog> clang_types() {
  auto types = read_btf(from_hex(kClangBtf), std::endian::little, "test");
  EXPECT_TRUE(types) << types.error().message();
  return types ? std::make_shared<const TypeCatalog>(*types) : nullptr;
}

std::string declared(const TypeCatalog& types, const std::string& structure,
                     const std::string& path, std::string_view name) {
  const auto member = types.member(structure, path);
  if (!member) return member.error().message();
  return declaration(member->type, name).value_or("");
}

TEST(Declaration, IsWrittenAsInC) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  EXPECT_EQ(declared(*types, "task", "flag", "flag"), "unsigned char flag");
  EXPECT_EQ(declared(*types, "task", "pid", "pid"), "pid_kind pid");
  EXPECT_EQ(declared(*types, "task", "name", "name"), "char name[16]");
  EXPECT_EQ(declared(*types, "task", "leaves", "leaves"), "struct leaf leaves[3][2]");
  EXPECT_EQ(declared(*types, "task", "pointers", "pointers"), "size_type *pointers[4]");
  EXPECT_EQ(declared(*types, "task", "state", "state"), "enum state state");
  EXPECT_EQ(declared(*types, "task", "value", ""), "union value");
  EXPECT_EQ(declared(*types, "task", "tail", "tail"), "unsigned long tail[]");
  EXPECT_EQ(declared(*types, "task", "tasks.next", "next"), "struct list *next");
  const std::string level = declared(*types, "leaf", "level", "level");
  EXPECT_TRUE(level == "const volatile int level" || level == "volatile const int level") << level;
}

TEST(Declaration, OfFunctionsPointersAndArraysNest) {
  constexpr std::uint32_t kFunction = 13;
  BtfBlob blob;
  const auto integer = blob.type(blob.name("int"), kInt, 0, 4, {0x01000020});
  const auto letter = blob.type(blob.name("char"), kInt, 0, 1, {0x02000008});
  const auto file = blob.type(blob.name("file"), kForward, 0, 0);
  const auto file_pointer = blob.type(0, kPointer, 0, file);
  const auto fixed = blob.type(0, kConst, 0, letter);
  const auto text = blob.type(0, kPointer, 0, fixed);
  const auto fixed_text = blob.type(0, kConst, 0, text);
  const auto function = blob.type(0, kFunction, 3, integer,
                                  {blob.name("file"), file_pointer, blob.name("c"), letter, 0, 0});
  const auto callback = blob.type(0, kPointer, 0, function);
  const auto nothing = blob.type(0, kFunction, 0, 0);
  const auto plain_callback = blob.type(0, kPointer, 0, nothing);
  const auto table = blob.type(0, kArray, 0, 0, {callback, integer, 3});
  const auto ten = blob.type(0, kArray, 0, 0, {integer, integer, 10});
  const auto to_array = blob.type(0, kPointer, 0, ten);
  const auto returns = blob.type(0, kFunction, 1, callback, {0, plain_callback});
  const auto nested = blob.type(0, kPointer, 0, returns);
  blob.type(blob.name("s"), kStruct, 6, 96,
            {blob.name("a"), callback, 0, blob.name("b"), plain_callback, 64, blob.name("c"), table,
             128, blob.name("d"), fixed_text, 320, blob.name("e"), to_array, 384, blob.name("f"),
             nested, 448});
  const auto types = blob.read();
  EXPECT_EQ(declared(*types, "s", "a", "a"), "int (*a)(struct file *file, char c, ...)");
  EXPECT_EQ(declared(*types, "s", "b", "b"), "void (*b)(void)");
  EXPECT_EQ(declared(*types, "s", "c", "c"), "int (*c[3])(struct file *file, char c, ...)");
  EXPECT_EQ(declared(*types, "s", "d", "d"), "const char *const d");
  EXPECT_EQ(declared(*types, "s", "e", "e"), "int (*e)[10]");
  EXPECT_EQ(declared(*types, "s", "f", "f"),
            "int (*(*f)(void (*)(void)))(struct file *file, char c, ...)");
}

TEST(Declaration, OfAnEndlessTypeIsRefused) {
  constexpr std::uint32_t kFunction = 13;
  BtfBlob blob;
  blob.type(0, kPointer, 0, 1);  // a pointer to itself
  blob.type(0, kFunction, 2, 2, {0, 2, 0, 2});
  blob.type(blob.name("s"), kStruct, 2, 16, {blob.name("p"), 1, 0, blob.name("f"), 2, 64});
  const auto types = blob.read();
  const auto found = types->find("struct s");
  ASSERT_TRUE(found);
  for (const TypeId id : {TypeId{1}, TypeId{2}}) {
    const auto text = declaration({found->graph, id}, "x");
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::corrupt);
  }
}

std::vector<std::string> layout_of(TypeRef structure, LayoutSum& sum) {
  using What = LayoutLine::What;
  std::vector<std::string> lines;
  const auto done = lay_out(structure, [&](const LayoutLine& line) {
    static const std::map<What, std::string> words = {{What::member, "member"},
                                                      {What::opening, "open"},
                                                      {What::closing, "close"},
                                                      {What::hole, "hole"},
                                                      {What::bit_hole, "bits"}};
    lines.push_back(std::to_string(line.depth) + " " + words.at(line.what) + " " +
                    (line.name.empty() ? "-" : line.name) + " " + std::to_string(line.offset) +
                    (line.bit_size != 0 ? ":" + std::to_string(line.bit_offset) + "+" +
                                              std::to_string(line.bit_size)
                                        : "") +
                    " " + std::to_string(line.size));
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  if (done) sum = *done;
  return lines;
}

TEST(Layout, HasMembersHolesAndBits) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  LayoutSum sum;
  EXPECT_EQ(layout_of(types->find("struct task").value(), sum),
            (std::vector<std::string>{"0 member flag 0 1",
                                      "0 hole - 1 7",
                                      "0 open - 8 16",
                                      "1 member hidden 8 4",
                                      "1 hole - 12 4",
                                      "1 open - 16 8",
                                      "2 member either 16 8",
                                      "2 member or_else 16 2",
                                      "1 close - 16 8",
                                      "0 close - 8 16",
                                      "0 member tasks 24 16",
                                      "0 member pid 40 4",
                                      "0 member name 44 16",
                                      "0 member leaves 60 48",
                                      "0 member low 108:0+3 4",
                                      "0 member high 108:3+7 4",
                                      "0 member negative 108:10+5 4",
                                      "0 bits - 109:7+17 0",
                                      "0 member pointers 112 32",
                                      "0 member state 144 4",
                                      "0 hole - 148 4",
                                      "0 member value 152 16",
                                      "0 member delta 168 1",
                                      "0 hole - 169 7",
                                      "0 member tail 176 0"}));
  EXPECT_EQ(sum.size, 176U);
  EXPECT_EQ(sum.members, 14U);
  EXPECT_EQ(sum.holes, 3U);
  EXPECT_EQ(sum.hole_bytes, 18U);
  EXPECT_EQ(sum.bit_holes, 1U);
  EXPECT_EQ(sum.hole_bits, 17U);
  EXPECT_EQ(sum.padding, 0U);
}

TEST(Layout, SaysWhatPadsTheEnd) {
  BtfBlob blob;
  const auto word = blob.type(blob.name("long"), kInt, 0, 8, {64});
  const auto byte = blob.type(blob.name("char"), kInt, 0, 1, {8});
  blob.type(blob.name("s"), kStruct, 2, 16, {blob.name("a"), word, 0, blob.name("b"), byte, 64});
  const auto types = blob.read();
  LayoutSum sum;
  layout_of(types->find("struct s").value(), sum);
  EXPECT_EQ(sum.padding, 7U);
  EXPECT_EQ(sum.holes, 0U);
}

TEST(Layout, OfWhatHoldsItselfOrHasNoMembersIsRefused) {
  BtfBlob blob;
  const auto word = blob.type(blob.name("long"), kInt, 0, 8, {64});
  blob.type(0, kStruct, 1, 8, {0, 2, 0});  // without a name, and its own member
  blob.type(blob.name("s"), kStruct, 1, 8, {0, 2, 0});
  const auto types = blob.read();
  const auto found = types->find("struct s");
  ASSERT_TRUE(found);
  const auto visit = [](const LayoutLine&) { return true; };
  EXPECT_EQ(lay_out(*found, visit).error().code, ErrorCode::corrupt);
  EXPECT_EQ(lay_out({found->graph, word}, visit).error().code, ErrorCode::no_type);
}

/// Every structure has 40 members of the next: 40^8 lines.
TEST(Layout, EndsWhateverItsMembersMultiplyTo) {
  BtfBlob blob;
  auto inner = blob.type(blob.name("char"), kInt, 0, 1, {8});
  std::uint32_t size = 1;
  for (int level = 0; level < 5; ++level) {
    std::vector<std::uint32_t> members;
    for (std::uint32_t i = 0; i < 40; ++i) {
      members.push_back(0);
      members.push_back(inner);
      members.push_back(i * size * 8);
    }
    size *= 40;
    inner = blob.type(level == 4 ? blob.name("s") : 0, kStruct, 40, size, members);
  }
  const auto types = blob.read();
  std::uint64_t lines = 0;
  const auto done = lay_out(types->find("struct s").value(), [&](const LayoutLine&) {
    ++lines;
    return true;
  });
  EXPECT_FALSE(done);
  EXPECT_LT(lines, 300000U);
}

class Values : public testing::Test {
 protected:
  static constexpr std::uint64_t kTask = KernelMemory::kBase + 0x2000;

  Values() {
    memory->put_integer<std::uint8_t>(kTask + 0, 7);
    memory->put_integer<std::int32_t>(kTask + 8, -3);
    memory->put_integer<std::int64_t>(kTask + 16, 0x10005);
    memory->put_integer<std::uint64_t>(kTask + 24, kTask + 24);
    memory->put_integer<std::uint64_t>(kTask + 32, 0);
    memory->put_integer<std::int32_t>(kTask + 40, 4711);
    memory->put(kTask + 44, std::as_bytes(std::span<const char>("a\"b\0c", 5)));
    for (unsigned i = 0; i < 6; ++i) {
      memory->put_integer<std::uint16_t>(kTask + 60 + 8 * i, static_cast<std::uint16_t>(i));
      memory->put_integer<std::int32_t>(kTask + 64 + 8 * i, -static_cast<int>(i));
    }
    // low 5, high 100, negative -2
    memory->put_integer<std::uint16_t>(kTask + 108, 5U | 100U << 3 | 30U << 10);
    memory->put_integer<std::uint64_t>(kTask + 112, 0xffffffff81000010);
    memory->put_integer<std::int32_t>(kTask + 144, 4);
    memory->put_integer<std::uint8_t>(kTask + 152, 1);
    memory->put_integer<std::int8_t>(kTask + 168, -1);
  }
  std::map<std::string, std::string> values(const std::string& type, std::uint64_t address,
                                            ValueLimits limits = {}) {
    std::map<std::string, std::string> found;
    const auto done = value_lines(*space, {}, {types->find(type).value(), address, 0, 0, 0}, limits,
                                  [&](const ValueLine& line) {
                                    if (line.what == ValueLine::What::missing)
                                      found[line.path] = "missing: " + line.text;
                                    else if (!line.text.empty())
                                      found[line.path] = line.text;
                                    return true;
                                  });
    EXPECT_TRUE(done) << done.error().message();
    return found;
  }

  std::shared_ptr<KernelMemory> memory = std::make_shared<KernelMemory>();
  std::unique_ptr<AddressSpace> space = address_space(memory);
  std::shared_ptr<const TypeCatalog> types = clang_types();
};

TEST_F(Values, AreWrittenByTheirTypes) {
  auto found = values("struct task", kTask);
  EXPECT_EQ(found["flag"], "7");
  EXPECT_EQ(found["hidden"], "-3");
  EXPECT_EQ(found["either"], "65541");
  EXPECT_EQ(found["or_else"], "5");
  EXPECT_EQ(found["tasks.next"], "0xffffffff81002018");
  EXPECT_EQ(found["tasks.prev"], "0x0");
  EXPECT_EQ(found["pid"], "4711");
  EXPECT_EQ(found["name"], R"("a\"b\000c")");
  EXPECT_EQ(found["leaves[2][1].id"], "5");
  EXPECT_EQ(found["leaves[2][1].level"], "-5");
  EXPECT_EQ(found["low"], "5");
  EXPECT_EQ(found["high"], "100");
  EXPECT_EQ(found["negative"], "-2");
  EXPECT_EQ(found["pointers"], "{0xffffffff81000010, 0x0, 0x0, 0x0}");
  EXPECT_EQ(found["state"], "STOPPED");
  EXPECT_EQ(found["value.bytes"], "{1, 0 <repeats 15 times>}");
  EXPECT_EQ(found["value.words"], "{1, 0}");
  EXPECT_EQ(found["delta"], "-1");
}

TEST_F(Values, ThatCannotBeReadSayWhyAndTheRestIsShown) {
  constexpr std::uint64_t at = KernelMemory::kBase + 0x5000 - 64;  // the second page is absent
  memory->put_integer<std::uint8_t>(at, 9);
  auto found = values("struct task", at);
  EXPECT_EQ(found["flag"], "9");
  EXPECT_EQ(found["low"].find("missing: "), 0U) << found["low"];
  EXPECT_NE(found["low"].find("0xffffffff8100502c"), std::string::npos) << found["low"];
}

TEST_F(Values, AreLeftOutBelowTheDepthAskedFor) {
  auto found = values("struct task", kTask, {.depth = 1});
  EXPECT_EQ(found["pid"], "4711");
  EXPECT_EQ(found["tasks"], "...");
  EXPECT_FALSE(found.contains("tasks.next"));
}

TEST_F(Values, OfLongArraysAreCounted) {
  auto found = values("struct task", kTask, {.elements = 2});
  EXPECT_EQ(found["pointers"], "{0xffffffff81000010, 0x0, ... 2 more}");
  EXPECT_EQ(found["leaves"], "... 1 more");
}

}  // namespace
}  // namespace panicroom
