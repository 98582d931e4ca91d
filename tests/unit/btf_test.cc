// BTF as clang writes it (clang 19, -target bpf -g), against the layout that clang gives the same
// C; and blobs made by hand from Linux, include/uapi/linux/btf.h.
#include "core/types/btf.h"

#include <gtest/gtest.h>

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "core/types/type_catalog.h"
#include "tests/unit/btf_blob.h"
#include "tests/unit/compiled_task.h"
#include "tests/unit/repeating_kernel.h"

namespace panicroom {
namespace {

using namespace test;

std::shared_ptr<const TypeCatalog> clang_types() {
  auto types = read_btf(from_hex(kClangBtf), std::endian::little, "test");
  EXPECT_TRUE(types) << types.error().message();
  return types ? std::make_shared<const TypeCatalog>(*types) : nullptr;
}

TEST(Btf, PlacesMembersAsTheCompilerDoes) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  expect_members_of_task(*types);
  expect_bit_fields_of_task(*types);
}

TEST(Btf, KnowsSizesOfStructuresUnionsTypedefsAndBaseTypes) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  EXPECT_EQ(types->size_of("task"), 176U);
  EXPECT_EQ(types->size_of("packed"), 11U);
  EXPECT_EQ(types->size_of("leaf"), 8U);
  EXPECT_EQ(types->size_of("value"), 16U);
  EXPECT_EQ(types->size_of("size_type"), 8U);
  EXPECT_EQ(types->size_of("pid_kind"), 4U);
  EXPECT_EQ(types->size_of("int"), 4U);
}

TEST(Btf, KnowsEnumerators) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  EXPECT_EQ(types->enumerator("STOPPED"), 4);
  EXPECT_EQ(types->enumerator("BROKEN"), -1);
  EXPECT_EQ(types->enumerator("WIDE_ONE"), 1);
  EXPECT_EQ(static_cast<std::uint64_t>(types->enumerator("WIDE_TOP").value()), 0x8000000000000000U);
}

TEST(Btf, NamesWhatItDoesNotKnow) {
  const auto types = clang_types();
  ASSERT_TRUE(types);
  for (const auto& [structure, path] : {std::pair{"tas", "pid"},
                                        {"task", "pi"},
                                        {"task", "pidd"},
                                        {"task", "pid.x"},
                                        {"task", "tasks.next.prev"},
                                        {"task", "leaves[3]"},
                                        {"task", "leaves[0][2]"},
                                        {"task", "pid[0]"},
                                        {"pid_kind", "pid"}}) {
    const auto member = types->member(structure, path);
    ASSERT_FALSE(member) << structure << ' ' << path;
    EXPECT_EQ(member.error().code, ErrorCode::no_type) << member.error().message();
  }
  EXPECT_EQ(types->member("task", "pi").error().text, "struct task has no member pi");
  EXPECT_EQ(types->size_of("nothing").error().code, ErrorCode::no_type);
  EXPECT_EQ(types->enumerator("RUN").error().code, ErrorCode::no_type);
  for (const char* path : {"", ".", "a.", "a[", "a[]", "a[x]", "a[1]b", "[1]", "a[-1]"})
    EXPECT_EQ(types->member("task", path).error().code, ErrorCode::invalid) << path;
}

TEST(Btf, ReadsKernelMemoryNoFurtherThanAsked) {
  constexpr std::uint64_t kStart = test::KernelMemory::kBase + 0xff8;  // crosses a page at once
  auto memory = std::make_shared<test::KernelMemory>();
  auto blob = from_hex(kClangBtf);
  memory->put(kStart, blob);
  auto kernel = test::address_space(memory);
  const auto types = read_btf(*kernel, kStart, kStart + blob.size(), "BTF in the dump");
  ASSERT_TRUE(types) << types.error().message();
  EXPECT_EQ((*types)->origin(), "BTF in the dump");
  EXPECT_EQ(TypeCatalog(*types).member("task", "tasks.prev")->offset, 32U);

  memory->drop(kStart + 0x1000);
  auto holed = test::address_space(memory);
  const auto partial = read_btf(*holed, kStart, kStart + blob.size(), "");
  ASSERT_FALSE(partial);
  EXPECT_EQ(partial.error().code, ErrorCode::not_in_dump);
  EXPECT_FALSE(read_btf(*kernel, kStart, kStart, ""));
  EXPECT_FALSE(read_btf(*kernel, kStart, kStart + (std::uint64_t{1} << 40), ""));
}

