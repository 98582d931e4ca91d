// FreeBSD kernels of which a part contradicts itself or claims more than there can be: the rest is
// answered, in bounded time, with a note that says what is not.

#include <gtest/gtest.h>

#include <string>

#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/test_name.h"
#include "tests/foundry/worlds.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Description;
using foundry::integer;
using foundry::null;
using foundry::ProcessText;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using panicroom::Address;
using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

// Of the invented layout, see freebsd_layout.cc.
constexpr std::uint64_t p_list = 8, p_threads = 96, td_plist = 24, td_oncpu = 100;

class FreeBsdInDoubt : public testing::Test {
 protected:
  FreeBsdInDoubt()
      : description(foundry::read_description(std::string(source_folder) +
                                              "/tests/foundry/descriptions/freebsd-amd64.txt")) {}

  ProcessText& process(std::int64_t pid) {
    for (ProcessText& process : description.processes)
      if (process.pid == pid) return process;
    throw std::out_of_range("no such process");
  }
  void open() { open("amd64-full", {source("kernel", foundry::kernel_file(description.image))}); }
  void open(const std::string& dump, std::vector<panicroom::SourcePtr> files) {
    for (const auto& file : description.files)
      if (file.name == dump)
        for (const auto& part : foundry::make_dump(description, file))
          files.push_back(source(file.name, part));
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }
  bool noted(const std::string& table, std::string_view words) {
    Notes notes;
    EXPECT_TRUE(session->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes));
    for (const Note& note : notes.take())
      if (note.text.find(words) != std::string::npos) return true;
    return false;
  }

  Description description;
  std::unique_ptr<Session> session;
  Notes unread;
};

TEST_F(FreeBsdInDoubt, ADumpWithoutItsKernelFileSaysThatItIsMissing) {
  open("amd64-v3", {});
  EXPECT_TRUE(noted("dump", "not known without the kernel file: release"));
  const auto locks = session->rows(
      *panicroom::find_table("locks"), {}, [](std::span<const Value>) { return true; }, unread);
  ASSERT_FALSE(locks);
  EXPECT_NE(locks.error().text.find("no kernel file (/boot/kernel/kernel) was given"),
            std::string::npos)
      << locks.error().text;
}

/// Any program has symbols; those of one that is no kernel say nothing of the dump.
TEST_F(FreeBsdInDoubt, AFileThatIsNoKernelIsNotUsed) {
  foundry::Image program = description.image;
  program.symbols = {{"main", 0xffffffff80201000, 0x10, 'T'}};
  open("amd64-v3", {source("program", foundry::kernel_file(program))});
  EXPECT_TRUE(noted("dump", "program: it has neither of the symbols allproc and kernbase"));
  EXPECT_TRUE(noted("dump", "not known without the kernel file: release"));
}

/// All processes claim the threads of one: a thread has one process.
TEST_F(FreeBsdInDoubt, OneListOfThreadsForAllProcesses) {
  const std::uint64_t shared = process(812).threads.front().address;
  for (const ProcessText& other : description.processes)
    description.image.write_virtual(other.address + p_threads, shared, 8);
  open();
  EXPECT_EQ(rows_of(*session, "threads").size(), 2U);
  EXPECT_TRUE(noted("threads", "already on one"));
}

/// Each process is shown once.
TEST_F(FreeBsdInDoubt, AListOfProcessesThatIsACycle) {
  open();
  const std::size_t count = rows_of(*session, "processes").size();
  ASSERT_GT(count, 2U);
  const auto word = [&](std::uint64_t at) {
    return description.image.read(description.image.physical_of(at), 8);
  };
  std::uint64_t head = 0;
  for (const foundry::Symbol& one : description.image.symbols)
    if (one.name == "allproc") head = one.address;
  std::uint64_t last = word(head);
  while (word(last + p_list) != 0) last = word(last + p_list);
  description.image.write_virtual(last + p_list, word(head), 8);
  open();
  EXPECT_EQ(rows_of(*session, "processes").size(), count);
  EXPECT_TRUE(noted("processes", "the list allproc is a cycle"));
}

TEST_F(FreeBsdInDoubt, AListOfThreadsThatBreaksOffIsNotCounted) {
  description.image.write_virtual(process(812).threads.front().address + td_plist,
                                  0xfffffe0000000000, 8);
  open();
  for (const auto& row : rows_of(*session, "processes"))
    EXPECT_EQ(row.at("threads"),
              row.at("pid") == integer(812)
                  ? null
                  : Value(std::uint64_t{row.at("pid") == integer(640) ? 0U : 1U}));
  EXPECT_TRUE(noted("processes", "breaks off"));
}

