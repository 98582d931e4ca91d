// Input: one byte that chooses a kernel of the foundry (with types, of 32 bits with types, with the
// layout that is built in), then patches of its memory, see patched_tables.h; every table of its
// kernel is made.
#include <array>

#include "tests/fuzz/foundry_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array kernels = {
      tables_of("illumos-tables", Layouts::by_types),
      tables_of("illumos-i386", Layouts::by_types),
      tables_of("illumos-no-types", Layouts::built_in),
  };
  return run_one(kernels, data, size);
}
