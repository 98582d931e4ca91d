// A module's file beside the dump: frames in it have their lines and are unwound by its own
// call-frame information, where the description says that it was loaded. What its code is, is what
// the binutils say of the file (module_files.h).

#include "tests/foundry/module_files.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "tests/foundry/freebsd_case.h"
#include "tests/foundry/test_name.h"
#include "tests/foundry/worlds.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

namespace {

using foundry::Blob;
using foundry::Description;
using foundry::ModuleFile;
using foundry::null;
using foundry::Rows;
using foundry::rows_of;
using foundry::source;
using foundry::text;
using foundry::ThreadText;
using panicroom::Address;
using panicroom::Session;
using panicroom::Value;

Blob bytes_of(const ModuleFile& file) {
  Blob bytes;
  for (std::size_t at = 0; at < file.hexadecimal.size(); at += 2)
    bytes.push_back(static_cast<std::uint8_t>(
        std::stoul(std::string(file.hexadecimal.substr(at, 2)), nullptr, 16)));
  return bytes;
}

/// A kernel with a module line_maker, loaded at `base`: its sections 0x200 bytes apart, or one
/// behind the other as they were linked.
struct Case {
  std::string description;
  const ModuleFile* file = nullptr;
  bool relocatable = true;
  std::uint64_t base = 0;
  std::uint64_t kernel_code = 0;  ///< that calls it
  friend void PrintTo(const Case& named, std::ostream* out) { *out << named.description; }
};

class ModuleFiles : public testing::TestWithParam<Case> {
 protected:
  bool is_linux() const { return GetParam().description.starts_with("linux"); }

  /// The sections of code with their bytes, in the order of the file.
  std::vector<std::pair<std::string, std::uint64_t>> sections() const {
    std::vector<std::pair<std::string, std::uint64_t>> found;
    for (const ModuleFile::Run& run : GetParam().file->lines) {
      if (found.empty() || found.back().first != run.section) found.emplace_back(run.section, 0);
      found.back().second = run.end;
    }
    return found;
  }
  std::uint64_t address_of(const std::string& section) const {
    if (!GetParam().relocatable) return GetParam().base;
    // What its start alone needed is gone: what lies there now may be anybody's.
    if (section == ".init.text") return GetParam().base - 0x1c00;
    std::uint64_t address = GetParam().base + 0x100;
    for (const auto& [name, size] : sections()) {
      if (name == section) return address;
      address += 0x200;
    }
    return address;  // .note.gnu.build-id
  }
  std::uint64_t note_address() const {
    return address_of(".note.gnu.build-id") + GetParam().file->note.address;
  }
  /// Places to return to within the module.
  std::vector<ModuleFile::Frame> frames() const {
    std::vector<ModuleFile::Frame> list = GetParam().file->frames;
    std::erase_if(list, [](const auto& frame) { return frame.section == ".init.text"; });
    for (ModuleFile::Frame& frame : list) frame.pc += address_of(frame.section);
    return list;
  }
  /// The calls at the instruction before a return address, innermost first: "function|file:line".
  std::vector<std::string> calls_before(std::uint64_t pc) const {
    for (const ModuleFile::Run& run : GetParam().file->lines) {
      const std::uint64_t start = address_of(run.section);
      if (run.section == ".init.text" || pc - 1 < start + run.begin || pc - 1 >= start + run.end)
        continue;
      std::vector<std::string> calls;
      for (std::size_t at = 0; at <= run.calls.size();) {
        const std::size_t end = std::min(run.calls.find(';', at), run.calls.size());
        calls.push_back(run.calls.substr(at, end - at));
        at = end + 1;
      }
      return calls;
    }
    return {};
  }

