#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "core/arch/page_table.h"

namespace panicroom {

/// "4 KiB", "2 MiB", "1 GiB": a mapping's size, a power of two.
std::string size_text(std::uint64_t bytes);

/// What one walk shares between its levels: where entries come from and where the steps go.
class TableWalk {
 public:
  TableWalk(std::uint64_t virtual_address, PhysicalWords& words,
            std::vector<TranslationStep>* steps)
      : virtual_address_(virtual_address), words_(words), steps_(steps) {}

  std::uint64_t virtual_address() const { return virtual_address_; }

  /// Reads entry `index` of the table at physical `base`. Begins a step whose meaning one of the
  /// answers below then gives.
  Result<std::uint64_t> entry(std::string_view table, std::uint64_t base, std::uint64_t index,
                              unsigned width);
  /// Begins the step of an entry that lies outside the machine's memory, in a map of the dump.
  void outside_entry(std::string_view table, std::uint64_t index, std::uint64_t file_offset,
                     std::uint64_t value);

  void goes_to_table(std::uint64_t physical);
  /// `physical` is of the very byte.
  Translation page(std::uint64_t physical, std::uint64_t page_size, bool writable, bool executable,
                   bool user);
  Failure not_present();
  /// `why` continues "the PD entry at 0x1000 is corrupt: ".
  Failure corrupt(std::string_view why);
  /// An address that no entry stands for.
  Failure unmapped(std::string_view why) const;
  /// The step of a rule that needs no entry; `meaning()` is only called when steps are wanted.
  template <class Meaning>
  void rule(std::string_view table, Meaning meaning) {
    if (steps_ != nullptr) steps_->push_back({table, 0, std::nullopt, std::nullopt, 0, meaning()});
  }

 private:
  void explain(std::string meaning) {
    if (steps_ != nullptr && !steps_->empty()) steps_->back().meaning = std::move(meaning);
  }
  std::string entry_name() const;

  std::uint64_t virtual_address_;
  PhysicalWords& words_;
  std::vector<TranslationStep>* steps_;
  std::string_view table_;
  std::uint64_t place_ = 0;  ///< physical address or file offset of the current entry
  std::uint64_t value_ = 0;
  bool outside_ = false;
};

}  // namespace panicroom
