// illumos kernels of which a part contradicts itself or is missing: the rest is answered, in
// bounded time, with a note that says what is not.

#include <gtest/gtest.h>

#include <stdexcept>
#include <string>

#include "tests/foundry/illumos_case.h"
#include "tests/foundry/illumos_world.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::integer;
using foundry::KernelLayout;
using foundry::notes_of;
using foundry::null;
using foundry::ProcessText;
using foundry::rows_of;
using foundry::text;
using panicroom::Session;
using panicroom::Value;

class IllumosInDoubt : public testing::Test {
 protected:
  IllumosInDoubt()
      : description(foundry::description_named("illumos-tables")),
        layout(foundry::illumos_layout(description)) {}

  ProcessText& process(std::int64_t pid) {
    for (ProcessText& process : description.processes)
      if (process.pid == pid) return process;
    throw std::out_of_range("no such process");
  }
  std::uint64_t symbol(const std::string& name) const {
    for (const foundry::Symbol& one : description.image.symbols)
      if (one.name == name) return one.address;
    throw std::out_of_range("no symbol " + name);
  }
  std::uint64_t word(std::uint64_t at) const {
    return description.image.read(description.image.physical_of(at), 8);
  }
  void set(std::uint64_t object, const char* structure, const char* member, std::uint64_t value) {
    const KernelLayout::Member* found = layout.find(structure, member);
    ASSERT_NE(found, nullptr);
    description.image.write_virtual(object + found->offset, value,
                                    static_cast<unsigned>(found->size));
  }
  void exclude(std::uint64_t address) {
    description.image.excluded.insert(description.image.physical_of(address) / 4096 * 4096);
  }
  /// The struct module of a module.
  std::uint64_t loaded(const std::string& name) const {
    for (const auto& module : description.machine.modules)
      if (module.name == name) return module.loaded;
    throw std::out_of_range("no module " + name);
  }
  void open(const std::string& file = "illumos-all") {
    session = foundry::open_illumos_session(description, file, "ksyms");
  }
  bool noted(const std::string& table, std::string_view words) {
    return any_has(notes_of(*session, table), words);
  }
  std::size_t count(const std::string& table) { return rows_of(*session, table).size(); }

  Description description;
  KernelLayout layout;
  std::unique_ptr<Session> session;
};

