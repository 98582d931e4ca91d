#include <fmt/format.h>

#include <map>
#include <utility>
#include <vector>

#include "core/base/loop_guard.h"
#include "core/kernel/illumos/machine.h"
#include "core/kernel/illumos/module_list.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_needed = std::uint64_t{1} << 16;  // by all modules together

class Reader {
 public:
  explicit Reader(Evidence& evidence) : evidence_(evidence) {}

  Result<void> read(const Visitor<LoadedModule>& visit, Notes& notes) {
    PANICROOM_TRY(first, evidence_.address_of("modules"));
    std::vector<LoadedModule> modules;
    PANICROOM_CHECK(for_each_module(
        evidence_, first,
        [&](const ModuleRecord& record) {
          // Others were loaded once, or are only needed by their name.
          if (record.module != 0) modules.push_back(one(record, notes));
          return true;
        },
        notes));
    std::map<std::uint64_t, std::vector<std::string>> users;
    for (const LoadedModule& module : modules)
      if (module.name) note_needs(module, users, notes);
    for (LoadedModule& module : modules) {
      module.used_by = std::move(users[module.address]);
      if (!visit(module)) break;
    }
    return {};
  }

 private:
  LoadedModule one(const ModuleRecord& record, Notes& notes) {
    LoadedModule module;
    module.address = record.address;
    if (!record.name.empty()) module.name = record.name;
    module.base = record.text;
    module.size = record.text_size;
    module.references = noted(references_.read_signed(evidence_, record.address), notes,
                              "how often a module is used");
    const auto installed =
        noted(installed_.read(evidence_, record.address), notes, "a module's state");
    if (installed) module.state = *installed != 0 ? "live" : "loading";
    return module;
  }

  void note_needs(const LoadedModule& module,
                  std::map<std::uint64_t, std::vector<std::string>>& users, Notes& notes) {
    constexpr std::string_view what = "which modules a module needs";
    auto element = noted(needs_.read(evidence_, module.address), notes, what);
    VisitOnce guard(most_needed);
    while (element && *element != 0) {
      if (needs_left_ == 0 || !guard.step(*element)) {
        notes.add(Note{ErrorCode::corrupt, fmt::format("{}: the list has no end", what), *element});
        return;
      }
      --needs_left_;
      const auto needed = noted(needed_.read(evidence_, *element), notes, what);
      if (needed && *needed != 0) users[*needed].push_back(*module.name);
      element = noted(next_.read(evidence_, *element), notes, what);
    }
  }

  Evidence& evidence_;
  std::uint64_t needs_left_ = most_needed;
  Field references_{"modctl", "mod_ref"}, installed_{"modctl", "mod_installed"},
      needs_{"modctl", "mod_requisites"}, next_{"modctl_list", "modl_next"},
      needed_{"modctl_list", "modl_modp"};
};

}  // namespace

Result<void> read_loaded_modules(Evidence& evidence, const Visitor<LoadedModule>& visit,
                                 Notes& notes) {
  return Reader(evidence).read(visit, notes);
}

}  // namespace panicroom::illumos
