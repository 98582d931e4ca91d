// NetBSD kernels whose memory lies: a list that is a cycle, a count that is false, a page that is
// missing costs that answer a note, never the others.

#include <gtest/gtest.h>

#include <algorithm>
#include <stdexcept>
#include <string>

#include "tests/foundry/kernel_case.h"
#include "tests/foundry/netbsd_layout.h"
#include "tests/foundry/worlds.h"

namespace {

using foundry::any_has;
using foundry::Description;
using foundry::integer;
using foundry::KernelLayout;
using foundry::notes_of;
using foundry::null;
using foundry::open_session;
using foundry::ProcessText;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using panicroom::ErrorCode;
using panicroom::Session;
using panicroom::Value;

class NetBsdDoubt : public testing::Test {
 protected:
  Description description = foundry::description_named("netbsd-invented-tables");
  KernelLayout layout = foundry::netbsd_layout(description.layout, 8);

  const ProcessText& process(std::int64_t pid) const {
    for (const ProcessText& one : description.processes)
      if (one.pid == pid) return one;
    throw std::runtime_error("no such process");
  }
  void set(std::uint64_t object, const char* structure, const char* member, std::uint64_t value) {
    const auto* place = layout.find(structure, member);
    ASSERT_NE(place, nullptr) << member;
    description.image.write_virtual(object + place->offset, value,
                                    static_cast<unsigned>(std::min<std::uint64_t>(place->size, 8)));
  }
  std::uint64_t get(std::uint64_t object, const char* structure, const char* member) const {
    return description.image.read(
        description.image.physical_of(object + layout.offset(structure, member)), 8);
  }
  std::uint64_t variable(const std::string& name) const {
    for (const foundry::Symbol& symbol : description.image.symbols)
      if (symbol.name == name) return symbol.address;
    throw std::runtime_error("no variable " + name);
  }
  std::unique_ptr<Session> open(const std::string& types = "ctf3z") {
    return open_session(description, description.files.at(0).name, types);
  }
  void expect_note(const char* table, const char* words, std::size_t least_rows = 0) {
    const auto session = open();
    EXPECT_GE(rows_of(*session, table).size(), least_rows) << table;
    EXPECT_TRUE(any_has(notes_of(*session, table), words)) << table << ": " << words;
  }
};

TEST_F(NetBsdDoubt, AListOfProcessesThatIsACycle) {
  set(process(1).address, "proc", "p_list", process(812).address);
  expect_note("processes", "the list allproc is a cycle", 3);
}

TEST_F(NetBsdDoubt, AListOfProcessesThatBreaksOff) {
  set(process(1).address, "proc", "p_list", 0x10);
  expect_note("processes", "the list allproc breaks off", 3);
}

TEST_F(NetBsdDoubt, AListOfThreadsThatIsACycle) {
  const ProcessText& shell = process(812);
  set(shell.threads.back().address, "lwp", "l_sibling", shell.threads.front().address);
  expect_note("threads", "comes to a thread that was already on one", 8);
}

TEST_F(NetBsdDoubt, StatesThatAreNone) {
  set(process(812).address, "proc", "p_stat", 77);
  set(process(1).threads[0].address, "lwp", "l_stat", 99);
  const auto session = open();
  EXPECT_EQ(rows_of(*session, "processes")[0].at("state"), null);
  EXPECT_TRUE(any_has(notes_of(*session, "processes"), "a process's state is 77"));
  EXPECT_TRUE(any_has(notes_of(*session, "threads"), "a thread's state is 99"));
}

TEST_F(NetBsdDoubt, ATableOfFilesThatIsLargerThanMemory) {
  const std::uint64_t table = get(process(812).address, "proc", "p_fd");
  set(get(table, "filedesc", "fd_dt"), "fdtab", "dt_nfiles", 0xffffffff);
  expect_note("files", "their table has room for 4294967295", 14);
}

TEST_F(NetBsdDoubt, MappingsThatDoNotLeadBack) {
  const ProcessText& shell = process(812);
  set(shell.mappings.back().address, "vm_map_entry", "next", shell.mappings.back().address);
  expect_note("maps", "do not lead back to their head", 6);
}

TEST_F(NetBsdDoubt, MappingsThatAreFewerThanSaid) {
  set(process(812).space, "vmspace", "vm_map.nentries", 9);
  expect_note("maps", "are said to be 9, but 6 were found", 7);
}

TEST_F(NetBsdDoubt, APathWithoutAnEnd) {
  const std::uint64_t places = get(process(812).address, "proc", "p_cwdi");
  const std::uint64_t vnode = get(places, "cwdinfo", "cwdi_cdir");
  std::uint64_t entry = get(vnode, "vnode_impl", "vi_nc_list");
  entry = get(entry, "namecache", "nc_list");  // behind that of ".."
  set(entry, "namecache", "nc_dvp", vnode);
  expect_note("processes", "its way up has no end", 5);
}

TEST_F(NetBsdDoubt, APathThatTheNameCacheHasLost) {
  const std::uint64_t places = get(process(812).address, "proc", "p_cwdi");
  set(get(places, "cwdinfo", "cwdi_cdir"), "vnode_impl", "vi_nc_list", 0);
  expect_note("processes", "the kernel's name cache has no name for it", 5);
}

TEST_F(NetBsdDoubt, ListsOfTheMachineThatAreCycles) {
  const std::uint64_t module = description.machine.modules.front().address;
  set(module, "module", "mod_chain", module);
  const std::uint64_t priority =
      description.image.read(description.image.physical_of(variable("swap_priority")), 8);
  set(priority, "swappri", "spi_swappri", priority);
  const std::uint64_t mount =
      description.image.read(description.image.physical_of(variable("mountlist")), 8);
  set(mount, "mountlist_entry", "me_list", mount);
  expect_note("modules", "the list of modules is a cycle", 1);
  expect_note("swap", "the list of swap priorities is a cycle", 1);
  expect_note("mounts", "the list of mounts is a cycle", 1);
}

TEST_F(NetBsdDoubt, MoreProcessorsThanThereCanBe) {
  description.image.write_virtual(variable("ncpu"), 0x7fffffff, 4);
  expect_note("cpus", "there are said to be 2147483647 processors", 2);
}

TEST_F(NetBsdDoubt, AMessageBufferThatIsNone) {
  const std::uint64_t header =
      description.image.read(description.image.physical_of(variable("msgbufp")), 8);
  description.image.write_virtual(header + 24, ~std::uint64_t{0}, 8);
  auto session = open();
  panicroom::Notes notes;
  const auto visit = [](std::span<const Value>) { return true; };
  auto made = session->rows(*panicroom::find_table("log"), {}, visit, notes);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::corrupt);
  description.image.write_virtual(header, 0x1234, 8);
  session = open();
  made = session->rows(*panicroom::find_table("log"), {}, visit, notes);
  ASSERT_FALSE(made);
  EXPECT_NE(made.error().text.find("0x1234"), std::string::npos) << made.error().text;
}

