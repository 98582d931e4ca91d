#include "core/memory/scan.h"

#include <algorithm>
#include <atomic>
#include <memory>
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
        places_(shared == SharedPages::skip_when_read ? places_known : 0),
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
        Place* const known = place_of(location);
        if (known != nullptr && known->is(location)) {
          ++(known->readable ? summary_.pages : summary_.unreadable);
          continue;
        }
        auto done = memory_.read_page(address, buffer_, decoder_);
        if (known != nullptr) *known = Place(location, done.has_value());
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
  /// Where a page was stored and whether it could be read.
  struct Place {
    Place() = default;
    Place(const PageLocation& location, bool could_be_read)
        : offset(location.file_offset),
          part(location.part),
          size(location.stored_size),
          readable(could_be_read) {}
    bool is(const PageLocation& location) const {
      return size != 0 && offset == location.file_offset && part == location.part &&
             size == location.stored_size;
    }
    std::uint64_t offset = 0;
    std::uint32_t part = 0;
    std::uint32_t size = 0;
    bool readable = false;
  };
  static constexpr std::size_t places_known = 4096;

  Place* place_of(const PageLocation& location) {
    if (places_.empty() || !location.present) return nullptr;
    return &places_[static_cast<std::size_t>(location.file_offset / 8) % places_known];
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
  std::vector<Place> places_;  // lately read, by their offset
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
