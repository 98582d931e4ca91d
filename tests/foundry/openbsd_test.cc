// OpenBSD kernels with the structures of releases, and of none: every table is the description's,
// by the types in the kernel file (CTF) or by a layout that is built in, from kernel cores and from
// images of memory that an emulator wrote.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <string>

#include "tests/foundry/kernel_case.h"
#include "tests/foundry/openbsd_layout.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::DescriptorText;
using foundry::integer;
using foundry::KernelCase;
using foundry::KernelLayout;
using foundry::MachineText;
using foundry::MappingText;
using foundry::notes_of;
using foundry::null;
using foundry::number;
using foundry::open_session;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Notes;
using panicroom::Query;
using panicroom::Session;
using panicroom::Value;

Value text_or_null(const std::string& value) { return value.empty() ? null : text(value); }

void expect_near(const Value& got, double wanted) {
  ASSERT_TRUE(std::holds_alternative<double>(got));
  EXPECT_NEAR(std::get<double>(got), wanted, 1e-9);
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" '\"") == std::string::npos && !word.empty();
    all += (all.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return all;
}

class OpenBsdTables : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
    layout = std::make_unique<KernelLayout>(
        foundry::openbsd_layout(description.layout, description.image.pointer()));
  }
  /// Whether the layout knows of vnodes and their names; that of 6.5 does not.
  bool has_names() const { return layout->find("namecache", "nc_name") != nullptr; }
  bool has_sockets() const { return layout->find("socket", "so_type") != nullptr; }
  /// An emulator's notes have every processor's registers; a kernel that writes its dump itself
  /// keeps those of the thread that writes, and arm64's writes none.
  bool has_registers(const ThreadText& thread) const {
    if (!thread.cpu || GetParam().file.ends_with("-qemu")) return true;
    return thread.crashed && description.image.architecture != "aarch64";
  }
  Value path(const std::string& value) const { return has_names() ? text_or_null(value) : null; }

  Description description;
  std::unique_ptr<Session> session;
  std::unique_ptr<KernelLayout> layout;
};

std::string thread_state(const ThreadText& thread) {
  return thread.cpu ? "running" : thread.state.empty() ? "sleeping" : thread.state;
}

TEST_P(OpenBsdTables, Identity) {
  const auto row = rows_of(*session, "dump").at(0);
  EXPECT_EQ(row.at("system"), text("OpenBSD"));
  EXPECT_EQ(row.at("release"), text(description.release));
  EXPECT_EQ(row.at("nodename"), text("foundry.example.org"));
  EXPECT_EQ(std::get<std::string>(row.at("version")).find("OpenBSD " + description.release), 0U);
  EXPECT_EQ(row.at("panic"), text(description.panic));
  EXPECT_EQ(row.at("time"), text("2024-10-01T12:40:00Z"));
  expect_near(row.at("uptime"), 86400);
  EXPECT_EQ(row.at("cpus"), number(2));
  EXPECT_EQ(row.at("crashed_tid"), integer(101234));
}

