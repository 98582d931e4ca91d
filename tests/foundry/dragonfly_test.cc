// DragonFly kernels with the structures of releases, and of none: every column of what is told of
// processes is the description's, by the types in the kernel file (CTF) or by a layout that is
// built in.

#include <gtest/gtest.h>

#include <cmath>
#include <map>
#include <set>
#include <string>

#include "tests/foundry/dragonfly_case.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::DescriptorText;
using foundry::integer;
using foundry::KernelCase;
using foundry::MappingText;
using foundry::notes_of;
using foundry::null;
using foundry::number;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Value;

using DragonFlyTables = foundry::DragonFlyTest;

Value text_or_null(const std::string& value) { return value.empty() ? null : text(value); }
Value address(std::uint64_t value) { return Address{value}; }

void expect_near(const Value& got, double wanted) {
  ASSERT_TRUE(std::holds_alternative<double>(got));
  EXPECT_NEAR(std::get<double>(got), wanted, 1e-6);
}

std::string state_of(const ThreadText& thread) {
  return thread.cpu ? "running" : thread.state.empty() ? "sleeping" : thread.state;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" '\"") == std::string::npos && !word.empty();
    all += (all.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return all;
}

TEST_P(DragonFlyTables, TheDump) {
  const auto row = rows_of(*session, "dump").at(0);
  const auto& clock = description.machine.clock;
  EXPECT_EQ(row.at("system"), text("DragonFly"));
  EXPECT_EQ(row.at("release"), text(description.release));
  EXPECT_EQ(row.at("version"), text("DragonFly v" + description.release + " #0: foundry"));
  EXPECT_EQ(row.at("nodename"), text("made.example"));
  EXPECT_EQ(row.at("panic"), text(description.panic));
  EXPECT_EQ(row.at("uptime"), Value(static_cast<double>(clock.uptime)));
  ASSERT_EQ(clock.boot + clock.uptime, 1595586400U);
  EXPECT_EQ(row.at("time"), text("2020-07-24T10:26:40Z"));
  EXPECT_EQ(row.at("cpus"), number(description.machine.cpus.size()));
  EXPECT_EQ(row.at("crashed_pid"), integer(812));
  EXPECT_EQ(row.at("crashed_tid"), integer(1));
  EXPECT_EQ(row.at("crashed_cpu"), integer(1));
  EXPECT_EQ(row.at("complete"), Value(true));
  const std::string& file = GetParam().file;
  EXPECT_EQ(row.at("format"), text(file.ends_with("-v2")   ? "DragonFly minidump v2"
                                   : file.ends_with("-v1") ? "FreeBSD minidump v1"
                                                           : "ELF core"));
}

TEST_P(DragonFlyTables, Processes) {
  const Rows rows = rows_of(*session, "processes");
  ASSERT_EQ(rows.size(), description.processes.size());
  for (std::size_t index = 0; index < rows.size(); ++index) {
    const ProcessText& wanted = description.processes[index];
    const auto& row = rows[index];
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(row.at("pid"), integer(wanted.pid));
    EXPECT_EQ(row.at("ppid"), wanted.pid == 0 ? null : integer(wanted.ppid));
    EXPECT_EQ(row.at("uid"), integer(static_cast<std::int64_t>(wanted.uid)));
    EXPECT_EQ(row.at("state"), text(wanted.zombie ? "zombie" : state_of(wanted.threads.front())));
    EXPECT_EQ(row.at("name"), text(wanted.name));
    EXPECT_EQ(row.at("threads"), number(wanted.threads.size()));
    EXPECT_EQ(row.at("address"), address(wanted.address));
    EXPECT_EQ(row.at("executable"), text_or_null(wanted.executable));
    EXPECT_EQ(row.at("directory"), text_or_null(wanted.directory));
    EXPECT_EQ(row.at("root"), text_or_null(wanted.root));
    expect_near(row.at("start"), static_cast<double>(wanted.start_seconds) +
                                     static_cast<double>(wanted.start_microseconds) * 1e-6);
    double user = static_cast<double>(wanted.user_ticks);
    double system = static_cast<double>(wanted.system_ticks);
    for (const ThreadText& thread : wanted.threads) {
      user += static_cast<double>(thread.user_ticks);
      system += static_cast<double>(thread.system_ticks);
    }
    expect_near(row.at("user_time"), user * 1e-6);
    expect_near(row.at("system_time"), system * 1e-6);
    const bool own = wanted.size != 0;
    EXPECT_EQ(row.at("size"), own ? number(wanted.size) : null);
    EXPECT_EQ(row.at("resident"), own ? number(wanted.resident_pages * 4096) : null);
    EXPECT_EQ(row.at("nice"), integer(wanted.nice));
    EXPECT_EQ(row.at("terminal"), (wanted.flags & 2) != 0 ? text_or_null(wanted.terminal) : null);
    EXPECT_EQ(row.at("pgid"), integer(wanted.group));
    EXPECT_EQ(row.at("sid"), integer(wanted.session));
    EXPECT_EQ(row.at("ruid"), integer(static_cast<std::int64_t>(wanted.real_uid)));
    EXPECT_EQ(row.at("gid"), integer(static_cast<std::int64_t>(wanted.gid)));
    EXPECT_EQ(row.at("rgid"), integer(static_cast<std::int64_t>(wanted.real_gid)));
    char flags[32];
    std::snprintf(flags, sizeof flags, "0x%llx", static_cast<unsigned long long>(wanted.flags));
    EXPECT_EQ(row.at("flags"), text(flags));
    EXPECT_EQ(row.at("jail"), integer(wanted.jail));
    for (const char* other : {"pid_namespace", "mount_namespace", "network_namespace"})
      EXPECT_EQ(row.at(other), null);
    EXPECT_EQ(row.at("arguments"), text_or_null(joined(wanted.arguments)));
    EXPECT_EQ(row.at("environment"),
              is_minidump() ? null : text_or_null(joined(wanted.environment)));
  }
  EXPECT_EQ(
      any_has(notes_of(*session, "processes"), "a DragonFly minidump holds no process's memory"),
      is_minidump());
}

