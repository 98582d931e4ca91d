#pragma once

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "core/dump/dump.h"

namespace panicroom::testing {

/// A small machine's physical memory, zero but for what a test puts there, and a dump of it.
class LinuxImage {
 public:
  static constexpr std::uint64_t kPage = 4096;

  explicit LinuxImage(std::uint64_t size, Architecture architecture = Architecture::x86_64)
      : memory_(std::make_shared<Memory>(size)) {
    dump.machine.architecture = architecture;
    dump.machine.pointer_size = architecture == Architecture::i386 ? 4 : 8;
    dump.memory = memory_;
  }

  LinuxImage& put64(std::uint64_t address, std::uint64_t value) { return put(address, value); }
  LinuxImage& put32(std::uint64_t address, std::uint32_t value) { return put(address, value); }
  LinuxImage& put16(std::uint64_t address, std::uint16_t value) { return put(address, value); }
  LinuxImage& put8(std::uint64_t address, std::uint8_t value) { return put(address, value); }
  LinuxImage& text(std::uint64_t address, std::string_view value) {
    std::memcpy(memory_->bytes.data() + address, value.data(), value.size());
    return *this;
  }

  /// x86_64, four levels at 0x1000 to 0x3fff: the 1 GiB from 0xffffffff80000000 is mapped by a
  /// 2 MiB page for each 2 MiB of memory, beginning at physical `phys_base`.
  LinuxImage& map_x86_64(std::uint64_t phys_base) {
    const std::uint64_t root = phys_base + 0x1000, pdpt = phys_base + 0x2000,
                        pd = phys_base + 0x3000;
    put64(root + 511 * 8, pdpt | 3);
    put64(pdpt + 510 * 8, pd | 3);
    for (std::uint64_t i = 0; phys_base + (i << 21) < memory_->bytes.size(); ++i)
      put64(pd + i * 8, (phys_base + (i << 21)) | 0x83);
    return *this;
  }

  Dump dump;

 private:
  struct Memory final : PhysicalMemory {
    explicit Memory(std::uint64_t size) : bytes(static_cast<std::size_t>(size)) {}
    std::uint32_t page_size() const override { return kPage; }
    std::uint64_t end() const override { return bytes.size(); }
    PageLocation locate(std::uint64_t address) const override {
      PageLocation location;
      location.present = address < bytes.size();
      return location;
    }
    Result<void> read_page(std::uint64_t address, MutableBytes page, PageDecoder&) const override {
      if (address >= bytes.size()) return absent(Absence::hole, address, "no memory here");
      std::copy_n(bytes.begin() + static_cast<std::ptrdiff_t>(address), page.size(), page.begin());
      return {};
    }
    void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
      visit({0, bytes.size(), true, Absence::none});
    }
    std::vector<std::byte> bytes;
  };

  template <class T>
  LinuxImage& put(std::uint64_t address, T value) {
    std::memcpy(memory_->bytes.data() + address, &value, sizeof value);
    return *this;
  }

  std::shared_ptr<Memory> memory_;
};

}  // namespace panicroom::testing
