#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "native/cli/command_line.h"
#include "native/cli/request.h"
#include "native/cli/sql_shell.h"
#include "tests/foundry/description.h"
#include "tests/foundry/worlds.h"
#include "tests/source_folder.h"
#include "tests/unit/btf_blob.h"
#include "tests/unit/cfi_blob.h"
#include "tests/unit/dwarf_blob.h"

namespace panicroom {
namespace {

/// A world of files in memory, a terminal of any width, and everything that was printed.
class FakeHost final : public Host {
 public:
  Result<SourcePtr> open(const std::string& path) override {
    if (path == "exhausting") throw std::bad_alloc();
    const auto found = files.find(path);
    if (found == files.end()) return fail(ErrorCode::io, "no such file");
    const auto* bytes = reinterpret_cast<const std::byte*>(found->second.data());
    return memory_source(path, {bytes, bytes + found->second.size()});
  }
  bool exists(const std::string& path) const override {
    return files.contains(path) || path == "exhausting";
  }
  Result<void> write_file(const std::string& path, Bytes bytes) override {
    if (path.starts_with("/")) return fail(ErrorCode::io, "no such folder");
    const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
    files[path].assign(begin, begin + bytes.size());
    return {};
  }
  bool out(std::string_view text) override {
    printed += text;
    is_interrupted = is_interrupted || interrupted_by_printing;
    return true;
  }
  void err(std::string_view text) override { complained += text; }
  std::optional<std::string> line(const Prompt& prompt) override {
    prompts += prompt.text;
    if (lines.empty()) return std::nullopt;
    const std::string line = lines.front();
    lines.erase(lines.begin());
    return line;
  }
  bool interactive() const override { return is_interactive; }
  bool interrupted() const override { return is_interrupted; }
  std::size_t out_columns() const override { return columns; }
  std::optional<std::string> environment(std::string_view name) const override {
    if (name == "NO_COLOR" && no_colour) return "1";
    return std::nullopt;
  }

  std::map<std::string, foundry::Blob> files;
  std::string printed, complained, prompts;
  std::vector<std::string> lines;
  bool is_interactive = false, is_interrupted = false, interrupted_by_printing = false;
  std::size_t columns = 0;
  bool no_colour = false;
};

class CommandLine : public testing::Test {
 protected:
  CommandLine() {
    const auto description = foundry::read_description(
        std::string(source_folder) + "/tests/foundry/descriptions/freebsd-amd64.txt");
    for (const auto& file : description.files)
      if (file.name == "amd64-v3") host.files["vmcore"] = foundry::make_dump(description, file)[0];
    host.files["kernel"] = foundry::kernel_file(description.image);
    foundry::Image program = description.image;
    program.symbols = {{"main", 0xffffffff80201000, 0x10, 'T'}};
    host.files["program"] = foundry::kernel_file(program);
    host.files["words.txt"] = {'h', 'e', 'l', 'l', 'o', '\n'};
    host.files["empty"] = {};
  }
  int run(const std::vector<std::string>& words) {
    host.printed.clear(), host.complained.clear();
    return run_command_line(words, host);
  }
  bool printed(std::string_view text) const { return host.printed.find(text) != std::string::npos; }
  bool complained(std::string_view text) const {
    return host.complained.find(text) != std::string::npos;
  }

