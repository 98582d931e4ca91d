#pragma once

#include <string>
#include <vector>

#include "tests/foundry/kernel_case.h"

namespace foundry {

/// Every description of a whole machine, by the types in its kernel file or by a layout that is
/// built in.
inline std::vector<KernelCase> machine_cases() {
  std::vector<KernelCase> all;
  for (const std::string& name : descriptions_tried(
           {"12-machine", "12-arm64-machine", "12-2-machine", "12-2-arm64-machine", "12-3-machine",
            "12-3-arm64-machine", "13-0-machine", "13-0-arm64-machine", "14-current-machine",
            "14-current-arm64-machine", "14-2-machine", "14-2-arm64-machine", "15-0-machine",
            "15-0-arm64-machine", "invented-machine", "invented-i386-machine"},
           {"12-machine", "14-current-machine", "15-0-arm64-machine", "invented-machine",
            "invented-i386-machine"}))
    for (const FileText& file : read_files(std::string(source_folder) +
                                           "/tests/foundry/descriptions/freebsd-" + name + ".txt"))
      for (const std::string& types : forms_of_types())
        if (types != "none" || (!name.starts_with("14-current") && !name.starts_with("invented")))
          all.push_back({"freebsd-" + name, file.name, types});
  return all;
}

}  // namespace foundry