TEST_P(OpenBsdTables, Processes) {
  const Rows rows = rows_of(*session, "processes");
  ASSERT_EQ(rows.size(), description.processes.size());
  const double rate = static_cast<double>(description.tick_rate);
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const ProcessText& wanted = description.processes[index];
    const auto& row = rows[index];
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(row.at("pid"), integer(wanted.pid));
    EXPECT_EQ(row.at("ppid"), integer(wanted.ppid));
    EXPECT_EQ(row.at("uid"), integer(static_cast<std::int64_t>(wanted.uid)));
    EXPECT_EQ(row.at("state"),
              text(wanted.zombie ? "zombie" : thread_state(wanted.threads.front())));
    EXPECT_EQ(row.at("name"), text(wanted.name));
    EXPECT_EQ(row.at("threads"), number(wanted.threads.size()));
    EXPECT_EQ(row.at("address"), Value(Address{wanted.address}));
    EXPECT_EQ(row.at("executable"), path(wanted.executable));
    EXPECT_EQ(row.at("directory"), path(wanted.directory));
    // Without one of its own it has the system's.
    const bool own_root = !wanted.root.empty() && wanted.root != "/";
    EXPECT_EQ(row.at("root"), wanted.zombie ? null : own_root ? path(wanted.root) : text("/"));
    expect_near(row.at("start"), static_cast<double>(wanted.start_seconds) +
                                     static_cast<double>(wanted.start_microseconds) * 1e-6);
    double user = static_cast<double>(wanted.user_ticks);
    double system = static_cast<double>(wanted.system_ticks);
    for (const ThreadText& thread : wanted.threads)
      user += static_cast<double>(thread.user_ticks),
          system += static_cast<double>(thread.system_ticks);
    expect_near(row.at("user_time"), user / rate);
    expect_near(row.at("system_time"), system / rate);
    const bool own = wanted.size != 0;
    EXPECT_EQ(row.at("size"), own ? number(wanted.size) : null);
    EXPECT_EQ(row.at("resident"), own ? number(wanted.resident_pages * 4096) : null);
    EXPECT_EQ(row.at("nice"), integer(wanted.nice));
    EXPECT_EQ(row.at("terminal"), (wanted.flags & 1) == 0   ? null
                                  : wanted.terminal.empty() ? null
                                  : has_names()             ? text(wanted.terminal)
                                                            : text("12:5"));
    EXPECT_EQ(row.at("pgid"), integer(wanted.group));
    EXPECT_EQ(row.at("sid"), integer(wanted.session));
    EXPECT_EQ(row.at("ruid"), integer(static_cast<std::int64_t>(wanted.real_uid)));
    EXPECT_EQ(row.at("gid"), integer(static_cast<std::int64_t>(wanted.gid)));
    EXPECT_EQ(row.at("rgid"), integer(static_cast<std::int64_t>(wanted.real_gid)));
    char flags[32];
    std::snprintf(flags, sizeof flags, "0x%llx", static_cast<unsigned long long>(wanted.flags));
    EXPECT_EQ(row.at("flags"), text(flags));
    for (const char* other : {"pid_namespace", "mount_namespace", "network_namespace", "jail"})
      EXPECT_EQ(row.at(other), null);
    EXPECT_EQ(row.at("arguments"), text_or_null(joined(wanted.arguments)));
    EXPECT_EQ(row.at("environment"), text_or_null(joined(wanted.environment)));
  }
}

/// libkvm's own reader of dumps compares another number, that of the parent, when it is asked for
/// one process.
TEST_P(OpenBsdTables, OneProcessIsThatWithTheNumber) {
  Query query;
  query.pid = 1;
  const Rows rows = rows_of(*session, "processes", query);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.front().at("name"), text("init"));
  EXPECT_EQ(rows_of(*session, "files", query).size(), 0U);
  query.pid = 48123;
  EXPECT_EQ(rows_of(*session, "processes", query).size(), 1U);
}

