#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dump/dump.h"
#include "core/kernel/kernel.h"
#include "core/kernel/linux/paging.h"
#include "core/kernel/structures.h"
#include "core/memory/address_space.h"
#include "core/stack/code_files.h"
#include "core/symbols/symbol_table.h"
#include "core/symbols/vmcoreinfo.h"
#include "core/types/type_catalog.h"

namespace panicroom::linux_kernel {

/// What every answer is read from: the kernel's memory, VMCOREINFO, symbols and types. Symbols and
/// types are read on first need and once; a failure is kept and answered again.
class Evidence final : public Structures {
 public:
  Evidence(const Dump& dump, Paging paging, std::optional<Vmcoreinfo> vmcoreinfo);

  const Dump& dump() const { return dump_; }
  const Paging& paging() const { return paging_; }
  AddressSpace& memory() override { return memory_; }
  /// Null when the dump has none.
  const Vmcoreinfo* vmcoreinfo() const { return vmcoreinfo_ ? &*vmcoreinfo_ : nullptr; }
  /// Looks for VMCOREINFO where the kernel itself keeps it, through its symbols.
  Result<void> find_vmcoreinfo();

  Result<std::shared_ptr<const SymbolTable>> symbols();
  Result<std::shared_ptr<const TypeCatalog>> types();
  /// Takes the symbols of the first of the user's kernel files that is this kernel's, and all that
  /// are its for what they say of its code and, where the dump has no BTF, its types; those before
  /// it that are not get a note. Modules' files are kept for their types and for module_files.
  void use_kernel_files(const KernelInputs& inputs, Notes& notes);
  CodeFiles& code() { return code_; }
  /// Those of the user's files that are modules', with the modules' names (modules_of_files).
  const std::vector<std::pair<std::string, SourcePtr>>& module_files() const {
    return module_files_;
  }

  /// Run-time address of a symbol: VMCOREINFO's, else the symbol table's. Errors: `no_symbol`.
  Result<std::uint64_t> address_of(std::string_view symbol);
  /// Where the kernel's code begins, by VMCOREINFO alone.
  std::optional<std::uint64_t> stext() const {
    return vmcoreinfo_ ? vmcoreinfo_->symbol("_stext") : std::nullopt;
  }
  /// Run-time minus link-time address of the kernel; nothing where it is not known.
  std::optional<std::uint64_t> slide();

  Result<Member> member(std::string_view structure, std::string_view path) override;
  /// The integer of `size` bytes in variable `symbol`. Errors: `no_symbol`, those of a read.
  Result<std::uint64_t> variable(std::string_view symbol, std::uint64_t size);
  std::uint64_t memory_present() override;

 private:
  void use_for_code(const KernelInputs& inputs, const KernelFile& kernel, std::uint64_t slide);
  Result<std::shared_ptr<const SymbolTable>> read_symbols();
  void look_up_together();
  /// True where `file` has types and no symbols: it was used or got its note.
  bool use_types_alone(const std::string& name, const SourcePtr& file, Notes& notes);
  Result<std::shared_ptr<const TypeCatalog>> read_types();
  Result<std::shared_ptr<const TypeCatalog>> types_of_dump();
  Result<std::shared_ptr<const TypeCatalog>> types_at(std::uint64_t start, std::uint64_t end);

  const Dump& dump_;
  Paging paging_;
  AddressSpace memory_;
  std::optional<Vmcoreinfo> vmcoreinfo_;
  std::optional<Result<std::shared_ptr<const SymbolTable>>> symbols_;
  std::optional<Result<std::shared_ptr<const TypeCatalog>>> types_;
  std::map<std::string, std::optional<std::uint64_t>, std::less<>> addresses_;
  std::optional<std::uint64_t> memory_present_;
  CodeFiles code_;
  std::vector<std::pair<std::string, SourcePtr>> type_files_;  ///< for a dump without BTF
  std::vector<std::pair<std::string, SourcePtr>> module_files_;
};

}  // namespace panicroom::linux_kernel
