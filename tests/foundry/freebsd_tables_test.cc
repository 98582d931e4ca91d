// FreeBSD kernels with the structures of releases, and of none: every column of what is told of
// processes is the description's, by the types in the kernel file (CTF) or by a layout that is
// built in.

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <map>
#include <set>
#include <string>

#include "tests/foundry/freebsd_case.h"
#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/worlds.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::DescriptorText;
using foundry::integer;
using foundry::KernelCase;
using foundry::LockText;
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
using panicroom::Note;
using panicroom::Notes;
using panicroom::Query;
using panicroom::Session;
using panicroom::Value;

Value text_or_null(const std::string& value) { return value.empty() ? null : text(value); }

class FreeBsdTables : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
  }
  bool is_minidump() const { return !GetParam().file.ends_with("-full"); }

  Description description;
  std::unique_ptr<Session> session;
};

std::string process_state(const ProcessText& process) {
  if (process.zombie) return "zombie";
  const ThreadText& first = process.threads.front();
  return first.cpu ? "running" : first.state.empty() ? "sleeping" : first.state;
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" '\"") == std::string::npos && !word.empty();
    all += (all.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return all;
}

void expect_near(const Value& got, double wanted) {
  ASSERT_TRUE(std::holds_alternative<double>(got));
  EXPECT_NEAR(std::get<double>(got), wanted, 1e-9);
}

TEST_P(FreeBsdTables, Processes) {
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
    EXPECT_EQ(row.at("state"), text(process_state(wanted)));
    EXPECT_EQ(row.at("name"), text(wanted.name));
    EXPECT_EQ(row.at("threads"), number(wanted.threads.size()));
    EXPECT_EQ(row.at("address"), Value(Address{wanted.address}));
    EXPECT_EQ(row.at("executable"), text_or_null(wanted.executable));
    EXPECT_EQ(row.at("directory"), text_or_null(wanted.directory));
    EXPECT_EQ(row.at("root"), text_or_null(wanted.root));
    expect_near(row.at("start"), static_cast<double>(wanted.start_seconds) +
                                     static_cast<double>(wanted.start_microseconds) * 1e-6);
    double run = static_cast<double>(wanted.run_ticks);
    double user = static_cast<double>(wanted.user_ticks);
    double system = static_cast<double>(wanted.system_ticks);
    for (const ThreadText& thread : wanted.threads) {
      run += static_cast<double>(thread.new_ticks);
      user += static_cast<double>(thread.user_ticks);
      system += static_cast<double>(thread.system_ticks);
    }
    const double sum = user + system + static_cast<double>(wanted.interrupt_ticks);
    expect_near(row.at("user_time"), sum == 0 ? 0 : run / rate * user / sum);
    expect_near(row.at("system_time"), run / rate * (sum == 0 ? 1 : system / sum));
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
    // What lies in its own memory alone is not in a minidump.
    const bool absent = is_minidump() && wanted.arguments_in_memory;
    EXPECT_EQ(row.at("arguments"), absent ? null : text_or_null(joined(wanted.arguments)));
    EXPECT_EQ(row.at("environment"),
              is_minidump() ? null : text_or_null(joined(wanted.environment)));
  }
  EXPECT_EQ(
      any_has(notes_of(*session, "processes"), "a FreeBSD minidump holds no process's memory"),
      is_minidump());
}

