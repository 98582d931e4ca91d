#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "core/base/error.h"
#include "core/io/byte_source.h"
#include "core/stack/cfi.h"
#include "core/stack/unwind.h"
#include "core/symbols/elf_sections.h"
#include "core/types/code_ranges.h"
#include "core/types/source_lines.h"

namespace panicroom {

/// Where a file's code was loaded.
struct LoadedCode {
  ElfSections elf;                ///< of a relocatable file with its sections' run-time addresses
  std::uint64_t slide = 0;        ///< run-time minus `elf`'s addresses
  std::vector<CodeRange> memory;  ///< run-time addresses that it speaks of; empty: all
};

/// The kernel files and debug files, modules' among them, that say how the kernel's code uses its
/// stack and which lines of source it was made from. Each is opened at the first question. Not
/// thread-safe.
class CodeFiles {
 public:
  /// Asked once, when the file's code is first needed. An error says why it is not used.
  using Load = std::function<Result<LoadedCode>()>;

  /// A linked file. `slide`: run-time minus link-time addresses of its code.
  void add(const SourcePtr& file, std::uint64_t slide);
  /// A module's file.
  void add(SourcePtr file, Load load);

  /// True when a file carries call-frame information.
  bool have_rules();
  /// The rules for the instruction at run-time address `pc`, of the first file that has some.
  Result<std::optional<CfiFound>> rules(std::uint64_t pc);
  /// The line of source of the instruction at run-time address `pc` and the calls that were inlined
  /// there, as far as they are known.
  SourceCalls calls(std::uint64_t pc);
  /// Why files are not used, and why parts of them could not be read, which is said once.
  std::vector<Note> take_remarks();

 private:
  struct File {
    SourcePtr source;
    Load load;
    std::optional<LoadedCode> loaded;
    std::shared_ptr<CfiTable> rules;
    std::unique_ptr<SourceLines> lines;
    bool asked_to_load = false, asked_for_rules = false, asked_for_lines = false;

    bool speaks_of(std::uint64_t pc) const;
  };
  void remark(const Error& error);
  /// False: it is not used.
  bool load(File& file);
  void open_rules(File& file);
  void open_lines(File& file);

  std::vector<File> files_;
  std::vector<Note> unused_, remarks_;
};

}  // namespace panicroom
