// FreeBSD machines of which a part contradicts itself or claims more than there can be: the rest is
// answered, in bounded time, with a note or an error that says what is not.

#include <gtest/gtest.h>

#include <string>

#include "tests/foundry/freebsd_layout.h"
#include "tests/foundry/test_name.h"
#include "tests/foundry/worlds.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Description;
using foundry::KernelLayout;
using foundry::MachineText;
using foundry::null;
using foundry::Rows;
using foundry::source;
using foundry::text;
using panicroom::Notes;
using panicroom::Session;
using panicroom::Value;

/// What a table answered.
struct Answer {
  Rows rows;
  std::string notes;  ///< each in a line; the error too, where it failed as a whole
  bool failed = false;
};

class FreeBsdMachineInDoubt : public testing::TestWithParam<std::string> {
 protected:
  FreeBsdMachineInDoubt()
      : description(foundry::read_description(std::string(source_folder) +
                                              "/tests/foundry/descriptions/freebsd-" + GetParam() +
                                              ".txt")),
        layout(foundry::freebsd_layout(description.layout, description.image.pointer())) {}

  MachineText& machine() { return description.machine; }
  std::uint64_t symbol(const std::string& name) const {
    for (const foundry::Symbol& one : description.image.symbols)
      if (one.name == name) return one.address;
    throw std::out_of_range(name);
  }
  bool has(const std::string& structure, const std::string& path) const {
    return layout.find(structure, path) != nullptr;
  }
  std::uint64_t place(std::uint64_t object, const std::string& structure,
                      const std::string& path) const {
    return object + layout.offset(structure, path);
  }
  void set(std::uint64_t at, std::uint64_t value, unsigned width = 8) {
    description.image.write_virtual(at, value, width);
  }
  std::uint64_t get(std::uint64_t at) const {
    return description.image.read(description.image.physical_of(at), 8);
  }
  Answer ask(const std::string& name) {
    std::vector<panicroom::SourcePtr> files;
    files.push_back(
        source("kernel",
               foundry::kernel_file(description.image, foundry::freebsd_types(description, {}))));
    for (const auto& part : foundry::make_dump(description, description.files.front()))
      files.push_back(source("dump", part));
    auto session = Session::open(files);
    EXPECT_TRUE(session) << session.error().message();
    Answer answer;
    Notes notes;
    const panicroom::Table& table = *panicroom::find_table(name);
    const auto made = (*session)->rows(
        table, {},
        [&](std::span<const Value> values) {
          auto& row = answer.rows.emplace_back();
          for (std::size_t i = 0; i < values.size(); ++i)
            row[std::string(table.columns()[i].name)] = values[i];
          return answer.rows.size() < 100000;
        },
        notes);
    answer.failed = !made;
    if (!made) answer.notes += made.error().message() + "\n";
    for (const panicroom::Note& note : notes.take()) answer.notes += note.text + "\n";
    return answer;
  }
  /// The table says `words` and has `rows` rows.
  void expect(const std::string& name, const std::string& words, std::size_t rows) {
    const Answer answer = ask(name);
    EXPECT_NE(answer.notes.find(words), std::string::npos) << name << " says:\n" << answer.notes;
    EXPECT_EQ(answer.rows.size(), rows) << name;
    EXPECT_FALSE(answer.failed) << name;
  }
  void expect_error(const std::string& name, const std::string& words) {
    const Answer answer = ask(name);
    EXPECT_TRUE(answer.failed) << name;
    EXPECT_NE(answer.notes.find(words), std::string::npos) << name << " says:\n" << answer.notes;
    EXPECT_EQ(answer.rows.size(), 0U) << name;
  }

  Description description;
  KernelLayout layout;
};

constexpr std::uint64_t nowhere = 0xfffffe0012345000;

TEST_P(FreeBsdMachineInDoubt, ListsThatAreCycles) {
  const auto last_to_first = [&](const auto& objects, const std::string& structure,
                                 const std::string& path) {
    set(place(objects.back().address, structure, path), objects.front().address);
  };
  last_to_first(machine().modules, "linker_file", "link");
  last_to_first(machine().mounts, "mount", "mnt_list");
  last_to_first(machine().swaps, "swdevt", "sw_list");
  expect("modules", "the list of modules is a cycle", machine().modules.size());
  expect("mounts", "the list of mounts is a cycle", machine().mounts.size());
  expect("swap", "the list of swap areas is a cycle", machine().swaps.size());
}

TEST_P(FreeBsdMachineInDoubt, ListsThatBreakOff) {
  set(place(machine().modules[1].address, "linker_file", "link"), nowhere);
  set(place(machine().mounts[2].address, "mount", "mnt_list"), nowhere);
  set(place(machine().swaps[0].address, "swdevt", "sw_list"), nowhere);
  expect("modules", "the list of modules breaks off", 2);
  expect("mounts", "the list of mounts breaks off", 3);
  expect("swap", "the list of swap areas breaks off", 1);
}

