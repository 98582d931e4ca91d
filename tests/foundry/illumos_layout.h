#pragma once

#include <string>
#include <string_view>

namespace foundry {

/// The rows of an illumos kernel's layout (KernelLayout); empty where there is none of that name.
std::string illumos_rows(std::string_view name);

}  // namespace foundry
