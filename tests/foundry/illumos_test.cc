// illumos kernels with the structures of 2020, and of none: every column is the description's, by
// the CTF in the dump or by the layout that is built in.

#include <gtest/gtest.h>

#include <cmath>
#include <cstdio>
#include <map>
#include <set>
#include <string>

#include "tests/foundry/illumos_case.h"

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
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Session;
using panicroom::Value;

constexpr std::uint64_t system_process = 1;

Value text_or_null(const std::string& value) { return value.empty() ? null : text(value); }
Value address(std::uint64_t value) { return value == 0 ? null : Value(Address{value}); }

class Illumos : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = foundry::open_illumos_session(description, GetParam().file, GetParam().types);
  }
  bool panicked() const { return !description.panic.empty(); }
  bool has_types() const { return description.ctf != "none"; }
  /// Whether the dump has the pages of this process (an emulator's has those that the page tables
  /// show).
  bool has_pages(const ProcessText& process) const {
    if (process.memory.empty() || GetParam().file == "illumos-kernel") return false;
    if (GetParam().file != "illumos-qemu") return true;
    for (const foundry::Mapping& mapping : description.image.mappings)
      if (mapping.physical == process.memory.front().physical) return true;
    return false;
  }
  bool is_symbol(const std::string& name) const {
    for (const foundry::Symbol& symbol : description.image.symbols)
      if (symbol.name == name && symbol.type == 'T') return true;
    return false;
  }
  std::string thread_name(const ProcessText& process, const ThreadText& thread) const {
    const bool kernel = (process.flags & system_process) != 0;
    // Threads have names since 2018: Nexenta's kernel has none, and the layout that is built in
    // does not tell.
    const bool named = has_types() && description.image.architecture != "i386";
    return named || (kernel && is_symbol(thread.name)) ? thread.name : process.name;
  }

  Description description;
  std::unique_ptr<Session> session;
};

std::string thread_state(const ThreadText& thread) {
  return thread.cpu ? "running" : thread.state.empty() ? "sleeping" : thread.state;
}

std::string process_state(const ProcessText& process) {
  if (process.zombie) return "zombie";
  for (const std::string state :
       {"running", "locked", "uninterruptible", "sleeping", "waiting", "stopped", "idle", "new"})
    for (const ThreadText& thread : process.threads)
      if (thread_state(thread) == state) return state;
  return "none";
}

std::string joined(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) {
    const bool plain = word.find_first_of(" '\"") == std::string::npos && !word.empty();
    all += (all.empty() ? "" : " ") + (plain ? word : "'" + word + "'");
  }
  return all;
}

/// u_psargs: 79 bytes of the words, split at blanks.
std::string kept(const std::vector<std::string>& words) {
  std::string all;
  for (const std::string& word : words) all += (all.empty() ? "" : " ") + word;
  all = all.substr(0, 79);
  std::vector<std::string> split;
  for (std::size_t at = 0; at < all.size();) {
    const std::size_t end = std::min(all.find(' ', at), all.size());
    split.push_back(all.substr(at, end - at));
    at = end + 1;
  }
  return joined(split);
}

void expect_near(const Value& got, double wanted) {
  ASSERT_TRUE(std::holds_alternative<double>(got));
  EXPECT_NEAR(std::get<double>(got), wanted, 1e-6);
}

TEST_P(Illumos, Processes) {
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
    EXPECT_EQ(row.at("address"), address(wanted.address));
    EXPECT_EQ(row.at("executable"), text_or_null(wanted.executable));
    EXPECT_EQ(row.at("directory"), text_or_null(wanted.directory));
    EXPECT_EQ(row.at("root"), text(wanted.root.empty() ? "/" : wanted.root));
    expect_near(row.at("start"), static_cast<double>(wanted.start_seconds) +
                                     static_cast<double>(wanted.start_microseconds) * 1e-6);
    std::uint64_t user = wanted.user_ticks, system = wanted.system_ticks + wanted.interrupt_ticks;
    const bool kernel = (wanted.flags & system_process) != 0;
    for (const ThreadText& thread : wanted.threads)
      if (!kernel) user += thread.user_ticks, system += thread.system_ticks + thread.new_ticks;
    expect_near(row.at("user_time"), static_cast<double>(user) / rate);
    expect_near(row.at("system_time"), static_cast<double>(system) / rate);
    const bool own = wanted.size != 0;
    EXPECT_EQ(row.at("size"), own ? number(wanted.size) : null);
    const std::uint64_t pages = wanted.resident_pages;
    EXPECT_EQ(row.at("resident"), own ? number(pages * 4096) : null);
    const bool has_nice = !wanted.threads.empty() && !kernel;
    EXPECT_EQ(row.at("nice"), has_nice ? integer(wanted.nice) : null);
    EXPECT_EQ(row.at("terminal"),
              wanted.session == 800 ? text("pts/3") : text_or_null(wanted.terminal));
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
    // The texts are found wherever they lie, also outside of the initial stack, which libkvm's
    // kvm_getcmd() replaces by "" or by a neighbour.
    EXPECT_EQ(row.at("arguments"), text_or_null(!own                ? ""
                                                : has_pages(wanted) ? joined(wanted.arguments)
                                                                    : kept(wanted.arguments)));
    // The emulator's page tables show the first one's pages to all.
    if (GetParam().file != "illumos-qemu" || has_pages(wanted)) {
      EXPECT_EQ(row.at("environment"),
                has_pages(wanted) ? text_or_null(joined(wanted.environment)) : null);
    }
  }
}

