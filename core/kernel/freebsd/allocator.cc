#include "core/kernel/freebsd/allocator.h"

#include <fmt/format.h>

#include <array>
#include <optional>
#include <utility>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/per_cpu.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t size_of_keg = 128, size_of_zone = 256;  // bytes, at least
constexpr std::uint64_t most_domains = 64;                      // MAXMEMDOM is 8 at most

constexpr std::uint64_t first_with_counters = 1300000;  // of a zone's own; osreldate

/// What a keg has: slabs of pages, and objects in them that no zone took.
struct Keg {
  std::optional<std::uint64_t> pages, free;
};

class Reader {
 public:
  Reader(Evidence& evidence, PerCpu per_cpu, std::uint64_t domains)
      : evidence_(evidence),
        per_cpu_(std::move(per_cpu)),
        domains_(domains),
        zones_left_(most_objects(evidence, size_of_zone)) {}

  Result<void> read(const Visitor<ObjectCache>& visit, Notes& notes) {
    PANICROOM_TRY(head, evidence_.address_of("uma_kegs"));
    PANICROOM_TRY(keg_link, keg_link_.member(evidence_));
    PANICROOM_TRY(zone_link, zone_link_.member(evidence_));
    const bool whole = for_each_listed(
        evidence_, head, keg_link.offset, most_objects(evidence_, size_of_keg), "the list of kegs",
        notes, [&](std::uint64_t address) {
          const auto zones = noted(zones_.place(evidence_, address), notes, "a keg's zones");
          if (!zones) return true;
          std::optional<Keg> own = keg(address, notes);
          return for_each_listed(evidence_, *zones, zone_link.offset, zones_left_,
                                 "a keg's list of zones", notes, [&](std::uint64_t zone) {
                                   --zones_left_;
                                   // The first zone of a keg answers for its slabs.
                                   const bool go_on = visit(one(zone, own, notes));
                                   own.reset();
                                   return go_on;
                                 });
        });
    const auto caches = evidence_.address_of("uma_cachezones");
    if (!whole || !caches) return {};
    for_each_listed(evidence_, *caches, zone_link.offset, zones_left_,
                    "the list of zones without a keg", notes, [&](std::uint64_t zone) {
                      --zones_left_;
                      return visit(one(zone, std::nullopt, notes));
                    });
    return {};
  }

 private:
  /// Counted by the keg until FreeBSD 12, then by each of its domains.
  Keg keg(std::uint64_t address, Notes& notes) {
    constexpr std::string_view what = "a keg's slabs";
    Keg keg;
    if (pages_.exists(evidence_)) {
      keg.pages = noted(pages_.read(evidence_, address), notes, what);
      keg.free = noted(free_.read(evidence_, address), notes, what);
      return keg;
    }
    const auto first = noted(domains_of_keg_.place(evidence_, address), notes, what);
    const auto stride = noted(evidence_.size_of("uma_domain"), notes, what);
    if (!first || !stride) return keg;
    std::uint64_t pages = 0, free = 0;
    for (std::uint64_t i = 0; i < domains_; ++i) {
      const auto some = noted(domain_pages_.read(evidence_, *first + i * *stride), notes, what);
      const auto unused = noted(domain_free_.read(evidence_, *first + i * *stride), notes, what);
      if (!some || !unused) return keg;
      pages += *some, free += *unused;
    }
    keg.pages = pages, keg.free = free;
    return keg;
  }

  ObjectCache one(std::uint64_t zone, const std::optional<Keg>& keg, Notes& notes) {
    ObjectCache cache;
    cache.address = zone;
    cache.name = text_behind(evidence_, name_, zone, "a zone's name", notes);
    cache.object_size = noted(size_.read(evidence_, zone), notes, "a zone's size");
    const auto use = noted(in_use(zone), notes, "how much of a zone is in use");
    const auto kept = noted(cached(zone), notes, "how much of a zone is free");
    cache.in_use = use;
    if (use && kept && (!keg || keg->free)) cache.objects = *use + *kept + (keg ? *keg->free : 0);
    if (keg && keg->pages) cache.bytes = *keg->pages * evidence_.memory().machine().page_size;
    return cache;
  }

  Result<std::uint64_t> place_of_cache(std::uint64_t zone, std::uint64_t cpu) {
    PANICROOM_TRY(first, cpu_caches_.place(evidence_, zone));
    PANICROOM_TRY(stride, evidence_.size_of("uma_cache"));
    return first + cpu * stride;
  }

