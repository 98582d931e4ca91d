// core/base: errors, checked numbers, byte order, loop guards, printable text.
#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <string>

#include "core/base/arithmetic.h"
#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/base/loop_guard.h"
#include "core/base/printable.h"

namespace panicroom {
namespace {

using namespace std::string_literals;

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

TEST(Arithmetic, RefusesOverflow) {
  EXPECT_EQ(checked_add<std::uint64_t>(kMax - 1, 1), kMax);
  EXPECT_EQ(checked_add<std::uint64_t>(kMax, 1), std::nullopt);
  EXPECT_EQ(checked_add<std::uint32_t>(0xffffffff, 1), std::nullopt);
  EXPECT_EQ(checked_mul<std::uint64_t>(1ULL << 32, 1ULL << 31), 1ULL << 63);
  EXPECT_EQ(checked_mul<std::uint64_t>(1ULL << 32, 1ULL << 32), std::nullopt);
}

TEST(Arithmetic, ContainsDoesNotWrap) {
  EXPECT_TRUE(contains(10, 0, 10));
  EXPECT_TRUE(contains(10, 10, 0));
  EXPECT_FALSE(contains(10, 11, 0));
  EXPECT_FALSE(contains(10, 1, 10));
  EXPECT_FALSE(contains(10, kMax, 2));
  EXPECT_FALSE(contains(10, 2, kMax));
}

TEST(Arithmetic, RoundsToPowersOfTwo) {
  EXPECT_EQ(round_down(0x1fff, 0x1000), 0x1000U);
  EXPECT_EQ(round_up(0x1001, 0x1000), 0x2000U);
  EXPECT_EQ(round_up(0x1000, 0x1000), 0x1000U);
  EXPECT_EQ(round_up(kMax, 0x1000), std::nullopt);
  EXPECT_TRUE(is_power_of_two(1));
  EXPECT_FALSE(is_power_of_two(0));
  EXPECT_FALSE(is_power_of_two(24));
}

TEST(Arithmetic, SignExtends) {
  EXPECT_EQ(sign_extend(0xffff'8000'0000'0000 & 0xffff'ffff'ffff, 48), 0xffff'8000'0000'0000);
  EXPECT_EQ(sign_extend(0x7fff'ffff'ffff, 48), 0x7fff'ffff'ffffU);
  EXPECT_EQ(sign_extend(kMax, 64), kMax);
}

TEST(Reader, HonoursByteOrderAndBounds) {
  const std::array<std::byte, 9> bytes{std::byte{1}, std::byte{2}, std::byte{3},
                                       std::byte{4}, std::byte{5}, std::byte{6},
                                       std::byte{7}, std::byte{8}, std::byte{0xff}};
  const Reader little(bytes, std::endian::little);
  const Reader big(bytes, std::endian::big);
  EXPECT_EQ(little.u16(0), 0x0201);
  EXPECT_EQ(big.u16(0), 0x0102);
  EXPECT_EQ(little.u32(1), 0x05040302U);
  EXPECT_EQ(big.u64(0), 0x0102030405060708U);
  EXPECT_EQ(big.u64(1), 0x02030405060708ffU);
  EXPECT_EQ(big.u64(2), std::nullopt);
  EXPECT_EQ(little.u8(9), std::nullopt);
  EXPECT_EQ(little.u8(kMax), std::nullopt);
  EXPECT_EQ(little.i32(5), static_cast<std::int32_t>(0xff080706));
  EXPECT_EQ(little.word(0, 4), 0x04030201U);
  EXPECT_EQ(little.word(0, 8), 0x0807060504030201U);
  EXPECT_EQ(little.slice(8, 1)->size(), 1U);
  EXPECT_FALSE(little.slice(8, 2));
  EXPECT_FALSE(little.slice(1, kMax));
}

TEST(Reader, TextEndsAtItsNulItsLimitOrTheBytes) {
  const std::string data = "abc\0def"s;
  const Reader reader(std::as_bytes(std::span(data)), std::endian::little);
  EXPECT_EQ(reader.text(0, 100), "abc");
  EXPECT_EQ(reader.text(0, 2), "ab");
  EXPECT_EQ(reader.text(4, 100), "def");
  EXPECT_EQ(reader.text(7, 100), "");
  EXPECT_EQ(reader.text(kMax, 100), "");
}

TEST(Errors, SayWhereAndWhat) {
  const Result<int> failure =
      fail_at_offset(ErrorCode::corrupt, 0x40, "the header claims 7 blocks");
  const Error& error = failure.error();
  EXPECT_EQ(error.message(), "the header claims 7 blocks (at file offset 0x40)");
  EXPECT_EQ(error.within("reading the bitmap").text,
            "reading the bitmap: the header claims 7 blocks");
  EXPECT_EQ(error.within("x").offset, 0x40U);
  const Note note = note_of(error);
  EXPECT_EQ(note.code, ErrorCode::corrupt);
  EXPECT_EQ(note.at, 0x40U);
  const Result<int> gone = absent(Absence::excluded, 0x1000, "left out");
  EXPECT_EQ(gone.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(gone.error().absence, Absence::excluded);
  EXPECT_EQ(note_of(gone.error()).at, 0x1000U);
}

TEST(Errors, EveryCodeHasItsOwnNameAndSentence) {
  const std::array codes{ErrorCode::not_in_dump, ErrorCode::corrupt,   ErrorCode::unmapped,
                         ErrorCode::unsupported, ErrorCode::no_symbol, ErrorCode::no_type,
                         ErrorCode::io,          ErrorCode::invalid};
  for (const ErrorCode a : codes) {
    EXPECT_FALSE(sentence(a).empty());
    for (const ErrorCode b : codes) {
      if (a == b) continue;
      EXPECT_NE(name(a), name(b));
      EXPECT_NE(sentence(a), sentence(b));
    }
  }
}

Result<int> half(int value) {
  if (value % 2 != 0) return fail(ErrorCode::invalid, "odd");
  return value / 2;
}
Result<int> quarter(int value) {
  PANICROOM_TRY(once, half(value));
  PANICROOM_TRY(twice, half(once));
  return twice;
}

TEST(Errors, TryHandsThemOn) {
  EXPECT_EQ(quarter(8), 2);
  ASSERT_FALSE(quarter(6));
  EXPECT_EQ(quarter(6).error().text, "odd");
}

TEST(LoopGuard, AllowsItsBudgetAndNoMore) {
  LoopGuard guard(3);
  EXPECT_TRUE(guard.step(1));
  EXPECT_TRUE(guard.step(2));
  EXPECT_TRUE(guard.step(3));
  EXPECT_FALSE(guard.step(4));
  EXPECT_FALSE(guard.cyclic());
  EXPECT_EQ(guard.steps(), 3U);
}

TEST(LoopGuard, FindsCyclesOfAnyLengthBehindAnyTail) {
  for (std::uint64_t tail = 0; tail < 20; ++tail) {
    for (std::uint64_t cycle = 1; cycle < 20; ++cycle) {
      LoopGuard guard(1000);
      std::uint64_t at = 0;
      while (guard.step(at)) at = at + 1 == tail + cycle ? tail : at + 1;
      EXPECT_TRUE(guard.cyclic()) << tail << " + " << cycle;
      EXPECT_LE(guard.steps(), 3 * (tail + cycle) + 1) << tail << " + " << cycle;
    }
  }
}

TEST(LoopGuard, TakesALongListForAList) {
  LoopGuard guard(100000);
  for (std::uint64_t at = 0; at < 100000; ++at) ASSERT_TRUE(guard.step(at * 64));
}

TEST(VisitOnce, TakesEachPositionOnceWithinItsBudget) {
  for (std::uint64_t tail = 0; tail < 20; ++tail) {
    for (std::uint64_t cycle = 1; cycle < 20; ++cycle) {
      VisitOnce guard(1000);
      std::uint64_t at = 0, visited = 0;
      for (; guard.step(at); ++visited) at = at + 1 == tail + cycle ? tail : at + 1;
      EXPECT_TRUE(guard.cyclic()) << tail << " + " << cycle;
      EXPECT_EQ(visited, tail + cycle);
    }
  }
  VisitOnce guard(2);
  EXPECT_TRUE(guard.step(1) && guard.step(2));
  EXPECT_FALSE(guard.step(3));
  EXPECT_FALSE(guard.cyclic());
}

TEST(Printable, KeepsTextAndEscapesTheRest) {
  EXPECT_EQ(printable("vmcore.1"), "vmcore.1");
  EXPECT_EQ(printable("a\x1b[31mb\n\0c"s), "a\\x1b[31mb\\x0a\\x00c");
  EXPECT_EQ(printable("\x7f"), "\\x7f");
  EXPECT_EQ(printable("gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80"),
            "gr\xc3\xbc\xc3\x9f \xe2\x82\xac \xf0\x9f\x98\x80");
  EXPECT_EQ(printable("\xc2\x9b"
                      "2J"),
            "\\xc2\\x9b2J");  // C1's CSI
  EXPECT_EQ(printable(""), "");
}

TEST(Printable, EscapesWhatIsNotUtf8) {
  EXPECT_EQ(printable("\xff"), "\\xff");
  EXPECT_EQ(printable("\xc3"), "\\xc3");                             // cut short
  EXPECT_EQ(printable("\xc0\xaf"), "\\xc0\\xaf");                    // overlong
  EXPECT_EQ(printable("\xe0\x80\xaf"), "\\xe0\\x80\\xaf");           // overlong
  EXPECT_EQ(printable("\xed\xa0\x80"), "\\xed\\xa0\\x80");           // surrogate
  EXPECT_EQ(printable("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");  // beyond U+10FFFF
  EXPECT_EQ(printable("\xe2\x82x"), "\\xe2\\x82x");
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abcdef", 6), "abcdef");
  EXPECT_EQ(printable("abcdefg", 6), "abcdef\xe2\x80\xa6");
  EXPECT_EQ(printable("abcde\xc3\xbc", 6), "abcde\xe2\x80\xa6");
  EXPECT_EQ(printable("abc\x01", 6), "abc\xe2\x80\xa6");
}

}  // namespace
}  // namespace panicroom
