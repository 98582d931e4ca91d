// A dump whose format tells its system, opened with the kernel file of another one: it is never
// read as that one's, and is told whose the file is.

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/foundry/kernel_case.h"

namespace {

using panicroom::Note;
using panicroom::Notes;
using panicroom::Session;
using panicroom::SourcePtr;
using panicroom::Value;

struct Foreign {
  std::string dump, kernel, said;
  std::size_t file = 0;  ///< of the description
  friend void PrintTo(const Foreign& one, std::ostream* out) {
    *out << one.dump << " with " << one.kernel;
  }
};

class ForeignKernel : public testing::TestWithParam<Foreign> {};

TEST_P(ForeignKernel, IsNamedAndNotUsed) {
  const foundry::Description dump = foundry::description_named(GetParam().dump);
  const foundry::Description kernel = foundry::description_named(GetParam().kernel);
  std::vector<SourcePtr> files = {foundry::source("kernel", foundry::kernel_file(kernel.image))};
  for (const auto& part : foundry::make_dump(dump, dump.files.at(GetParam().file)))
    files.push_back(foundry::source("dump", part));
  const auto session = Session::open(files);
  ASSERT_TRUE(session) << session.error().message();

  std::string all;
  for (const char* table : {"dump", "processes"}) {
    Notes notes;
    const auto made = (*session)->rows(
        *panicroom::find_table(table), {}, [](std::span<const Value>) { return true; }, notes);
    if (!made) all += made.error().text + "\n";
    for (const Note& note : notes.take()) all += note.text + "\n";
  }
  EXPECT_NE(all.find(GetParam().said), std::string::npos) << all;
  EXPECT_EQ(all.find("the kernel file has no types"), std::string::npos) << all;
}

INSTANTIATE_TEST_SUITE_P(
    Dumps, ForeignKernel,
    testing::Values(Foreign{"netbsd-7-99-4-tables", "dragonfly-5-9",
                            "it is a kernel of DragonFly, and the dump is of NetBSD or OpenBSD"},
                    Foreign{"netbsd-7-99-4-tables", "freebsd-12-tables",
                            "it is a kernel of FreeBSD, and the dump is of NetBSD or OpenBSD"},
                    Foreign{"openbsd-7-6", "dragonfly-5-9",
                            "it is a kernel of DragonFly, and the dump is of NetBSD or OpenBSD"},
                    Foreign{"illumos-tables", "dragonfly-5-9",
                            "it is a kernel of DragonFly, and the dump is of illumos"},
                    Foreign{"illumos-tables", "freebsd-12-tables",
                            "it is a kernel of FreeBSD, and the dump is of illumos"},
                    Foreign{"illumos-tables", "openbsd-7-6",
                            "it is a kernel of OpenBSD, and the dump is of illumos"},
                    Foreign{"dragonfly-5-9", "netbsd-7-99-4-tables",
                            "it is a kernel of NetBSD, and the dump is of DragonFly"},
                    Foreign{"freebsd-12-tables", "dragonfly-5-9",
                            "it is a kernel of DragonFly, and the dump is of FreeBSD", 1},
                    Foreign{"freebsd-12-tables", "netbsd-7-99-4-tables",
                            "it is a kernel of NetBSD, and the dump is of FreeBSD", 1}));

}  // namespace
