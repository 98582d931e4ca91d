// Walks hostile page tables of every kind, and holds the caches of AddressSpace to what a fresh one
// says.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/memory/address_space.h"

namespace {

using namespace panicroom;

constexpr std::uint64_t memory_pages = 16;

/// The input, repeated over sixteen pages that come again and again up to 1 TiB, with holes.
class HostileMemory final : public PhysicalMemory {
 public:
  HostileMemory(Bytes input, bool mapped) : mapped_(mapped), bytes_(memory_pages * 4096) {
    for (std::size_t at = 0; at < bytes_.size(); at += input.size()) {
      std::memcpy(bytes_.data() + at, input.data(), std::min(input.size(), bytes_.size() - at));
    }
  }
  std::uint32_t page_size() const override { return 4096; }
  std::uint64_t end() const override { return std::uint64_t{1} << 40; }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = present(address);
    return location;
  }
  Bytes view(std::uint64_t address) const override {
    if (!mapped_ || !present(address)) return {};
    return Bytes(bytes_).subspan(static_cast<std::size_t>(address % bytes_.size()));
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page,
                         PageDecoder& /*decoder*/) const override {
    if (!present(address)) return absent(Absence::excluded, address, "left out");
    std::memcpy(page.data(), bytes_.data() + address % bytes_.size(), page.size());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& /*visit*/) const override {}

 private:
  // Sixteen pages lie together; each eighth group is missing.
  bool present(std::uint64_t address) const {
    return address < end() && (address / bytes_.size()) % 8 != 7;
  }
  bool mapped_;
  std::vector<std::byte> bytes_;
};

std::shared_ptr<const PageTable> table_of(std::uint8_t kind, std::uint64_t root, Bytes input,
                                          Machine& machine) {
  machine = {Architecture::x86_64, 8, std::endian::little, 4096};
  switch (kind % 16) {
    case 0:
      return x86_page_table(X86Mode::four_level, root);
    case 1:
      return x86_page_table(X86Mode::five_level, root, root & (std::uint64_t{1} << 47));
    case 2:
    case 3:
      machine.architecture = Architecture::i386;
      machine.pointer_size = 4;
      return x86_page_table(kind % 16 == 2 ? X86Mode::pae : X86Mode::two_level, root);
    case 4:
      return linear_page_table({{root, root | 0xffffff, root >> 7, "rule"}},
                               x86_page_table(X86Mode::four_level, root));
    case 5:
    case 6:
    case 7: {
      MinidumpMap map;
      map.version = kind >> 4;
      map.kernbase = root & 0xffffffffffe00000;
      map.dmapbase = root & 0xffffff0000000000;
      map.dmapend = map.dmapbase | (root >> 20);
      map.dmapphys = root >> 9;
      map.pae = (kind & 0x40) != 0;
      map.map_size = root >> 40;
      map.file = memory_source("input", {input.begin(), input.end()});
      machine.architecture = kind % 16 == 5   ? Architecture::x86_64
                             : kind % 16 == 6 ? Architecture::i386
                                              : Architecture::aarch64;
      machine.pointer_size = kind % 16 == 6 ? 4 : 8;
      machine.page_size = kind % 16 == 7 && map.pae ? 16384 : 4096;
      auto table = minidump_page_table(map, machine);
      if (!table) return nullptr;
      return std::move(*table);
    }
    default:
      machine.architecture = Architecture::aarch64;
      return aarch64_page_table(
          {root, 12U + 2U * (kind % 3U), 30U + (kind >> 3U), (kind & 4) != 0, (kind & 2) != 0});
  }
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 32) return 0;
  const Bytes input(reinterpret_cast<const std::byte*>(data), size);
  const std::uint8_t kind = data[0];
  const auto root = load<std::uint64_t>(input.data() + 8, std::endian::little);
  Machine machine;
  const auto table = table_of(kind, root, input, machine);
  if (table == nullptr) return 0;
  const auto memory = std::make_shared<HostileMemory>(input, (data[1] & 1) != 0);
  AddressSpace old(memory, machine, table);

  std::uint64_t address = load<std::uint64_t>(input.data() + 16, std::endian::little);
  const auto stride = load<std::uint64_t>(input.data() + 24, std::endian::little) >> (data[2] % 64);
  for (unsigned i = 0; i < 64; ++i, address += stride) {
    std::vector<TranslationStep> steps;
    const auto translation = old.translate(address, &steps);
    require(steps.size() <= 8);
    if (translation) {
      require(is_power_of_two(translation->page_size));
    } else {
      require(translation.error().address == address && !translation.error().text.empty());
    }
    const auto from_cache = old.u64(address);
    if (i % 8 == 0) {
      AddressSpace fresh(memory, machine, table);
      const auto expected = fresh.u64(address);
      require(from_cache.has_value() == expected.has_value());
      if (expected) {
        require(*from_cache == *expected);
      } else {
        require(from_cache.error().code == expected.error().code &&
                from_cache.error().address == expected.error().address);
      }
      std::vector<std::byte> some(20000);
      const std::size_t got = old.read_some(address, some);
      if (const auto whole = fresh.read(address, some); whole) require(got == some.size());
      static_cast<void>(old.string(address, 5000));
    }
  }
  return 0;
}
