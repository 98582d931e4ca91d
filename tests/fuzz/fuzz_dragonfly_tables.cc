// Input: one byte that chooses a kernel of the foundry (with the oldest and the newest layout that
// is built in, and with types), then patches of its memory, see patched_tables.h; every table of
// its kernel is made.
#include <array>

#include "tests/fuzz/foundry_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array kernels = {
      tables_of("dragonfly-5-0", Layouts::built_in),
      tables_of("dragonfly-5-9", Layouts::built_in),
      tables_of("dragonfly-invented", Layouts::by_types),
  };
  return run_one(kernels, data, size);
}
