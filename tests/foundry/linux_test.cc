#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <string>

#include "tests/foundry/test_name.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::FileText;
using foundry::integer;
using foundry::null;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Query;
using panicroom::Session;
using panicroom::SourcePtr;
using panicroom::Value;

const std::string folder = std::string(source_folder) + "/tests/foundry/descriptions/";

struct Named {
  std::string description, file;
  friend void PrintTo(const Named& named, std::ostream* out) {
    *out << named.description << "/" << named.file;
  }
};

/// Each `file` of each Linux description, without any kernel file.
class LinuxFoundry : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    description = foundry::read_description(folder + GetParam().description + ".txt");
    for (const FileText& file : description.files)
      if (file.name == GetParam().file) wanted = &file;
    ASSERT_NE(wanted, nullptr);
    std::vector<SourcePtr> files;
    for (const Blob& part : foundry::make_dump(description, *wanted))
      files.push_back(source(wanted->name + std::to_string(files.size()), part));
    std::reverse(files.begin(), files.end());  // parts come in any order
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
    ASSERT_NE(session->kernel(), nullptr) << session->why_no_kernel()->message();
  }

  /// Of the idle tasks a kernel without CONFIG_KALLSYMS_ALL shows only the first: the others are on
  /// no list, and nothing names the run queues.
  bool is_shown(const ProcessText& process, const ThreadText& thread) const {
    return !description.functions_only || process.pid != 0 || &thread == &process.threads.front();
  }
  /// The idle tasks by processor, then the others.
  std::vector<std::pair<const ProcessText*, const ThreadText*>> leaders() const {
    std::vector<std::pair<const ProcessText*, const ThreadText*>> list;
    for (const ProcessText& process : description.processes)
      for (const ThreadText& thread : process.threads)
        if (is_shown(process, thread) && (process.pid == 0 || &thread == &process.threads.front()))
          list.emplace_back(&process, &thread);
    return list;
  }
  std::vector<std::pair<const ProcessText*, const ThreadText*>> threads() const {
    std::vector<std::pair<const ProcessText*, const ThreadText*>> list;
    for (const ProcessText& process : description.processes)
      for (const ThreadText& thread : process.threads)
        if (is_shown(process, thread)) list.emplace_back(&process, &thread);
    return list;
  }

  Description description;
  const FileText* wanted = nullptr;
  std::unique_ptr<Session> session;
};

TEST_P(LinuxFoundry, Processes) {
  const Rows rows = rows_of(*session, "processes");
  const auto expected = leaders();
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const auto& [process, leader] = expected[index];
    EXPECT_EQ(rows[index].at("pid"), integer(process->pid));
    EXPECT_EQ(rows[index].at("ppid"), integer(process->ppid));
    EXPECT_EQ(rows[index].at("uid"), integer(static_cast<std::int64_t>(process->uid)));
    EXPECT_EQ(rows[index].at("name"), text(leader->name));
    EXPECT_EQ(rows[index].at("state"), text(leader->state));
    EXPECT_EQ(rows[index].at("address"), Value(Address{leader->address}));
    const std::uint64_t count = process->pid == 0 ? 1 : process->threads.size();
    EXPECT_EQ(rows[index].at("threads"), Value(count));
  }
}

TEST_P(LinuxFoundry, Threads) {
  const Rows rows = rows_of(*session, "threads");
  const auto expected = threads();
  ASSERT_EQ(rows.size(), expected.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const auto& [process, thread] = expected[index];
    EXPECT_EQ(rows[index].at("pid"), integer(process->pid));
    EXPECT_EQ(rows[index].at("tid"), integer(thread->tid));
    EXPECT_EQ(rows[index].at("name"), text(thread->name));
    EXPECT_EQ(rows[index].at("state"), text(thread->state));
    EXPECT_EQ(rows[index].at("cpu"), thread->cpu ? integer(*thread->cpu) : null) << thread->name;
    EXPECT_EQ(rows[index].at("crashed"), Value(thread->crashed)) << thread->name;
    EXPECT_EQ(rows[index].at("address"), Value(Address{thread->address}));
    // Registers of running threads are in notes, which a kdump has since version 4.
    const bool has_notes = wanted->container != "kdump" || wanted->number("version", 6) >= 4;
    if (thread->cpu && !has_notes) continue;
    EXPECT_EQ(rows[index].at("pc"), Value(Address{thread->frames.at(0)})) << thread->name;
    EXPECT_EQ(rows[index].at("sp"), Value(Address{thread->sp})) << thread->name;
  }
}

