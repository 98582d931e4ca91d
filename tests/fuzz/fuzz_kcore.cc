#include "tests/fuzz/dump_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  panicroom::fuzzing::check_dump(data, size, 1);
  return 0;
}
