#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/last_words.h"
#include "core/kernel/linux/log.h"
#include "core/kernel/log_limit.h"
#include "tests/unit/linux_image.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::LinuxImage;

constexpr std::uint64_t kBase = 0xffffffff80000000;

struct Read {
  std::vector<LogLine> lines;
  std::vector<Note> notes;
  std::optional<Error> error;
};

Read read(LinuxImage& image, const std::string& vmcoreinfo) {
  image.map_x86_64(0);
  Vmcoreinfo info("SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n" + vmcoreinfo);
  auto paging = paging_from_vmcoreinfo(info, image.dump);
  EXPECT_TRUE(paging);
  Evidence evidence(image.dump, *paging, std::move(info));
  Read read;
  Notes notes;
  const auto done = read_log(
      evidence,
      [&](const LogLine& line) {
        read.lines.push_back(line);
        return true;
      },
      notes);
  if (!done) read.error = done.error();
  read.notes = notes.take();
  return read;
}

std::vector<std::string> texts(const Read& read) {
  std::vector<std::string> found;
  for (const LogLine& line : read.lines) found.push_back(line.text);
  return found;
}

TEST(LinuxLog, SplitsPlainLines) {
  const LogLine whole = parse_plain_line("<3>[   12.345678] usb 1-1: gone");
  EXPECT_EQ(whole.level, 3);
  EXPECT_EQ(whole.time_ns, 12345678000U);
  EXPECT_EQ(whole.text, "usb 1-1: gone");
  const LogLine facility = parse_plain_line("<30>daemon");  // facility 3, severity 6
  EXPECT_EQ(facility.level, 6);
  EXPECT_FALSE(facility.time_ns);
  EXPECT_EQ(facility.text, "daemon");
  for (const char* text :
       {"[12.5] not a time", "<no level", "[mem 0x0-0xfff] reserved", "<7", ""}) {
    EXPECT_EQ(parse_plain_line(text).text, text);
    EXPECT_FALSE(parse_plain_line(text).level);
    EXPECT_FALSE(parse_plain_line(text).time_ns);
  }
}

LastWords heard(const std::vector<const char*>& lines) {
  LastWords words;
  for (const char* line : lines) words.hear(line);
  return words;
}

TEST(LinuxLog, FindsTheLatestWordsOfDeath) {
  EXPECT_EQ(heard({"Oops: 0000", "Kernel panic - not syncing: Fatal exception",
                   "---[ end Kernel panic - not syncing: Fatal exception ]---"})
                .panic(),
            "Kernel panic - not syncing: Fatal exception");
  EXPECT_EQ(heard({"BUG: first", "x", "Oops: 0000 [#1]", "y"}).panic(), "Oops: 0000 [#1]");
  EXPECT_EQ(heard({"Kernel panic - not syncing: x", "BUG: later"}).panic(),
            "Kernel panic - not syncing: x");
  EXPECT_EQ(heard({"all is well"}).panic(), std::nullopt);
}

TEST(LinuxLog, FindsWhoDiedInTheTraceOfTheirDeath) {
  const auto died = [](const std::vector<const char*>& lines) { return heard(lines).death(); };
  // Linux 6.1 and, with the user's id, 6.12; lines as dump_stack_print_info() writes them.
  const auto panicked =
      died({"CPU: 3 PID: 7 Comm: earlier Not tainted 6.1.0 #1", "Kernel panic - not syncing: x",
            "CPU: 1 PID: 42 Comm: a b (c) Tainted: G        W          6.1.0 #1",
            "CPU: 0 PID: 9 Comm: later Not tainted 6.1.0 #1"});
  ASSERT_TRUE(panicked);
  EXPECT_EQ(panicked->cpu, 1);
  EXPECT_EQ(panicked->tid, 42);
  EXPECT_EQ(panicked->name, "a b (c)");
  const auto oopsed =
      died({"BUG: kernel NULL pointer dereference, address: 0",
            "CPU: 2 UID: 0 PID: 100 Comm: insmod Kdump: loaded Not tainted 6.12.0 #1",
            "Kernel panic - not syncing: Fatal exception"});
  ASSERT_TRUE(oopsed);
  EXPECT_EQ(oopsed->cpu, 2);
  EXPECT_EQ(oopsed->tid, 100);
  EXPECT_EQ(oopsed->name, "insmod");
  // A warning is no death.
  EXPECT_FALSE(
      died({"WARNING: CPU: 1 PID: 42 at x", "CPU: 1 PID: 42 Comm: x Not tainted 6.1.0 #1"}));
  EXPECT_FALSE(died({"Kernel panic - not syncing: x", "CPU: one PID: 42 Comm: x"}));
}