  std::string lines_of_the_module(std::uint64_t more_bytes) const {
    std::string lines;
    if (is_linux())
      lines =
          fmt::format("module line_maker {:#x}-{:#x}\n", GetParam().base, GetParam().base + 0x1000);
    else
      lines = fmt::format("kld 9 \"line_maker.ko\" {:#x} {:#x}\n", GetParam().base,
                          GetParam().relocatable ? 0x1000 : 0x20000);
    if (!GetParam().relocatable || !tells_sections) return lines;
    for (const auto& [name, size] : sections())
      lines += is_linux() ? fmt::format("msection {} {:#x}\n", name, address_of(name))
                          : fmt::format("ksection {} {:#x} {}\n", name, address_of(name),
                                        size + more_bytes);
    if (is_linux()) lines += fmt::format("msection .note.gnu.build-id {:#x}\n", note_address());
    return lines;
  }

  void SetUp() override { describe(0); }

  /// `more_bytes`: FreeBSD: that the loaded sections are larger than the file's.
  void describe(std::uint64_t more_bytes) {
    std::string frames_text;
    for (const ModuleFile::Frame& frame : frames()) frames_text += fmt::format(" {:#x}", frame.pc);
    frames_text +=
        fmt::format(" {:#x} {:#x}", GetParam().kernel_code + 0x10, GetParam().kernel_code + 0x20);
    description = foundry::read_description(
        std::string(source_folder) + "/tests/foundry/descriptions/" + GetParam().description +
            ".txt",
        lines_of_the_module(more_bytes) +
            fmt::format("process 4000 \"tracer\"\nthread 4000 \"tracer\" {}frames{}\n",
                        is_linux() ? "state sleeping " : "", frames_text));
    lay_stack();
    write_note(bytes_of(*GetParam().file));
  }

  /// The stack as the module's functions use theirs: each one's return address where readelf says;
  /// whatever else they save is the frame record of the kernel's function that called them.
  void lay_stack() {
    const ThreadText& thread = description.processes.back().threads.back();
    foundry::Image& image = description.image;
    const unsigned word = image.pointer();
    const std::vector<ModuleFile::Frame> list = frames();
    const std::uint64_t record = thread.fp + 64 * list.size();
    stack_pointers = {thread.sp};
    for (const ModuleFile::Frame& frame : list)
      stack_pointers.push_back(stack_pointers.back() + frame.size);
    // Some leave the frame pointer alone: what was saved of it when the thread was stopped.
    for (auto& [address, page] : image.pages)
      for (std::uint64_t at = 0; at < page.size(); at += word)
        if (image.read(address + at, word) == thread.fp) image.write(address + at, record, word);
    for (std::uint64_t at = thread.sp; at < stack_pointers.back(); at += word)
      image.write_virtual(at, record, word);
    for (std::size_t i = 0; i < list.size(); ++i)
      image.write_virtual(stack_pointers[i + 1] - list[i].back, thread.frames[i + 1], word);
  }

  void write_note(const Blob& file) {
    const ModuleFile::Note& note = GetParam().file->note;
    if (!is_linux() && GetParam().relocatable) return;
    for (std::uint64_t i = 0; i < note.size; ++i)
      description.image.write_virtual(note_address() + i,
                                      file[static_cast<std::size_t>(note.offset + i)], 1);
  }

  /// Opens the first of the description's dumps with the module's file, if it has a name here.
  void open(const std::string& file_name) {
    std::vector<panicroom::SourcePtr> files;
    if (!file_name.empty()) files.push_back(source(file_name, bytes_of(*GetParam().file)));
    open(std::move(files));
  }
  void open(std::vector<panicroom::SourcePtr> files) {
    const auto& dump = *std::find_if(
        description.files.begin(), description.files.end(),
        [](const auto& file) { return file.container != "kdump" && file.get("parts").empty(); });
    for (const Blob& part : foundry::make_dump(description, dump))
      files.push_back(source(dump.name, part));
    if (!is_linux())
      files.push_back(
          source("kernel",
                 foundry::kernel_file(description.image,
                                      foundry::freebsd_types(description, {3, false, false, ""}))));
    auto opened = Session::open(files);
    ASSERT_TRUE(opened) << opened.error().message();
    session = std::move(*opened);
    ASSERT_NE(session->kernel(), nullptr) << session->why_no_kernel()->message();
  }
  static panicroom::Query of_the_thread() {
    panicroom::Query query;
    query.tid = 4000;
    return query;
  }
  /// One for each frame: of the innermost function there.
  Rows rows() {
    Rows found;
    for (auto& row : rows_of(*session, "frames", of_the_thread()))
      if (found.empty() || found.back().at("frame") != row.at("frame"))
        found.push_back(std::move(row));
    return found;
  }
  std::vector<Value> lines_found() {
    std::vector<Value> lines;
    for (const auto& row : rows())
      if (row.at("line") != null) lines.push_back(row.at("line"));
    return lines;
  }

