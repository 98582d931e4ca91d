// Deliberately broken dumps: each must give a clear error or a partial answer with notes. What is
// tested is that nothing crashes, hangs, or reads past its bounds: run it under the sanitizers
// (preset asan); ./test stops a suite that hangs.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>

#include "tests/foundry/kernel_case.h"
#include "tests/foundry/systems.h"
#include "tests/foundry/test_name.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::FileText;
using panicroom::Error;
using panicroom::Notes;
using panicroom::Query;
using panicroom::Session;
using panicroom::SourcePtr;

const std::string folder = std::string(source_folder) + "/tests/foundry/descriptions/";
constexpr std::size_t most_rows = 20000;  // of one table of a made dump: far more than it holds

void expect_clear(const Error& error) {
  EXPECT_GT(error.text.size(), 10U) << "an error must say what was expected: " << error.text;
  EXPECT_NE(panicroom::name(error.code), "");
  for (const char c : error.text)
    EXPECT_GE(static_cast<unsigned char>(c), 0x20U) << "a control character in: " << error.text;
}

/// Opens the files and asks everything; answers whether they opened.
bool ask_everything(const std::vector<SourcePtr>& files) {
  auto session = Session::open(files);
  if (!session) {
    expect_clear(session.error());
    return false;
  }
  for (const panicroom::Table* table : panicroom::tables()) {
    Notes notes;
    std::size_t rows = 0;
    const auto made = (*session)->rows(
        *table, Query{}, [&](std::span<const panicroom::Value>) { return ++rows < most_rows; },
        notes);
    // A false size makes a bitmap of pages of whatever follows it.
    if (table->name() != "ranges") {
      EXPECT_LT(rows, most_rows) << table->name();
    }
    if (!made) expect_clear(made.error());
  }
  std::vector<std::byte> bytes(4096);
  for (std::uint64_t at = 0; at < 0xb00000; at += 0x3f000)
    if (auto read = (*session)->physical().read(at, bytes); !read) expect_clear(read.error());
  if ((*session)->kernel())
    for (const std::uint64_t at : {0xffffffff80400000ULL, 0xffffffffffffff00ULL, 0x1000ULL})
      if (auto read = (*session)->kernel()->memory().read(at, bytes); !read)
        expect_clear(read.error());
  return true;
}

struct Named {
  std::string description, file;
  friend void PrintTo(const Named& named, std::ostream* out) { *out << named.file; }
};

class Broken : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    const Description description =
        foundry::read_description(folder + GetParam().description + ".txt");
    for (const FileText& file : description.files)
      if (file.name == GetParam().file) parts = foundry::make_dump(description, file);
    ASSERT_FALSE(parts.empty());
    // Where all tables are described, the kernel file has types, but for releases whose layout is
    // built in.
    const foundry::SystemParts* system = foundry::find_system(description.system);
    if (system && system->types) {
      const bool typed = description.system == "freebsd"
                             ? (description.tick_rate != 0 || description.machine.any) &&
                                   description.version >= 1400000
                             : description.layout == "invented";
      kernel =
          foundry::kernel_file(description.image, typed ? system->types(description, {}) : Blob{});
    }
    page = static_cast<std::size_t>(description.image.page);
    random.seed(std::hash<std::string>{}(GetParam().file) & 0xffffffffU);
  }
  // None may take long: under 5 seconds with the sanitizers is what the project promises.
  void TearDown() override {
    std::printf("slowest answer: %.3f s\n", slowest.count());
    RecordProperty("slowest_milliseconds", static_cast<int>(slowest.count() * 1000));
  }

  /// The dump with its first part replaced.
  bool ask(const Blob& first) {
    std::vector<SourcePtr> files = {foundry::source("first", first)};
    for (std::size_t index = 1; index < parts.size(); ++index)
      files.push_back(foundry::source("part" + std::to_string(index), parts[index]));
    if (!kernel.empty()) files.push_back(foundry::source("kernel", kernel));
    const auto started = std::chrono::steady_clock::now();
    const bool opened = ask_everything(files);
    slowest = std::max<std::chrono::duration<double>>(slowest,
                                                      std::chrono::steady_clock::now() - started);
    return opened;
  }

  std::vector<Blob> parts;
  Blob kernel;
  std::size_t page = 4096;
  std::mt19937 random;
  std::chrono::duration<double> slowest{};
};

