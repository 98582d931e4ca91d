#pragma once

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/arch/page_table.h"
#include "core/dump/formats.h"
#include "core/io/unwrap.h"
#include "core/memory/address_space.h"

namespace panicroom::bench {

/// A dump with its kernel's page tables and where its direct map begins: what a read by kernel
/// address needs, without symbols or types.
struct KernelMemory {
  Dump dump;
  std::shared_ptr<const PageTable> table;
  std::uint64_t direct_map = 0;

  AddressSpace open() const { return AddressSpace(dump.memory, dump.machine, table); }
};

inline std::optional<std::uint64_t> vmcoreinfo_number(const Dump& dump, const std::string& key,
                                                      int base) {
  if (!dump.vmcoreinfo) return std::nullopt;
  const std::size_t at = dump.vmcoreinfo->find("\n" + key + "=");
  if (at == std::string::npos) return std::nullopt;
  const char* text = dump.vmcoreinfo->c_str() + at + key.size() + 2;
  return text[0] == '-' ? std::uint64_t{0} - std::strtoull(text + 1, nullptr, base)
                        : std::strtoull(text, nullptr, base);
}

/// x86_64 dumps of Linux with VMCOREINFO and FreeBSD minidumps.
inline Result<KernelMemory> open_kernel_memory(const SourcePtr& file) {
  PANICROOM_TRY(unwrapped, unwrap(file));
  PANICROOM_TRY(dump, open_dump(std::span(&unwrapped.source, 1)));
  KernelMemory memory{std::move(dump), nullptr, 0};
  if (memory.dump.minidump) {
    PANICROOM_TRY(table, minidump_page_table(*memory.dump.minidump, memory.dump.machine));
    memory.table = std::move(table);
    memory.direct_map = memory.dump.minidump->dmapbase;
    return memory;
  }
  const auto root = vmcoreinfo_number(memory.dump, "SYMBOL(swapper_pg_dir)", 16);
  const auto base = vmcoreinfo_number(memory.dump, "NUMBER(phys_base)", 10);
  if (!root || !base) return fail(ErrorCode::unsupported, "a Linux dump without VMCOREINFO");
  const bool five_levels =
      vmcoreinfo_number(memory.dump, "NUMBER(pgtable_l5_enabled)", 10).value_or(0) == 1;
  memory.table = x86_page_table(five_levels ? X86Mode::five_level : X86Mode::four_level,
                                *root - 0xffffffff80000000 + *base);
  // KASLR moves the direct map in steps of 1 GiB; its 17th MiB is always memory.
  AddressSpace space = memory.open();
  const std::uint64_t first = five_levels ? 0xff11000000000000 : 0xffff888000000000;
  for (std::uint64_t gib = 0; gib < 0x20000; ++gib) {
    const std::uint64_t start = first + (gib << 30);
    const auto found = space.translate(start + 0x1000000);
    if (found && found->physical == 0x1000000) {
      memory.direct_map = start;
      return memory;
    }
  }
  return fail(ErrorCode::unmapped, "no direct map found");
}

/// Kernel addresses of up to `count` pages that the dump holds and the direct map reaches, evenly
/// taken, ascending.
inline std::vector<std::uint64_t> present_pages(const KernelMemory& memory, std::size_t count) {
  std::vector<std::uint64_t> pages;
  AddressSpace space = memory.open();
  memory.dump.memory->ranges([&](const PhysicalRange& range) {
    if (!range.present) return true;
    for (std::uint64_t at = (range.start + 0xfff) & ~std::uint64_t{0xfff}; at + 0x1000 <= range.end;
         at += 0x1000) {
      pages.push_back(memory.direct_map + at);
    }
    return true;
  });
  std::vector<std::uint64_t> taken;
  std::byte probe[1];
  const std::size_t step = std::max<std::size_t>(1, pages.size() / count);
  for (std::size_t i = 0; i < pages.size() && taken.size() < count; i += step) {
    if (space.read(pages[i], probe)) taken.push_back(pages[i]);
  }
  return taken;
}

/// A sequence of numbers that is the same for every reader.
class Numbers {
 public:
  std::uint64_t next() {
    state_ ^= state_ << 13;
    state_ ^= state_ >> 7;
    state_ ^= state_ << 17;
    return state_;
  }

 private:
  std::uint64_t state_ = 0x9e3779b97f4a7c15;
};

/// The addresses that every benchmark reads: 8-byte words at random or ascending, or whole pages.
struct Plan {
  std::vector<std::uint64_t> random_words;
  std::vector<std::uint64_t> sequential_words;
  std::vector<std::uint64_t> random_pages;
  std::vector<std::uint64_t> sequential_pages;
};

inline Plan plan_of(const KernelMemory& memory) {
  constexpr std::size_t reads = 1 << 18;
  Plan plan;
  plan.sequential_pages = present_pages(memory, reads);
  Numbers numbers;
  const auto& pages = plan.sequential_pages;
  if (pages.empty()) return plan;
  for (std::size_t i = 0; i < reads; ++i) {
    plan.random_words.push_back(pages[numbers.next() % pages.size()] + numbers.next() % 512 * 8);
    plan.sequential_words.push_back(pages[i / 512 % pages.size()] + i % 512 * 8);
    plan.random_pages.push_back(pages[numbers.next() % pages.size()]);
  }
  return plan;
}

}  // namespace panicroom::bench