/// The function in which a thread waits, by the names of the descriptions' functions that only put
/// it to sleep.
Value waits_in(const Description& description, const ThreadText& thread) {
  const std::set<std::string> asleep = {"mi_switch",      "sleepq_wait",      "_sleep",
                                        "turnstile_wait", "__mtx_lock_sleep", "fork_trampoline"};
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

TEST_P(FreeBsdTables, Threads) {
  const Rows rows = rows_of(*session, "threads");
  std::size_t index = 0;
  const char* const classes[] = {"", "interrupt", "realtime", "timeshare", "idle"};
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(thread.name);
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      EXPECT_EQ(row.at("name"), text(thread.name));
      EXPECT_EQ(row.at("state"), text(thread.cpu             ? "running"
                                      : thread.state.empty() ? "sleeping"
                                                             : thread.state));
      EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
      EXPECT_EQ(row.at("crashed"), Value(thread.crashed));
      EXPECT_EQ(row.at("address"), Value(Address{thread.address}));
      EXPECT_EQ(row.at("pc"), Value(Address{thread.frames.front()}));
      EXPECT_EQ(row.at("sp"), Value(Address{thread.sp}));
      EXPECT_EQ(row.at("priority"), integer(static_cast<std::int64_t>(thread.priority)));
      EXPECT_EQ(
          row.at("policy"),
          text((thread.scheduling_class & 8) != 0 ? "fifo" : classes[thread.scheduling_class]));
      EXPECT_EQ(row.at("last_cpu"), integer(static_cast<std::int64_t>(thread.last_cpu)));
      expect_near(row.at("run_time"), static_cast<double>(thread.run_ticks) /
                                          static_cast<double>(description.tick_rate));
      const LockText* lock = nullptr;
      for (const LockText& known : description.locks)
        if (known.name == thread.lock) lock = &known;
      const bool sleeps = lock && (lock->kind == "sx" || lock->kind == "lockmgr");
      EXPECT_EQ(row.at("wait_channel"), sleeps                ? Value(Address{lock->address})
                                        : thread.channel != 0 ? Value(Address{thread.channel})
                                                              : null);
      EXPECT_EQ(row.at("wait_message"),
                text_or_null(lock && thread.message.empty() ? lock->name : thread.message));
      EXPECT_EQ(row.at("lock"), lock ? Value(Address{lock->address}) : null);
      EXPECT_EQ(row.at("lock_owner"), lock && lock->owner ? integer(*lock->owner) : null);
      EXPECT_EQ(row.at("wait"), waits_in(description, thread));
      EXPECT_EQ(row.at("stack_low"), Value(Address{thread.stack}));
      EXPECT_EQ(row.at("stack_high"), Value(Address{thread.stack + thread.stack_pages * 4096}));
    }
  EXPECT_EQ(rows.size(), index);
}

std::string file_type(const DescriptorText& open) {
  static const std::map<std::string, std::string> names = {{"device", "character device"},
                                                           {"fifo", "pipe"},
                                                           {"shm", "shared memory"},
                                                           {"sem", "semaphore"},
                                                           {"pts", "pseudo terminal"}};
  if (const auto known = names.find(open.type); known != names.end()) return known->second;
  for (const char* same : {"file", "directory", "pipe", "kqueue"})
    if (open.type == same) return open.type;
  return "socket";
}

TEST_P(FreeBsdTables, Files) {
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
                                                   : row.at("flags"));
      const bool has_position = open.type == "file" || open.type == "directory" ||
                                open.type == "device" || open.type == "shm";
      EXPECT_EQ(row.at("position"), has_position ? number(open.position) : null);
      EXPECT_EQ(row.at("address"), Value(Address{open.address}));
      for (const char* other : {"deleted", "size", "inode", "device"})
        EXPECT_EQ(row.at(other), null);
    }
  EXPECT_EQ(rows.size(), index);
}