TEST_P(FreeBsdMachineInDoubt, SymbolsOfModulesThatCannotBe) {
  const MachineText::Module& zfs = machine().modules[1];
  set(place(zfs.address, "elf_file", "ddbsymcnt"), ~0ULL);
  Answer answer = ask("frames");
  EXPECT_NE(answer.notes.find("the symbols of the module zfs.ko"), std::string::npos)
      << answer.notes;
  // Names that begin beyond their table are left out.
  set(place(zfs.address, "elf_file", "ddbsymcnt"), zfs.symbols.size() + 2);
  set(place(zfs.address, "elf_file", "ddbstrcnt"), 11);
  answer = ask("frames");
  for (const auto& row : answer.rows) EXPECT_NE(row.at("symbol"), text("zfs_open"));
  // A module that claims all memory does not take the kernel's names.
  set(place(zfs.address, "linker_file", "address"), 0);
  set(place(zfs.address, "linker_file", "size"), ~0ULL);
  answer = ask("frames");
  EXPECT_EQ(answer.rows.at(0).at("symbol"), text("panic"));
}

TEST_P(FreeBsdMachineInDoubt, ZonesOfEachOther) {
  // The second zone's list goes on with its first again.
  const MachineText::Zone& primary = machine().zones[1];
  const MachineText::Zone& secondary = machine().zones[2];
  set(place(secondary.address, "uma_zone", "uz_link"), primary.address);
  const Answer answer = ask("slabs");
  EXPECT_NE(answer.notes.find("a keg's list of zones is a cycle"), std::string::npos);
  EXPECT_LE(answer.rows.size(), machine().zones.size() + 9);
  EXPECT_EQ(answer.rows.back().at("name"), text(machine().zones.back().name));
}

TEST_P(FreeBsdMachineInDoubt, CountsAtTheirExtremes) {
  for (const std::uint64_t count : {0xffffffffULL, 0x7fffffffULL, 4096ULL}) {
    const std::uint64_t was = get(symbol("mp_maxid")) & 0xffffffffU;
    set(symbol("mp_maxid"), count, 4);
    expect_error("cpus", "mp_maxid");
    expect_error("slabs", "mp_maxid");
    EXPECT_NE(ask("load").notes.find("mp_maxid"), std::string::npos);
    EXPECT_EQ(ask("load").rows.at(0).at("runnable"), null);
    EXPECT_NE(ask("sysctl").notes.find("mp_maxid"), std::string::npos);
    set(symbol("mp_maxid"), was, 4);
  }
  for (const std::uint64_t count : {0xffffffffULL, 65ULL}) {
    set(symbol("vm_ndomains"), count, 4);
    expect_error("zones", "vm_ndomains");
    expect_error("slabs", "vm_ndomains");
    expect("memory", "vm_ndomains", 10);
  }
  set(symbol("buf_domains"), 0x80000000, 4);
  expect("memory", "buf_domains", 10);
  for (const std::uint64_t bytes : {~0ULL, 1ULL << 40U, 0ULL}) {
    set(symbol("sintrnames"), bytes);
    expect_error("interrupts", "bytes of names");
  }
  set(symbol("sintrcnt"), ~0ULL);
  expect_error("interrupts", "bytes of names");
  for (const std::uint64_t count : {0xffffffffULL, 0x7fffffffULL}) {
    set(place(machine().modules[2].address, "linker_file", "ndeps"), count, 4);
    expect("modules", "which modules a module needs: it says", machine().modules.size());
  }
  set(place(symbol("averunnable"), "loadavg", "fscale"), 0);
  const Answer load = ask("load");
  EXPECT_NE(load.notes.find("in units of 1/0"), std::string::npos);
  EXPECT_EQ(load.rows.at(0).at("load1"), null);
}

TEST_P(FreeBsdMachineInDoubt, HandlersOfInterruptsThatAreACycle) {
  const std::uint64_t event = machine().interrupts[1].address;
  const std::uint64_t first = get(place(event, "intr_event", "ie_handlers"));
  set(place(first, "intr_handler", "ih_next"), first);
  expect("interrupts", "an interrupt's list of handlers is a cycle", machine().interrupts.size());
  set(place(event, "intr_event", "ie_list"), machine().interrupts[0].address);
  expect("interrupts", "the list of interrupts is a cycle", machine().interrupts.size());
}

