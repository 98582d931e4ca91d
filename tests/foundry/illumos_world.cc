#include <stdexcept>

#include "tests/foundry/worlds.h"

namespace foundry {

void build_illumos(Description& description) {
  throw std::runtime_error(description.name + ": kernels of illumos are not made yet");
}

void finish_illumos(Description& description) { static_cast<void>(description); }

Blob illumos_types(const Description& description, const CtfStyle& style) {
  static_cast<void>(description), static_cast<void>(style);
  return {};
}

}  // namespace foundry
