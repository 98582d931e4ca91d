#pragma once

#include <algorithm>
#include <string>

namespace foundry {

/// For INSTANTIATE_TEST_SUITE_P, which takes letters, digits and underscores alone.
inline std::string test_name(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

}  // namespace foundry
