#include <stdexcept>

#include "tests/foundry/worlds.h"

namespace foundry {

void build_openbsd(Description& description) {
  throw std::runtime_error(description.name + ": kernels of openbsd are not made yet");
}

void finish_openbsd(Description& description) { static_cast<void>(description); }

Blob openbsd_types(const Description& description, const CtfStyle& style) {
  static_cast<void>(description), static_cast<void>(style);
  return {};
}

}  // namespace foundry