TEST_F(FreeBsdInDoubt, AProcessorThatThereIsNot) {
  const std::uint64_t address = process(812).threads.back().address;
  for (const std::uint64_t cpu : {2ULL, 5000ULL, 0xfffffffeULL}) {
    description.image.write_virtual(address + td_oncpu, cpu, 4);
    open();
    for (const auto& row : rows_of(*session, "threads")) {
      if (row.at("address") != Value(Address{address})) continue;
      EXPECT_EQ(row.at("cpu"), null);
      EXPECT_EQ(row.at("pc"), Value(Address{process(812).threads.back().frames.front()}));
    }
    EXPECT_TRUE(noted("threads", "there is none of that number"));
  }
}

/// The list of zombies is a second one: without its head the living are still known.
TEST_F(FreeBsdInDoubt, ALostListOfZombies) {
  bool found = false;
  for (foundry::Symbol& symbol : description.image.symbols)
    if (symbol.name == "zombproc") symbol.address = 0xfffffe0000000000, found = true;
  ASSERT_TRUE(found);
  open();
  EXPECT_GE(rows_of(*session, "processes").size(), 3U);
  EXPECT_GE(rows_of(*session, "threads").size(), 3U);
  EXPECT_TRUE(noted("processes", "zombproc"));
}

/// Where the registers of a stopped processor lie depends on the size of one's: without it those of
/// the first processor are not taken for another's.
TEST_F(FreeBsdInDoubt, AnUnknownSizeOfSavedRegisters) {
  ASSERT_EQ(std::erase_if(description.image.symbols,
                          [](const foundry::Symbol& one) { return one.name == "pcb_size"; }),
            1U);
  std::uint64_t moved = 0;
  for (const ProcessText& process : description.processes)
    for (const auto& thread : process.threads)
      if (thread.cpu == 0) moved = thread.address;
  ASSERT_NE(moved, 0U);
  description.image.write_virtual(moved + td_oncpu, 1, 4);
  open();
  for (const auto& row : rows_of(*session, "threads"))
    if (row.at("address") == Value(Address{moved})) {
      EXPECT_EQ(row.at("cpu"), integer(1));
      EXPECT_EQ(row.at("pc"), null);
    }
  EXPECT_TRUE(noted("threads", "the size of struct pcb"));
}

/// What is told of processes, with a member of one of its structures overwritten.
class FreeBsdTablesInDoubt : public testing::TestWithParam<std::string> {
 protected:
  FreeBsdTablesInDoubt()
      : description(foundry::read_description(std::string(source_folder) +
                                              "/tests/foundry/descriptions/freebsd-" + GetParam() +
                                              "-tables.txt")),
        layout(foundry::freebsd_layout(description.layout, 8)) {}

  ProcessText& shell() { return description.processes.front(); }
  std::uint64_t get(std::uint64_t object, const char* structure, const char* member) {
    const auto* known = layout.find(structure, member);
    return description.image.read(description.image.physical_of(object + known->offset),
                                  known->size > 8 ? 8 : static_cast<unsigned>(known->size));
  }
  void set(std::uint64_t object, const char* structure, const char* member, std::uint64_t value) {
    const auto* known = layout.find(structure, member);
    ASSERT_NE(known, nullptr);
    description.image.write_virtual(object + known->offset, value,
                                    known->size > 8 ? 8 : static_cast<unsigned>(known->size));
  }
  /// All of a table's rows; the notes are kept.
  foundry::Rows ask(const std::string& table) {
    std::vector<panicroom::SourcePtr> files;
    files.push_back(
        source("kernel",
               foundry::kernel_file(description.image, foundry::freebsd_types(description, {}))));
    for (const auto& file : description.files)
      if (file.name == "freebsd-" + GetParam() + "-full")
        for (const auto& part : foundry::make_dump(description, file))
          files.push_back(source(file.name, part));
    auto opened = Session::open(files);
    EXPECT_TRUE(opened) << opened.error().message();
    Notes remarks;
    EXPECT_TRUE((*opened)->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, remarks));
    notes = remarks.take();
    return rows_of(**opened, table);
  }
  bool noted(std::string_view words) const {
    for (const Note& note : notes)
      if (note.text.find(words) != std::string::npos) return true;
    return false;
  }
  std::uint64_t table_of_files() {
    return get(get(shell().address, "proc", "p_fd"), "filedesc", "fd_files");
  }

  Description description;
  foundry::KernelLayout layout;
  std::vector<Note> notes;
};

