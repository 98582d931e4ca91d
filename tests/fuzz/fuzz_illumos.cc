// Input: a byte that chooses one of the foundry's small illumos dumps, one that says how much of it
// is cut off (in 256ths), then patches of 11 bytes: 24 bits of offset, 8 bytes that are written
// there. From 128 on the first byte is followed by a whole file. Pages must be as those of every
// dump; the translation map's list and its look-ups, mapped or not, must agree.
#include <array>
#include <string>

#include "tests/foundry/description.h"
#include "tests/fuzz/dump_fuzzing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace panicroom::fuzzing {
namespace {

constexpr std::string_view wide = R"(
machine x86_64
ram 0x3000-0x5000
ram 0x9000-0xb000
map 0xfffffffffb800000 0x3000 0x2000
spacemap 0xffffff0001002000 0x400000 0x9000 0x2000
symbol kas 0xfffffffffb8002a0 0x100 B
pattern 0x3000 0x800
string 0x9010 "first process"
file vmcore illumos ksyms=none
file vmcore-v9 illumos version=9
file vmdump illumos kind=vmdump ksyms=none streams=2 range=1
file vmdump-bzip2 illumos kind=vmdump codec=bzip2 ksyms=none streams=2
file vmdump-serial illumos kind=vmdump version=9 codec=serial
file device illumos kind=device version=11 codec=single
)";
constexpr std::string_view narrow = R"(
machine i386
ram 0x3000-0x5000
ram 0x9000-0xb000
map 0xfb800000 0x3000 0x2000
spacemap 0xd1002000 0x400000 0x9000 0x2000
symbol kas 0xfb8002a0 0x100 B
pattern 0x3000 0x800
file vmcore illumos
file vmcore-big illumos big=1
file vmdump illumos kind=vmdump streams=2 range=1
)";

const std::vector<foundry::Blob>& dumps() {
  static const std::vector<foundry::Blob> made = [] {
    std::vector<foundry::Blob> all;
    for (const std::string_view text : {wide, narrow}) {
      const auto description = foundry::parse_description(text, "small");
      for (const foundry::FileText& file : description.files)
        all.push_back(foundry::make_dump(description, file).front());
    }
    return all;
  }();
  return made;
}

foundry::Blob dump_of(const std::uint8_t* data, std::size_t size) {
  if (size < 2) return {};
  if (data[0] >= 128) return {data + 1, data + size};
  foundry::Blob blob = dumps()[data[0] % dumps().size()];
  blob.resize(blob.size() - blob.size() * data[1] / 256);
  for (std::size_t at = 2; at + 11 <= size; at += 11) {
    const std::size_t offset =
        data[at] + std::size_t{256} * data[at + 1] + std::size_t{65536} * data[at + 2];
    for (std::size_t i = 0; i < 8; ++i)
      if (offset + i < blob.size()) blob[offset + i] = data[at + 3 + i];
  }
  return blob;
}

void check_map(const foundry::Blob& blob) {
  const auto* bytes = reinterpret_cast<const std::byte*>(blob.data());
  const SourcePtr file = memory_source("fuzz", {bytes, bytes + blob.size()});
  const SourcePtr hidden = std::make_shared<Unmapped>(file);
  const auto dump = open_dump({&file, 1});
  const auto unmapped = open_dump({&hidden, 1});
  if (!dump || !dump->illumos) return;
  require(dump->illumos->map != nullptr);
  int left = 64;
  static_cast<void>(dump->illumos->map->each([&](const IllumosMapping& mapping) {
    // What is listed may be hidden by another entry, or behind a chain that is broken.
    std::vector<IllumosMapStep> steps;
    const auto found = dump->illumos->map->physical(mapping.as, mapping.virtual_page, &steps);
    const auto again = unmapped->illumos->map->physical(mapping.as, mapping.virtual_page);
    require(found.has_value() == again.has_value() && (!found || *found == *again));
    return --left > 0;
  }));
  if (dump->illumos->ksyms != nullptr) {
    std::vector<std::byte> start(16);
    static_cast<void>(dump->illumos->ksyms->read(0, start));
  }
}

}  // namespace
}  // namespace panicroom::fuzzing

int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const foundry::Blob blob = panicroom::fuzzing::dump_of(data, size);
  panicroom::fuzzing::check_dump(blob.data(), blob.size(), 1);
  panicroom::fuzzing::check_map(blob);
  return 0;
}
