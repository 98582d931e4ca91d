// Every file of the illumos descriptions: what the header says, each page of memory, each virtual
// page of each address space, against the description.
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <string>

#include "core/arch/page_table.h"
#include "core/dump/formats.h"
#include "core/memory/address_space.h"
#include "tests/foundry/containers.h"
#include "tests/foundry/description.h"
#include "tests/foundry/test_name.h"
#include "tests/source_folder.h"
#include "tests/unit/dump_image.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::FileText;
using panicroom::Absence;
using panicroom::AddressSpace;
using panicroom::Architecture;
using panicroom::Dump;
using panicroom::ErrorCode;
using panicroom::IllumosContent;
using panicroom::MutableBytes;
using panicroom::Result;
using panicroom::SourcePtr;

const std::string folder = std::string(source_folder) + "/tests/foundry/descriptions/";

struct Named {
  std::string description;
  FileText file;
  friend void PrintTo(const Named& named, std::ostream* out) { *out << named.file.name; }
};

std::vector<Named> all_files() {
  std::vector<Named> all;
  for (const char* name : {"illumos-dump", "illumos-dump-32"})
    for (const FileText& file : foundry::read_files(folder + name + ".txt"))
      all.push_back({name, file});
  return all;
}

Blob bytes_of(panicroom::Bytes bytes) {
  const auto* at = reinterpret_cast<const std::uint8_t*>(bytes.data());
  return {at, at + bytes.size()};
}

/// Made once for all tests of it.
struct Made {
  Description description;
  Blob blob;
};

const Made& made(const Named& named) {
  static std::map<std::string, Made> all;
  Made& one = all[named.file.name];
  if (one.blob.empty()) {
    one.description = foundry::read_description(folder + named.description + ".txt");
    one.blob = foundry::make_dump(one.description, named.file).front();
  }
  return one;
}

class IllumosDump : public testing::TestWithParam<Named> {
 protected:
  IllumosDump() : mapped(open(false)), unmapped(open(true)) {}
  Dump open(bool hide) const {
    const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
    SourcePtr source = panicroom::memory_source("dump", {bytes, bytes + blob.size()});
    if (hide) source = std::make_shared<panicroom::testing::Unmapped>(source);
    auto dump = panicroom::open_dump({&source, 1});
    EXPECT_TRUE(dump) << dump.error().message();
    return dump ? *std::move(dump) : Dump{};
  }
  bool flag(std::string_view key) const { return GetParam().file.number(key, 0) != 0; }
  bool in_dump(std::uint64_t page) const {
    return description.image.has(page) && !description.image.excluded.contains(page);
  }
  std::uint64_t kas() const {
    for (const foundry::Symbol& symbol : description.image.symbols)
      if (symbol.name == "kas") return symbol.address;
    return 0;
  }
  void expect_page(const Dump& dump, std::uint64_t page) const {
    SCOPED_TRACE(testing::Message() << std::hex << page);
    const auto read = panicroom::testing::read_page(dump, page);
    const auto place = dump.memory->locate(page + 7);
    EXPECT_EQ(place.record, "page frame table");
    if (in_dump(page)) {
      ASSERT_TRUE(read) << read.error().message();
      EXPECT_TRUE(bytes_of(*read) == description.image.page_bytes(page));
      EXPECT_TRUE(place.present);
      const panicroom::Bytes view = dump.memory->view(page + 7);
      if (!view.empty()) {
        EXPECT_TRUE(bytes_of(view.first(9)) == bytes_of(panicroom::Bytes(*read).subspan(7, 9)));
      }
    } else {
      ASSERT_FALSE(read);
      EXPECT_EQ(read.error().absence, Absence::hole);
      EXPECT_FALSE(place.present);
    }
  }
  void expect_mapping(const Dump& dump, std::uint64_t as, const foundry::Mapping& mapping) const {
    AddressSpace space(dump.memory, dump.machine, panicroom::illumos_page_table(*dump.illumos, as));
    for (std::uint64_t at = 0; at < mapping.size; at += description.image.page) {
      const std::uint64_t page = mapping.physical + at;
      SCOPED_TRACE(testing::Message() << std::hex << as << " " << mapping.virtual_address + at);
      std::vector<std::byte> bytes(16);
      const auto read = space.read(mapping.virtual_address + at + 8, bytes);
      const auto where = space.translate(mapping.virtual_address + at + 8);
      if (!in_dump(page)) {
        EXPECT_FALSE(read);
        continue;
      }
      ASSERT_TRUE(read) << read.error().message();
      const Blob expected = description.image.page_bytes(page);
      EXPECT_TRUE(bytes_of(bytes) == Blob(expected.begin() + 8, expected.begin() + 24));
      ASSERT_TRUE(where);
      EXPECT_EQ(where->physical, page + 8);
      EXPECT_EQ(where->page_size, description.image.page);
    }
  }

