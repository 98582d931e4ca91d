// NetBSD kernels with the structures of releases, and of none: every column of what is told of them
// is the description's, by the types in the kernel file (CTF) or by a layout that is built in.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "tests/foundry/kernel_case.h"
#include "tests/foundry/netbsd_layout.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::DescriptorText;
using foundry::integer;
using foundry::KernelCase;
using foundry::MachineText;
using foundry::MappingText;
using foundry::notes_of;
using foundry::null;
using foundry::number;
using foundry::open_session;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Session;
using panicroom::Value;

Value text_or_null(const std::string& value) { return value.empty() ? null : text(value); }
Value address_or_null(std::uint64_t value) { return value == 0 ? null : Value(Address{value}); }

void expect_near(const Value& got, double wanted) {
  ASSERT_TRUE(std::holds_alternative<double>(got));
  EXPECT_NEAR(std::get<double>(got), wanted, 1e-6);
}

class NetBsdTables : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
    // The kernel's lists have the living first.
    for (const bool zombies : {false, true})
      for (const ProcessText& process : description.processes)
        if (process.zombie == zombies) processes.push_back(&process);
  }
  bool is_sparse() const { return GetParam().file.find("sparse") != std::string::npos; }
  bool is_pae() const { return GetParam().file.find("pae") != std::string::npos; }
  /// Of release 10 and later, whose processors are in an array that tells their queues.
  bool newer() const { return !description.release.starts_with("7."); }
  std::size_t threads() const {
    std::size_t count = 0;
    for (const ProcessText* process : processes) count += process->threads.size();
    return count;
  }

  Description description;
  std::vector<const ProcessText*> processes;
  std::unique_ptr<Session> session;
};

TEST_P(NetBsdTables, Dump) {
  const Rows rows = rows_of(*session, "dump");
  ASSERT_EQ(rows.size(), 1U);
  const auto& row = rows[0];
  EXPECT_EQ(row.at("system"), text("NetBSD"));
  EXPECT_EQ(row.at("release"), text(description.release));
  EXPECT_EQ(row.at("version"), text("NetBSD " + description.release + " (FOUNDRY) #0: today"));
  EXPECT_EQ(row.at("nodename"), text("foundry.example"));
  EXPECT_EQ(row.at("panic"), text(description.panic));
  EXPECT_EQ(row.at("time"), text("2023-11-14T23:25:21Z"));  // boot and uptime of the description
  expect_near(row.at("uptime"), static_cast<double>(description.machine.clock.uptime));
  EXPECT_EQ(row.at("cpus"), number(2));
  EXPECT_EQ(row.at("crashed_pid"), integer(812));
  EXPECT_EQ(row.at("crashed_tid"), integer(1));
  EXPECT_EQ(row.at("crashed_name"), text("sh"));
  EXPECT_EQ(row.at("crashed_cpu"), integer(1));
  EXPECT_EQ(row.at("complete"), Value(true));
}

std::string process_state(const ProcessText& process) {
  if (process.zombie) return "zombie";
  const ThreadText& first = process.threads.front();
  return first.cpu ? "running" : first.state;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" '\"") == std::string::npos && !word.empty();
    all += (all.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return all;
}

