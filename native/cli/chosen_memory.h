#pragma once

#include <memory>

#include "core/memory/address_space.h"
#include "core/session/session.h"
#include "native/cli/request.h"

namespace panicroom {

/// The address space that a request names: by the page tables that --root and --paging state, of a
/// process, else the kernel's. It may be the session's own. Errors: `invalid` for what cannot be
/// meant, those of Session::memory.
Result<std::shared_ptr<AddressSpace>> chosen_memory(const Request& request, Session& session);

}  // namespace panicroom
