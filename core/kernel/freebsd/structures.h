#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "core/kernel/freebsd/release_layouts.h"
#include "core/kernel/kernel_evidence.h"

namespace panicroom::freebsd {

/// FreeBSD's: the kernel exports some offsets for debuggers, which also tell whether types and
/// layouts are its own.
class Evidence final : public KernelEvidence {
 public:
  Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
           std::unique_ptr<PageTable> table);

  std::optional<std::uint64_t> osreldate() const { return osreldate_; }

 private:
  std::string why_not_its_types(const TypeCatalog& types) override;
  BuiltIn find_built_in() override;
  std::optional<Member> exported(std::string_view structure, std::string_view path) override;
  std::optional<Member> built_in(const ReleaseLayout& layout, std::string_view structure,
                                 std::string_view path) const override;
  std::string_view known_at_least() override;

  /// Whether initproc is process 1 by `layout`, a child of process 0 and root's.
  bool finds_init(const ReleaseLayout& layout);
  /// None of the offsets that the kernel exports contradicts what `member` answers.
  template <class Lookup>
  bool agrees(const Lookup& member);

  std::optional<std::uint64_t> osreldate_;
};

}  // namespace panicroom::freebsd
