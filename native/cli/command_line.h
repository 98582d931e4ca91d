#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "core/io/byte_source.h"

namespace panicroom {

/// How a terminal asks for a line.
struct Prompt {
  std::string_view text;
  /// What may stand at the end of the line up to the cursor, each whole in place of its last word.
  std::function<std::vector<std::string>(std::string_view line)> complete;
};

/// What the command line needs of the world around it, so that the same commands run natively and
/// as WebAssembly and print the same bytes.
class Host {
 public:
  virtual ~Host() = default;

  virtual Result<SourcePtr> open(const std::string& path) = 0;
  virtual bool exists(const std::string& path) const = 0;
  /// Makes or replaces a file, whole or not at all. Errors name what is wrong but not the path:
  /// `io`, `unsupported` where there are no files to write.
  virtual Result<void> write_file(const std::string& path, Bytes bytes) {
    static_cast<void>(path), static_cast<void>(bytes);
    return fail(ErrorCode::unsupported, "no file can be written here");
  }
  /// Writes to standard output or error; false when it cannot take more.
  virtual bool out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;
  /// How far the opening of a file has come, in bytes; a terminal may show it. `total` 0 ends it.
  virtual void progress(std::uint64_t done, std::uint64_t total) {
    static_cast<void>(done), static_cast<void>(total);
  }
  /// Threads that `run_jobs` may use, and how it runs them: one after another by default.
  virtual unsigned workers() const { return 1; }
  virtual void run_jobs(unsigned count, const std::function<void(unsigned)>& job) {
    for (unsigned index = 0; index < count; ++index) job(index);
  }
  /// The next line of standard input, without its end; nothing behind the last one.
  virtual std::optional<std::string> line(const Prompt& prompt) {
    static_cast<void>(prompt);
    return std::nullopt;
  }
  /// True when people type the lines: both standard input and output are a terminal.
  virtual bool interactive() const { return false; }
  /// Within an interrupt of the user (Ctrl-C) ends no more than what runs: `interrupted` then
  /// answers true.
  virtual void catch_interrupts(bool on) { static_cast<void>(on); }
  virtual bool interrupted() const { return false; }
  /// Columns of the terminal that standard output is; 0 when it is none.
  virtual std::size_t out_columns() const = 0;
  virtual std::optional<std::string> environment(std::string_view name) const = 0;
};

/// Runs `panicroom` with its arguments (without the program's name). Answers the exit status: 0, 1
/// when something could not be answered, 2 for a usage error.
int run_command_line(std::span<const std::string> arguments, Host& host);

}  // namespace panicroom
