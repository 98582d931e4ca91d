// illumos dumps that are cut, damaged or lie: what is whole is still read, the rest says what is
// wrong.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <thread>
#include <vector>

#include "core/arch/page_table.h"
#include "core/dump/formats.h"
#include "core/memory/address_space.h"
#include "tests/foundry/description.h"
#include "tests/source_folder.h"
#include "tests/unit/dump_image.h"

namespace {

using foundry::Blob;
using foundry::Description;
using panicroom::Absence;
using panicroom::Dump;
using panicroom::ErrorCode;
using panicroom::Result;
using panicroom::SourcePtr;
using panicroom::testing::remarks_mention;

// Offsets in the header of a 64-bit dump.
constexpr std::size_t version_at = 4, flags_at = 8, bits_at = 12, ksyms_at = 24, pfn_at = 32,
                      map_at = 40, data_at = 48, page_shift_at = 1808, page_size_at = 1816,
                      hash_mask_at = 1824, mappings_at = 1832, pages_at = 1840,
                      ksyms_size_at = 1848, ksyms_stored_at = 1856, crypt_at = 1905;
constexpr std::uint64_t kas = 0xfffffffffb8202a0;

const Description& description() {
  static const Description parsed = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/illumos-dump.txt");
  return parsed;
}

Blob made(const std::vector<std::pair<std::string, std::string>>& settings) {
  return foundry::make_dump(description(), {"made", "illumos", settings}).front();
}

std::uint64_t at(const Blob& blob, std::uint64_t offset) {
  std::uint64_t value = 0;
  for (unsigned i = 0; i < 8; ++i)
    value |= std::uint64_t{blob[static_cast<std::size_t>(offset) + i]} << (8 * i);
  return value;
}

Result<Dump> open(const Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  const SourcePtr source = panicroom::memory_source("dump", {bytes, bytes + blob.size()});
  return panicroom::open_dump({&source, 1});
}

Dump opened(const Blob& blob) {
  auto dump = open(blob);
  EXPECT_TRUE(dump) << dump.error().message();
  return dump ? *std::move(dump) : Dump{};
}

/// All pages that the description puts into the dump, ascending: page N of the file.
const std::vector<std::uint64_t>& pages() {
  static const std::vector<std::uint64_t> all = [] {
    std::vector<std::uint64_t> list;
    for (const foundry::Range& range : description().image.ram)
      for (std::uint64_t page = range.start; page < range.end; page += 0x1000)
        if (!description().image.excluded.contains(page)) list.push_back(page);
    return list;
  }();
  return all;
}

bool is_right(const std::vector<std::byte>& bytes, std::uint64_t page) {
  const Blob expected = description().image.page_bytes(page);
  return std::equal(
      bytes.begin(), bytes.end(), expected.begin(), expected.end(),
      [](std::byte a, std::uint8_t b) { return std::to_integer<std::uint8_t>(a) == b; });
}

struct Count {
  std::size_t right = 0, truncated = 0, corrupt = 0, hole = 0;
  std::size_t all() const { return right + truncated + corrupt + hole; }
};

/// No page may be anything but right or missing for a reason.
Count count_of(const Dump& dump) {
  Count count;
  for (const std::uint64_t page : pages()) {
    const auto read = panicroom::testing::read_page(dump, page);
    if (read) {
      EXPECT_TRUE(is_right(*read, page)) << std::hex << page;
      ++count.right;
    } else if (read.error().code == ErrorCode::corrupt) {
      ++count.corrupt;
    } else if (read.error().absence == Absence::truncated) {
      ++count.truncated;
    } else {
      EXPECT_EQ(read.error().absence, Absence::hole) << read.error().message();
      ++count.hole;
    }
    EXPECT_EQ(dump.memory->locate(page).present, read.has_value());
  }
  return count;
}

/// Where an address of a space leads, or why nowhere.
Result<std::uint64_t> physical(const Dump& dump, std::uint64_t as, std::uint64_t address) {
  panicroom::AddressSpace space(dump.memory, dump.machine,
                                panicroom::illumos_page_table(*dump.illumos, as));
  const auto found = space.translate(address);
  if (!found) return panicroom::Failure(found.error());
  return found->physical;
}

Blob changed(Blob blob, std::uint64_t offset, std::uint64_t value, unsigned width = 8) {
  foundry::put(blob, static_cast<std::size_t>(offset), value, width);
  return blob;
}

/// File offset of the entry of `map` that shows a page of the kernel, and of its bucket's head.
std::pair<std::uint64_t, std::uint64_t> entry_of(const Blob& vmcore, std::uint64_t page) {
  const std::uint64_t map = at(vmcore, map_at);
  const std::uint64_t bucket = ((kas >> 3U) + (page >> 12U)) & at(vmcore, hash_mask_at);
  std::uint64_t entry = at(vmcore, map + bucket * 40);
  while (at(vmcore, entry + 24) != kas || at(vmcore, entry + 32) != page)
    entry = at(vmcore, entry + 8);
  return {entry, map + bucket * 40};
}

constexpr std::uint64_t looked_up = 0xfffffffffb810000;

TEST(IllumosDoubt, ChainsOfTheMapAreNotTrusted) {
  const Blob whole = made({});
  const auto [entry, head] = entry_of(whole, looked_up);
  const std::uint64_t map = at(whole, map_at);
  const std::uint64_t table_end = map + (at(whole, hash_mask_at) + 1) * 40;
  ASSERT_EQ(physical(opened(whole), kas, looked_up), 0x110000U);
  struct Case {
    std::uint64_t offset, value;
    std::string word;
  };
  // A page of the same bucket that is not there has to pass the whole chain.
  const std::uint64_t other = looked_up + ((at(whole, hash_mask_at) + 1) << 12U);
  const std::vector<Case> cases = {
      {head, table_end, "none begins"},
      {head, map + 8, "none begins"},
      {head, entry + 1, "none begins"},
      {head, map - 40, "none begins"},
      {head, 0xffffffffffffffff, "none begins"},
      {entry + 8, entry, "cycle"},
      {entry + 32, looked_up + 0x1000, "belongs to bucket"},
  };
  for (const Case& one : cases) {
    SCOPED_TRACE(one.word);
    const auto found = physical(opened(changed(whole, one.offset, one.value)), kas, other);
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, ErrorCode::corrupt);
    EXPECT_NE(found.error().text.find(one.word), std::string::npos) << found.error().text;
  }
  EXPECT_EQ(physical(opened(whole), kas, other).error().code, ErrorCode::unmapped);
}

