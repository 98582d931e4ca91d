// Input: a BTF blob, in either byte order.
#include <span>
#include <string>
#include <vector>

#include "core/types/btf.h"
#include "core/types/type_catalog.h"

namespace {

void question(const panicroom::TypeCatalog& types) {
  for (const char* name : {"task", "task_struct", "list", "value", "size_type", "nothing"}) {
    static_cast<void>(types.size_of(name));
    for (const char* path :
         {"tasks.prev", "hidden", "leaves[2][1].level", "low", "high", "tail[5]", "a", "x"})
      static_cast<void>(types.member(name, path));
  }
  static_cast<void>(types.enumerator("RUNNING"));
  static_cast<void>(types.enumerator("nothing"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  if (size > (std::size_t{1} << 20)) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  for (const std::endian order : {std::endian::little, std::endian::big})
    if (auto types = read_btf(std::vector<std::byte>(input.begin(), input.end()), order, "fuzz"))
      question(TypeCatalog(std::move(*types)));
  return 0;
}