TEST(Btf, IsNoLargerThanTheMemoryThatHoldsIt) {
  auto memory = std::make_shared<test::KernelMemory>();
  memory->put(test::KernelMemory::kBase, from_hex(kClangBtf));
  const test::RepeatingKernel kernel(memory);
  constexpr std::uint64_t kStart = test::KernelMemory::kBase;
  EXPECT_TRUE(read_btf(*kernel.space, kStart, kStart + 0x1000, ""));
  const auto types = read_btf(*kernel.space, kStart, kStart + 0x2000000, "");
  ASSERT_FALSE(types);
  EXPECT_EQ(types.error().code, ErrorCode::corrupt);
}

/// A search in 1 GiB, which page tables make of one page.
TEST(Btf, IsLookedForNoLongerThanThereIsMemory) {
  auto memory = std::make_shared<test::KernelMemory>();
  memory->put(test::KernelMemory::kBase, std::vector<std::byte>(0x1000, std::byte{0x9f}));
  const test::RepeatingKernel kernel(memory);
  constexpr std::uint64_t kStart = test::KernelMemory::kBase;
  const auto found = find_btf(*kernel.space, kStart, kStart + (std::uint64_t{1} << 30));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
  EXPECT_LT(kernel.walks(), 256U);
}

TEST(Btf, ReadsBigEndianBlobsAndCountsTheirBitsFromTheTop) {
  BtfBlob blob(std::endian::big);
  const auto integer = blob.type(blob.name("unsigned int"), kInt, 0, 4, {32});
  const auto a = blob.name("a"), b = blob.name("b");
  // 3 bits at bit 0 and 5 bits at bit 35 of the structure.
  blob.type(blob.name("s"), kStruct, 2, 8, {a, integer, 3U << 24 | 0, b, integer, 5U << 24 | 35},
            true);
  const auto types = blob.read();
  const auto first = types->member("s", "a"), second = types->member("s", "b");
  ASSERT_TRUE(first && second);
  EXPECT_EQ(first->offset, 0U);
  EXPECT_EQ(first->bit_offset, 29U);  // the 3 most significant of 32
  EXPECT_EQ(second->offset, 4U);
  EXPECT_EQ(second->bit_offset, 24U);  // 3 bits above it
}

TEST(Btf, ReadsBitFieldsInTheOlderWay) {
  BtfBlob blob;
  // No kind_flag: the width stands in an integer type of its own.
  const auto narrow = blob.type(blob.name("unsigned int"), kInt, 0, 4, {5});
  blob.type(blob.name("s"), kStruct, 1, 8, {blob.name("a"), narrow, 35});
  const auto member = blob.read()->member("s", "a");
  ASSERT_TRUE(member);
  EXPECT_EQ(member->offset, 4U);
  EXPECT_EQ(member->bit_offset, 3U);
  EXPECT_EQ(member->bit_size, 5U);
}

TEST(Btf, TakesAPointersSizeFromTheKernelsLong) {
  BtfBlob blob;
  const auto pointer = blob.type(0, kPointer, 0, 0);
  blob.type(blob.name("s"), kStruct, 1, 4, {blob.name("p"), pointer, 0});
  blob.type(blob.name("long unsigned int"), kInt, 0, 4, {32});
  EXPECT_EQ(blob.read()->member("s", "p")->size, 4U);
}