  FakeHost host;
};

TEST_F(CommandLine, AWordThatIsNoCommandIsADump) {
  EXPECT_EQ(run({"vmcore", "kernel"}), 0) << host.complained;
  EXPECT_TRUE(printed("page fault"));
  EXPECT_TRUE(printed("kern_reboot+0x10"));
}

TEST_F(CommandLine, FilesComeInAnyOrder) {
  EXPECT_EQ(run({"ps", "kernel", "vmcore"}), 0) << host.complained;
  EXPECT_TRUE(printed("init"));
}

TEST_F(CommandLine, SaysWhenMemoryIsExhausted) {
  EXPECT_EQ(run({"ps", "exhausting"}), 1);
  EXPECT_TRUE(complained("more memory than there is"));
}

TEST_F(CommandLine, TheBsdWay) {
  EXPECT_EQ(run({"-M", "vmcore", "-N", "kernel", "ps"}), 0) << host.complained;
  const std::string before = host.printed;
  EXPECT_EQ(run({"ps", "-N", "kernel", "-M", "vmcore"}), 0) << host.complained;
  EXPECT_EQ(host.printed, before);
  EXPECT_EQ(run({"ps", "vmcore", "kernel"}), 0);
  EXPECT_EQ(host.printed, before);
}

TEST_F(CommandLine, AliasesAreTheSameCommand) {
  for (const auto& [alias, name] : std::map<std::string, std::string>{
           {"dmesg", "log"}, {"nlist", "symbols"}, {"bt", "stack"}}) {
    EXPECT_EQ(run({alias, "vmcore", "kernel"}), 0) << alias << host.complained;
    const std::string before = host.printed;
    EXPECT_EQ(run({name, "vmcore", "kernel"}), 0);
    EXPECT_EQ(host.printed, before);
  }
}

TEST_F(CommandLine, DiffOfADumpWithItselfIsEmpty) {
  EXPECT_EQ(run({"diff", "vmcore,kernel", "vmcore,kernel", "--csv"}), 0) << host.complained;
  EXPECT_EQ(host.printed, "table,row,change,column,before,after\r\n");
}

TEST_F(CommandLine, DiffTellsWhatCannotBeCompared) {
  EXPECT_EQ(run({"diff", "vmcore,kernel"}), 2);
  EXPECT_EQ(run({"diff", "vmcore,kernel", "vmcore,kernel", "log"}), 2);
  EXPECT_TRUE(complained("\"log\" is no table that can be compared"));
  EXPECT_EQ(run({"diff", "vmcore,nothing", "vmcore,kernel"}), 1);
  EXPECT_TRUE(complained("nothing: "));
  EXPECT_EQ(run({"diff", "vmcore,kernel", "vmcore,\x1b"}), 1);
  EXPECT_EQ(run({"diff", "vmcore,kernel", "vmcore,"}), 2);
  EXPECT_TRUE(
      complained("\"vmcore,\" names no file beside a comma: diff expects DUMP or DUMP,KERNEL"));
}

TEST_F(CommandLine, SymbolsByName) {
  EXPECT_EQ(run({"symbols", "panic", "mi_switch", "vmcore", "kernel", "--csv"}), 0)
      << host.complained;
  EXPECT_TRUE(printed("panic,0xffffffff80201000,512,T,\r\n"));
  EXPECT_TRUE(printed("mi_switch,0xffffffff80203000,128,T,\r\n"));
  EXPECT_EQ(run({"symbols", "nothing_like_it", "vmcore", "kernel"}), 1);
  EXPECT_TRUE(complained("nothing_like_it"));
}

TEST_F(CommandLine, ReadsBytesAndSaysWhatIsMissing) {
  // The description's pattern: each 8 bytes hold their own physical address.
  EXPECT_EQ(run({"read", "0xfffff80000500010", "16", "vmcore", "--csv"}), 0) << host.complained;
  EXPECT_TRUE(printed("0xfffff80000500010,16,10005000000000001800500000000000,"));
  // 0x580000 to 0x584000 are left out of the dump.
  EXPECT_EQ(run({"read", "0xfffff80000583ff8", "16", "vmcore", "--json"}), 1);
  EXPECT_TRUE(printed("\"address\": \"0xfffff80000583ff8\", \"length\": 8, \"bytes\": null"));
  EXPECT_TRUE(printed("\"address\": \"0xfffff80000584000\", \"length\": 8, \"bytes\": \"0000"));
  EXPECT_TRUE(printed("\"code\": \"not_in_dump\""));
}

TEST_F(CommandLine, ReadsOfAnyLengthEnd) {
  for (const auto& [form, length] :
       {std::pair("--json", "0x1000000000000000"), std::pair("--csv", "0xffffffffffffffff")}) {
    EXPECT_EQ(run({"read", "--physical", "1", length, "vmcore", "kernel", form}), 1);
    EXPECT_TRUE(printed("not looked at: 4 GiB before these bytes cannot be read"));
  }
  EXPECT_EQ(run({"read", "--physical", "0", "0xffffffffffffffff", "vmcore", "kernel", "--raw"}), 1);
  EXPECT_EQ(run({"read", "--physical", "2", "0xffffffffffffffff", "vmcore", "kernel"}), 2);
}

TEST_F(CommandLine, EveryCommandTellsTheSameOfThePageInWhichTheFileEnds) {
  foundry::Blob& file = host.files["vmcore"];
  file.resize(file.size() - 5);
  EXPECT_EQ(run({"ranges", "vmcore", "kernel", "--csv"}), 0) << host.complained;
  const std::size_t row =
      host.printed.rfind('\n', host.printed.find(",4096,missing,truncated")) + 1;
  ASSERT_NE(row, 0U) << host.printed;
  const std::uint64_t page = std::stoull(host.printed.substr(row), nullptr, 16);
  const auto at = [&](std::uint64_t in_page) { return fmt::format("{:#x}", page + in_page); };

  EXPECT_EQ(run({"read", "--physical", at(0), "4096", "vmcore", "kernel", "--csv"}), 1);
  EXPECT_TRUE(printed(at(0xff0) + ",11,")) << host.printed;
  EXPECT_TRUE(printed(at(0xffb) + ",5,,,")) << host.printed;
  EXPECT_EQ(run({"read", "--physical", at(0), "4096", "vmcore", "kernel", "--raw"}), 1);
  EXPECT_EQ(host.printed.size(), 4091U);
  EXPECT_EQ(run({"translate", "--physical", at(0xffa), "vmcore", "kernel"}), 0);
  EXPECT_EQ(run({"translate", "--physical", at(0xffb), "vmcore", "kernel"}), 1);
  EXPECT_EQ(run({"verify", "vmcore", "kernel", "--csv"}), 1);
  EXPECT_TRUE(printed(",0,,4096\r\n")) << host.printed;
}

TEST_F(CommandLine, ReadsAtSymbolAndOffset) {
  EXPECT_EQ(run({"read", "proc_off_p_pid", "4", "vmcore", "kernel", "--csv"}), 0)
      << host.complained;
  EXPECT_TRUE(printed(",4,24000000,"));
  EXPECT_EQ(run({"read", "proc_off_p_pid+0", "0x4", "vmcore", "kernel", "--csv"}), 0);
  EXPECT_TRUE(printed(",4,24000000,"));
  EXPECT_EQ(run({"read", "no_such+4", "4", "vmcore", "kernel"}), 1);
  EXPECT_TRUE(complained("no symbol \"no_such\""));
}

TEST_F(CommandLine, RawBytesNeverReachATerminal) {
  EXPECT_EQ(run({"read", "--raw", "0xfffff80000500010", "8", "vmcore"}), 0);
  EXPECT_EQ(host.printed, std::string("\x10\x00\x50\x00\x00\x00\x00\x00", 8));
  host.columns = 80;
  EXPECT_EQ(run({"read", "--raw", "0xfffff80000500010", "8", "vmcore"}), 2);
  EXPECT_EQ(host.printed, "");
}

TEST_F(CommandLine, VerifyReadsEveryPageThatTheDumpHolds) {
  EXPECT_EQ(run({"verify", "vmcore", "--json"}), 0) << host.complained;
  // 0x1000 to 0x9f000 and 0x100000 to 0x700000, less the 4 pages that the description leaves out.
  EXPECT_TRUE(
      printed("{\"pages\": 1690, \"bytes\": 6922240, \"damaged\": 0, \"first_damaged\": null, "
              "\"missing\": 0}"))
      << host.printed;
}

TEST_F(CommandLine, TranslateEndsInTheFile) {
  EXPECT_EQ(run({"translate", "0xffffffff80400123", "vmcore", "--json"}), 0) << host.complained;
  EXPECT_TRUE(printed("physical address 0x400123"));
  const auto at = host.printed.find("stored as it is, at file offset 0x");
  ASSERT_NE(at, std::string::npos);
  const auto offset = std::stoull(host.printed.substr(at + 34), nullptr, 16);
  EXPECT_EQ(offset % 4096, 0x123U);
  EXPECT_EQ(run({"translate", "0x1000", "vmcore"}), 1);
  EXPECT_TRUE(complained("panicroom: vmcore: "));
}

TEST_F(CommandLine, ColoursOnlyATerminalThatWantsThem) {
  run({"ps", "vmcore", "kernel"});
  EXPECT_EQ(host.printed.find('\x1b'), std::string::npos);
  host.columns = 80;
  run({"ps", "vmcore", "kernel"});
  EXPECT_NE(host.printed.find('\x1b'), std::string::npos);
  host.no_colour = true;
  run({"ps", "vmcore", "kernel"});
  EXPECT_EQ(host.printed.find('\x1b'), std::string::npos);
}

TEST_F(CommandLine, ColumnsAreThoseAskedFor) {
  EXPECT_EQ(run({"ps", "--columns", "name,pid", "vmcore", "kernel", "--csv"}), 0);
  EXPECT_EQ(host.printed.substr(0, host.printed.find("\r\n")), "name,pid");
  EXPECT_TRUE(printed("\r\ninit,1\r\n")) << host.printed;
  EXPECT_EQ(run({"ps", "vmcore", "kernel"}), 0);
  EXPECT_FALSE(printed("ARGUMENTS"));
  EXPECT_EQ(run({"ps", "--columns", "all", "vmcore", "kernel"}), 0);
  EXPECT_TRUE(printed("ARGUMENTS"));
  EXPECT_EQ(run({"ps", "--columns", "nam", "vmcore", "kernel"}), 2);
  EXPECT_TRUE(complained("did you mean name?"));
  EXPECT_EQ(run({"files", "vmcore", "kernel"}), 1);
  EXPECT_TRUE(complained("open files are not known: the kernel file has no types"));
}

TEST_F(CommandLine, TheLogsEscapesAreVisible) {
  host.columns = 200;
  host.no_colour = true;
  EXPECT_EQ(run({"log", "vmcore", "kernel"}), 0);
  EXPECT_TRUE(printed("caf\xc3\xa9 \\x1b[31m not red"));
}

TEST_F(CommandLine, ErrorsNameTheFileAndTheCause) {
  EXPECT_EQ(run({"ps", "missing"}), 1);
  EXPECT_EQ(host.complained, "panicroom: missing: no such file\n");
  EXPECT_EQ(run({"ps", "words.txt"}), 1);
  EXPECT_TRUE(complained("panicroom: words.txt: "));
  EXPECT_EQ(run({"ps", "empty"}), 1);
  EXPECT_TRUE(complained("panicroom: empty: "));
  EXPECT_EQ(run({"ps", "kernel"}), 1);
  EXPECT_TRUE(complained("kernel file, not a dump"));
  EXPECT_EQ(run({"ps", "vmcore"}), 1);
  EXPECT_TRUE(complained("panicroom: vmcore: "));
  EXPECT_TRUE(complained("kernel file"));
}

TEST_F(CommandLine, UsageErrorsEndWithTwo) {
  EXPECT_EQ(run({}), 2);
  EXPECT_EQ(run({"ps"}), 2);
  EXPECT_EQ(run({"ps", "--nonsense", "vmcore"}), 2);
  EXPECT_EQ(run({"read", "0x10", "vmcore"}), 2);
  EXPECT_EQ(run({"read", "0x10", "many", "vmcore"}), 2);
  EXPECT_EQ(run({"pss", "vmcore"}), 2);
  EXPECT_TRUE(complained("\"pss\" is neither a command nor a file"));
  EXPECT_EQ(run({"table", "nonsense", "vmcore", "kernel"}), 2);
  EXPECT_EQ(run({"formats", "vmcore"}), 2);
  EXPECT_EQ(run({"completion", "tcsh"}), 2);
  EXPECT_EQ(host.printed, "");
}

TEST_F(CommandLine, OptionsThatContradictEachOtherAreRefused) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"ps", "--json", "--csv", "vmcore"},
        {"read", "--raw", "--json", "0x10", "4", "vmcore"},
        {"read", "--physical", "--pid", "1", "0x10", "4", "vmcore"},
        {"table", "log", "--pid", "1", "vmcore", "kernel"},
        {"table", "dump", "--crashed", "vmcore", "kernel"},
        {"table", "processes", "--tid", "1", "vmcore", "kernel"}}) {
    EXPECT_EQ(run(words), 2) << words[0] << words[1];
    EXPECT_EQ(host.printed, "") << words[0] << words[1];
  }
}