/// A line's handlers are told once, however many counters claim to be the line's.
TEST_P(FreeBsdMachineInDoubt, CountersOfTheSameLine) {
  const std::uint64_t names = get(symbol("intrnames"));
  constexpr std::uint64_t row = 20;  // MAXCOMLEN + 1
  const std::string name = "irq16: ehci0 uhci0+";
  for (std::uint64_t i = 0; i < machine().interrupts.size(); ++i)
    for (std::uint64_t at = 0; at < name.size(); ++at)
      set(names + i * row + at, static_cast<unsigned char>(name[static_cast<std::size_t>(at)]), 1);
  const Answer answer = ask("interrupts");
  ASSERT_EQ(answer.rows.size(), machine().interrupts.size());
  EXPECT_EQ(answer.rows[0].at("handlers"), text("ehci0, uhci0, uhci3"));
  for (std::size_t i = 1; i < answer.rows.size(); ++i)
    EXPECT_EQ(answer.rows[i].at("handlers"), null);
  EXPECT_NE(answer.notes.find("line 16 has several counters"), std::string::npos) << answer.notes;
}

/// Which event is line 0's and which software's, flags alone tell.
TEST_P(FreeBsdMachineInDoubt, Line0WithoutFlagsOfEvents) {
  if (has("intr_event", "ie_flags")) return;
  const std::string name = "irq0: attimer0";
  for (std::uint64_t at = 0; at < name.size(); ++at)
    set(get(symbol("intrnames")) + at,
        static_cast<unsigned char>(name[static_cast<std::size_t>(at)]), 1);
  const Answer answer = ask("interrupts");
  EXPECT_EQ(answer.rows.at(0).at("number"), foundry::integer(0));
  EXPECT_EQ(answer.rows.at(0).at("handlers"), null);
  EXPECT_NE(answer.notes.find("the handlers of line 0"), std::string::npos) << answer.notes;
}

/// A processor without a struct pcpu is none; of one whose struct pcpu is lost little is known.
TEST_P(FreeBsdMachineInDoubt, AProcessorThatIsAbsent) {
  set(symbol("cpuid_to_pcpu") + 8, 0);
  const Answer answer = ask("cpus");
  ASSERT_EQ(answer.rows.size(), 1U);
  EXPECT_EQ(answer.rows[0].at("thread"), text("idle: cpu0"));
  set(symbol("cpuid_to_pcpu") + 8, nowhere);
  const Answer lost = ask("cpus");
  ASSERT_FALSE(lost.notes.empty());
  if (lost.rows.size() == 2) {
    EXPECT_EQ(lost.rows[1].at("tid"), null);
    EXPECT_EQ(lost.rows[1].at("crashed"), null);
  }
}

/// What each processor has a share of is not known where one's share is not to be found.
TEST_P(FreeBsdMachineInDoubt, SharesOfAProcessorThatIsLost) {
  set(symbol("cpuid_to_pcpu") + 8, nowhere);
  const bool needs_pcpu = has("pcpu", "pc_zpcpu_offset");
  const auto bytes_of = [](const Answer& answer, const char* name) {
    for (const auto& row : answer.rows)
      if (row.at("name") == text(name)) return row.at("bytes");
    return Value(std::string("no such row"));
  };
  const Answer memory = ask("memory");
  EXPECT_EQ(bytes_of(memory, "v_wire_count"),
            needs_pcpu ? null : Value(machine().memory.wired * description.image.page));
  EXPECT_EQ(memory.notes.find("processor 1") != std::string::npos, needs_pcpu) << memory.notes;
  const Answer slabs = ask("slabs");
  for (const auto& row : slabs.rows)
    if (layout.find("uma_zone", "uz_allocs")->kind == "pointer") {
      EXPECT_EQ(row.at("in_use"), null);
    }
}

/// Where threads have to be counted one by one, a list that breaks off leaves their number unknown.
TEST_P(FreeBsdMachineInDoubt, ThreadsThatCannotBeCounted) {
  for (const foundry::Symbol& one : description.image.symbols)
    if (one.name == "nthreads") return;
  const auto& thread = description.processes.front().threads.front();
  set(place(thread.address, "thread", "td_plist"), nowhere);
  const Answer answer = ask("load");
  EXPECT_EQ(answer.rows.at(0).at("threads"), null);
  EXPECT_NE(answer.notes.find("list of threads breaks off"), std::string::npos) << answer.notes;
}