/// The function in which a thread waits, by the names of the descriptions' functions that only put
/// it to sleep.
Value waits_in(const Description& description, const ThreadText& thread) {
  const std::set<std::string> asleep = {"resume",          "swtch",       "cv_wait",
                                        "cv_wait_sig",     "mutex_enter", "mutex_vector_enter",
                                        "turnstile_block", "idle"};
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

TEST_P(Illumos, Threads) {
  const Rows rows = rows_of(*session, "threads");
  const char* const classes[] = {"SYS", "TS", "FX", "IA", "FSS", "SDC"};
  std::size_t index = 0;
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads) {
      ASSERT_LT(index, rows.size());
      const auto& row = rows[index++];
      SCOPED_TRACE(process.name + " " + std::to_string(thread.tid));
      EXPECT_EQ(row.at("pid"), integer(process.pid));
      EXPECT_EQ(row.at("process"), text(process.name));
      EXPECT_EQ(row.at("tid"), integer(thread.tid));
      EXPECT_EQ(row.at("name"), text(thread_name(process, thread)));
      EXPECT_EQ(row.at("state"), text(thread_state(thread)));
      EXPECT_EQ(row.at("cpu"), thread.cpu ? integer(*thread.cpu) : null);
      EXPECT_EQ(row.at("crashed"), panicked() ? Value(thread.crashed) : null);
      EXPECT_EQ(row.at("address"), address(thread.address));
      EXPECT_EQ(row.at("pc"), address(thread.frames.front()));
      EXPECT_EQ(row.at("sp"), address(thread.sp));
      EXPECT_EQ(row.at("priority"), integer(static_cast<std::int16_t>(thread.priority)));
      EXPECT_EQ(row.at("policy"), text(classes[thread.scheduling_class]));
      EXPECT_EQ(row.at("last_cpu"),
                integer(thread.cpu ? *thread.cpu : static_cast<std::int64_t>(thread.last_cpu)));
      if ((process.flags & system_process) != 0) {
        EXPECT_EQ(row.at("run_time"), null);
      } else {
        expect_near(
            row.at("run_time"),
            static_cast<double>(thread.user_ticks + thread.system_ticks + thread.new_ticks) /
                static_cast<double>(description.tick_rate));
      }
      EXPECT_EQ(row.at("wait_channel"), address(thread.channel));
      EXPECT_EQ(row.at("wait_message"), text_or_null(thread.message));
      EXPECT_EQ(row.at("wait"), waits_in(description, thread));
      EXPECT_EQ(row.at("stack_low"), address(thread.stack));
      EXPECT_EQ(row.at("stack_high"), address(thread.stack + thread.stack_pages * 4096 - 0x100));
    }
  EXPECT_EQ(rows.size(), index);
}

/// Through traps too, and no further than the entry from a program.
TEST_P(Illumos, Frames) {
  const Rows rows = rows_of(*session, "frames");
  std::size_t index = 0, in_modules = 0;
  for (const ProcessText& process : description.processes)
    for (const ThreadText& thread : process.threads)
      for (std::size_t i = 0; i < thread.frames.size(); ++i) {
        ASSERT_LT(index, rows.size());
        const auto& row = rows[index++];
        SCOPED_TRACE(process.name + " " + std::to_string(thread.tid) + " frame " +
                     std::to_string(i));
        EXPECT_EQ(row.at("pid"), integer(process.pid));
        EXPECT_EQ(row.at("tid"), integer(thread.tid));
        EXPECT_EQ(row.at("frame"), number(i));
        EXPECT_EQ(row.at("pc"), address(thread.frames[i]));
        Value holds = null;
        for (const MachineText::Module& module : description.machine.modules)
          if (thread.frames[i] >= module.start && thread.frames[i] < module.start + module.size &&
              module.name != "unix" && module.name != "genunix") {
            holds = text(module.name);
            ++in_modules;
          }
        EXPECT_EQ(row.at("module"), holds);
      }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(in_modules, 1U);
}