TEST_F(CommandLine, UsageErrorsSayWhatIsMissingAndWhatWasMeant) {
  EXPECT_EQ(run({"read", "panic", "vmcore"}), 2);
  EXPECT_TRUE(complained("read expects ADDRESS LENGTH DUMP")) << host.complained;
  EXPECT_EQ(run({"translate", "vmcore"}), 2);
  EXPECT_TRUE(complained("translate expects ADDRESS... DUMP")) << host.complained;
  EXPECT_EQ(run({"stack", "144", "vmcore"}), 2);
  EXPECT_TRUE(complained("--pid")) << host.complained;
  EXPECT_EQ(run({"vmcore", "ps"}), 2);
  EXPECT_TRUE(complained("the command comes before the files")) << host.complained;
  EXPECT_EQ(run({"psx"}), 2);
  EXPECT_TRUE(complained("did you mean ps?")) << host.complained;
  EXPECT_EQ(run({"ps", "--jsn", "vmcore"}), 2);
  EXPECT_TRUE(complained("did you mean --json?")) << host.complained;
  EXPECT_EQ(run({"table", "lgo", "vmcore", "kernel"}), 2);
  EXPECT_TRUE(complained("did you mean log?")) << host.complained;
  EXPECT_EQ(run({"ps", "--pid", "abc", "vmcore"}), 2);
  EXPECT_TRUE(complained("--pid expects a number, not \"abc\"")) << host.complained;
  EXPECT_EQ(run({"ps", "vmcore", "--pid"}), 2);
  EXPECT_TRUE(complained("--pid expects")) << host.complained;
}

TEST_F(CommandLine, TheFileThatIsNoDumpIsNamed) {
  EXPECT_EQ(run({"info", "vmcore", "words.txt"}), 1);
  EXPECT_TRUE(complained("panicroom: words.txt: ")) << host.complained;
}

TEST_F(CommandLine, SaysOnWhichThreadTheKernelDiedInstead) {
  for (const char* command : {"threads", "stack"}) {
    EXPECT_EQ(run({command, "--crashed", "--pid", "1", "vmcore", "kernel"}), 1);
    EXPECT_TRUE(complained("thread 100101 of process 812")) << host.complained;
  }
}

TEST_F(CommandLine, SymbolsByPatternAndByAddress) {
  EXPECT_EQ(run({"symbols", "*panic", "vmcore", "kernel", "--csv"}), 0) << host.complained;
  EXPECT_TRUE(printed("\npanic,0x")) << host.printed;
  EXPECT_TRUE(printed("\nvpanic,0x")) << host.printed;
  for (const char* address : {"0xffffffff80201010", "ffffffff80201010", "panic+0x10"}) {
    EXPECT_EQ(run({"symbols", address, "vmcore", "kernel", "--csv"}), 0) << host.complained;
    EXPECT_EQ(host.printed, "name,address,size,type,module\r\npanic,0xffffffff80201000,512,T,\r\n");
  }
  EXPECT_EQ(run({"symbols", "0x10", "vmcore", "kernel"}), 1);
}

TEST_F(CommandLine, AddressesAsAnOopsPrintsThem) {
  EXPECT_EQ(run({"read", "fffff80000500010", "16", "vmcore", "--csv"}), 0) << host.complained;
  EXPECT_TRUE(printed("0xfffff80000500010,16,10005000000000001800500000000000,"));
}

TEST_F(CommandLine, NarrowTerminalsShowEightBytesALine) {
  host.columns = 60;
  EXPECT_EQ(run({"read", "0xfffff80000500010", "16", "vmcore"}), 0) << host.complained;
  EXPECT_TRUE(printed("0xfffff80000500010  10 00 50 00 00 00 00 00  |..P.....|\n"));
}

TEST_F(CommandLine, EveryCommandHasHelpWithAnExample) {
  for (const CommandInfo& command : commands()) {
    EXPECT_EQ(run({std::string(command.name), "--help"}), 0) << command.name;
    EXPECT_TRUE(printed("Example:")) << command.name;
    EXPECT_TRUE(printed(command.example)) << command.name;
  }
  EXPECT_EQ(run({"help", "ps"}), 0);
  EXPECT_TRUE(printed("Usage: panicroom ps"));
  EXPECT_EQ(run({"--help"}), 0);
  for (const CommandInfo& command : commands()) EXPECT_TRUE(printed(command.name)) << command.name;
}

/// A Linux kernel whose structures lie as tests/foundry/linux_world.cc says.
class LinuxCommandLine : public CommandLine {
 protected:
  LinuxCommandLine() {
    const auto description = foundry::read_description(
        std::string(source_folder) + "/tests/foundry/descriptions/linux-x86_64.txt");
    for (const auto& file : description.files)
      if (file.name == "linux-elf")
        host.files["linux"] = foundry::make_dump(description, file)[0];
      else if (file.name == "linux-elf-qemu")
        host.files["qemu"] = foundry::make_dump(description, file)[0];
    run_queues = description.run_queues;
    root = fmt::format("{:#x}", description.image.root);
  }
  std::string root;                                  ///< the first page table
  std::map<std::int64_t, std::uint64_t> run_queues;  ///< by processor
};