TEST_P(NetBsdTables, Processes) {
  const Rows rows = rows_of(*session, "processes");
  ASSERT_EQ(rows.size(), processes.size());
  const double rate = static_cast<double>(description.tick_rate);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const ProcessText& wanted = *processes[index];
    const auto& row = rows[index];
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(row.at("pid"), integer(wanted.pid));
    EXPECT_EQ(row.at("ppid"), integer(wanted.ppid));
    EXPECT_EQ(row.at("uid"), integer(static_cast<std::int64_t>(wanted.uid)));
    EXPECT_EQ(row.at("state"), text(process_state(wanted)));
    EXPECT_EQ(row.at("name"), text(wanted.name));
    EXPECT_EQ(row.at("threads"), number(wanted.threads.size()));
    EXPECT_EQ(row.at("address"), Value(Address{wanted.address}));
    EXPECT_EQ(row.at("executable"), text_or_null(wanted.executable));
    EXPECT_EQ(row.at("directory"), text_or_null(wanted.directory));
    EXPECT_EQ(row.at("root"), text(wanted.root.empty() ? "/" : wanted.root));
    if (wanted.start_seconds == 0)
      EXPECT_EQ(row.at("start"), null);
    else
      expect_near(row.at("start"), static_cast<double>(wanted.start_seconds) +
                                       static_cast<double>(wanted.start_microseconds) * 1e-6);
    double run = static_cast<double>(wanted.run_ticks);
    for (const ThreadText& thread : wanted.threads) run += static_cast<double>(thread.run_ticks);
    const double user = static_cast<double>(wanted.user_ticks),
                 system = static_cast<double>(wanted.system_ticks),
                 sum = user + system + static_cast<double>(wanted.interrupt_ticks);
    expect_near(row.at("user_time"), run / rate * (sum == 0 ? 0.5 : user / sum));
    expect_near(row.at("system_time"), run / rate * (sum == 0 ? 0.5 : system / sum));
    const bool own = wanted.size != 0;
    EXPECT_EQ(row.at("size"), own ? number(wanted.size) : null);
    EXPECT_EQ(row.at("resident"), own ? number(wanted.resident_pages * 4096) : null);
    EXPECT_EQ(row.at("nice"), integer(wanted.nice));
    EXPECT_EQ(row.at("terminal"), text_or_null(wanted.terminal));
    EXPECT_EQ(row.at("pgid"), integer(wanted.group));
    EXPECT_EQ(row.at("sid"), integer(wanted.session));
    EXPECT_EQ(row.at("ruid"), integer(static_cast<std::int64_t>(wanted.real_uid)));
    EXPECT_EQ(row.at("gid"), integer(static_cast<std::int64_t>(wanted.gid)));
    EXPECT_EQ(row.at("rgid"), integer(static_cast<std::int64_t>(wanted.real_gid)));
    char flags[32];
    std::snprintf(flags, sizeof flags, "0x%llx", static_cast<unsigned long long>(wanted.flags));
    EXPECT_EQ(row.at("flags"), text(flags));
    EXPECT_EQ(row.at("jail"), null);
    // Pages of processes are not in a sparse dump.
    const bool there = !is_sparse() && !is_pae() && wanted.strings != 0;
    EXPECT_EQ(row.at("arguments"), there ? text(joined(wanted.arguments)) : null);
    EXPECT_EQ(row.at("environment"), there ? text(joined(wanted.environment)) : null);
  }
}

/// The function in which a thread waits, by the names of the descriptions' functions that only put
/// it to sleep.
Value waits_in(const Description& description, const ThreadText& thread) {
  const std::set<std::string> asleep = {"mi_switch", "sleepq_block", "cv_wait_sig", "kpause",
                                        "lwp_trampoline"};
  if (thread.cpu || thread.state == "running") return null;
  for (std::size_t i = 0; i < thread.frames.size(); ++i) {
    const std::uint64_t at = thread.frames[i] - (i == 0 ? 0 : 1);
    for (const foundry::Symbol& symbol : description.image.symbols)
      if (at >= symbol.address && at < symbol.address + symbol.size &&
          !asleep.contains(symbol.name))
        return text(symbol.name);
  }
  return null;
}

TEST_P(NetBsdTables, Threads) {
  const Rows rows = rows_of(*session, "threads");
  ASSERT_EQ(rows.size(), threads());
  std::size_t index = 0;
  const char* const classes[] = {"other", "fifo", "rr"};
  for (const ProcessText* process : processes)
    for (const ThreadText& thread : process->threads) {
      const auto& row = rows[index++];
      SCOPED_TRACE(thread.name);
      EXPECT_EQ(row.at("pid"), integer(process->pid));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      EXPECT_EQ(row.at("name"), text(thread.name));
      EXPECT_EQ(row.at("state"), text(thread.cpu ? "running" : thread.state));
      EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
      EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
      EXPECT_EQ(row.at("address"), Value(Address{thread.address}));
      // None of what ran but, on x86, of the dying thread.
      const bool saved = !thread.frames.empty();
      EXPECT_EQ(row.at("pc"), saved ? Value(Address{thread.frames.front()}) : null);
      EXPECT_EQ(row.at("sp"), saved ? Value(Address{thread.sp}) : null);
      EXPECT_EQ(row.at("priority"), integer(static_cast<std::int64_t>(thread.priority)));
      EXPECT_EQ(row.at("policy"), text(classes[thread.scheduling_class]));
      EXPECT_EQ(row.at("last_cpu"),
                integer(thread.cpu ? *thread.cpu : static_cast<std::int64_t>(thread.last_cpu)));
      expect_near(row.at("run_time"), static_cast<double>(thread.run_ticks) /
                                          static_cast<double>(description.tick_rate));
      // What it slept for is of the past once it runs.
      const bool sleeps = thread.state == "sleeping" || thread.state == "uninterruptible";
      EXPECT_EQ(row.at("wait_channel"), sleeps ? address_or_null(thread.channel) : null);
      EXPECT_EQ(row.at("wait_message"), sleeps ? text_or_null(thread.message) : null);
      EXPECT_EQ(row.at("wait"), waits_in(description, thread));
      EXPECT_EQ(row.at("stack_low"), Value(Address{thread.stack}));
      EXPECT_EQ(row.at("stack_high"), Value(Address{thread.stack + thread.stack_pages * 4096}));
    }
  EXPECT_TRUE(any_has(notes_of(*session, "threads"), "the kernel did not save them"));
}

