// Types as BTF, read back by the reader that other tests check against compilers and pahole.
#include "core/types/export_types.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "core/types/btf.h"
#include "core/types/declaration.h"
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