TEST_P(FreeBsdTables, Sockets) {
  // TCPS_* of FreeBSD's sys/netinet/tcp_fsm.h.
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
      EXPECT_EQ(row.at("process"), text(process.name));
      EXPECT_EQ(row.at("fd"), integer(open.number));
      std::string protocol = open.type;
      if (const std::size_t dash = protocol.find('-'); dash != std::string::npos)
        protocol[dash] = ' ';
      EXPECT_EQ(row.at("protocol"), text(protocol));
      EXPECT_EQ(row.at("state"), text(open.type.starts_with("tcp") ? states[open.state]
                                      : open.listens               ? "listen"
                                      : open.state != 0            ? "connected"
                                                                   : "unconnected"));
      EXPECT_EQ(row.at("local"), text_or_null(open.local));
      EXPECT_EQ(row.at("remote"), text_or_null(open.remote));
      EXPECT_EQ(row.at("received"), number(open.received));
      EXPECT_EQ(row.at("sent"), number(open.sent));
      EXPECT_EQ(row.at("address"), Value(Address{open.socket_address}));
    }
  EXPECT_GE(index, 7U);
  // The lists' heads are of the newest and of older kinds; a layout may have none of them.
  const bool listed =
      GetParam().types != "none" &&
      foundry::freebsd_layout(description.layout, 8).find("inpcbinfo", "ipi_listhead") != nullptr;
  EXPECT_EQ(any_has(notes_of(*session, "sockets"), "the sockets that no process has open"),
            !listed);
  ASSERT_EQ(rows.size(), index + (listed ? description.sockets.size() : 0));
  if (!listed) return;
  EXPECT_EQ(description.sockets.size(), 4U);
  for (const DescriptorText& open : description.sockets) {
    const auto row = std::find_if(rows.begin(), rows.end(), [&open](const auto& one) {
      return one.at("address") == Value(Address{open.socket_address});
    });
    ASSERT_NE(row, rows.end()) << open.local;
    EXPECT_EQ(row->at("pid"), null);
    EXPECT_EQ(row->at("process"), null);
    EXPECT_EQ(row->at("fd"), null);
    EXPECT_EQ(row->at("protocol"), text(open.type == "unix-stream" ? "unix stream" : open.type));
    EXPECT_EQ(row->at("state"), text(open.type.starts_with("tcp") ? states[open.state]
                                     : open.state != 0            ? "connected"
                                                                  : "unconnected"));
    EXPECT_EQ(row->at("local"), text_or_null(open.local));
    EXPECT_EQ(row->at("remote"), text_or_null(open.remote));
    EXPECT_EQ(row->at("received"), number(open.received));
    EXPECT_EQ(row->at("sent"), number(open.sent));
  }
}

TEST_P(FreeBsdTables, Mappings) {
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
      EXPECT_EQ(row.at("path"), text_or_null(mapping.path));
      const bool of_file = mapping.path.starts_with("/");
      EXPECT_EQ(row.at("offset"), of_file ? Value(Address{mapping.offset}) : null);
      EXPECT_EQ(row.at("address"), Value(Address{mapping.address}));
      for (const char* other : {"device", "inode", "deleted"}) EXPECT_EQ(row.at(other), null);
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 7U);
}

TEST_P(FreeBsdTables, Locks) {
  std::map<std::uint64_t, std::map<std::string, Value>> rows;
  for (const auto& row : rows_of(*session, "locks"))
    rows[std::get<Address>(row.at("address")).value] = row;
  std::size_t waited_for = 0;
  for (const LockText& lock : description.locks) {
    std::string waiters;
    for (const ProcessText& process : description.processes)
      for (const ThreadText& thread : process.threads)
        if (thread.lock == lock.name)
          waiters += (waiters.empty() ? "" : " ") + std::to_string(thread.tid);
    if (waiters.empty()) continue;
    ++waited_for;
    SCOPED_TRACE(lock.name);
    const auto found = rows.find(lock.address);
    ASSERT_NE(found, rows.end());
    const auto& row = found->second;
    EXPECT_EQ(row.at("kind"), text(lock.kind));
    EXPECT_EQ(row.at("name"), text(lock.name));
    EXPECT_EQ(row.at("state"), text(lock.owner ? "held" : lock.readers != 0 ? "shared" : "free"));
    EXPECT_EQ(row.at("owner"), lock.owner ? integer(*lock.owner) : null);
    EXPECT_EQ(row.at("waiters"), text(waiters));
    for (const ProcessText& process : description.processes)
      for (const ThreadText& thread : process.threads)
        if (lock.owner == thread.tid) {
          EXPECT_EQ(row.at("owner_pid"), integer(process.pid));
          EXPECT_EQ(row.at("owner_name"), text(thread.name));
        }
  }
  EXPECT_EQ(rows.size(), waited_for);
}

