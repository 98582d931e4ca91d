#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/foundry/containers.h"
#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/image.h"

namespace foundry {

struct ThreadText {
  std::int64_t tid = 0;
  std::string name;
  std::optional<std::int64_t> cpu;
  bool crashed = false;
  std::string state;                  ///< Linux; empty: sleeping
  std::vector<std::uint64_t> frames;  ///< program counters, innermost first
  // Set while the world is built:
  std::uint64_t address = 0;
  std::uint64_t sp = 0, fp = 0;
};

struct ProcessText {
  std::int64_t pid = 0;
  std::string name;
  bool zombie = false;    ///< FreeBSD: on zombproc
  std::int64_t ppid = 0;  ///< Linux
  std::uint64_t uid = 0;  ///< Linux
  std::vector<ThreadText> threads;
  std::uint64_t address = 0;  ///< set while the world is built
};

/// Linux: a loaded module and the symbols of its own.
struct ModuleText {
  std::string name;
  Range text;
  std::vector<Symbol> symbols;
};

struct LogText {
  std::optional<int> level;
  std::string text;
  std::uint64_t time_ns = 0;  ///< Linux
};

/// A file to make: `container` ("minidump", "elf", "kdump") with its key=value settings.
struct FileText {
  std::string name;
  std::string container;
  std::vector<std::pair<std::string, std::string>> settings;

  std::string get(std::string_view key, std::string otherwise = "") const;
  std::uint64_t number(std::string_view key, std::uint64_t otherwise) const;
};

/// A parsed description: the machine, what its kernel knew, and the files to make. See README.md.
struct Description {
  std::string name;
  std::string system;  ///< "freebsd", "linux" or empty: only memory
  Image image;
  std::vector<ProcessText> processes;
  std::vector<ModuleText> modules;
  std::vector<LogText> log;
  std::string panic;
  bool tell_kallsyms = true;    ///< VMCOREINFO names the kallsyms tables (Linux 6.0 and later)
  bool functions_only = false;  ///< kallsyms names code alone (no CONFIG_KALLSYMS_ALL)
  Range heap;                   ///< virtual addresses that kernel objects are put at
  std::vector<FileText> files;
};

/// Parses a description and builds its world (page tables, kernel objects). Throws
/// std::runtime_error that names the line.
Description parse_description(std::string_view text, std::string name);
Description read_description(const std::string& path);

/// Puts a FreeBSD kernel's objects and symbols into the image.
void build_freebsd(Description& description);
/// Stores the root of the finished page tables where a FreeBSD full dump's reader looks for it.
void finish_freebsd(Description& description);

/// The types of a FreeBSD kernel's objects, for its kernel file.
Blob freebsd_types(const Image& image, const CtfStyle& style);

/// Puts a Linux kernel's objects, symbols, types and VMCOREINFO into the image.
void build_linux(Description& description);
void finish_linux(const Description& description);

/// What one `file` line makes: the parts of the dump (one but for split sets), wrapped as it says.
std::vector<Blob> make_dump(const Description& description, const FileText& file);

}  // namespace foundry