TEST_F(NetBsdDoubt, AStackThatIsTooLargeIsNone) {
  const auto& thread = process(1).threads[0];
  set(thread.stack, "pcb", "pcb_rsp0", thread.stack + 0x40000000);
  expect_note("threads", "a thread's kernel stack begins at", 8);
}

/// Where dumppcb lies on no stack, the processor that panicked tells.
TEST_F(NetBsdDoubt, TheCrashedThreadByItsProcessor) {
  set(variable("dumppcb"), "pcb", "pcb_rsp", 0);
  auto session = open();
  EXPECT_EQ(rows_of(*session, "dump")[0].at("crashed_pid"), integer(812));
  description.image.write_virtual(variable("paniccpu"), 0, 8);
  session = open();
  EXPECT_EQ(rows_of(*session, "dump")[0].at("crashed_tid"), null);
  EXPECT_TRUE(any_has(notes_of(*session, "dump"), "the thread on which the kernel died"));
}

/// Types that make nothing of process 0 are another kernel's: they are not used.
TEST(NetBsdWithoutTypes, TypesOfAnotherKernelAreNotUsed) {
  const Description description = foundry::description_named("netbsd-7-99-4-tables");
  const Description other = foundry::description_named("netbsd-10-99-12-tables");
  const foundry::Blob dump = foundry::make_dump(description, description.files.at(0)).at(0);
  auto opened = Session::open(
      {foundry::source("dump", dump),
       foundry::source("kernel",
                       foundry::kernel_file(description.image, foundry::netbsd_types(other, {})))});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(rows_of(**opened, "processes")[0].at("uid"), integer(1001));
  EXPECT_TRUE(any_has(notes_of(**opened, "processes"),
                      "those of NetBSD 7.99.4 amd64, built in: the kernel file's types are not "
                      "those of this kernel"));
}