TEST_F(LinuxCommandLine, TranslatesByStatedPageTables) {
  // The description maps 0xffff8c0000000000 to physical memory as a whole, in pages of 2 MiB.
  const std::string place = "\"entry_address\": \"0x312345\"";
  for (const std::vector<std::string>& how :
       {std::vector<std::string>{"--root", root, "--paging", "four-level"},
        {"--root", "cr3"},
        {"--root", "cr3:1"},
        {"--root=cr3", "--paging=four-level"}}) {
    std::vector<std::string> words = {"translate", "0xffff8c0000312345", "qemu", "--json"};
    words.insert(words.end(), how.begin(), how.end());
    EXPECT_EQ(run(words), 0) << host.complained;
    EXPECT_TRUE(printed(place)) << host.printed;
    EXPECT_TRUE(printed("physical address 0x312345 (rwx, kernel)")) << host.printed;
  }
  EXPECT_EQ(run({"read", "0xffff8c0000300010", "8", "linux", "--root", root, "--paging",
                 "four-level", "--csv"}),
            0)
      << host.complained;
  EXPECT_TRUE(printed(",8,1000300000000000,")) << host.printed;  // the description's pattern
  EXPECT_EQ(run({"translate", "0xffff8c0000312345", "qemu", "--root", root, "--paging", "pae"}), 1);
  EXPECT_TRUE(complained("more than 32 bits")) << host.complained;
}

TEST_F(LinuxCommandLine, PageTablesThatCannotBeMeant) {
  const std::vector<std::string> command = {"translate", "0xffff8c0000312345", "linux"};
  const auto refused = [&](const std::vector<std::string>& how, int status, std::string_view text) {
    std::vector<std::string> words = command;
    words.insert(words.end(), how.begin(), how.end());
    EXPECT_EQ(run(words), status) << text;
    EXPECT_TRUE(complained(text)) << host.complained;
  };
  refused({"--root", "0x1000"}, 1, "--paging four-level, for example");
  refused({"--root", "0x1000", "--paging", "sixlevel"}, 1, "page tables are two-level, pae");
  refused({"--root", "there", "--paging", "pae"}, 1, "--root is the physical address");
  refused({"--root", "cr3"}, 1, "which page tables processor 0 used");
  refused({"--root", "cr3:x"}, 1, "is not cr3:NUMBER");
  refused({"--paging", "pae"}, 2, "--paging requires --root");
  refused({"--root", "cr3", "--pid", "1"}, 2, "does not go with");
  refused({"--root", "cr3", "--physical"}, 2, "does not go with");
}

TEST_F(LinuxCommandLine, TranslatesSeveralAddresses) {
  EXPECT_EQ(run({"translate", "0xffff8c0000300000", "0xffff8c0000300008", "linux", "--csv"}), 0)
      << host.complained;
  EXPECT_TRUE(host.printed.starts_with("address,table,")) << host.printed;
  EXPECT_TRUE(printed("0xffff8c0000300000,physical memory,,0x300000,"));
  EXPECT_TRUE(printed("0xffff8c0000300008,physical memory,,0x300008,"));
  // One that is not mapped does not hide the other.
  EXPECT_EQ(run({"translate", "0x1000", "0xffff8c0000300008", "linux", "--csv"}), 1);
  EXPECT_TRUE(printed("\n0x1000,PML4,")) << host.printed;
  EXPECT_TRUE(printed("0xffff8c0000300008,physical memory,,0x300008,")) << host.printed;
  EXPECT_TRUE(complained("no memory is mapped here")) << host.complained;
  EXPECT_EQ(run({"translate", "0x1000", "linux", "--csv"}), 1);
  EXPECT_TRUE(host.printed.starts_with("table,")) << host.printed;
}

TEST_F(LinuxCommandLine, TypeShowsALayout) {
  EXPECT_EQ(run({"type", "struct module", "linux"}), 0) << host.complained;
  EXPECT_TRUE(printed("struct module {\n"));
  EXPECT_TRUE(printed("/*    16    16 */"));
  EXPECT_TRUE(printed("/* size: 192, members: "));
  EXPECT_TRUE(printed("from BTF in the dump"));
  EXPECT_EQ(run({"type", "struct nothing", "linux"}), 1);
  EXPECT_TRUE(complained("nothing"));
  EXPECT_EQ(run({"type", "struct module", "vmcore", "kernel"}), 1);
  EXPECT_TRUE(complained("carries neither CTF, BTF nor DWARF"));
}

TEST_F(LinuxCommandLine, AVariableOfAProcessorByEveryCommandThatTakesAName) {
  for (const auto& [cpu, queue] : run_queues) {
    const std::string at = fmt::format("{:#x}", queue), number = std::to_string(cpu);
    EXPECT_EQ(run({"symbols", "runqueues", "--cpu", number, "linux", "--csv"}), 0)
        << host.complained;
    EXPECT_TRUE(printed("runqueues," + at + ",")) << host.printed;
    EXPECT_EQ(run({"read", "runqueues", "8", "--cpu", number, "linux", "--csv"}), 0);
    EXPECT_TRUE(printed("\n" + at + ",8,")) << host.printed;
    EXPECT_EQ(run({"translate", "runqueues", "--cpu", number, "linux"}), 0) << host.complained;
    EXPECT_EQ(run({"print", "struct rq", "runqueues", "--cpu", number, "linux"}), 0);
    EXPECT_TRUE(printed("struct rq at " + at + ":\n")) << host.printed;
    EXPECT_EQ(run({"list", "struct task_struct", "tasks", "runqueues", "--cpu", number, "linux"}),
              0);
  }
  EXPECT_EQ(run({"symbols", "runqueues", "linux", "--csv"}), 0);
  EXPECT_TRUE(printed(fmt::format("runqueues,{:#x},", run_queues.at(0)))) << host.printed;
}

TEST_F(LinuxCommandLine, AProcessorThatCannotBeMeant) {
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"symbols", "runqueues", "--cpu", "9", "linux"},
        {"read", "runqueues", "8", "--cpu", "9", "linux"},
        {"print", "struct rq", "runqueues", "--cpu", "9", "linux"}}) {
    EXPECT_EQ(run(words), 1) << words[0];
    EXPECT_TRUE(complained("there is no processor 9, but 0-")) << host.complained;
  }
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"symbols", "init_task", "--cpu", "1", "linux"},
        {"symbols", "run*", "--cpu", "1", "linux"},
        {"translate", "init_task", "--cpu", "1", "linux"},
        {"print", "struct rq", "init_task", "--cpu", "1", "linux"}}) {
    EXPECT_EQ(run(words), 1) << words[0];
    EXPECT_TRUE(complained("is no variable of which each processor has its own"))
        << host.complained;
  }
  EXPECT_EQ(run({"symbols", "--cpu", "1", "linux"}), 2);
  EXPECT_EQ(run({"ps", "--cpu", "1", "linux"}), 2);
}

