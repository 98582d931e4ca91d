#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/structures.h"

namespace panicroom::illumos {

/// A struct modctl, as far as finding types and naming code needs it.
struct ModuleRecord {
  std::uint64_t address = 0;  ///< of its struct modctl
  std::uint64_t module = 0;   ///< of its struct module; 0: it is not loaded
  std::string name;           ///< raw bytes; empty where it cannot be read
  std::uint64_t text = 0, text_size = 0;
};

/// The ring of struct modctls (uts/common/sys/modctl.h) that begins with the one at `first`, the
/// variable `modules`, which is unix's own; `structures` says where members lie. At most 16,384 are
/// visited. Remarks on what is broken go to `notes`. False when `visit` was. Errors: `no_type`.
Result<bool> for_each_module(Structures& structures, std::uint64_t first,
                             const std::function<bool(const ModuleRecord&)>& visit, Notes& notes);

/// A module's CTF in the kernel's memory.
struct CtfPlace {
  std::uint64_t start = 0, size = 0;
};
/// By ctfdata and ctfsize of the struct module at `module` (uts/common/sys/kobj.h), or, where a
/// release has them elsewhere, by the first pair of an address and a size in it that leads to CTF's
/// magic. Errors: `no_type`, those of a read.
Result<CtfPlace> find_ctf(Structures& structures, std::uint64_t module);

}  // namespace panicroom::illumos
