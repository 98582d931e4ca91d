#include "core/kernel/netbsd/evidence.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/base/loop_guard.h"
#include "core/base/printable.h"
#include "core/kernel/netbsd/release_layouts.h"

namespace panicroom::netbsd {
namespace {

constexpr std::size_t longest_release = 64;
constexpr std::uint64_t most_processes = 1U << 20;

/// Nearest first: how far a layout's versions are from the kernel's.
std::uint64_t distance(const ReleaseLayout& layout, std::uint64_t version) {
  if (version < layout.first) return layout.first - version;
  return version > layout.last ? version - layout.last : 0;
}

}  // namespace

Evidence::Evidence(const KernelInputs& inputs, std::shared_ptr<const SymbolTable> symbols,
                   std::unique_ptr<PageTable> table)
    : KernelEvidence(inputs, std::move(symbols), std::move(table), "/netbsd") {
  if (const auto at = address_of("osrelease"))
    if (auto text = memory().string(*at, longest_release)) release_ = printable(*text);
}

std::string Evidence::contradiction(const Lookup& member, bool strict) {
  const auto process = address_of("proc0"), lwp = address_of("lwp0");
  if (!process || !lwp) return strict ? "process 0 cannot be found" : "";
  std::string unreadable;
  /// Nothing where it is not known or cannot be read.
  const auto read = [&](std::uint64_t object, std::string_view structure,
                        std::string_view path) -> std::optional<std::uint64_t> {
    const auto place = member(structure, path);
    const auto value =
        place ? memory().integer(object + place->offset, std::min<std::uint64_t>(place->size, 8))
              : fail(ErrorCode::no_type, "");
    if (value) return *value;
    unreadable = fmt::format("{} of process 0 cannot be read", path);
    return std::nullopt;
  };
  const auto pid = read(*process, "proc", "p_pid");
  if (pid && *pid != 0) return fmt::format("process 0 would have the id {}", *pid);
  const auto name = member("proc", "p_comm");
  if (name) {
    const auto text = memory().string(*process + name->offset, 16);
    if (text && *text != "system" && *text != "swapper")
      return fmt::format("process 0 would have the name \"{}\"", printable(*text));
    if (!text) unreadable = "the name of process 0 cannot be read";
  }
  const auto owner = read(*lwp, "lwp", "l_proc");
  if (owner && *owner != *process) return "the first lwp would not be one of process 0";
  // The first element's address is the list's head; lwp0 is its last one, or nearly.
  const auto list = member("proc", "p_lwps"), link = member("lwp", "l_sibling");
  if (list && link) {
    VisitOnce guard(most_processes);
    auto at = memory().word(*process + list->offset);
    while (at && *at != 0 && *at != *lwp && guard.step(*at)) at = memory().word(*at + link->offset);
    if (!at)
      unreadable = "the lwps of process 0 cannot be read";
    else if (*at != *lwp)
      return "the first lwp would not be on the list of process 0";
  }
  if (strict && !unreadable.empty()) return unreadable;
  return strict ? contradiction_of_counts(member) : "";
}

/// Every process is on one of two lists, and the kernel counts them.
std::string Evidence::contradiction_of_counts(const Lookup& member) {
  const auto page = member("uvmexp", "pagesize");
  const auto counters = address_of("uvmexp");
  if (page && counters)
    if (const auto size = memory().u32(*counters + page->offset);
        size && *size != memory().machine().page_size)
      return fmt::format("a page would have {} bytes", *size);
  const auto link = member("proc", "p_list");
  const auto count = variable("nprocs", 4);
  const auto process = address_of("proc0");
  if (!link || !count || !process) return {};
  VisitOnce guard(most_processes);
  std::uint64_t found = 0;
  bool has_first = false;
  for (const std::string_view head : {"allproc", "zombproc"}) {
    auto at = pointer(head);
    while (at && *at != 0) {
      if (!guard.step(*at)) return fmt::format("the list {} would have no end", head);
      has_first = has_first || *at == *process;
      ++found;
      at = memory().word(*at + link->offset);
    }
    if (!at && head == "allproc") return {};  // a page of it may be missing
  }
  if (!has_first) return "process 0 would not be on the list of processes";
  // Markers of walks that were under way are on it too.
  if (found < *count || found > *count + 64)
    return fmt::format("there would be {} processes, but the kernel counts {}", found, *count);
  return {};
}

std::string Evidence::why_not_its_types(const TypeCatalog& types) {
  const auto at = [&types](std::string_view structure, std::string_view path) {
    const auto found = types.member(structure, path);
    return found ? std::optional(*found) : std::nullopt;
  };
  if (!at("proc", "p_pid")) return "the kernel file's types do not have struct proc";
  const std::string why = contradiction(at, false);
  return why.empty() ? ""
                     : fmt::format(
                           "the kernel file's types are not those of this kernel: by them "
                           "{}",
                           why);
}

Evidence::BuiltIn Evidence::find_built_in() {
  BuiltIn answer;
  if (!symbols()) {
    answer.why_none = "without the symbols of the kernel file nothing can be found";
    return answer;
  }
  const std::uint64_t version = version_of(release_);
  std::vector<const ReleaseLayout*> known;
  for (const ReleaseLayout* layout : release_layouts())
    if (layout->architecture == memory().machine().architecture) known.push_back(layout);
  if (version == 0 || known.empty()) {
    answer.why_none = known.empty()
                          ? fmt::format("no layout of NetBSD on {} is built in",
                                        name(memory().machine().architecture))
                          : std::string("the kernel's release (osrelease) cannot be read");
    return answer;
  }
  std::sort(known.begin(), known.end(), [version](const auto* a, const auto* b) {
    return distance(*a, version) < distance(*b, version);
  });
  for (const ReleaseLayout* layout : known) {
    const std::string why =
        contradiction([layout](std::string_view structure,
                               std::string_view path) { return layout->member(structure, path); },
                      true);
    if (!why.empty()) {
      if (answer.why_none.empty())
        answer.why_none = fmt::format(
            "the layout of {} that is built in is not this kernel's: by it {}", layout->name, why);
      continue;
    }
    answer.layout = layout;
    answer.why_none.clear();
    if (distance(*layout, version) != 0) answer.nearest_to = fmt::format("NetBSD {}", release_);
    return answer;
  }
  return answer;
}

}  // namespace panicroom::netbsd
