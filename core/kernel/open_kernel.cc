#include <algorithm>
#include <optional>
#include <vector>

#include "core/kernel/kernel.h"
#include "core/kernel/system_of.h"

namespace panicroom {
namespace {

struct Opener {
  System system;
  Result<std::unique_ptr<Kernel>> (*open)(const KernelInputs&, Notes&);
};

/// Whether a dump of this format may be that system's; physical memory alone may be anyone's.
bool may_be_of(const Dump& dump, System system) {
  if (dump.vmcoreinfo) return system == System::linux_kernel;
  if (dump.illumos) return system == System::illumos;
  if (dump.kcore) return system == System::netbsd || system == System::openbsd;
  if (!dump.minidump) return true;
  // DragonFly's version 1 is FreeBSD's version 1 in all.
  if (system == System::dragonfly)
    return dump.minidump->of_dragonfly || dump.minidump->version == 1;
  return system == System::freebsd && !dump.minidump->of_dragonfly;
}

/// Nothing else writes VMCOREINFO, and only Linux machines are dumped as KDUMP.
bool looks_like_linux(const Dump& dump) {
  return dump.vmcoreinfo.has_value() || dump.dump_level.has_value() ||
         dump.format.starts_with("kdump");
}

}  // namespace

Result<std::unique_ptr<Kernel>> open_kernel(const KernelInputs& inputs, Notes& notes) {
  // FreeBSD comes after its descendants, whose symbols are its own too; without any sign Linux
  // comes last: it then searches all of physical memory.
  std::vector<Opener> systems = {
      {System::dragonfly, open_dragonfly}, {System::openbsd, open_openbsd},
      {System::netbsd, open_netbsd},       {System::illumos, open_illumos},
      {System::freebsd, open_freebsd},     {System::linux_kernel, open_linux}};
  if (looks_like_linux(*inputs.dump))
    std::rotate(systems.begin(), systems.end() - 1, systems.end());
  std::optional<Error> why;
  for (const Opener& one : systems) {
    if (!may_be_of(*inputs.dump, one.system)) continue;
    auto kernel = one.open(inputs, notes);
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