TEST_P(NetBsdTables, Frames) {
  std::map<std::pair<std::int64_t, std::int64_t>, std::vector<std::uint64_t>> found;
  for (const auto& row : rows_of(*session, "frames"))
    found[{std::get<std::int64_t>(row.at("pid")), std::get<std::int64_t>(row.at("tid"))}].push_back(
        std::get<Address>(row.at("pc")).value);
  for (const ProcessText* process : processes)
    for (const ThreadText& thread : process->threads) {
      SCOPED_TRACE(thread.name);
      const auto frames = found[{process->pid, thread.tid}];
      EXPECT_EQ(frames, thread.frames);
    }
}

/// The entry code of a trap calls trap() with the registers that it saved right above.
TEST(NetBsdFrames, ThroughATrap) {
  Description description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/netbsd-invented-tables.txt",
      "symbol trap 0xffffffff80206000 0x100 T\n"
      "symbol calltrap 0xffffffff80206100 0x40 t\n"
      "symbol victim 0xffffffff80206200 0x100 T\n"
      "process 900 \"trapped\" ppid 1\n"
      "thread 1 \"trapped\" state uninterruptible class 0 frames 0xffffffff80203040 "
      "0xffffffff80206020 0xffffffff80206105\n");
  const foundry::KernelLayout layout = foundry::netbsd_layout(description.layout, 8);
  ThreadText& thread = description.processes.back().threads.at(0);
  const std::uint64_t saved = thread.fp + 64 + 16;
  const auto set = [&](const char* member, std::uint64_t value) {
    description.image.write_virtual(saved + layout.offset("trapframe", member), value, 8);
  };
  set("tf_rip", 0xffffffff80206210), set("tf_cs", 8), set("tf_rsp", saved + 88);
  set("tf_rbp", 0);
  // trap() saved the frame pointer of what the trap stopped.
  description.image.write_virtual(thread.fp + 64, saved + 96, 8);
  const auto session = open_session(description, description.files.at(0).name, "ctf3z");
  std::vector<std::uint64_t> frames;
  for (const auto& row : rows_of(*session, "frames"))
    if (row.at("pid") == integer(900)) frames.push_back(std::get<Address>(row.at("pc")).value);
  EXPECT_EQ(frames, (std::vector<std::uint64_t>{0xffffffff80203040, 0xffffffff80206020,
                                                0xffffffff80206105, 0xffffffff80206210}));
}

std::string file_type(const DescriptorText& open) {
  static const std::map<std::string, std::string> names = {{"device", "character device"},
                                                           {"fifo", "pipe"},
                                                           {"shm", "shared memory"},
                                                           {"sem", "semaphore"},
                                                           {"file", "file"},
                                                           {"directory", "directory"},
                                                           {"pipe", "pipe"},
                                                           {"kqueue", "kqueue"}};
  const auto known = names.find(open.type);
  return known == names.end() ? "socket" : known->second;
}

TEST_P(NetBsdTables, Files) {
  const Rows rows = rows_of(*session, "files");
  std::size_t index = 0;
  for (const ProcessText* process : processes)
    for (const DescriptorText& open : process->descriptors) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(open.number);
      EXPECT_EQ(row.at("pid"), integer(process->pid));
      EXPECT_EQ(row.at("process"), text(process->name));
      EXPECT_EQ(row.at("fd"), integer(open.number));
      EXPECT_EQ(row.at("type"), text(file_type(open)));
      EXPECT_EQ(row.at("access"), text(open.access));
      EXPECT_EQ(row.at("path"), text_or_null(open.path));
      EXPECT_EQ(row.at("flags"), open.flags == 4   ? text("nonblock")
                                 : open.flags == 8 ? text("append")
                                                   : null);
      EXPECT_EQ(row.at("position"), open.path.empty() ? null : number(open.position));
      EXPECT_EQ(row.at("address"), Value(Address{open.address}));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 14U);
}

