#include "core/arch/table_entry.h"

#include <fmt/format.h>

#include <array>
#include <utility>

namespace panicroom {

std::string size_text(std::uint64_t bytes) {
  static constexpr std::array<std::string_view, 5> units = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (unit + 1 < units.size() && bytes >= 1024 && bytes % 1024 == 0) {
    bytes /= 1024;
    ++unit;
  }
  return fmt::format("{} {}", bytes, units[unit]);
}

Result<std::uint64_t> TableWalk::entry(std::string_view table, std::uint64_t base,
                                       std::uint64_t index, unsigned width) {
  table_ = table;
  place_ = base + index * width;
  outside_ = false;
  if (steps_ != nullptr) steps_->push_back({table, index, place_, std::nullopt, 0, {}});
  auto value = words_.word(place_, width);
  if (!value) {
    const Error& cause = value.error();
    explain(fmt::format("cannot be read: {}", cause.text));
    Error error = cause;
    error.text =
        fmt::format("the {} entry at physical {:#x} cannot be read: {}", table, place_, cause.text);
    error.address = virtual_address_;
    return Failure(std::move(error));
  }
  value_ = *value;
  if (steps_ != nullptr) steps_->back().entry = value_;
  return value_;
}

void TableWalk::outside_entry(std::string_view table, std::uint64_t index,
                              std::uint64_t file_offset, std::uint64_t value) {
  table_ = table;
  place_ = file_offset;
  value_ = value;
  outside_ = true;
  if (steps_ != nullptr) steps_->push_back({table, index, std::nullopt, file_offset, value, {}});
}

void TableWalk::goes_to_table(std::uint64_t physical) {
  if (steps_ != nullptr) explain(fmt::format("table at {:#x}", physical));
}

Translation TableWalk::page(std::uint64_t physical, std::uint64_t page_size, bool writable,
                            bool executable, bool user) {
  if (steps_ != nullptr) {
    explain(fmt::format("{} page at {:#x}", size_text(page_size), physical & ~(page_size - 1)));
  }
  return {physical, page_size, writable, executable, user};
}

std::string TableWalk::entry_name() const {
  return fmt::format("the {} entry at {} {:#x}", table_, outside_ ? "file offset" : "physical",
                     place_);
}

Failure TableWalk::not_present() {
  explain("not present");
  return fail_at_address(
      ErrorCode::unmapped, virtual_address_,
      fmt::format("no memory is mapped here: {} is {:#x}, not present", entry_name(), value_));
}

Failure TableWalk::corrupt(std::string_view why) {
  explain(fmt::format("corrupt: {}", why));
  return fail_at_address(ErrorCode::corrupt, virtual_address_,
                         fmt::format("{} is {:#x}: {}", entry_name(), value_, why));
}

Failure TableWalk::unmapped(std::string_view why) const {
  return fail_at_address(ErrorCode::unmapped, virtual_address_, std::string(why));
}

}  // namespace panicroom