TEST_F(IllumosInDoubt, AListOfProcessesThatIsACycle) {
  set(process(0).address, "proc", "p_next", word(symbol("practive")));
  open();
  EXPECT_EQ(count("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "the list of processes (practive) is a cycle"));
}

TEST_F(IllumosInDoubt, AListOfProcessesThatBreaksOff) {
  set(process(650).address, "proc", "p_next", 0xfffffe00ffff0000);
  open();
  EXPECT_EQ(count("processes"), 3U);
  EXPECT_TRUE(noted("processes", "the list of processes (practive) breaks off"));
}

TEST_F(IllumosInDoubt, ARingOfThreadsThatLeadsElsewhere) {
  // Its last leads to the second, not to the first; another process claims the same ring.
  set(process(812).threads[3].address, "_kthread", "t_forw", process(812).threads[1].address);
  set(process(700).address, "proc", "p_tlist", process(812).threads[0].address);
  open();
  EXPECT_TRUE(noted("threads", "already on one"));
  for (const auto& row : rows_of(*session, "processes"))
    if (row.at("pid") == integer(812) || row.at("pid") == integer(700)) {
      EXPECT_EQ(row.at("threads"), null);
    }
  std::size_t of_first = 0;
  for (const auto& row : rows_of(*session, "threads")) of_first += row.at("pid") == integer(812);
  EXPECT_EQ(of_first, 4U);
}

/// The threads of the kernel, which are on no process's ring, are known by that of all.
TEST_F(IllumosInDoubt, ARingOfAllThreadsThatBreaksOff) {
  const auto& kernel = process(0);
  set(kernel.threads[2].address, "_kthread", "t_next", 0);
  open();
  EXPECT_TRUE(noted("threads", "the ring of all threads (allthreads) does not close"));
  EXPECT_EQ(count("threads"), 12U);
  for (const auto& row : rows_of(*session, "processes"))
    if (row.at("pid") == integer(0)) {
      EXPECT_EQ(row.at("threads"), null);
    }
  set(kernel.threads[2].address, "_kthread", "t_next", kernel.threads[1].address);
  open();
  EXPECT_TRUE(noted("threads", "the ring of all threads (allthreads) does not lead back"));
}

TEST_F(IllumosInDoubt, ARingOfThreadsThatDoesNotClose) {
  set(process(812).threads[1].address, "_kthread", "t_forw", 0);
  open();
  EXPECT_TRUE(noted("processes", "a process's ring of threads does not close"));
}

TEST_F(IllumosInDoubt, ATreeOfSegmentsThatComesBackToItself) {
  const ProcessText& bash = process(812);
  const std::uint64_t link = layout.offset("seg", "s_tree"),
                      children = layout.offset("avl_node", "avl_child");
  const std::uint64_t root = bash.mappings[3].address + link;
  // A leaf's left child is the root.
  description.image.write_virtual(bash.mappings[6].address + link + children, root, 8);
  open();
  EXPECT_TRUE(noted("maps", "their tree comes back to a node"));
  // Those of others, and those before it.
  EXPECT_GE(count("maps"), 6U);
}

TEST_F(IllumosInDoubt, ATreeThatSaysAnotherNumberOfSegments) {
  const std::uint64_t tree = process(812).space + layout.offset("as", "a_segtree");
  description.image.write_virtual(tree + layout.offset("avl_tree", "avl_numnodes"), 99, 8);
  open();
  EXPECT_TRUE(noted("maps", "are said to be 99, but 7 were found"));
}

TEST_F(IllumosInDoubt, ATableOfFilesLargerThanMemory) {
  set(process(812).address, "proc", "p_user.u_finfo.fi_nfiles", 0x7fffffff);
  open();
  EXPECT_TRUE(noted("files", "their table has room for 2147483647"));
  EXPECT_GE(count("files"), 6U);
}

/// Without types the layout that is built in answers, and says why.
TEST_F(IllumosInDoubt, TypesThatAreCutOff) {
  set(loaded("genunix"), "module", "ctfsize", 20);
  open();
  EXPECT_EQ(count("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "illumos of 2020, amd64"));
  set(loaded("genunix"), "module", "ctfsize", 200);  // a header and no more
  open();
  EXPECT_EQ(count("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "illumos of 2020, amd64"));
}

TEST_F(IllumosInDoubt, TypesThatAreNone) {
  const std::uint64_t ctf = word(loaded("genunix") + layout.offset("module", "ctfdata"));
  description.image.write_virtual(ctf, 0x1234, 2);
  open();
  EXPECT_EQ(count("threads"), 14U);
  EXPECT_TRUE(noted("threads", "expected CTF's magic 0xcff1, found 0x1234"));
}

TEST_F(IllumosInDoubt, TypesOfWhichAPageIsMissing) {
  exclude(word(loaded("genunix") + layout.offset("module", "ctfdata")));
  open();
  EXPECT_EQ(count("processes"), description.processes.size());
  EXPECT_TRUE(noted("processes", "illumos of 2020, amd64"));
}

/// A kernel with other structures than those built in, without its types: nothing is guessed.
TEST_F(IllumosInDoubt, ALayoutThatIsNotTheKernels) {
  description.image.write_virtual(process(0).address + layout.offset("proc", "p_user.u_comm"),
                                  std::string_view("other"));
  set(loaded("genunix"), "module", "ctfdata", 0);
  open();
  panicroom::Notes notes;
  const auto answer = session->rows(
      *panicroom::find_table("processes"), {}, [](std::span<const Value>) { return true; }, notes);
  ASSERT_FALSE(answer);
  EXPECT_NE(answer.error().text.find("expected 0 and sched"), std::string::npos)
      << answer.error().text;
}

TEST_F(IllumosInDoubt, ARingOfModulesThatDoesNotCloseStillHasItsTypes) {
  set(description.machine.modules[4].address, "modctl", "mod_next",
      description.machine.modules[2].address);
  open();
  EXPECT_TRUE(noted("modules", "does not lead back to its head"));
  EXPECT_EQ(count("modules"), 5U);
  EXPECT_FALSE(noted("threads", "illumos of 2020"));
}

TEST_F(IllumosInDoubt, AQueueOfMessagesThatIsACycle) {
  const std::uint64_t queue = word(symbol("log_recentq"));
  const std::uint64_t first = word(queue + layout.offset("queue", "q_first"));
  std::uint64_t last = first;
  const std::uint64_t link = layout.offset("msgb", "b_next");
  while (word(last + link) != 0) last = word(last + link);
  description.image.write_virtual(last + link, first, 8);
  open();
  EXPECT_TRUE(noted("log", "the queue of messages is a cycle"));
  EXPECT_EQ(count("log"), description.log.size());
}

TEST_F(IllumosInDoubt, RingsOfProcessorsAndMountsThatLeadElsewhere) {
  set(description.machine.cpus[2].base, "cpu", "cpu_next", description.machine.cpus[1].base);
  set(description.machine.mounts[3].address, "vfs", "vfs_next",
      description.machine.mounts[1].address);
  open();
  EXPECT_TRUE(noted("cpus", "the ring of processors does not lead back to its head"));
  EXPECT_EQ(count("cpus"), 3U);
  EXPECT_TRUE(noted("mounts", "the ring of mounts does not lead back to its head"));
  EXPECT_EQ(count("mounts"), 4U);
}

TEST_F(IllumosInDoubt, AStructureOnAPageThatIsMissingCostsItsColumns) {
  exclude(process(812).threads[1].address);
  open();
  EXPECT_TRUE(noted("threads", "breaks off"));
  EXPECT_EQ(count("processes"), description.processes.size());
}

TEST_F(IllumosInDoubt, APanicBufferOfAnotherFormIsNotUsed) {
  description.image.write_virtual(symbol("panicbuf"), 77, 4);
  open();
  // The header has the first 200 bytes of the text; the thread's own label its registers.
  const auto row = rows_of(*session, "dump").at(0);
  EXPECT_EQ(row.at("panic"), text(description.panic.substr(0, 199)));
  for (const auto& thread : rows_of(*session, "threads"))
    if (thread.at("crashed") == Value(true)) {
      EXPECT_EQ(thread.at("pc"), Value(panicroom::Address{symbol("panicsys") + 16}));
    }
}

/// What no syslogd has taken yet is all there, with what it is prefixed with for it.
TEST_F(IllumosInDoubt, MessagesThatNoSyslogdHasTaken) {
  description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/illumos-tables.txt", "backlog\n");
  open();
  const auto rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), description.log.size());
  for (std::size_t i = 0; i < rows.size(); ++i)
    EXPECT_EQ(rows[i].at("text"), text(description.log[i].text));
}

/// A dump says whose it is: a kernel file of another system beside it is refused, the dump's own
/// symbols answer.
TEST_F(IllumosInDoubt, AnotherSystemsKernelFile) {
  foundry::Image other = description.image;
  other.symbols = {{"allproc", 0xffffffff80201000, 8, 'D'}};
  std::vector<panicroom::SourcePtr> files = {
      foundry::source("kernel", foundry::kernel_file(other))};
  for (const auto& part : foundry::make_dump(description, description.files.front()))
    files.push_back(foundry::source("vmcore.0", part));
  auto opened = Session::open(files);
  ASSERT_TRUE(opened) << opened.error().message();
  session = std::move(*opened);
  EXPECT_EQ(count("processes"), description.processes.size());
}

}  // namespace