TEST_P(OpenBsdTables, Threads) {
  const Rows rows = rows_of(*session, "threads");
  std::size_t index = 0;
  bool unknown = false;
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(thread.name);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      const bool named = layout->find("proc", "p_name") != nullptr;
      EXPECT_EQ(row.at("name"), text(named ? thread.name : process.name));
      EXPECT_EQ(row.at("state"), text(thread_state(thread)));
      EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
      EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
      EXPECT_EQ(row.at("address"), Value(Address{thread.address}));
      const bool lost = !has_registers(thread);
      const bool begun = thread.state != "new";
      unknown = unknown || lost;
      EXPECT_EQ(row.at("pc"), lost || !begun ? null : Value(Address{thread.frames.front()}));
      EXPECT_EQ(row.at("sp"), lost || !begun ? null : Value(Address{thread.sp}));
      if (begun) {
        EXPECT_EQ(row.at("priority"), integer(static_cast<std::int64_t>(thread.priority)));
      }
      EXPECT_EQ(row.at("policy"), null);
      EXPECT_EQ(row.at("last_cpu"),
                integer(thread.cpu ? *thread.cpu : static_cast<std::int64_t>(thread.last_cpu)));
      expect_near(row.at("run_time"), static_cast<double>(thread.run_ticks) * 1e-6);
      const bool waits = thread.channel != 0;
      EXPECT_EQ(row.at("wait_channel"), waits ? Value(Address{thread.channel}) : null);
      EXPECT_EQ(row.at("wait_message"), waits ? text(thread.message) : null);
      // The innermost that is not there to put a thread to sleep.
      const char* const waits_in = thread.tid == 202345   ? "sched_idle"
                                   : thread.tid == 303456 ? "sched_exit"
                                   : thread.tid == 100002 ? "dowait4"
                                                          : "";
      EXPECT_EQ(row.at("wait"), text_or_null(waits_in));
      EXPECT_EQ(row.at("stack_low"), Value(Address{thread.stack}));
      EXPECT_EQ(row.at("stack_high"), Value(Address{thread.stack + thread.stack_pages * 4096}));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(any_has(notes_of(*session, "threads"), "registers of a processor that was running"),
            unknown);
}

TEST_P(OpenBsdTables, Frames) {
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) {
      if (thread.frames.empty() || !has_registers(thread)) continue;
      SCOPED_TRACE(thread.name);
      Query query;
      query.tid = thread.tid;
      const Rows rows = rows_of(*session, "frames", query);
      ASSERT_EQ(rows.size(), thread.frames.size());
      for (std::size_t i = 0; i < rows.size(); ++i)
        EXPECT_EQ(rows[i].at("pc"), Value(Address{thread.frames[i]}));
    }
}

TEST_P(OpenBsdTables, Files) {
  static const std::map<std::string, std::string> names = {{"device", "character device"},
                                                           {"fifo", "pipe"}};
  const Rows rows = rows_of(*session, "files");
  std::size_t index = 0;
  for (const ProcessText& process : description.processes)
    for (const DescriptorText& open : process.descriptors) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(open.number);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("process"), text(process.name));
      EXPECT_EQ(row.at("fd"), integer(open.number));
      const bool of_vnode = !open.path.empty();
      const bool socket = open.socket_address != 0;
      const auto known = names.find(open.type);
      EXPECT_EQ(row.at("type"), text(of_vnode && !has_names() ? "file"
                                     : socket                 ? "socket"
                                     : known != names.end()   ? known->second
                                                              : open.type));
      EXPECT_EQ(row.at("access"), text(open.access));
      EXPECT_EQ(row.at("flags"), open.flags == 4   ? text("nonblock")
                                 : open.flags == 8 ? text("append")
                                                   : null);
      EXPECT_EQ(row.at("path"), path(open.path));
      EXPECT_EQ(row.at("position"), of_vnode ? number(open.position) : null);
      EXPECT_EQ(row.at("address"), Value(Address{open.address}));
      EXPECT_EQ(row.at("inode") == null, !(of_vnode && has_names()));
    }
  EXPECT_EQ(rows.size(), index);
}