// struct printk_log of Linux 4.19: u64 ts_nsec; u16 len, text_len, dict_len; u8 facility;
// u8 flags:5, level:3.
void put_record(LinuxImage& image, std::uint64_t at, std::uint64_t time, std::uint16_t length,
                std::string_view text, unsigned level) {
  image.put64(at, time)
      .put16(at + 8, length)
      .put16(at + 10, static_cast<std::uint16_t>(text.size()));
  image.put8(at + 15, static_cast<std::uint8_t>(level << 5U | 6U)).text(at + 16, text);
}

const char* const records_info =
    "SYMBOL(log_buf)=ffffffff80010000\nSYMBOL(log_buf_len)=ffffffff80010008\n"
    "SYMBOL(log_first_idx)=ffffffff80010010\nSYMBOL(log_next_idx)=ffffffff80010018\n"
    "SIZE(printk_log)=16\nOFFSET(printk_log.ts_nsec)=0\nOFFSET(printk_log.len)=8\n"
    "OFFSET(printk_log.text_len)=10\nOFFSET(printk_log.dict_len)=12\n";

// VMCOREINFO is all the evidence here: `prb` must not be asked of symbols that do not exist.
LinuxImage records(std::uint32_t first, std::uint32_t next) {
  LinuxImage image(2U << 20U);
  image.put64(0x10000, kBase + 0x20000).put32(0x10008, 256);
  image.put32(0x10010, first).put32(0x10018, next);
  return image;
}

TEST(LinuxLog, ReadsRecordsAroundTheEndOfTheirBuffer) {
  LinuxImage image = records(96, 48);
  put_record(image, 0x20000 + 96, 1000, 48, "oldest\nwith two lines", 4);
  put_record(image, 0x20000 + 144, 2000, 32, "second", 6);
  // Length 0 at 176: the next record is at the buffer's start.
  put_record(image, 0x20000, 3000, 48, "newest", 0);
  const Read log = read(image, records_info);
  EXPECT_FALSE(log.error) << log.error->message();
  EXPECT_EQ(texts(log), (std::vector<std::string>{"oldest", "with two lines", "second", "newest"}));
  EXPECT_EQ(log.lines[1].time_ns, 1000U);
  EXPECT_EQ(log.lines[1].level, 4);
  EXPECT_EQ(log.lines[3].level, 0);
}

TEST(LinuxLog, RefusesRecordsThatGoRoundForever) {
  LinuxImage image = records(0, 100);  // no record ends at 100
  for (std::uint64_t at = 0; at < 256; at += 32)
    put_record(image, 0x20000 + at, at, 32, "again", 6);
  const Read log = read(image, records_info);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, ErrorCode::corrupt);
  LinuxImage outside = records(4096, 0);
  ASSERT_TRUE(read(outside, records_info).error);
}

TEST(LinuxLog, RecordsEndWithTheirBufferHoweverLongTheyClaimToBe) {
  // Every record is 64 bytes of line ends and followed by itself, by way of the buffer's start.
  LinuxImage image = records(0, 100);
  for (std::uint64_t at = 0; at < 256; at += 64)
    put_record(image, 0x20000 + at, at, 64, std::string(48, '\n'), 6);
  const Read log = read(image, records_info);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, ErrorCode::corrupt);
  EXPECT_LE(log.lines.size(), 256U);
}

