#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "core/base/bytes.h"
#include "core/base/error.h"
#include "core/dump/physical_memory.h"

namespace panicroom {

/// How a front end runs jobs: calls job(0) to job(count - 1), each once, on whatever threads it
/// has, and returns when all have returned.
using RunJobs = std::function<void(unsigned count, const std::function<void(unsigned)>& job)>;

/// Runs them one after another, for a front end without threads.
void run_in_turn(unsigned count, const std::function<void(unsigned)>& job);

/// Gets each page that the dump holds once: its physical address, its bytes (valid during the call)
/// and the number of the calling job, below `workers`, so that each may collect into a place of its
/// own. Answers false to stop the scan; pages that other jobs are at may still come.
using PageVisitor = std::function<bool(unsigned worker, std::uint64_t address, Bytes page)>;

struct ScanSummary {
  std::uint64_t pages = 0;           ///< that were visited
  std::uint64_t unreadable = 0;      ///< that the dump has but that could not be read
  std::optional<Error> first_error;  ///< of the unreadable page with the lowest address
};

/// What a page that is stored together with others (a kdump keeps all zero pages once) is to a
/// scan.
enum class SharedPages : std::uint8_t { visit, skip_when_read };

/// Shows every present page to `visit`, in ascending order within stretches of 4 MiB but the
/// stretches in any order. Needs one page of memory per worker and a few bytes per range of the
/// dump.
/// With `skip_when_read` pages whose stored bytes the same worker has read twice are counted but
/// not read again, nor shown.
ScanSummary scan_pages(const PhysicalMemory& memory, unsigned workers, const RunJobs& run,
                       const PageVisitor& visit, SharedPages shared = SharedPages::visit);

}  // namespace panicroom