void say_release(Description& description, const std::string& release) {
  for (const foundry::Symbol& symbol : description.image.symbols)
    if (symbol.name == "osrelease") {
      for (std::uint64_t i = 0; i < symbol.size; ++i)
        description.image.write_virtual(symbol.address + i, 0, 1);
      description.image.write_virtual(symbol.address, release);
    }
}

/// A release that is not built in: the nearest one's, if process 0 is found by it; the answer says
/// so.
TEST(NetBsdWithoutTypes, AReleaseBetween) {
  Description description = foundry::description_named("netbsd-7-99-34-tables");
  say_release(description, "7.2");
  const auto session = open_session(description, description.files.at(0).name, "none");
  const Rows rows = rows_of(*session, "processes");
  ASSERT_EQ(rows.size(), description.processes.size());
  EXPECT_EQ(rows[0].at("name"), text("sh"));
  EXPECT_TRUE(any_has(notes_of(*session, "processes"),
                      "those of NetBSD 7.99.34 amd64, the nearest that is built in to NetBSD 7.2"));
}

/// Without types and without a layout nothing is told of structures, and the error says why.
TEST(NetBsdWithoutTypes, WhatIsUnknownIsSaid) {
  const auto visit = [](std::span<const Value>) { return true; };
  Description description = foundry::description_named("netbsd-invented-tables");
  for (const auto& [release, why] :
       {std::pair{"10.99.12",
                  "the layout of NetBSD 10.99.12 amd64 that is built in is not this "
                  "kernel's"},
        std::pair{"none", "(osrelease) cannot be read"}}) {
    say_release(description, release);
    const auto session = open_session(description, description.files.at(0).name, "none");
    for (const char* table : {"processes", "threads", "files", "maps", "cpus"}) {
      panicroom::Notes notes;
      const auto made = session->rows(*panicroom::find_table(table), {}, visit, notes);
      ASSERT_FALSE(made) << table;
      EXPECT_EQ(made.error().code, ErrorCode::no_type);
      EXPECT_NE(made.error().text.find(why), std::string::npos) << made.error().text;
    }
    EXPECT_EQ(rows_of(*session, "dump")[0].at("panic"), text(description.panic));
    EXPECT_EQ(rows_of(*session, "log").size(), description.log.size());
  }
}

/// The header tells i386 and aarch64 from OpenBSD's: without a kernel file the memory is there.
TEST(NetBsdWithoutAKernelFile, MemoryAlone) {
  const Description description = foundry::description_named("netbsd-aarch64-tables");
  const foundry::Blob dump = foundry::make_dump(description, description.files.at(0)).at(0);
  auto opened = Session::open({foundry::source("dump", dump)});
  ASSERT_TRUE(opened) << opened.error().message();
  ASSERT_TRUE((*opened)->kernel());
  const auto translated = (*opened)->kernel()->memory().translate(0xffffc00000201234);
  ASSERT_TRUE(translated) << translated.error().message();
  EXPECT_EQ(translated->physical, 0x40201234U);
  panicroom::Notes notes;
  const auto made = (*opened)->rows(
      *panicroom::find_table("processes"), {}, [](std::span<const Value>) { return true; }, notes);
  ASSERT_FALSE(made);
  EXPECT_EQ(made.error().code, ErrorCode::no_symbol);
}