TEST_F(CommandLine, AnErrorComesWithTheRemarksThatMayBeItsCause) {
  constexpr std::string_view cause = "program: it has neither of the symbols allproc and kernbase";
  for (const char* command : {"sockets", "analyze", "stack", "ps"}) {
    run({command, "vmcore", "program"});
    EXPECT_TRUE(complained(cause)) << command << host.complained;
    run({command, "--json", "vmcore", "program"});
    EXPECT_TRUE(printed(cause)) << command << host.printed;
  }
  const std::vector<std::vector<std::string>> others = {
      {"type", "struct proc"},
      {"print", "struct proc", "0x1000"},
      {"list", "struct proc", "p_list", "allproc"},
      {"read", "allproc", "8"},
      {"translate", "allproc"}};
  for (std::vector<std::string> words : others) {
    words.insert(words.end(), {"vmcore", "program"});
    EXPECT_EQ(run(words), 1);
    EXPECT_TRUE(complained(cause)) << words[0] << host.complained;
    words.emplace_back("--json");
    EXPECT_EQ(run(words), 1);
    EXPECT_TRUE(printed(cause)) << words[0] << host.printed;
  }
}

TEST_F(CommandLine, ErrorsOfSqlNameTheFile) {
  EXPECT_EQ(run({"sql", "select * from sockets", "vmcore", "program"}), 1);
  EXPECT_TRUE(complained("panicroom: vmcore: ")) << host.complained;
  EXPECT_TRUE(complained("neither of the symbols allproc")) << host.complained;
}

TEST_F(CommandLine, ErrorsAreAboutTheDumpInWhateverOrderTheFilesCome) {
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"read", "nosuch", "8", "vmcore", "-N", "kernel"},
           {"read", "nosuch", "8", "kernel", "vmcore"},
           {"ps", "--pid", "77", "kernel", "vmcore"},
           {"print", "struct proc", "allproc", "kernel", "vmcore"}}) {
    EXPECT_EQ(run(words), 1);
    EXPECT_TRUE(complained("panicroom: vmcore: ")) << words[0] << host.complained;
  }
}

TEST_F(CommandLine, AKernelsOptionLeavesTheDumpAmongTheWords) {
  EXPECT_EQ(run({"symbols", "panic", "vmcore", "-N", "kernel"}), 0) << host.complained;
  EXPECT_TRUE(printed("panic"));
  EXPECT_EQ(run({"symbols", "panic", "-M", "vmcore", "-N", "kernel"}), 0) << host.complained;
  for (const std::vector<std::string>& words : std::vector<std::vector<std::string>>{
           {"print", "allproc", "vmcore", "-N", "kernel"},
           {"types", "export", "--output", "out", "vmcore", "-N", "kernel"}}) {
    EXPECT_EQ(run(words), 1);  // this kernel has no types
    EXPECT_TRUE(complained("panicroom: vmcore: ")) << words[0] << host.complained;
  }
}

TEST_F(CommandLine, AFileOfNoKnownKind) {
  EXPECT_EQ(run({"info", "vmcore", "-N", "words.txt"}), 1);
  EXPECT_TRUE(
      complained("words.txt: this is neither a kernel crash dump that this program knows "
                 "nor a kernel file"))
      << host.complained;
}

/// An ELF file of nothing but sections: (name, type, contents).
foundry::Blob sections_file(
    const std::vector<std::tuple<std::string, unsigned, foundry::Blob>>& sections) {
  foundry::Blob out = {0x7f, 'E', 'L', 'F', 2, 1, 1}, names(1);
  out.resize(64);
  foundry::put(out, 16, 2, 2), foundry::put(out, 18, 62, 2);
  std::vector<std::size_t> places, named;
  for (const auto& [name, type, contents] : sections) {
    places.push_back(out.size()), named.push_back(names.size());
    out.insert(out.end(), contents.begin(), contents.end());
    foundry::append(names, name), names.push_back(0);
  }
  const std::size_t names_at = out.size();
  out.insert(out.end(), names.begin(), names.end());
  foundry::pad_to(out, 8);
  foundry::put(out, 40, out.size(), 8), foundry::put(out, 58, 64, 2);
  foundry::put(out, 60, sections.size() + 2, 2), foundry::put(out, 62, sections.size() + 1, 2);
  const auto header = [&out](std::size_t name, unsigned type, std::size_t at, std::size_t size) {
    foundry::append(out, name, 4), foundry::append(out, type, 4), foundry::append(out, 0, 8);
    foundry::append(out, 0, 8), foundry::append(out, at, 8), foundry::append(out, size, 8);
    for (int i = 0; i < 3; ++i) foundry::append(out, 0, 8);
  };
  header(0, 0, 0, 0);
  for (std::size_t i = 0; i < sections.size(); ++i)
    header(named[i], std::get<1>(sections[i]), places[i], std::get<2>(sections[i]).size());
  header(0, 3, names_at, names.size());
  return out;
}

foundry::Blob from_hexadecimal(std::string_view hex) {
  foundry::Blob bytes;
  for (const std::byte byte : test::from_hex(hex))
    bytes.push_back(std::to_integer<std::uint8_t>(byte));
  return bytes;
}

TEST_F(CommandLine, AnInstalledDebugFileIsFoundByItsBuildId) {
  const foundry::Blob note = from_hexadecimal("040000000400000003000000474e5500abcdef01");
  const foundry::Blob link = from_hexadecimal("6b65726e656c2e64656275670000000012345678");
  const test::DwarfBlob& dwarf = test::kDwarfBlobs[1];
  host.files["stripped"] =
      sections_file({{".note.gnu.build-id", 7, note}, {".gnu_debuglink", 1, link}});
  EXPECT_EQ(run({"type", "struct task", "vmcore", "kernel", "stripped"}), 1);
  EXPECT_TRUE(complained("give its debug file kernel.debug too")) << host.complained;
  host.files["/usr/lib/debug/.build-id/ab/cdef01.debug"] =
      sections_file({{".debug_info", 1, from_hexadecimal(dwarf.info)},
                     {".debug_abbrev", 1, from_hexadecimal(dwarf.abbreviations)},
                     {".debug_str", 1, from_hexadecimal(dwarf.strings)},
                     {".debug_line_str", 1, from_hexadecimal(dwarf.line_strings)}});
  EXPECT_EQ(run({"type", "struct task", "vmcore", "kernel", "stripped"}), 0) << host.complained;
  EXPECT_TRUE(printed("/* size: 176, members: "));
  EXPECT_TRUE(printed("from DWARF of cdef01.debug"));
}

foundry::Blob blob_of(const test::Assembly& assembly) {
  foundry::Blob blob;
  for (const std::byte byte : assembly.bytes) blob.push_back(std::to_integer<std::uint8_t>(byte));
  return blob;
}

