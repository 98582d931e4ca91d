#include "core/kernel/linker_files.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/kernel/field.h"
#include "core/kernel/lists.h"

namespace panicroom {
namespace {

constexpr std::uint64_t most_modules = std::uint64_t{1} << 14;
constexpr std::uint64_t most_needed = std::uint64_t{1} << 16;  // by all modules together
constexpr std::uint64_t flag_linked = 1;                       // LINKER_FILE_LINKED

class LinkerFilesReader {
 public:
  explicit LinkerFilesReader(KernelEvidence& evidence) : evidence_(evidence) {}

  Result<void> read(const Visitor<LoadedModule>& visit, Notes& notes) {
    PANICROOM_TRY(head, evidence_.address_of("linker_files"));
    PANICROOM_TRY(link, link_.member(evidence_));
    std::vector<LoadedModule> modules;
    for_each_listed(evidence_, head, link.offset, most_modules, "the list of modules", notes,
                    [&](std::uint64_t address) {
                      modules.push_back(one(address, notes));
                      return true;
                    });
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
  LoadedModule one(std::uint64_t address, Notes& notes) {
    LoadedModule module;
    module.address = address;
    module.name = text_behind(evidence_, name_, address, "a module's name", notes);
    module.base = noted(base_.read(evidence_, address), notes, "a module's place");
    module.size = noted(size_.read(evidence_, address), notes, "a module's size");
    module.references =
        noted(references_.read_signed(evidence_, address), notes, "how often a module is used");
    if (const auto flags = noted(flags_.read(evidence_, address), notes, "a module's state"))
      module.state = (*flags & flag_linked) != 0 ? "live" : "loading";
    return module;
  }

  void note_needs(const LoadedModule& module,
                  std::map<std::uint64_t, std::vector<std::string>>& users, Notes& notes) {
    constexpr std::string_view what = "which modules a module needs";
    const auto count = noted(needs_count_.read_signed(evidence_, module.address), notes, what);
    const auto list = noted(needs_.read(evidence_, module.address), notes, what);
    if (!count || !list || *count == 0) return;
    if (*count < 0 || static_cast<std::uint64_t>(*count) > needs_left_) {
      notes.add(
          Note{ErrorCode::corrupt, fmt::format("{}: it says {}", what, *count), module.address});
      return;
    }
    const auto needs = static_cast<std::uint64_t>(*count);
    needs_left_ -= needs;
    for (std::uint64_t i = 0; i < needs; ++i) {
      const auto needed =
          noted(evidence_.memory().word(*list + i * evidence_.pointer_size()), notes, what);
      if (!needed) return;
      users[*needed].push_back(*module.name);
    }
  }

  KernelEvidence& evidence_;
  std::uint64_t needs_left_ = most_needed;
  Field link_{"linker_file", "link"}, name_{"linker_file", "filename"},
      references_{"linker_file", "refs"}, flags_{"linker_file", "flags"},
      base_{"linker_file", "address"}, size_{"linker_file", "size"},
      needs_count_{"linker_file", "ndeps"}, needs_{"linker_file", "deps"};
};

}  // namespace

Result<void> read_linker_files(KernelEvidence& evidence, const Visitor<LoadedModule>& visit,
                               Notes& notes) {
  return LinkerFilesReader(evidence).read(visit, notes);
}

LinkedModules::LinkedModules(std::vector<LinkedModule> modules) : modules_(std::move(modules)) {
  std::sort(modules_.begin(), modules_.end(),
            [](const LinkedModule& a, const LinkedModule& b) { return a.start < b.start; });
}

const LinkedModule* LinkedModules::at(std::uint64_t address) const {
  const auto after = std::upper_bound(
      modules_.begin(), modules_.end(), address,
      [](std::uint64_t value, const LinkedModule& module) { return value < module.start; });
  if (after == modules_.begin() || address >= std::prev(after)->end) return nullptr;
  return &*std::prev(after);
}

Result<LinkedModules> read_linked_modules(KernelEvidence& evidence, Notes& notes) {
  std::vector<LinkedModule> modules;
  bool is_kernel = true;  // the first is, always
  PANICROOM_CHECK(read_linker_files(
      evidence,
      [&](const LoadedModule& found) {
        const bool skip = std::exchange(is_kernel, false);
        if (skip || !found.name || !found.base || !found.size) return true;
        if (const auto end = checked_add(*found.base, *found.size))
          modules.push_back({found.address, *found.name, *found.base, *end});
        return true;
      },
      notes));
  return LinkedModules(std::move(modules));
}

}  // namespace panicroom
