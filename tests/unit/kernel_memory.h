#pragma once

#include <algorithm>
#include <cstring>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "core/memory/address_space.h"

namespace panicroom::test {

/// Memory of a dead kernel for tests: what was put there is present, all else is excluded. Virtual
/// address kBase + n is physical address n.
class KernelMemory final : public PhysicalMemory {
 public:
  static constexpr std::uint64_t kBase = 0xffffffff81000000;
  static constexpr std::uint32_t kPage = 4096;

  /// Puts bytes at a virtual address; what they leave of their pages is zero.
  void put(std::uint64_t address, Bytes bytes) {
    for (std::size_t done = 0; done < bytes.size();) {
      const std::uint64_t at = address - kBase + done;
      auto& page = pages_[at / kPage];
      page.resize(kPage);
      const auto length = std::min<std::size_t>(kPage - at % kPage, bytes.size() - done);
      std::memcpy(page.data() + at % kPage, bytes.data() + done, length);
      done += length;
    }
  }
  void put(std::uint64_t address, const std::vector<std::byte>& bytes) {
    put(address, Bytes(bytes));
  }
  template <std::integral T>
  void put_integer(std::uint64_t address, T value, std::endian order = std::endian::little) {
    auto bits = static_cast<std::make_unsigned_t<T>>(value);
    if (order != std::endian::native) bits = byte_swapped(bits);
    put(address, std::as_bytes(std::span<const std::make_unsigned_t<T>>(&bits, 1)));
  }
  void drop(std::uint64_t address) { pages_.erase((address - kBase) / kPage); }
  /// The page is there but cannot be decoded.
  void damage(std::uint64_t address) { damaged_.insert((address - kBase) / kPage); }
  std::size_t reads() const { return reads_; }

  std::uint32_t page_size() const override { return kPage; }
  std::uint64_t end() const override {
    return pages_.empty() ? 0 : (pages_.rbegin()->first + 1) * kPage;
  }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = pages_.contains(address / kPage);
    location.absence = location.present ? Absence::none : Absence::excluded;
    return location;
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page, PageDecoder&) const override {
    const auto found = pages_.find(address / kPage);
    if (found == pages_.end()) return absent(Absence::excluded, address, "the page was left out");
    ++reads_;
    if (damaged_.contains(address / kPage)) return fail(ErrorCode::corrupt, "the page is damaged");
    std::copy(found->second.begin(), found->second.end(), page.begin());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    for (const auto& [number, page] : pages_)
      if (!visit({number * kPage, (number + 1) * kPage, true, Absence::none})) return;
  }

 private:
  std::map<std::uint64_t, std::vector<std::byte>> pages_;
  std::set<std::uint64_t> damaged_;
  mutable std::size_t reads_ = 0;
};

/// The kernel's address space over `memory`, of a 64-bit machine.
inline std::unique_ptr<AddressSpace> address_space(std::shared_ptr<const KernelMemory> memory,
                                                   std::endian order = std::endian::little) {
  Machine machine;
  machine.architecture = Architecture::x86_64;
  machine.order = order;
  std::vector<LinearRange> whole{{KernelMemory::kBase, ~std::uint64_t{0}, 0, "kernel image"}};
  return std::make_unique<AddressSpace>(std::move(memory), machine,
                                        linear_page_table(std::move(whole), nullptr));
}

}  // namespace panicroom::test
