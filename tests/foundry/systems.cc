#include "tests/foundry/systems.h"

#include <fmt/format.h>

#include <array>

#include "tests/foundry/containers.h"
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

std::vector<KernelFileText> kernel_files(const Description& description) {
  const SystemParts* system = find_system(description.system);
  if (!system || !system->types) return {};
  std::vector<KernelFileText> files{{description.name + ".kernel", std::nullopt}};
  for (const unsigned version : {2U, 3U})
    for (const bool compressed : {false, true})
      files.push_back(
          {fmt::format("{}.kernel-ctf{}{}", description.name, version, compressed ? "z" : ""),
           CtfStyle{version, false, compressed, ""}});
  return files;
}

Blob make_kernel_file(const Description& description, const KernelFileText& file) {
  return kernel_file(
      description.image,
      file.ctf ? find_system(description.system)->types(description, *file.ctf) : Blob{});
}

std::vector<std::string> file_names(const Description& description, const FileText& file) {
  const std::string name = description.name + "." + file.name;
  const std::uint64_t parts = file.number("parts", 1);
  if (parts == 1) return {name};
  std::vector<std::string> names;
  for (std::uint64_t part = 0; part < parts; ++part)
    names.push_back(fmt::format("{}.part{}", name, part));
  return names;
}

}  // namespace foundry
