#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "tests/foundry/kernel_case.h"

// Dumps of physical memory alone: the page tables are found by what processors used, by the
// kernel's image in memory, by a search.

namespace {

using foundry::any_has;
using foundry::Blob;
using foundry::Description;
using foundry::description_named;
using panicroom::ErrorCode;
using panicroom::Session;

panicroom::SourcePtr dump_of(const Description& description, const std::string& file) {
  for (const foundry::FileText& wanted : description.files)
    if (wanted.name == file)
      return foundry::source(file, foundry::make_dump(description, wanted)[0]);
  return nullptr;
}

std::unique_ptr<Session> open(const panicroom::SourcePtr& dump, const Blob& kernel) {
  auto opened = Session::open({dump, foundry::source("kernel", kernel)});
  EXPECT_TRUE(opened) << opened.error().message();
  return std::move(*opened);
}
/// Opens a file of the description beside its kernel file, or another one.
std::unique_ptr<Session> open(const Description& description, const std::string& file,
                              const Blob& kernel) {
  return open(dump_of(description, file), kernel);
}
std::unique_ptr<Session> open(const Description& description, const std::string& file) {
  return open(description, file, foundry::kernel_file(description.image));
}

/// Each mapping, first and last byte of each page.
void expect_translation(const Description& description, Session& session) {
  ASSERT_TRUE(session.kernel()) << session.why_no_kernel()->message();
  for (const auto& mapping : description.image.mappings)
    for (std::uint64_t at = 0; at < mapping.size; at += description.image.page)
      for (const std::uint64_t byte : {at, at + description.image.page - 1}) {
        const auto got = session.kernel()->memory().translate(mapping.virtual_address + byte);
        ASSERT_TRUE(got) << std::hex << mapping.virtual_address + byte << ": "
                         << got.error().message();
        ASSERT_EQ(got->physical, mapping.physical + byte);
      }
  EXPECT_FALSE(session.kernel()->memory().translate(0x501000));
}

void expect_processes(const Description& description, Session& session) {
  const auto rows = foundry::rows_of(session, "processes");
  ASSERT_EQ(rows.size(), description.processes.size());
  for (const auto& process : description.processes)
    EXPECT_TRUE(std::any_of(rows.begin(), rows.end(), [&](const auto& row) {
      return row.at("pid") == foundry::integer(process.pid) &&
             row.at("name") == foundry::text(process.name);
    })) << process.pid;
}

class PhysicalDump : public testing::TestWithParam<std::pair<const char*, const char*>> {};

TEST_P(PhysicalDump, IsTranslatedByTheKernelsOwnTables) {
  const auto& [name, file] = GetParam();
  const Description description = description_named(name);
  const auto session = open(description, file);
  expect_translation(description, *session);
  expect_processes(description, *session);
  EXPECT_FALSE(any_has(session->notes(), "page tables"));
}

INSTANTIATE_TEST_SUITE_P(Files, PhysicalDump,
                         testing::Values(std::pair("freebsd-amd64-qemu", "amd64-qemu"),
                                         std::pair("freebsd-amd64-qemu", "amd64-qemu-user"),
                                         std::pair("freebsd-amd64-qemu", "amd64-qemu-untold"),
                                         std::pair("freebsd-amd64-qemu", "amd64-moved-full"),
                                         std::pair("freebsd-i386-qemu", "i386-qemu"),
                                         std::pair("freebsd-i386-pae-qemu", "i386-pae-qemu"),
                                         std::pair("freebsd-arm64-qemu", "arm64-qemu")),
                         [](const auto& named) { return foundry::test_name(named.param.second); });

/// The description without what names the root.
Description without_root_symbol() {
  Description description = description_named("freebsd-amd64-qemu");
  std::erase_if(description.image.symbols,
                [](const auto& symbol) { return symbol.name == "KPML4phys"; });
  return description;
}

TEST(KernelTables, AThreadThatRanHasTheProcessorsRegisters) {
  Description description = description_named("freebsd-amd64-qemu");
  description.image.cpus.at(1).pc = 0xffffffff80203456;  // not what the kernel saved
  const auto session = open(description, "amd64-qemu");
  ASSERT_TRUE(session->kernel());
  panicroom::Notes notes;
  std::size_t running = 0;
  const auto walked = session->kernel()->threads(
      [&](const panicroom::Thread& thread) {
        EXPECT_NE(thread.crashed, true);
        if (thread.cpu != 1) return true;
        ++running;
        EXPECT_EQ(thread.registers.pc, 0xffffffff80203456U);
        return true;
      },
      notes);
  EXPECT_TRUE(walked);
  EXPECT_EQ(running, 1U);
  EXPECT_FALSE(session->kernel()->identity(notes).crashed_tid);
}

TEST(KernelTables, AreSearchedWhereNothingNamesThem) {
  const Description description = without_root_symbol();
  const auto session = open(description, "amd64-qemu-untold");
  expect_translation(description, *session);
  expect_processes(description, *session);
  EXPECT_TRUE(any_has(session->notes(), "found by searching memory for tables"));
}

TEST(KernelTables, OfTheProcessorWhereTheKernelNamesNone) {
  const Description description = without_root_symbol();
  const auto session = open(description, "amd64-qemu");
  expect_translation(description, *session);
  EXPECT_FALSE(any_has(session->notes(), "searching"));
}

TEST(KernelTables, TheKernelsOwnAreTakenAndNotAProcesss) {
  // A process's table: the kernel's upper half, and memory of its own below.
  Description description = description_named("freebsd-amd64-qemu");
  foundry::Image& image = description.image;
  constexpr std::uint64_t own = 0x700000;
  for (std::uint64_t at = 0; at < 4096; at += 8)
    image.write(own + at, at < 2048 ? 0x701027 : image.read(image.root + at, 8), 8);
  image.write(0x701000, 0x702027, 8), image.write(0x702000 + 2 * 8, 0x703027, 8);
  for (std::uint64_t at = 0; at < 4096; at += 8) image.write(0x703000 + at, 0x501027, 8);
  for (foundry::FileText& file : description.files)
    file.settings.emplace_back("cr3", fmt::format("{:#x}", own));
  const auto named = open(description, "amd64-qemu");
  expect_translation(description, *named);
  // A search takes the table whose lower half is empty.
  Description nameless = description;
  std::erase_if(nameless.image.symbols,
                [](const auto& symbol) { return symbol.name == "KPML4phys"; });
  expect_translation(nameless, *open(nameless, "amd64-qemu-untold"));
}

TEST(KernelTables, AnotherKernelsFileIsSaid) {
  const Description description = description_named("freebsd-amd64-qemu");
  Description other = description;
  for (std::uint64_t at = 0; at < 0x8000; at += 8)
    other.image.write_virtual(0xffffffff80200000 + at, at * 0x123456789abcdef1, 8);
  for (const char* file : {"amd64-qemu", "amd64-qemu-untold"}) {
    const auto session = open(description, file, foundry::kernel_file(other.image));
    EXPECT_FALSE(session->kernel());
    ASSERT_TRUE(session->why_no_kernel());
    EXPECT_EQ(session->why_no_kernel()->code, ErrorCode::not_in_dump);
    EXPECT_NE(session->why_no_kernel()->text.find(
                  "nowhere in physical memory: is kernel the kernel that ran?"),
              std::string::npos)
        << session->why_no_kernel()->text;
  }
}

TEST(KernelTables, AKernelWithoutItsTablesIsSaid) {
  Description description = description_named("freebsd-amd64-qemu");
  foundry::Image& image = description.image;
  for (std::uint64_t at = 0; at < 4096; at += 8) image.write(image.root + at, std::uint64_t{0}, 8);
  for (const char* file : {"amd64-qemu", "amd64-qemu-untold"}) {
    const auto session = open(description, file);
    EXPECT_FALSE(session->kernel());
    ASSERT_TRUE(session->why_no_kernel());
    EXPECT_EQ(session->why_no_kernel()->code, ErrorCode::corrupt);
    EXPECT_NE(session->why_no_kernel()->text.find("no table there maps it"), std::string::npos)
        << session->why_no_kernel()->text;
  }
}

TEST(KernelTables, CodeThatTheKernelChangedIsRecognised) {
  Description description = description_named("freebsd-amd64-qemu");
  const Blob kernel = foundry::kernel_file(description.image);
  // Every second page: alternatives, hot patches, relocations.
  for (std::uint64_t page = 0x1000; page < 0x8000; page += 0x2000)
    for (std::uint64_t at = 0; at < 0x1000; at += 8)
      description.image.write_virtual(0xffffffff80200000 + page + at, 0x9090909090909090, 8);
  expect_translation(description, *open(description, "amd64-qemu-untold", kernel));
}

TEST(KernelTables, ProgramHeadersThatLieEndInAnAnswer) {
  const Description description = description_named("freebsd-amd64-qemu");
  const auto dump = dump_of(description, "amd64-qemu-untold");
  const Blob kernel = foundry::kernel_file(description.image);
  std::uint64_t place = 0;
  for (unsigned i = 0; i < 8; ++i) place |= std::uint64_t{kernel[32 + i]} << (8 * i);
  ASSERT_NE(place, 0U);
  for (std::size_t field = 0; field < 2 * 56; field += 4)
    for (const std::uint32_t value : {0x0U, 0x1U, 0x7fffffffU, 0xffffffffU}) {
      Blob broken = kernel;
      foundry::put(broken, static_cast<std::size_t>(place) + field, value, 4);
      const auto session = open(dump, broken);
      if (session->kernel()) expect_translation(description, *session);
    }
  for (const std::uint64_t wrong :
       {std::uint64_t{0}, place + 8, std::uint64_t{kernel.size()}, ~std::uint64_t{0}}) {
    Blob broken = kernel;
    foundry::put(broken, 32, wrong, 8);
    EXPECT_FALSE(open(dump, broken)->kernel()) << wrong;
  }
}

}  // namespace
