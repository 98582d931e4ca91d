#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <sstream>
#include <string>

#include "core/types/declaration.h"
#include "core/types/value_lines.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/test_name.h"
#include "tests/foundry/worlds.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::FileText;
using foundry::integer;
using foundry::null;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using panicroom::Address;
using panicroom::Query;
using panicroom::Session;
using panicroom::SourcePtr;
using panicroom::Value;

const std::string folder = std::string(source_folder) + "/tests/foundry/descriptions/";

/// Each `file` of each FreeBSD description.
struct Named {
  std::string description, file;
  friend void PrintTo(const Named& named, std::ostream* out) {
    *out << named.description << "/" << named.file;
  }
};

class FreeBsdFoundry : public testing::TestWithParam<Named> {
 protected:
  void SetUp() override {
    description = foundry::read_description(folder + GetParam().description + ".txt");
    const FileText* wanted = nullptr;
    for (const FileText& file : description.files)
      if (file.name == GetParam().file) wanted = &file;
    ASSERT_NE(wanted, nullptr);
    for (const Blob& part : foundry::make_dump(description, *wanted))
      dump.push_back(source(wanted->name, part));
    open({source("kernel", foundry::kernel_file(description.image))});
  }
  void open(std::vector<SourcePtr> files) {
    files.insert(files.end(), dump.begin(), dump.end());
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }

  Description description;
  std::vector<SourcePtr> dump;
  std::unique_ptr<Session> session;
};

TEST_P(FreeBsdFoundry, Processes) {
  const Rows rows = rows_of(*session, "processes");
  ASSERT_EQ(rows.size(), description.processes.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const auto& wanted = description.processes[index];
    EXPECT_EQ(rows[index].at("pid"), integer(wanted.pid));
    EXPECT_EQ(rows[index].at("name"), text(wanted.name));
    EXPECT_EQ(rows[index].at("address"), Value(Address{wanted.address}));
    EXPECT_EQ(rows[index].at("threads"), Value(std::uint64_t{wanted.threads.size()}));
    EXPECT_EQ(rows[index].at("state"), wanted.zombie ? text("zombie") : null);
    EXPECT_EQ(rows[index].at("uid"), null);
  }
}

TEST_P(FreeBsdFoundry, Threads) {
  const Rows rows = rows_of(*session, "threads");
  std::size_t index = 0;
  for (const auto& process : description.processes)
    for (const auto& thread : process.threads) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      EXPECT_EQ(row.at("process"), text(process.name));
      EXPECT_EQ(row.at("name"), text(thread.name));
      EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
      EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
      EXPECT_EQ(row.at("address"), Value(Address{thread.address}));
      EXPECT_EQ(row.at("pc"), Value(Address{thread.frames.front()}));
      EXPECT_EQ(row.at("sp"), Value(Address{thread.sp}));
    }
  EXPECT_EQ(rows.size(), index);
}

TEST_P(FreeBsdFoundry, Frames) {
  const Rows rows = rows_of(*session, "frames");
  std::size_t index = 0;
  for (const auto& process : description.processes)
    for (const auto& thread : process.threads)
      for (std::size_t frame = 0; frame < thread.frames.size(); ++frame) {
        ASSERT_LT(index, rows.size());
        const auto& row = rows[index++];
        EXPECT_EQ(row.at("tid"), integer(thread.tid));
        EXPECT_EQ(row.at("frame"), Value(std::uint64_t{frame}));
        EXPECT_EQ(row.at("pc"), Value(Address{thread.frames[frame]}));
        const foundry::Symbol* holds = nullptr;
        for (const auto& symbol : description.image.symbols)
          if (symbol.type == 'T' && thread.frames[frame] >= symbol.address &&
              thread.frames[frame] < symbol.address + symbol.size)
            holds = &symbol;
        ASSERT_NE(holds, nullptr);
        EXPECT_EQ(row.at("symbol"), text(holds->name));
        EXPECT_EQ(row.at("offset"), Value(thread.frames[frame] - holds->address));
      }
  EXPECT_EQ(rows.size(), index);
}