TEST(Btf, RefusesTypesThatReferToThemselves) {
  BtfBlob blob;
  const auto x = blob.name("x"), cyclic = blob.name("cyclic"), nested = blob.name("nested"),
             deep = blob.name("deep");
  blob.type(cyclic, kTypedef, 0, 1);
  blob.type(nested, kStruct, 2, 4, {0, 2, 0, 0, 2, 0});  // holds itself twice, anonymously
  blob.type(deep, kArray, 0, 0, {3, 3, 0xffffffff});     // an array of itself
  blob.type(blob.name("holder"), kStruct, 1, 4, {x, 3, 0});
  blob.type(blob.name("void_member"), kStruct, 1, 4, {x, 0, 0});
  blob.type(blob.name("beyond"), kStruct, 1, 4, {x, 999, 0});
  const auto types = blob.read();
  EXPECT_EQ(types->size_of("cyclic").error().code, ErrorCode::corrupt);
  EXPECT_EQ(types->member("nested", "y").error().code, ErrorCode::corrupt);
  EXPECT_EQ(types->member("holder", "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(types->member("void_member", "x").error().code, ErrorCode::no_type);
  EXPECT_EQ(types->member("beyond", "x").error().code, ErrorCode::corrupt);
  EXPECT_EQ(types->size_of("holder"), 4U);
}

/// 60,000 anonymous structures, each behind 50 qualifiers: a search has a budget for all of them.
TEST(Btf, EndsASearchThroughEndlessQualifiers) {
  BtfBlob blob;
  auto type = blob.type(blob.name("int"), kInt, 0, 4, {32});
  for (int i = 0; i < 50; ++i) type = blob.type(0, kConst, 0, type);
  std::vector<std::uint32_t> members;
  for (int i = 0; i < 60000; ++i)
    for (const std::uint32_t word : {0U, type, 0U}) members.push_back(word);
  for (const std::uint32_t word : {blob.name("last"), 1U, 0U}) members.push_back(word);
  blob.type(blob.name("maze"), kStruct, 60001, 4, members);
  const auto member = blob.read()->member("maze", "last");
  ASSERT_FALSE(member);
  EXPECT_EQ(member.error().code, ErrorCode::corrupt);
}

/// 4,000,000 questions, each of which costs a search through 60,000 members the first time.
TEST(Btf, AnswersAQuestionThatWasAskedBeforeWithoutASearch) {
  BtfBlob blob;
  const auto integer = blob.type(blob.name("int"), kInt, 0, 4, {32});
  const auto other = blob.name("other");
  std::vector<std::uint32_t> members;
  for (std::uint32_t i = 0; i < 60000; ++i)
    for (const std::uint32_t word : {other, integer, i * 32}) members.push_back(word);
  for (const std::uint32_t word : {blob.name("last"), integer, 8U}) members.push_back(word);
  blob.type(blob.name("long"), kStruct, 60001, 4, members);
  const auto types = blob.read();
  std::uint64_t sum = 0;
  for (int i = 0; i < 2000000; ++i)
    sum += types->member("long", "last")->offset + (types->member("long", "none") ? 1U : 0U);
  EXPECT_EQ(sum, 2000000U);
}

/// Names that std::hash gives one value (MurmurHash64A with libstdc++'s seed): 16 bytes each, the
/// second half of which undoes the first.
std::string colliding_name(std::uint64_t number) {
  constexpr std::uint64_t multiplier = 0xc6a4a7935bd1e995, seed = 0xc70f6907;
  constexpr std::uint64_t target = 0x1234567890abcdef;
  std::uint64_t inverse = multiplier;  // Newton: modulo 2^64
  for (int i = 0; i < 6; ++i) inverse *= 2 - multiplier * inverse;
  const auto mixed = [](std::uint64_t word) {
    word *= multiplier;
    return (word ^ word >> 47) * multiplier;
  };
  std::uint64_t first = 0;
  for (unsigned i = 0; i < 8; ++i) first |= (0x41 + (number >> 5 * i & 31)) << 8 * i;
  const std::uint64_t hash = ((seed ^ 16 * multiplier) ^ mixed(first)) * multiplier;
  std::uint64_t second = (target * inverse ^ hash) * inverse;
  second = (second ^ second >> 47) * inverse;
  std::string name;
  for (const std::uint64_t word : {first, second})
    for (unsigned i = 0; i < 8; ++i) name.push_back(static_cast<char>(word >> 8 * i & 0xff));
  return name;
}

TEST(Btf, FindsNamesWhateverTheirHashes) {
  BtfBlob blob;
  std::string last;
  std::uint32_t count = 0;
  for (std::uint64_t i = 0; count < 800000; ++i) {
    const std::string name = colliding_name(i);
    if (name.find('\0') != std::string::npos) continue;
    last = name;
    blob.type(blob.name(name), kStruct, 0, ++count);
  }
  const auto types = blob.read();
  EXPECT_EQ(types->size_of("none").error().code, ErrorCode::no_type);
  EXPECT_EQ(types->size_of(last), count);
}

TEST(Btf, KnowsTheFirstOfSeveralTypesWithOneName) {
  BtfBlob blob;
  const auto twice = blob.name("twice");
  blob.type(twice, kStruct, 0, 8);
  blob.type(blob.name("once"), kStruct, 0, 4);
  blob.type(twice, kStruct, 0, 16);
  const auto types = blob.read();
  EXPECT_EQ(types->size_of("none").error().code, ErrorCode::no_type);
  EXPECT_EQ(types->size_of("twice"), 8U);
  EXPECT_EQ(types->size_of("once"), 4U);
}

TEST(Btf, SaysThatWhatFollowsABrokenRecordIsUnknownNotAbsent) {
  BtfBlob blob;
  blob.type(blob.name("before"), kStruct, 0, 12);
  blob.type(0, 31, 0, 0);
  blob.type(blob.name("after"), kStruct, 0, 4);
  const auto types = blob.read();
  EXPECT_EQ(types->size_of("before"), 12U);
  EXPECT_EQ(types->size_of("after").error().code, ErrorCode::unsupported);

  BtfBlob cut;
  cut.type(cut.name("before"), kStruct, 0, 12);
  cut.type(cut.name("cut"), kEnum, 0xffff, 4);
  EXPECT_EQ(cut.read()->size_of("before"), 12U);
  EXPECT_EQ(cut.read()->size_of("cut").error().code, ErrorCode::corrupt);
  EXPECT_EQ(cut.read()->enumerator("A").error().code, ErrorCode::corrupt);
}

TEST(Btf, DoesNotTakeAForwardDeclarationForItsStructure) {
  BtfBlob blob;
  const auto name = blob.name("late");
  blob.type(name, kForward, 0, 0);
  blob.type(name, kStruct, 0, 24);
  EXPECT_EQ(blob.read()->size_of("late"), 24U);
}

TEST(Btf, RefusesWhatIsNoBtf) {
  const auto good = from_hex(kClangBtf);
  EXPECT_EQ(read_btf({}, std::endian::little, "").error().code, ErrorCode::corrupt);
  EXPECT_EQ(read_btf(good, std::endian::big, "").error().code, ErrorCode::corrupt);
  auto version = good;
  version[2] = std::byte{9};
  EXPECT_EQ(read_btf(version, std::endian::little, "").error().code, ErrorCode::unsupported);
  auto cut = good;
  cut.pop_back();
  EXPECT_EQ(read_btf(cut, std::endian::little, "").error().code, ErrorCode::corrupt);
  auto header = good;
  header[4] = std::byte{8};
  EXPECT_EQ(read_btf(header, std::endian::little, "").error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace panicroom