TEST_P(Illumos, Files) {
  const std::map<std::string, std::string> types = {{"device", "character device"},
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
      const auto named = types.find(open.type);
      EXPECT_EQ(row.at("type"), text(named == types.end() ? open.type : named->second));
      EXPECT_EQ(row.at("access"), text(open.access));
      EXPECT_EQ(row.at("path"), text_or_null(open.path));
      EXPECT_EQ(row.at("flags"), open.flags == 8      ? text("append")
                                 : open.flags == 0x80 ? text("nonblock")
                                                      : null);
      EXPECT_EQ(row.at("position"), number(open.position));
      EXPECT_EQ(row.at("address"), address(open.address));
      // "major:minor" of the mounts.
      EXPECT_EQ(row.at("device"), open.path.empty()               ? null
                                  : open.path.starts_with("/dev") ? text("301:3")
                                  : open.path.starts_with("/tmp") ? text("310:2")
                                                                  : text("65:0"));
      for (const char* other : {"deleted", "size", "inode"}) EXPECT_EQ(row.at(other), null);
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_EQ(index, 6U);
}

TEST_P(Illumos, Mappings) {
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
      const bool other_driver = mapping.path == "[segdev]" || mapping.path == "[segspt_shmops]";
      EXPECT_EQ(row.at("access"), other_driver ? null : text(mapping.access));
      EXPECT_EQ(row.at("path"),
                text_or_null(mapping.path == "[segspt_shmops]" ? "[segspt_shmops]" : mapping.path));
      const bool of_file = mapping.path.starts_with("/");
      EXPECT_EQ(row.at("offset"), of_file ? Value(Address{mapping.offset}) : null);
      EXPECT_EQ(row.at("device"), !of_file                           ? null
                                  : mapping.path.starts_with("/tmp") ? text("310:2")
                                                                     : text("65:0"));
      EXPECT_EQ(row.at("address"), Value(Address{mapping.address}));
      for (const char* other : {"inode", "deleted"}) EXPECT_EQ(row.at(other), null);
    }
  EXPECT_EQ(rows.size(), index);
  EXPECT_GE(index, 7U);
}

