#include "core/memory/scan.h"

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/io/codec.h"

namespace panicroom {
namespace {

/// Large enough to be worth taking, small enough to share out evenly.
constexpr unsigned stretch_shift = 22;

/// Stretches that hold a present page, as runs of neighbours.
struct Run {
  std::uint64_t first = 0;   ///< number of its first stretch
  std::uint64_t before = 0;  ///< stretches in the runs before it
};

struct Stretches {
  std::vector<Run> runs;
  std::uint64_t count = 0;

  std::uint64_t number(std::uint64_t index) const {
    const auto after =
        std::upper_bound(runs.begin(), runs.end(), index,
                         [](std::uint64_t wanted, const Run& run) { return wanted < run.before; });
    const Run& run = *std::prev(after);
    return run.first + (index - run.before);
  }
};

Stretches stretches_of(const PhysicalMemory& memory) {
  Stretches all;
  std::uint64_t next = 0;  // the first stretch that is not yet listed
  memory.ranges([&](const PhysicalRange& range) {
    if (!range.present || range.end <= range.start) return true;
    const std::uint64_t first = std::max(next, range.start >> stretch_shift);
    const std::uint64_t last = (range.end - 1) >> stretch_shift;
    if (last < first) return true;
    if (all.runs.empty() || first != next) all.runs.push_back({first, all.count});
    all.count += last - first + 1;
    next = last + 1;
    return true;
  });
  return all;
}

/// One worker's part of the scan.
class Worker {
 public:
  Worker(const PhysicalMemory& memory, unsigned index, const PageVisitor& visit, SharedPages shared)
      : memory_(memory),
        index_(index),
        visit_(visit),
        skip_when_read_(shared == SharedPages::skip_when_read),
        page_size_(memory.page_size()),
        buffer_(page_size_) {}

  /// False when the visitor wants no more.
  bool scan(std::uint64_t stretch) {
    const std::uint64_t start = stretch << stretch_shift;
    const std::uint64_t end = std::min(memory_.end(), start + (std::uint64_t{1} << stretch_shift));
    for (std::uint64_t address = start; address < end; address += page_size_) {
      Bytes page = memory_.view(address);
      if (page.size() >= page_size_) {
        page = page.first(page_size_);
      } else {
        // A record that is damaged says neither; reading it says how.
        const PageLocation location = memory_.locate(address);
        if (!location.present && location.absence != Absence::none) continue;
        const bool shared = skip_when_read_ && may_be_shared(location);
        if (shared)
          if (const auto known = shared_.find(place_of(location)); known != shared_.end()) {
            ++(known->second ? summary_.pages : summary_.unreadable);
            continue;
          }
        auto done = memory_.read_page(address, buffer_, decoder_);
        if (shared && shared_.size() < most_shared)
          shared_.emplace(place_of(location), done.has_value());
        if (!done) {
          note(std::move(done).error(), address);
          continue;
        }
        page = buffer_;
      }
      ++summary_.pages;
      if (!visit_(index_, address, page)) return false;
    }
    return true;
  }
  const ScanSummary& summary() const { return summary_; }

 private:
  /// Part, offset and size of a page's stored bytes.
  using Place = std::tuple<std::uint32_t, std::uint64_t, std::uint32_t>;
  static constexpr std::size_t most_shared = std::size_t{1} << 17;  // about 10 MiB

  static Place place_of(const PageLocation& location) {
    return {location.part, location.file_offset, location.stored_size};
  }
  /// Pages are stored in the order of their addresses but for those that are stored once for many:
  /// only what does not lie after all before it can have been read.
  bool may_be_shared(const PageLocation& location) {
    if (!location.present) return false;
    const std::pair place(location.part, location.file_offset);
    if (furthest_ && place <= *furthest_) return true;
    furthest_ = place;
    return false;
  }
  void note(Error error, std::uint64_t address) {
    ++summary_.unreadable;
    error.address = address;
    if (!summary_.first_error || address < *summary_.first_error->address) {
      summary_.first_error = std::move(error);
    }
  }

  const PhysicalMemory& memory_;
  unsigned index_;
  const PageVisitor& visit_;
  bool skip_when_read_;
  std::optional<std::pair<std::uint32_t, std::uint64_t>> furthest_;
  std::map<Place, bool> shared_;  // what was read twice, and whether it could be
  std::uint32_t page_size_;
  std::vector<std::byte> buffer_;
  PageDecoder decoder_;
  ScanSummary summary_;
};

}  // namespace

void run_in_turn(unsigned count, const std::function<void(unsigned)>& job) {
  for (unsigned i = 0; i < count; ++i) job(i);
}

ScanSummary scan_pages(const PhysicalMemory& memory, unsigned workers, const RunJobs& run,
                       const PageVisitor& visit, SharedPages shared) {
  const Stretches stretches = stretches_of(memory);
  workers =
      static_cast<unsigned>(std::clamp<std::uint64_t>(stretches.count, 1, std::max(workers, 1U)));
  std::vector<ScanSummary> parts(workers);
  std::atomic<std::uint64_t> next{0};
  run(workers, [&](unsigned index) {
    Worker worker(memory, index, visit, shared);
    for (;;) {
      const std::uint64_t taken = next.fetch_add(1, std::memory_order_relaxed);
      if (taken >= stretches.count) break;
      if (!worker.scan(stretches.number(taken))) {
        next.store(stretches.count, std::memory_order_relaxed);
        break;
      }
    }
    parts[index] = worker.summary();
  });
  ScanSummary all;
  for (ScanSummary& part : parts) {
    all.pages += part.pages;
    all.unreadable += part.unreadable;
    if (part.first_error &&
        (!all.first_error || *part.first_error->address < *all.first_error->address)) {
      all.first_error = std::move(part.first_error);
    }
  }
  return all;
}

}  // namespace panicroom
