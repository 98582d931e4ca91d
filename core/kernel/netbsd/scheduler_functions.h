#pragma once

#include <string_view>

namespace panicroom::netbsd {

/// A function through which threads go to sleep, so that what called it is where they wait.
bool is_of_scheduler(std::string_view function);

}  // namespace panicroom::netbsd