TEST_P(Broken, AsItIsItOpens) { EXPECT_TRUE(ask(parts[0])); }

TEST_P(Broken, TruncatedAnywhere) {
  const Blob& whole = parts[0];
  std::vector<std::size_t> lengths = {0, 1, 3, 4, 23, 24, 25, 63, 64, 71, 72, 79, 80};
  for (std::size_t pages = 1; pages < 12; ++pages)
    for (const std::size_t more : {std::size_t{0}, std::size_t{1}, page - 1})
      lengths.push_back(pages * page + more);
  for (std::size_t part = 1; part < 10; ++part) lengths.push_back(whole.size() / 10 * part + part);
  lengths.push_back(whole.size() - 1);
  for (const std::size_t length : lengths)
    if (length < whole.size()) {
      SCOPED_TRACE(length);
      ask(Blob(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length)));
    }
}

/// Every count, size and offset of the headers, one after the other, at its extremes; where each
/// try takes several times as long, neighbours share them.
TEST_P(Broken, HeaderFieldsAtTheirExtremes) {
#if defined(FOUNDRY_UNDER_SANITIZERS) || defined(__EMSCRIPTEN__)
  constexpr bool shared = true;
#else
  constexpr bool shared = false;
#endif
  const Blob& whole = parts[0];
  std::vector<std::size_t> words;
  for (std::size_t at = 0; at < 520 && at + 4 <= whole.size(); at += 4) words.push_back(at);
  for (std::size_t at = page; at < page + 128 && at + 4 <= whole.size(); at += 4)
    words.push_back(at);
  for (const std::size_t at : words) {
    std::uint32_t value = 0;
    std::memcpy(&value, &whole[at], 4);
    if (value == 0 && at % 16 != 0) continue;
    for (const std::uint32_t extreme : {0U, 1U, 0x7fffffffU, 0x80000000U, 0xffffffffU}) {
      if (value == extreme || (shared && (at / 4 + extreme) % 2 != 0)) continue;
      SCOPED_TRACE(at);
      Blob changed = whole;
      foundry::put(changed, at, extreme, 4);
      ask(changed);
    }
  }
}

TEST_P(Broken, FlippedBits) {
  for (int round = 0; round < 40; ++round) {
    SCOPED_TRACE(round);
    Blob changed = parts[0];
    for (int flip = 0; flip < 200; ++flip) {
      const std::size_t at = random() % changed.size();
      changed[at] ^= static_cast<std::uint8_t>(1U << (random() % 8));
    }
    ask(changed);
  }
}

/// Kernel pointers take each other's places: lists become cycles, tables point into data, stacks
/// loop.
TEST_P(Broken, PointersExchanged) {
  std::vector<std::size_t> places;
  for (std::size_t at = 0; at + 8 <= parts[0].size(); at += 8) {
    std::uint64_t value = 0;
    std::memcpy(&value, &parts[0][at], 8);
    const bool kernel_pointer = value >= 0xffff000000000000ULL && value != ~0ULL;
    const bool table_entry = value != 0 && value < 0x2000000 && (value & 3U) != 0;
    if (kernel_pointer || table_entry) places.push_back(at);
  }
  if (places.empty()) return;  // a compressed file shows none; its plain sibling does
  for (int round = 0; round < 60; ++round) {
    SCOPED_TRACE(round);
    Blob changed = parts[0];
    for (int exchange = 0; exchange < 1 + round; ++exchange) {
      const std::size_t from = places[random() % places.size()];
      const std::size_t to = places[random() % places.size()];
      std::copy_n(parts[0].begin() + static_cast<std::ptrdiff_t>(from), 8,
                  changed.begin() + static_cast<std::ptrdiff_t>(to));
    }
    ask(changed);
  }
}