/// A unit that was compiled in /src, of two runs of code: lines 7 and 8 meet at vpanic's return
/// address, whose call is of line 7; the innermost frame is on line 42. `functions`: its entries.
foundry::Blob debug_file(const test::Assembly& functions) {
  using test::Assembly;
  const auto program = Assembly()
                           .all({0, 9, 2})
                           .u64(0xffffffff80201200)
                           .all({3, 6, 1, 2, 0x34, 3, 1, 1, 2, 0x10, 0, 1, 1})
                           .all({0, 9, 2})
                           .u64(0xffffffff80202000)
                           .all({3, 41, 1, 2, 0x20, 0, 1, 1})
                           .bytes;
  const auto names = Assembly()
                         .all({1, 1, 0, 1, 10, 0, 1, 1, 1, 1, 0, 0, 0, 1, 0})
                         .text("kern.c")
                         .all({0, 0, 0, 0})
                         .bytes;
  Assembly lines;
  lines.u32(2 + 4 + names.size() + program.size()).number(2, 2).u32(names.size());
  lines.append(names).append(program);
  Assembly unit;  // DWARF 4: stmt_list, comp_dir, low_pc, high_pc
  unit.number(4, 2).u32(0).u8(8).uleb(1).u32(0).text("/src").u64(0xffffffff80201000).u32(0x2000);
  unit.append(functions.bytes).u8(0);
  const auto info = Assembly().u32(unit.bytes.size()).append(unit.bytes);
  const auto abbreviations =
      Assembly()
          .all({1, 0x11, 1, 0x10, 0x17, 0x1b, 0x08, 0x11, 0x01, 0x12, 0x06, 0, 0})
          // 2: a function's name; 3: one with low_pc and high_pc; 4: one that is inlined there:
          // abstract_origin, low_pc, high_pc, call_file, call_line; 5: a block
          .all({2, 0x2e, 0, 0x03, 0x08, 0, 0})
          .all({3, 0x2e, 1, 0x11, 0x01, 0x12, 0x06, 0, 0})
          .all({4, 0x1d, 1, 0x31, 0x13, 0x11, 0x01, 0x12, 0x06, 0x58, 0x0b, 0x59, 0x0b, 0, 0})
          .all({5, 0x0b, 1, 0, 0, 0});
  return sections_file({{".debug_info", 1, blob_of(info)},
                        {".debug_abbrev", 1, blob_of(abbreviations)},
                        {".debug_line", 1, blob_of(lines)}});
}

/// What debug_file's units begin with: the offset of their first entry but their own.
constexpr std::uint32_t first_entry = 33;

TEST_F(CommandLine, StacksShowTheSourceLinesOfADebugFile) {
  host.files["kernel.debug"] = debug_file({});
  EXPECT_EQ(run({"stack", "--crashed", "vmcore", "kernel", "kernel.debug"}), 0);
  EXPECT_TRUE(printed("kern_reboot+0x10  /src/kern.c:42\n")) << host.printed;
  EXPECT_TRUE(printed("vpanic+0x34  /src/kern.c:7\n")) << host.printed;
  EXPECT_TRUE(printed("panic+0x23\n")) << host.printed;  // no sequence covers it
  EXPECT_EQ(run({"table", "frames", "--crashed", "--columns", "frame,file,line", "--csv", "vmcore",
                 "kernel", "kernel.debug"}),
            0);
  EXPECT_TRUE(printed("0,/src/kern.c,42\r\n1,/src/kern.c,7\r\n2,,\r\n")) << host.printed;
}

TEST_F(CommandLine, FunctionsThatWereInlinedStandBeforeTheOneTheyArePartOf) {
  // dump_now is part of stop, and that, in a block of no place, of vpanic; beside them and beside
  // the return address others are.
  test::Assembly functions;
  functions.uleb(2).text("dump_now").uleb(2).text("stop");
  const std::uint32_t dump_now = first_entry, stop = first_entry + 10;
  const auto inlined = [&](std::uint32_t name, std::uint64_t at, unsigned size, unsigned line) {
    functions.uleb(4).u32(name).u64(at).u32(size).u8(1).u8(line);
  };
  functions.uleb(3).u64(0xffffffff80201200).u32(0x100).uleb(5);
  inlined(stop, 0xffffffff80201220, 0x10, 98);
  functions.u8(0);
  inlined(stop, 0xffffffff80201230, 8, 99);
  inlined(dump_now, 0xffffffff80201234, 1, 12);
  functions.u8(0);
  inlined(dump_now, 0xffffffff80201233, 1, 11);
  functions.all({0, 0, 0, 0});
  host.files["kernel.debug"] = debug_file({});
  EXPECT_EQ(run({"analyze", "--json", "vmcore", "kernel", "kernel.debug"}), 0);
  const std::string without = host.printed;
  host.files["kernel.debug"] = debug_file(functions);
  EXPECT_EQ(run({"stack", "--crashed", "vmcore", "kernel", "kernel.debug"}), 0);
  EXPECT_TRUE(
      printed("  #1   0xffffffff80201234  dump_now  /src/kern.c:7\n"
              "  #1   0xffffffff80201234  (inlined by) stop  /src/kern.c:11\n"
              "  #1   0xffffffff80201234  (inlined by) vpanic+0x34  /src/kern.c:99\n"
              "  #2   0xffffffff80201023  panic+0x23\n"))
      << host.printed;
  EXPECT_EQ(
      run({"table", "frames", "--crashed", "--columns", "frame,pc,symbol,offset,line,exact,inlined",
           "--csv", "vmcore", "kernel", "kernel.debug"}),
      0);
  EXPECT_TRUE(
      printed("1,0xffffffff80201234,dump_now,,7,false,true\r\n"
              "1,0xffffffff80201234,stop,,11,false,true\r\n"
              "1,0xffffffff80201234,vpanic,52,99,false,false\r\n2,"))
      << host.printed;
  // What it died of, and by what it is told from others, is told by the frames of the stack alone.
  EXPECT_EQ(run({"analyze", "--json", "vmcore", "kernel", "kernel.debug"}), 0);
  EXPECT_EQ(host.printed, without);
}

TEST_F(CommandLine, FunctionsInlinedWithoutEndCostNoLine) {
  test::Assembly functions;
  functions.uleb(2).text("dump_now").uleb(3).u64(0xffffffff80201200).u32(0x100);
  for (int depth = 0; depth < 300; ++depth)
    functions.uleb(4).u32(first_entry).u64(0xffffffff80201230).u32(8).u8(1).u8(9);
  functions.bytes.resize(functions.bytes.size() + 301);
  host.files["kernel.debug"] = debug_file(functions);
  EXPECT_EQ(run({"stack", "--crashed", "vmcore", "kernel", "kernel.debug"}), 0);
  EXPECT_TRUE(printed("#1   0xffffffff80201234  vpanic+0x34  /src/kern.c:7\n")) << host.printed;
  EXPECT_TRUE(complained("inlined in each other")) << host.complained;
}

TEST_F(CommandLine, StacksFollowTheCallFrameInformationOfADebugFile) {
  // The frame pointers lead to panic; the entry for vpanic says that nobody called it.
  using test::Assembly;
  using test::cfi_entry;
  auto frames = cfi_entry(Assembly()
                              .u32(0xffffffff)
                              .u8(1)
                              .text("")
                              .uleb(1)
                              .sleb(-8)
                              .all({16, 0x0c, 6, 16, 0x90, 1, 0x86, 2})  // CFA rbp + 16
                              .bytes);
  const auto caller =
      cfi_entry(Assembly().u32(0).u64(0xffffffff80201200).u64(0x100).all({0x07, 16}).bytes);
  const auto innermost = cfi_entry(Assembly().u32(0).u64(0xffffffff80202000).u64(0x100).bytes);
  frames.insert(frames.end(), caller.begin(), caller.end());
  frames.insert(frames.end(), innermost.begin(), innermost.end());
  Assembly all;
  host.files["kernel.debug"] = sections_file({{".debug_frame", 1, blob_of(all.append(frames))}});
  EXPECT_EQ(run({"stack", "--crashed", "vmcore", "kernel"}), 0);
  EXPECT_TRUE(printed("#2   0xffffffff80201023  panic+0x23"));
  EXPECT_EQ(run({"stack", "--crashed", "vmcore", "kernel", "kernel.debug"}), 0);
  EXPECT_TRUE(printed("#1   0xffffffff80201234  vpanic+0x34\n")) << host.printed;
  EXPECT_FALSE(printed("#2 ")) << host.printed;
  EXPECT_FALSE(printed("stopped")) << host.printed;
}

