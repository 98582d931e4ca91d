#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "core/kernel/field.h"
#include "core/kernel/kernel_evidence.h"
#include "core/kernel/system_of.h"

namespace panicroom::dragonfly {

/// What every answer about a DragonFly kernel is read from.
class Evidence final : public KernelEvidence {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

 private:
  std::string why_not_its_types(const TypeCatalog& types) override;
  BuiltIn find_built_in() override;

  /// What `member` says of where members lie, held against processes 0 and 1.
  enum class Fit : std::uint8_t { proved, unknown, contradicted };
  template <class Lookup>
  Fit fit(const Lookup& member);
};

/// The translation of a DragonFly dump: a minidump's own map, or the kernel's page tables in a full
/// dump, which its file leads to. Null when there is none.
Result<std::unique_ptr<PageTable>> find_page_table(const Dump& dump, const SystemKernel& kernel,
                                                   Notes& notes);

/// Whether a dump without a kernel file is DragonFly's: by its own minidump, or by what the kernel
/// in a minidump of version 1, which calls itself FreeBSD's, says of itself.
bool shows_itself(const KernelInputs& inputs);

}  // namespace panicroom::dragonfly
