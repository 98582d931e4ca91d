// OpenBSD kernels of which a part contradicts itself or claims more than there can be, and kernel
// files that are not the kernel's: the rest is answered, in bounded time, with a note that says
// what is not.

#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/foundry/kernel_case.h"
#include "tests/foundry/openbsd_layout.h"
#include "tests/foundry/worlds.h"

namespace {

using foundry::any_has;
using foundry::Blob;
using foundry::Description;
using foundry::integer;
using foundry::KernelLayout;
using foundry::notes_of;
using foundry::null;
using foundry::number;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

class OpenBsdInDoubt : public testing::Test {
 protected:
  explicit OpenBsdInDoubt(const std::string& name = "openbsd-7-6")
      : description(foundry::description_named(name)),
        layout(foundry::openbsd_layout(description.layout, description.image.pointer())) {}

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
  void set(std::uint64_t object, const char* structure, const char* member, std::uint64_t value) {
    const auto* known = layout.find(structure, member);
    description.image.write_virtual(object + known->offset, value,
                                    known->size > 8 ? 8 : static_cast<unsigned>(known->size));
  }
  std::uint64_t get(std::uint64_t object, const char* structure, const char* member) {
    const auto* known = layout.find(structure, member);
    return description.image.read(description.image.physical_of(object + known->offset),
                                  known->size > 8 ? 8 : static_cast<unsigned>(known->size));
  }
  Blob kernel() const { return foundry::kernel_file(description.image); }
  void open(const std::string& container = "kcore") { open(container, kernel()); }
  void open(const std::string& container, const Blob& kernel) {
    std::vector<panicroom::SourcePtr> files;
    foundry::FileText file{"dump", container, {}};
    file.settings.emplace_back("style", container == "kcore" ? "openbsd" : "freebsd");
    for (const auto& part : foundry::make_dump(description, file))
      files.push_back(source("dump", part));
    if (!kernel.empty()) files.push_back(source("bsd", kernel));
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
  }
  bool noted(const std::string& table, std::string_view words) {
    return any_has(notes_of(*session, table), words);
  }
  std::string why_not(const std::string& table) {
    Notes notes;
    const auto rows = session->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes);
    return rows ? "" : rows.error().text;
  }

  Description description;
  KernelLayout layout;
  std::unique_ptr<Session> session;
};

/// A kernel of the same build that another boot linked: everything lies elsewhere.
TEST_F(OpenBsdInDoubt, AKernelThatAnotherBootLinkedIsRecognised) {
  foundry::Image other = description.image;
  for (foundry::Symbol& one : other.symbols) one.address += 0x40;
  open("kcore", foundry::kernel_file(other));
  ASSERT_NE(session->kernel(), nullptr);
  EXPECT_TRUE(any_has(session->notes(), "is not the kernel that was running"));
  EXPECT_TRUE(
      any_has(session->notes(), "only the /bsd of that boot fits: save it beside the dump"));
  EXPECT_EQ(session->kernel()->symbols(), nullptr);
  // Its memory is there, by the header of the dump.
  EXPECT_TRUE(session->kernel()->memory().u64(symbol("version")));
  EXPECT_NE(why_not("processes"), "");
  EXPECT_TRUE(noted("dump", "is not the kernel that was running"));

  open("elf", foundry::kernel_file(other));
  EXPECT_EQ(session->kernel(), nullptr);
  ASSERT_TRUE(session->why_no_kernel());
  EXPECT_NE(session->why_no_kernel()->text.find("is not the kernel that was running"),
            std::string::npos)
      << session->why_no_kernel()->text;
}