/// Every answer by a built-in layout names it; none by types does.
TEST_P(FreeBsdTables, ABuiltInLayoutIsNamed) {
  const std::string name = "the offsets in structures are those of FreeBSD " +
                           std::to_string(description.version / 100000) + "." +
                           std::to_string(description.version / 1000 % 100) + " " +
                           (description.image.architecture == "aarch64" ? "arm64" : "amd64") +
                           ", built in: the kernel file has no types";
  for (const char* table : {"processes", "threads", "files", "sockets", "maps", "locks"})
    EXPECT_EQ(any_has(notes_of(*session, table), name), GetParam().types == "none") << table;
}

std::vector<KernelCase> all_cases() {
  std::vector<KernelCase> cases;
  for (const std::string& name : foundry::descriptions_tried(
           {"freebsd-11",         "freebsd-11-arm64",   "freebsd-12",
            "freebsd-12-2",       "freebsd-12-3",       "freebsd-13-0",
            "freebsd-13",         "freebsd-14-current", "freebsd-14-2",
            "freebsd-15-0",       "freebsd-invented",   "freebsd-invented-older",
            "freebsd-12-arm64",   "freebsd-12-2-arm64", "freebsd-12-3-arm64",
            "freebsd-13-0-arm64", "freebsd-13-arm64",   "freebsd-14-current-arm64",
            "freebsd-14-2-arm64", "freebsd-15-0-arm64"},
           {"freebsd-12", "freebsd-14-current", "freebsd-15-0", "freebsd-invented",
            "freebsd-invented-older", "freebsd-14-2-arm64"}))
    for (const std::string dump : {"-full", "-v3", "-v2"})
      for (const std::string& types : foundry::forms_of_types()) {
        const bool built_in =
            !name.starts_with("freebsd-14-current") && !name.starts_with("freebsd-invented");
        if (name.ends_with("arm64") == (dump == "-v2") && (built_in || types != "none"))
          cases.push_back({name + "-tables", name + dump, types});
      }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Layouts, FreeBsdTables, testing::ValuesIn(all_cases()),
                         [](const auto& named) { return foundry::name_of(named.param); });

/// With VIMAGE each network stack has its own lists: the host's are read.
TEST(FreeBsdSockets, OfTheHostsNetworkStack) {
  const Description description = foundry::description_named("freebsd-invented-machine");
  const auto session = open_session(description, description.files.at(0).name, "ctf3z");
  const Rows rows = rows_of(*session, "sockets");
  ASSERT_EQ(rows.size(), description.sockets.size());
  EXPECT_FALSE(any_has(notes_of(*session, "sockets"), "no process has open"));
  std::set<std::uint64_t> listed, described;
  for (const auto& row : rows) listed.insert(std::get<Address>(row.at("address")).value);
  for (const DescriptorText& open : description.sockets) described.insert(open.socket_address);
  EXPECT_EQ(listed, described);
}

/// A list that comes back to itself costs a note, not the answer; each socket is shown once.
TEST(FreeBsdSockets, AListThatIsACircle) {
  Description description = foundry::description_named("freebsd-invented-tables");
  const foundry::KernelLayout layout = foundry::freebsd_layout(description.layout, 8);
  const auto over = std::find_if(description.sockets.begin(), description.sockets.end(),
                                 [](const DescriptorText& open) { return open.gone; });
  ASSERT_NE(over, description.sockets.end());
  description.image.write_virtual(over->socket_address + layout.offset("inpcb", "inp_list"),
                                  over->socket_address, 8);
  const auto session = open_session(description, description.files.at(0).name, "ctf3z");
  std::size_t shown = 0;
  for (const auto& row : rows_of(*session, "sockets"))
    if (row.at("address") == Value(Address{over->socket_address})) ++shown;
  EXPECT_EQ(shown, 1U);
  EXPECT_TRUE(any_has(notes_of(*session, "sockets"), "is a cycle"));
}

