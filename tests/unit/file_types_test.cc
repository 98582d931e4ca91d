// Types of several kernel files of which one cannot be read: the others answer, with a remark.
#include "core/types/file_types.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

#include "core/types/export_types.h"
#include "tests/unit/stated_types.h"

namespace panicroom {
namespace {

using test::of;
using test::StatedTypes;

constexpr Machine machine{Architecture::x86_64, 8, std::endian::little, 4096};

/// An ELF file with the BTF of one structure.
std::vector<std::byte> file_of(std::string_view structure) {
  const auto types = std::make_shared<StatedTypes>();
  const TypeId integer = types->add({of(TypeKind::integer, "int", 4), {}, {}});
  types->add({of(TypeKind::structure, structure, 4), {{"number", integer, 0, 0}}, {}});
  const std::array names = {std::string(structure)};
  return export_types(TypeCatalog(types), names, machine, "").value().file;
}

class FilesOfTypes : public testing::Test {
 protected:
  FilesOfTypes() : kernel(file_of("of_kernel")), module(file_of("of_module")) {
    module[16] = std::byte{1};  // ET_REL, as modules are
    while (module[btf] != std::byte{0x9f} || module[btf + 1] != std::byte{0xeb}) ++btf;
  }
  std::shared_ptr<const TypeCatalog> open() {
    auto opened = types_of_files({{"kernel", memory_source("kernel", kernel)},
                                  {"broken.ko", memory_source("broken.ko", module)}},
                                 machine);
    EXPECT_TRUE(opened) << opened.error().message();
    return opened.value_or(nullptr);
  }
  static std::string told(const TypeCatalog& catalog) {
    std::string all;
    for (const Note& note : catalog.take_remarks()) all += note.text + "\n";
    return all;
  }

  std::vector<std::byte> kernel, module;
  std::size_t btf = 0;  ///< where it begins in the module
};

TEST_F(FilesOfTypes, OfAModuleThatCannotBeReadHaveARemark) {
  module[btf] = std::byte{0};
  const auto types = open();
  EXPECT_TRUE(types->find("of_kernel"));
  const std::string said = told(*types);
  EXPECT_NE(said.find("broken.ko: "), std::string::npos) << said;
  EXPECT_EQ(told(*types), "");
}

TEST_F(FilesOfTypes, OfWhichAPartIsBrokenHaveARemarkOnceTheyAreAskedFor) {
  module[btf + 24 + 7] = std::byte{0x1f};  // no kind of type has this number
  const auto types = open();
  EXPECT_EQ(told(*types), "");
  EXPECT_TRUE(types->find("of_kernel"));
  EXPECT_FALSE(types->find("of_module"));
  EXPECT_FALSE(types->find("of_none"));
  const std::string said = told(*types);
  EXPECT_NE(said.find("BTF of broken.ko"), std::string::npos) << said;
  EXPECT_EQ(said.find('\n'), said.size() - 1) << said;
}

TEST_F(FilesOfTypes, ThatAreWholeHaveNone) {
  const auto types = open();
  EXPECT_TRUE(types->find("of_kernel"));
  EXPECT_FALSE(types->find("of_none"));
  EXPECT_EQ(told(*types), "");
}

}  // namespace
}  // namespace panicroom