/// A kernel file with its code is tried by that: it tells more than the version's place.
TEST_F(OpenBsdInDoubt, AKernelFileIsTriedByItsCode) {
  description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/openbsd-7-6.txt",
      "segment 0xffffffff80200000 0x200000 0x8000\ncode @0xffffffff80200000 0x8000");
  const Blob own = kernel();
  foundry::Image other = description.image;
  for (std::uint64_t at = 0; at < 0x8000; at += 8)
    other.write_virtual(0xffffffff80200000 + at, at * 0x123456789abcdef, 8);
  for (const char* container : {"kcore", "elf"}) {
    SCOPED_TRACE(container);
    open(container, own);
    EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
    // The same symbols, another code.
    open(container, foundry::kernel_file(other));
    const auto why =
        session->kernel() ? session->kernel()->why_no_symbols() : session->why_no_kernel();
    ASSERT_TRUE(why);
    EXPECT_NE(why->text.find("it has other code than the dump"), std::string::npos) << why->text;
  }
  // The version is spoilt, the code is there.
  description.image.write_virtual(symbol("version"), 0, 8);
  open("kcore", own);
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
}

TEST_F(OpenBsdInDoubt, AKernelCoreWithoutAKernelFileSaysWhatIsMissing) {
  open("kcore", {});
  EXPECT_EQ(session->kernel(), nullptr);
  EXPECT_TRUE(session->why_no_kernel());
}

/// Pages of 1 GiB, which the reference's reader does not know: the map of all memory.
TEST_F(OpenBsdInDoubt, TheDirectMapIsReadByThePageTables) {
  open();
  const std::uint64_t at = symbol("ostype");
  const auto direct = session->kernel()->memory().string(
      0xfffffd8000000000 + description.image.physical_of(at), 16);
  ASSERT_TRUE(direct) << direct.error().message();
  EXPECT_EQ(*direct, "OpenBSD");
}

/// Without the root of the page tables what was loaded with the kernel is still there.
TEST_F(OpenBsdInDoubt, ALostPmap) {
  set(symbol("kernel_pmap_store"), "pmap", "pm_pdirpa", 0);
  open("elf");
  ASSERT_NE(session->kernel(), nullptr);
  EXPECT_TRUE(any_has(session->notes(), "only what was loaded with the kernel can be read"));
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
}

TEST_F(OpenBsdInDoubt, AListOfProcessesThatIsACycle) {
  const std::uint64_t last = process(0).address;
  const std::uint64_t first =
      description.image.read(description.image.physical_of(symbol("allprocess")), 8);
  set(last, "process", "ps_list", first);
  open();
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
  EXPECT_TRUE(noted("processes", "the list allprocess is a cycle"));
}

TEST_F(OpenBsdInDoubt, AListOfProcessesThatBreaksOff) {
  set(process(700).address, "process", "ps_list", 0xffff900000000000);
  open();
  EXPECT_EQ(rows_of(*session, "processes").size(), 3U);
  EXPECT_TRUE(noted("processes", "the list allprocess breaks off"));
  EXPECT_TRUE(noted("processes", "the kernel counts 7 processes, but 3 were found"));
}

TEST_F(OpenBsdInDoubt, ALostListOfZombies) {
  for (foundry::Symbol& one : description.image.symbols)
    if (one.name == "zombprocess") one.address = 0xffff900000000000;
  open();
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size() - 1);
  EXPECT_TRUE(noted("processes", "the zombies are not known"));
}

/// All processes claim the threads of one: a thread has one process.
TEST_F(OpenBsdInDoubt, OneListOfThreadsForAllProcesses) {
  const std::uint64_t shared = process(48123).threads.front().address;
  for (const ProcessText& other : description.processes)
    set(other.address, "process", "ps_threads", shared);
  open();
  EXPECT_EQ(rows_of(*session, "threads").size(), 3U);
  EXPECT_TRUE(noted("threads", "already on one"));
}

TEST_F(OpenBsdInDoubt, AThreadsStateThatThereIsNot) {
  const ThreadText& thread = process(1).threads.front();
  set(thread.address, "proc", "p_stat", 9);
  open();
  for (const auto& row : rows_of(*session, "threads"))
    if (row.at("tid") == integer(thread.tid)) {
      EXPECT_EQ(row.at("state"), null);
    }
  EXPECT_TRUE(noted("threads", "a thread's state is 9"));
}

