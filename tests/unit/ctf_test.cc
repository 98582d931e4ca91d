// CTF from the foundry's writer. The structures are those of btf_blob.h's C source; places and
// values are what clang's record layout (-fdump-record-layouts) gives it.
#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <vector>

#include "core/types/ctf_graph.h"
#include "core/types/declaration.h"
#include "core/types/layout.h"
#include "core/types/type_catalog.h"
#include "tests/foundry/ctf_writer.h"
#include "tests/unit/compiled_task.h"

namespace panicroom {
namespace {

using foundry::CtfStyle;
using foundry::CtfWriter;

std::vector<std::byte> bytes_of(const foundry::Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  return {bytes, bytes + blob.size()};
}

std::endian order_of(const CtfStyle& style) {
  return style.big ? std::endian::big : std::endian::little;
}

Result<std::shared_ptr<CtfGraph>> open(const foundry::Blob& blob, const CtfStyle& style = {},
                                       std::shared_ptr<CtfGraph> parent = nullptr,
                                       CtfInput::Objects objects = {}) {
  return CtfGraph::open({LazyBytes(bytes_of(blob)), order_of(style), 8, "CTF of test", nullptr,
                         std::move(objects), std::move(parent)});
}

struct Base {
  unsigned letter, byte, small_byte, half, whole, unsigned_whole, word, unsigned_word;
};

Base base_types(CtfWriter& ctf) {
  return {ctf.integer("char", 1, CtfWriter::is_signed | CtfWriter::is_char, 8),
          ctf.integer("unsigned char", 1, CtfWriter::is_char, 8),
          ctf.integer("signed char", 1, CtfWriter::is_signed | CtfWriter::is_char, 8),
          ctf.integer("unsigned short", 2, 0, 16),
          ctf.integer("int", 4, CtfWriter::is_signed, 32),
          ctf.integer("unsigned int", 4, 0, 32),
          ctf.integer("long", 8, CtfWriter::is_signed, 64),
          ctf.integer("unsigned long", 8, 0, 64)};
}

/// btf_blob.h's C source; bit-fields are where a little-endian machine has them, or where one that
/// counts from the other end has.
foundry::Blob example(const CtfStyle& style) {
  CtfWriter ctf(style);
  const Base base = base_types(ctf);
  const unsigned size_type = ctf.reference(10, "size_type", base.unsigned_word);
  const unsigned pid_kind = ctf.reference(10, "pid_kind", base.whole);
  // A list refers to itself: its number is known before it is written.
  const unsigned list_pointer = ctf.reference(3, "", size_type + 3);
  EXPECT_EQ(ctf.structure("list", 16, {{"next", list_pointer, 0}, {"prev", list_pointer, 64}}),
            size_type + 3);
  const unsigned value =
      ctf.structure("value", 16,
                    {{"bytes", ctf.array(base.byte, base.unsigned_word, 16), 0},
                     {"words", ctf.array(base.unsigned_word, base.unsigned_word, 2), 0}},
                    true);
  const unsigned state =
      ctf.enumeration("state", 4, {{"RUNNING", 0}, {"STOPPED", 4}, {"BROKEN", -1}});
  const unsigned constant = ctf.reference(12, "", base.whole);
  const unsigned fixed = ctf.reference(11, "", constant);
  const unsigned leaf = ctf.structure("leaf", 8, {{"id", base.half, 0}, {"level", fixed, 32}});
  const unsigned either =
      ctf.structure("", 8, {{"either", base.word, 0}, {"or_else", base.half, 0}}, true, false);
  const unsigned hidden =
      ctf.structure("", 16, {{"hidden", base.whole, 0}, {"", either, 64}}, false, false);
  const unsigned three = ctf.integer("unsigned int", 4, 0, 3, false);
  const unsigned seven = ctf.integer("unsigned int", 4, 0, 7, false);
  const unsigned five = ctf.integer("int", 4, CtfWriter::is_signed, 5, false);
  const unsigned twelve = ctf.integer("unsigned int", 4, 0, 12, false);
  const unsigned pairs = ctf.array(leaf, base.unsigned_word, 2);
  const unsigned task = ctf.structure(
      "task", 176,
      {{"flag", base.byte, 0},
       {"", hidden, 64},
       {"tasks", list_pointer + 1, 192},
       {"pid", pid_kind, 320},
       {"name", ctf.array(base.letter, base.unsigned_word, 16), 352},
       {"leaves", ctf.array(pairs, base.unsigned_word, 3), 480},
       {"low", three, 864},
       {"high", seven, 867},
       {"negative", five, 874},
       {"pointers", ctf.array(ctf.reference(3, "", size_type), base.unsigned_word, 4), 896},
       {"state", state, 1152},
       {"value", value, 1216},
       {"delta", base.small_byte, 1344},
       {"tail", ctf.array(base.unsigned_word, base.unsigned_word, 0), 1408}});
  EXPECT_NE(task, 0U);
  ctf.structure("packed", 11,
                {{"a", base.byte, 0}, {"b", twelve, 8}, {"c", base.unsigned_word, 24}});
  return ctf.finish();
}

class Ctf : public testing::TestWithParam<CtfStyle> {
 protected:
  std::shared_ptr<const TypeCatalog> types() const {
    auto graph = open(example(GetParam()), GetParam());
    EXPECT_TRUE(graph) << graph.error().message();
    return graph ? std::make_shared<const TypeCatalog>(*graph) : nullptr;
  }
};

INSTANTIATE_TEST_SUITE_P(Styles, Ctf,
                         testing::Values(CtfStyle{2, false, false, ""},
                                         CtfStyle{2, false, true, ""}, CtfStyle{2, true, true, ""},
                                         CtfStyle{3, false, false, ""},
                                         CtfStyle{3, false, true, ""},
                                         CtfStyle{3, true, false, ""}),
                         [](const auto& style) {
                           return std::string("v") + std::to_string(style.param.version) +
                                  (style.param.big ? "big" : "little") +
                                  (style.param.compressed ? "compressed" : "");
                         });

TEST_P(Ctf, PlacesMembersAsTheCompilerDoes) {
  const auto catalog = types();
  ASSERT_TRUE(catalog);
  test::expect_members_of_task(*catalog);
  test::expect_bit_fields_of_task(*catalog, GetParam().big);
}

TEST_P(Ctf, KnowsSizesAndEnumerators) {
  const auto catalog = types();
  ASSERT_TRUE(catalog);
  EXPECT_EQ(catalog->size_of("struct task"), 176U);
  EXPECT_EQ(catalog->size_of("packed"), 11U);
  EXPECT_EQ(catalog->size_of("union value"), 16U);
  EXPECT_EQ(catalog->size_of("size_type"), 8U);
  EXPECT_EQ(catalog->size_of("unsigned int"), 4U);
  EXPECT_EQ(catalog->enumerator("STOPPED"), 4);
  EXPECT_EQ(catalog->enumerator("BROKEN"), -1);
  EXPECT_EQ(catalog->origin(), "CTF of test");
  const auto none = catalog->size_of("struct nothing");
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::no_type);
  EXPECT_EQ(none.error().text, "CTF of test knows no type nothing");
  EXPECT_EQ(catalog->enumerator("NOTHING").error().code, ErrorCode::no_type);
}

TEST_P(Ctf, DeclaresFunctionsForwardsAndQualifiers) {
  CtfWriter ctf(GetParam());
  const Base base = base_types(ctf);
  const unsigned nothing = ctf.integer("void", 0, CtfWriter::is_signed, 0);
  const unsigned file = ctf.reference(9, "file", 6);
  const unsigned lock = ctf.reference(9, "lock", 7);
  const unsigned file_pointer = ctf.reference(3, "", file);
  const unsigned text = ctf.reference(3, "", ctf.reference(12, "", base.letter));
  const unsigned callback =
      ctf.reference(3, "", ctf.function(base.whole, {file_pointer, base.letter}, true));
  const unsigned plain = ctf.reference(3, "", ctf.function(nothing, {}));
  const unsigned three = ctf.reference(3, "", ctf.function(0, {base.whole, text, plain}));
  ctf.structure("s", 64,
                {{"a", callback, 0},
                 {"b", plain, 64},
                 {"c", three, 128},
                 {"d", ctf.reference(13, "", text), 192},
                 {"e", ctf.reference(3, "", 0), 256},
                 {"f", ctf.reference(3, "", lock), 320},
                 {"g", ctf.floating("double", 8), 384},
                 {"h", ctf.reference(3, "", nothing), 448}});
  auto graph = open(ctf.finish(), GetParam());
  ASSERT_TRUE(graph) << graph.error().message();
  const TypeCatalog catalog(*graph);
  const auto declared = [&](const std::string& name) {
    const auto member = catalog.member("s", name);
    return member ? declaration(member->type, name).value_or("") : member.error().message();
  };
  EXPECT_EQ(declared("a"), "int (*a)(struct file *, char, ...)");
  EXPECT_EQ(declared("b"), "void (*b)(void)");
  EXPECT_EQ(declared("c"), "void (*c)(int, const char *, void (*)(void))");
  EXPECT_EQ(declared("d"), "const char *restrict d");
  EXPECT_EQ(declared("e"), "void *e");
  EXPECT_EQ(declared("f"), "union lock *f");
  EXPECT_EQ(declared("g"), "double g");
  EXPECT_EQ(declared("h"), "void *h");
}

/// Version 2 widens members' offsets at 8 KiB and sizes at 65535, version 3 at 512 MiB and 4 GiB.
TEST_P(Ctf, ReadsStructuresOfEverySize) {
  for (const std::uint64_t size :
       {std::uint64_t{8191}, std::uint64_t{8192}, std::uint64_t{65534}, std::uint64_t{65535},
        std::uint64_t{70000}, std::uint64_t{536870911}, std::uint64_t{536870912},
        std::uint64_t{0x123456789}}) {
    CtfWriter ctf(GetParam());
    const Base base = base_types(ctf);
    // Bits of an offset end at 65535 in version 2 while the structure is smaller than 8 KiB.
    ctf.structure("big", size, {{"first", base.whole, 0}, {"last", base.byte, (size - 1) * 8}});
    ctf.structure("after", 4, {{"only", base.whole, 0}});
    auto graph = open(ctf.finish(), GetParam());
    ASSERT_TRUE(graph) << graph.error().message();
    const TypeCatalog catalog(*graph);
    EXPECT_EQ(catalog.size_of("big"), size);
    EXPECT_EQ(catalog.size_of("after"), 4U);
    const auto last = catalog.member("big", "last");
    ASSERT_TRUE(last) << last.error().message();
    EXPECT_EQ(last->offset, size - 1);
  }
}

TEST_P(Ctf, AModulesTypesGoOnFromTheKernels) {
  CtfWriter kernel_ctf(GetParam());
  const Base base = base_types(kernel_ctf);
  const unsigned list = kernel_ctf.structure("list", 16, {{"size", base.whole, 0}});
  const foundry::Blob kernel_blob = kernel_ctf.finish();
  auto kernel = open(kernel_blob, GetParam());
  ASSERT_TRUE(kernel);
  CtfStyle style = GetParam();
  style.parent = "kernel";
  CtfWriter module_ctf(style);
  const unsigned pointer = module_ctf.reference(3, "", list);
  module_ctf.structure("device", 32,
                       {{"list", list, 0}, {"pointer", pointer, 128}, {"id", base.half, 192}});
  const foundry::Blob module_blob = module_ctf.finish();
  auto module = open(module_blob, style, *kernel);
  ASSERT_TRUE(module) << module.error().message();
  EXPECT_EQ((*module)->parent_name(), "kernel");
  const TypeCatalog catalog(*kernel, [&] { return TypeCatalog::Graphs{*module}; });
  EXPECT_EQ(catalog.member("device", "list.size")->offset, 0U);
  EXPECT_EQ(catalog.member("device", "id")->offset, 24U);
  EXPECT_EQ(catalog.member("device", "id")->size, 2U);
  EXPECT_EQ(declaration(catalog.member("device", "pointer")->type, "p"), "struct list *p");
  EXPECT_EQ(catalog.size_of("list"), 16U);

  // Without its parent only what is its own is known, and it is said what is missing.
  const TypeCatalog alone(open(module_blob, style).value());
  EXPECT_EQ(alone.size_of("device"), 32U);
  const auto unknown = alone.member("device", "list.size");
  ASSERT_FALSE(unknown);
  EXPECT_EQ(unknown.error().code, ErrorCode::no_type);
  EXPECT_NE(unknown.error().text.find("give that file too"), std::string::npos);
}

TEST_P(Ctf, VariablesAreInTheOrderOfTheSymbols) {
  CtfWriter ctf(GetParam());
  const Base base = base_types(ctf);
  auto graph = open(ctf.finish({base.whole, 0, base.word, base.letter}), GetParam(), nullptr,
                    [](const std::function<bool(std::string_view, bool)>& visit) -> Result<void> {
                      for (const auto& [name, global] :
                           std::initializer_list<std::pair<const char*, bool>>{{"ticks", false},
                                                                               {"label", true},
                                                                               {"ticks", true},
                                                                               {"c", false},
                                                                               {"beyond", true}})
                        if (!visit(name, global)) break;
                      return {};
                    });
  ASSERT_TRUE(graph) << graph.error().message();
  const TypeCatalog catalog(*graph);
  // Of two variables of one name it is the one that others can call.
  EXPECT_EQ(size_of(catalog.variable("ticks").value()), 8U);
  EXPECT_EQ(size_of(catalog.variable("c").value()), 1U);
  EXPECT_EQ(catalog.variable("label").error().code, ErrorCode::no_type);
  EXPECT_EQ(catalog.variable("nothing").error().code, ErrorCode::no_type);
  // Padding between the sections may look like one more.
  const auto beyond = catalog.variable("beyond");
  EXPECT_FALSE(beyond);
}

TEST_P(Ctf, IntegersOfBitFieldsHideNoOthers) {
  CtfWriter ctf(GetParam());
  ctf.integer("unsigned int", 4, 0, 3, false);
  const unsigned whole = ctf.integer("unsigned int", 4, 0, 32);
  const unsigned second = ctf.structure("s", 8, {{"a", whole, 0}}, false, false);
  EXPECT_NE(second, 0U);
  auto graph = open(ctf.finish(), GetParam());
  ASSERT_TRUE(graph);
  EXPECT_EQ((*graph)->find("unsigned int", std::nullopt), TypeId{whole});
  // What nothing stands before is found all the same.
  EXPECT_EQ((*graph)->find("s", TypeName::structure), TypeId{second});
}

/// illumos gives a bit-field's integer no more bytes than its bits need.
TEST(CtfBits, AFieldOfWholeBytesMayBeginAnywhere) {
  CtfWriter ctf;
  const unsigned eight = ctf.integer("unsigned int", 1, 0, 8, false);
  const unsigned three = ctf.integer("unsigned int", 1, 0, 3, false);
  ctf.structure("s", 4, {{"a", three, 0}, {"b", eight, 3}, {"c", eight, 16}});
  const TypeCatalog catalog(open(ctf.finish()).value());
  const auto field = catalog.member("s", "b");
  ASSERT_TRUE(field) << field.error().message();
  EXPECT_EQ(field->offset * 8 + field->bit_offset, 3U);
  EXPECT_EQ(field->bit_size, 8U);
  EXPECT_EQ(catalog.member("s", "c")->bit_size, 0U);
}

TEST(CtfBits, BigEndianFieldsAreCountedFromTheHighestBit) {
  CtfStyle style;
  style.big = true;
  CtfWriter ctf(style);
  const unsigned three = ctf.integer("unsigned int", 4, 0, 3, false);
  ctf.structure("s", 4, {{"a", three, 0}, {"b", three, 3}});
  const TypeCatalog catalog(open(ctf.finish(), style).value());
  const auto field = catalog.member("s", "b");
  ASSERT_TRUE(field) << field.error().message();
  EXPECT_EQ(field->offset, 0U);
  EXPECT_EQ(field->size, 4U);
  EXPECT_EQ(field->bit_offset, 26U);
}

TEST(CtfBits, PointersAreAsWideAsTheFileSays) {
  CtfWriter ctf;
  ctf.structure("s", 8, {{"p", ctf.reference(3, "", 0), 0}});
  auto graph = CtfGraph::open(
      {LazyBytes(bytes_of(ctf.finish())), std::endian::little, 4, "32", nullptr, {}, nullptr});
  ASSERT_TRUE(graph);
  EXPECT_EQ(TypeCatalog(*graph).member("s", "p")->size, 4U);
}

void ask_everything(const std::shared_ptr<CtfGraph>& graph) {
  const TypeCatalog catalog(graph);
  for (const char* path : {"flag", "tasks.prev", "leaves[2][1].level", "high", "state", "tail[5]"})
    static_cast<void>(catalog.member("task", path));
  static_cast<void>(catalog.enumerator("BROKEN"));
  static_cast<void>(catalog.enumerator("NOTHING"));
  static_cast<void>(catalog.variable("ticks"));
  if (const auto task = catalog.find("struct task"))
    static_cast<void>(lay_out(*task, [](const LayoutLine&) { return true; }));
}

TEST_P(Ctf, CutAnywhereItIsRefusedOrPartial) {
  const foundry::Blob whole = example(GetParam());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    const auto graph =
        open(foundry::Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)),
             GetParam());
    ASSERT_FALSE(graph) << length;
    EXPECT_EQ(graph.error().code, ErrorCode::corrupt) << length;
  }
}