  /// What was handed out less what came back. A counter is no snapshot of all processors at once:
  /// more may have come back.
  Result<std::uint64_t> in_use(std::uint64_t zone) {
    PANICROOM_TRY(out, per_cpu_.total(evidence_, allocations_, zone, first_with_counters));
    PANICROOM_TRY(back, per_cpu_.total(evidence_, frees_, zone, first_with_counters));
    PANICROOM_CHECK(per_cpu_.visit_all());
    for (const Cpu& cpu : per_cpu_.cpus()) {
      PANICROOM_TRY(place, place_of_cache(zone, cpu.number));
      PANICROOM_TRY(more_out, cache_allocations_.read(evidence_, place));
      PANICROOM_TRY(more_back, cache_frees_.read(evidence_, place));
      out += more_out, back += more_back;
    }
    return out > back ? out - back : 0;
  }

  /// Objects that the zone keeps at hand: in the buckets of processors and domains.
  Result<std::uint64_t> cached(std::uint64_t zone) {
    PANICROOM_CHECK(per_cpu_.visit_all());
    std::uint64_t sum = 0;
    for (const Cpu& cpu : per_cpu_.cpus()) {
      PANICROOM_TRY(place, place_of_cache(zone, cpu.number));
      for (const Bucket& bucket : buckets_) {
        if (bucket.count.exists(evidence_)) {
          PANICROOM_TRY(count, bucket.count.read(evidence_, place));
          sum += count;
        } else if (bucket.pointer.exists(evidence_)) {  // until FreeBSD 12
          PANICROOM_TRY(at, bucket.pointer.read(evidence_, place));
          if (at == 0) continue;
          PANICROOM_TRY(count, bucket_count_.read(evidence_, at));
          sum += count;
        }
      }
    }
    // The domains' buckets: behind the processors' caches, until FreeBSD 12 where a pointer says.
    PANICROOM_TRY(stride, evidence_.size_of("uma_zone_domain"));
    std::uint64_t first = 0;
    if (zone_domains_.exists(evidence_)) {
      PANICROOM_TRY(pointed, zone_domains_.read(evidence_, zone));
      first = pointed;
    } else {
      PANICROOM_TRY(behind, place_of_cache(zone, per_cpu_.count()));
      first = behind;
    }
    for (std::uint64_t i = 0; i < domains_; ++i) {
      PANICROOM_TRY(count, domain_items_.read(evidence_, first + i * stride));
      sum += count;
    }
    return sum;
  }

  struct Bucket {
    Field pointer, count;
  };

  Evidence& evidence_;
  PerCpu per_cpu_;
  std::uint64_t domains_, zones_left_;
  Field keg_link_{"uma_keg", "uk_link"}, zones_{"uma_keg", "uk_zones"},
      pages_{"uma_keg", "uk_pages"}, free_{"uma_keg", "uk_free"},
      domains_of_keg_{"uma_keg", "uk_domain"};
  Field domain_pages_{"uma_domain", "ud_pages"}, domain_free_{"uma_domain", "ud_free_items"};
  Field zone_link_{"uma_zone", "uz_link"}, name_{"uma_zone", "uz_name"},
      size_{"uma_zone", "uz_size"}, allocations_{"uma_zone", "uz_allocs"},
      frees_{"uma_zone", "uz_frees"}, cpu_caches_{"uma_zone", "uz_cpu"},
      zone_domains_{"uma_zone", "uz_domain"};
  Field cache_allocations_{"uma_cache", "uc_allocs"}, cache_frees_{"uma_cache", "uc_frees"},
      bucket_count_{"uma_bucket", "ub_cnt"}, domain_items_{"uma_zone_domain", "uzd_nitems"};
  std::array<Bucket, 3> buckets_ = {{
      {{"uma_cache", "uc_allocbucket"}, {"uma_cache", "uc_allocbucket.ucb_cnt"}},
      {{"uma_cache", "uc_freebucket"}, {"uma_cache", "uc_freebucket.ucb_cnt"}},
      {{"uma_cache", "uc_crossbucket"}, {"uma_cache", "uc_crossbucket.ucb_cnt"}},
  }};
};

}  // namespace

Result<void> read_object_caches(Evidence& evidence, const Visitor<ObjectCache>& visit,
                                Notes& notes) {
  PANICROOM_TRY(per_cpu, PerCpu::read(evidence, notes));
  PANICROOM_TRY(domains, evidence.variable("vm_ndomains", 4));
  if (domains > most_domains)
    return fail(ErrorCode::corrupt,
                fmt::format("the number of domains of memory, vm_ndomains, is {}", domains));
  return Reader(evidence, std::move(per_cpu), domains).read(visit, notes);
}

}  // namespace panicroom::freebsd