TEST_P(FreeBsdTablesInDoubt, ATableOfFilesOfAnySize) {
  for (const std::uint64_t room : {0x7fffffffULL, 0xffffffffULL, 0x80000000ULL}) {
    set(table_of_files(), "fdescenttbl", "fdt_nfiles", room);
    EXPECT_GE(ask("files").size(), shell().descriptors.size());
    EXPECT_TRUE(noted("were looked at")) << room;
  }
}

TEST_P(FreeBsdTablesInDoubt, ATypeOfFileThatThereIsNot) {
  set(shell().descriptors[1].address, "file", "f_type", 99);
  const auto rows = ask("files");
  EXPECT_EQ(rows[1].at("type"), null);
  EXPECT_EQ(rows[1].at("path"), null);
  EXPECT_TRUE(noted("a file's type 99 is not known"));
}

TEST_P(FreeBsdTablesInDoubt, AWayUpThatIsACircle) {
  const std::uint64_t vnode = get(shell().descriptors[1].address, "file", "f_vnode");
  const std::uint64_t entry = get(vnode, "vnode", "v_cache_dst");
  set(entry, "namecache", "nc_dvp", vnode);
  EXPECT_EQ(ask("files")[1].at("path"), null);
  EXPECT_TRUE(noted("its way up has no end"));
}

TEST_P(FreeBsdTablesInDoubt, ANameThatTheCacheHasLost) {
  const std::uint64_t vnode = get(shell().descriptors[1].address, "file", "f_vnode");
  set(vnode, "vnode", "v_cache_dst", 0);
  EXPECT_EQ(ask("files")[1].at("path"), null);
  EXPECT_TRUE(noted("the kernel's name cache has no name for it"));
}

/// The directory that the program was started from has lost its name: where its own vnode still has
/// one nothing is missing.
TEST_P(FreeBsdTablesInDoubt, AProgramWhosePathIsFoundAnotherWay) {
  if (!layout.find("proc", "p_textdvp")) return;  // since FreeBSD 14
  const Value before = ask("processes")[0].at("executable");
  const std::size_t said = notes.size();
  ASSERT_NE(before, null);
  set(shell().address, "proc", "p_textdvp", 0x1000);
  EXPECT_EQ(ask("processes")[0].at("executable"), before);
  EXPECT_EQ(notes.size(), said);
  set(shell().address, "proc", "p_textvp", 0x1000);
  EXPECT_EQ(ask("processes")[0].at("executable"), null);
  EXPECT_GT(notes.size(), said);
}

TEST_P(FreeBsdTablesInDoubt, MappingsThatAreACircle) {
  const char* link = layout.find("vm_map_entry", "next") ? "next" : "right";
  set(shell().mappings.back().address, "vm_map_entry", link, shell().mappings[2].address);
  EXPECT_GE(ask("maps").size(), shell().mappings.size());
  EXPECT_TRUE(noted("do not lead back to their head") || noted("are out of order"));
}

TEST_P(FreeBsdTablesInDoubt, MappingsOfWhichSomeAreMissing) {
  set(shell().space, "vmspace", "vm_map.nentries", shell().mappings.size() + 1);
  EXPECT_GE(ask("maps").size(), shell().mappings.size());
  EXPECT_TRUE(noted("but " + std::to_string(shell().mappings.size()) + " were found"));
}

TEST_P(FreeBsdTablesInDoubt, ObjectsThatAreACircle) {
  const std::uint64_t object = get(shell().mappings[1].address, "vm_map_entry", "object.vm_object");
  set(object, "vm_object", "backing_object", object);
  EXPECT_EQ(ask("maps")[1].at("path"), null);
  EXPECT_TRUE(noted("the objects behind a mapping have no end"));
}

TEST_P(FreeBsdTablesInDoubt, ArgumentsOfAnyLength) {
  const std::uint64_t kept = get(shell().address, "proc", "p_args");
  for (const std::uint64_t length : {0x100000ULL, 0xffffffffULL}) {
    set(kept, "pargs", "ar_length", length);
    // What the process has in its own memory is asked instead.
    EXPECT_EQ(ask("processes")[0].at("arguments"), text("sh -c 'echo  two words'"));
    EXPECT_TRUE(noted("more than can be"));
  }
}

