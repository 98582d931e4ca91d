// Linux kernels of which a part contradicts itself or claims more than there can be: the rest is
// answered, in bounded time, with a note that says what is not.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <map>
#include <sstream>
#include <string>

#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::integer;
using foundry::null;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using panicroom::Address;
using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

std::string description_text(const std::string& name) {
  std::ifstream file(std::string(source_folder) + "/tests/foundry/descriptions/" + name + ".txt");
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

std::unique_ptr<Session> open(const std::vector<Blob>& parts) {
  std::vector<panicroom::SourcePtr> files;
  for (const Blob& part : parts) files.push_back(foundry::source("dump", part));
  auto session = Session::open(files);
  if (session) return std::move(*session);
  ADD_FAILURE() << session.error().message();
  return nullptr;
}

std::unique_ptr<Session> open(const Description& description, const std::string& file) {
  for (const auto& wanted : description.files)
    if (wanted.name == file) return open(foundry::make_dump(description, wanted));
  ADD_FAILURE() << "no file " << file;
  return nullptr;
}

std::uint64_t address_of(const Description& description, std::string_view name) {
  for (const auto& symbol : description.image.symbols)
    if (symbol.name == name) return symbol.address;
  ADD_FAILURE() << "no symbol " << name;
  return 0;
}

std::vector<Note> notes_of(Session& session, const std::string& table) {
  Notes notes;
  const auto made = session.rows(
      *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes);
  EXPECT_TRUE(made) << made.error().message();
  return notes.take();
}

::testing::AssertionResult mention(const std::vector<Note>& notes, std::string_view words) {
  for (const Note& note : notes)
    if (note.text.find(words) != std::string::npos) return ::testing::AssertionSuccess();
  auto failure = ::testing::AssertionFailure() << "no note mentions \"" << words << "\" in:";
  for (const Note& note : notes) failure << "\n  " << note.text;
  return failure;
}

/// How many processors there are cannot be known: no number is made up, and the tasks themselves
/// say which of them ran where.
TEST(LinuxInDoubt, ImpossibleNumberOfProcessors) {
  Description description = foundry::parse_description(description_text("linux-x86_64"), "doubt");
  for (const std::uint64_t count : {0ULL, 8193ULL, 0xffffffffULL}) {
    description.image.write_virtual(address_of(description, "nr_cpu_ids"), count, 4);
    const auto session = open(description, "linux-elf");
    ASSERT_NE(session, nullptr);
    for (const auto& row : rows_of(*session, "threads")) {
      const foundry::ThreadText* expected = nullptr;
      for (const auto& process : description.processes)
        for (const auto& thread : process.threads)
          if (row.at("address") == Value(Address{thread.address})) expected = &thread;
      ASSERT_NE(expected, nullptr);
      EXPECT_EQ(row.at("cpu"), expected->cpu ? integer(*expected->cpu) : null) << expected->name;
      EXPECT_EQ(row.at("pc"), Value(Address{expected->frames[0]})) << expected->name;
      EXPECT_EQ(row.at("sp"), Value(Address{expected->sp})) << expected->name;
      EXPECT_EQ(row.at("crashed"), Value(expected->crashed)) << expected->name;
    }
    EXPECT_TRUE(mention(notes_of(*session, "threads"), "nr_cpu_ids"));
    const auto dump = rows_of(*session, "dump").at(0);
    EXPECT_EQ(dump.at("cpus"), null);
    EXPECT_EQ(dump.at("crashed_tid"), integer(42));
    EXPECT_TRUE(mention(notes_of(*session, "dump"), "the number of processors"));
  }
}

/// Two modules that each claim 1,500,000 symbols, in memory that page tables repeat.
TEST(LinuxInDoubt, ModulesWithMoreSymbolsThanAnyKernel) {
  std::string text = description_text("linux-x86_64");
  constexpr std::uint64_t alias = 0xffffffffd0000000;
  for (std::uint64_t at = 0; at < 40U << 20; at += 2U << 20)
    text += fmt::format("map {:#x} 0x400000 0x200000 0x200000\n", alias + at);
  Description description = foundry::parse_description(text, "doubt");
  const auto& image = description.image;
  // The list's first and second module; struct module's layout is the foundry's own.
  const std::uint64_t head = address_of(description, "modules");
  std::uint64_t link = image.read(image.physical_of(head), 8);
  for (int module = 0; module < 2; ++module) {
    const std::uint64_t table = image.read(image.physical_of(link + 136), 8);
    description.image.write_virtual(table, alias, 8);
    description.image.write_virtual(table + 8, 1500000, 4);
    link = image.read(image.physical_of(link), 8);
  }
  ASSERT_EQ(link, head) << "the foundry's layout of struct module has changed";
  const auto session = open(description, "linux-elf");
  ASSERT_NE(session, nullptr);
  EXPECT_TRUE(mention(notes_of(*session, "frames"), "all modules together"));
  EXPECT_EQ(rows_of(*session, "processes").size(), 7U);
}

/// Threads that all stand on one stack of 500 frames: more than stacks have on average.
TEST(LinuxInDoubt, StacksWithMoreFramesThanAnyKernel) {
  std::string text = description_text("linux-x86_64");
  for (int pid = 100; pid < 130; ++pid)
    text += fmt::format(
        "process {0} \"many\" ppid 1\nthread {0} \"many\" frames 0xffffffff9a202044\n", pid);
  Description description = foundry::parse_description(text, "doubt");
  const std::uint64_t low = 0xffffffff9a8e0000;  // of the heap's last pages, which nothing uses
  const std::uint64_t first = low + 256;
  for (std::uint64_t frame = 0; frame < 500; ++frame) {
    description.image.write_virtual(first + 16 * frame, first + 16 * (frame + 1), 8);
    description.image.write_virtual(first + 16 * frame + 8, 0xffffffff9a202044, 8);
  }
  description.image.write_virtual(first + 16 * 499, 0, 8);
  for (const auto& process : description.processes) {
    if (process.pid < 100) continue;
    const auto& thread = process.threads.front();
    // Where thread.sp points: r15 r14 r13 r12 bx bp ret_addr. Both end where the frames begin.
    description.image.write_virtual(thread.sp - 2 * 8, first, 8);
    description.image.write_virtual(thread.address + 16, low, 8);
  }
  const auto session = open(description, "linux-elf");
  ASSERT_NE(session, nullptr);
  const Rows rows = rows_of(*session, "frames");
  EXPECT_GT(rows.size(), 4096U);
  EXPECT_LT(rows.size(), 30U * 300);
  std::map<std::string, std::size_t> frames;  // of each thread: all of them or none
  for (const auto& row : rows)
    if (row.at("name") == foundry::text("many"))
      ++frames[std::to_string(std::get<std::int64_t>(row.at("tid")))];
  for (const auto& [tid, count] : frames) EXPECT_EQ(count, 501U) << tid;
  EXPECT_TRUE(mention(notes_of(*session, "frames"), "the stacks together"));
}

/// A record that contradicts itself is neither missing nor a hole.
TEST(LinuxInDoubt, DamagedPageDescriptorIsARangeOfItsOwn) {
  const Description description =
      foundry::parse_description(description_text("linux-x86_64"), "doubt");
  Blob dump;
  for (const auto& file : description.files)
    if (file.name == "linux-kdump-v6-plain") dump = foundry::make_dump(description, file).at(0);
  ASSERT_FALSE(dump.empty());
  const auto number = [&](std::size_t at) {
    std::uint32_t value = 0;
    std::memcpy(&value, &dump[at], 4);
    return std::size_t{value};
  };
  // Header fields of 64-bit machines: sub header blocks at 432, bitmap blocks at 436.
  const std::size_t descriptors = (1 + number(432) + number(436)) * 4096;
  foundry::put(dump, descriptors + 3 * 24 + 8, 0xffffffff, 4);
  dump.resize(dump.size() - 100);  // whole files' descriptors are not all looked at
  const auto session = open(std::vector<Blob>{dump});
  ASSERT_NE(session, nullptr);
  bool found = false;
  for (const auto& row : rows_of(*session, "ranges")) {
    if (row.at("reason") != text("damaged")) continue;
    EXPECT_EQ(row.at("state"), text("missing"));
    // Memory begins at 0x1000: the fourth page is the damaged one.
    EXPECT_EQ(row.at("start"), Value(Address{0x4000}));
    EXPECT_EQ(row.at("end"), Value(Address{0x5000}));
    found = true;
  }
  EXPECT_TRUE(found);
}

/// The world without BTF in its memory; what stood there comes back.
Blob take_btf(Description& description) {
  const std::uint64_t start = address_of(description, "__start_BTF");
  const std::uint64_t stop = address_of(description, "__stop_BTF");
  Blob taken;
  for (std::uint64_t at = start; at < stop; ++at) {
    const std::uint64_t place = description.image.physical_of(at);
    taken.push_back(static_cast<std::uint8_t>(description.image.read(place, 1)));
    description.image.write(place, std::uint64_t{0}, 1);
  }
  return taken;
}

std::unique_ptr<Session> open_with(const Description& description, const std::string& file,
                                   const Blob& kernel) {
  for (const auto& wanted : description.files)
    if (wanted.name == file) {
      auto parts = foundry::make_dump(description, wanted);
      parts.push_back(kernel);
      return open(parts);
    }
  ADD_FAILURE() << "no file " << file;
  return nullptr;
}

TEST(LinuxWithoutBtf, IsReadByTheTypesOfItsKernelFile) {
  for (const char* world : {"linux-x86_64", "linux-i386", "linux-aarch64"}) {
    auto whole = foundry::parse_description(description_text(world), world);
    const std::string file = whole.files.front().name;
    const auto expected = rows_of(*open(whole, file), "processes");
    ASSERT_FALSE(expected.empty());
    const Blob btf = take_btf(whole);
    const auto without = open(whole, file);
    ASSERT_TRUE(without);
    EXPECT_FALSE(without->types()) << world;
    const auto with = open_with(whole, file, foundry::kernel_file(whole.image, btf, 2, ".BTF"));
    ASSERT_TRUE(with);
    const auto types = with->types();
    ASSERT_TRUE(types) << types.error().message();
    EXPECT_EQ((*types)->origin(), "BTF of dump") << world;
    EXPECT_EQ(rows_of(*with, "processes"), expected) << world;
    // A file of types alone does as well; its own symbols are then the dump's.
    auto no_symbols = whole.image;
    no_symbols.symbols.clear();
    Blob alone = foundry::kernel_file(no_symbols, btf, 2, ".BTF");
    const bool wide = whole.image.pointer() == 8;
    // The fourth section header's type: SHT_SYMTAB becomes SHT_PROGBITS.
    std::uint64_t headers = 0;
    std::memcpy(&headers, alone.data() + (wide ? 40 : 32), wide ? 8 : 4);
    alone[static_cast<std::size_t>(headers) + 3 * (wide ? 64 : 40) + 4] = 1;
    const auto by_types = open_with(whole, file, alone);
    ASSERT_TRUE(by_types);
    EXPECT_EQ(rows_of(*by_types, "processes"), expected) << world;
    EXPECT_TRUE(by_types->notes().empty() ||
                by_types->notes()[0].text.find("not used") == std::string::npos);
  }
}

TEST(LinuxWithBtf, PrefersItsOwnTypes) {
  const auto whole = foundry::parse_description(description_text("linux-x86_64"), "linux-x86_64");
  const auto session = open_with(whole, whole.files.front().name,
                                 foundry::kernel_file(whole.image, Blob(64), 2, ".BTF"));
  ASSERT_TRUE(session);
  const auto types = session->types();
  ASSERT_TRUE(types) << types.error().message();
  EXPECT_EQ((*types)->origin(), "BTF in the dump");
}

}  // namespace