/// The function in which a thread waits, by the names of the descriptions' functions that only put
/// it to sleep.
Value waits_in(const Description& description, const ThreadText& thread) {
  const std::set<std::string> asleep = {"lwkt_switch", "tsleep", "lwkt_idleloop"};
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

TEST_P(DragonFlyTables, Threads) {
  const Rows rows = rows_of(*session, "threads");
  std::size_t index = 0;
  const char* const classes[] = {"realtime", "timeshare", "idle", "", "fifo"};
  const auto expect_row = [&](const ThreadText& thread, const ProcessText* process) {
    ASSERT_LT(index, rows.size());
    const auto& row = rows[index++];
    SCOPED_TRACE(thread.name);
    EXPECT_EQ(row.at("pid"), process ? integer(process->pid) : null);
    EXPECT_EQ(row.at("process"), process ? text(process->name) : null);
    EXPECT_EQ(row.at("tid"), process ? integer(thread.tid) : null);
    EXPECT_EQ(row.at("name"), text(thread.name));
    const bool rests = thread.name.starts_with("idle_");
    EXPECT_EQ(row.at("state"), text(rests ? "idle" : state_of(thread)));
    EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
    EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
    EXPECT_EQ(row.at("address"), address(thread.address));
    EXPECT_EQ(row.at("pc"), address(thread.frames.front()));
    EXPECT_EQ(row.at("sp"), address(thread.sp));
    EXPECT_EQ(row.at("priority"), integer(static_cast<std::int64_t>(thread.priority)));
    EXPECT_EQ(row.at("policy"), process ? text(classes[thread.scheduling_class])
                                : thread.state == "idle" && !rests ? text("interrupt")
                                                                   : null);
    EXPECT_EQ(row.at("last_cpu"), integer(static_cast<std::int64_t>(thread.last_cpu)));
    expect_near(
        row.at("run_time"),
        static_cast<double>(thread.user_ticks + thread.system_ticks + thread.new_ticks) * 1e-6);
    EXPECT_EQ(row.at("wait_channel"), thread.channel != 0 ? address(thread.channel) : null);
    EXPECT_EQ(row.at("wait_message"), text_or_null(thread.message));
    EXPECT_EQ(row.at("wait"), waits_in(description, thread));
    EXPECT_EQ(row.at("stack_low"), address(thread.stack));
    EXPECT_EQ(row.at("stack_high"), address(thread.stack + thread.stack_pages * 4096));
  };
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) expect_row(thread, &process);
  // The processors' own follow, one processor after the other.
  for (std::uint64_t cpu = 0; cpu < description.machine.cpus.size(); ++cpu)
    for (const ThreadText& thread : description.kernel_threads)
      if (thread.last_cpu == cpu) expect_row(thread, nullptr);
  EXPECT_EQ(rows.size(), index);
}

