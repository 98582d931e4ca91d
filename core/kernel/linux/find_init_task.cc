#include "core/kernel/linux/find_init_task.h"

#include <algorithm>
#include <string_view>
#include <vector>

namespace panicroom::linux_kernel {
namespace {

constexpr std::string_view first_name = "swapper";  // init/init_task.c; "swapper/0" once idle
constexpr std::size_t chunk_size = std::size_t{256} << 10U;

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
  AddressSpace& memory = evidence.memory();
  const std::uint64_t page = memory.machine().page_size;
  std::vector<std::byte> chunk(chunk_size + first_name.size());
  for (std::uint64_t at = image.start; at < image.end;) {
    const auto wanted =
        static_cast<std::size_t>(std::min<std::uint64_t>(chunk.size(), image.end - at));
    const std::size_t read = memory.read_some(at, MutableBytes(chunk).first(wanted));
    const std::string_view text(reinterpret_cast<const char*>(chunk.data()), read);
    for (auto hit = text.find(first_name); hit != std::string_view::npos;
         hit = text.find(first_name, hit + 1)) {
      const std::uint64_t task = at + hit - layout.comm.offset;
      if (is_init_task(evidence, layout, task)) return task;
    }
    if (read == wanted)
      at = wanted < chunk.size() ? image.end : at + chunk_size;
    else
      at = (at + read) / page * page + page;
    if (at == 0) break;
  }
  return fail(ErrorCode::no_symbol,
              "the symbols do not name init_task, and nothing in the kernel's image looks like it");
}

}  // namespace panicroom::linux_kernel