TEST_P(FreeBsdMachineInDoubt, VariablesThatAreTheirOwnChildren) {
  // A number becomes a node whose children begin with the root's first.
  const MachineText::Variable& number = machine().variables[2];
  ASSERT_EQ(number.name, "kern.maxproc");
  set(place(number.address, "sysctl_oid", "oid_kind"), 0xc0000001, 4);
  set(place(number.address, "sysctl_oid", "oid_children"), get(symbol("sysctl__children")));
  set(place(number.address, "sysctl_oid", "oid_handler"), 0);
  const Answer answer = ask("sysctl");
  EXPECT_NE(answer.notes.find("in the tree twice"), std::string::npos) << answer.notes;
  // The others are there, but for those that the node took for its own.
  EXPECT_GE(answer.rows.size(), 3U);
  EXPECT_LE(answer.rows.size(), machine().variables.size());
}

TEST_P(FreeBsdMachineInDoubt, ChildrenThatLeadBackToThemselves) {
  const std::uint64_t first = machine().variables[0].address;
  if (has("sysctl_oid", "oid_link.sle_next")) {
    set(place(first, "sysctl_oid", "oid_link.sle_next"), first);
    const Answer answer = ask("sysctl");
    EXPECT_NE(answer.notes.find("a list of sysctl variables is a cycle"), std::string::npos)
        << answer.notes;
    EXPECT_EQ(answer.rows.back().at("name"), text("net.inet.tcp.mssdflt"));
    return;
  }
  const std::uint64_t links = place(first, "sysctl_oid", "oid_link.rbe_link");
  set(links + 8, first);  // its own left child
  Answer answer = ask("sysctl");
  EXPECT_NE(answer.notes.find("is too tall"), std::string::npos) << answer.notes;
  EXPECT_EQ(answer.rows.back().at("name"), text("net.inet.tcp.mssdflt"));
  set(links + 8, 0), set(links + 16, first);  // its own right child
  answer = ask("sysctl");
  EXPECT_NE(answer.notes.find("in the tree twice"), std::string::npos) << answer.notes;
  EXPECT_EQ(answer.rows.back().at("name"), text("net.inet.tcp.mssdflt"));
}

TEST_P(FreeBsdMachineInDoubt, ValuesThatCannotBe) {
  for (MachineText::Variable& variable : machine().variables) {
    if (variable.name == "vm.sizes") set(place(variable.address, "sysctl_oid", "oid_arg2"), ~0ULL);
    if (variable.name == "kern.maxproc")
      set(place(variable.address, "sysctl_oid", "oid_arg1"), nowhere);
    if (variable.name == "vm.faults")
      set(get(place(variable.address, "sysctl_oid", "oid_arg1")), nowhere);
  }
  const Answer answer = ask("sysctl");
  EXPECT_NE(answer.notes.find("18446744073709551615 bytes of numbers"), std::string::npos);
  EXPECT_NE(answer.notes.find("a sysctl variable's value"), std::string::npos);
  std::size_t unknown = 0;
  for (const auto& row : answer.rows)
    for (const char* name : {"vm.sizes", "kern.maxproc", "vm.faults"})
      if (row.at("name") == text(name)) {
        EXPECT_EQ(row.at("value"), null) << name;
        ++unknown;
      }
  EXPECT_EQ(unknown, 3U);
}

/// A counter of a zone that leads nowhere costs that zone's numbers.
TEST_P(FreeBsdMachineInDoubt, AZoneThatCannotBeCounted) {
  const MachineText::Zone& zone = machine().zones[1];
  if (layout.find("uma_zone", "uz_allocs")->kind == "pointer")
    set(place(zone.address, "uma_zone", "uz_allocs"), nowhere);
  else
    set(place(zone.address, "uma_zone", "uz_cpu"), nowhere);  // its first bucket
  const Answer answer = ask("slabs");
  ASSERT_EQ(answer.rows.size(), machine().zones.size());
  EXPECT_EQ(answer.rows[1].at("name"), text("mbuf"));
  EXPECT_EQ(answer.rows[1].at("objects"), null);
  EXPECT_NE(answer.notes.find("how much of a zone is"), std::string::npos) << answer.notes;
  EXPECT_NE(answer.rows[3].at("objects"), null);
}

/// As many processors as there can be, and each variable a counter of all of them: only so many
/// are added up.
TEST_P(FreeBsdMachineInDoubt, CountersOfProcessorsThatThereAreNot) {
  set(symbol("mp_maxid"), 4095, 4);
  const Answer answer = ask("sysctl");
  EXPECT_FALSE(answer.failed);
  EXPECT_EQ(answer.rows.back().at("name"), text("net.inet.tcp.mssdflt"));
  EXPECT_FALSE(ask("slabs").failed);
  EXPECT_FALSE(ask("cpus").failed);
}

INSTANTIATE_TEST_SUITE_P(Descriptions, FreeBsdMachineInDoubt,
                         testing::Values("12-machine", "13-0-machine", "14-current-machine",
                                         "15-0-machine", "invented-machine"),
                         [](const auto& named) { return foundry::test_name(named.param); });

}  // namespace
