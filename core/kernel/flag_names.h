#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace panicroom {

/// What a bit of a word of flags is called.
struct FlagName {
  std::uint64_t bit;
  std::string_view name;
};

/// The names of the bits that are set, in the order of `names`, `separator` between them.
inline std::string names_of(std::uint64_t flags, std::span<const FlagName> names,
                            std::string_view separator) {
  std::string text;
  for (const FlagName& flag : names)
    if ((flags & flag.bit) != 0) text.append(text.empty() ? "" : separator).append(flag.name);
  return text;
}

}  // namespace panicroom
