#include "core/kernel/kernel_evidence.h"

#include <fmt/format.h>

#include "core/types/file_types.h"

namespace panicroom {

KernelEvidence::KernelEvidence(const KernelInputs& inputs,
                               std::shared_ptr<const SymbolTable> symbols,
                               std::unique_ptr<PageTable> table, std::string_view kernel_file)
    : dump_(*inputs.dump),
      kernel_files_(inputs.kernel_files),
      symbols_(std::move(symbols)),
      memory_(dump_.memory, dump_.machine, std::shared_ptr<const PageTable>(std::move(table))),
      kernel_file_(kernel_file) {}

std::uint64_t KernelEvidence::memory_present() {
  if (!memory_present_) memory_present_ = present_bytes(*dump_.memory);
  return *memory_present_;
}

Result<std::uint64_t> KernelEvidence::address_of(std::string_view name) {
  if (!symbols_)
    return fail(
        ErrorCode::no_symbol,
        fmt::format("the symbol {} is needed: give the kernel file ({}) too", name, kernel_file_));
  if (const auto symbol = symbols_->find(name)) return symbol->address;
  return fail(ErrorCode::no_symbol, fmt::format("{} has no symbol {}", symbols_->origin(), name));
}

Result<std::uint64_t> KernelEvidence::variable(std::string_view name, std::uint64_t size) {
  PANICROOM_TRY(address, address_of(name));
  auto value = memory_.integer(address, size);
  if (!value) return Failure(value.error().within(fmt::format("the kernel variable {}", name)));
  return *value;
}

Result<std::shared_ptr<const TypeCatalog>> KernelEvidence::read_types() {
  return types_of_files(kernel_files_, dump_.machine);
}

Result<std::shared_ptr<const TypeCatalog>> KernelEvidence::types() {
  if (!types_) types_ = read_types();
  return *types_;
}

std::string KernelEvidence::why_no_types() {
  const auto catalog = types();
  if (catalog) return why_not_its_types(**catalog);
  const bool has_none = catalog.error().code == ErrorCode::no_type;
  // One of another system is not used.
  if (kernel_files_.empty() || (has_none && !symbols_))
    return fmt::format("no kernel file ({}) was given", kernel_file_);
  return has_none
             ? "the kernel file has no types"
             : fmt::format("the kernel file's types cannot be read ({})", catalog.error().text);
}

bool KernelEvidence::has_types() {
  if (!has_types_) {
    why_no_types_ = why_no_types();
    has_types_ = why_no_types_.empty();
  }
  return *has_types_;
}

const KernelEvidence::BuiltIn& KernelEvidence::built_in_layout() {
  if (!layout_) {
    layout_ = BuiltIn{};  // what the search itself asks for is not in a layout yet
    layout_ = find_built_in();
  }
  return *layout_;
}

std::optional<Member> KernelEvidence::exported(std::string_view structure, std::string_view path) {
  static_cast<void>(structure), static_cast<void>(path);
  return std::nullopt;
}

std::optional<Member> KernelEvidence::built_in(const ReleaseLayout& layout,
                                               std::string_view structure,
                                               std::string_view path) const {
  return layout.member(structure, path);
}

std::string_view KernelEvidence::known_at_least() {
  return "the kernel's structures are not known";
}

Result<Member> KernelEvidence::member(std::string_view structure, std::string_view path) {
  if (has_types()) return (*types())->member(structure, path);
  if (auto found = exported(structure, path)) return *found;
  const BuiltIn& known = built_in_layout();
  if (!known.layout)
    return fail(ErrorCode::no_type, fmt::format("{} of struct {} is not known: {}, and {}", path,
                                                structure, why_no_types_, known.why_none));
  if (auto found = built_in(*known.layout, structure, path)) return *found;
  return fail(ErrorCode::no_type,
              fmt::format("{} of struct {} is not known: {}, and the layout of {} that is built in "
                          "does not tell",
                          path, structure, why_no_types_, known.layout->name));
}

Result<std::uint64_t> KernelEvidence::size_of(std::string_view structure) {
  if (has_types()) return (*types())->size_of(structure);
  if (const ReleaseLayout* known = built_in_layout().layout)
    if (const auto whole = built_in(*known, structure, "")) return whole->size;
  return fail(ErrorCode::no_type, fmt::format("the size of struct {} is not known", structure));
}

bool KernelEvidence::is_pointer(const Member& member) const {
  if (!member.type.graph) return false;
  const auto type = plain(member.type);
  return type && type->type.kind == TypeKind::pointer;
}

Error KernelEvidence::why_unknown() {
  has_types();
  return Error{ErrorCode::no_type, Absence::none,
               fmt::format("{}, and {}", why_no_types_, built_in_layout().why_none), std::nullopt,
               std::nullopt};
}

std::optional<Note> KernelEvidence::remark() {
  if (has_types()) return std::nullopt;
  const BuiltIn& known = built_in_layout();
  const auto note = [](std::string text) {
    return Note{ErrorCode::no_type, std::move(text), std::nullopt};
  };
  if (!known.layout)
    return note(fmt::format("{}: {}, and {}", known_at_least(), why_no_types_, known.why_none));
  if (!known.nearest_to.empty())
    return note(
        fmt::format("the offsets in structures are those of {}, the nearest that is built in to "
                    "{}, so that some may be wrong: {}",
                    known.layout->name, known.nearest_to, why_no_types_));
  return note(fmt::format("the offsets in structures are those of {}, built in: {}",
                          known.layout->name, why_no_types_));
}

}  // namespace panicroom
