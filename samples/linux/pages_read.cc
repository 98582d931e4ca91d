// Prints the page frame numbers, one a line, of the pages that the answers about a Linux dump need:
// all that the tables read, the page tables of the kernel's mappings, its type information and the
// code and data that a reader of the sample would look at first.
//
//   pages_read DUMP [STRUCTURE@ADDRESS...]    with the pages of those objects
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dump/formats.h"
#include "core/io/unwrap.h"
#include "core/kernel/kernel.h"
#include "core/tables/table.h"
#include "core/types/type_catalog.h"
#include "native/io/mapped_file.h"

namespace panicroom {
namespace {

/// Another memory's pages, and which of them were read.
class RecordingMemory final : public PhysicalMemory {
 public:
  explicit RecordingMemory(std::shared_ptr<const PhysicalMemory> memory)
      : memory_(std::move(memory)) {}

  std::uint32_t page_size() const override { return memory_->page_size(); }
  std::uint64_t end() const override { return memory_->end(); }
  PageLocation locate(std::uint64_t address) const override { return memory_->locate(address); }
  // No view(): every read has to come by here.
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override {
    read_.insert(address / page_size());
    return memory_->read_page(address, page, decoder);
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    memory_->ranges(visit);
  }

  const std::set<std::uint64_t>& pages_read() const { return read_; }

 private:
  std::shared_ptr<const PhysicalMemory> memory_;
  mutable std::set<std::uint64_t> read_;
};

constexpr std::uint64_t kPage = 4096;

/// What one of the guest's users would ask for, read through the kernel's own address space.
class Reader {
 public:
  explicit Reader(Kernel& kernel) : kernel_(kernel) {}

  void read(std::uint64_t start, std::uint64_t end) {
    std::array<std::byte, 1> byte;
    for (std::uint64_t at = start / kPage * kPage; at < end; at += kPage)
      kernel_.memory().read_some(at, byte);
  }
  std::uint64_t symbol(std::string_view name) {
    const auto found = kernel_.symbols() ? kernel_.symbols()->find(name) : std::nullopt;
    return found ? found->address : 0;
  }
  /// The code at each frame of each thread, and each thread's stack and task structure.
  void threads() {
    Notes notes;
    std::vector<Thread> threads;
    static_cast<void>(kernel_.threads(
        [&](const Thread& thread) {
          threads.push_back(thread);
          return true;
        },
        notes));
    for (const Thread& thread : threads) {
      read(thread.stack_low, thread.stack_high);
      for (const UnwoundFrame& frame : kernel_.stack(thread, notes).frames)
        read(frame.pc, frame.pc + 1);
    }
  }
  /// STRUCTURE@ADDRESS, the address in hexadecimal.
  Result<void> object(std::string_view text) {
    const std::size_t split = text.find('@');
    std::uint64_t address = 0;
    const std::string_view digits = text.substr(std::min(text.size(), split + sizeof "@0x" - 1));
    const char* end = digits.data() + digits.size();
    if (split == text.npos || std::from_chars(digits.data(), end, address, 16).ptr != end)
      return fail(ErrorCode::invalid, fmt::format("{}: not STRUCTURE@0xADDRESS", text));
    PANICROOM_TRY(types, kernel_.types());
    PANICROOM_TRY(size, types->size_of(text.substr(0, split)));
    read(address, address + size);
    return {};
  }
  /// The page tables on the way to every page that the direct map and the kernel's image may have.
  void page_tables(std::uint64_t memory_end) {
    const std::uint64_t variable = symbol("page_offset_base");
    const auto direct_map = kernel_.memory().u64(variable);
    std::vector<TranslationStep> steps;  // asked for, so that no shortcut is taken
    const auto walk = [&](std::uint64_t start, std::uint64_t end) {
      for (std::uint64_t at = start; at < end; at += kPage) {
        steps.clear();
        static_cast<void>(kernel_.memory().translate(at, &steps));
      }
    };
    if (direct_map) walk(*direct_map, *direct_map + memory_end);
    walk(symbol("_text"), symbol("_end"));
  }

 private:
  Kernel& kernel_;
};

Result<void> print_pages(const std::string& path, std::span<char* const> objects) {
  PANICROOM_TRY(file, open_mapped_file(path));
  PANICROOM_TRY(unwrapped, unwrap(file));
  const std::array<SourcePtr, 1> files = {unwrapped.source};
  PANICROOM_TRY(dump, open_dump(files));
  const auto recording = std::make_shared<RecordingMemory>(dump.memory);
  dump.memory = recording;
  KernelInputs inputs;
  inputs.dump = &dump;
  Notes notes;
  PANICROOM_TRY(kernel, open_kernel(inputs, notes));

  const TableContext context = {&dump, kernel.get(), nullptr};
  for (const Table* table : tables()) {
    const auto made = table->rows(
        context, {}, [](std::span<const Value>) { return true; }, notes);
    // Some tables are of other systems.
    if (!made && made.error().code != ErrorCode::unsupported) return Failure(made.error());
  }
  Reader reader(*kernel);
  reader.read(reader.symbol("__start_BTF"), reader.symbol("__stop_BTF"));
  for (const char* name : {"linux_banner", "init_uts_ns", "saved_command_line", "init_task",
                           "jiffies", "runqueues", "sysrq_handle_crash", "panic"}) {
    const std::uint64_t address = reader.symbol(name);
    if (address != 0) reader.read(address, address + kPage);
  }
  reader.threads();
  for (const char* object : objects) PANICROOM_CHECK(reader.object(object));
  reader.page_tables(recording->end());
  for (const std::uint64_t page : recording->pages_read()) fmt::print("{}\n", page);
  return {};
}

}  // namespace
}  // namespace panicroom

int main(int count, char** arguments) {
  if (count < 2) {
    fmt::print(stderr, "usage: pages_read DUMP [STRUCTURE@ADDRESS...]\n");
    return 2;
  }
  const auto done =
      panicroom::print_pages(arguments[1], std::span(arguments + 2, arguments + count));
  if (done) return 0;
  fmt::print(stderr, "pages_read: {}: {}\n", arguments[1], done.error().message());
  return 1;
}
