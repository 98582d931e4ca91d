// Linux kernel/module/sysfs.c (before 5.19 kernel/module.c): struct module_sect_attrs.
#include "core/kernel/linux/module_sections.h"

#include <fmt/format.h>

#include <utility>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_sections = std::uint64_t{1} << 16;
constexpr std::size_t longest_name = 256;

using Sections = std::map<std::string, ModulePlace::Section>;

class Reader {
 public:
  explicit Reader(Evidence& evidence) : evidence_(evidence) {}

  Result<Sections> read(std::uint64_t module) {
    PANICROOM_TRY(attributes, attributes_.read(evidence_, module));
    if (attributes == 0)
      return fail_at_address(ErrorCode::no_symbol, module,
                             "the kernel does not say where this module's sections lie");
    PANICROOM_CHECK(count_.exists(evidence_) ? by_count(attributes) : by_list(attributes));
    return std::move(sections_);
  }

 private:
  /// Until Linux 6.13: an array of struct module_sect_attr behind its length.
  Result<void> by_count(std::uint64_t attributes) {
    PANICROOM_TRY(count, count_.read(evidence_, attributes));
    PANICROOM_TRY(first, array_.place(evidence_, attributes));
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(size, types->size_of("module_sect_attr"));
    if (count > most_sections)
      return fail_at_address(
          ErrorCode::corrupt, attributes,
          fmt::format("a module with {} sections, where one has at most {}", count, most_sections));
    for (std::uint64_t i = 0; i < count; ++i)
      PANICROOM_CHECK(add(first + i * size, name_, address_));
    return {};
  }

  /// Since Linux 6.14: pointers to struct bin_attribute up to a null one.
  Result<void> by_list(std::uint64_t attributes) {
    PANICROOM_TRY(list, list_.read(evidence_, attributes));
    for (std::uint64_t i = 0; i < most_sections; ++i) {
      PANICROOM_TRY(attribute, evidence_.memory().word(list + i * evidence_.pointer_size()));
      if (attribute == 0) return {};
      PANICROOM_CHECK(add(attribute, file_name_, private_));
    }
    return fail_at_address(ErrorCode::corrupt, list, "the list of a module's sections has no end");
  }

  Result<void> add(std::uint64_t at, const Field& name_field, const Field& address_field) {
    PANICROOM_TRY(name, name_field.read(evidence_, at));
    PANICROOM_TRY(address, address_field.read(evidence_, at));
    PANICROOM_TRY(text, evidence_.memory().string(name, longest_name));
    sections_.emplace(std::move(text), ModulePlace::Section{address, std::nullopt});
    return {};
  }

  Evidence& evidence_;
  Sections sections_;
  Field attributes_{"module", "sect_attrs"}, count_{"module_sect_attrs", "nsections"},
      array_{"module_sect_attrs", "attrs"}, name_{"module_sect_attr", {"battr.attr.name", "name"}},
      address_{"module_sect_attr", "address"}, list_{"module_sect_attrs", "grp.bin_attrs"},
      file_name_{"bin_attribute", "attr.name"}, private_{"bin_attribute", "private"};
};

}  // namespace

Result<std::map<std::string, ModulePlace::Section>> read_module_sections(Evidence& evidence,
                                                                         std::uint64_t module) {
  return Reader(evidence).read(module);
}

}  // namespace panicroom::linux_kernel
