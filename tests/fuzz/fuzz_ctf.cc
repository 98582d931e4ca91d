// Input: a CTF blob, in either byte order; or a kernel file with one.
#include <span>
#include <string>
#include <vector>

#include "core/types/ctf.h"
#include "core/types/layout.h"
#include "core/types/type_catalog.h"

namespace {

using namespace panicroom;

void question(const std::shared_ptr<CtfGraph>& graph) {
  const TypeCatalog types(graph);
  for (const char* name : {"task", "struct proc", "list", "union value", "size_type", "nothing"}) {
    static_cast<void>(types.size_of(name));
    for (const char* path :
         {"tasks.prev", "hidden", "leaves[2][1].level", "low", "high", "tail[5]", "p_list", "x"})
      static_cast<void>(types.member(name, path));
    if (const auto found = types.find(name))
      static_cast<void>(lay_out(*found, [](const LayoutLine&) { return true; }));
  }
  for (const char* name : {"RUNNING", "nothing"}) static_cast<void>(types.enumerator(name));
  for (const char* name : {"allproc", "nothing"}) static_cast<void>(types.variable(name));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size > (std::size_t{1} << 20)) return 0;
  const Bytes input = std::as_bytes(std::span(data, size));
  const std::vector<std::byte> bytes(input.begin(), input.end());
  if (size > 4 && data[0] == 0x7f) {
    if (const auto graph = read_ctf(memory_source("fuzz", bytes))) question(*graph);
    return 0;
  }
  for (const std::endian order : {std::endian::little, std::endian::big})
    if (const auto graph =
            CtfGraph::open({LazyBytes(bytes), order, 8, "fuzz", nullptr, {}, nullptr}))
      question(*graph);
  return 0;
}
