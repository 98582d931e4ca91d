// Input: patches of the sample's memory (samples/linux), see patched_tables.h; every table of its
// kernel is made.
#include <array>
#include <string>

#include "native/io/mapped_file.h"
#include "tests/fuzz/patched_tables.h"
#include "tests/source_folder.h"

namespace panicroom::fuzzing {
namespace {

PatchedTables open_sample() {
  auto file = open_mapped_file(std::string(source_folder) + "/samples/linux/sample.vmcore");
  require(file.has_value());
  const std::array<SourcePtr, 1> files = {*file};
  return {files, {}, PatchedTables::Types::in_dump, 100};
}

}  // namespace
}  // namespace panicroom::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static panicroom::fuzzing::PatchedTables sample = panicroom::fuzzing::open_sample();
  sample.run(std::as_bytes(std::span(data, size)));
  return 0;
}
