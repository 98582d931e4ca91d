#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel/illumos/module_list.h"
#include "core/kernel/kernel_evidence.h"

namespace panicroom::illumos {

/// What every answer about an illumos kernel is read from. Its types are the CTF that the dead
/// kernel kept of unix, genunix and every module in its own memory; the ring of modules is read by
/// offsets that are built in until they are found. Else types are those of kernel files, else the
/// built-in layout.
class Evidence final : public KernelEvidence {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

  /// The module whose code holds an address; nothing for unix and genunix.
  std::optional<std::string> module_at(std::uint64_t address);
  /// Whether an address lies in a module's code, or, where the modules are not known, in what is
  /// mapped.
  bool is_text(std::uint64_t address);

 protected:
  Result<std::shared_ptr<const TypeCatalog>> read_types() override;
  std::string why_not_its_types(const TypeCatalog& types) override;
  BuiltIn find_built_in() override;
  std::string why_no_types() override;

 private:
  /// Structures by the built-in layout alone, to find the types with.
  class BuiltInStructures final : public Structures {
   public:
    explicit BuiltInStructures(Evidence& evidence) : evidence_(evidence) {}
    AddressSpace& memory() override { return evidence_.memory(); }
    std::uint64_t memory_present() override { return evidence_.memory_present(); }
    Result<Member> member(std::string_view structure, std::string_view path) override;

   private:
    Evidence& evidence_;
  };

  /// Those that are loaded, in the ring's order; error: why the ring cannot be read.
  const Result<std::vector<ModuleRecord>>& modules();
  Result<std::vector<ModuleRecord>> read_modules();
  Result<std::shared_ptr<const TypeCatalog>> types_in_memory();
  const ModuleRecord* module_of(std::uint64_t address);
  /// Why the variable p0 is not the process `sched` with the id 0 by these members; empty when it
  /// is or cannot be read.
  template <class Lookup>
  std::string contradiction(const Lookup& member, bool must_be_readable);

  BuiltInStructures built_in_structures_;
  std::optional<Result<std::vector<ModuleRecord>>> modules_;
  std::string why_not_in_memory_;
};

}  // namespace panicroom::illumos
