#include "core/kernel/kernel.h"

namespace panicroom {

Result<std::unique_ptr<Kernel>> open_illumos(const KernelInputs& inputs, Notes& notes) {
  static_cast<void>(inputs), static_cast<void>(notes);
  return nullptr;
}

}  // namespace panicroom
