#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/io/byte_source.h"
#include "tests/foundry/systems.h"
#include "tests/fuzz/patched_tables.h"
#include "tests/source_folder.h"

namespace panicroom::fuzzing {

inline SourcePtr source(const std::string& name, const foundry::Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  return memory_source(name, {bytes, bytes + blob.size()});
}

/// How a kernel's structures are known.
enum class Layouts : std::uint8_t { built_in, by_types };

/// The tables of the first dump of a description of the foundry. Types of illumos are in its
/// memory.
inline PatchedTables tables_of(const std::string& name, Layouts layouts) {
  const auto description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/" + name + ".txt");
  std::vector<SourcePtr> dump;
  for (const auto& part : foundry::make_dump(description, description.files.at(0)))
    dump.push_back(source("dump", part));
  KernelInputs inputs;
  for (const foundry::KernelFileText& file : foundry::kernel_files(description)) {
    if (file.ctf.has_value() != (layouts == Layouts::by_types)) continue;
    inputs.kernel_files.emplace_back(
        "kernel", source("kernel", foundry::make_kernel_file(description, file)));
    break;
  }
  const auto types = inputs.kernel_files.empty() ? PatchedTables::Types::in_dump
                                                 : PatchedTables::Types::in_kernel_file;
  return {dump, std::move(inputs), types, 10};
}

/// An input's first byte chooses the kernel, the others are patches.
inline int run_one(std::span<PatchedTables> kernels, const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  kernels[data[0] % kernels.size()].run(std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}

}  // namespace panicroom::fuzzing
