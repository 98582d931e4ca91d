// Input: one byte that chooses a kernel of the foundry (with lists of older kernels and a layout
// that is built in, with those of newer ones and types, on aarch64), then patches of its memory,
// see patched_tables.h; every table of its kernel is made.
#include <array>

#include "tests/fuzz/foundry_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array kernels = {
      tables_of("netbsd-7-99-4-tables", Layouts::built_in),
      tables_of("netbsd-invented-tables", Layouts::by_types),
      tables_of("netbsd-aarch64-tables", Layouts::built_in),
  };
  return run_one(kernels, data, size);
}
