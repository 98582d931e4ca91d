#include <stdexcept>

#include "tests/foundry/worlds.h"

namespace foundry {

void build_netbsd(Description& description) {
  throw std::runtime_error(description.name + ": kernels of netbsd are not made yet");
}

void finish_netbsd(Description& description) { static_cast<void>(description); }

Blob netbsd_types(const Description& description, const CtfStyle& style) {
  static_cast<void>(description), static_cast<void>(style);
  return {};
}

}  // namespace foundry