TEST(IllumosDoubt, PagesThatTheMapNamesAreNotTrusted) {
  const Blob whole = made({});
  const std::uint64_t entry = entry_of(whole, looked_up).first;
  const std::uint64_t data = at(whole, data_at);
  for (const std::uint64_t value :
       {std::uint64_t{0}, data - 0x1000, data + 1, data + at(whole, pages_at) * 0x1000,
        std::uint64_t{0xfffffffffffff000}}) {
    const auto found = physical(opened(changed(whole, entry + 16, value)), kas, looked_up);
    ASSERT_FALSE(found) << std::hex << value;
    EXPECT_EQ(found.error().code, ErrorCode::corrupt);
  }
  // It names another page: that one is shown, by its own frame.
  EXPECT_EQ(physical(opened(changed(whole, entry + 16, data)), kas, looked_up), 0x1000U);
}

TEST(IllumosDoubt, ACoreThatIsCutKeepsWhatComesBefore) {
  const Blob whole = made({});
  const std::uint64_t data = at(whole, data_at);
  for (const std::size_t kept : {std::size_t{0}, std::size_t{1}, std::size_t{100}}) {
    const Blob cut(whole.begin(),
                   whole.begin() + static_cast<std::ptrdiff_t>(data + kept * 0x1000 + 7));
    const Dump dump = opened(cut);
    EXPECT_FALSE(dump.complete);
    EXPECT_TRUE(remarks_mention(dump, "the file ends"));
    const Count count = count_of(dump);
    EXPECT_EQ(count.right, kept);
    EXPECT_EQ(count.truncated, pages().size() - kept);
    std::vector<std::byte> page(4096);
    EXPECT_EQ(dump.memory->read_cut_page(pages()[kept], page), 7U);
    EXPECT_EQ(physical(dump, kas, looked_up), 0x110000U);
  }
  // Within the map, the table of frames and the symbols.
  for (const std::size_t field : {map_at, pfn_at, ksyms_at}) {
    const std::uint64_t length = at(whole, field) + 80;
    const Dump dump =
        opened(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    EXPECT_FALSE(dump.complete);
    EXPECT_EQ(count_of(dump).right, 0U);
    EXPECT_EQ(dump.illumos->ksyms == nullptr, field == ksyms_at);
    EXPECT_EQ(physical(dump, kas, looked_up).error().code, ErrorCode::not_in_dump);
    EXPECT_TRUE(panicroom::testing::regions_cover(dump, {length}));
  }
  // Within the header nothing is left.
  for (const std::size_t length : {std::size_t{4}, std::size_t{60}, std::size_t{1800}}) {
    const auto dump =
        open(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    ASSERT_FALSE(dump);
    EXPECT_NE(dump.error().text.find("header"), std::string::npos) << dump.error().text;
  }
}

TEST(IllumosDoubt, UnwrittenPagesOfZerosAtTheEndAreSaidToBeSo) {
  const Dump dump = opened(made({{"shorttail", "1"}}));
  EXPECT_TRUE(remarks_mention(dump, "pages of zeros"));
  const Count count = count_of(dump);
  EXPECT_GT(count.truncated, 0U);
  EXPECT_EQ(count.right + count.truncated, pages().size());
}

TEST(IllumosDoubt, HeadersThatCannotBeAreRefused) {
  struct Case {
    std::size_t offset;
    std::uint64_t value;
    unsigned width;
    ErrorCode code;
    std::string word;
  };
  const std::vector<Case> cases = {
      {version_at, 8, 4, ErrorCode::unsupported, "version 8"},
      {version_at, 12, 4, ErrorCode::unsupported, "version 12"},
      {bits_at, 48, 4, ErrorCode::corrupt, "48 bits"},
      {page_shift_at, 11, 8, ErrorCode::corrupt, "2^11"},
      {page_shift_at, 64, 8, ErrorCode::corrupt, "2^64"},
      {page_shift_at, 13, 8, ErrorCode::corrupt, "4096"},
      {page_size_at, 8192, 8, ErrorCode::corrupt, "8192"},
      {hash_mask_at, 5, 8, ErrorCode::corrupt, "hash mask"},
      {hash_mask_at, 0xffffffffffffffff, 8, ErrorCode::corrupt, "hash mask"},
      {pages_at, 1ULL << 60U, 8, ErrorCode::corrupt, "outside of any file"},
      {mappings_at, 1ULL << 61U, 8, ErrorCode::corrupt, "outside of any file"},
      {ksyms_size_at, 1ULL << 63U, 8, ErrorCode::corrupt, "outside of any file"},
      {ksyms_stored_at, 1ULL << 63U, 8, ErrorCode::corrupt, "outside of any file"},
      {data_at, 0x8000000000000000, 8, ErrorCode::corrupt, "outside of any file"},
      {pfn_at, 0xffffffffffffffff, 8, ErrorCode::corrupt, "outside of any file"},
  };
  const Blob whole = made({});
  for (const Case& one : cases) {
    SCOPED_TRACE(one.offset);
    const auto dump = open(changed(whole, one.offset, one.value, one.width));
    ASSERT_FALSE(dump);
    EXPECT_EQ(dump.error().code, one.code);
    EXPECT_NE(dump.error().text.find(one.word), std::string::npos) << dump.error().text;
  }
}

TEST(IllumosDoubt, ASymbolTableThatNoStreamCanBeIsLeftOut) {
  const Dump dump = opened(changed(made({}), ksyms_size_at, 1ULL << 30U));
  EXPECT_EQ(dump.illumos->ksyms, nullptr);
  EXPECT_TRUE(remarks_mention(dump, "symbols"));
  EXPECT_EQ(count_of(dump).right, pages().size());
}

TEST(IllumosDoubt, ATableOfFramesOutOfOrderSaysSo) {
  const Blob whole = made({});
  const Dump dump = opened(changed(whole, at(whole, pfn_at), 0xffffffff));
  EXPECT_TRUE(remarks_mention(dump, "ascending"));
  const Count count = count_of(dump);
  EXPECT_EQ(count.hole, 1U);
  EXPECT_EQ(count.right, pages().size() - 1);
}

TEST(IllumosDoubt, PagesThatTheMapAloneKnowsAreNotInTheDump) {
  const Dump dump = opened(made({{"kind", "vmdump"}, {"strays", "1"}}));
  // 0x180000 is excluded, and nothing maps it; the hole at 0x9f000 is mapped by nothing either.
  EXPECT_EQ(count_of(dump).right, pages().size());
  std::size_t strays = 0;
  EXPECT_TRUE(dump.illumos->map->each([&](const panicroom::IllumosMapping& mapping) {
    if (!description().image.has(mapping.physical_page) ||
        description().image.excluded.contains(mapping.physical_page))
      ++strays;
    return true;
  }));
  EXPECT_EQ(strays, 0U);
}

const std::vector<std::vector<std::pair<std::string, std::string>>> compressed = {
    {{"kind", "vmdump"}, {"codec", "serial"}},
    {{"kind", "vmdump"}, {"codec", "single"}},
    {{"kind", "vmdump"}, {"codec", "lzjb"}},
    {{"kind", "vmdump"}, {"codec", "lzjb"}, {"extra", "4"}},
    {{"kind", "vmdump"}, {"codec", "bzip2"}},
    {{"kind", "vmdump"}, {"codec", "bzip2"}, {"member", "50000"}, {"block", "1000"}},
};

TEST(IllumosDoubt, ACompressedDumpThatIsCutKeepsWhatComesBefore) {
  for (const auto& settings : compressed) {
    SCOPED_TRACE(settings[1].second);
    const Blob whole = made(settings);
    const std::uint64_t data = at(whole, data_at);
    // Zeros follow it up to the header at the end.
    std::uint64_t data_end = whole.size() - 0x10000;
    while (whole[static_cast<std::size_t>(data_end) - 1] == 0) --data_end;
    const std::uint64_t data_size = data_end - data;
    std::size_t most = 0;
    for (const unsigned tenths : {1U, 5U, 9U}) {
      const std::uint64_t length = data + data_size / 10 * tenths + 3;
      const Dump dump =
          opened(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
      EXPECT_FALSE(dump.complete);
      EXPECT_TRUE(remarks_mention(dump, "the header that stands at the end"));
      const Count count = count_of(dump);
      EXPECT_EQ(count.right + count.truncated, pages().size());
      EXPECT_LT(count.right, pages().size());
      EXPECT_GE(count.right, most);
      most = count.right;
      // What ranges() says is what reading says.
      std::size_t present = 0;
      dump.memory->ranges([&](const panicroom::PhysicalRange& range) {
        if (range.present) present += (range.end - range.start) / 0x1000;
        return true;
      });
      EXPECT_EQ(present, count.right);
      EXPECT_EQ(physical(dump, kas, looked_up), 0x110000U);
    }
    EXPECT_GT(most, pages().size() / 4);
    // Within the map: what it names before is found, the rest may have been cut off.
    const std::uint64_t in_map = at(whole, map_at) + 24 * 10 + 5;
    const Dump dump =
        opened(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(in_map)));
    EXPECT_EQ(physical(dump, kas, 0xfffffffffb809000), 0x109000U);
    EXPECT_EQ(physical(dump, kas, 0xfffffffffb80a000).error().code, ErrorCode::not_in_dump);
  }
}

TEST(IllumosDoubt, ADamagedStreamHidesItsOwnPagesAlone) {
  for (const std::string codec : {"lzjb", "bzip2"}) {
    SCOPED_TRACE(codec);
    const Blob whole = made({{"kind", "vmdump"}, {"codec", codec}, {"streams", "4"}});
    // The first block's first bytes: a stream's header, or the first block of bzip2.
    const Dump dump = opened(changed(whole, at(whole, data_at) + 4 + 20, 0x0123456789abcdef));
    const Count count = count_of(dump);
    EXPECT_GT(count.corrupt, pages().size() / 8);
    EXPECT_LT(count.corrupt, pages().size() / 2);
    EXPECT_EQ(count.right + count.corrupt, pages().size());
    for (const std::uint64_t page : pages())
      if (const auto read = panicroom::testing::read_page(dump, page); !read) {
        EXPECT_NE(read.error().text.find("stream 1"), std::string::npos) << read.error().text;
        break;
      }
  }
}

TEST(IllumosDoubt, SinglePagesBehindADamagedStreamAreNotTakenForOthers) {
  const Blob whole = made({{"kind", "vmdump"}, {"codec", "lzjb"}, {"extra", "20"}});
  const Dump dump = opened(changed(whole, at(whole, data_at) + 4, 0x0123456789abcdef));
  const Count count = count_of(dump);  // which expects each page that is read to be right
  EXPECT_GT(count.corrupt, 20U);
  EXPECT_GT(count.right, pages().size() / 4);
}

TEST(IllumosDoubt, RecordsThatCannotBeAreCorrupt) {
  const Blob whole = made({{"kind", "vmdump"}, {"codec", "lzjb"}, {"streams", "3"}});
  const std::uint64_t data = at(whole, data_at);
  // A fourth stream of three; a block larger than the data header allows.
  for (const std::uint64_t word : {std::uint64_t{0x00400010}, std::uint64_t{0x001fffff}}) {
    const Count count = count_of(opened(changed(whole, data, word, 4)));
    EXPECT_EQ(count.corrupt, pages().size());
  }
  const Blob single = made({{"kind", "vmdump"}, {"codec", "single"}});
  const Count count = count_of(opened(changed(single, at(single, data_at), 0x1001, 4)));
  EXPECT_EQ(count.corrupt, pages().size());
}

TEST(IllumosDoubt, WithoutADataHeaderTheStreamsSayWhatTheyAre) {
  for (const std::string codec : {"lzjb", "bzip2"}) {
    Blob blob = made({{"kind", "vmdump"}, {"codec", codec}});
    const std::string magic = {'r', 'd', 'h', 'd'};
    const auto found = std::find_end(blob.begin(), blob.end(), magic.begin(), magic.end());
    ASSERT_NE(found, blob.end());
    *found = 'x';
    EXPECT_EQ(count_of(opened(blob)).right, pages().size()) << codec;
  }
}

TEST(IllumosDoubt, ADeviceThatWasUsedSinceSaysSo) {
  const Dump dump = opened(made({{"kind", "device"}, {"overwritten", "1"}}));
  EXPECT_TRUE(remarks_mention(dump, "overwritten"));
  EXPECT_EQ(count_of(dump).right, pages().size());
}

TEST(IllumosDoubt, IncompleteDumpsSaySo) {
  for (const std::string kind : {"vmcore", "vmdump", "device"}) {
    const Dump dump = opened(made({{"kind", kind}, {"incomplete", "1"}}));
    EXPECT_FALSE(dump.complete);
    EXPECT_TRUE(remarks_mention(dump, "not complete"));
    EXPECT_EQ(count_of(dump).right, pages().size());
  }
}

TEST(IllumosDoubt, EncryptedDumpsAreRefusedWithWhatToDo) {
  for (const std::string kind : {"vmdump", "device"}) {
    const auto dump = open(made({{"kind", kind}, {"version", "11"}, {"encrypted", "1"}}));
    ASSERT_FALSE(dump);
    EXPECT_EQ(dump.error().code, ErrorCode::unsupported);
    EXPECT_NE(dump.error().text.find("savecore"), std::string::npos) << dump.error().text;
  }
  // The algorithm alone says it, whatever bit the flag is; in version 10 there is none.
  for (const unsigned version : {10U, 11U}) {
    Blob blob = made({{"kind", "vmdump"}, {"version", std::to_string(version)}});
    blob[crypt_at] = 1;
    EXPECT_EQ(open(blob).has_value(), version == 10) << version;
  }
}

TEST(IllumosDoubt, AVmdumpIsKnownByItsFlagNotItsName) {
  // Without it the pages would be taken as they lie.
  const Blob blob = made({{"kind", "vmdump"}});
  EXPECT_EQ(opened(blob).format, "illumos vmdump v10");
  EXPECT_TRUE(opened(blob).illumos->compressed);
  EXPECT_EQ(at(blob, flags_at) & 8U, 8U);
  EXPECT_EQ(opened(made({})).format, "illumos vmcore v10");
  EXPECT_FALSE(opened(made({})).illumos->compressed);
  EXPECT_EQ(opened(made({{"kind", "device"}})).format, "illumos dump device v10");
}

#ifndef __EMSCRIPTEN__  // which has no threads
TEST(IllumosDoubt, ManyThreadsReadTheSamePages) {
  for (const std::string codec : {"lzjb", "bzip2"}) {
    const Dump dump = opened(made({{"kind", "vmdump"}, {"codec", codec}}));
    std::vector<std::size_t> right(4);
    std::vector<std::thread> threads;
    for (std::size_t thread = 0; thread < right.size(); ++thread)
      threads.emplace_back([&, thread] {
        for (std::size_t i = 0; i < pages().size(); ++i) {
          const std::uint64_t page = pages()[(i * 7 + thread * 101) % pages().size()];
          const auto read = panicroom::testing::read_page(dump, page);
          if (read && is_right(*read, page)) ++right[thread];
          if (!dump.illumos->map->physical(kas, looked_up)) right[thread] = 0;
        }
      });
    for (std::thread& thread : threads) thread.join();
    for (const std::size_t count : right) EXPECT_EQ(count, pages().size());
  }
}
#endif

}  // namespace
