#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace panicroom {

/// Bytes of the UTF-8 character (RFC 3629) at the front of `text`, which is not empty; 0 when it is
/// none.
std::size_t utf8_length(std::string_view text);

/// Text from a dump, safe for a terminal and for one table cell: control characters, line ends,
/// characters that reorder text or cannot be seen (Unicode: Default_Ignorable_Code_Point) and bytes
/// that are not UTF-8 become \n, \t or \xNN for each byte; all else stays as it is.
std::string visible(std::string_view raw);

/// Terminal columns that `text` takes, as far as can be told without the terminal: combining marks
/// 0, East Asian wide characters and emoji 2, all else 1.
std::size_t display_width(std::string_view text);

/// Bytes at the front of `text` that take at most `columns`, whole characters.
std::size_t prefix_within(std::string_view text, std::size_t columns);

/// `text` cut to `columns` with a final ellipsis where it is longer. `text` is visible() text.
std::string fitted(std::string_view text, std::size_t columns);

/// A JSON string with its quotes. Bytes that are not UTF-8 appear as the four characters \xNN.
std::string json_string(std::string_view raw);

/// A CSV field, quoted where RFC 4180 asks for it. Made of visible() text.
std::string csv_field(std::string_view raw);

}  // namespace panicroom