TEST_P(Ctf, WithAnyByteBrokenItAnswersOrSaysWhy) {
  const foundry::Blob whole = example(GetParam());
  for (std::size_t at = 0; at < whole.size(); ++at)
    for (const std::uint8_t value : std::initializer_list<std::uint8_t>{0x00, 0x7f, 0x80, 0xff}) {
      foundry::Blob broken = whole;
      broken[at] = value;
      if (const auto graph = open(broken, GetParam())) ask_everything(*graph);
    }
}

TEST(CtfBroken, OtherFormatsAreNamed) {
  foundry::Blob blob = CtfWriter().finish();
  foundry::put(blob, 0, 0xdff2, 2);
  EXPECT_EQ(open(blob).error().code, ErrorCode::unsupported);
  EXPECT_NE(open(blob).error().text.find("GNU"), std::string::npos);
  blob = CtfWriter().finish();
  blob[2] = 1;
  EXPECT_EQ(open(blob).error().code, ErrorCode::unsupported);
  blob[0] = 0;
  EXPECT_EQ(open(blob).error().code, ErrorCode::corrupt);
}

TEST(CtfBroken, ClaimsOfASizeAreNotBelieved) {
  CtfStyle style;
  style.compressed = true;
  foundry::Blob blob = example(style);
  foundry::put(blob, 32, 0xffffffff, 4);  // the strings' length
  EXPECT_EQ(open(blob).error().code, ErrorCode::corrupt);
  foundry::put(blob, 32, 32U << 20U, 4);
  const auto bomb = open(blob);
  EXPECT_EQ(bomb.error().code, ErrorCode::corrupt);
  EXPECT_NE(bomb.error().text.find("believed"), std::string::npos) << bomb.error().text;
}

TEST(CtfBroken, TypesWithoutEndAreRefused) {
  CtfWriter ctf;
  ctf.reference(10, "loop", 1);
  ctf.structure("self", 8, {{"", 2, 0}});
  ctf.reference(10, "far", 77);
  const TypeCatalog catalog(open(ctf.finish()).value());
  EXPECT_EQ(catalog.size_of("loop").error().code, ErrorCode::corrupt);
  EXPECT_EQ(catalog.member("self", "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(catalog.size_of("far").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