TEST_P(OpenBsdTables, Sockets) {
  // TCPS_* of OpenBSD's sys/netinet/tcp_fsm.h.
  const char* const states[] = {"close",       "listen",     "syn_sent",  "syn_recv",
                                "established", "close_wait", "fin_wait1", "closing",
                                "last_ack",    "fin_wait2",  "time_wait"};
  const Rows rows = rows_of(*session, "sockets");
  std::size_t index = 0;
  for (const ProcessText& process : description.processes)
    for (const DescriptorText& open : process.descriptors) {
      if (open.socket_address == 0) continue;
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(open.number);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("fd"), integer(open.number));
      EXPECT_EQ(row.at("address"), Value(Address{open.socket_address}));
      if (!has_sockets()) {
        EXPECT_EQ(row.at("protocol"), null);
        continue;
      }
      std::string protocol = open.type;
      if (const std::size_t dash = protocol.find('-'); dash != std::string::npos)
        protocol[dash] = ' ';
      EXPECT_EQ(row.at("protocol"), text(protocol));
      EXPECT_EQ(row.at("state"), text(open.type.starts_with("tcp") ? states[open.state]
                                      : open.state != 0            ? "connected"
                                                                   : "unconnected"));
      EXPECT_EQ(row.at("local"), text_or_null(open.local));
      EXPECT_EQ(row.at("remote"), text_or_null(open.remote));
      EXPECT_EQ(row.at("received"), number(open.received));
      EXPECT_EQ(row.at("sent"), number(open.sent));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(index, 6U);
}

TEST_P(OpenBsdTables, Mappings) {
  const Rows rows = rows_of(*session, "maps");
  std::size_t index = 0;
  for (const ProcessText& process : description.processes)
    for (const MappingText& mapping : process.mappings) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(mapping.start);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("start"), Value(Address{mapping.start}));
      EXPECT_EQ(row.at("end"), Value(Address{mapping.end}));
      EXPECT_EQ(row.at("access"), text(mapping.access));
      const bool of_file = mapping.path.starts_with("/");
      EXPECT_EQ(row.at("path"), of_file ? path(mapping.path) : text_or_null(mapping.path));
      EXPECT_EQ(row.at("offset"),
                of_file || mapping.offset != 0 ? Value(Address{mapping.offset}) : null);
      EXPECT_EQ(row.at("address"), Value(Address{mapping.address}));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(index, 9U);
}

TEST_P(OpenBsdTables, Mounts) {
  // Of mount(8), in its order.
  const char* const options[] = {"local", "local, nodev, wxallowed",
                                 "local, nodev, nosuid, softdep", "nosuid, read-only"};
  const Rows rows = rows_of(*session, "mounts");
  ASSERT_EQ(rows.size(), description.machine.mounts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Mounted& mounted = description.machine.mounts[i];
    EXPECT_EQ(rows[i].at("source"), text(mounted.source));
    EXPECT_EQ(rows[i].at("path"), text(mounted.path));
    EXPECT_EQ(rows[i].at("type"), text(mounted.type));
    EXPECT_EQ(rows[i].at("options"), text(options[i]));
    EXPECT_EQ(rows[i].at("address"), Value(Address{mounted.address}));
  }
}

TEST_P(OpenBsdTables, Processors) {
  const Rows rows = rows_of(*session, "cpus");
  ASSERT_EQ(rows.size(), 2U);
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) {
      if (!thread.cpu) continue;
      const auto& row = rows[static_cast<std::size_t>(*thread.cpu)];
      const auto& wanted = description.machine.cpus[static_cast<std::size_t>(*thread.cpu)];
      EXPECT_EQ(row.at("cpu"), integer(*thread.cpu));
      EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      EXPECT_EQ(row.at("thread"), text(thread.name));
      EXPECT_EQ(row.at("idle"), Value(thread.name == "idle0"));
      EXPECT_EQ(row.at("runnable"), number(wanted.runnable));
      EXPECT_EQ(row.at("current"), Value(Address{thread.address}));
      EXPECT_EQ(row.at("base"), Value(Address{wanted.base}));
      EXPECT_EQ(row.at("pc"), has_registers(thread) ? Value(Address{thread.frames.front()}) : null);
    }
}

