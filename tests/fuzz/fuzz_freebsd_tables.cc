// Input: one byte that chooses a kernel of the foundry (of processes: with a list of mappings and a
// layout that is built in, with a tree of mappings and types; of the machine as a whole: with the
// layout that is built in, with lists and with a tree of sysctl variables by types), then patches
// of its memory, see patched_tables.h; every table of its kernel is made.
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
  std::vector<SourcePtr> dump;
  for (const auto& file : description.files)
    if (file.name.ends_with("-full"))
      for (const auto& part : foundry::make_dump(description, file))
        dump.push_back(source(file.name, part));
  KernelInputs inputs;
  inputs.kernel_files.emplace_back(
      "kernel",
      source("kernel",
             foundry::kernel_file(description.image, types ? foundry::freebsd_types(description, {})
                                                           : foundry::Blob{})));
  return {dump, std::move(inputs), PatchedTables::Types::in_kernel_file, 10};
}

}  // namespace
}  // namespace panicroom::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array<PatchedTables, 5> kernels = {open_kernel_of("freebsd-12-tables", false),
                                                 open_kernel_of("freebsd-14-current-tables", true),
                                                 open_kernel_of("freebsd-12-machine", false),
                                                 open_kernel_of("freebsd-14-current-machine", true),
                                                 open_kernel_of("freebsd-invented-machine", true)};
  if (size == 0) return 0;
  kernels[data[0] % kernels.size()].run(std::as_bytes(std::span(data + 1, size - 1)));
  return 0;
}
