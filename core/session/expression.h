#pragma once

#include <string_view>

#include "core/session/session.h"
#include "core/types/value_lines.h"

namespace panicroom {

/// What a user names: `init_task`, `init_task.comm`, `modules.next->prev`, `0xffff...`,
/// `table[3]`. It begins with an address (see Session::resolve); `.member` and `->member` go into a
/// structure, `->` and `[n]` through a pointer, and a `*` in front takes what the whole points to.
/// `type` is the type of what lies at the address; empty: that of the variable, where the types say
/// it. `memory` is where pointers are followed; `cpu`: see Session::look_up. Errors: `invalid`,
/// `no_symbol`, `no_type`, those of a read.
Result<Place> evaluate(Session& session, AddressSpace& memory, std::string_view type,
                       std::string_view expression, CpuNumber cpu = std::nullopt);

}  // namespace panicroom
