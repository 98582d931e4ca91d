// DragonFly kernels of which a part contradicts itself or claims more than there can be, and dumps
// of which it is not said whose they are.

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/foundry/dragonfly_case.h"
#include "tests/foundry/dragonfly_layout.h"

namespace {

using foundry::Description;
using foundry::integer;
using foundry::null;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using panicroom::Session;
using panicroom::SourcePtr;
using panicroom::Value;

class DragonFlyInDoubt : public testing::Test {
 protected:
  explicit DragonFlyInDoubt(const std::string& name = "dragonfly-invented")
      : description(foundry::description_named(name)),
        layout(foundry::dragonfly_layout(description.layout)) {}

  ProcessText& process(std::int64_t pid) {
    for (ProcessText& process : description.processes)
      if (process.pid == pid) return process;
    throw std::out_of_range("no such process");
  }
  std::uint64_t place(std::uint64_t object, std::string_view structure, std::string_view path) {
    return object + layout.offset(structure, path);
  }
  std::uint64_t symbol(std::string_view name) {
    for (const foundry::Symbol& one : description.image.symbols)
      if (one.name == name) return one.address;
    throw std::out_of_range("no such symbol");
  }
  std::uint64_t word(std::uint64_t at) {
    return description.image.read(description.image.physical_of(at), 8);
  }
  void put(std::uint64_t at, std::uint64_t value, unsigned width = 8) {
    description.image.write_virtual(at, value, width);
  }
  void open(const std::string& types = "ctf2") {
    session = foundry::open_session(description, description.files.front().name, types);
    ASSERT_TRUE(session);
  }
  void open_with(std::vector<SourcePtr> files) {
    for (const auto& part : foundry::make_dump(description, description.files.front()))
      files.push_back(source("dump", part));
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }
  bool noted(const std::string& table, std::string_view words) {
    return foundry::any_has(foundry::notes_of(*session, table), words);
  }
  /// Why a table cannot be made at all.
  std::string error_of(const std::string& table) {
    panicroom::Notes notes;
    const auto made = session->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes);
    return made ? "it was made" : made.error().text;
  }
  bool fails(const std::string& table, std::string_view words) {
    const std::string why = error_of(table);
    if (why.find(words) != std::string::npos) return true;
    ADD_FAILURE() << why;
    return false;
  }
  std::size_t rows(const std::string& table) { return rows_of(*session, table).size(); }

  Description description;
  foundry::KernelLayout layout;
  std::unique_ptr<Session> session;
};

