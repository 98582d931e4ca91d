#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/kernel/kernel_evidence.h"

namespace panicroom::openbsd {

/// OpenBSD's: the kernel tells of no offset, but of its own process 0 and of process 1, by which
/// types and layouts are tried.
class Evidence final : public KernelEvidence {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

  /// The kernel's own text, "7.5"; empty where it cannot be read.
  const std::string& osrelease() const { return osrelease_; }
  /// A variable that is a text. Nothing where it is empty or cannot be read.
  std::optional<std::string> text_variable(std::string_view name);

 private:
  std::string why_not_its_types(const TypeCatalog& types) override;
  BuiltIn find_built_in() override;

  /// Whether process 0 and process 1 have these numbers by what `member` answers; nothing where
  /// neither can be read.
  template <class Lookup>
  std::optional<bool> finds_first_processes(const Lookup& member);
  /// Whether the list of processes ends with process 0 by `layout`.
  bool list_ends_with_first(const ReleaseLayout& layout);

  std::string osrelease_;
};

}  // namespace panicroom::openbsd