  Description description;
  bool tells_sections = true;  ///< the kernel keeps where they lie
  std::vector<std::uint64_t> stack_pointers;
  std::unique_ptr<Session> session;
};

TEST_P(ModuleFiles, GiveLinesAndFrames) {
  open("/boot/modules/line_maker.ko");
  const ThreadText& thread = description.processes.back().threads.back();
  const Rows found = rows();
  std::vector<Value> counters, expected;
  for (const auto& row : found) counters.push_back(row.at("pc"));
  for (const std::uint64_t pc : thread.frames) expected.emplace_back(Address{pc});
  ASSERT_EQ(counters, expected);
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (i < stack_pointers.size()) {
      EXPECT_EQ(found[i].at("sp"), Value(Address{stack_pointers[i]})) << i;
    }
    const auto calls = calls_before(thread.frames[i]);
    if (calls.empty()) {
      EXPECT_EQ(found[i].at("line"), null) << i;
      continue;
    }
    const std::string place = calls.front().substr(calls.front().find('|') + 1);
    const std::string line = place.substr(place.find(':') + 1);
    EXPECT_EQ(found[i].at("line"), line == "?" ? null : Value(std::uint64_t{std::stoul(line)}))
        << i;
    if (line == "?") continue;
    EXPECT_EQ(found[i].at("file"), text(place.substr(0, place.find(':')))) << i;
  }
  EXPECT_GE(lines_found().size(), 3U);
  // Of the other threads none stands in it, though one stands where its start was.
  for (const auto& row : rows_of(*session, "frames")) {
    if (row.at("name") == text("tracer")) continue;
    EXPECT_EQ(row.at("line"), null);
  }
}

/// Each call that was inlined is a row before the frame that it is part of.
TEST_P(ModuleFiles, TellWhatWasInlined) {
  open("line_maker.ko");
  const Rows found = rows_of(*session, "frames", of_the_thread());
  std::size_t at = 0, inlined = 0;
  for (std::size_t frame = 0; frame < description.processes.back().threads.back().frames.size();
       ++frame) {
    const std::uint64_t pc = description.processes.back().threads.back().frames[frame];
    auto calls = calls_before(pc);
    if (calls.empty()) calls.emplace_back("|");
    for (std::size_t i = 0; i < calls.size(); ++i, ++at) {
      ASSERT_LT(at, found.size());
      const bool is_frame = i + 1 == calls.size();
      const std::string name = calls[i].substr(0, calls[i].find('|'));
      const std::string line = calls[i].substr(calls[i].find(':') + 1);
      EXPECT_EQ(found[at].at("inlined"), Value(!is_frame));
      EXPECT_EQ(found[at].at("frame"), Value(std::uint64_t{frame}));
      EXPECT_EQ(found[at].at("pc"), Value(Address{pc}));
      if (frame < stack_pointers.size()) {
        EXPECT_EQ(found[at].at("sp"), Value(Address{stack_pointers[frame]}));
      }
      if (!is_frame) {
        EXPECT_EQ(found[at].at("symbol"), text(name));
        EXPECT_EQ(found[at].at("offset"), null);
        EXPECT_EQ(found[at].at("module"), found[at + 1].at("module"));
        ++inlined;
      }
      if (name.empty()) continue;
      EXPECT_EQ(found[at].at("line"), line == "?" ? null : Value(std::uint64_t{std::stoul(line)}));
    }
  }
  EXPECT_EQ(at, found.size());
  EXPECT_GE(inlined, 4U);
}

TEST_P(ModuleFiles, AreNotNeeded) {
  open("");
  EXPECT_TRUE(lines_found().empty());
  EXPECT_LT(rows().size(), description.processes.back().threads.back().frames.size());
}

