// DWARF as gcc 12 (versions 4 and 5) and clang 19 (version 5) write it, against the layout that
// clang gives the same C (-fdump-record-layouts); and the same broken.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/types/declaration.h"
#include "core/types/dwarf_graph.h"
#include "core/types/layout.h"
#include "core/types/type_catalog.h"
#include "tests/unit/btf_blob.h"
#include "tests/unit/compiled_task.h"
#include "tests/unit/dwarf_blob.h"

namespace panicroom {
namespace {

using namespace test;

struct Blobs {
  std::vector<std::byte> info, abbreviations, strings, line_strings, string_offsets;
  explicit Blobs(const DwarfBlob& blob)
      : info(from_hex(blob.info)),
        abbreviations(from_hex(blob.abbreviations)),
        strings(from_hex(blob.strings)),
        line_strings(from_hex(blob.line_strings)),
        string_offsets(from_hex(blob.string_offsets)) {}
  Result<std::shared_ptr<DwarfGraph>> open() const {
    return DwarfGraph::open(
        {LazyBytes(info), LazyBytes(abbreviations), LazyBytes(strings), LazyBytes(line_strings),
         LazyBytes(string_offsets), std::endian::little},
        8, "DWARF of test");
  }
};

class Dwarf : public testing::TestWithParam<DwarfBlob> {
 protected:
  Dwarf() : types(Blobs(GetParam()).open().value()) {}
  TypeCatalog types;
};

INSTANTIATE_TEST_SUITE_P(Compilers, Dwarf, testing::ValuesIn(kDwarfBlobs),
                         [](const auto& blob) { return std::string(blob.param.compiler); });

TEST_P(Dwarf, PlacesMembersAsTheCompilerDoes) {
  expect_members_of_task(types);
  expect_bit_fields_of_task(types);
}

TEST_P(Dwarf, KnowsSizesEnumeratorsAndVariables) {
  EXPECT_EQ(types.size_of("struct task"), 176U);
  EXPECT_EQ(types.size_of("packed"), 11U);
  EXPECT_EQ(types.size_of("union value"), 16U);
  EXPECT_EQ(types.size_of("size_type"), 8U);
  EXPECT_EQ(types.size_of("int"), 4U);
  EXPECT_EQ(types.enumerator("STOPPED"), 4);
  EXPECT_EQ(types.enumerator("BROKEN"), -1);
  EXPECT_EQ(types.enumerator("WIDE_ONE"), 1);
  EXPECT_EQ(declaration(types.variable("t").value(), "t"), "struct task *t");
  EXPECT_EQ(declaration(types.variable("callback").value(), "callback"),
            "int (*callback)(struct list *, char, ...)");
  EXPECT_EQ(size_of(types.variable("later").value()), 10U);
  EXPECT_EQ(size_of(types.variable("hidden_variable").value()), 8U);
  EXPECT_EQ(types.variable("nothing").error().code, ErrorCode::no_type);
  EXPECT_EQ(types.enumerator("NOTHING").error().code, ErrorCode::no_type);
  EXPECT_EQ(types.size_of("struct nothing").error().text, "DWARF of test knows no type nothing");
  EXPECT_EQ(declaration(types.member("task", "leaves")->type, "leaves"),
            "struct leaf leaves[3][2]");
  EXPECT_EQ(declaration(types.member("task", "pointers")->type, "p"), "size_type *p[4]");
}

void ask_everything(const std::shared_ptr<DwarfGraph>& graph) {
  const TypeCatalog catalog(graph);
  for (const char* path : {"flag", "tasks.prev", "leaves[2][1].level", "high", "state", "tail[5]"})
    static_cast<void>(catalog.member("task", path));
  static_cast<void>(catalog.enumerator("BROKEN"));
  static_cast<void>(catalog.variable("nothing"));
  if (const auto callback = catalog.variable("callback"))
    static_cast<void>(declaration(*callback, "callback"));
  if (const auto task = catalog.find("struct task"))
    static_cast<void>(lay_out(*task, [](const LayoutLine&) { return true; }));
}

TEST_P(Dwarf, CutAnywhereItIsRefusedOrPartial) {
  const Blobs whole(GetParam());
  for (const auto section : {&Blobs::info, &Blobs::abbreviations, &Blobs::strings})
    for (std::size_t length = 0; length < (whole.*section).size(); ++length) {
      Blobs cut = whole;
      (cut.*section).resize(length);
      if (const auto graph = cut.open()) ask_everything(*graph);
    }
}

TEST_P(Dwarf, WithAnyByteBrokenItAnswersOrSaysWhy) {
  const Blobs whole(GetParam());
  for (const auto section : {&Blobs::info, &Blobs::abbreviations})
    for (std::size_t at = 0; at < (whole.*section).size(); ++at)
      for (const unsigned value : {0x00U, 0x01U, 0x7fU, 0x80U, 0xffU}) {
        Blobs broken = whole;
        (broken.*section)[at] = static_cast<std::byte>(value);
        if (const auto graph = broken.open()) ask_everything(*graph);
      }
}

TEST_P(Dwarf, AUnitThatCannotBeReadCostsItselfAlone) {
  Blobs blobs(GetParam());
  std::vector<std::byte> twice = blobs.info;
  twice[4] = std::byte{77};  // the version
  const std::size_t length = blobs.info.size();
  twice.insert(twice.end(), blobs.info.begin(), blobs.info.end());
  blobs.info = twice;
  const TypeCatalog catalog(blobs.open().value());
  EXPECT_EQ(catalog.size_of("struct task"), 176U) << length;
  // What was not found may be in the unit that could not be read.
  EXPECT_EQ(catalog.size_of("struct nothing").error().code, ErrorCode::unsupported);
}

}  // namespace
}  // namespace panicroom