TEST_P(LinuxFoundry, Frames) {
  const Rows rows = rows_of(*session, "frames");
  const bool has_notes = wanted->container != "kdump" || wanted->number("version", 6) >= 4;
  for (const auto& [process, thread] : threads()) {
    if (thread->cpu && !has_notes) continue;
    std::vector<Value> seen;
    for (const auto& row : rows)
      if (row.at("tid") == integer(thread->tid) && row.at("name") == text(thread->name))
        seen.push_back(row.at("pc"));
    std::vector<Value> frames;
    for (const std::uint64_t pc : thread->frames) frames.emplace_back(Address{pc});
    EXPECT_EQ(seen, frames) << thread->name;
  }
}

TEST_P(LinuxFoundry, FramesInModulesHaveTheirNames) {
  const Rows rows = rows_of(*session, "frames");
  for (const auto& module : description.modules)
    for (const auto& symbol : module.symbols)
      for (const auto& row : rows) {
        const std::uint64_t pc = std::get<Address>(row.at("pc")).value;
        if (pc < symbol.address || pc - symbol.address >= symbol.size) continue;
        EXPECT_EQ(row.at("symbol"), text(symbol.name));
        EXPECT_EQ(row.at("offset"), Value(pc - symbol.address));
      }
  for (const auto& module : description.modules)
    for (const auto& symbol : module.symbols)
      EXPECT_EQ(session->resolve(symbol.name).value_or(0), symbol.address) << symbol.name;
}

TEST_P(LinuxFoundry, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    EXPECT_EQ(rows[index].at("text"), text(description.log[index].text));
    EXPECT_EQ(rows[index].at("level"), integer(description.log[index].level.value_or(6)));
    EXPECT_EQ(rows[index].at("time"),
              Value(static_cast<double>(description.log[index].time_ns / 1000) / 1e6));
  }
}

TEST_P(LinuxFoundry, SymbolsOfKallsyms) {
  const Rows rows = rows_of(*session, "symbols");
  std::size_t of_modules = 0;
  for (const auto& module : description.modules)
    of_modules += module.symbols.size() + module.per_cpu.size();
  EXPECT_EQ(rows.size(), description.image.symbols.size() + of_modules);
  Query data;
  data.name = "init_task";
  EXPECT_EQ(rows_of(*session, "symbols", data).size(), description.functions_only ? 0U : 1U);
  for (const auto& symbol : description.image.symbols) {
    Query query;
    query.name = symbol.name;
    const Rows found = rows_of(*session, "symbols", query);
    ASSERT_EQ(found.size(), 1U) << symbol.name;
    EXPECT_EQ(found[0].at("address"), Value(Address{symbol.address})) << symbol.name;
    EXPECT_EQ(found[0].at("type"), text(std::string(1, symbol.type))) << symbol.name;
  }
}

TEST_P(LinuxFoundry, DumpSaysWhatDied) {
  const auto row = rows_of(*session, "dump").at(0);
  EXPECT_EQ(row.at("system"), text("Linux"));
  EXPECT_EQ(row.at("release"), text("6.1.0-foundry"));
  EXPECT_EQ(row.at("nodename"), text("foundry"));
  EXPECT_EQ(row.at("panic"), text("Kernel panic - not syncing: " + description.panic));
  EXPECT_EQ(row.at("complete"), Value(true));
  EXPECT_EQ(row.at("crashed_tid"), integer(42));
  EXPECT_EQ(row.at("crashed_cpu"), integer(1));
  EXPECT_EQ(row.at("time"), text("2023-11-14T22:13:20Z"));
}

