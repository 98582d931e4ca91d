#pragma once

#include <span>
#include <string_view>

#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/description.h"

namespace foundry {

/// How a system's kernel is made: `system NAME` of a description.
struct SystemParts {
  std::string_view name;
  /// Puts the kernel's objects and symbols into the image.
  void (*build)(Description& description);
  /// Once the page tables are built: stores what names them.
  void (*finish)(Description& description);
  /// The types of the objects, for the kernel file; null where the dump has them itself.
  Blob (*types)(const Description& description, const CtfStyle& style);
};

/// Null where there is none of that name.
const SystemParts* find_system(std::string_view name);

}  // namespace foundry
