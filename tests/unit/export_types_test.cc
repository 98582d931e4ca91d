// Types as BTF, read back by the reader that other tests check against compilers and pahole.
#include "core/types/export_types.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/types/btf.h"
#include "core/types/declaration.h"
#include "core/types/dwarf_graph.h"
#include "tests/unit/btf_blob.h"
#include "tests/unit/dwarf_units_blob.h"
#include "tests/unit/stated_types.h"

namespace panicroom {
namespace {

using test::of;
using test::StatedTypes;

Result<TypeCatalog> exported(const std::shared_ptr<StatedTypes>& types,
                             const std::vector<std::string>& names, const Machine& machine = {}) {
  PANICROOM_TRY(written, export_types(TypeCatalog(types), names, machine, "00ff7a"));
  PANICROOM_TRY(read, read_btf(memory_source("exported", std::move(written.file))));
  return TypeCatalog(std::move(read));
}

TEST(ExportTypes, KeepsEveryKindOfType) {
  const auto types = std::make_shared<StatedTypes>();
  Type number = of(TypeKind::integer, "int", 4);
  number.is_signed = true;
  const TypeId integer = types->add({number, {}, {}});
  Type few = number;  // as CTF writes a bit-field
  few.bits = 3;
  few.bit_offset = 1;
  const TypeId bits = types->add({few, {}, {}});
  Type values = of(TypeKind::enumeration, "wide", 8);
  values.name_space = TypeName::enumeration;
  const TypeId wide = types->add({values, {}, {{"LOW", 1}, {"HIGH", std::int64_t{1} << 40}}});
  Type call = of(TypeKind::function, "", 0, integer);
  call.is_variadic = true;
  const TypeId function = types->add({call, {{"first", integer, 0, 0}}, {}});
  const TypeId pointer = types->add({of(TypeKind::pointer, "", 8, function), {}, {}});
  Type list = of(TypeKind::array, "", 0, integer);
  list.count = 5;
  const TypeId array = types->add({list, {}, {}});
  const TypeId constant = types->add({of(TypeKind::const_, "", 0, array), {}, {}});
  const TypeId named = types->add({of(TypeKind::typedef_, "name_t", 0, constant), {}, {}});
  const TypeId declared = types->add({of(TypeKind::forward, "later", 0), {}, {}});
  const TypeId to_later = types->add({of(TypeKind::pointer, "", 8, declared), {}, {}});
  types->add({of(TypeKind::structure, "all", 64),
              {{"bits", bits, 0, 0},
               {"call", pointer, 64, 0},
               {"names", named, 128, 0},
               {"wide", wide, 320, 0},
               {"later", to_later, 384, 0},
               {"five", integer, 453, 5}},
              {}});
  types->add({of(TypeKind::structure, "later", 16), {{"end", integer, 96, 0}}, {}});
  for (const Machine& machine : {Machine{Architecture::x86_64, 8, std::endian::little, 4096},
                                 Machine{Architecture::i386, 4, std::endian::little, 4096},
                                 Machine{Architecture::unknown, 8, std::endian::big, 4096}}) {
    const auto found = exported(types, {"all"}, machine);
    ASSERT_TRUE(found) << found.error().message();
    EXPECT_EQ(*found->size_of("all"), 64U);
    EXPECT_EQ(*found->size_of("later"), 16U);  // which "all" only declares
    EXPECT_EQ(found->member("later", "end")->offset, 12U);
    const auto member = [&](const char* name) { return *found->member("all", name); };
    EXPECT_EQ(member("bits").bit_size, 3U);
    EXPECT_EQ(member("five").bit_size, 5U);
    EXPECT_EQ(member("five").offset, 56U);
    EXPECT_EQ(member("wide").size, 8U);
    EXPECT_EQ(member("names").count, 5U);
    EXPECT_EQ(*declaration(member("call").type, "call"), "int (*call)(int first, ...)");
    EXPECT_EQ(*declaration(member("names").type, "names"), "name_t names");
    EXPECT_EQ(*found->enumerator("HIGH"), std::int64_t{1} << 40);
  }
}

/// What a member of a structure points to.
TypeRef pointee(const Member& member) {
  const auto pointer = plain(member.type);
  EXPECT_TRUE(pointer && pointer->type.kind == TypeKind::pointer);
  return plain({pointer->ref.graph, pointer->type.target})->ref;
}

TEST(ExportTypes, UnitsMayGiveOneNameToDifferentTypes) {
  const test::DwarfBlob& blob = test::kTwoUnits;
  const auto bytes = [](const char* text) { return LazyBytes(test::from_hex(text)); };
  auto opened =
      DwarfGraph::open({bytes(blob.info), bytes(blob.abbreviations), bytes(blob.strings),
                        bytes(blob.line_strings), bytes(blob.string_offsets), std::endian::little},
                       8, "DWARF of test");
  ASSERT_TRUE(opened) << opened.error().message();
  const TypeCatalog catalog(*opened);
  const std::vector<std::string> names = {"struct first", "struct second"};
  const auto written = export_types(catalog, names, {}, "");
  ASSERT_TRUE(written) << written.error().message();
  const auto graph = read_btf(memory_source("exported", written->file));
  ASSERT_TRUE(graph) << graph.error().message();
  const TypeCatalog found(*graph);
  const auto member = [&](const char* structure, const char* name) {
    return found.member(structure, name).value();
  };
  // Equal members by their words alone are not enough: these lead to different structures.
  const TypeRef holders[] = {pointee(member("first", "holder")),
                             pointee(member("second", "holder"))};
  const TypeRef foos[] = {pointee(member_of(holders[0], "of").value()),
                          pointee(member_of(holders[1], "of").value())};
  EXPECT_EQ(member_of(foos[0], "second")->count, 2U);
  EXPECT_EQ(member_of(foos[0], "second")->offset, 4U);
  EXPECT_EQ(member_of(foos[1], "flags")->offset, 2U);
  EXPECT_EQ(member_of(foos[1], "last")->size, 4U);
  EXPECT_FALSE(member_of(foos[1], "second"));
  // What one unit declares and the other completes is one type.
  EXPECT_EQ(pointee(member("first", "shared")).id, pointee(member("second", "shared")).id);
  EXPECT_EQ(found.member("later", "end")->size, 8U);
  const auto value = [&](const char* structure) {
    std::string name;
    const TypeRef level = plain(member(structure, "level").type)->ref;
    EXPECT_TRUE(level.graph->enumerators(level.id, [&](const TypeEnumerator& one) {
      name = one.name;
      return false;
    }));
    return name;
  };
  EXPECT_EQ(value("first"), "LOW");
  EXPECT_EQ(value("second"), "NONE");
}

TEST(ExportTypes, RefusesTypesWithoutEndAndWhatBtfCannotHold) {
  const auto types = std::make_shared<StatedTypes>();
  const TypeId integer = types->add({of(TypeKind::integer, "int", 4), {}, {}});
  types->add({of(TypeKind::structure, "far", std::uint64_t{1} << 22),
              {{"flag", integer, (std::uint64_t{1} << 24) + 1, 1}},
              {}});
  EXPECT_EQ(exported(types, {"far"}).error().code, ErrorCode::unsupported);
  types->add({of(TypeKind::structure, "broken", 8), {{"none", 1000, 0, 0}}, {}});
  EXPECT_EQ(exported(types, {"broken"}).error().code, ErrorCode::corrupt);
  types->add(
      {of(TypeKind::structure, "many", 8), std::vector<TypeMember>(70000, {"m", 1, 0, 0}), {}});
  EXPECT_EQ(exported(types, {"many"}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(exported(types, {"nothing"}).error().code, ErrorCode::no_type);
  types->endless = true;
  EXPECT_EQ(exported(types, {"broken"}).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
