#pragma once

// What the fuzzers of all tables share: a dump whose memory can be patched, and its tables made
// anew. An input is patches of 12 bytes: 16 bits that choose a page, 16 bits of offset in it, 8
// bytes that are written there. Pages are those that the tables read.

#include <algorithm>
#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/base/bytes.h"
#include "core/dump/formats.h"
#include "core/kernel/kernel.h"
#include "core/tables/table.h"

namespace panicroom::fuzzing {

inline void require(bool holds) {
  if (!holds) __builtin_trap();
}

inline constexpr std::uint32_t kPage = 4096;

/// The pages of a dump in memory, where they can be changed; notes which were looked at.
class PatchedMemory final : public PhysicalMemory {
 public:
  explicit PatchedMemory(std::shared_ptr<const PhysicalMemory> dump) : dump_(std::move(dump)) {
    PageDecoder decoder;
    dump_->ranges([&](const PhysicalRange& range) {
      for (std::uint64_t at = range.start; range.present && at < range.end; at += kPage) {
        std::vector<std::byte> page(kPage);
        if (dump_->read_page(at, page, decoder)) pages_[at] = std::move(page);
      }
      return true;
    });
  }
  std::uint32_t page_size() const override { return kPage; }
  std::uint64_t end() const override { return dump_->end(); }
  PageLocation locate(std::uint64_t address) const override { return dump_->locate(address); }
  Bytes view(std::uint64_t address) const override {
    const std::uint64_t page = address / kPage * kPage;
    const auto found = pages_.find(page);
    if (found == pages_.end()) return {};
    if (recording) read.insert(page);
    return Bytes(found->second).subspan(static_cast<std::size_t>(address - page));
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& decoder) const override {
    const Bytes bytes = view(address);
    if (bytes.empty()) return dump_->read_page(address, page, decoder);
    std::copy(bytes.begin(), bytes.end(), page.begin());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    dump_->ranges(visit);
  }
  std::vector<std::byte>& page(std::uint64_t address) { return pages_.at(address); }

  bool recording = false;
  mutable std::set<std::uint64_t> read;

 private:
  std::shared_ptr<const PhysicalMemory> dump_;
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
};

/// A dump, its kernel, and the pages that making its tables looks at; without what symbols and
/// types are read from where those are in the dump too: they are read before anything is patched.
class PatchedTables {
 public:
  enum class Types : std::uint8_t { in_dump, in_kernel_file };
  PatchedTables(std::span<const SourcePtr> dump, KernelInputs inputs, Types types,
                std::size_t least_pages)
      : inputs_(std::move(inputs)) {
    auto opened = open_dump(dump);
    require(opened.has_value());
    dump_ = std::make_unique<Dump>(std::move(*opened));
    memory_ = std::make_shared<PatchedMemory>(dump_->memory);
    dump_->memory = memory_;
    inputs_.dump = dump_.get();
    if (types == Types::in_dump) make_tables();
    memory_->recording = true;
    make_tables();
    memory_->recording = false;
    pages_.assign(memory_->read.begin(), memory_->read.end());
    require(pages_.size() > least_pages);
  }

  void run(Bytes input) {
    struct Undo {
      std::uint64_t page;
      std::size_t offset;
      std::array<std::byte, 8> bytes;
    };
    std::vector<Undo> undo;
    const Reader reader(input, std::endian::little);
    for (std::uint64_t at = 0; at + 12 <= input.size(); at += 12) {
      const std::uint64_t page = pages_[*reader.u16(at) % pages_.size()];
      const std::size_t offset = *reader.u16(at + 2) % (kPage - 7);
      Undo& saved = undo.emplace_back(Undo{page, offset, {}});
      std::byte* const place = memory_->page(page).data() + offset;
      std::memcpy(saved.bytes.data(), place, 8);
      std::memcpy(place, input.data() + at + 4, 8);
    }
    make_tables();
    for (auto change = undo.rbegin(); change != undo.rend(); ++change)
      std::memcpy(memory_->page(change->page).data() + change->offset, change->bytes.data(), 8);
  }

 private:
  void make_tables() {
    Notes notes;
    if (!kernel_) {
      auto opened = open_kernel(inputs_, notes);
      require(opened.has_value());
      kernel_ = std::move(*opened);
    }
    const TableContext context = {dump_.get(), kernel_.get(), nullptr};
    for (const Table* table : tables()) {
      // Those of the file do not change, the symbols are kept.
      if (table->name() == "ranges" || table->name() == "regions" || table->name() == "symbols")
        continue;
      Notes remarks;
      std::uint64_t rows = 0;
      const auto made = table->rows(
          context, {},
          [&](std::span<const Value> row) {
            require(row.size() == table->columns().size());
            ++rows;
            return true;
          },
          remarks);
      require(made || !made.error().text.empty());
      require(rows < (std::uint64_t{1} << 21));
    }
  }

  KernelInputs inputs_;
  std::unique_ptr<Dump> dump_;
  std::shared_ptr<PatchedMemory> memory_;
  std::unique_ptr<Kernel> kernel_;
  std::vector<std::uint64_t> pages_;
};

}  // namespace panicroom::fuzzing
