#include "core/kernel/netbsd/modules.h"

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/lists.h"

namespace panicroom::netbsd {
namespace {

constexpr std::uint64_t size_of_module = 64;  // bytes, at least
constexpr std::uint64_t most_required = 10;   // MAXMODDEPS

class ModulesReader {
 public:
  ModulesReader(Evidence& evidence, Notes& notes) : evidence_(evidence), notes_(notes) {}

  LoadedModule read(std::uint64_t address) {
    LoadedModule module;
    module.address = address;
    const auto info = noted(info_.read(evidence_, address), notes_, "a module's name");
    if (info && *info != 0)
      module.name = text_behind(evidence_, name_, *info, "a module's name", notes_);
    module.references =
        noted(references_.read_signed(evidence_, address), notes_, "a module's references");
    module.state = "live";
    const auto object = noted(object_.read(evidence_, address), notes_, "a module's memory");
    if (object && *object != 0) read_memory(*object, module);
    return module;
  }

  /// Addresses of the modules that one needs: an array, since NetBSD 10 a pointer to one.
  std::vector<std::uint64_t> required(std::uint64_t address) {
    constexpr std::string_view what = "the modules that a module needs";
    std::vector<std::uint64_t> modules;
    const auto count = noted(count_.read(evidence_, address), notes_, what);
    const auto member = noted(required_.member(evidence_), notes_, what);
    if (!count || !member || *count == 0) return modules;
    const unsigned word = evidence_.pointer_size();
    std::uint64_t at = address + member->offset;
    if (member->size == word) {
      const auto array = noted(evidence_.memory().word(at), notes_, what);
      if (!array || *array == 0) return modules;
      at = *array;
    }
    for (std::uint64_t index = 0; index < std::min(*count, most_required); ++index)
      if (const auto module = noted(evidence_.memory().word(at + index * word), notes_, what))
        modules.push_back(*module);
    return modules;
  }

 private:
  /// The text and data of one lie in memory of their own since NetBSD 8; the text is what has its
  /// code.
  void read_memory(std::uint64_t object, LoadedModule& module) {
    constexpr std::string_view what = "a module's memory";
    if (!base_.exists(evidence_)) return;
    module.base = noted(base_.read(evidence_, object), notes_, what);
    module.size = noted(size_.read(evidence_, object), notes_, what);
  }

  Evidence& evidence_;
  Notes& notes_;
  Field info_{"module", "mod_info"}, references_{"module", "mod_refcnt"},
      object_{"module", "mod_kobj"}, required_{"module", "mod_required"},
      count_{"module", "mod_nrequired"}, name_{"modinfo", "mi_name"};
  Field base_{"kobj", {"ko_text_address", "ko_address"}},
      size_{"kobj", {"ko_text_size", "ko_size"}};
};

}  // namespace

Result<void> read_modules(Evidence& evidence, const Visitor<LoadedModule>& visit, Notes& notes) {
  const Field link("module", "mod_chain");
  PANICROOM_TRY(head, evidence.address_of("module_list"));
  PANICROOM_TRY(next, link.member(evidence));
  ModulesReader reader(evidence, notes);
  std::vector<LoadedModule> modules;
  std::map<std::uint64_t, std::size_t> places;
  for_each_listed(evidence, head, next.offset, most_objects(evidence, size_of_module),
                  "the list of modules", notes, [&](std::uint64_t address) {
                    places.emplace(address, modules.size());
                    modules.push_back(reader.read(address));
                    return true;
                  });
  for (const LoadedModule& module : modules)
    for (const std::uint64_t needed : reader.required(module.address))
      if (const auto place = places.find(needed); place != places.end() && module.name)
        modules[place->second].used_by.push_back(*module.name);
  for (const LoadedModule& module : modules)
    if (!visit(module)) break;
  return {};
}

}  // namespace panicroom::netbsd
