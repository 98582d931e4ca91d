#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "core/session/session.h"
#include "native/io/mapped_file.h"
#include "tests/source_folder.h"

// The Linux case of PANICROOM_CASES: a panicked kernel's kdump against what its guest printed of
// itself seconds before (guest.txt) and what crash says with the debug kernel (crash.txt). Both
// texts are parsed here, without the engine. Without the folder there are no such tests.

namespace panicroom {
namespace {

namespace fs = std::filesystem;
using Lines = std::vector<std::string>;

std::vector<std::string> cases() {
  const char* folder = std::getenv("PANICROOM_CASES");
  const fs::path chosen =
      folder != nullptr ? fs::path(folder) : fs::path(source_folder) / "../shared/cases";
  const fs::path linux_case = chosen / "linux-amd64";
  if (!fs::exists(linux_case / "vmcore.kdump-zstd")) return {};
  return {linux_case.string()};
}

Lines lines_of(const std::string& path) {
  std::ifstream file(path);
  Lines lines;
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::uint64_t hex(const std::string& digits) { return std::stoull(digits, nullptr, 16); }

struct Task {
  std::int64_t tid = 0, ppid = 0, cpu = 0;
  std::uint64_t address = 0;
  bool active = false;
  std::string state, name;
};

/// crash's `ps`: one line a thread, kernel threads' names in brackets, a name may go over the line.
std::vector<Task> tasks_in(const Lines& crash) {
  const std::map<std::string, std::string> states = {{"RU", "running"},         {"IN", "sleeping"},
                                                     {"UN", "uninterruptible"}, {"ID", "idle"},
                                                     {"ST", "stopped"},         {"ZO", "zombie"}};
  const std::regex row(
      R"(([> ]) +(\d+) +(\d+) +(\d+) +([0-9a-f]{16}) +([A-Z]{2}) +[0-9.]+ +\d+ +\d+  (.*))");
  std::vector<Task> tasks;
  bool within = false;
  for (const std::string& line : crash) {
    if (line.find("PID    PPID  CPU       TASK") != std::string::npos) {
      within = true;
      continue;
    }
    if (!within) continue;
    if (line.starts_with("PID: ")) break;
    std::smatch match;
    if (!std::regex_match(line, match, row)) {
      tasks.back().name += "\n" + line;
      continue;
    }
    Task task;
    task.active = match[1] == ">";
    task.tid = std::stoll(match[2]);
    task.ppid = std::stoll(match[3]);
    task.cpu = std::stoll(match[4]);
    task.address = hex(match[5]);
    task.state = states.at(match[6]);
    task.name = match[7];
    if (task.name.starts_with("[")) task.name = task.name.substr(1, task.name.size() - 2);
    tasks.push_back(task);
  }
  return tasks;
}

struct Frame {
  std::uint64_t pc = 0;
  std::string symbol;
};

/// crash's `bt`: the frames of each task by its address; an exception's interrupted instruction is
/// a frame too.
std::map<std::uint64_t, std::vector<Frame>> stacks_in(const Lines& crash) {
  const std::regex head(R"(PID: \d+ +TASK: ([0-9a-f]{16}) .*)");
  const std::regex frame(R"( *#(\d+) \[[0-9a-f]{16}\] (\S+) at ([0-9a-f]{16}).*)");
  const std::regex interrupted(R"( +\[exception RIP: ([^+]+)\+.*)");
  const std::regex registers(R"( +RIP: ([0-9a-f]{16}) .*)");
  std::map<std::uint64_t, std::vector<Frame>> stacks;
  std::uint64_t task = 0;
  std::string exception;
  for (const std::string& line : crash) {
    std::smatch match;
    if (std::regex_match(line, match, head)) {
      task = hex(match[1]);
      exception.clear();
    } else if (std::regex_match(line, match, frame)) {
      if (match[1] == "0") stacks.erase(task);  // `bt -a` and `foreach bt` say the same twice
      stacks[task].push_back({hex(match[3]), match[2]});
    } else if (std::regex_match(line, match, interrupted)) {
      exception = match[1];
    } else if (std::regex_match(line, match, registers) && !exception.empty()) {
      stacks[task].push_back({hex(match[1]), exception});
      exception.clear();
    }
  }
  return stacks;
}

/// The lines between "=== NAME" and "--- rc=" of guest.txt.
Lines section(const Lines& guest, const std::string& name) {
  Lines found;
  bool within = false;
  for (const std::string& line : guest) {
    if (within && (line.starts_with("--- rc=") || line.starts_with("=== "))) break;
    if (within) found.push_back(line);
    if (line == "=== " + name) within = true;
  }
  return found;
}

std::string as_dmesg(const LogLine& line) {
  char time[32];
  const std::uint64_t microseconds = line.time_ns.value_or(0) / 1000;
  std::snprintf(time, sizeof time, "[%5llu.%06llu] ",
                static_cast<unsigned long long>(microseconds / 1000000),
                static_cast<unsigned long long>(microseconds % 1000000));
  return time + line.text;
}

class LinuxCase : public ::testing::TestWithParam<std::string> {
 protected:
  void SetUp() override {
    auto file = open_mapped_file(GetParam() + "/vmcore.kdump-zstd");
    ASSERT_TRUE(file) << file.error().message();
    auto session = Session::open({*file});
    ASSERT_TRUE(session) << session.error().message();
    session_ = std::move(*session);
    ASSERT_NE(session_->kernel(), nullptr) << session_->why_no_kernel()->message();
    EXPECT_TRUE(session_->notes().empty());
    crash_ = lines_of(GetParam() + "/crash.txt");
    guest_ = lines_of(GetParam() + "/guest.txt");
  }

  std::vector<Thread> threads() {
    std::vector<Thread> found;
    Notes notes;
    const auto walked = session_->kernel()->threads(
        [&](const Thread& thread) {
          found.push_back(thread);
          return true;
        },
        notes);
    EXPECT_TRUE(walked);
    EXPECT_TRUE(notes.take().empty());
    return found;
  }
  std::vector<Process> processes() {
    std::vector<Process> found;
    Notes notes;
    const auto walked = session_->kernel()->processes(
        {},
        [&](const Process& process) {
          found.push_back(process);
          return true;
        },
        notes);
    EXPECT_TRUE(walked);
    EXPECT_TRUE(notes.take().empty());
    return found;
  }
  std::vector<LogLine> log() {
    std::vector<LogLine> found;
    Notes notes;
    const auto walked = session_->kernel()->log(
        [&](const LogLine& line) {
          found.push_back(line);
          return true;
        },
        notes);
    EXPECT_TRUE(walked);
    EXPECT_TRUE(notes.take().empty());
    return found;
  }

  std::unique_ptr<Session> session_;
  Lines crash_, guest_;
};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(LinuxCase);

TEST_P(LinuxCase, SaysWhatDiedAndWhen) {
  Notes notes;
  const KernelIdentity identity = session_->kernel()->identity(notes);
  EXPECT_TRUE(notes.take().empty());
  const auto told = [&](const std::string& key) {
    for (const std::string& line : crash_) {
      const auto at = line.find(key + ": ");
      if (at != std::string::npos && line.find_first_not_of(' ') == at)
        return line.substr(at + key.size() + 2);
    }
    return std::string("not in crash.txt");
  };
  EXPECT_EQ(identity.system, "Linux");
  EXPECT_EQ(identity.release, told("RELEASE"));
  EXPECT_EQ(identity.version, told("VERSION"));
  EXPECT_EQ(identity.nodename, told("NODENAME"));
  EXPECT_TRUE(told("MACHINE").starts_with(identity.machine + " "));
  EXPECT_EQ("\"" + identity.panic_text.value_or("") + "\"", told("PANIC"));
  EXPECT_EQ(told("CPUS"), "2 [OFFLINE: 1]");  // panic() stopped the other one
  EXPECT_EQ(identity.cpus, 2U);
  EXPECT_EQ(told("DATE"), "Sat Nov 21 00:03:21 UTC 2026");
  EXPECT_EQ(identity.time, 1795219401);  // date -u -d 2026-11-21T00:03:21Z +%s
  EXPECT_EQ(told("UPTIME"), "00:00:29");
  ASSERT_TRUE(identity.uptime);
  EXPECT_GE(*identity.uptime, 29.0);
  EXPECT_LT(*identity.uptime, 30.0);
  EXPECT_EQ(identity.crashed_tid, 1);
  EXPECT_EQ(identity.kernel_slide, 0x6e00000U);  // the log's last but one line: "Kernel Offset"
}

TEST_P(LinuxCase, ListsEveryThreadThatCrashLists) {
  const std::vector<Task> expected = tasks_in(crash_);
  ASSERT_EQ(expected.size(), 76U);  // "TASKS: 76"
  std::map<std::uint64_t, Thread> found;
  for (const Thread& thread : threads()) EXPECT_TRUE(found.emplace(thread.address, thread).second);
  EXPECT_EQ(found.size(), expected.size());
  for (const Task& task : expected) {
    ASSERT_TRUE(found.contains(task.address)) << task.name;
    const Thread& thread = found.at(task.address);
    EXPECT_EQ(thread.tid, task.tid) << task.name;
    EXPECT_EQ(thread.name, task.name);
    EXPECT_EQ(thread.state, task.state) << task.name;
    EXPECT_EQ(thread.cpu, task.active ? std::optional(task.cpu) : std::nullopt) << task.name;
    EXPECT_EQ(thread.crashed, std::optional(task.tid == 1)) << task.name;
  }
}

TEST_P(LinuxCase, ListsProcessesWithParentsThreadsAndUsers) {
  std::map<std::uint64_t, Task> expected;
  for (const Task& task : tasks_in(crash_)) expected[task.address] = task;
  std::map<std::int64_t, std::string> users;
  const std::regex row(R"( *(\d+) +\d+ +\d+ +\d+ (\S+) .*)");
  for (const std::string& line :
       section(guest_, "ps -o pid,ppid,pgid,sid,user,group,stat,vsz,rss,tty,comm,args")) {
    std::smatch match;
    if (std::regex_match(line, match, row)) users[std::stoll(match[1])] = match[2];
  }
  std::size_t seen = 0, checked_users = 0;
  std::uint64_t count = 0;
  for (const Process& process : processes()) {
    ASSERT_TRUE(expected.contains(process.address));
    const Task& task = expected.at(process.address);
    EXPECT_EQ(process.pid, task.tid);
    EXPECT_EQ(process.ppid, task.ppid) << task.name;
    EXPECT_EQ(process.name, task.name);
    EXPECT_EQ(process.state, task.state) << task.name;
    EXPECT_EQ(process.threads, task.name == "worker" ? 4U : 1U) << task.name;
    if (users.contains(task.tid)) {
      ++checked_users;
      EXPECT_EQ(process.uid, users.at(task.tid) == "alice" ? 1000 : 0) << task.name;
    }
    count += process.threads.value_or(0);
    ++seen;
  }
  EXPECT_EQ(seen, 73U);  // 76 tasks, of which three are worker's
  EXPECT_EQ(count, 76U);
  EXPECT_GT(checked_users, 60U);
}

TEST_P(LinuxCase, UnwindsEveryStackAsCrashDoes) {
  const auto expected = stacks_in(crash_);
  ASSERT_GT(expected.size(), 70U);
  const auto symbols = session_->kernel()->symbols();
  ASSERT_NE(symbols, nullptr);
  std::size_t compared = 0;
  for (const Thread& thread : threads()) {
    SCOPED_TRACE(thread.name.value_or("?"));
    Notes notes;
    const Unwound unwound = session_->kernel()->stack(thread, notes);
    EXPECT_FALSE(unwound.stopped) << unwound.stopped->message();
    std::vector<std::uint64_t> pcs;
    std::vector<std::uint64_t> functions;
    for (const UnwoundFrame& frame : unwound.frames) {
      pcs.push_back(frame.pc);
      const auto symbol = symbols->at(frame.lookup_address());
      functions.push_back(symbol ? symbol->address : 0);
    }
    if (!expected.contains(thread.address)) {
      EXPECT_EQ(thread.state, "zombie");  // crash prints no stack either
      EXPECT_TRUE(pcs.empty());
      continue;
    }
    const std::vector<Frame>& frames = expected.at(thread.address);
    // Of a running thread crash begins at the first return address that it finds, which may be
    // below the interrupted instruction or a neighbour's in the same function.
    ASSERT_GE(pcs.size(), frames.size());
    const std::size_t skipped = pcs.size() - frames.size();
    EXPECT_LE(skipped, thread.cpu ? 1U : 0U);
    for (std::size_t i = 0; i < frames.size(); ++i) {
      // By address: crash and the kernel itself choose differently among names of one address.
      const auto symbol = symbols->find(frames[i].symbol);
      ASSERT_TRUE(symbol) << frames[i].symbol;
      EXPECT_EQ(functions[skipped + i], symbol->address) << frames[i].symbol;
      if (i != 0 || !thread.cpu) {
        EXPECT_EQ(pcs[skipped + i], frames[i].pc) << "frame " << i;
      }
    }
    ++compared;
  }
  EXPECT_EQ(compared, expected.size());
}

TEST_P(LinuxCase, PrintsTheLogAsCrashAndTheGuestDo) {
  Lines expected;
  for (const std::string& line : crash_) {
    if (line.starts_with("PID: ") && !expected.empty()) break;
    if (expected.empty() && line.find("] Linux version") == std::string::npos) continue;
    expected.push_back(line);
  }
  ASSERT_GT(expected.size(), 400U);
  Lines found;
  std::set<int> levels;
  for (const LogLine& line : log()) {
    found.push_back(as_dmesg(line));
    ASSERT_TRUE(line.level);
    levels.insert(*line.level);
  }
  const Lines guest = section(guest_, "dmesg");
  ASSERT_GT(guest.size(), 350U);
  ASSERT_GE(found.size(), guest.size());
  for (std::size_t i = 0; i < guest.size(); ++i) EXPECT_EQ(found[i], guest[i]);
  ASSERT_EQ(found.size(), expected.size());
  // crash indents the second line of a record instead of repeating the time.
  const std::string indent(std::string_view("[    0.000000] ").size(), ' ');
  for (std::size_t i = 0; i < found.size(); ++i) {
    const bool first_line = !expected[i].starts_with(indent);
    EXPECT_EQ(first_line ? found[i] : indent + found[i].substr(indent.size()), expected[i]);
  }
  // A panic is an emergency, the banner a notice, most of a boot informational.
  EXPECT_EQ(log().front().level, 5);
  for (const int level : {0, 4, 5, 6}) EXPECT_TRUE(levels.contains(level)) << level;
}

TEST_P(LinuxCase, FindsTheGuestsSymbols) {
  const auto symbols = session_->kernel()->symbols();
  ASSERT_NE(symbols, nullptr);
  // A module's symbol has the module's name behind it; several may share one address.
  const std::regex row(R"(([0-9a-f]{16}) (\S) (\S+)(\s+\[\S+\])?)");
  std::size_t compared = 0;
  std::map<std::uint64_t, std::set<std::string>> of_modules;  // all names of an address
  for (const std::string name : {"KALLSYMS", "KALLSYMS-HEAD"}) {
    for (const std::string& line : section(guest_, name)) {
      std::smatch match;
      if (!std::regex_match(line, match, row)) continue;
      if (match[4].matched) {
        if (match[2] == "t" || match[2] == "T") of_modules[hex(match[1])].insert(match[3].str());
        continue;
      }
      const auto symbol = symbols->find(match[3].str());
      ASSERT_TRUE(symbol) << line;
      EXPECT_EQ(symbol->address, hex(match[1])) << line;
      EXPECT_EQ(std::string(1, symbol->type), match[2].str()) << line;
      ++compared;
    }
  }
  EXPECT_GT(compared, 50U);
  EXPECT_GT(of_modules.size(), 10U);
  for (const auto& [address, names] : of_modules) {
    const auto symbol = symbols->at(address);
    ASSERT_TRUE(symbol) << *names.begin();
    EXPECT_EQ(symbol->address, address);
    EXPECT_TRUE(names.contains(std::string(symbol->name))) << symbol->name;
  }
}

INSTANTIATE_TEST_SUITE_P(Debian, LinuxCase, ::testing::ValuesIn(cases()),
                         [](const auto&) { return "Amd64"; });

}  // namespace
}  // namespace panicroom
