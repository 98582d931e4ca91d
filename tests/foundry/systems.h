#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/description.h"

namespace foundry {

/// How a system's kernel is made: `system NAME` of a description.
struct SystemParts {
  std::string_view name;
  /// Puts the kernel's objects and symbols into the image.
  void (*build)(Description& description);
  /// Once the page tables are built: stores what names them.
  void (*finish)(Description& description);
  /// The types of the objects, for the kernel file; null where the dump has them itself.
  Blob (*types)(const Description& description, const CtfStyle& style);
};

/// Null where there is none of that name.
const SystemParts* find_system(std::string_view name);

/// A kernel file to make; `ctf`: with the types of its layout.
struct KernelFileText {
  std::string name;
  std::optional<CtfStyle> ctf;
};
/// NAME.kernel and one for each way to write its types; none of a system whose dump needs no file.
std::vector<KernelFileText> kernel_files(const Description& description);
Blob make_kernel_file(const Description& description, const KernelFileText& file);

/// What the files of one `file` line are called: NAME.FILE, with .partN where there are several.
std::vector<std::string> file_names(const Description& description, const FileText& file);

}  // namespace foundry