TEST_F(CommandLine, TypesAreExportedToAFileThatServesAsAKernelFile) {
  const auto description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/freebsd-amd64.txt");
  host.files["types"] = foundry::kernel_file(
      description.image, foundry::freebsd_types(description, {3, false, true, ""}));
  EXPECT_EQ(run({"types", "vmcore", "kernel"}), 2);
  EXPECT_EQ(run({"types", "import", "--output", "out", "vmcore", "kernel"}), 2);
  EXPECT_TRUE(complained("types expects export, not \"import\"")) << host.complained;
  EXPECT_EQ(run({"types", "export", "vmcore", "kernel"}), 2);
  EXPECT_TRUE(complained("types export expects --output FILE")) << host.complained;
  EXPECT_EQ(run({"types", "export", "--output", "out", "vmcore", "kernel"}), 1);  // it has none
  EXPECT_FALSE(host.files.contains("out"));
  EXPECT_EQ(run({"types", "export", "struct nothing", "--output", "out", "vmcore", "types"}), 1);
  EXPECT_EQ(run({"types", "export", "--output", "/out", "vmcore", "types"}), 1);
  EXPECT_TRUE(complained("/out: no such folder")) << host.complained;
  EXPECT_EQ(run({"type", "struct proc", "vmcore", "types"}), 0);
  const std::string expected = host.printed.substr(0, host.printed.find("from "));
  EXPECT_EQ(run({"types", "export", "--output", "out", "vmcore", "types"}), 0) << host.complained;
  EXPECT_TRUE(printed("from CTF of types"));
  EXPECT_EQ(run({"type", "struct proc", "vmcore", "kernel", "out"}), 0) << host.complained;
  EXPECT_TRUE(printed("from BTF of out"));
  EXPECT_EQ(host.printed.substr(0, host.printed.find("from ")), expected);
  EXPECT_TRUE(host.complained.empty()) << host.complained;
  EXPECT_EQ(run({"print", "struct proc", "allproc", "vmcore", "kernel", "out"}), 0)
      << host.complained;
  EXPECT_TRUE(printed("p_comm = "));
}

TEST_F(CommandLine, TypesOfFreeBsdComeFromItsKernelFile) {
  const auto description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/freebsd-amd64.txt");
  host.files["kernel"] = foundry::kernel_file(
      description.image, foundry::freebsd_types(description, {3, false, true, ""}));
  EXPECT_EQ(run({"type", "struct proc", "vmcore", "kernel"}), 0) << host.complained;
  EXPECT_TRUE(printed("struct proc {\n"));
  EXPECT_TRUE(printed("pid_t p_pid;"));
  EXPECT_TRUE(printed("struct thread *tqh_first;"));
  EXPECT_TRUE(printed("from CTF of kernel"));
  EXPECT_EQ(run({"print", "*allproc.lh_first", "vmcore", "kernel"}), 0) << host.complained;
  EXPECT_TRUE(printed("p_comm = \"sh\""));
  EXPECT_TRUE(printed("p_pid = 812,"));
  EXPECT_EQ(run({"list", "struct proc", "p_list.le_next", "allproc", "p_pid", "p_comm", "vmcore",
                 "kernel"}),
            0)
      << host.complained;
  for (const char* name : {"sh", "idle", "init", "kernel"}) EXPECT_TRUE(printed(name)) << name;
  EXPECT_EQ(run({"type", "struct proc", "vmcore"}), 1);
  EXPECT_TRUE(complained("give the kernel file too"));
}

TEST_F(LinuxCommandLine, AWrongKernelIsNamedWithEveryAnswer) {
  for (const std::vector<std::string>& words :
       std::vector<std::vector<std::string>>{{"ps"},
                                             {"read", "linux_banner", "16"},
                                             {"translate", "linux_banner"},
                                             {"type", "struct module"},
                                             {"modules"}}) {
    std::vector<std::string> line = words;
    line.insert(line.end(), {"linux", "kernel"});
    run(line);
    EXPECT_TRUE(complained("no Linux kernel with its symbols (vmlinux)")) << words.front();
  }
}

TEST_F(LinuxCommandLine, PrintShowsWhatLiesThere) {
  EXPECT_EQ(run({"print", "struct task_struct", "init_task", "linux"}), 0) << host.complained;
  EXPECT_TRUE(printed("struct task_struct at 0x"));
  EXPECT_TRUE(printed("comm = \"swapper/0\""));
  EXPECT_EQ(run({"print", "struct task_struct", "init_task.tasks.next", "linux", "--json"}), 0);
  EXPECT_TRUE(printed("\"value\": \"0x"));
  EXPECT_EQ(run({"print", "struct task_struct", "init_task.nothing", "linux"}), 1);
  EXPECT_TRUE(complained("nothing"));
  EXPECT_EQ(run({"print", "init_task", "linux"}), 1);
  EXPECT_TRUE(complained("name its type before it"));
  EXPECT_EQ(run({"print", "struct task_struct", "init_task!", "linux"}), 1);
  EXPECT_EQ(run({"print", "struct task_struct", "init_task.pid]", "linux"}), 1);
  EXPECT_TRUE(complained("expected .member, ->member or [number]"));
}

TEST_F(LinuxCommandLine, ListFollowsALinkAndShowsMembers) {
  EXPECT_EQ(run({"list", "struct task_struct", "tasks", "init_task.tasks", "pid", "comm", "linux",
                 "--csv"}),
            0)
      << host.complained;
  for (const char* row : {",1,\"\"\"init\"\"\"", ",2,\"\"\"kthreadd\"\"\"",
                          ",42,\"\"\"crasher\"\"\"", ",45,\"\"\"gone\"\"\""})
    EXPECT_TRUE(printed(row)) << row << " in\n" << host.printed;
  EXPECT_FALSE(printed("swapper"));
  EXPECT_EQ(run({"list", "struct module", "list", "modules", "name", "linux"}), 0);
  EXPECT_TRUE(printed("\"known_module\"") && printed("\"empty_module\""));
  EXPECT_EQ(run({"list", "struct task_struct", "pid", "init_task", "linux"}), 1);
  EXPECT_TRUE(complained("neither a pointer nor a structure of links"));
}

TEST_F(CommandLine, SqlPrintsAsTablesDo) {
  for (const char* form : {"--json", "--csv"}) {
    EXPECT_EQ(
        run({"table", "processes", "vmcore", "kernel", form, "--columns", "pid,name,address"}), 0);
    const std::string expected = host.printed;
    EXPECT_EQ(run({"sql", "select pid, name, address from processes", "vmcore", "kernel", form}), 0)
        << host.complained;
    EXPECT_EQ(host.printed.substr(host.printed.find("pid")), expected.substr(expected.find("pid")));
  }
  EXPECT_EQ(
      run({"sql", "vmcore", "kernel", "select count(*) as n from threads where state = 'running'"}),
      0);
  EXPECT_TRUE(host.printed.starts_with("N\n")) << host.printed;
}