  const Description& description = made(GetParam()).description;
  const Blob& blob = made(GetParam()).blob;
  Dump mapped, unmapped;
};

TEST_P(IllumosDump, HeaderSaysWhatTheDescriptionSays) {
  const FileText& file = GetParam().file;
  const std::uint64_t version = file.number("version", 10);
  const bool big = flag("big");
  const bool wide = description.image.pointer() == 8;
  ASSERT_TRUE(mapped.illumos);
  const panicroom::IllumosDump& said = *mapped.illumos;
  EXPECT_EQ(said.version, version);
  EXPECT_EQ(said.word_bits, wide ? 64U : 32U);
  const std::string content = file.get("content", "kernel");
  EXPECT_EQ(said.content, content == "all"       ? IllumosContent::all
                          : content == "curproc" ? IllumosContent::current_process
                                                 : IllumosContent::kernel);
  EXPECT_EQ(said.live, flag("live"));
  EXPECT_EQ(said.complete, !flag("incomplete"));
  EXPECT_EQ(said.fm_panic, flag("fm"));
  EXPECT_EQ(said.panic_string, description.panic);
  EXPECT_EQ(said.sysname, "SunOS");
  EXPECT_EQ(said.machine, file.get("machine", "i86pc"));
  EXPECT_EQ(said.platform, said.machine);
  EXPECT_EQ(said.uuid, version == 9 ? "" : "8a7c3f1e-0000-4b5c-9d6e-f00d00000001");
  EXPECT_EQ(mapped.nodename, "foundry");
  EXPECT_EQ(mapped.release, "5.11");
  EXPECT_EQ(mapped.version, "illumos-foundry");
  EXPECT_EQ(mapped.time, 1600000000);
  EXPECT_EQ(mapped.machine.order, big ? std::endian::big : std::endian::little);
  EXPECT_EQ(mapped.machine.pointer_size, description.image.pointer());
  EXPECT_EQ(mapped.machine.architecture, big    ? Architecture::unknown
                                         : wide ? Architecture::x86_64
                                                : Architecture::i386);
  EXPECT_EQ(mapped.complete, said.complete);
  EXPECT_EQ(mapped.remarks.empty(), said.complete);
}

TEST_P(IllumosDump, EveryPageIsAsTheMachineHadIt) {
  for (const Dump* dump : {&mapped, &unmapped})
    for (std::uint64_t page = 0; page < 0x1a2000; page += 0x1000) expect_page(*dump, page);
  const std::uint64_t high = 0x100000000;
  for (std::uint64_t page = high - 0x2000; page < high + 0x42000; page += 0x1000)
    expect_page(mapped, page);
  std::uint64_t end = 0;
  for (const foundry::Range& range : description.image.ram) end = std::max(end, range.end);
  EXPECT_EQ(mapped.memory->end(), end);
}

TEST_P(IllumosDump, RangesAreThoseOfTheDescription) {
  for (const Dump* dump : {&mapped, &unmapped}) {
    std::uint64_t at = 0;
    dump->memory->ranges([&](const panicroom::PhysicalRange& range) {
      EXPECT_EQ(range.start, at);
      at = range.end;
      EXPECT_EQ(range.present, in_dump(range.start)) << std::hex << range.start;
      EXPECT_EQ(range.present, in_dump(range.end - 0x1000)) << std::hex << range.end;
      EXPECT_EQ(range.absence, range.present ? Absence::none : Absence::hole);
      return true;
    });
    EXPECT_EQ(at, dump->memory->end());
  }
}

