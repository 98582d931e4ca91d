#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dump/dump.h"
#include "core/kernel/freebsd/release_layouts.h"
#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"
#include "core/symbols/symbol_table.h"
#include "core/types/type_catalog.h"

namespace panicroom::freebsd {

/// What every answer is read from: the kernel's memory, its symbols and where its structures'
/// members lie. Members are those of the types in the kernel file; without types, those that the
/// kernel exports for debuggers; last, those built in for its release (remark() says so).
class Evidence final : public Structures {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

  const Dump& dump() const { return dump_; }
  const std::vector<std::pair<std::string, SourcePtr>>& kernel_files() const {
    return kernel_files_;
  }
  AddressSpace& memory() override { return memory_; }
  std::uint64_t memory_present() override;
  /// Null when there are none.
  const std::shared_ptr<const SymbolTable>& symbols() const { return symbols_; }
  /// The types in the kernel files, whosever they are.
  Result<std::shared_ptr<const TypeCatalog>> types();

  /// Errors: `no_type`, naming the member and what was tried.
  Result<Member> member(std::string_view structure, std::string_view path) override;
  /// Size of a structure, bytes. Error: `no_type`.
  Result<std::uint64_t> size_of(std::string_view structure);
  /// True when the kernel file has the types of the kernel itself, and none of the offsets that the
  /// dead kernel exports contradicts them.
  bool has_types();
  /// True when the types say that the member is a pointer.
  bool is_pointer(const Member& member) const;
  /// True when members beside the exported ones are known, from wherever.
  bool knows_structures() { return has_types() || layout() != nullptr; }
  /// Where the members lie that an answer used, if not in the evidence; nothing with types.
  std::optional<Note> remark();
  /// Why only the exported members are known; for where knows_structures() is false.
  Error why_unknown();

  /// Address of a variable or function. Error: `no_symbol`.
  Result<std::uint64_t> address_of(std::string_view name);
  /// The integer that a variable of `size` bytes held.
  Result<std::uint64_t> variable(std::string_view name, std::uint64_t size);
  /// The pointer in a variable.
  Result<std::uint64_t> pointer(std::string_view name) { return variable(name, pointer_size()); }
  std::optional<std::uint64_t> osreldate() const { return osreldate_; }

 private:
  std::optional<Member> exported(std::string_view structure, std::string_view path);
  const ReleaseLayout* layout();
  /// False, and why_no_layout_ says why, when the dump contradicts `found`.
  bool holds(const ReleaseLayout& found);
  /// Whether initproc is process 1 by `layout`, a child of process 0 and root's.
  bool finds_init(const ReleaseLayout& layout);
  /// As the layout that is built in has it; that was chosen by osreldate.
  std::optional<Member> built_in(const ReleaseLayout& layout, std::string_view structure,
                                 std::string_view path) const;
  /// None of the offsets that the kernel exports contradicts what `member` answers.
  template <class Lookup>
  bool agrees(const Lookup& member);
  /// Empty when there are.
  std::string why_no_types();

  const Dump& dump_;
  std::vector<std::pair<std::string, SourcePtr>> kernel_files_;
  std::shared_ptr<const SymbolTable> symbols_;
  AddressSpace memory_;
  std::optional<std::uint64_t> osreldate_;
  std::optional<Result<std::shared_ptr<const TypeCatalog>>> types_;
  std::optional<bool> has_types_;
  std::optional<const ReleaseLayout*> layout_;
  bool of_the_branch_ = false;  ///< layout_ is another release's
  std::string why_no_types_, why_no_layout_;
  std::optional<std::uint64_t> memory_present_;
};

}  // namespace panicroom::freebsd