/// A thread sleeps with a message of its own on what is no lock that somebody waits for.
TEST(FreeBsdLocks, WhatOnlyLooksLikeOneIsNone) {
  struct Doubt {
    const char *structure, *member;
    std::uint64_t value;
  };
  for (const Doubt& doubt : {Doubt{"lock", "lk_lock", 1},                  // free: LK_SHARE
                             Doubt{"lock", "lk_lock", 0x7770 + 4},         // no thread's
                             Doubt{"lock_object", "lo_flags", 0x6010000},  // not of lockinit()
                             Doubt{"lock_object", "lo_flags", 0x5310000},  // a rw lock
                             Doubt{"lock_object", "lo_name", 0x10}}) {
    Description description = foundry::description_named("freebsd-invented-tables");
    const foundry::KernelLayout layout = foundry::freebsd_layout(description.layout, 8);
    const auto lock = std::find_if(description.locks.begin(), description.locks.end(),
                                   [](const LockText& one) { return one.name == "bufwait"; });
    ASSERT_NE(lock, description.locks.end());
    const auto* member = layout.find(doubt.structure, doubt.member);
    ASSERT_NE(member, nullptr);
    const bool whole = std::string(doubt.structure) == "lock";
    description.image.write_virtual(
        lock->address - (whole ? layout.offset("lock", "lock_object") : 0) + member->offset,
        doubt.value, static_cast<unsigned>(member->size));
    const auto session = open_session(description, description.files.at(0).name, "ctf2");
    for (const auto& row : rows_of(*session, "locks"))
      EXPECT_NE(row.at("address"), Value(Address{lock->address})) << doubt.member << doubt.value;
    EXPECT_FALSE(any_has(notes_of(*session, "locks"), "which is no thread"));
  }
}

/// On a machine of 32 bits too, a lockmgr lock of no thread in particular (LK_KERNPROC: all bits
/// but the flags, sys/sys/lockmgr.h) is held by none that could be named.
TEST(FreeBsdLocks, OfTheKernelItselfOnI386) {
  std::string description_text;
  std::ifstream file(std::string(source_folder) +
                     "/tests/foundry/descriptions/freebsd-invented-i386-machine.txt");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("process 812")) description_text += "lock \"bufwait\" lockmgr\n";
    if (line.starts_with("thread 100000")) {
      const std::size_t frames = line.find(" frames");
      line = line.substr(0, frames) + " state sleeping waits \"bufwait\"" + line.substr(frames);
    }
    description_text += line + "\n";
  }
  Description description = foundry::parse_description(description_text, "i386");
  const foundry::KernelLayout layout = foundry::freebsd_layout(description.layout, 4);
  description.image.write_virtual(description.locks.at(0).address -
                                      layout.offset("lock", "lock_object") +
                                      layout.offset("lock", "lk_lock"),
                                  0xffffffe0 | 4U, 4);
  const auto session = open_session(description, description.files.at(0).name, "ctf2");
  const Rows rows = rows_of(*session, "locks");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("state"), text("held"));
  EXPECT_EQ(rows[0].at("owner"), null);
  EXPECT_FALSE(any_has(notes_of(*session, "locks"), "which is no thread"));
}

/// Types that contradict what the dead kernel exports are another kernel's: they are not used.
TEST(FreeBsdWithoutTypes, TypesOfAnotherKernelAreNotUsed) {
  Description description = foundry::description_named("freebsd-12-tables");
  const foundry::Blob dump = foundry::make_dump(description, description.files[0]).at(0);
  const auto other = foundry::description_named("freebsd-13-tables");
  auto opened =
      Session::open({source("dump", dump),
                     source("kernel", foundry::kernel_file(description.image,
                                                           foundry::freebsd_types(other, {})))});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(rows_of(**opened, "processes")[0].at("uid"), integer(1001));
  EXPECT_TRUE(
      any_has(notes_of(**opened, "processes"),
              "those of FreeBSD 12.1 amd64, built in: CTF of kernel contradicts the offsets "
              "that the dead kernel exports"));
}

/// Changes a variable of the kernel.
void write(Description& description, const std::string& name, std::uint64_t value) {
  for (const foundry::Symbol& symbol : description.image.symbols)
    if (symbol.name == name)
      description.image.write_virtual(symbol.address, value,
                                      name == "initproc" ? description.image.pointer() : 4);
}