TEST(LinuxLog, RefusesABufferThatIsLargerThanTheMemoryInTheDump) {
  LinuxImage image = records(0, 0);
  image.put32(0x10008, 4U << 20U);
  const Read log = read(image, records_info);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, ErrorCode::corrupt);
}

// kernel/printk/printk_ringbuffer.h as of Linux 6.1; the numbers are those that a 6.1 kernel's
// VMCOREINFO states.
const char* const ring_info =
    "SYMBOL(prb)=ffffffff80010000\n"
    "OFFSET(printk_ringbuffer.desc_ring)=0\nOFFSET(printk_ringbuffer.text_data_ring)=48\n"
    "OFFSET(prb_desc_ring.count_bits)=0\nOFFSET(prb_desc_ring.descs)=8\n"
    "OFFSET(prb_desc_ring.infos)=16\nOFFSET(prb_desc_ring.head_id)=24\n"
    "OFFSET(prb_desc_ring.tail_id)=32\nSIZE(prb_desc)=24\nOFFSET(prb_desc.state_var)=0\n"
    "OFFSET(prb_desc.text_blk_lpos)=8\nOFFSET(prb_data_blk_lpos.begin)=0\n"
    "OFFSET(prb_data_blk_lpos.next)=8\nSIZE(printk_info)=88\nOFFSET(printk_info.ts_nsec)=8\n"
    "OFFSET(printk_info.text_len)=16\nOFFSET(prb_data_ring.size_bits)=0\n"
    "OFFSET(prb_data_ring.data)=8\n";

constexpr std::uint64_t kDescriptors = 0x20000, kInfos = 0x21000, kData = 0x22000;

/// Eight descriptors, 256 bytes of text.
LinuxImage ring(std::uint64_t tail, std::uint64_t head) {
  LinuxImage image(2U << 20U);
  image.put64(0x10000, kBase + 0x10100);
  image.put32(0x10100, 3).put64(0x10108, kBase + kDescriptors).put64(0x10110, kBase + kInfos);
  image.put64(0x10118, head).put64(0x10120, tail);
  image.put32(0x10130, 8).put64(0x10138, kBase + kData);
  return image;
}

/// A record whose text block goes from `begin` to `next`, logical positions; it lies at `at`.
void put_ring_record(LinuxImage& image, std::uint64_t id, std::uint64_t state, std::uint64_t begin,
                     std::uint64_t next, std::uint64_t at, std::string_view text, unsigned level) {
  const std::uint64_t slot = id % 8;
  image.put64(kDescriptors + slot * 24, state << 62U | id);
  image.put64(kDescriptors + slot * 24 + 8, begin).put64(kDescriptors + slot * 24 + 16, next);
  image.put64(kInfos + slot * 88 + 8, id * 1000);
  image.put16(kInfos + slot * 88 + 16, static_cast<std::uint16_t>(text.size()));
  image.put8(kInfos + slot * 88 + 19, static_cast<std::uint8_t>(level << 5U));
  image.put64(kData + at, id).text(kData + at + 8, text);
}

TEST(LinuxLog, ReadsTheRingBufferAroundItsEnds) {
  LinuxImage image = ring(6, 11);
  put_ring_record(image, 6, 2, 0x0c0, 0x0e0, 0xc0, "first", 5);
  // From 0x1e0 a block of 0x30 bytes would pass 0x200: it begins anew at the ring's start.
  put_ring_record(image, 7, 1, 0x1e0, 0x230, 0x00, "wrapped to the start, reopened", 6);
  put_ring_record(image, 8, 3, 0x230, 0x250, 0x30, "reusable: gone", 6);
  put_ring_record(image, 9, 0, 0x250, 0x270, 0x50, "reserved: not yet there", 6);
  put_ring_record(image, 11, 2, 0x270, 0x290, 0x70, "two\nlines", 0);
  const Read log = read(image, ring_info);
  EXPECT_FALSE(log.error) << log.error->message();
  EXPECT_EQ(texts(log),
            (std::vector<std::string>{"first", "wrapped to the start, reopened", "two", "lines"}));
  EXPECT_EQ(log.lines[0].level, 5);
  EXPECT_EQ(log.lines[0].time_ns, 6000U);
  EXPECT_EQ(log.lines[3].level, 0);
}