/// Files of debugging information stand beside the module's, and not all write names alike.
TEST_P(ModuleFiles, AreKnownByTheirNames) {
  for (const char* name :
       {"line-maker.ko.debug", "/usr/lib/debug/line_maker.ko", "line_maker.ko"}) {
    open(name);
    EXPECT_GE(lines_found().size(), 3U) << name;
  }
  open("line_taker.ko");
  EXPECT_TRUE(lines_found().empty());
  EXPECT_TRUE(foundry::any_has(foundry::notes_of(*session, "frames"),
                               "line_taker.ko: no module of this name was loaded"));
}

/// Where debug files are kept by their build ids, nothing else says whose they are.
TEST_P(ModuleFiles, AreKnownByTheBuildIdOfAnother) {
  if (!GetParam().relocatable) return open("line_maker.ko");  // a linked file may be any program
  Blob without_lines = bytes_of(*GetParam().file);
  const std::string_view name = ".debug_line";
  for (auto at = without_lines.begin(); (at = std::search(at, without_lines.end(), name.begin(),
                                                          name.end())) != without_lines.end();)
    *at = '-';
  open({source("line_maker.ko", without_lines)});
  EXPECT_TRUE(lines_found().empty());
  open(
      {source("cdef01.debug", bytes_of(*GetParam().file)), source("line_maker.ko", without_lines)});
  EXPECT_GE(lines_found().size(), 3U);
  EXPECT_FALSE(foundry::any_has(foundry::notes_of(*session, "frames"), "cdef01"));
}

TEST_P(ModuleFiles, OfAnotherBuildAreRefused) {
  if (!is_linux() && GetParam().relocatable) {
    describe(8);
  } else {
    Blob other = bytes_of(*GetParam().file);
    other.at(static_cast<std::size_t>(GetParam().file->note.offset + 20)) ^= 1;
    write_note(other);
  }
  open("line_maker.ko");
  EXPECT_TRUE(foundry::any_has(foundry::notes_of(*session, "frames"),
                               "line_maker.ko: another build of this module was loaded"));
  EXPECT_TRUE(lines_found().empty());
}

/// A kernel without CONFIG_SYSFS keeps no list of sections, and a loader's may be gone.
TEST_P(ModuleFiles, NeedTheirSectionsPlaces) {
  if (!GetParam().relocatable) return open("line_maker.ko");  // one address is all it needs
  tells_sections = false;
  describe(0);
  open("line_maker.ko");
  const auto notes = foundry::notes_of(*session, "frames");
  EXPECT_TRUE(foundry::any_has(notes, "line_maker.ko"));
  EXPECT_TRUE(foundry::any_has(notes, "sections"));
  EXPECT_TRUE(lines_found().empty());
}

TEST_P(ModuleFiles, GiveTheirTypes) {
  open("line_maker.ko");
  const auto types = session->types();
  ASSERT_TRUE(types) << types.error().message();
  const std::uint64_t word = description.image.pointer();
  EXPECT_EQ((*types)->size_of("struct probe_state"), word + 24);
  EXPECT_EQ((*types)->member("probe_state", "name")->offset, word);
}

INSTANTIATE_TEST_SUITE_P(
    Kernels, ModuleFiles,
    testing::Values(Case{"linux-x86_64", &foundry::k_linux_x86_64, true, 0xffffffffc0203000,
                         0xffffffff9a202000},
                    Case{"linux-i386", &foundry::k_linux_i386, true, 0xf8203000, 0xc0202000},
                    Case{"linux-aarch64", &foundry::k_linux_aarch64, true, 0xffff800000203000,
                         0xffff800018202000},
                    Case{"freebsd-invented-machine", &foundry::k_freebsd_x86_64, true,
                         0xffffffff82600000, 0xffffffff80203000},
                    Case{"freebsd-14-2-arm64-machine", &foundry::k_freebsd_aarch64, false,
                         0xffff000000720000, 0xffff000000202000}),
    [](const auto& named) { return foundry::test_name(named.param.description); });

}  // namespace
