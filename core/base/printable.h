#pragma once

#include <string>
#include <string_view>

namespace panicroom {

/// `text` safe for an error message: control characters and bytes that are not valid UTF-8 become
/// \xNN escapes, and it is cut after `limit` bytes with an ellipsis.
std::string printable(std::string_view text, std::size_t limit = 200);

}  // namespace panicroom