TEST_P(FreeBsdFoundry, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    EXPECT_EQ(rows[index].at("text"), text(description.log[index].text));
    const auto level = description.log[index].level;
    EXPECT_EQ(rows[index].at("level"), level ? integer(*level) : null);
  }
}

TEST_P(FreeBsdFoundry, Symbols) {
  const Rows rows = rows_of(*session, "symbols");
  EXPECT_EQ(rows.size(), description.image.symbols.size());
  for (const auto& symbol : description.image.symbols) {
    Query query;
    query.name = symbol.name;
    const Rows found = rows_of(*session, "symbols", query);
    ASSERT_EQ(found.size(), 1U) << symbol.name;
    EXPECT_EQ(found[0].at("address"), Value(Address{symbol.address}));
    EXPECT_EQ(found[0].at("size"), symbol.size ? Value(symbol.size) : null);
  }
}

TEST_P(FreeBsdFoundry, DumpSaysWhatDied) {
  const auto row = rows_of(*session, "dump").at(0);
  EXPECT_EQ(row.at("system"), text("FreeBSD"));
  EXPECT_EQ(row.at("release"), text("14.0-FOUNDRY"));
  EXPECT_EQ(row.at("panic"), text(description.panic));
  EXPECT_EQ(row.at("complete"), Value(true));
  for (const auto& process : description.processes)
    for (const auto& thread : process.threads)
      if (thread.crashed) {
        EXPECT_EQ(row.at("crashed_tid"), integer(thread.tid));
        EXPECT_EQ(row.at("crashed_pid"), integer(process.pid));
      }
}

/// Every page of the description, by physical address: present ones have their bytes, excluded ones
/// and holes are refused.
TEST_P(FreeBsdFoundry, PhysicalMemory) {
  const auto& image = description.image;
  const bool leaves_out = GetParam().file.find("full") == std::string::npos;
  std::vector<std::byte> bytes(static_cast<std::size_t>(image.page));
  std::uint64_t end = 0;
  for (const auto& range : image.ram) end = std::max(end, range.end);
  for (std::uint64_t at = 0; at < end + image.page; at += image.page) {
    const auto read = session->physical().read(at, bytes);
    const bool present = image.has(at) && !(leaves_out && image.excluded.contains(at));
    ASSERT_EQ(read.has_value(), present) << std::hex << at;
    if (!present) {
      EXPECT_EQ(read.error().code, panicroom::ErrorCode::not_in_dump) << std::hex << at;
      continue;
    }
    // Table pages are added while a minidump is written.
    if (image.table_area.end != 0 && at >= image.table_area.start && at < image.table_area.end)
      continue;
    const Blob wanted = image.page_bytes(at);
    ASSERT_EQ(std::memcmp(bytes.data(), wanted.data(), wanted.size()), 0) << std::hex << at;
  }
}

/// Each mapping, first and last byte of each page: the translation is the description's.
TEST_P(FreeBsdFoundry, Translation) {
  for (const auto& mapping : description.image.mappings)
    for (std::uint64_t at = 0; at < mapping.size; at += description.image.page)
      for (const std::uint64_t byte : {at, at + description.image.page - 1}) {
        const auto got = session->kernel()->memory().translate(mapping.virtual_address + byte);
        ASSERT_TRUE(got) << std::hex << mapping.virtual_address + byte << ": "
                         << got.error().message();
        EXPECT_EQ(got->physical, mapping.physical + byte);
      }
  EXPECT_FALSE(session->kernel()->memory().translate(0x1000));
}

/// A value's lines as "path = text".
std::map<std::string, std::string> values_of(Session& session, std::string_view type,
                                             std::uint64_t address) {
  std::map<std::string, std::string> values;
  const auto types = session.types();
  EXPECT_TRUE(types) << types.error().message();
  if (!types) return values;
  const auto found = (*types)->find(type);
  EXPECT_TRUE(found) << found.error().message();
  if (!found) return values;
  const auto read =
      panicroom::value_lines(session.kernel()->memory(), {}, {*found, address, 0, 0, 0}, {},
                             [&](const panicroom::ValueLine& line) {
                               if (line.what == panicroom::ValueLine::What::scalar)
                                 values[line.path] = line.text;
                               return true;
                             });
  EXPECT_TRUE(read) << read.error().message();
  return values;
}

