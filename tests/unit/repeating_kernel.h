#pragma once

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/kernel_memory.h"

namespace panicroom::test {

/// A kernel whose page tables show all of its memory again and again from KernelMemory::kBase on.
class RepeatingKernel {
 public:
  explicit RepeatingKernel(std::shared_ptr<const KernelMemory> memory)
      : table_(std::make_shared<Table>(memory->end())) {
    Machine machine;
    machine.architecture = Architecture::x86_64;
    space = std::make_unique<AddressSpace>(std::move(memory), machine, table_);
  }
  /// Page-table walks so far: one for each page that is looked at anew.
  std::size_t walks() const { return table_->walks; }

  std::unique_ptr<AddressSpace> space;

 private:
  struct Table final : PageTable {
    explicit Table(std::uint64_t memory_size) : size(memory_size) {}
    Result<Translation> walk(std::uint64_t address, PhysicalWords&,
                             std::vector<TranslationStep>*) const override {
      ++walks;
      Translation translation;
      translation.physical = (address - KernelMemory::kBase) % size;
      translation.page_size = KernelMemory::kPage;
      return translation;
    }
    std::string describe() const override { return "repeats"; }
    std::uint64_t size;
    mutable std::size_t walks = 0;
  };

  std::shared_ptr<Table> table_;
};

}  // namespace panicroom::test
