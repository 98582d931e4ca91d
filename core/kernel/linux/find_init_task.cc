#include "core/kernel/linux/find_init_task.h"

#include <optional>
#include <string_view>

#include "core/memory/mapped_scan.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::string_view first_name = "swapper";  // init/init_task.c; "swapper/0" once idle

bool is_init_task(Evidence& evidence, const TaskLayout& layout, std::uint64_t task) {
  const auto holds = [&](const Member& member, std::uint64_t value) {
    const auto found = evidence.field(task, member);
    return found && *found == value;
  };
  if (task % evidence.pointer_size() != 0) return false;
  if (!holds(layout.pid, 0) || !holds(layout.tgid, 0)) return false;
  if (layout.real_parent && !holds(*layout.real_parent, task)) return false;
  const std::uint64_t link = task + layout.tasks.offset;
  const auto next = evidence.memory().word(link);
  if (!next || *next == link) return false;
  const auto back = evidence.memory().word(*next + evidence.pointer_size());
  return back && *back == link;
}

}  // namespace

Result<std::uint64_t> find_init_task(Evidence& evidence, const TaskLayout& layout) {
  PANICROOM_TRY(image, image_range(evidence.memory(), evidence.stext()));
  std::optional<std::uint64_t> found;
  const auto missing = scan_mapped(
      evidence.memory(), image.start, image.end, first_name.size(),
      [&](std::uint64_t address, Bytes bytes) {
        const std::string_view text(reinterpret_cast<const char*>(bytes.data()), bytes.size());
        for (auto hit = text.find(first_name); hit != std::string_view::npos && !found;
             hit = text.find(first_name, hit + 1)) {
          const std::uint64_t task = address + hit - layout.comm.offset;
          if (is_init_task(evidence, layout, task)) found = task;
        }
        return !found;
      });
  if (found) return *found;
  if (missing) return Failure(missing->within("looking for init_task in the kernel's image"));
  return fail(ErrorCode::no_symbol,
              "the symbols do not name init_task, and nothing in the kernel's image looks like it");
}

}  // namespace panicroom::linux_kernel