TEST(LinuxLog, SaysWhichRecordsOfTheRingAreDamagedOrLost) {
  LinuxImage image = ring(0, 3);
  put_ring_record(image, 0, 2, 0x00, 0x20, 0x00, "owned by another", 6);
  image.put64(kData, 77);
  put_ring_record(image, 1, 2, 1, 1, 0x40, "lost", 6);  // FAILED_LPOS
  put_ring_record(image, 2, 2, 3, 3, 0x40, "", 6);      // NO_LPOS: an empty line
  put_ring_record(image, 3, 2, 0x60, 0xa0, 0x60, "whole", 6);
  const Read log = read(image, ring_info);
  EXPECT_EQ(texts(log), (std::vector<std::string>{"", "whole"}));
  std::vector<ErrorCode> codes;
  for (const Note& note : log.notes) codes.push_back(note.code);
  EXPECT_NE(std::find(codes.begin(), codes.end(), ErrorCode::corrupt), codes.end());
  EXPECT_NE(std::find(codes.begin(), codes.end(), ErrorCode::not_in_dump), codes.end());
}

TEST(LinuxLog, RefusesARingOfImpossibleSize) {
  LinuxImage image = ring(0, 1);
  image.put32(0x10130, 63);
  const Read log = read(image, ring_info);
  ASSERT_TRUE(log.error);
  EXPECT_EQ(log.error->code, ErrorCode::corrupt);
  LinuxImage far = ring(5, std::uint64_t{1} << 61U);  // ids that are not there cost nothing
  put_ring_record(far, 5, 2, 0, 0x20, 0, "one", 6);
  EXPECT_EQ(texts(read(far, ring_info)), (std::vector<std::string>{"one"}));
}

TEST(LinuxLog, RecordsOfTheRingDoNotShareTheirText) {
  LinuxImage image = ring(0, 7);
  for (std::uint64_t id = 0; id < 8; ++id)
    put_ring_record(image, id, 2, id * 16, 0x100, id * 16, "", 6);
  for (std::uint64_t id = 0; id < 8; ++id) image.put16(kInfos + id * 88 + 16, 200);
  const Read log = read(image, ring_info);
  std::size_t text = 0;
  for (const LogLine& line : log.lines) text += line.text.size();
  EXPECT_GT(text, 0U);
  EXPECT_LE(text, 256U);
  EXPECT_TRUE(std::any_of(log.notes.begin(), log.notes.end(), [](const Note& note) {
    return note.text.find("more text than") != std::string::npos;
  }));
}

TEST(LinuxLog, RefusesARingWhoseStructuresCannotBe) {
  for (const char* claim : {"SIZE(printk_info)=0", "SIZE(printk_info)=17", "SIZE(prb_desc)=0",
                            "SIZE(prb_desc)=16", "SIZE(prb_desc)=1048576"}) {
    LinuxImage image = ring(0, 0);
    put_ring_record(image, 0, 2, 0, 0x20, 0, "one", 6);
    std::string info = ring_info;
    const std::string key = std::string(claim, std::string_view(claim).find('=') + 1);
    info.replace(info.find(key), info.find('\n', info.find(key)) - info.find(key), claim);
    const Read log = read(image, info);
    ASSERT_TRUE(log.error) << claim;
    EXPECT_EQ(log.error->code, ErrorCode::corrupt) << claim;
  }
}

TEST(LinuxLog, RefusesARingThatIsLargerThanTheMemoryInTheDump) {
  LinuxImage text = ring(0, 0);
  text.put32(0x10130, 22);  // 4 MiB of the image's 2
  EXPECT_TRUE(read(text, ring_info).error);
  LinuxImage records = ring(0, 0);
  records.put32(0x10100, 17);  // 3 MiB of descriptors
  EXPECT_TRUE(read(records, ring_info).error);
}