TEST_F(DragonFlyInDoubt, AListOfProcessesThatIsACycle) {
  // 812 and 300 are on one list.
  put(place(process(300).address, "proc", "p_list"), process(812).address);
  open();
  EXPECT_EQ(rows("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "a list of processes is a cycle"));
}

TEST_F(DragonFlyInDoubt, AProcessOnTwoLists) {
  put(place(process(50).address, "proc", "p_list"), process(60).address);
  open();
  EXPECT_EQ(rows("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "a process is on two lists"));
}

TEST_F(DragonFlyInDoubt, AFalseNumberOfLists) {
  put(symbol("allproc_hsize"), 0x7fffffff, 4);
  open();
  EXPECT_TRUE(fails("processes", "allproc_hsize"));
}

TEST_F(DragonFlyInDoubt, ATreeOfThreadsThatComesBackToItself) {
  const std::uint64_t root = word(place(process(812).address, "proc", "p_lwp_tree.rbh_root"));
  put(place(root, "lwp", "u.lwp_rbnode.rbe_right"), root);
  open();
  EXPECT_TRUE(noted("threads", "a process's tree of threads comes back to an element"));
  for (const auto& row : rows_of(*session, "processes"))
    if (row.at("pid") == integer(812)) {
      EXPECT_EQ(row.at("threads"), null) << "it is not known how many there are";
    }
}

TEST_F(DragonFlyInDoubt, OneTreeOfThreadsForTwoProcesses) {
  const std::uint64_t root = word(place(process(812).address, "proc", "p_lwp_tree.rbh_root"));
  put(place(process(50).address, "proc", "p_lwp_tree.rbh_root"), root);
  open();
  EXPECT_TRUE(noted("threads", "was already in one"));
}

TEST_F(DragonFlyInDoubt, ATreeOfMappingsWithAPartThatIsMissing) {
  const std::uint64_t head = place(process(812).space, "vmspace", "vm_map.rb_root.rbh_root");
  put(place(word(head), "vm_map_entry", "rb_entry.rbe_left"), 0xfffff90000000000);
  open();
  EXPECT_EQ(rows("maps"), 3U) << "the root and what is right of it";
  EXPECT_TRUE(noted("maps", "a part of a process's mappings is missing"));
  EXPECT_TRUE(noted("maps", "a process's mappings are said to be 6, but"));
}

TEST_F(DragonFlyInDoubt, ACycleOfNamesHasNoPath) {
  const std::uint64_t files = word(place(process(812).address, "proc", "p_fd"));
  const std::uint64_t entry = word(place(files, "filedesc", "fd_ncdir.ncp"));
  put(place(entry, "namecache", "nc_parent"), entry);
  open();
  for (const auto& row : rows_of(*session, "processes"))
    if (row.at("pid") == integer(812)) {
      EXPECT_EQ(row.at("directory"), null);
    }
  EXPECT_TRUE(noted("processes", "the way up to the root has no end"));
}

TEST_F(DragonFlyInDoubt, AFalseNumberOfProcessors) {
  put(symbol("ncpus"), 0x7fffffff, 4);
  open();
  EXPECT_TRUE(noted("threads", "the number of processors, ncpus, is 2147483647"));
  EXPECT_EQ(rows("processes"), description.processes.size());
}

TEST_F(DragonFlyInDoubt, AListOfAProcessorsThreadsThatIsACycle) {
  const std::uint64_t last = description.kernel_threads.back().address;
  put(place(last, "thread", "td_allq"), last);
  open();
  EXPECT_TRUE(noted("threads", "a processor's list of threads is a cycle"));
}

TEST_F(DragonFlyInDoubt, AStackThatNothingIsToRestore) {
  const std::uint64_t thread = process(1).threads.front().address;
  put(word(place(thread, "thread", "td_sp")), symbol("panic"));
  open();
  for (const auto& row : rows_of(*session, "threads"))
    if (row.at("name") == text("init")) {
      EXPECT_EQ(row.at("pc"), null);
    }
  EXPECT_TRUE(noted("threads", "panic is to restore it"));
}

/// A kernel thread that never ran begins with the function that it was made for.
TEST_F(DragonFlyInDoubt, AThreadThatHasNotRunYet) {
  const std::uint64_t thread = description.kernel_threads[3].address;
  ASSERT_EQ(description.kernel_threads[3].name, "syncer0");
  put(word(place(thread, "thread", "td_sp")), symbol("cpu_kthread_restore"));
  put(place(word(place(thread, "thread", "td_pcb")), "pcb", "pcb_rbx"), symbol("sys_nanosleep"));
  open();
  for (const auto& row : rows_of(*session, "threads"))
    if (row.at("name") == text("syncer0")) {
      EXPECT_EQ(row.at("pc"), Value(panicroom::Address{symbol("sys_nanosleep")}));
    }
}

TEST_F(DragonFlyInDoubt, AMessageBufferOfAnotherMagicIsReadFromTheMinidump) {
  put(word(symbol("msgbufp")), 0x063062, 4);
  open();
  const Rows lines = rows_of(*session, "log");
  ASSERT_EQ(lines.size(), description.log.size());
  EXPECT_EQ(lines.back().at("text"), text(description.log.back().text));
  EXPECT_TRUE(noted("log", "the message buffer's magic is 0x63062, expected 0x63064"));
}

/// The types of another kernel are not believed.
TEST_F(DragonFlyInDoubt, TypesThatContradictTheDumpAreNotUsed) {
  Description other = foundry::description_named("dragonfly-5-4");
  open_with({source("kernel",
                    foundry::kernel_file(
                        description.image,
                        foundry::find_system("dragonfly")->types(other, {2, false, false, ""})))});
  EXPECT_TRUE(fails("processes", "another kernel's"));
}

class DragonFlyReleaseInDoubt : public DragonFlyInDoubt {
 protected:
  DragonFlyReleaseInDoubt() : DragonFlyInDoubt("dragonfly-5-9") {}
};

/// A version between releases takes the nearest one's offsets, where the dump agrees, and says so.
TEST_F(DragonFlyReleaseInDoubt, AVersionThatNoLayoutIsBuiltInFor) {
  put(symbol("osreldate"), 501000, 4);
  open("none");
  EXPECT_EQ(rows("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes",
                    "those of DragonFly 5.9, the nearest that is built in to DragonFly version "
                    "501000, so that some may be wrong"));
}

TEST_F(DragonFlyReleaseInDoubt, ALayoutThatTheDumpContradictsIsNotUsed) {
  put(symbol("osreldate"), 500400, 4);
  open("none");
  EXPECT_TRUE(fails("processes", "the layout of DragonFly 5.4 that is built in is not its"));
}

TEST_F(DragonFlyReleaseInDoubt, ANewerKernelThanAnyThatIsBuiltIn) {
  put(symbol("osreldate"), 600400, 4);
  open("none");
  EXPECT_TRUE(fails("processes", "no layout of DragonFly version 600400 is built in"));
}

TEST_F(DragonFlyReleaseInDoubt, WithoutItsKernelFileAMinidumpTellsItsMessages) {
  open_with({});
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("system"), text("DragonFly"));
  EXPECT_EQ(rows("log"), description.log.size());
  EXPECT_TRUE(noted("dump", "not known without the kernel file: release"));
}

/// FreeBSD's kernel file is not this kernel's.
TEST_F(DragonFlyReleaseInDoubt, AKernelFileOfAnotherSystemIsNotUsed) {
  const Description other = foundry::description_named("freebsd-12-machine");
  open_with({source("other", foundry::kernel_file(other.image))});
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("system"), text("DragonFly"));
  EXPECT_TRUE(noted("dump", "it is a kernel of FreeBSD, and the dump is of DragonFly"));
}

/// Without KPML4phys the tables are those that the dying thread had.
TEST_F(DragonFlyReleaseInDoubt, AFullDumpIsTranslatedByTheDyingThreadsTables) {
  std::swap(description.files[0], description.files[1]);
  ASSERT_EQ(description.files[0].name, "dragonfly-5-9-full");
  put(symbol("KPML4phys"), 0x8000);
  open();
  EXPECT_EQ(rows("processes"), description.processes.size());
}

/// Minidumps of version 1 call themselves FreeBSD's.
class DragonFlyVersion1 : public DragonFlyInDoubt {
 protected:
  DragonFlyVersion1() : DragonFlyInDoubt("dragonfly-5-0") {}
};

TEST_F(DragonFlyVersion1, IsToldByItsFirstMessage) {
  open_with({});
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("system"), text("DragonFly"));
  EXPECT_EQ(rows("log"), description.log.size());
}

TEST_F(DragonFlyVersion1, IsToldByTheKernelWhereTheMessagesHaveGone) {
  description.log = {{std::nullopt, "something else", 0}};
  open_with({});
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("system"), text("DragonFly"));
}

TEST_F(DragonFlyVersion1, WithoutAnySignItIsFreeBsds) {
  description.log = {{std::nullopt, "something else", 0}};
  description.image.write_virtual(symbol("version"), "FreeBSD  ");
  open_with({});
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("system"), text("FreeBSD"));
}

}  // namespace
