#include <algorithm>
#include <optional>
#include <vector>

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
  // FreeBSD comes after its descendants, whose symbols are its own too; without any sign Linux
  // comes last: it then searches all of physical memory.
  std::vector<Open> systems = {open_dragonfly, open_openbsd, open_netbsd,
                               open_illumos,   open_freebsd, open_linux};
  if (looks_like_linux(*inputs.dump))
    std::rotate(systems.begin(), systems.end() - 1, systems.end());
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
