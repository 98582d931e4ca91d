#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "core/kernel/field.h"
#include "core/kernel/kernel.h"
#include "core/kernel/structures.h"

namespace panicroom {

/// Visits the elements of a list of sys/queue.h whose head (the first element's address; 0 when
/// empty) lies at `head`; each element's pointer to the next lies `link` bytes into it. At most
/// `most` are visited; a list that is longer, comes back to itself or cannot be read gets a note
/// that begins with `what`. False when `visit` was.
bool for_each_listed(Structures& structures, std::uint64_t head, std::uint64_t link,
                     std::uint64_t most, std::string_view what, Notes& notes,
                     const std::function<bool(std::uint64_t)>& visit);

/// What the pointer in `field` of `object` leads to: a text. Nothing where it is null.
std::optional<std::string> text_behind(Structures& structures, const Field& field,
                                       std::uint64_t object, std::string_view what, Notes& notes);

}  // namespace panicroom
