#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace panicroom {

enum class OutputForm : std::uint8_t { text, json, csv };

/// What a command line asks for.
struct Request {
  std::string command;  ///< its own name, also where an alias was typed; "info" by default
  std::vector<std::string> operands;  ///< the command's own, without the files
  std::vector<std::string> files;     ///< dump and kernel files, in any order
  std::string dump;                   ///< of the files, once they are open: what errors are about
  OutputForm form = OutputForm::text;
  bool raw = false;
  bool physical = false;
  bool crashed = false;
  std::optional<std::int64_t> pid;
  std::optional<std::int64_t> tid;
  std::optional<std::int64_t> cpu;    ///< whose own copy of a variable is meant
  std::optional<std::string> root;    ///< page tables to translate by: an address or "cr3"
  std::optional<std::string> paging;  ///< how they are built
  std::optional<std::int64_t> depth;  ///< of structures within structures
  std::optional<std::string> output;  ///< the file to write
  std::vector<std::string> columns;   ///< of the table, in this order; empty: the usual ones
};

/// One command of the program. The list is what help, completion and the manual are checked
/// against.
struct CommandInfo {
  std::string_view name;
  std::string_view aliases;   ///< separated by blanks
  std::string_view operands;  ///< as in the usage line, without the files
  std::string_view summary;
  std::string_view example;
  std::string_view table;    ///< the table that it prints, if it prints just that
  std::string_view options;  ///< without their dashes, separated by blanks
  std::size_t least_operands = 0;
  std::size_t most_operands = 0;
  bool needs_dump = true;
};
std::span<const CommandInfo> commands();

}  // namespace panicroom