/// As ps(1) has it: one that runs counts more than one that is stopped, that more than one asleep.
TEST_F(OpenBsdInDoubt, AProcessIsAsItsLivelyThreadsAre) {
  const auto state = [&] {
    open();
    for (const auto& row : rows_of(*session, "processes"))
      if (row.at("pid") == integer(48123)) return row.at("state");
    return null;
  };
  auto& threads = process(48123).threads;
  set(threads[0].address, "proc", "p_stat", 3), set(threads[0].address, "proc", "p_flag", 0);
  EXPECT_EQ(state(), text("stopped"));
  set(threads[2].address, "proc", "p_stat", 2);
  EXPECT_EQ(state(), text("running"));
  set(threads[2].address, "proc", "p_stat", 3);
  EXPECT_EQ(state(), text("uninterruptible"));  // its first thread's
}

/// What a zombie had may be another's by now.
TEST_F(OpenBsdInDoubt, AZombieHasNoFiles) {
  set(process(640).address, "process", "ps_fd", get(process(48123).address, "process", "ps_fd"));
  open();
  for (const auto& row : rows_of(*session, "files")) EXPECT_NE(row.at("pid"), integer(640));
}

TEST_F(OpenBsdInDoubt, ATableOfMoreFilesThanThereCanBe) {
  const std::uint64_t table = get(process(48123).address, "process", "ps_fd");
  set(table, "filedesc", "fd_nfiles", 0x7fffffff);
  open();
  EXPECT_GE(rows_of(*session, "files").size(), process(48123).descriptors.size());
  EXPECT_TRUE(noted("files", "of which 1048576 were looked at"));
}

TEST_F(OpenBsdInDoubt, ATreeOfMappingsThatIsNone) {
  auto& mappings = process(48123).mappings;
  const std::uint64_t leaf = mappings.front().address;
  set(leaf, "vm_map_entry", "daddrs.addr_entry.rbt_left", mappings[3].address);
  open();
  EXPECT_TRUE(noted("maps", "a process's mappings comes back to an element"));
}

TEST_F(OpenBsdInDoubt, AMappingThatIsLost) {
  const std::uint64_t root = process(48123).mappings[3].address;
  set(root, "vm_map_entry", "daddrs.addr_entry.rbt_right", 0);
  open();
  EXPECT_EQ(rows_of(*session, "maps").size(), 9U - 3U);
  EXPECT_TRUE(noted("maps", "but the kernel counts"));
}

TEST_F(OpenBsdInDoubt, MoreArgumentsThanThereCanBe) {
  description.image.write_virtual(process(48123).strings + 8, 0x7fffffff, 4);
  open();
  for (const auto& row : rows_of(*session, "processes"))
    if (row.at("pid") == integer(48123)) {
      EXPECT_EQ(row.at("arguments"), null);
      EXPECT_NE(row.at("environment"), null);
    }
  EXPECT_TRUE(noted("processes", "there are said to be 2147483647 of them"));
}

TEST_F(OpenBsdInDoubt, AListOfProcessorsThatIsACycle) {
  const std::uint64_t first = description.machine.cpus[0].base,
                      second = description.machine.cpus[1].base;
  set(second, "cpu_info", "ci_next", first);
  open();
  EXPECT_EQ(rows_of(*session, "cpus").size(), 2U);
  EXPECT_TRUE(noted("cpus", "the list of processors is a cycle"));
}

