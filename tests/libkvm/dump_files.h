#pragma once

#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/foundry/systems.h"
#include "tests/source_folder.h"

// What the tests of libkvm share: dumps on disk, as C programs name them, and what they hold. They
// use the foundry and the library's C functions alone.

namespace kvm_tests {

/// A folder of its own, taken away at the end.
class Folder {
 public:
  Folder() {
    std::string name = (std::filesystem::temp_directory_path() / "libkvm-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~Folder() { std::filesystem::remove_all(path_); }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;

  std::string put(const std::string& name, std::string_view bytes) const {
    const std::string path = path_ / name;
    std::ofstream(path, std::ios::binary)
        .write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    return path;
  }
  std::string put(const std::string& name, const foundry::Blob& bytes) const {
    return put(name, std::string_view(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
  }

 private:
  std::filesystem::path path_;
};

/// A described kernel, one of its dumps (in one file) and its kernel file with types.
class DumpFiles {
 public:
  DumpFiles(const std::string& name, const std::string& file)
      : description(foundry::read_description(std::string(source_folder) +
                                              "/tests/foundry/descriptions/" + name + ".txt")) {
    for (const foundry::FileText& wanted : description.files)
      if (wanted.name == file)
        dump_ = folder.put(file, foundry::make_dump(description, wanted).at(0));
    if (dump_.empty()) throw std::runtime_error(name + " has no file " + file);
    const foundry::SystemParts* const system = foundry::find_system(description.system);
    // What has its symbols and types in the dump needs no file.
    if (system == nullptr || system->types == nullptr) return;
    kernel_ = folder.put(
        "kernel",
        foundry::kernel_file(description.image, system->types(description, {3, false, true, ""})));
  }

  const char* dump() const { return dump_.c_str(); }
  const char* kernel() const { return kernel_.empty() ? nullptr : kernel_.c_str(); }

  const foundry::ProcessText& process(std::int64_t pid) const {
    for (const foundry::ProcessText& one : description.processes)
      if (one.pid == pid) return one;
    throw std::runtime_error("no process " + std::to_string(pid));
  }
  /// How many there are: Linux has a pid 0 for each processor.
  std::size_t processes() const {
    std::size_t count = description.processes.size();
    if (description.system == "linux") count += process(0).threads.size() - 1;
    return count;
  }
  std::uint64_t symbol(std::string_view name) const {
    for (const foundry::Symbol& one : description.image.symbols)
      if (one.name == name) return one.address;
    throw std::runtime_error("no symbol " + std::string(name));
  }
  /// An integer as the made machine's memory has it.
  std::uint64_t word(std::uint64_t address, unsigned width) const {
    return description.image.read(description.image.physical_of(address), width);
  }

  Folder folder;
  foundry::Description description;

 private:
  std::string dump_, kernel_;
};

/// The strings of a kvm_getargv(3).
inline std::vector<std::string> words(char** strings) {
  std::vector<std::string> all;
  for (; strings != nullptr && *strings != nullptr; ++strings) all.emplace_back(*strings);
  return all;
}

/// One dump of each system, each with processes, for what any face must tell of any of them.
struct Target {
  const char* description;
  const char* file;
};
inline constexpr Target targets[] = {
    {"freebsd-12-tables", "freebsd-12-full"},
    {"freebsd-12-tables", "freebsd-12-v3"},
    {"netbsd-7-99-4-tables", "netbsd-7-99-4-full"},
    {"openbsd-7-6", "openbsd-7-6-kcore"},
    {"dragonfly-5-9", "dragonfly-5-9-v2"},
    {"illumos-tables", "illumos-all"},
    {"linux-x86_64", "linux-kdump-v6"},
};
inline void PrintTo(const Target& target, std::ostream* out) { *out << target.file; }

}  // namespace kvm_tests
