#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <ostream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "tests/foundry/systems.h"
#include "tests/foundry/test_name.h"
#include "tests/source_folder.h"
#include "tests/unit/session_rows.h"

// What the tests of a system's tables share: a described kernel, opened from one of its dumps.

namespace foundry {

#if defined(__SANITIZE_ADDRESS__)
#define FOUNDRY_UNDER_SANITIZERS 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FOUNDRY_UNDER_SANITIZERS 1
#endif
#endif

/// What kernel files are tried with. Under the sanitizers the older form of CTF, which has tests of
/// its own, is left out.
inline std::vector<std::string> forms_of_types() {
#ifdef FOUNDRY_UNDER_SANITIZERS
  return {"ctf3z", "none"};
#else
  return {"ctf2", "ctf3z", "none"};
#endif
}

/// `all`; under the sanitizers, which make each test several times as long, those of `some` alone:
/// the others are read by the same code and differ from these by the numbers of a built-in layout.
inline std::vector<std::string> descriptions_tried(const std::vector<std::string>& all,
                                                   const std::vector<std::string>& some) {
#ifdef FOUNDRY_UNDER_SANITIZERS
  static_cast<void>(all);
  return some;
#else
  static_cast<void>(some);
  return all;
#endif
}

/// A description, one of its dumps, and what its kernel file has: "ctf2", "ctf3z", "none".
struct KernelCase {
  std::string description, file, types;
  friend void PrintTo(const KernelCase& named, std::ostream* out) {
    *out << named.file << "/" << named.types;
  }
};

inline std::string name_of(const KernelCase& named) {
  return test_name(named.file + "_" + named.types);
}

inline Description description_named(const std::string& name) {
  return read_description(std::string(source_folder) + "/tests/foundry/descriptions/" + name +
                          ".txt");
}

inline std::unique_ptr<panicroom::Session> open_session(const Description& description,
                                                        const std::string& file,
                                                        const std::string& types) {
  std::vector<panicroom::SourcePtr> files;
  for (const FileText& wanted : description.files)
    if (wanted.name == file)
      for (const auto& part : make_dump(description, wanted)) files.push_back(source(file, part));
  const CtfStyle style =
      types == "ctf2" ? CtfStyle{2, false, false, ""} : CtfStyle{3, false, true, ""};
  files.push_back(source(
      "kernel",
      kernel_file(
          description.image,
          types == "none" ? Blob{} : find_system(description.system)->types(description, style))));
  auto opened = panicroom::Session::open(files);
  EXPECT_TRUE(opened) << opened.error().message();
  return std::move(*opened);
}

inline std::vector<panicroom::Note> notes_of(panicroom::Session& session,
                                             const std::string& table) {
  panicroom::Notes notes;
  EXPECT_TRUE(session.rows(
      *panicroom::find_table(table), {}, [](std::span<const panicroom::Value>) { return true; },
      notes));
  return notes.take();
}

inline bool any_has(const std::vector<panicroom::Note>& notes, std::string_view words) {
  for (const panicroom::Note& note : notes)
    if (note.text.find(words) != std::string::npos) return true;
  return false;
}

inline panicroom::Value number(std::uint64_t value) { return value; }

}  // namespace foundry
