#include "core/kernel/openbsd/evidence.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"
#include "core/base/printable.h"
#include "core/kernel/openbsd/release_layouts.h"

namespace panicroom::openbsd {
namespace {

constexpr std::size_t longest_text = 512;           // char version[512], conf/newvers.sh
constexpr std::uint64_t most_processes = 1U << 16;  // of a kernel whose layout is guessed

}  // namespace

Evidence::Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                   std::unique_ptr<PageTable> table)
    : KernelEvidence(inputs, std::move(symbols), std::move(table), "/bsd") {
  osrelease_ = text_variable("osrelease").value_or("");
}

std::optional<std::string> Evidence::text_variable(std::string_view name) {
  const auto address = address_of(name);
  if (!address) return std::nullopt;
  auto text = memory().string(*address, longest_text);
  if (!text || text->empty()) return std::nullopt;
  return *std::move(text);
}

template <class Lookup>
std::optional<bool> Evidence::finds_first_processes(const Lookup& member) {
  const auto pid = member("process", "ps_pid");
  if (!pid) return false;
  std::optional<bool> found;
  const auto expect = [&](std::uint64_t process, std::uint64_t number) {
    if (const auto read = field(process, *pid)) found = found.value_or(true) && *read == number;
  };
  if (const auto first = address_of("process0")) expect(*first, 0);
  if (const auto init = pointer("initprocess"); init && *init != 0) expect(*init, 1);
  return found;
}

std::string Evidence::why_not_its_types(const TypeCatalog& types) {
  if (!types.size_of("struct process"))
    return fmt::format("{} does not know struct process", types.origin());
  const auto found = finds_first_processes([&](std::string_view structure, std::string_view path) {
    return types.member(structure, path);
  });
  if (found == false)
    return fmt::format("by {} process 0 and process 1 have other numbers: it is another kernel's",
                       types.origin());
  return "";
}

bool Evidence::list_ends_with_first(const ReleaseLayout& layout) {
  const auto link = layout.member("process", "ps_list");
  const auto first = address_of("process0");
  if (!link || !first) return false;
  VisitOnce guard(most_processes);
  auto process = pointer("allprocess");
  while (process && *process != 0 && *process != *first && guard.step(*process))
    process = memory().word(*process + link->offset);
  return process && *process == *first;
}

KernelEvidence::BuiltIn Evidence::find_built_in() {
  BuiltIn answer;
  const Architecture architecture = dump().machine.architecture;
  const auto version = version_of(osrelease_);
  if (!version) {
    answer.why_none =
        osrelease_.empty()
            ? "the kernel's release (osrelease) is not known"
            : fmt::format("'{}' (osrelease) is no release of OpenBSD's", printable(osrelease_));
    return answer;
  }
  const ReleaseLayout* exact = release_layout(architecture, *version);
  const ReleaseLayout* layout = exact ? exact : nearest_layout(architecture, *version);
  const std::string release = fmt::format("OpenBSD {} {}", osrelease_, name(architecture));
  if (!layout) {
    answer.why_none = fmt::format("no layout of {} is built in", release);
    return answer;
  }
  const auto found = finds_first_processes([&](std::string_view structure, std::string_view path) {
    return layout->member(structure, path);
  });
  if (found != true || (!exact && !list_ends_with_first(*layout))) {
    answer.why_none = fmt::format(
        "the layout of {} that is built in is not its: process 0 and process 1 are not found by it",
        layout->name);
    return answer;
  }
  answer.layout = layout;
  if (!exact) answer.nearest_to = release;
  return answer;
}

}  // namespace panicroom::openbsd
