#pragma once

#include <cstdint>
#include <functional>
#include <string_view>

#include "core/kernel/field.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

using panicroom::Field;
using panicroom::most_objects;
using panicroom::noted;

/// Visits the elements of a circular list whose head is no element: `link` is where the list_head
/// lies in each. Visits each once. Ends with a note where the list breaks off, does not come back
/// or has more than `most` elements, and when `visit` answers false. True when it came back to its
/// head.
bool for_each_entry(Evidence& evidence, std::uint64_t head, std::uint64_t link, std::uint64_t most,
                    std::string_view what, Notes& notes,
                    const std::function<bool(std::uint64_t)>& visit);

}  // namespace panicroom::linux_kernel