TEST_P(LinuxFoundry, PhysicalMemory) {
  const auto& image = description.image;
  const bool leaves_out = wanted->container == "kdump" || wanted->number("short", 0) != 0;
  std::vector<std::byte> bytes(static_cast<std::size_t>(image.page));
  std::uint64_t end = 0;
  for (const auto& range : image.ram) end = std::max(end, range.end);
  for (std::uint64_t at = 0; at < end + image.page; at += image.page) {
    const auto read = session->physical().read(at, bytes);
    const bool excluded = leaves_out && image.excluded.contains(at);
    ASSERT_EQ(read.has_value(), image.has(at) && !excluded) << std::hex << at;
    if (!read) {
      EXPECT_EQ(read.error().code, panicroom::ErrorCode::not_in_dump);
      EXPECT_EQ(read.error().absence,
                excluded ? panicroom::Absence::excluded : panicroom::Absence::hole)
          << std::hex << at;
      continue;
    }
    const Blob expected = image.page_bytes(at);
    ASSERT_EQ(std::memcmp(bytes.data(), expected.data(), expected.size()), 0) << std::hex << at;
  }
}

TEST_P(LinuxFoundry, Translation) {
  for (const auto& mapping : description.image.mappings)
    for (std::uint64_t at = 0; at < mapping.size; at += description.image.page)
      for (const std::uint64_t byte : {at, at + description.image.page - 1}) {
        const auto got = session->kernel()->memory().translate(mapping.virtual_address + byte);
        ASSERT_TRUE(got) << std::hex << mapping.virtual_address + byte << got.error().message();
        EXPECT_EQ(got->physical, mapping.physical + byte);
      }
}

TEST_P(LinuxFoundry, VariablesOfAProcessor) {
  if (description.functions_only) {  // nothing names them
    EXPECT_EQ(session->resolve("runqueues").error().code, panicroom::ErrorCode::no_symbol);
    return;
  }
  ASSERT_GT(description.run_queues.size(), 1U);
  for (const auto& [cpu, queue] : description.run_queues) {
    EXPECT_EQ(session->resolve("runqueues", static_cast<std::uint64_t>(cpu)), queue);
    EXPECT_EQ(session->resolve("runqueues-8", static_cast<std::uint64_t>(cpu)), queue - 8);
  }
  EXPECT_EQ(session->resolve("runqueues"), description.run_queues.at(0));
  // What is added is the same for a module's variables.
  const auto& symbols = description.image.symbols;
  const auto linked = std::find_if(symbols.begin(), symbols.end(),
                                   [](const auto& symbol) { return symbol.name == "runqueues"; });
  ASSERT_NE(linked, symbols.end());
  for (const foundry::ModuleText& module : description.modules)
    for (const foundry::Symbol& variable : module.per_cpu)
      for (const auto& [cpu, queue] : description.run_queues)
        EXPECT_EQ(session->resolve(variable.name, static_cast<std::uint64_t>(cpu)),
                  queue + (variable.address - linked->address))
            << variable.name;
  const auto none = session->resolve("runqueues", 17);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, panicroom::ErrorCode::invalid);
  EXPECT_NE(none.error().text.find("there is no processor 17, but 0-"), std::string::npos);
  EXPECT_EQ(session->resolve("init_task", 1).error().code, panicroom::ErrorCode::invalid);
}

std::vector<Named> all_files() {
  std::vector<Named> all;
  for (const char* name :
       {"linux-x86_64", "linux-x86_64-la57", "linux-x86_64-functions", "linux-i386",
        "linux-i386-pae", "linux-aarch64", "linux-aarch64-functions"})
    for (const FileText& file : foundry::read_files(folder + name + ".txt"))
      all.push_back({name, file.name});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Descriptions, LinuxFoundry, testing::ValuesIn(all_files()),
                         [](const auto& named) { return foundry::test_name(named.param.file); });

}  // namespace
