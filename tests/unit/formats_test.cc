#include "core/dump/formats.h"

#include <gtest/gtest.h>

#include "tests/unit/dump_image.h"

namespace panicroom {
namespace {

using testing::Image;
using std::string_literals::operator""s;

Result<Dump> open(const Image& image) {
  const SourcePtr source = image.source();
  return open_dump({&source, 1});
}

Image elf(std::uint16_t type) {
  Image image;
  image
      .put_text(0,
                "\x7f"
                "ELF\x02\x01\x01")
      .put16(16, type)
      .put16(18, 62)
      .resize(64);
  return image;
}

TEST(Formats, ClassifyByContent) {
  const auto kind = [](const Image& image) { return classify(*image.source()); };
  EXPECT_EQ(kind(elf(4)), FileKind::dump);
  EXPECT_EQ(kind(elf(1)), FileKind::kernel);
  EXPECT_EQ(kind(elf(2)), FileKind::kernel);
  EXPECT_EQ(kind(elf(3)), FileKind::kernel);
  EXPECT_EQ(kind(elf(0xfe00)).error().code, ErrorCode::unsupported);
  EXPECT_EQ(kind(Image().put_text(0, "KDUMP   ")), FileKind::dump);
  EXPECT_EQ(kind(Image().put_text(0, "DISKDUMP")), FileKind::dump);
  EXPECT_EQ(kind(Image().put_text(0, "minidump FreeBSD/amd64")), FileKind::dump);
  EXPECT_EQ(kind(Image().put_text(0, "Dear diary,\n")).error().code, ErrorCode::unsupported);
  EXPECT_EQ(kind(Image()).error().code, ErrorCode::unsupported);
}

// Magic numbers as the systems' own sources give them; none of these is read yet.
TEST(Formats, WhatIsRecognisedButNotReadIsNamed) {
  struct Case {
    std::string bytes;
    std::uint64_t offset;
    std::string word;
  };
  const std::vector<Case> cases = {
      {"FreeBSD Kernel Dump\0"s, 0, "savecore"},
      {"FreeBSD Text Dump\0"s, 0, "text dump"},
      {"Cleared Kernel Dump\0"s, 0, "already taken"},
      {"DragonFly Kern Dump\0"s, 0, "DragonFly"},
      {"\xed\x23\x8f\x61\x73\x01\x19\xa8"s, 0, "LKCD"},
      {"\xcd\x23\x8f\x61\x73\x01\x19\xa8"s, 0, "LKCD"},
      {"\xa8\x19\x01\x73\x61\x8f\x23\xfd"s, 0, "s390"},
      {"EMiL\x01\0\0\0"s, 0, "LiME"},
      {"sadump\0\0"s, 0, "sadump"},
      {"PAGEDU64"s, 0, "Windows"},
      {"\x1f\x9d\x90"s, 0, "uncompress"},
      {"BZh9"s, 0, "bunzip2"},
      {"\xfd"
       "7zXZ\0"s,
       0, "unxz"},
      {"ustar"s, 257, "tar archive"},
      {"FreeBSD Kernel Dump\0"s, 65536 - 512, "savecore"},
      {"DragonFly Kern Dump\0"s, 65536 - 4096, "savecore"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.word);
    Image image;
    image.put_text(one.offset, one.bytes).resize(65536);
    EXPECT_FALSE(classify(*image.source()));
    const auto dump = open(image);
    ASSERT_FALSE(dump);
    EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
    EXPECT_NE(dump.error().text.find(one.word), std::string::npos) << dump.error().text;
  }
}

TEST(Formats, FilesThatAreNoDump) {
  auto dump = open(Image());
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
  EXPECT_NE(dump.error().text.find("empty"), std::string::npos);

  dump = open(Image().put_text(0, "Dear\x1b[31m diary, and more"));
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
  EXPECT_NE(dump.error().text.find("Dear"), std::string::npos);
  EXPECT_EQ(dump.error().text.find('\x1b'), std::string::npos);

  dump = open(elf(2));
  ASSERT_FALSE(dump);
  EXPECT_NE(dump.error().text.find("not a dump"), std::string::npos);

  for (const std::string start : {"KDUMP   ", "minidump FreeBSD/amd64",
                                  "\x7f"
                                  "ELF\x02\x01\x01"}) {
    Image image;
    image.put_text(0, start).resize(40);
    if (start[0] == '\x7f') image.put16(16, 4);
    EXPECT_FALSE(open(image));
  }
  EXPECT_FALSE(open_dump({}));
}

TEST(Formats, TwoDumpsAtOnceAreRefused) {
  const std::vector<SourcePtr> files = {elf(4).source("a"), elf(4).source("b")};
  const auto dump = open_dump(files);
  ASSERT_FALSE(dump);
  EXPECT_EQ(dump.error().code, ErrorCode::invalid);
}

TEST(Formats, EveryRowOfTheListIsFilled) {
  EXPECT_GE(formats().size(), 3U);
  for (const FormatInfo& format : formats()) {
    EXPECT_FALSE(format.name.empty());
    EXPECT_FALSE(format.variants.empty());
    EXPECT_FALSE(format.recognised_by.empty());
  }
}

}  // namespace
}  // namespace panicroom
