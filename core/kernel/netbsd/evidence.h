#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "core/kernel/kernel_evidence.h"

namespace panicroom::netbsd {

/// NetBSD's: process 0, whose struct proc and first lwp have symbols, tells whether types and
/// layouts are the dead kernel's own.
class Evidence final : public KernelEvidence {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

  /// "10.99.12"; empty where it cannot be read.
  const std::string& release() const { return release_; }

 private:
  std::string why_not_its_types(const TypeCatalog& types) override;
  BuiltIn find_built_in() override;

  /// Where a member lies, by what is on trial.
  using Lookup = std::function<std::optional<Member>(std::string_view, std::string_view)>;
  /// What in the dump contradicts it; empty when nothing does. What cannot be read contradicts
  /// nothing unless `strict`.
  std::string contradiction(const Lookup& member, bool strict);
  std::string contradiction_of_counts(const Lookup& member);

  std::string release_;
};

}  // namespace panicroom::netbsd
