#include "core/kernel/linux/loaded_modules.h"

#include <algorithm>
#include <string>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_modules = std::uint64_t{1} << 16;
constexpr std::uint64_t most_uses = std::uint64_t{1} << 20;  // of all modules together
constexpr std::size_t longest_name = 64;                     // MODULE_NAME_LEN

class Reader {
 public:
  explicit Reader(Evidence& evidence) : evidence_(evidence) {}

  Result<void> read(const Visitor<LoadedModule>& visit, Notes& notes) {
    PANICROOM_TRY(head, evidence_.address_of("modules"));
    PANICROOM_TRY(link, list_.member(evidence_));
    for_each_entry(evidence_, head, link.offset, most_modules, "the list of modules", notes,
                   [&](std::uint64_t address) { return visit(one(address, notes)); });
    return {};
  }

 private:
  LoadedModule one(std::uint64_t address, Notes& notes) {
    LoadedModule module;
    module.address = address;
    module.name = noted(name_.text(evidence_, address), notes, "a module's name");
    module.base = noted(base_.read(evidence_, address), notes, "a module's place");
    if (const auto size = noted(whole_size(address), notes, "a module's size")) module.size = *size;
    module.state = state(address, notes);
    // The count begins with one of the loader's own (MODULE_REF_BASE).
    if (references_.exists(evidence_))
      if (const auto count = noted(references_.read_signed(evidence_, address), notes,
                                   "how often a module is used"))
        module.references = std::max<std::int64_t>(*count - 1, 0);
    const auto users = users_.place(evidence_, address);
    const auto link = use_link_.member(evidence_);
    if (users && link)
      for_each_entry(
          evidence_, *users, link->offset, uses_left_, "a module's list of users", notes,
          [&](std::uint64_t use) {
            --uses_left_;
            const auto user = noted(user_.read(evidence_, use), notes, "a module's user");
            const auto at = user ? name_.place(evidence_, *user) : name_.place(evidence_, 0);
            if (user && at)
              if (auto name = evidence_.memory().string(*at, longest_name))
                module.used_by.push_back(std::move(*name));
            return true;
          });
    return module;
  }

  /// All its memory: in kinds since Linux 6.4, before that what stays and what only its start
  /// needs.
  Result<std::uint64_t> whole_size(std::uint64_t address) {
    if (const auto kinds = kinds_.member(evidence_)) {
      PANICROOM_TRY(types, evidence_.types());
      PANICROOM_TRY(stride, types->size_of("module_memory"));
      PANICROOM_TRY(size, types->member("module_memory", "size"));
      std::uint64_t sum = 0;
      for (std::uint64_t i = 0; i < std::min<std::uint64_t>(kinds->count, 16); ++i) {
        PANICROOM_TRY(part, evidence_.field(address + kinds->offset + i * stride, size));
        sum += part;
      }
      return sum;
    }
    PANICROOM_TRY(core, core_size_.read(evidence_, address));
    PANICROOM_TRY(start, start_size_.read(evidence_, address));
    return core + start;
  }

  /// Linux include/linux/module.h, enum module_state.
  std::optional<std::string> state(std::uint64_t address, Notes& notes) {
    const auto value = noted(state_.read(evidence_, address), notes, "a module's state");
    if (!value) return std::nullopt;
    if (*value == 0) return "live";
    if (*value == 1) return "loading";
    if (*value == 2) return "unloading";
    return "unformed";
  }

  Evidence& evidence_;
  std::uint64_t uses_left_ = most_uses;
  Field list_{"module", "list"}, name_{"module", "name"}, state_{"module", "state"},
      base_{"module", {"mem[0].base", "core_layout.base", "module_core"}}, kinds_{"module", "mem"},
      core_size_{"module", {"core_layout.size", "core_size"}},
      start_size_{"module", {"init_layout.size", "init_size"}},
      references_{"module", "refcnt.counter"}, users_{"module", "source_list"},
      use_link_{"module_use", "source_list"}, user_{"module_use", "source"};
};

}  // namespace

Result<void> read_loaded_modules(Evidence& evidence, const Visitor<LoadedModule>& visit,
                                 Notes& notes) {
  return Reader(evidence).read(visit, notes);
}

}  // namespace panicroom::linux_kernel