TEST_P(OpenBsdTables, LoadSwapAndMemory) {
  const Rows load = rows_of(*session, "load");
  ASSERT_EQ(load.size(), 1U);
  expect_near(load.front().at("load1"), 1.0), expect_near(load.front().at("load5"), 0.5);
  expect_near(load.front().at("load15"), 0.25);
  EXPECT_EQ(load.front().at("runnable"), number(3));
  std::uint64_t threads = 0;
  for (const ProcessText& process : description.processes) threads += process.threads.size();
  EXPECT_EQ(load.front().at("threads"), number(threads));

  const Rows swap = rows_of(*session, "swap");
  ASSERT_EQ(swap.size(), description.machine.swaps.size());
  for (std::size_t i = 0; i < swap.size(); ++i) {
    const MachineText::Swap& wanted = description.machine.swaps[i];
    EXPECT_EQ(swap[i].at("path"), text(wanted.path));
    EXPECT_EQ(swap[i].at("type"), !has_names()       ? null
                                  : wanted.is_device ? text("partition")
                                                     : text("file"));
    EXPECT_EQ(swap[i].at("size"), number(wanted.blocks * 4096));
    EXPECT_EQ(swap[i].at("used"), number(wanted.used * 4096));
    EXPECT_EQ(swap[i].at("priority"), integer(static_cast<std::int64_t>(i)));
  }

  std::map<std::string, Value> memory;
  for (const auto& row : rows_of(*session, "memory"))
    memory[std::get<std::string>(row.at("name"))] = row.at("bytes");
  EXPECT_EQ(memory.at("npages"), number(200000 * 4096));
  EXPECT_EQ(memory.at("free"), number(30000 * 4096));
  EXPECT_EQ(memory.at("swpages"), number((262144 + 1024) * std::uint64_t{4096}));
  EXPECT_EQ(memory.at("swpginuse"), number(512 * 4096));
}

TEST_P(OpenBsdTables, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].at("text"), text(description.log[i].text));
    EXPECT_EQ(rows[i].at("level"),
              description.log[i].level ? integer(*description.log[i].level) : null);
  }
}

TEST_P(OpenBsdTables, ThereAreNoModules) {
  Notes notes;
  const auto rows = session->rows(
      *panicroom::find_table("modules"), {}, [](std::span<const Value>) { return true; }, notes);
  ASSERT_FALSE(rows);
  EXPECT_EQ(rows.error().text, "OpenBSD has no kernel modules");
}

/// Nothing beside what cannot be is remarked; without types each answer says whose offsets it used.
TEST_P(OpenBsdTables, Remarks) {
  const bool built_in = GetParam().types == "none";
  for (const char* table : {"processes", "threads", "mounts", "cpus", "load", "log"}) {
    SCOPED_TRACE(table);
    EXPECT_EQ(any_has(notes_of(*session, table), "built in: the kernel file has no types"),
              built_in);
    EXPECT_FALSE(any_has(notes_of(*session, table), "processes, but"));
  }
  if (has_names()) {
    EXPECT_EQ(notes_of(*session, "maps").size(), built_in ? 1U : 0U);
  }
}

std::vector<KernelCase> cases() {
  std::vector<KernelCase> all;
  for (const std::string& name :
       foundry::descriptions_tried({"amd64", "6-5", "7-3", "7-4", "7-5", "7-6", "arm64",
                                    "7-3-arm64", "7-4-arm64", "7-5-arm64", "i386", "i386-pae"},
                                   {"amd64", "6-5", "7-6", "arm64", "i386-pae"}))
    for (const foundry::FileText& file : foundry::read_files(
             std::string(source_folder) + "/tests/foundry/descriptions/openbsd-" + name + ".txt"))
      for (const std::string& types : foundry::forms_of_types()) {
        const bool known = name != "amd64" && !name.starts_with("i386");
        const bool once = file.name.ends_with("-plain") && types == "ctf3z";
        if ((types != "none" || known) && !once)
          all.push_back({"openbsd-" + name, file.name, types});
      }
  return all;
}

INSTANTIATE_TEST_SUITE_P(All, OpenBsdTables, testing::ValuesIn(cases()),
                         [](const auto& named) { return name_of(named.param); });

}  // namespace
