// DragonFly kernels: what is told of the machine as a whole is the description's.

#include <gtest/gtest.h>

#include <cstring>
#include <map>
#include <string>

#include "tests/foundry/dragonfly_case.h"

namespace {

using foundry::integer;
using foundry::MachineText;
using foundry::null;
using foundry::number;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using panicroom::Address;
using panicroom::Value;

using DragonFlyMachine = foundry::DragonFlyTest;

Value address(std::uint64_t value) { return Address{value}; }

TEST_P(DragonFlyMachine, Modules) {
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
TEST_P(DragonFlyMachine, SymbolsOfModules) {
  const auto symbols = session->kernel()->symbols();
  std::size_t seen = 0;
  for (const MachineText::Module& module : description.machine.modules)
    for (const foundry::Symbol& wanted : module.symbols) {
      ++seen;
      const auto found = symbols->find(wanted.name);
      ASSERT_TRUE(found) << wanted.name;
      EXPECT_EQ(found->address, wanted.address);
      EXPECT_EQ(found->size, wanted.size);
      EXPECT_EQ(session->kernel()->module_at(wanted.address), module.name);
    }
  EXPECT_EQ(seen, 2U);
}

TEST_P(DragonFlyMachine, Mounts) {
  // As mount(8) prints the flags that the description has.
  const std::map<std::uint64_t, std::string> options = {{0x5000, "local"},
                                                        {0x1000, "local"},
                                                        {0x1011, "local, nodev, read-only"},
                                                        {0x200008, "nosuid, soft-updates"},
                                                        {0x1, "read-only, mounted by 1001"}};
  const Rows rows = rows_of(*session, "mounts");
  ASSERT_EQ(rows.size(), description.machine.mounts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Mounted& wanted = description.machine.mounts[i];
    EXPECT_EQ(rows[i].at("source"), text(wanted.source));
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.type));
    EXPECT_EQ(rows[i].at("options"), text(options.at(wanted.flags)));
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(DragonFlyMachine, Processors) {
  const Rows rows = rows_of(*session, "cpus");
  ASSERT_EQ(rows.size(), description.machine.cpus.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Cpu& wanted = description.machine.cpus[i];
    const foundry::ThreadText* running = nullptr;
    bool of_process = false;
    for (const auto& process : description.processes)
      for (const auto& thread : process.threads)
        if (thread.address == wanted.current) running = &thread, of_process = true;
    for (const auto& thread : description.kernel_threads)
      if (thread.address == wanted.current) running = &thread;
    ASSERT_NE(running, nullptr);
    EXPECT_EQ(rows[i].at("cpu"), integer(static_cast<std::int64_t>(wanted.number)));
    EXPECT_EQ(rows[i].at("online"), Value(true));
    EXPECT_EQ(rows[i].at("crashed"), Value(running->crashed));
    EXPECT_EQ(rows[i].at("tid"), of_process ? integer(running->tid) : null);
    EXPECT_EQ(rows[i].at("thread"), text(running->name));
    EXPECT_EQ(rows[i].at("idle"), Value(running->name.starts_with("idle")));
    EXPECT_EQ(rows[i].at("runnable"), number(wanted.runnable));
    EXPECT_EQ(rows[i].at("current"), address(wanted.current));
    EXPECT_EQ(rows[i].at("base"), address(wanted.base));
    EXPECT_EQ(rows[i].at("pc"), address(running->frames.front()));
    EXPECT_EQ(rows[i].at("sp"), address(running->sp));
  }
}

TEST_P(DragonFlyMachine, Load) {
  const Rows rows = rows_of(*session, "load");
  ASSERT_EQ(rows.size(), 1U);
  const MachineText::Load& wanted = description.machine.load;
  const auto average = [&](std::size_t index) -> Value {
    return static_cast<double>(wanted.averages[index]) / static_cast<double>(wanted.scale);
  };
  EXPECT_EQ(rows[0].at("load1"), average(0));
  EXPECT_EQ(rows[0].at("load5"), average(1));
  EXPECT_EQ(rows[0].at("load15"), average(2));
  std::uint64_t runnable = 0, threads = description.kernel_threads.size();
  for (const MachineText::Cpu& cpu : description.machine.cpus) runnable += cpu.runnable;
  for (const auto& process : description.processes) threads += process.threads.size();
  EXPECT_EQ(rows[0].at("runnable"), number(runnable));
  EXPECT_EQ(rows[0].at("threads"), number(threads));
}

TEST_P(DragonFlyMachine, Swap) {
  const Rows rows = rows_of(*session, "swap");
  ASSERT_EQ(rows.size(), description.machine.swaps.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Swap& wanted = description.machine.swaps[i];
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.is_device ? "partition" : "file"));
    EXPECT_EQ(rows[i].at("size"), number(wanted.blocks * 4096));
    EXPECT_EQ(rows[i].at("used"), number(wanted.used * 4096));
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(DragonFlyMachine, Memory) {
  const MachineText& machine = description.machine;
  const MachineText::Domain& domain = machine.domains.at(0);
  const std::pair<const char*, std::uint64_t> wanted[] = {
      {"physmem", machine.memory.physical * 4096}, {"v_page_size", 4096},
      {"v_page_count", domain.pages * 4096},       {"v_free_count", domain.free * 4096},
      {"v_active_count", domain.active * 4096},    {"v_inactive_count", domain.inactive * 4096},
      {"v_cache_count", domain.laundry * 4096},    {"v_wire_count", machine.memory.wired * 4096}};
  const Rows rows = rows_of(*session, "memory");
  ASSERT_EQ(rows.size(), std::size(wanted));
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at("name"), text(wanted[i].first));
    EXPECT_EQ(rows[i].at("bytes"), number(wanted[i].second)) << wanted[i].first;
  }
}