TEST_P(IllumosDump, EachAddressSpaceShowsItsOwnPages) {
  for (const Dump* dump : {&mapped, &unmapped}) {
    for (const foundry::Mapping& mapping : description.image.mappings)
      expect_mapping(*dump, kas(), mapping);
    for (const auto& [as, mapping] : description.image.spaces) expect_mapping(*dump, as, mapping);
  }
}

TEST_P(IllumosDump, WhatNoSpaceShowsIsUnmapped) {
  AddressSpace kernel(mapped.memory, mapped.machine,
                      panicroom::illumos_page_table(*mapped.illumos, kas()));
  const auto& [as, mapping] = description.image.spaces.front();
  for (const std::uint64_t address :
       {std::uint64_t{0}, mapping.virtual_address, kas() + 0x10000000}) {
    const auto read = kernel.u32(address);
    ASSERT_FALSE(read) << std::hex << address;
    EXPECT_EQ(read.error().code, ErrorCode::unmapped);
    EXPECT_EQ(read.error().address, address);
  }
  // A space that is none shows nothing, not the kernel's pages.
  AddressSpace none(mapped.memory, mapped.machine,
                    panicroom::illumos_page_table(*mapped.illumos, 0));
  EXPECT_EQ(none.u32(kas()).error().code, ErrorCode::unmapped);
}

TEST_P(IllumosDump, StepsEndAtThePage) {
  AddressSpace kernel(mapped.memory, mapped.machine,
                      panicroom::illumos_page_table(*mapped.illumos, kas()));
  std::vector<panicroom::TranslationStep> steps;
  const auto found = kernel.translate(kas(), &steps);
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->physical, description.image.physical_of(kas()));
  ASSERT_FALSE(steps.empty());
  for (const panicroom::TranslationStep& step : steps) {
    EXPECT_FALSE(step.meaning.empty());
    ASSERT_TRUE(step.entry_offset);
    EXPECT_LT(*step.entry_offset, blob.size());
  }
}

TEST_P(IllumosDump, TheMapListsEveryMapping) {
  std::size_t expected = 0;
  const auto count = [&](const foundry::Mapping& mapping) {
    for (std::uint64_t at = 0; at < mapping.size; at += 0x1000)
      if (in_dump(mapping.physical + at)) ++expected;
  };
  for (const foundry::Mapping& mapping : description.image.mappings) count(mapping);
  for (const auto& space : description.image.spaces) count(space.second);
  std::size_t seen = 0;
  const auto done = unmapped.illumos->map->each([&](const panicroom::IllumosMapping& it) {
    if (in_dump(it.physical_page)) ++seen;
    EXPECT_EQ(*mapped.illumos->map->physical(it.as, it.virtual_page), it.physical_page);
    return true;
  });
  EXPECT_TRUE(done) << done.error().message();
  EXPECT_EQ(seen, expected);
}

TEST_P(IllumosDump, SymbolsAreTheKernelFile) {
  if (GetParam().file.get("ksyms") == "none") {
    EXPECT_EQ(mapped.illumos->ksyms, nullptr);
    return;
  }
  const Blob expected = foundry::with_absolute_symbols(foundry::kernel_file(description.image));
  for (const Dump* dump : {&mapped, &unmapped}) {
    ASSERT_NE(dump->illumos->ksyms, nullptr);
    ASSERT_EQ(dump->illumos->ksyms->size(), expected.size());
    std::vector<std::byte> bytes(expected.size());
    const auto read = dump->illumos->ksyms->read(0, bytes);
    ASSERT_TRUE(read) << read.error().message();
    EXPECT_TRUE(bytes_of(bytes) == expected);
  }
}

TEST_P(IllumosDump, EveryByteOfTheFileHasAName) {
  EXPECT_TRUE(panicroom::testing::regions_cover(mapped, {blob.size()}));
}

INSTANTIATE_TEST_SUITE_P(Files, IllumosDump, testing::ValuesIn(all_files()), [](const auto& named) {
  return foundry::test_name(named.param.file.name);
});

}  // namespace
