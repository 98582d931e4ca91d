// illumos dumps of any kind: pages as of every dump, and the translation map.
#include "tests/fuzz/dump_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace panicroom;
  fuzzing::check_dump(data, size, 1);
  const auto* bytes = reinterpret_cast<const std::byte*>(data);
  const SourcePtr file = memory_source("fuzz", std::vector<std::byte>(bytes, bytes + size));
  const SourcePtr hidden = std::make_shared<fuzzing::Unmapped>(file);
  const auto dump = open_dump({&file, 1});
  const auto unmapped = open_dump({&hidden, 1});
  if (!dump || !dump->illumos) return 0;
  fuzzing::require(dump->illumos->map != nullptr);
  int left = 64;
  static_cast<void>(dump->illumos->map->each([&](const IllumosMapping& mapping) {
    // What is listed may be hidden by another entry, or behind a chain that is broken.
    std::vector<IllumosMapStep> steps;
    const auto found = dump->illumos->map->physical(mapping.as, mapping.virtual_page, &steps);
    const auto again = unmapped->illumos->map->physical(mapping.as, mapping.virtual_page);
    fuzzing::require(found.has_value() == again.has_value() && (!found || *found == *again));
    return --left > 0;
  }));
  if (dump->illumos->ksyms != nullptr) {
    std::vector<std::byte> start(16);
    static_cast<void>(dump->illumos->ksyms->read(0, start));
  }
  return 0;
}