TEST_P(Illumos, Modules) {
  const Rows rows = rows_of(*session, "modules");
  ASSERT_EQ(rows.size(), description.machine.modules.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Module& wanted = description.machine.modules[i];
    SCOPED_TRACE(wanted.name);
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

TEST_P(Illumos, Mounts) {
  const std::map<std::uint64_t, std::string> options = {
      {0, "rw"}, {1, "ro"}, {2, "rw,nosuid"}, {4, "rw,dev=4410004"}};
  const Rows rows = rows_of(*session, "mounts");
  ASSERT_EQ(rows.size(), description.machine.mounts.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Mounted& wanted = description.machine.mounts[i];
    EXPECT_EQ(rows[i].at("source"), text(wanted.source));
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.type));
    EXPECT_EQ(rows[i].at("options"), text(options.at(wanted.flags)));
    EXPECT_EQ(rows[i].at("device"), text(std::to_string(wanted.owner) + ":" + std::to_string(i)));
    for (const char* unknown : {"root", "id", "parent", "namespace"})
      EXPECT_EQ(rows[i].at(unknown), null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(Illumos, Processors) {
  const Rows rows = rows_of(*session, "cpus");
  ASSERT_EQ(rows.size(), description.machine.cpus.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Cpu& wanted = description.machine.cpus[i];
    const ThreadText* running = nullptr;
    std::string name;
    for (const auto& process : description.processes)
      for (const auto& thread : process.threads)
        if (thread.address == wanted.current)
          running = &thread, name = thread_name(process, thread);
    ASSERT_NE(running, nullptr);
    EXPECT_EQ(rows[i].at("cpu"), integer(static_cast<std::int64_t>(wanted.number)));
    EXPECT_EQ(rows[i].at("online"), Value(wanted.online));
    EXPECT_EQ(rows[i].at("crashed"), panicked() ? Value(running->crashed) : null);
    EXPECT_EQ(rows[i].at("tid"), integer(running->tid));
    EXPECT_EQ(rows[i].at("thread"), text(name));
    EXPECT_EQ(rows[i].at("idle"), Value(running->name.starts_with("idle")));
    EXPECT_EQ(rows[i].at("runnable"), number(wanted.runnable));
    EXPECT_EQ(rows[i].at("current"), address(wanted.current));
    EXPECT_EQ(rows[i].at("base"), address(wanted.base));
    EXPECT_EQ(rows[i].at("pc"), address(running->frames.front()));
    EXPECT_EQ(rows[i].at("sp"), address(running->sp));
  }
}

TEST_P(Illumos, Load) {
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
  EXPECT_EQ(rows[0].at("threads"), number(threads));
  EXPECT_EQ(rows[0].at("last_pid"), integer(wanted.last_pid));
}

TEST_P(Illumos, Swap) {
  const Rows rows = rows_of(*session, "swap");
  ASSERT_EQ(rows.size(), description.machine.swaps.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const MachineText::Swap& wanted = description.machine.swaps[i];
    EXPECT_EQ(rows[i].at("path"), text(wanted.path));
    EXPECT_EQ(rows[i].at("type"), text(wanted.is_device ? "partition" : "file"));
    EXPECT_EQ(rows[i].at("size"), number(wanted.blocks * 4096));
    EXPECT_EQ(rows[i].at("used"), number(wanted.used * 4096));
    EXPECT_EQ(rows[i].at("priority"), null);
    EXPECT_EQ(rows[i].at("address"), address(wanted.address));
  }
}

TEST_P(Illumos, Memory) {
  std::map<std::string, Value> rows;
  for (const auto& row : rows_of(*session, "memory"))
    rows[std::get<std::string>(row.at("name"))] = row.at("bytes");
  for (const auto& [name, pages] : description.machine.counters)
    EXPECT_EQ(rows[name], number(pages * 4096)) << name;
}

TEST_P(Illumos, Log) {
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t i = 0; i < rows.size(); ++i) {
    const foundry::LogText& wanted = description.log[i];
    EXPECT_EQ(rows[i].at("text"), text(wanted.text));
    EXPECT_EQ(rows[i].at("level"), integer(wanted.level.value_or(6)));
    EXPECT_EQ(rows[i].at("time"), Value(static_cast<double>(wanted.time_ns) * 1e-9));
  }
}

TEST_P(Illumos, Identity) {
  const auto row = rows_of(*session, "dump").at(0);
  EXPECT_EQ(row.at("system"), text("illumos"));
  if (GetParam().file == "illumos-qemu") {
    EXPECT_EQ(row.at("release"), text("5.11"));
    EXPECT_EQ(row.at("version"), text(description.release));
    EXPECT_EQ(row.at("time"), text("2023-11-15T22:13:20Z"));
  }
  std::uint64_t online = 0;
  for (const MachineText::Cpu& cpu : description.machine.cpus) online += cpu.online ? 1 : 0;
  EXPECT_EQ(row.at("cpus"), number(online));
  EXPECT_EQ(row.at("panic"), panicked() ? text(description.panic) : null);
  EXPECT_EQ(row.at("uptime"),
            panicked() ? Value(static_cast<double>(description.machine.clock.uptime)) : null);
}

/// What an answer was read by is said, where it is not the dump's own types.
TEST_P(Illumos, SaysWhoseTypes) {
  const auto notes = notes_of(*session, "threads");
  EXPECT_EQ(any_has(notes, "illumos of 2020"), !has_types());
  const auto types = session->kernel()->types();
  if (!has_types()) return;
  ASSERT_TRUE(types);
  EXPECT_EQ((*types)->origin(), "CTF of genunix in the dump");
  // A variable by the module's own symbol table, a structure of another module.
  ASSERT_TRUE((*types)->variable("p0"));
  EXPECT_EQ(panicroom::plain(*(*types)->variable("p0"))->type.name, "proc");
  EXPECT_TRUE((*types)->size_of("struct htable"));
  EXPECT_TRUE((*types)->size_of("struct fxproc"));
}

INSTANTIATE_TEST_SUITE_P(Dumps, Illumos, testing::ValuesIn(foundry::illumos_cases()),
                         [](const auto& one) { return foundry::name_of(one.param); });

}  // namespace
