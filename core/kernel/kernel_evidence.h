#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dump/dump.h"
#include "core/kernel/kernel.h"
#include "core/kernel/release_layout.h"
#include "core/kernel/structures.h"
#include "core/symbols/symbol_table.h"
#include "core/types/type_catalog.h"

namespace panicroom {

/// What every answer about a kernel is read from: its memory, its symbols and where its structures'
/// members lie. Members are those of its types; without types, those that the kernel exports; last,
/// those built in for a release (remark() says so). Each system derives its own.
class KernelEvidence : public Structures {
 public:
  /// `kernel_file`: where the system keeps it, for messages: "/boot/kernel/kernel".
  KernelEvidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                 std::unique_ptr<PageTable> table, std::string_view kernel_file);

  const Dump& dump() const { return dump_; }
  const std::vector<std::pair<std::string, SourcePtr>>& kernel_files() const {
    return kernel_files_;
  }
  AddressSpace& memory() override { return memory_; }
  std::uint64_t memory_present() override;
  /// Null when there are none.
  const std::shared_ptr<const SymbolTable>& symbols() const { return symbols_; }
  /// The types at hand, whosever they are. Error: why there are none.
  Result<std::shared_ptr<const TypeCatalog>> types();

  /// Errors: `no_type`, naming the member and what was tried.
  Result<Member> member(std::string_view structure, std::string_view path) override;
  /// Size of a structure, bytes. Error: `no_type`.
  Result<std::uint64_t> size_of(std::string_view structure);
  /// True when the types are those of the kernel itself.
  bool has_types();
  /// True when the types say that the member is a pointer.
  bool is_pointer(const Member& member) const;
  /// True when members beside the exported ones are known, from wherever.
  bool knows_structures() { return has_types() || built_in_layout().layout != nullptr; }
  /// Where the members lie that an answer used, if not in the evidence; nothing with types.
  std::optional<Note> remark();
  /// Why the structures are not known; for where knows_structures() is false.
  Error why_unknown();

  /// Address of a variable or function. Error: `no_symbol`.
  Result<std::uint64_t> address_of(std::string_view name);
  /// The integer that a variable of `size` bytes held.
  Result<std::uint64_t> variable(std::string_view name, std::uint64_t size);
  /// The pointer in a variable.
  Result<std::uint64_t> pointer(std::string_view name) { return variable(name, pointer_size()); }

 protected:
  /// A layout that is built in and that nothing in the dump contradicts.
  struct BuiltIn {
    const ReleaseLayout* layout = nullptr;
    std::string why_none;    ///< where there is none: "no layout of NetBSD 9.3 is built in"
    std::string nearest_to;  ///< not empty: the layout is another release's; this is the kernel's
  };

  /// Types of the kernel: by default those of its files.
  virtual Result<std::shared_ptr<const TypeCatalog>> read_types();
  /// Why these types are not this kernel's; empty when nothing contradicts them.
  virtual std::string why_not_its_types(const TypeCatalog& types) = 0;
  virtual BuiltIn find_built_in() = 0;
  /// Members that the kernel itself tells of without types.
  virtual std::optional<Member> exported(std::string_view structure, std::string_view path);
  /// As the built-in layout has it.
  virtual std::optional<Member> built_in(const ReleaseLayout& layout, std::string_view structure,
                                         std::string_view path) const;
  /// What is known without types and without a layout: the beginning of a sentence.
  virtual std::string_view known_at_least();

  /// Why the kernel's own types are not known; empty when they are.
  virtual std::string why_no_types();

  const BuiltIn& built_in_layout();

 private:
  const Dump& dump_;
  std::vector<std::pair<std::string, SourcePtr>> kernel_files_;
  std::shared_ptr<const SymbolTable> symbols_;
  AddressSpace memory_;
  std::string_view kernel_file_;
  std::optional<Result<std::shared_ptr<const TypeCatalog>>> types_;
  std::optional<bool> has_types_;
  std::optional<BuiltIn> layout_;
  std::string why_no_types_;
  std::optional<std::uint64_t> memory_present_;
};

}  // namespace panicroom