TEST_P(DragonFlyTables, Frames) {
  std::map<std::string, std::vector<std::uint64_t>> found;
  for (const auto& row : rows_of(*session, "frames"))
    found[std::get<std::string>(row.at("name"))].push_back(std::get<Address>(row.at("pc")).value);
  std::map<std::string, std::vector<std::uint64_t>> wanted;
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) wanted[thread.name] = thread.frames;
  for (const ThreadText& thread : description.kernel_threads) wanted[thread.name] = thread.frames;
  EXPECT_EQ(found, wanted);
}

std::string file_type(const DescriptorText& open) {
  if (open.type == "device") return "character device";
  if (open.type == "fifo") return "pipe";
  for (const char* same : {"file", "directory", "pipe", "kqueue"})
    if (open.type == same) return open.type;
  return "socket";
}

TEST_P(DragonFlyTables, Files) {
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
      EXPECT_EQ(row.at("type"), text(file_type(open)));
      EXPECT_EQ(row.at("access"), text(open.access));
      EXPECT_EQ(row.at("path"), text_or_null(open.path));
      EXPECT_EQ(row.at("flags"), open.flags == 4   ? text("nonblock")
                                 : open.flags == 8 ? text("append")
                                                   : null);
      const bool of_vnode =
          open.type == "file" || open.type == "directory" || open.type == "device";
      EXPECT_EQ(row.at("position"), of_vnode ? number(open.position) : null);
      EXPECT_EQ(row.at("size"), open.type == "file" ? number(open.path.size() * 100) : null);
      EXPECT_EQ(row.at("deleted"), of_vnode || open.type == "fifo" ? Value(false) : null);
      EXPECT_EQ(row.at("address"), address(open.address));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 10U);
}

TEST_P(DragonFlyTables, Sockets) {
  // TCPS_* of DragonFly's sys/netinet/tcp_fsm.h.
  const char* const states[] = {"terminating", "close",       "listen",     "syn_sent",
                                "syn_recv",    "established", "close_wait", "fin_wait1",
                                "closing",     "last_ack",    "fin_wait2",  "time_wait"};
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
      EXPECT_EQ(row.at("address"), address(open.socket_address));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 6U);
}

TEST_P(DragonFlyTables, Mappings) {
  const Rows rows = rows_of(*session, "maps");
  std::size_t index = 0;
  for (const ProcessText& process : description.processes)
    for (const MappingText& mapping : process.mappings) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(mapping.start);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("start"), address(mapping.start));
      EXPECT_EQ(row.at("end"), address(mapping.end));
      EXPECT_EQ(row.at("access"), text(mapping.access));
      EXPECT_EQ(row.at("path"), text_or_null(mapping.path));
      EXPECT_EQ(row.at("offset"), mapping.path.starts_with("/") ? address(mapping.offset) : null);
      EXPECT_EQ(row.at("address"), address(mapping.address));
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(index, 6U);
}

TEST_P(DragonFlyTables, MemoryOfAProcess) {
  const ProcessText& sh = description.processes[2];
  ASSERT_EQ(sh.name, "sh");
  panicroom::ProcessQuery query;
  query.pid = sh.pid;
  panicroom::Notes notes;
  bool asked = false;
  ASSERT_TRUE(session->kernel()->processes(
      query,
      [&](const panicroom::Process& process) {
        asked = true;
        const auto memory = session->kernel()->process_memory(process);
        EXPECT_EQ(memory.has_value(), !is_minidump());
        if (!memory) return true;
        const auto pointers = (*memory)->u64(sh.strings);
        const auto first = pointers ? (*memory)->u64(*pointers) : pointers;
        EXPECT_TRUE(first);
        if (first) {
          EXPECT_EQ((*memory)->string(*first, 100).value_or(""), "sh");
        }
        return true;
      },
      notes));
  EXPECT_TRUE(asked);
}

/// Offsets that are built in are told of; those of types need no word.
TEST_P(DragonFlyTables, SaysWhoseOffsetsItUsed) {
  EXPECT_EQ(any_has(notes_of(*session, "processes"), "the offsets in structures are those of"),
            GetParam().types == "none");
}

INSTANTIATE_TEST_SUITE_P(All, DragonFlyTables, testing::ValuesIn(foundry::dragonfly_cases()),
                         [](const auto& one) { return foundry::name_of(one.param); });

}  // namespace
