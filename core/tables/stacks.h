#pragma once

#include <functional>

#include "core/tables/table.h"

namespace panicroom {

using StackVisitor = std::function<bool(const Thread&, const Unwound&)>;

/// Calls `visit` with the kernel stack of each thread that the query selects until it answers
/// false. Each stack is bounded by its unwinder, all together by what threads have on average:
/// where a broken dump exceeds that, stacks are left out with a note. Errors: the threads cannot
/// be walked.
Result<void> visit_stacks(Kernel& kernel, const Query& query, const StackVisitor& visit,
                          Notes& notes);

}  // namespace panicroom