TEST_F(CommandLine, TheQueryStandsAnywhere) {
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "select 1 + 1"}), 0) << host.complained;
  const std::string expected = host.printed;
  for (const std::vector<std::string>& words :
       {std::vector<std::string>{"sql", "select 1 + 1", "vmcore", "kernel"},
        {"sql", "vmcore", "select 1 + 1", "kernel"},
        {"sql", "-M", "vmcore", "select 1 + 1", "-N", "kernel"}}) {
    EXPECT_EQ(run(words), 0) << host.complained;
    EXPECT_EQ(host.printed, expected);
  }
  EXPECT_EQ(run({"sql", "select 1", "select 2", "vmcore"}), 2);
  EXPECT_EQ(run({"sql", "select 1"}), 2);
  EXPECT_TRUE(complained("sql expects [QUERY] DUMP"));
  EXPECT_EQ(run({"sql", "missing.elf", "select 1"}), 1);
  EXPECT_TRUE(complained("missing.elf: no such file"));
}

TEST_F(CommandLine, SqlErrorsShowThePlace) {
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "select pid,\n\tnmae\x1b[2J from processes"}), 1);
  EXPECT_EQ(host.printed, "");
  EXPECT_EQ(host.complained,
            "panicroom: unrecognized token: \"\\x1b\"\n"
            "  \\tnmae\\x1b[2J from processes\n"
            "        ^\n");
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "select nmae from processes", "--json"}), 1);
  EXPECT_TRUE(printed(
      "\"rows\": [], \"notes\": [\n  {\"code\": \"invalid\", \"text\": \"no such column: nmae\""));
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "attach 'words.txt' as words"}), 1);
  EXPECT_TRUE(complained("ATTACH"));
  EXPECT_TRUE(complained("is refused"));
  const std::string far = "select " + std::string(300, ' ') + "nmae from processes";
  EXPECT_EQ(run({"sql", "vmcore", "kernel", far}), 1);
  for (std::size_t start = 0; start < host.complained.size();) {
    const std::size_t end = host.complained.find('\n', start);
    EXPECT_LE(end - start, 110U);
    start = end + 1;
  }
}

TEST_F(CommandLine, TheErrorOfALongStatementShowsItsPlace) {
  // Of a megabyte: a time that is a square of its length would not end.
  const std::string far = "select " + std::string(1'000'000, ' ') + "nmae from processes";
  EXPECT_EQ(run({"sql", "vmcore", "kernel", far}), 1);
  EXPECT_TRUE(complained(" nmae from processes\n")) << host.complained;
}

TEST_F(CommandLine, AStatementThatDoesNotEndIsRefusedAtTheBound) {
  host.is_interactive = true;
  host.lines.assign(2000, std::string(1000, ' ') + "x");
  host.lines.emplace_back("; select 2 as two;");
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 0);
  EXPECT_TRUE(complained("a statement has at most 1048576 bytes")) << host.complained;
  host.is_interactive = false;
  host.lines.assign(2000, std::string(1000, ' ') + "x");
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 1);
  EXPECT_GT(host.lines.size(), 900U);  // what follows is not read
  host.lines = {"select 1 as one; /* a comment that", "ends */", "select 2 as two;"};
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 0);
  EXPECT_EQ(host.printed, "ONE\n  1\nTWO\n  2\n");
}

TEST_F(CommandLine, SqlOfStandardInput) {
  host.lines = {"-- a comment", "select 1", "  as one;", ".mode csv", "select 2 as two; select 3",
                "as three"};
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 0) << host.complained;
  EXPECT_EQ(host.printed, "ONE\n  1\ntwo\r\n2\r\nthree\r\n3\r\n");
  EXPECT_EQ(host.complained, "");
  host.lines = {"select 1;", "selekt;", "select 2;"};
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 1);
  EXPECT_EQ(host.printed, "1\n1\n");
  host.lines = {"select 1;", ".quit", "select 2;"};
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 0);
  EXPECT_EQ(host.printed, "1\n1\n");
}

TEST_F(CommandLine, APromptGoesOnAfterAnError) {
  host.is_interactive = true;
  host.lines = {"selekt;",      "select 1", "as one;",  ".tables",
                ".schema loda", ".mode",    ".nothing", ".help"};
  EXPECT_EQ(run({"sql", "vmcore", "kernel"}), 0);
  EXPECT_EQ(host.prompts, "sql> sql> ...> sql> sql> sql> sql> sql> sql> ");
  EXPECT_TRUE(printed("ONE\n  1\n"));
  EXPECT_TRUE(printed("processes   Every process that existed"));
  EXPECT_TRUE(complained("near \"selekt\": syntax error"));
  EXPECT_TRUE(complained("there is no table \"loda\": did you mean load?"));
  EXPECT_TRUE(complained(".mode expects table, json or csv"));
  EXPECT_TRUE(complained("there is no command .nothing"));
  EXPECT_TRUE(printed(".schema [TABLE]"));
}

TEST_F(CommandLine, AnInterruptStopsTheStatement) {
  host.is_interrupted = true;
  EXPECT_EQ(
      run({"sql", "vmcore", "kernel",
           "with recursive c(x) as (select 1 union all select x + 1 from c) select sum(x) from c"}),
      1);
  EXPECT_TRUE(complained("the statement was stopped"));
}

TEST_F(CommandLine, AnInterruptBetweenStatementsEndsTheText) {
  host.interrupted_by_printing = true;
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "select 1; select 2;"}), 1);
  EXPECT_EQ(host.printed, "1\n1\n");
  EXPECT_TRUE(complained("the statement was stopped"));
  host.is_interrupted = false;
  EXPECT_EQ(run({"sql", "vmcore", "kernel", "select 1; "}), 0) << host.complained;
}

TEST(SqlShell, CompletesNamesAndKeywords) {
  const auto offered = [](std::string_view line) { return SqlShell::completions(line); };
  const auto has = [&](std::string_view line, const std::string& word) {
    const auto words = offered(line);
    return std::find(words.begin(), words.end(), word) != words.end();
  };
  EXPECT_EQ(offered(".sch"), std::vector<std::string>{"schema"});
  EXPECT_EQ(offered(".schema rang"), std::vector<std::string>{"ranges"});
  EXPECT_TRUE(has("select stack_l", "stack_low"));
  EXPECT_TRUE(has("sel", "select"));
  EXPECT_TRUE(has("SEL", "select"));
  EXPECT_TRUE(has("select * from proc", "processes"));
  EXPECT_FALSE(has("select t.proc", "processes"));
  EXPECT_TRUE(has("select t.ti", "tid"));
  EXPECT_TRUE(offered("select zzz").empty());
  EXPECT_EQ(offered(".mode j"), std::vector<std::string>{"json"});
  EXPECT_EQ(offered(".mode ").size(), 3U);
  for (const Table* table : tables()) EXPECT_TRUE(has("from ", std::string(table->name())));
}

TEST_F(CommandLine, CompletionsKnowEveryCommand) {
  for (const char* shell : {"bash", "zsh", "fish"}) {
    EXPECT_EQ(run({"completion", shell}), 0);
    for (const CommandInfo& command : commands())
      EXPECT_TRUE(printed(command.name)) << shell << " " << command.name;
  }
}

}  // namespace
}  // namespace panicroom
