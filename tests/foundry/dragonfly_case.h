#pragma once

#include <string>
#include <vector>

#include "tests/foundry/kernel_case.h"

namespace foundry {

/// Every description of a DragonFly kernel, by the types in its kernel file or by the layout that
/// is built in.
inline std::vector<KernelCase> dragonfly_cases() {
  std::vector<KernelCase> all;
  for (const std::string& name : descriptions_tried(
           {"5-9", "5-8", "5-6", "5-4", "5-2", "5-0", "invented"}, {"5-9", "5-0", "invented"}))
    for (const FileText& file : read_files(
             std::string(source_folder) + "/tests/foundry/descriptions/dragonfly-" + name + ".txt"))
      for (const std::string& types : forms_of_types())
        if (types != "none" || name != "invented")
          all.push_back({"dragonfly-" + name, file.name, types});
  return all;
}

class DragonFlyTest : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
    ASSERT_TRUE(session);
  }
  bool is_minidump() const { return GetParam().file.find("-v") != std::string::npos; }

  Description description;
  std::unique_ptr<panicroom::Session> session;
};

}  // namespace foundry