/// Without types and without a layout there are pids and names alone, and the answer says why.
TEST(FreeBsdWithoutTypes, WhatIsUnknownIsSaid) {
  Description description = foundry::description_named("freebsd-12-tables");
  // Another version; then the right one, but an exported offset that is not its.
  for (const auto& [variable, value, why] :
       {std::tuple{"osreldate", 1500001U, "no layout of FreeBSD version 1500001"},
        std::tuple{"proc_off_p_comm", 1000U, "contradicts the offsets that the kernel exports"}}) {
    write(description, "osreldate", 1201000);
    write(description, variable, value);
    const auto session = open_session(description, "freebsd-12-full", "none");
    const Rows rows = rows_of(*session, "processes");
    ASSERT_EQ(rows.size(), description.processes.size());
    EXPECT_EQ(rows[0].at("pid"), integer(812));
    EXPECT_EQ(rows[0].at("ppid"), null);
    EXPECT_TRUE(any_has(notes_of(*session, "processes"), why)) << why;
    for (const char* table : {"files", "sockets", "maps", "locks"}) {
      Notes notes;
      const auto made = session->rows(
          *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes);
      ASSERT_FALSE(made) << table;
      EXPECT_EQ(made.error().code, panicroom::ErrorCode::no_type);
      EXPECT_NE(made.error().text.find(why), std::string::npos) << made.error().text;
    }
  }
}

/// A release between those that are built in: the nearest of its branch, and each answer says so.
TEST(FreeBsdWithoutTypes, AReleaseOfABranch) {
  for (const auto& [name, version, nearest] :
       {std::tuple{"freebsd-11", 1104001U, "FreeBSD 11.0 amd64"},
        std::tuple{"freebsd-12-3", 1204000U, "FreeBSD 12.3 amd64"},
        std::tuple{"freebsd-13", 1303001U, "FreeBSD 13.1 amd64"},
        std::tuple{"freebsd-13-arm64", 1305000U, "FreeBSD 13.1 arm64"},
        std::tuple{"freebsd-14-2", 1400097U, "FreeBSD 14.2 amd64"},
        std::tuple{"freebsd-14-2-arm64", 1403000U, "FreeBSD 14.2 arm64"}}) {
    SCOPED_TRACE(name);
    Description description = foundry::description_named(std::string(name) + "-tables");
    const std::string dump = description.files.back().name;
    write(description, "osreldate", version);
    const auto session = open_session(description, dump, "none");
    const Rows rows = rows_of(*session, "processes");
    ASSERT_EQ(rows.size(), description.processes.size());
    EXPECT_EQ(rows[0].at("ppid"), integer(1));
    EXPECT_EQ(rows[0].at("uid"), integer(1001));
    for (const char* table : {"processes", "threads", "files", "sockets", "maps", "locks"})
      EXPECT_TRUE(any_has(notes_of(*session, table),
                          "those of " + std::string(nearest) +
                              ", the nearest that is built in to FreeBSD version " +
                              std::to_string(version)))
          << table;

    // Offsets by which the first process is not the one that it always is are another kernel's.
    for (const foundry::ProcessText& process : description.processes)
      if (process.pid == 0) write(description, "initproc", process.address);
    const auto doubtful = open_session(description, dump, "none");
    EXPECT_EQ(rows_of(*doubtful, "processes")[0].at("uid"), null);
    EXPECT_TRUE(any_has(notes_of(*doubtful, "processes"), "initproc is not process 1 by it"));
  }
}

/// What was not yet a release may have its structures anywhere.
TEST(FreeBsdWithoutTypes, NoReleaseOfABranch) {
  Description description = foundry::description_named("freebsd-13-tables");
  for (const unsigned version : {1300100U, 1600000U}) {
    write(description, "osreldate", version);
    const auto session = open_session(description, "freebsd-13-v3", "none");
    EXPECT_TRUE(any_has(notes_of(*session, "processes"),
                        "no layout of FreeBSD version " + std::to_string(version)));
  }
}

}  // namespace