TEST_P(DragonFlyMachine, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    EXPECT_EQ(rows[index].at("text"), text(description.log[index].text));
    const auto level = description.log[index].level;
    EXPECT_EQ(rows[index].at("level"), level ? integer(*level) : null);
  }
}

/// Each mapping of the kernel, first and last byte of each page.
TEST_P(DragonFlyMachine, Translation) {
  auto& memory = session->kernel()->memory();
  for (const auto& mapping : description.image.mappings) {
    const bool of_user = mapping.virtual_address < 0x800000000000;
    for (std::uint64_t at = 0; at < mapping.size; at += 4096)
      for (const std::uint64_t byte : {at, at + 4095}) {
        const auto got = memory.translate(mapping.virtual_address + byte);
        if (of_user && is_minidump()) {
          EXPECT_FALSE(got);
          continue;
        }
        ASSERT_TRUE(got) << std::hex << mapping.virtual_address + byte << ": "
                         << got.error().message();
        EXPECT_EQ(got->physical, mapping.physical + byte);
      }
  }
  EXPECT_FALSE(memory.translate(0x1000));
}

TEST_P(DragonFlyMachine, PhysicalMemory) {
  const auto& image = description.image;
  std::vector<std::byte> bytes(4096);
  for (std::uint64_t at = 0; at < 0xb01000; at += 4096) {
    const auto read = session->physical().read(at, bytes);
    ASSERT_EQ(read.has_value(), image.has(at)) << std::hex << at;
    // Table pages are added while a minidump is written.
    if (!read || (at >= image.table_area.start && at < image.table_area.end)) continue;
    const foundry::Blob wanted = image.page_bytes(at);
    ASSERT_EQ(std::memcmp(bytes.data(), wanted.data(), wanted.size()), 0) << std::hex << at;
  }
}

INSTANTIATE_TEST_SUITE_P(All, DragonFlyMachine, testing::ValuesIn(foundry::dragonfly_cases()),
                         [](const auto& one) { return foundry::name_of(one.param); });

}  // namespace