/// Each process and thread, by the types of the kernel file, has what the description says.
TEST_P(FreeBsdFoundry, TypesOfTheKernelFile) {
  const auto none = session->types();
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, panicroom::ErrorCode::no_type);
  for (const foundry::CtfStyle& style :
       {foundry::CtfStyle{2, false, false, ""}, foundry::CtfStyle{2, false, true, ""},
        foundry::CtfStyle{3, false, false, ""}, foundry::CtfStyle{3, false, true, ""}}) {
    open({source("kernel", foundry::kernel_file(description.image,
                                                foundry::freebsd_types(description, style)))});
    ASSERT_TRUE(session->types());
    EXPECT_EQ((*session->types())->origin(), "CTF of kernel");
    const auto hex = [](std::uint64_t value) {
      std::ostringstream text;
      text << "0x" << std::hex << value;
      return text.str();
    };
    for (const auto& process : description.processes) {
      auto values = values_of(*session, "struct proc", process.address);
      EXPECT_EQ(values["p_pid"], std::to_string(process.pid));
      EXPECT_EQ(values["p_comm"], "\"" + process.name + "\"");
      EXPECT_EQ(values["p_high"], "0");
      EXPECT_EQ(values["p_threads.tqh_first"],
                hex(process.threads.empty() ? 0 : process.threads.front().address));
      for (const auto& thread : process.threads) {
        auto thread_values = values_of(*session, "struct thread", thread.address);
        EXPECT_EQ(thread_values["td_tid"], std::to_string(thread.tid));
        EXPECT_EQ(thread_values["td_name"], "\"" + thread.name + "\"");
        EXPECT_EQ(thread_values["td_oncpu"], std::to_string(thread.cpu.value_or(-1)));
      }
    }
    // The variables' types stand in the order of the symbols.
    const auto processes = (*session->types())->variable("allproc");
    ASSERT_TRUE(processes) << processes.error().message();
    EXPECT_EQ(panicroom::declaration(*processes, ""), "struct proclist");
    EXPECT_EQ(panicroom::declaration((*session->types())->variable("mp_ncpus").value(), ""), "int");
    EXPECT_EQ((*session->types())->variable("dumppcb").error().code, panicroom::ErrorCode::no_type);
  }
}

/// A module's types join the kernel's, in whatever order the files are given.
TEST_P(FreeBsdFoundry, TypesOfAModule) {
  foundry::CtfWriter module({3, false, false, "kernel"});
  module.structure("softc", 64, {{"id", 1, 128}});
  for (const unsigned elf_type : {1U, 3U}) {
    open({source("if_foundry.ko",
                 foundry::kernel_file(description.image, module.finish(), elf_type)),
          source("kernel", foundry::kernel_file(description.image,
                                                foundry::freebsd_types(description, {})))});
    const auto types = session->types();
    ASSERT_TRUE(types) << types.error().message();
    EXPECT_EQ((*types)->origin(), "CTF of kernel");
    EXPECT_EQ((*types)->size_of("struct softc"), 64U);
    EXPECT_EQ((*types)->member("softc", "id")->size, 4U);
    const foundry::KernelLayout layout =
        foundry::freebsd_layout(description.layout, description.image.pointer());
    EXPECT_EQ((*types)->size_of("struct thread"), layout.size("thread"));
  }
}

std::vector<Named> all_files() {
  std::vector<Named> all;
  for (const char* name :
       {"freebsd-amd64", "freebsd-i386", "freebsd-i386-pae", "freebsd-arm64", "freebsd-arm64-16k"})
    for (const FileText& file : foundry::read_files(folder + name + ".txt"))
      all.push_back({name, file.name});
  return all;
}

INSTANTIATE_TEST_SUITE_P(Descriptions, FreeBsdFoundry, testing::ValuesIn(all_files()),
                         [](const auto& named) { return foundry::test_name(named.param.file); });

}  // namespace
