#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/foundry/kernel_case.h"

namespace foundry {

/// A kernel file as illumos's kernel writes it of itself (ksyms, unix.N): each symbol is absolute
/// (uts/common/os/ksyms_snapshot.c).
inline Blob with_absolute_symbols(Blob file) {
  const auto number = [&file](std::size_t at, unsigned width) {
    std::uint64_t value = 0;
    for (unsigned i = width; i-- != 0;) value = value << 8U | file.at(at + i);
    return value;
  };
  const bool wide = file.at(4) == 2;
  const std::size_t sections = number(wide ? 0x28 : 0x20, wide ? 8 : 4);
  const std::size_t size = number(wide ? 0x3a : 0x2e, 2), count = number(wide ? 0x3c : 0x30, 2);
  const std::size_t entry = wide ? 24 : 16;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t section = sections + i * size;
    if (number(section + 4, 4) != 2) continue;  // SHT_SYMTAB
    const std::size_t first = number(section + (wide ? 24 : 16), wide ? 8 : 4);
    const std::size_t bytes = number(section + (wide ? 32 : 20), wide ? 8 : 4);
    for (std::size_t at = first + entry; at < first + bytes; at += entry)
      put(file, at + (wide ? 6 : 14), 0xfff1, 2);
  }
  return file;
}

/// How a described illumos kernel is opened: "ksyms": by the dump alone; "unix": with unix.N too;
/// "none": the same, for a description without types.
inline std::unique_ptr<panicroom::Session> open_illumos_session(const Description& description,
                                                                const std::string& file,
                                                                const std::string& with) {
  std::vector<panicroom::SourcePtr> files;
  for (const FileText& wanted : description.files)
    if (wanted.name == file)
      for (const auto& part : make_dump(description, wanted)) files.push_back(source(file, part));
  if (with != "ksyms")
    files.push_back(source("unix.0", with_absolute_symbols(kernel_file(description.image))));
  auto opened = panicroom::Session::open(files);
  EXPECT_TRUE(opened) << opened.error().message();
  return std::move(*opened);
}

inline std::vector<KernelCase> illumos_cases() {
  return {{"illumos-tables", "illumos-all", "ksyms"},
          {"illumos-tables", "illumos-kernel", "unix"},
          {"illumos-invented", "illumos-invented-all", "ksyms"},
          {"illumos-no-types", "illumos-no-types-all", "ksyms"},
          {"illumos-i386", "illumos-i386-all", "ksyms"},
          {"illumos-i386-no-types", "illumos-i386-no-types-all", "ksyms"},
          {"illumos-elf", "illumos-qemu", "unix"}};
}

}  // namespace foundry
