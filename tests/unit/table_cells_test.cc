#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/tables/all_tables.h"

namespace panicroom {
namespace {

using Words = std::vector<std::string>;

std::string written(const Words& words) { return std::get<std::string>(words_cell(words)); }

// What Python's shlex.join makes of the same words.
TEST(WordsCell, QuotesAsAShellWould) {
  EXPECT_EQ(written({"ls", "-l", "/tmp/a,b"}), "ls -l /tmp/a,b");
  EXPECT_EQ(written({"two words", "", "$HOME"}), "'two words' '' '$HOME'");
  EXPECT_EQ(written({"it's"}), R"('it'"'"'s')");
  EXPECT_EQ(written({}), "");
  EXPECT_EQ(words_cell(std::nullopt), Value(std::monostate{}));
}

}  // namespace
}  // namespace panicroom
