#include "core/kernel/linux/allocator.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_nodes = 1024;                     // MAX_NUMNODES
constexpr std::uint64_t most_caches = std::uint64_t{1} << 16;  // one per memory group at most
constexpr std::size_t longest_name = 256;
constexpr std::uint64_t size_of_a_page_struct = 32;  // bytes, at least

/// One more than the greatest number that a node may have. A kernel of one node alone has no
/// variable for it.
std::uint64_t numbers_of_nodes(Evidence& evidence, Notes& notes) {
  const auto numbers = evidence.variable("nr_node_ids", 4);
  if (!numbers && numbers.error().code != ErrorCode::no_symbol)
    notes.add(numbers.error().within("all nodes but the first"));
  return std::clamp<std::uint64_t>(numbers.value_or(1), 1, most_nodes);
}

/// The struct pglist_data of each node: pointers in node_data where there can be several.
Result<std::vector<std::uint64_t>> memory_nodes(Evidence& evidence, Notes& notes) {
  std::vector<std::uint64_t> nodes;
  if (const auto only = evidence.address_of("contig_page_data")) {
    nodes.push_back(*only);
    return nodes;
  }
  PANICROOM_TRY(array, evidence.address_of("node_data"));
  const std::uint64_t numbers = numbers_of_nodes(evidence, notes);
  for (std::uint64_t i = 0; i < numbers; ++i) {
    const auto node =
        noted(evidence.memory().word(array + i * evidence.pointer_size()), notes, "the nodes");
    if (node && *node != 0) nodes.push_back(*node);
  }
  return nodes;
}

class Zones {
 public:
  explicit Zones(Evidence& evidence) : evidence_(evidence) {}

  Result<void> read(const Visitor<MemoryZone>& visit, Notes& notes) {
    PANICROOM_TRY(nodes, memory_nodes(evidence_, notes));
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(zones, zones_.member(evidence_));
    PANICROOM_TRY(stride, types->size_of("zone"));
    PANICROOM_TRY(free_item, types->enumerator("NR_FREE_PAGES"));
    for (const std::uint64_t node : nodes) {
      const auto number = noted(number_.read_signed(evidence_, node), notes, "a node's number");
      for (std::uint64_t i = 0; i < zones.count; ++i) {
        const std::uint64_t address = node + zones.offset + i * stride;
        const auto present = pages(present_, address, notes);
        if (present == std::uint64_t{0}) continue;
        if (!visit(one(address, number, present, static_cast<std::uint64_t>(free_item), notes)))
          return {};
      }
    }
    return {};
  }

 private:
  MemoryZone one(std::uint64_t address, std::optional<std::int64_t> node,
                 std::optional<std::uint64_t> present, std::uint64_t free_item, Notes& notes) {
    MemoryZone zone;
    zone.address = address;
    zone.node = node;
    zone.size = present;
    zone.managed = pages(managed_, address, notes);
    if (const auto text = noted(name_.read(evidence_, address), notes, "a zone's name"))
      zone.name = noted(evidence_.memory().string(*text, longest_name), notes, "a zone's name");
    zone.free = element(counters_, address, free_item, notes);
    const auto boost = boost_.exists(evidence_) ? pages(boost_, address, notes) : std::uint64_t{0};
    std::optional<std::uint64_t>* const marks[] = {&zone.min, &zone.low, &zone.high};
    for (std::uint64_t i = 0; i < std::size(marks); ++i) {
      *marks[i] = element(marks_, address, i, notes);
      if (*marks[i]) **marks[i] += boost.value_or(0);
    }
    return zone;
  }

  std::optional<std::uint64_t> pages(const Field& field, std::uint64_t zone, Notes& notes) {
    const auto count = noted(field.read(evidence_, zone), notes, "a zone's size");
    if (!count) return std::nullopt;
    return *count * evidence_.memory().machine().page_size;
  }
  /// Of an array of long, in pages; counters may be below zero for a moment.
  std::optional<std::uint64_t> element(const Field& array, std::uint64_t zone, std::uint64_t index,
                                       Notes& notes) {
    const auto place = noted(array.place(evidence_, zone), notes, "a zone's counters");
    if (!place) return std::nullopt;
    const unsigned word = evidence_.pointer_size();
    const auto value =
        noted(evidence_.memory().word(*place + index * word), notes, "a zone's counters");
    if (!value) return std::nullopt;
    const bool negative = *value >> (word * 8 - 1) != 0;
    return negative ? 0 : *value * evidence_.memory().machine().page_size;
  }

  Evidence& evidence_;
  Field zones_{"pglist_data", "node_zones"}, number_{"pglist_data", "node_id"};
  Field name_{"zone", "name"}, present_{"zone", "present_pages"},
      managed_{"zone", {"managed_pages.counter", "managed_pages"}}, counters_{"zone", "vm_stat"},
      marks_{"zone", {"_watermark", "watermark"}}, boost_{"zone", "watermark_boost"};
};

class Caches {
 public:
  Caches(Evidence& evidence, Notes& notes)
      : evidence_(evidence),
        slabs_left_(most_objects(evidence, size_of_a_page_struct)),
        numbers_(numbers_of_nodes(evidence, notes)) {}

