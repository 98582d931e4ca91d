// FreeBSD kernels of which a part contradicts itself or claims more than there can be: the rest is
// answered, in bounded time, with a note that says what is not.

#include <gtest/gtest.h>

#include <string>

#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Description;
using foundry::integer;
using foundry::null;
using foundry::ProcessText;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using panicroom::Address;
using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

// Of the invented layout, see freebsd_layout.cc.
constexpr std::uint64_t p_threads = 96, td_plist = 24, td_oncpu = 100;

class FreeBsdInDoubt : public testing::Test {
 protected:
  FreeBsdInDoubt()
      : description(foundry::read_description(std::string(source_folder) +
                                              "/tests/foundry/descriptions/freebsd-amd64.txt")) {}

  ProcessText& process(std::int64_t pid) {
    for (ProcessText& process : description.processes)
      if (process.pid == pid) return process;
    throw std::out_of_range("no such process");
  }
  void open() {
    std::vector<panicroom::SourcePtr> files;
    files.push_back(source("kernel", foundry::kernel_file(description.image)));
    for (const auto& file : description.files)
      if (file.name == "amd64-full")
        for (const auto& part : foundry::make_dump(description, file))
          files.push_back(source(file.name, part));
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }
  bool noted(const std::string& table, std::string_view words) {
    Notes notes;
    EXPECT_TRUE(session->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes));
    for (const Note& note : notes.take())
      if (note.text.find(words) != std::string::npos) return true;
    return false;
  }

  Description description;
  std::unique_ptr<Session> session;
};

/// All processes claim the threads of one: a thread has one process.
TEST_F(FreeBsdInDoubt, OneListOfThreadsForAllProcesses) {
  const std::uint64_t shared = process(812).threads.front().address;
  for (const ProcessText& other : description.processes)
    description.image.write_virtual(other.address + p_threads, shared, 8);
  open();
  EXPECT_EQ(rows_of(*session, "threads").size(), 2U);
  EXPECT_TRUE(noted("threads", "already on one"));
}

TEST_F(FreeBsdInDoubt, AListOfThreadsThatBreaksOffIsNotCounted) {
  description.image.write_virtual(process(812).threads.front().address + td_plist,
                                  0xfffffe0000000000, 8);
  open();
  for (const auto& row : rows_of(*session, "processes"))
    EXPECT_EQ(row.at("threads"),
              row.at("pid") == integer(812)
                  ? null
                  : Value(std::uint64_t{row.at("pid") == integer(640) ? 0U : 1U}));
  EXPECT_TRUE(noted("processes", "breaks off"));
}

TEST_F(FreeBsdInDoubt, AProcessorThatThereIsNot) {
  const std::uint64_t address = process(812).threads.back().address;
  for (const std::uint64_t cpu : {2ULL, 5000ULL, 0xfffffffeULL}) {
    description.image.write_virtual(address + td_oncpu, cpu, 4);
    open();
    for (const auto& row : rows_of(*session, "threads")) {
      if (row.at("address") != Value(Address{address})) continue;
      EXPECT_EQ(row.at("cpu"), null);
      EXPECT_EQ(row.at("pc"), Value(Address{process(812).threads.back().frames.front()}));
    }
    EXPECT_TRUE(noted("threads", "there is none of that number"));
  }
}

}  // namespace
