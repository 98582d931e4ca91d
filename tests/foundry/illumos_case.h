#pragma once

#include <memory>
#include <string>
#include <vector>

#include "tests/foundry/kernel_case.h"

namespace foundry {

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
