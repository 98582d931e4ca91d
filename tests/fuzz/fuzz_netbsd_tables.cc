// Input: one byte that chooses a kernel of the foundry (with lists of older kernels and a layout
// that is built in, with those of newer ones and types, on aarch64), then patches of its memory,
// see patched_tables.h; every table of its kernel is made.
#include <array>
#include <string>

#include "core/io/byte_source.h"
#include "tests/foundry/description.h"
#include "tests/foundry/worlds.h"
#include "tests/fuzz/patched_tables.h"
#include "tests/source_folder.h"

namespace panicroom::fuzzing {
namespace {

SourcePtr source(const std::string& name, const foundry::Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  return memory_source(name, {bytes, bytes + blob.size()});
}

PatchedTables open_kernel_of(const std::string& name, bool types) {
  const auto description = foundry::read_description(
      std::string(source_folder) + "/tests/foundry/descriptions/" + name + ".txt");
  const std::vector<SourcePtr> dump = {
      source("dump", foundry::make_dump(description, description.files.at(0)).at(0))};
  KernelInputs inputs;
  inputs.kernel_files.emplace_back(
      "kernel", source("kernel", foundry::kernel_file(description.image,
                                                      types ? foundry::netbsd_types(description, {})
                                                            : foundry::Blob{})));
  return {dump, std::move(inputs), PatchedTables::Types::in_kernel_file, 10};
}

}  // namespace
}  // namespace panicroom::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array<PatchedTables, 3> kernels = {open_kernel_of("netbsd-7-99-4-tables", false),
                                                 open_kernel_of("netbsd-invented-tables", true),
                                                 open_kernel_of("netbsd-aarch64-tables", false)};
  if (size == 0) return 0;
  kernels[data[0] % kernels.size()].run(std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
