// FreeBSD kernels with the structures of releases, and of none: every column of what is told of the
// machine as a whole is the description's, by the types in the kernel file (CTF) or by a layout
// that is built in.

#include <gtest/gtest.h>

#include <string>

#include "tests/foundry/freebsd_case.h"

namespace {

using foundry::Description;
using foundry::integer;
using foundry::KernelCase;
using foundry::MachineText;
using foundry::null;
using foundry::number;
using foundry::open_session;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using panicroom::Address;
using panicroom::ErrorCode;
using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

constexpr const char* tables[] = {"modules", "mounts", "cpus",  "load",       "swap",
                                  "memory",  "zones",  "slabs", "interrupts", "sysctl"};

Value address(std::uint64_t value) { return value == 0 ? null : Value(Address{value}); }

class FreeBsdMachineTables : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
    page = description.image.page;
  }

  Description description;
  std::unique_ptr<Session> session;
  std::uint64_t page = 0;
};

TEST_P(FreeBsdMachineTables, Modules) {
  const Rows rows = rows_of(*session, "modules");
  ASSERT_EQ(rows.size(), description.machine.modules.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Module& wanted = description.machine.modules[i];
    std::string users;
    for (const MachineText::Module& other : description.machine.modules)
      for (const std::string& needed : other.needs)
        if (needed == wanted.name) users += (users.empty() ? "" : ",") + other.name;
    EXPECT_EQ(rows[i].at("name"), text(wanted.name));
    EXPECT_EQ(rows[i].at("base"), address(wanted.start));
    EXPECT_EQ(rows[i].at("size"), number(wanted.size));
    EXPECT_EQ(rows[i].at("references"), integer(wanted.references));
    EXPECT_EQ(rows[i].at("used_by"), users.empty() ? null : text(users));
    EXPECT_EQ(rows[i].at("state"), text(wanted.flags % 2 == 1 ? "live" : "loading"));
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

/// What the kernel keeps of its modules' symbols joins those of the kernel file.
TEST_P(FreeBsdMachineTables, SymbolsOfModules) {
  const auto symbols = session->kernel()->symbols();
  for (const MachineText::Module& module : description.machine.modules)
    for (const foundry::Symbol& wanted : module.symbols) {
      const auto found = symbols->find(wanted.name);
      ASSERT_TRUE(found) << wanted.name;
      EXPECT_EQ(found->address, wanted.address);
      EXPECT_EQ(found->size, wanted.size);
      EXPECT_EQ(found->type, wanted.type);
      const auto at = symbols->at(wanted.address + wanted.size - 1);
      ASSERT_TRUE(at) << wanted.name;
      EXPECT_EQ(at->name, wanted.name);
    }
  EXPECT_FALSE(symbols->find("foundry.c"));
  EXPECT_EQ(symbols->at(description.image.symbols.front().address)->name,
            description.image.symbols.front().name);
  // Frames name the module that they stand in.
  std::size_t in_modules = 0;
  for (const auto& row : rows_of(*session, "frames")) {
    const auto* pc = std::get_if<Address>(&row.at("pc"));
    ASSERT_NE(pc, nullptr);
    Value holds = null, symbol = null;
    for (const MachineText::Module& module : description.machine.modules) {
      if (module.id == 1 || pc->value < module.start || pc->value >= module.start + module.size)
        continue;
      holds = text(module.name);
      ++in_modules;
      for (const foundry::Symbol& one : module.symbols)
        if (pc->value >= one.address && pc->value < one.address + one.size) symbol = text(one.name);
    }
    EXPECT_EQ(row.at("module"), holds);
    if (holds != null) {
      EXPECT_EQ(row.at("symbol"), symbol);
    }
  }
  EXPECT_EQ(in_modules, 3U);
}

TEST_P(FreeBsdMachineTables, Mounts) {
  // As mount(8) prints the flags that the descriptions have.
  const std::map<std::uint64_t, std::string> options = {
      {0x100201000, "local, soft-updates, journaled soft-updates"},
      {0x1000, "local"},
      {0x1001101c, "local, noatime, noexec, nosuid, nfsv4acls"},
      {0x20000001000, "local, named attributes"},
      {0x8001, "read-only, mounted by 1001"},
      {0, ""}};
  const Rows rows = rows_of(*session, "mounts");
  ASSERT_EQ(rows.size(), description.machine.mounts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Mounted& wanted = description.machine.mounts[i];
    EXPECT_EQ(rows[i].at("source"), text(wanted.source));
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.type));
    EXPECT_EQ(rows[i].at("options"), text(options.at(wanted.flags)));
    for (const char* unknown : {"device", "root", "id", "parent", "namespace"})
      EXPECT_EQ(rows[i].at(unknown), null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(FreeBsdMachineTables, Processors) {
  const Rows rows = rows_of(*session, "cpus");
  ASSERT_EQ(rows.size(), description.machine.cpus.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Cpu& wanted = description.machine.cpus[i];
    const foundry::ThreadText* running = nullptr;
    for (const auto& process : description.processes)
      for (const auto& thread : process.threads)
        if (thread.address == wanted.current) running = &thread;
    ASSERT_NE(running, nullptr);
    EXPECT_EQ(rows[i].at("cpu"), integer(static_cast<std::int64_t>(wanted.number)));
    EXPECT_EQ(rows[i].at("online"), Value(wanted.online));
    EXPECT_EQ(rows[i].at("crashed"), Value(running->crashed));
    EXPECT_EQ(rows[i].at("tid"), integer(running->tid));
    EXPECT_EQ(rows[i].at("thread"), text(running->name));
    EXPECT_EQ(rows[i].at("idle"), Value(running->name.starts_with("idle")));
    EXPECT_EQ(rows[i].at("runnable"), number(wanted.runnable));
    EXPECT_EQ(rows[i].at("current"), address(wanted.current));
    EXPECT_EQ(rows[i].at("base"), address(wanted.base));
    EXPECT_EQ(rows[i].at("pc"), address(running->frames.front()));
    EXPECT_EQ(rows[i].at("sp"), address(running->sp));
  }
}

TEST_P(FreeBsdMachineTables, Load) {
  const Rows rows = rows_of(*session, "load");
  ASSERT_EQ(rows.size(), 1U);
  const MachineText::Load& wanted = description.machine.load;
  const auto average = [&](std::size_t index) -> Value {
    return static_cast<double>(wanted.averages[index]) / static_cast<double>(wanted.scale);
  };
  EXPECT_EQ(rows[0].at("load1"), average(0));
  EXPECT_EQ(rows[0].at("load5"), average(1));
  EXPECT_EQ(rows[0].at("load15"), average(2));
  std::uint64_t runnable = 0, threads = 0;
  for (const MachineText::Cpu& cpu : description.machine.cpus) runnable += cpu.runnable;
  for (const auto& process : description.processes) threads += process.threads.size();
  EXPECT_EQ(rows[0].at("runnable"), number(runnable));
  EXPECT_EQ(rows[0].at("threads"), number(wanted.threads != 0 ? wanted.threads : threads));
  EXPECT_EQ(rows[0].at("last_pid"), integer(wanted.last_pid));
}

TEST_P(FreeBsdMachineTables, TimeAndProcessorsOfTheDump) {
  const auto row = rows_of(*session, "dump").at(0);
  const MachineText::Clock& clock = description.machine.clock;
  EXPECT_EQ(row.at("uptime"), Value(static_cast<double>(clock.uptime) + 0.5));
  EXPECT_EQ(row.at("cpus"), number(description.machine.cpus.size()));
  ASSERT_EQ(clock.boot + clock.uptime, 1700086400U);
  EXPECT_EQ(row.at("time"), text("2023-11-15T22:13:20Z"));
}

TEST_P(FreeBsdMachineTables, Swap) {
  const Rows rows = rows_of(*session, "swap");
  ASSERT_EQ(rows.size(), description.machine.swaps.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Swap& wanted = description.machine.swaps[i];
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.is_device ? "partition" : "file"));
    EXPECT_EQ(rows[i].at("size"), number(wanted.blocks * page));
    EXPECT_EQ(rows[i].at("used"), number(wanted.used * page));
    EXPECT_EQ(rows[i].at("priority"), null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(FreeBsdMachineTables, Memory) {
  const MachineText& machine = description.machine;
  std::uint64_t free = 0, active = 0, inactive = 0, laundry = 0;
  for (const MachineText::Domain& domain : machine.domains) {
    free += domain.free, active += domain.active;
    inactive += domain.inactive, laundry += domain.laundry;
  }
  const std::pair<const char*, std::uint64_t> wanted[] = {
      {"physmem", machine.memory.physical * page},
      {"v_page_size", page},
      {"v_page_count", machine.memory.pages * page},
      {"v_free_count", free * page},
      {"v_active_count", active * page},
      {"v_inactive_count", inactive * page},
      {"v_laundry_count", laundry * page},
      {"v_wire_count", machine.memory.wired * page},
      {"v_user_wire_count", machine.memory.user_wired * page},
      {"bufspace", machine.memory.buffers}};
  const Rows rows = rows_of(*session, "memory");
  ASSERT_EQ(rows.size(), std::size(wanted));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at("name"), text(wanted[i].first));
    EXPECT_EQ(rows[i].at("bytes"), number(wanted[i].second)) << wanted[i].first;
  }
}

TEST_P(FreeBsdMachineTables, Zones) {
  const Rows rows = rows_of(*session, "zones");
  ASSERT_EQ(rows.size(), description.machine.domains.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Domain& wanted = description.machine.domains[i];
    EXPECT_EQ(rows[i].at("node"), integer(static_cast<std::int64_t>(i)));
    EXPECT_EQ(rows[i].at("name"), null);
    EXPECT_EQ(rows[i].at("size"), null);
    EXPECT_EQ(rows[i].at("managed"), number(wanted.pages * page));
    EXPECT_EQ(rows[i].at("free"), number(wanted.free * page));
    EXPECT_EQ(rows[i].at("min"), number(wanted.reserved * page));
    EXPECT_EQ(rows[i].at("low"), number(wanted.least * page));
    EXPECT_EQ(rows[i].at("high"), number(wanted.target * page));
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(FreeBsdMachineTables, Slabs) {
  const Rows rows = rows_of(*session, "slabs");
  ASSERT_EQ(rows.size(), description.machine.zones.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Zone& wanted = description.machine.zones[i];
    const std::uint64_t in_use =
        wanted.allocations > wanted.frees ? wanted.allocations - wanted.frees : 0;
    const bool has_slabs = !wanted.secondary && !wanted.without_keg;
    EXPECT_EQ(rows[i].at("name"), text(wanted.name));
    EXPECT_EQ(rows[i].at("object_size"), number(wanted.size));
    EXPECT_EQ(rows[i].at("in_use"), number(in_use)) << wanted.name;
    EXPECT_EQ(rows[i].at("objects"),
              number(in_use + wanted.cached + (has_slabs ? wanted.keg_free : 0)))
        << wanted.name;
    EXPECT_EQ(rows[i].at("bytes"), has_slabs ? number(wanted.pages * page) : null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(FreeBsdMachineTables, Interrupts) {
  const Rows rows = rows_of(*session, "interrupts");
  ASSERT_EQ(rows.size(), description.machine.interrupts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Interrupt& wanted = description.machine.interrupts[i];
    std::string handlers;
    for (const std::string& name : wanted.handlers)
      handlers += (handlers.empty() ? "" : ", ") + name;
    EXPECT_EQ(rows[i].at("number"), wanted.line ? integer(*wanted.line) : null);
    EXPECT_EQ(rows[i].at("name"), text(wanted.name));
    EXPECT_EQ(rows[i].at("count"), number(wanted.count));
    EXPECT_EQ(rows[i].at("controller"), null);
    EXPECT_EQ(rows[i].at("handlers"), handlers.empty() ? null : text(handlers));
    EXPECT_EQ(rows[i].at("per_cpu"), null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(FreeBsdMachineTables, Sysctl) {
  const Rows rows = rows_of(*session, "sysctl");
  std::size_t i = 0;
  for (const MachineText::Variable& wanted : description.machine.variables) {
    if ((wanted.flags & 0x20000000) != 0) continue;  // CTLFLAG_DORMANT
    ASSERT_LT(i, rows.size());
    const auto& row = rows[i++];
    EXPECT_EQ(row.at("name"), text(wanted.name));
    EXPECT_EQ(row.at("type"), text(wanted.type));
    EXPECT_EQ(row.at("value"), wanted.shows ? text(*wanted.shows) : null) << wanted.name;
    EXPECT_EQ(row.at("doc"), wanted.doc.empty() ? null : text(wanted.doc));
  }
  EXPECT_EQ(rows.size(), i);
}

/// Where the members lie that a table used is the one thing to remark.
TEST_P(FreeBsdMachineTables, NothingElseIsNoted) {
  for (const char* table : tables) {
    Notes notes;
    EXPECT_TRUE(session->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes));
    for (const Note& note : notes.take())
      EXPECT_NE(note.text.find("built in: the kernel file has no types"), std::string::npos)
          << table << ": " << note.text;
  }
}

INSTANTIATE_TEST_SUITE_P(Descriptions, FreeBsdMachineTables,
                         testing::ValuesIn(foundry::machine_cases()),
                         [](const auto& named) { return foundry::name_of(named.param); });

/// A kernel file without types, of a release whose layout is not built in: each table says what it
/// would need.
TEST(FreeBsdMachineWithoutTypes, EveryTableIsAClearError) {
  for (const char* name : {"14-current-machine", "invented-machine"}) {
    const Description description = foundry::description_named(std::string("freebsd-") + name);
    const auto session = open_session(description, description.files.front().name, "none");
    for (const std::string table : tables) {
      Notes notes;
      std::size_t rows = 0;
      const auto made = session->rows(
          *panicroom::find_table(table), {},
          [&](std::span<const Value>) {
            ++rows;
            return true;
          },
          notes);
      const auto taken = notes.take();
      // Processors, counters and interrupts have symbols too.
      if (table == "cpus" || table == "load" || table == "memory" || table == "interrupts") {
        EXPECT_TRUE(made) << table;
        bool told = false;
        for (const Note& note : taken)
          told = told || note.text.find("no layout of FreeBSD version") != std::string::npos;
        EXPECT_TRUE(told) << table;
        continue;
      }
      ASSERT_FALSE(made) << table;
      EXPECT_EQ(made.error().code, ErrorCode::no_type) << table;
      EXPECT_EQ(rows, 0U) << table;
    }
  }
}

}  // namespace
