#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "core/memory/address_space.h"

namespace panicroom::fuzz {

/// A kernel image that is a fuzzer's input: 4 KiB pages from physical 0, mapped at kBase.
class KernelImage final : public PhysicalMemory {
 public:
  static constexpr std::uint64_t kBase = 0xffffffff81000000;

  explicit KernelImage(Bytes bytes) : bytes_(bytes.begin(), bytes.end()) {
    bytes_.resize((bytes_.size() + page_size() - 1) / page_size() * page_size());
  }

  std::uint32_t page_size() const override { return 4096; }
  std::uint64_t end() const override { return bytes_.size(); }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = address < bytes_.size();
    return location;
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page, PageDecoder&) const override {
    if (address >= bytes_.size()) return absent(Absence::hole, address, "beyond the image");
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(address), page.size(), page.begin());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    visit({0, end(), true, Absence::none});
  }

 private:
  std::vector<std::byte> bytes_;
};

inline std::unique_ptr<AddressSpace> map_image(Bytes image, std::endian order,
                                               Architecture architecture = Architecture::x86_64) {
  Machine machine;
  machine.architecture = architecture;
  machine.order = order;
  std::vector<LinearRange> whole{{KernelImage::kBase, ~std::uint64_t{0}, 0, "kernel image"}};
  return std::make_unique<AddressSpace>(std::make_shared<KernelImage>(image), machine,
                                        linear_page_table(std::move(whole), nullptr));
}

}  // namespace panicroom::fuzz