TEST_P(FreeBsdTablesInDoubt, AnEnvironmentOfAnyLength) {
  description.image.write_virtual(shell().strings + 24, 0xffffffff, 4);
  EXPECT_EQ(ask("processes")[0].at("environment"), null);
  EXPECT_TRUE(noted("there are said to be"));
}

/// Until FreeBSD 13 a connection in TIME_WAIT has a struct tcptw where others have their tcpcb
/// (sys/netinet/in_pcb.h: INP_TIMEWAIT): there is no state in it.
TEST_P(FreeBsdTablesInDoubt, AConnectionThatIsOver) {
  if (!layout.find("inpcb", "inp_flags")) return;
  for (const auto& open : shell().descriptors)
    if (open.number == 7) {
      const std::uint64_t pcb = get(open.socket_address, "socket", "so_pcb");
      set(pcb, "inpcb", "inp_flags", 0x01000000);
      set(pcb, "inpcb", "inp_ppcb", 0xfffffe0012345000);
    }
  const auto rows = ask("sockets");
  ASSERT_EQ(rows[0].at("fd"), integer(7));
  EXPECT_EQ(rows[0].at("state"), text("time_wait"));
  EXPECT_FALSE(noted("a socket"));
}

/// A debugger stands in for the parent of what it traces; ps(1) shows the real one, which p_oppid
/// names (sys/kern/kern_proc.c, fill_kinfo_proc_only).
TEST_P(FreeBsdTablesInDoubt, AProcessThatIsTraced) {
  const Value parent = ask("processes")[0].at("ppid");
  EXPECT_EQ(parent, integer(shell().ppid));
  if (!layout.find("proc", "p_oppid")) return;
  set(shell().address, "proc", "p_oppid", 4242);
  EXPECT_EQ(ask("processes")[0].at("ppid"), integer(4242));
}

TEST_P(FreeBsdTablesInDoubt, StatesThatThereAreNot) {
  set(shell().threads[1].address, "thread", "td_state", 9);
  set(shell().threads[2].address, "thread", "td_inhibitors", 0);
  set(shell().threads[3].address, "thread", "td_kstack_pages", 0x7fffffff);
  const auto rows = ask("threads");
  EXPECT_EQ(rows[1].at("state"), null);
  EXPECT_EQ(rows[2].at("state"), null);
  EXPECT_TRUE(noted("a thread's state is 9"));
  EXPECT_TRUE(noted("0x0 is no reason"));
  EXPECT_TRUE(noted("a thread's kernel stack has"));
  set(shell().address, "proc", "p_state", 77);
  EXPECT_EQ(ask("processes")[0].at("state"), null);
  EXPECT_TRUE(noted("a process's state is 77"));
}

TEST_P(FreeBsdTablesInDoubt, AHolderThatIsNoThread) {
  const foundry::LockText* lock = nullptr;
  for (const auto& known : description.locks)
    if (known.name == "Giant") lock = &known;
  ASSERT_NE(lock, nullptr);
  const std::uint64_t whole = lock->address - layout.offset("mtx", "lock_object");
  set(whole, "mtx", "mtx_lock", 0xffffffff80123400);
  for (const auto& row : ask("locks"))
    if (row.at("name") == text("Giant")) {
      EXPECT_EQ(row.at("state"), text("held"));
      EXPECT_EQ(row.at("owner"), null);
    }
  EXPECT_TRUE(noted("which is no thread"));
  set(lock->address, "lock_object", "lo_flags", 0x0f000000);
  ask("locks");
  EXPECT_TRUE(noted("a lock's class is 15"));
}

TEST_P(FreeBsdTablesInDoubt, ATickRateOfZero) {
  for (const auto& symbol : description.image.symbols)
    if (symbol.name == "cpu_tick_frequency") description.image.write_virtual(symbol.address, 0, 8);
  EXPECT_EQ(ask("processes")[0].at("user_time"), null);
  EXPECT_TRUE(noted("run times are not known"));
}

INSTANTIATE_TEST_SUITE_P(Layouts, FreeBsdTablesInDoubt,
                         testing::Values("11", "12", "13-0", "13", "14-current", "15-0",
                                         "invented"),
                         [](const auto& named) { return foundry::test_name(named.param); });

}  // namespace