/// A program that is no kernel is refused by name, also where the dump cannot be understood
/// without.
TEST(NetBsdWithoutAKernelFile, AProgramThatIsNoKernelIsSaid) {
  const Description description = foundry::description_named("netbsd-7-99-4-tables");
  const foundry::Blob dump = foundry::make_dump(description, description.files.at(0)).at(0);
  foundry::Image program = description.image;
  program.symbols = {{"main", 0x401000, 16, 'T'}};
  const auto opened = Session::open(
      {foundry::source("dump", dump), foundry::source("program", foundry::kernel_file(program))});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_FALSE((*opened)->kernel());
  EXPECT_TRUE(any_has((*opened)->notes(), "program: it has neither of the symbols"));
}

/// The header does not say whose kernel it was: a kernel file of another one is doubted by its
/// words.
TEST(NetBsdWithAKernelFile, OfAnotherKernelIsDoubted) {
  const Description description = foundry::description_named("netbsd-7-99-4-tables");
  const foundry::Blob dump = foundry::make_dump(description, description.files.at(0)).at(0);
  foundry::Image other = description.image;
  const auto opened_with = [&](const foundry::Image& kernel) {
    auto opened = Session::open(
        {foundry::source("dump", dump), foundry::source("kernel", foundry::kernel_file(kernel))});
    EXPECT_TRUE(opened) << opened.error().message();
    return any_has((*opened)->notes(), "may not be the kernel of this dump");
  };
  EXPECT_FALSE(opened_with(other));
  for (foundry::Symbol& symbol : other.symbols) symbol.address += 0x1000;
  EXPECT_TRUE(opened_with(other));
}

/// An emulator's dump of the guest: its registers name the page tables, the kernel file shows that
/// they are right.
TEST(NetBsdInAnEmulator, ByTheProcessorsRegisters) {
  Description description = foundry::description_named("netbsd-10-99-12-tables");
  description.image.cpus = {{0, 0xffffffff80204044, 0xffffffff80410000, 0},
                            {812, 0xffffffff80202010, 0xffffffff80410100, 0}};
  foundry::FileText file{"guest", "elf", {{"style", "qemu"}}};
  auto opened = Session::open(
      {foundry::source("guest", foundry::make_dump(description, file).at(0)),
       foundry::source("kernel", foundry::kernel_file(description.image,
                                                      foundry::netbsd_types(description, {})))});
  ASSERT_TRUE(opened) << opened.error().message();
  const auto& session = *opened;
  EXPECT_EQ(rows_of(*session, "dump")[0].at("system"), text("NetBSD"));
  EXPECT_EQ(rows_of(*session, "processes").size(), description.processes.size());
  // What ran has the registers of its processor.
  for (const auto& row : rows_of(*session, "threads")) {
    if (row.at("name") == text("idle/0")) {
      EXPECT_EQ(row.at("pc"), Value(panicroom::Address{0xffffffff80204044}));
    }
  }
}

/// Without registers the kernel's own variable tells, in the image that its code shows.
TEST(NetBsdInAnEmulator, ByTheKernelsOwnImage) {
  const Description description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/netbsd-10-99-12-tables.txt",
      "segment 0xffffffff80200000 0x200000 0x8000\n"
      "segment 0xffffffff80400000 0x400000 0x200000 data\n"
      "code @0xffffffff80200000 0x8000\n");
  foundry::FileText file{"guest", "elf", {{"style", "qemu"}, {"registers", "untold"}}};
  auto opened = Session::open(
      {foundry::source("guest", foundry::make_dump(description, file).at(0)),
       foundry::source("kernel", foundry::kernel_file(description.image,
                                                      foundry::netbsd_types(description, {})))});
  ASSERT_TRUE(opened) << opened.error().message();
  EXPECT_EQ(rows_of(**opened, "dump")[0].at("system"), text("NetBSD"));
  EXPECT_EQ(rows_of(**opened, "processes").size(), description.processes.size());
}

}  // namespace