  Result<void> read(const Visitor<ObjectCache>& visit, Notes& notes) {
    PANICROOM_TRY(head, evidence_.address_of("slab_caches"));
    PANICROOM_TRY(link, list_.member(evidence_));
    for_each_entry(evidence_, head, link.offset, most_caches, "the list of slab caches", notes,
                   [&](std::uint64_t address) { return visit(one(address, notes)); });
    return {};
  }

 private:
  /// Linux mm/slub.c, get_slabinfo: what is not in a partial slab is in use.
  ObjectCache one(std::uint64_t address, Notes& notes) {
    ObjectCache cache;
    cache.address = address;
    if (const auto text = noted(name_.read(evidence_, address), notes, "a slab cache's name"))
      cache.name =
          noted(evidence_.memory().string(*text, longest_name), notes, "a slab cache's name");
    cache.object_size =
        noted(object_size_.read(evidence_, address), notes, "a slab cache's objects");
    const auto order = noted(order_.read(evidence_, address), notes, "a slab cache's order");
    const auto nodes = noted(nodes_.member(evidence_), notes, "a slab cache's nodes");
    if (!nodes) return cache;
    std::uint64_t slabs = 0, objects = 0;
    std::optional<std::uint64_t> unused = 0;
    for (std::uint64_t i = 0; i < std::min(nodes->count, numbers_); ++i) {
      const auto node =
          noted(evidence_.memory().word(address + nodes->offset + i * evidence_.pointer_size()),
                notes, "a slab cache's nodes");
      if (!node) return cache;
      if (*node == 0) continue;
      const auto of_node = noted(slabs_.read(evidence_, *node), notes, "a cache's slabs");
      const auto in_slabs = noted(total_.read(evidence_, *node), notes, "a cache's objects");
      const auto left = free_in_partial_slabs(*node, notes);
      if (!of_node || !in_slabs) return cache;
      slabs += *of_node, objects += *in_slabs;
      unused = unused && left ? std::optional(*unused + *left) : std::nullopt;
    }
    cache.objects = objects;
    if (unused && *unused <= objects)
      cache.in_use = objects - *unused;
    else if (unused)
      notes.add(Note{
          ErrorCode::corrupt,
          fmt::format("a slab cache: {} of its {} objects are said to be free", *unused, objects),
          address});
    // kmem_cache_order_objects: the order above 16 bits of a number of objects (OO_SHIFT).
    constexpr unsigned order_shift = 16, largest_order = 20;
    if (order && *order >> order_shift <= largest_order)
      cache.bytes = slabs * (std::uint64_t{evidence_.memory().machine().page_size}
                             << (*order >> order_shift));
    else if (order)
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("a slab cache has slabs of 2^{} pages", *order >> order_shift),
                     address});
    return cache;
  }

  std::optional<std::uint64_t> free_in_partial_slabs(std::uint64_t node, Notes& notes) {
    const auto head = noted(partial_.place(evidence_, node), notes, "a cache's partial slabs");
    // Struct slab since Linux 5.17, before that it is a struct page.
    const bool own = slab_link_.exists(evidence_);
    const Field& link = own ? slab_link_ : page_link_;
    const Field& in_use = own ? slab_in_use_ : page_in_use_;
    const Field& objects = own ? slab_objects_ : page_objects_;
    const auto at = noted(link.member(evidence_), notes, "a cache's partial slabs");
    if (!head || !at) return std::nullopt;
    std::uint64_t unused = 0;
    const bool whole = for_each_entry(
        evidence_, *head, at->offset, slabs_left_, "a cache's list of slabs", notes,
        [&](std::uint64_t slab) {
          --slabs_left_;
          const auto taken = noted(in_use.read(evidence_, slab), notes, "a slab");
          const auto all = noted(objects.read(evidence_, slab), notes, "a slab");
          if (taken && all && *taken > *all)
            notes.add(Note{ErrorCode::corrupt,
                           fmt::format("a slab has {} of {} objects in use", *taken, *all), slab});
          if (!taken || !all || *taken > *all) return false;
          unused += *all - *taken;
          return true;
        });
    return whole ? std::optional(unused) : std::nullopt;
  }

  Evidence& evidence_;
  std::uint64_t slabs_left_;  // that all lists together may still have
  std::uint64_t numbers_;     // of nodes
  Field list_{"kmem_cache", "list"}, name_{"kmem_cache", "name"},
      object_size_{"kmem_cache", "size"}, order_{"kmem_cache", "oo.x"},
      nodes_{"kmem_cache", "node"};
  Field slabs_{"kmem_cache_node", "nr_slabs.counter"},
      total_{"kmem_cache_node", "total_objects.counter"}, partial_{"kmem_cache_node", "partial"};
  Field slab_link_{"slab", "slab_list"}, slab_in_use_{"slab", "inuse"},
      slab_objects_{"slab", "objects"};
  Field page_link_{"page", {"slab_list", "lru"}}, page_in_use_{"page", "inuse"},
      page_objects_{"page", "objects"};
};

}  // namespace

Result<void> read_memory_zones(Evidence& evidence, const Visitor<MemoryZone>& visit, Notes& notes) {
  return Zones(evidence).read(visit, notes);
}

Result<void> read_object_caches(Evidence& evidence, const Visitor<ObjectCache>& visit,
                                Notes& notes) {
  return Caches(evidence, notes).read(visit, notes);
}

}  // namespace panicroom::linux_kernel