/// Since NetBSD 10 an entry of the name cache is as long as its name.
TEST(NetBsdPaths, ANameThatIsLongerThanItsMember) {
  const std::string path = "/tmp/" + std::string(60, 'n');
  const Description description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/netbsd-10-99-12-tables.txt",
      "process 900 \"long\" ppid 1\nopen 0 file r path \"" + path +
          "\"\nthread 1 \"long\" state sleeping class 0\n");
  const auto session = open_session(description, description.files.at(0).name, "none");
  EXPECT_EQ(rows_of(*session, "files").back().at("path"), text(path));
}

TEST_P(NetBsdTables, Sockets) {
  const Rows rows = rows_of(*session, "sockets");
  std::size_t index = 0;
  for (const ProcessText* process : processes)
    for (const DescriptorText& open : process->descriptors) {
      if (open.socket_address == 0) continue;
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      EXPECT_EQ(row.at("pid"), integer(process->pid));
      EXPECT_EQ(row.at("fd"), integer(open.number));
      std::string protocol = open.type;
      if (const std::size_t dash = protocol.find('-'); dash != std::string::npos)
        protocol[dash] = ' ';
      EXPECT_EQ(row.at("protocol"), text(protocol));
      EXPECT_EQ(row.at("address"), Value(Address{open.socket_address}));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(index, 5U);
}

TEST_P(NetBsdTables, Mappings) {
  const Rows rows = rows_of(*session, "maps");
  std::size_t index = 0;
  for (const ProcessText* process : processes)
    for (const MappingText& mapping : process->mappings) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(mapping.start);
      EXPECT_EQ(row.at("pid"), integer(process->pid));
      EXPECT_EQ(row.at("start"), Value(Address{mapping.start}));
      EXPECT_EQ(row.at("end"), Value(Address{mapping.end}));
      EXPECT_EQ(row.at("access"), text(mapping.access));
      EXPECT_EQ(row.at("path"), text_or_null(mapping.path));
      const bool of_file = mapping.path.starts_with("/");
      EXPECT_EQ(row.at("offset"), of_file ? Value(Address{mapping.offset}) : null);
      EXPECT_EQ(row.at("address"), Value(Address{mapping.address}));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 7U);
}

TEST_P(NetBsdTables, Mounts) {
  // As mount(8) prints the flags that the description has.
  const std::map<std::string, std::string> options = {
      {"/", "log, noatime, local, root file system"},
      {"/tmp", "local"},
      {"/usr", "noatime, nosuid, read-only, local, mounted by 1001"}};
  const Rows rows = rows_of(*session, "mounts");
  ASSERT_EQ(rows.size(), description.machine.mounts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Mounted& wanted = description.machine.mounts[i];
    EXPECT_EQ(rows[i].at("source"), text(wanted.source));
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.type));
    EXPECT_EQ(rows[i].at("options"), text(options.at(wanted.path)));
    EXPECT_EQ(rows[i].at("address"), Value(Address{wanted.address}));
  }
}

TEST_P(NetBsdTables, Modules) {
  const Rows rows = rows_of(*session, "modules");
  ASSERT_EQ(rows.size(), description.machine.modules.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Module& wanted = description.machine.modules[i];
    std::string users;
    for (const MachineText::Module& other : description.machine.modules)
      for (const std::string& needed : other.needs)
        if (needed == wanted.name) users += (users.empty() ? "" : ",") + other.name;
    EXPECT_EQ(rows[i].at("name"), text(wanted.name));
    EXPECT_EQ(rows[i].at("base"), address_or_null(wanted.start));
    EXPECT_EQ(rows[i].at("size"), wanted.start == 0 ? null : number(wanted.size));
    EXPECT_EQ(rows[i].at("references"), integer(wanted.references));
    EXPECT_EQ(rows[i].at("used_by"), text_or_null(users));
    EXPECT_EQ(rows[i].at("address"), Value(Address{wanted.address}));
  }
}