INSTANTIATE_TEST_SUITE_P(
    Files, Broken,
    testing::Values(
        Named{"freebsd-amd64", "amd64-v1"}, Named{"freebsd-amd64", "amd64-v3"},
        Named{"freebsd-amd64", "amd64-full"}, Named{"freebsd-amd64", "amd64-v3-gzip"},
        Named{"freebsd-amd64", "amd64-v3-zstd"}, Named{"freebsd-i386", "i386-v2-word8"},
        Named{"freebsd-i386-pae", "i386-pae-v1"}, Named{"freebsd-arm64", "arm64-v2"},
        Named{"freebsd-arm64-16k", "arm64-v3-16k"}, Named{"freebsd-12-tables", "freebsd-12-full"},
        Named{"freebsd-14-current-tables", "freebsd-14-current-v3"},
        Named{"freebsd-15-0-tables", "freebsd-15-0-full"},
        Named{"freebsd-invented-tables", "freebsd-invented-full"},
        Named{"dragonfly-5-9", "dragonfly-5-9-v2"}, Named{"dragonfly-5-9", "dragonfly-5-9-full"},
        Named{"dragonfly-5-0", "dragonfly-5-0-v1"}, Named{"dragonfly-5-4", "dragonfly-5-4-full"},
        Named{"dragonfly-invented", "dragonfly-invented-v2"},
        Named{"freebsd-12-machine", "12-machine-full"},
        Named{"freebsd-14-current-machine", "14-current-machine-v3"},
        Named{"freebsd-15-0-machine", "15-0-machine-full"},
        Named{"freebsd-invented-machine", "invented-machine-full"},
        Named{"netbsd-invented-tables", "netbsd-invented-full"},
        Named{"netbsd-7-99-4-tables", "netbsd-7-99-4-sparse"},
        Named{"netbsd-7-99-4-tables", "netbsd-7-99-4-device"},
        Named{"netbsd-i386-tables", "netbsd-i386-full"},
        Named{"netbsd-i386-pae-tables", "netbsd-i386-pae-sparse"},
        Named{"netbsd-aarch64-tables", "netbsd-aarch64-full"}, Named{"linux-x86_64", "linux-elf"},
        Named{"linux-x86_64", "linux-elf-qemu"}, Named{"linux-x86_64", "linux-elf-flattened"},
        Named{"linux-x86_64", "linux-kdump-v2"}, Named{"linux-x86_64", "linux-kdump-v4"},
        Named{"linux-x86_64", "linux-kdump-v5"}, Named{"linux-x86_64", "linux-kdump-v6"},
        Named{"linux-x86_64", "linux-kdump-v6-plain"}, Named{"openbsd-amd64", "openbsd-kcore"},
        Named{"openbsd-amd64", "openbsd-qemu"}, Named{"openbsd-7-6", "openbsd-7-6-kcore"},
        Named{"openbsd-arm64", "openbsd-arm64-plain"},
        Named{"linux-x86_64", "linux-kdump-v6-split"},
        Named{"linux-x86_64-la57", "linux-la57-elf-qemu"},
        Named{"linux-x86_64-functions", "linux-functions-elf"},
        Named{"linux-i386", "linux-i386-kdump-v6"}, Named{"linux-i386-pae", "linux-i386-pae-elf"},
        Named{"linux-aarch64", "linux-aarch64-kdump"},
        Named{"linux-aarch64-functions", "linux-aarch64-functions-elf"},
        Named{"illumos-dump", "vmcore-v10"}, Named{"illumos-dump", "vmdump-v10"},
        Named{"illumos-dump", "device-v9"}, Named{"illumos-dump-32", "vmcore32-v9"},
        Named{"illumos-dump-32", "vmdump32-v10-bzip2"}),
    [](const auto& named) { return foundry::test_name(named.param.file); });

}  // namespace
