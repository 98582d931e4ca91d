#include "core/kernel/linux/field.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"

namespace panicroom::linux_kernel {

bool for_each_entry(Evidence& evidence, std::uint64_t head, std::uint64_t link, std::uint64_t most,
                    std::string_view what, Notes& notes,
                    const std::function<bool(std::uint64_t)>& visit) {
  AddressSpace& memory = evidence.memory();
  VisitOnce guard(most);
  auto at = memory.word(head);
  while (at && *at != head) {
    if (*at == 0 || !guard.step(*at)) {
      notes.add(Note{ErrorCode::corrupt,
                     *at != 0 && !guard.cyclic()
                         ? fmt::format("{} has more elements than are followed", what)
                         : fmt::format("{} does not lead back to its head", what),
                     *at});
      return false;
    }
    if (!visit(*at - link)) return false;
    at = memory.word(*at);
  }
  if (!at) notes.add(at.error().within(fmt::format("{} breaks off", what)));
  return at.has_value();
}

}  // namespace panicroom::linux_kernel