TEST_P(NetBsdTables, Processors) {
  const Rows rows = rows_of(*session, "cpus");
  ASSERT_EQ(rows.size(), description.machine.cpus.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Cpu& wanted = description.machine.cpus[i];
    const ThreadText* runs = nullptr;
    for (const ProcessText* process : processes)
      for (const ThreadText& thread : process->threads)
        if (thread.cpu && static_cast<std::uint64_t>(*thread.cpu) == wanted.number) runs = &thread;
    ASSERT_NE(runs, nullptr);
    const auto& row = rows[i];
    EXPECT_EQ(row.at("cpu"), integer(static_cast<std::int64_t>(wanted.number)));
    EXPECT_EQ(row.at("crashed"), Value(runs->crashed));
    EXPECT_EQ(row.at("tid"), integer(runs->tid));
    EXPECT_EQ(row.at("thread"), text(runs->name));
    EXPECT_EQ(row.at("idle"), Value(runs->name.starts_with("idle/")));
    EXPECT_EQ(row.at("runnable"), newer() ? number(wanted.runnable) : null);
    EXPECT_EQ(row.at("current"), Value(Address{runs->address}));
    EXPECT_EQ(row.at("base"), Value(Address{wanted.base}));
    const bool saved = !runs->frames.empty();
    EXPECT_EQ(row.at("pc"), saved ? Value(Address{runs->frames.front()}) : null);
  }
}

TEST_P(NetBsdTables, LoadSwapAndMemory) {
  const auto& load = description.machine.load;
  const Rows loads = rows_of(*session, "load");
  ASSERT_EQ(loads.size(), 1U);
  const char* const names[] = {"load1", "load5", "load15"};
  for (std::size_t i = 0; i < 3; ++i)
    expect_near(loads[0].at(names[i]),
                static_cast<double>(load.averages[i]) / static_cast<double>(load.scale));
  EXPECT_EQ(loads[0].at("threads"), number(threads()));
  EXPECT_EQ(loads[0].at("runnable"), newer() ? number(3) : null);

  const Rows areas = rows_of(*session, "swap");
  ASSERT_EQ(areas.size(), description.machine.swaps.size());
  for (std::size_t i = 0; i < areas.size(); ++i) {
    const MachineText::Swap& wanted = description.machine.swaps[i];
    EXPECT_EQ(areas[i].at("path"), text(wanted.path));
    EXPECT_EQ(areas[i].at("type"), text(wanted.is_device ? "partition" : "file"));
    EXPECT_EQ(areas[i].at("size"), number(wanted.blocks * 4096));
    EXPECT_EQ(areas[i].at("used"), number(wanted.used * 4096));
    EXPECT_EQ(areas[i].at("priority"), integer(static_cast<std::int64_t>(i)));
    EXPECT_EQ(areas[i].at("address"), Value(Address{wanted.address}));
  }

  const Rows counters = rows_of(*session, "memory");
  ASSERT_EQ(counters.size(), description.machine.counters.size());
  for (std::size_t i = 0; i < counters.size(); ++i) {
    EXPECT_EQ(counters[i].at("name"), text(description.machine.counters[i].first));
    EXPECT_EQ(counters[i].at("bytes"), number(description.machine.counters[i].second * 4096));
  }
}

TEST_P(NetBsdTables, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at("text"), text(description.log[i].text));
    EXPECT_EQ(rows[i].at("level"),
              description.log[i].level ? integer(*description.log[i].level) : null);
  }
}

/// Every answer by a built-in layout names it; none by types does.
TEST_P(NetBsdTables, ABuiltInLayoutIsNamed) {
  const std::string& machine = description.image.architecture;
  const std::string name = "the offsets in structures are those of NetBSD " + description.release +
                           " " + (machine == "x86_64" ? "amd64" : machine) +
                           ", built in: the kernel file has no types";
  for (const char* table :
       {"processes", "threads", "files", "maps", "mounts", "modules", "swap", "memory"})
    EXPECT_EQ(any_has(notes_of(*session, table), name), GetParam().types == "none") << table;
}

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> cases;
  const auto add = [&cases](const std::string& name, std::vector<std::string> files) {
    for (const std::string& file : files)
      for (const std::string& types : foundry::forms_of_types())
        if (name.find("invented") == std::string::npos || types != "none")
          cases.push_back({name + "-tables", name + file, types});
  };
  add("netbsd-invented", {"-full", "-sparse"});
  add("netbsd-7-99-4", {"-full", "-sparse", "-sparse-gzip", "-device"});
  add("netbsd-7-99-34", {"-full", "-sparse"});
  add("netbsd-10-99-12", {"-full", "-sparse"});
  add("netbsd-i386", {"-full", "-sparse"});
  add("netbsd-i386-pae", {"-full", "-sparse"});
  add("netbsd-aarch64", {"-full", "-uncounted", "-device"});
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Layouts, NetBsdTables, testing::ValuesIn(all_cases()),
                         [](const auto& named) { return foundry::name_of(named.param); });

}  // namespace
