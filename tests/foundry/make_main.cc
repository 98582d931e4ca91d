// foundry_make DESCRIPTION... FOLDER: writes each description's dumps (and kernel file) into the
// folder.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/foundry/systems.h"

namespace {

void save(const std::string& path, const foundry::Blob& blob) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(blob.data()), static_cast<std::streamsize>(blob.size()));
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

void make(const std::string& path, const std::string& folder) {
  const foundry::Description description = foundry::read_description(path);
  const foundry::SystemParts* system = foundry::find_system(description.system);
  if (system && system->types) {
    save(fmt::format("{}/{}.kernel", folder, description.name),
         foundry::kernel_file(description.image));
    for (const unsigned version : {2U, 3U})
      for (const bool compressed : {false, true})
        save(fmt::format("{}/{}.kernel-ctf{}{}", folder, description.name, version,
                         compressed ? "z" : ""),
             foundry::kernel_file(description.image,
                                  system->types(description, {version, false, compressed, ""})));
  }
  for (const foundry::FileText& file : description.files) {
    const auto parts = foundry::make_dump(description, file);
    for (std::size_t part = 0; part < parts.size(); ++part)
      save(fmt::format("{}/{}.{}{}", folder, description.name, file.name,
                       parts.size() == 1 ? "" : fmt::format(".part{}", part)),
           parts[part]);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + 1, argv + argc);
  if (words.size() < 2) {
    std::fputs("usage: foundry_make DESCRIPTION... FOLDER\n", stderr);
    return 2;
  }
  try {
    for (std::size_t index = 0; index + 1 < words.size(); ++index) make(words[index], words.back());
  } catch (const std::exception& error) {
    std::fprintf(stderr, "foundry_make: %s\n", error.what());
    return 1;
  }
  return 0;
}
