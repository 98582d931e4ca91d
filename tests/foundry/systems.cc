#include "tests/foundry/systems.h"

#include <array>

#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

constexpr std::array<SystemParts, 6> systems = {{
    {"freebsd", build_freebsd, finish_freebsd, freebsd_types},
    {"netbsd", build_netbsd, finish_netbsd, netbsd_types},
    {"openbsd", build_openbsd, finish_openbsd, openbsd_types},
    {"dragonfly", build_dragonfly, finish_dragonfly, dragonfly_types},
    {"illumos", build_illumos, finish_illumos, illumos_types},
    {"linux", build_linux, finish_linux, nullptr},
}};

}  // namespace

const SystemParts* find_system(std::string_view name) {
  for (const SystemParts& parts : systems)
    if (parts.name == name) return &parts;
  return nullptr;
}

}  // namespace foundry
