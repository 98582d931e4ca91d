#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/stack/cfi.h"
#include "core/stack/unwind.h"
#include "core/types/source_lines.h"

namespace panicroom {

/// The kernel files and debug files that say how the kernel's code uses its stack and which lines
/// of source it was made from. Each is opened at the first question. Not thread-safe.
class CodeFiles {
 public:
  /// `slide`: run-time minus link-time addresses of its code.
  void add(std::string name, SourcePtr file, std::uint64_t slide);
  bool empty() const { return files_.empty(); }

  /// True when a file carries call-frame information.
  bool have_rules();
  /// The rules for the instruction at run-time address `pc`, of the first file that has some.
  Result<std::optional<CfiFound>> rules(std::uint64_t pc);
  /// The line of source of the instruction at run-time address `pc`; nothing where none is known.
  std::optional<SourceLine> line(std::uint64_t pc);
  /// Why files could not be read, each said once.
  std::vector<Note> take_remarks();

 private:
  struct File {
    std::string name;
    SourcePtr source;
    std::uint64_t slide = 0;
    std::shared_ptr<CfiTable> rules;
    std::unique_ptr<SourceLines> lines;
  };
  void remark(const Error& error);

  std::vector<File> files_;
  std::size_t opened_ = 0;        ///< of files_, for their rules
  std::size_t opened_lines_ = 0;  ///< and for their lines
  std::vector<Note> remarks_;
};

}  // namespace panicroom
