// Input: one byte that chooses a kernel of the foundry (of processes: with a list of mappings and a
// layout that is built in, with a tree of mappings and types; of the machine as a whole: with the
// layout that is built in, with lists and with a tree of sysctl variables by types), then patches
// of its memory, see patched_tables.h; every table of its kernel is made.
#include <array>

#include "tests/fuzz/foundry_tables.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom::fuzzing;
  static std::array kernels = {
      tables_of("freebsd-12-tables", Layouts::built_in),
      tables_of("freebsd-14-current-tables", Layouts::by_types),
      tables_of("freebsd-12-machine", Layouts::built_in),
      tables_of("freebsd-14-current-machine", Layouts::by_types),
      tables_of("freebsd-invented-machine", Layouts::by_types),
  };
  return run_one(kernels, data, size);
}
