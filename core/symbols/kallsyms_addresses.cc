#include "core/symbols/kallsyms_addresses.h"

#include <fmt/format.h>

#include <algorithm>
#include <tuple>

#include "core/symbols/kallsyms_names.h"

namespace panicroom {

namespace {

Result<std::vector<std::byte>> read_array(AddressSpace& kernel, std::uint64_t address,
                                          std::uint64_t count, std::uint64_t width,
                                          std::string_view what) {
  std::vector<std::byte> raw(static_cast<std::size_t>(count * width));
  if (auto read = kernel.read(address, raw); !read)
    return Failure(read.error().within(fmt::format("reading {}", what)));
  return raw;
}

/// The lowest address that a kernel's own half begins at.
std::uint64_t kernel_half(const Machine& machine) {
  return machine.pointer_size == 8 ? std::uint64_t{1} << 63 : std::uint64_t{1} << 30;
}

void weigh(KallsymsAddresses& addresses, const Machine& machine) {
  const std::uint64_t half = kernel_half(machine);
  std::uint64_t before = 0;
  for (std::uint64_t& value : addresses.values) {
    if (machine.pointer_size == 4) value &= 0xffffffff;
    if (value >= half && value >= before) ++addresses.plausible;
    before = value;
  }
}

std::uint64_t address(KallsymsForm form, std::uint32_t entry, std::uint64_t slot,
                      std::uint64_t base) {
  const auto distance =
      static_cast<std::uint64_t>(static_cast<std::int64_t>(static_cast<std::int32_t>(entry)));
  switch (form) {
    case KallsymsForm::relative:
      return base + entry;
    case KallsymsForm::absolute_percpu:
      return (entry >> 31) == 0 ? entry : base - 1 - distance;
    case KallsymsForm::self_relative:
      return slot + distance;
    case KallsymsForm::absolute:
      break;
  }
  return entry;
}

}  // namespace

Result<std::vector<KallsymsAddresses>> read_kallsyms_addresses(AddressSpace& kernel,
                                                               const KallsymsTables& tables) {
  const Machine machine = kernel.machine();
  if (tables.count > KallsymsNames::kCountLimit)
    return fail(ErrorCode::corrupt, fmt::format("kallsyms_num_syms is {}", tables.count));
  std::vector<KallsymsAddresses> readings;
  if (tables.offsets != 0) {
    PANICROOM_TRY(raw, read_array(kernel, tables.offsets, tables.count, 4, "kallsyms_offsets"));
    std::vector<KallsymsForm> forms{KallsymsForm::self_relative};
    if (tables.relative_base != 0) forms = {KallsymsForm::absolute_percpu, KallsymsForm::relative};
    for (const KallsymsForm form : forms) {
      KallsymsAddresses reading;
      reading.form = form;
      reading.values.reserve(static_cast<std::size_t>(tables.count));
      for (std::size_t i = 0; i < tables.count; ++i)
        reading.values.push_back(address(form,
                                         load<std::uint32_t>(raw.data() + 4 * i, machine.order),
                                         tables.offsets + 4 * i, tables.relative_base));
      weigh(reading, machine);
      readings.push_back(std::move(reading));
    }
  }
  if (tables.addresses != 0) {
    const unsigned width = machine.pointer_size;
    PANICROOM_TRY(raw,
                  read_array(kernel, tables.addresses, tables.count, width, "kallsyms_addresses"));
    KallsymsAddresses reading;
    const Reader words(raw, machine.order);
    for (std::size_t i = 0; i < tables.count; ++i)
      reading.values.push_back(words.word(width * i, width).value_or(0));
    weigh(reading, machine);
    readings.push_back(std::move(reading));
  }
  if (readings.empty())
    return fail(ErrorCode::corrupt, "kallsyms has neither offsets nor addresses");
  std::sort(readings.begin(), readings.end(), [](const auto& a, const auto& b) {
    return std::tuple(b.plausible, a.form) < std::tuple(a.plausible, b.form);
  });
  return readings;
}

}  // namespace panicroom
