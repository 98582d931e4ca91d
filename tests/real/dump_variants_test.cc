#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "core/dump/formats.h"
#include "core/io/unwrap.h"
#include "native/io/mapped_file.h"

// One guest, dumped once by QEMU as a plain ELF and turned by makedumpfile and QEMU into every
// other form: each page that a form holds must be that of the plain one. The dumps are those of
// samples/linux/make, found through PANICROOM_LINUX_DUMPS; without it there are no such tests.

namespace panicroom {
namespace {

namespace fs = std::filesystem;

struct Variant {
  std::string plain;               // path of NAME.elf
  std::vector<std::string> files;  // of the other form; several for a split set
};

std::string test_name(const Variant& variant) {
  std::string name = fs::path(variant.files.front()).filename().string();
  for (char& letter : name)
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  return name;
}

std::vector<Variant> variants() {
  std::vector<Variant> found;
  const char* folder = std::getenv("PANICROOM_LINUX_DUMPS");
  if (folder == nullptr || !fs::is_directory(folder)) return found;
  std::vector<std::string> split;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("kaslr.") || name == "kaslr.elf") continue;
    if (!name.ends_with(".elf") && !name.ends_with(".kdump")) continue;
    if (name.find(".split") != std::string::npos) {
      split.push_back(entry.path().string());
      continue;
    }
    found.push_back({std::string(folder) + "/kaslr.elf", {entry.path().string()}});
  }
  std::sort(split.rbegin(), split.rend());
  if (!split.empty()) {
    found.push_back({std::string(folder) + "/kaslr.elf", split});
    split.erase(split.begin() + 1);
    found.push_back({std::string(folder) + "/kaslr.elf", split});
  }
  return found;
}

Result<Dump> open(const std::vector<std::string>& paths) {
  std::vector<SourcePtr> sources;
  for (const std::string& path : paths) {
    PANICROOM_TRY(file, open_mapped_file(path));
    PANICROOM_TRY(unwrapped, unwrap(file));
    sources.push_back(unwrapped.source);
  }
  return open_dump(sources);
}

class DumpVariants : public ::testing::TestWithParam<Variant> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(DumpVariants);

TEST_P(DumpVariants, HoldsThePlainDumpsPages) {
  const auto plain = open({GetParam().plain});
  ASSERT_TRUE(plain) << plain.error().message();
  const auto dump = open(GetParam().files);
  ASSERT_TRUE(dump) << dump.error().message();
  const std::string& name = GetParam().files.front();
  const auto named = [&](const char* part) { return name.find(part) != std::string::npos; };
  const bool whole_set = !named(".split") || GetParam().files.size() == 3;
  const bool intact = whole_set && !named("truncated") && !named("incomplete");
  EXPECT_EQ(dump->complete, intact);
  EXPECT_EQ(dump->remarks.empty(), intact);
  EXPECT_EQ(dump->vmcoreinfo, plain->vmcoreinfo);
  EXPECT_EQ(dump->release, plain->release);
  ASSERT_EQ(dump->cpus.size(), plain->cpus.size());
  for (std::size_t i = 0; i < dump->cpus.size(); ++i)
    EXPECT_EQ(dump->cpus[i].registers.find("cr3"), plain->cpus[i].registers.find("cr3"));

  constexpr std::uint64_t size = 4096;
  ASSERT_EQ(dump->memory->page_size(), size);
  PageDecoder decoder;
  std::vector<std::byte> expected(size);
  std::vector<std::byte> page(size);
  std::uint64_t present = 0;
  std::uint64_t differ = 0;
  std::uint64_t wrong_reason = 0;
  for (std::uint64_t address = 0; address < dump->memory->end(); address += size) {
    const auto read = dump->memory->read_page(address, page, decoder);
    if (!read) {
      const Absence why = read.error().absence;
      const bool damage = why == Absence::truncated || why == Absence::other_part;
      if (read.error().code != ErrorCode::not_in_dump || (damage && intact)) ++wrong_reason;
      continue;
    }
    ++present;
    ASSERT_TRUE(plain->memory->read_page(address, expected, decoder)) << std::hex << address;
    if (page != expected) ++differ;
  }
  EXPECT_EQ(differ, 0U);
  EXPECT_EQ(wrong_reason, 0U);
  // The guest has 512 MiB. Level 31 keeps the kernel's pages, the other forms keep all; paging
  // leaves out what no page table maps.
  const bool filtered = named(".d31");
  EXPECT_GE(present, filtered ? (intact ? 10000U : 5000U) : named("truncated") ? 70000U : 130000U);
}

INSTANTIATE_TEST_SUITE_P(Linux, DumpVariants, ::testing::ValuesIn(variants()), [](const auto& one) {
  return std::to_string(one.index) + "_" + test_name(one.param);
});

}  // namespace
}  // namespace panicroom