TEST(LinuxLog, AsksEachMissingPageOfTheRingOnce) {
  LinuxImage image = ring(0, 0x3fff);
  image.put32(0x10100, 14).put64(0x10108, kBase + 0x30000000);  // 96 pages that are not mapped
  const Read log = read(image, ring_info);
  EXPECT_FALSE(log.error);
  std::size_t places = 0;
  for (const Note& note : log.notes)
    places += note.text.find("more places") == std::string::npos ? 1 : std::stoul(note.text);
  EXPECT_EQ(places, 97U);  // the first record's, at a page's start, and one that straddles each end
}

TEST(LinuxLog, ReadsThePlainBufferOfOldKernels) {
  LinuxImage image(2U << 20U);
  image.put64(0x10000, kBase + 0x20000).put32(0x10008, 64).put32(0x10010, 68).put32(0x10018, 62);
  // 68 bytes written into 64: the last four lie at the front; the first line was cleared.
  const std::string written =
      "xxxxx\n<6>[    1.000000] one\n<4>plain two\n<5>[    2.500000] three...\n";
  ASSERT_EQ(written.size(), 68U);
  for (std::size_t i = 4; i < written.size(); ++i)
    image.put8(0x20000 + i % 64, static_cast<std::uint8_t>(written[i]));
  const Read log =
      read(image,
           "SYMBOL(log_buf)=ffffffff80010000\nSYMBOL(log_buf_len)=ffffffff80010008\n"
           "SYMBOL(log_end)=ffffffff80010010\nSYMBOL(logged_chars)=ffffffff80010018\n");
  EXPECT_FALSE(log.error) << log.error->message();
  EXPECT_EQ(texts(log), (std::vector<std::string>{"one", "plain two", "three..."}));
  EXPECT_EQ(log.lines[0].time_ns, 1000000000U);
  EXPECT_EQ(log.lines[1].level, 4);
}

TEST(KernelLog, EndsAfterMoreLinesThanAnyKernelHas) {
  Notes notes;
  std::uint64_t taken = 0;
  const LogVisitor take = [&taken](const LogLine&) { return ++taken != 0; };
  const LogVisitor limited = at_most_log_lines(take, notes);
  const LogLine line;
  std::uint64_t given = 0;
  while (limited(line)) ++given;
  EXPECT_EQ(given, 1U << 20U);
  EXPECT_EQ(taken, 1U << 20U);
  EXPECT_EQ(notes.take().size(), 1U);
}

TEST(KernelNotes, AreKeptOnceAndCounted) {
  Notes notes;
  for (int round = 0; round < 3; ++round)
    for (int i = 0; i < 150; ++i)
      notes.add(Note{ErrorCode::corrupt, "x" + std::to_string(i), std::nullopt});
  const auto taken = notes.take();
  ASSERT_EQ(taken.size(), 101U);
  EXPECT_EQ(taken[99].text, "x99");
  EXPECT_NE(taken.back().text.find("150 more"), std::string::npos);  // 50 of each of three rounds
  EXPECT_TRUE(notes.take().empty());
}

TEST(KernelNotes, ThatDifferInTheirPlaceAloneAreSaidThreeTimes) {
  Notes notes;
  for (std::uint64_t at = 0; at < 50; ++at) {
    notes.add(Note{ErrorCode::corrupt, "broken", at});
    notes.add(Note{ErrorCode::unmapped, "broken", at});
  }
  const auto taken = notes.take();
  ASSERT_EQ(taken.size(), 8U);
  EXPECT_EQ(taken[4].at, 2U);
  EXPECT_EQ(taken[6], (Note{ErrorCode::corrupt, "47 more places: broken", std::nullopt}));
  EXPECT_EQ(taken[7], (Note{ErrorCode::unmapped, "47 more places: broken", std::nullopt}));
}

}  // namespace
}  // namespace panicroom::linux_kernel
