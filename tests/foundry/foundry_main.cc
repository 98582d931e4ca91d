// foundry: makes crash dumps, kernel files and the answers to expect of them from descriptions.

#include <fmt/format.h>

#include <cstdio>
#include <exception>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/foundry/answers.h"
#include "tests/foundry/systems.h"

namespace {

constexpr const char* usage =
    "usage: foundry make DESCRIPTION... FOLDER    writes each description's dumps, kernel files "
    "and\n"
    "                                             answers (NAME.answers.json) into the folder\n"
    "       foundry answers DESCRIPTION           prints the answers alone\n"
    "       foundry list DESCRIPTION...           prints the names of the files that make would "
    "write\n"
    "The language of descriptions: docs/foundry.md\n";

void save(const std::string& path, const foundry::Blob& blob) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(blob.data()), static_cast<std::streamsize>(blob.size()));
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

void make(const std::string& path, const std::string& folder) {
  const foundry::Description description = foundry::read_description(path);
  for (const foundry::KernelFileText& kernel : foundry::kernel_files(description))
    save(folder + "/" + kernel.name, foundry::make_kernel_file(description, kernel));
  for (const foundry::FileText& file : description.files) {
    const auto parts = foundry::make_dump(description, file);
    const auto names = foundry::file_names(description, file);
    for (std::size_t part = 0; part < parts.size(); ++part)
      save(folder + "/" + names.at(part), parts[part]);
  }
  const std::string text = foundry::answers(description).text() + "\n";
  save(fmt::format("{}/{}.answers.json", folder, description.name),
       foundry::Blob(text.begin(), text.end()));
}

void list(const std::string& path) {
  const foundry::Description description = foundry::read_description(path);
  for (const foundry::KernelFileText& kernel : foundry::kernel_files(description))
    std::puts(kernel.name.c_str());
  for (const foundry::FileText& file : description.files)
    for (const std::string& name : foundry::file_names(description, file)) std::puts(name.c_str());
}

int run(const std::vector<std::string>& words) {
  const std::string verb = words.empty() ? "" : words.front();
  if (verb == "--help" || verb == "-h" || verb == "help") {
    std::fputs(usage, stdout);
    return 0;
  }
  if (verb == "make" && words.size() >= 3) {
    for (std::size_t index = 1; index + 1 < words.size(); ++index) make(words[index], words.back());
    return 0;
  }
  if (verb == "answers" && words.size() == 2) {
    std::puts(foundry::answers(foundry::read_description(words[1])).text().c_str());
    return 0;
  }
  if (verb == "list" && words.size() >= 2) {
    for (std::size_t index = 1; index < words.size(); ++index) list(words[index]);
    return 0;
  }
  std::fputs(usage, stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::fprintf(stderr, "foundry: %s\n", error.what());
    return 1;
  }
}