/// The message buffer is overwritten: what the console showed is kept apart.
TEST_F(OpenBsdInDoubt, ALogWithoutItsMagic) {
  const auto buffer = [&](const char* name) {
    return description.image.read(description.image.physical_of(symbol(name)), 8);
  };
  set(buffer("msgbufp"), "msgbuf", "msg_magic", 0x063062);  // FreeBSD's
  open();
  const Rows rows = rows_of(*session, "log");
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows.front().at("text"), text("what the console showed"));
  EXPECT_TRUE(noted("log", "the message buffer's magic is 0x63062, expected 0x63061"));
  set(buffer("consbufp"), "msgbuf", "msg_bufs", ~std::uint64_t{0});
  open();
  EXPECT_NE(why_not("log").find("magic is 0x63062"), std::string::npos);
}

TEST_F(OpenBsdInDoubt, ASwapListThatIsACycle) {
  const std::uint64_t head = symbol("swap_priority");
  const std::uint64_t first = description.image.read(description.image.physical_of(head), 8);
  set(first, "swappri", "spi_swappri", first);
  open();
  EXPECT_EQ(rows_of(*session, "swap").size(), 1U);
  EXPECT_TRUE(noted("swap", "the list of swap priorities is a cycle"));
}

/// A file of another release with its types: they do not find the first processes.
TEST_F(OpenBsdInDoubt, TypesOfAnotherKernelAreNotUsed) {
  Description other = foundry::description_named("openbsd-7-3");
  other.image = description.image;
  open("kcore", foundry::kernel_file(description.image, foundry::openbsd_types(other, {})));
  EXPECT_TRUE(noted("processes", "process 0 and process 1 have other numbers"));
  EXPECT_TRUE(noted("processes", "those of OpenBSD 7.6 amd64, built in"));
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
}

TEST_F(OpenBsdInDoubt, AReleaseThatIsNotBuiltInTakesTheNearest) {
  const std::uint64_t at = symbol("osrelease"), version = symbol("version");
  description.image.write_virtual(at, std::string("7.9"));
  description.image.write_virtual(version, std::string("OpenBSD 7.9"));
  open();
  EXPECT_TRUE(noted("processes", "OpenBSD 7.6 amd64, the nearest that is built in to OpenBSD 7.9"));
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
  // A current one of the year 2000 has other structures: nothing is made up.
  description.image.write_virtual(at, std::string("2.7"));
  description.image.write_virtual(version, std::string("OpenBSD 2.7"));
  open();
  EXPECT_NE(why_not("processes").find("is not its"), std::string::npos) << why_not("processes");
}

/// The return address is the first word behind the saved registers that leads to code.
TEST_F(OpenBsdInDoubt, AKernelThatPushesMore) {
  const ThreadText& thread = process(1).threads.front();
  description.image.write_virtual(thread.sp - 8, 0x1234567890abcdef, 8);
  description.image.write_virtual(thread.sp, thread.frames.front(), 8);
  open();
  for (const auto& row : rows_of(*session, "threads"))
    if (row.at("tid") == integer(thread.tid)) {
      EXPECT_EQ(row.at("pc"), Value(Address{thread.frames.front()}));
      EXPECT_EQ(row.at("sp"), Value(Address{thread.sp + 8}));
    }
}

/// Without a text of panic() the debugger that has stopped the kernel tells where.
TEST_F(OpenBsdInDoubt, AKernelInItsDebugger) {
  description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/openbsd-7-6.txt", "panic \"\"");
  open();
  for (const auto& row : rows_of(*session, "threads"))
    EXPECT_EQ(row.at("crashed"), Value(row.at("tid") == integer(101234)));
  EXPECT_EQ(rows_of(*session, "dump").at(0).at("panic"), null);
}

/// An image of a machine that was well has no thread on which the kernel died.
TEST_F(OpenBsdInDoubt, AKernelThatDidNotDie) {
  description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/openbsd-7-6.txt", "panic \"\"");
  set(description.machine.cpus[1].base, "cpu_info", "ci_ddb_paused", 0);
  open();
  for (const auto& row : rows_of(*session, "threads")) EXPECT_EQ(row.at("crashed"), null);
}

}  // namespace
