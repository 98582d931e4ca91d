// core/io's plain sources and native/io's mapped files.
#include "core/io/byte_source.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <string_view>
#include <thread>

#ifndef __EMSCRIPTEN__
#include "native/io/mapped_file.h"
#endif

namespace panicroom {
namespace {

constexpr std::uint64_t kMax = std::numeric_limits<std::uint64_t>::max();

std::vector<std::byte> bytes_of(std::string_view text) {
  std::vector<std::byte> bytes(text.size());
  std::memcpy(bytes.data(), text.data(), text.size());
  return bytes;
}

std::string text_of(Bytes bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void expect_past_end(const ByteSource& source, std::uint64_t offset, std::size_t length) {
  std::vector<std::byte> buffer(length, std::byte{'?'});
  const auto read = source.read(offset, buffer);
  ASSERT_FALSE(read);
  EXPECT_EQ(read.error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(read.error().absence, Absence::truncated);
  EXPECT_EQ(read.error().offset, offset);
  EXPECT_EQ(text_of(buffer), std::string(length, '?')) << "a failed read wrote";
  EXPECT_TRUE(source.view(offset, length).empty());
}

TEST(MemorySource, ReadsWholeOrNotAtAll) {
  const SourcePtr source = memory_source("dump", bytes_of("0123456789"));
  EXPECT_EQ(source->name(), "dump");
  EXPECT_EQ(source->size(), 10U);
  std::vector<std::byte> buffer(4);
  ASSERT_TRUE(source->read(6, buffer));
  EXPECT_EQ(text_of(buffer), "6789");
  EXPECT_EQ(text_of(source->view(2, 3)), "234");
  EXPECT_TRUE(source->read(10, MutableBytes{}));
  expect_past_end(*source, 7, 4);
  expect_past_end(*source, 11, 1);
  expect_past_end(*source, kMax, 2);
}

TEST(SubSource, IsClippedToItsParent) {
  const SourcePtr parent = memory_source("dump", bytes_of("0123456789"));
  const SourcePtr middle = sub_source(parent, 2, 5, "middle");
  EXPECT_EQ(middle->name(), "middle");
  EXPECT_EQ(middle->size(), 5U);
  EXPECT_EQ(text_of(middle->view(0, 5)), "23456");
  std::vector<std::byte> buffer(2);
  ASSERT_TRUE(middle->read(3, buffer));
  EXPECT_EQ(text_of(buffer), "56");
  expect_past_end(*middle, 4, 2);
  expect_past_end(*middle, kMax, 2);

  EXPECT_EQ(sub_source(parent, 8, 100, "tail")->size(), 2U);
  EXPECT_EQ(sub_source(parent, 8, kMax, "tail")->size(), 2U);
  EXPECT_EQ(sub_source(parent, kMax, kMax, "none")->size(), 0U);
}

TEST(ReadBytes, BoundsTheAllocation) {
  const SourcePtr source = memory_source("dump", bytes_of("0123456789"));
  EXPECT_EQ(text_of(*read_bytes(*source, 1, 3, 3)), "123");
  const auto too_long = read_bytes(*source, 1, 4, 3);
  ASSERT_FALSE(too_long);
  EXPECT_EQ(too_long.error().code, ErrorCode::corrupt);
  EXPECT_EQ(too_long.error().offset, 1U);
  // Beyond the file nothing is allocated, however high the limit.
  const auto beyond = read_bytes(*source, 1, 1ULL << 62, kMax);
  ASSERT_FALSE(beyond);
  EXPECT_NE(beyond.error().code, ErrorCode::io);
}

#ifndef __EMSCRIPTEN__

class MappedFile : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "panicroom-XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }
  std::string path(const std::string& name) const { return folder_ / name; }
  std::string file(const std::string& name, std::string_view text) const {
    std::ofstream(path(name), std::ios::binary) << text;
    return path(name);
  }

 private:
  std::filesystem::path folder_;
};

TEST_F(MappedFile, IsReadInPlace) {
  const auto source = open_mapped_file(file("dump", "0123456789"));
  ASSERT_TRUE(source) << source.error().text;
  EXPECT_EQ((*source)->size(), 10U);
  EXPECT_EQ((*source)->name(), path("dump"));
  EXPECT_EQ(text_of((*source)->view(3, 4)), "3456");
  expect_past_end(**source, 8, 3);
}

TEST_F(MappedFile, MayBeLargerThan4GiB) {
  const std::string name = file("sparse", "begin");
  constexpr std::uint64_t kSize = (5ULL << 30) + 3;
  ASSERT_EQ(::truncate(name.c_str(), static_cast<off_t>(kSize)), 0);
  {
    std::fstream out(name, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(static_cast<std::streamoff>(kSize - 3));
    out << "end";
  }
  const auto source = open_mapped_file(name);
  ASSERT_TRUE(source) << source.error().text;
  EXPECT_EQ((*source)->size(), kSize);
  EXPECT_EQ(text_of((*source)->view(kSize - 3, 3)), "end");
  EXPECT_EQ(text_of((*source)->view(0, 5)), "begin");
}

TEST_F(MappedFile, KnowsTheHolesOfASparseFile) {
  const std::string name = file("sparse", "begin");
  constexpr std::uint64_t kSize = 1ULL << 40;
  ASSERT_EQ(::truncate(name.c_str(), static_cast<off_t>(kSize)), 0);
  {
    std::fstream out(name, std::ios::binary | std::ios::in | std::ios::out);
    out.seekp(1LL << 30);
    out << "middle";
  }
  const auto source = open_mapped_file(name);
  ASSERT_TRUE(source) << source.error().text;
  EXPECT_EQ((*source)->next_stored(2), 2U);
  // Blocks of file systems differ in size.
  const std::uint64_t next = (*source)->next_stored(1 << 20);
  EXPECT_LE(next, 1ULL << 30);
  EXPECT_GT(next, (1ULL << 30) - (1 << 20));
  EXPECT_EQ((*source)->next_stored(2ULL << 30), kSize);
  EXPECT_EQ((*source)->next_stored(kSize), kSize);
  const SourcePtr part = sub_source(*source, 1 << 20, 1ULL << 29, "part");
  EXPECT_EQ(part->next_stored(0), part->size());
}

TEST_F(MappedFile, CanBeLookedAtAgainAfterItsMemoryWasGivenBack) {
  const std::string text(1 << 20, 'x');
  const auto source = open_mapped_file(file("dump", text));
  ASSERT_TRUE(source);
  const Bytes view = (*source)->view(0, text.size());
  EXPECT_EQ(text_of(view), text);
  (*source)->done_with(0, text.size());
  (*source)->done_with(100, 5000);
  (*source)->done_with(kMax, 2);
  EXPECT_EQ(text_of(view), text);
}

TEST_F(MappedFile, SaysWhatIsWrong) {
  const auto missing = open_mapped_file(path("missing"));
  ASSERT_FALSE(missing);
  EXPECT_EQ(missing.error().code, ErrorCode::io);
  EXPECT_NE(missing.error().text.find("No such file"), std::string::npos);

  const auto folder = open_mapped_file(path("."));
  ASSERT_FALSE(folder);
  EXPECT_EQ(folder.error().text, "is a folder, not a file");

  const auto empty = open_mapped_file(file("empty", ""));
  ASSERT_FALSE(empty);
  EXPECT_EQ(empty.error().text, "the file is empty");

  const auto device = open_mapped_file("/dev/null");
  ASSERT_FALSE(device);
  EXPECT_EQ(device.error().code, ErrorCode::io);
}

TEST_F(MappedFile, TakesAPipe) {
  const std::string name = path("pipe");
  ASSERT_EQ(::mkfifo(name.c_str(), 0600), 0);
  const std::string sent(200'000, 'x');
  std::thread writer([&] { std::ofstream(name, std::ios::binary) << sent << "end"; });
  const auto source = open_mapped_file(name);
  writer.join();
  ASSERT_TRUE(source) << source.error().text;
  EXPECT_EQ((*source)->size(), sent.size() + 3);
  EXPECT_EQ(text_of((*source)->view(sent.size(), 3)), "end");
}

using MappedFileDeathTest = MappedFile;

TEST_F(MappedFileDeathTest, ThatShrinksIsNamed) {
  const std::string name = file("shrinking", std::string(64 << 10, 'x'));
  const auto read_after_shrinking = [&] {
    install_bus_error_handler();
    const auto source = open_mapped_file(name);
    if (!source || ::truncate(name.c_str(), 1) != 0) ::_exit(2);
    std::vector<std::byte> buffer(16);
    static_cast<void>((*source)->read(60 << 10, buffer));
  };
  EXPECT_EXIT(read_after_shrinking(), ::testing::ExitedWithCode(1),
              "^panicroom: .*shrinking: the file became shorter");
}

#endif

}  // namespace
}  // namespace panicroom
