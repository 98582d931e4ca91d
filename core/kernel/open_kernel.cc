#include <array>
#include <optional>
#include <utility>

#include "core/kernel/kernel.h"

namespace panicroom {
namespace {

using Open = Result<std::unique_ptr<Kernel>> (*)(const KernelInputs&, Notes&);

/// Nothing else writes VMCOREINFO, and only Linux machines are dumped as KDUMP.
bool looks_like_linux(const Dump& dump) {
  return dump.vmcoreinfo.has_value() || dump.dump_level.has_value() ||
         dump.format.starts_with("kdump");
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_kernel(const KernelInputs& inputs, Notes& notes) {
  // Without any sign Linux comes last: it then searches all of physical memory.
  std::array<Open, 2> systems = {open_freebsd, open_linux};
  if (looks_like_linux(*inputs.dump)) std::swap(systems[0], systems[1]);
  std::optional<Error> why;
  for (const Open open : systems) {
    auto kernel = open(inputs, notes);
    if (kernel && *kernel) return kernel;
    if (!kernel && !why) why = kernel.error();
  }
  if (why) return Failure(*why);
  return fail(ErrorCode::unsupported,
              "the kernel of this dump was not recognised: it holds neither VMCOREINFO, processor "
              "registers nor FreeBSD's page map; a FreeBSD full dump needs its kernel file "
              "(/boot/kernel/kernel)");
}

}  // namespace panicroom
