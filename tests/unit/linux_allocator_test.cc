// Linux's slab caches and zones where their own numbers cannot be: each that is unknown has its
// note.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/kernel/linux/allocator.h"
#include "tests/unit/stated_linux.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::StatedLinux;
using panicroom::testing::texts_of;

constexpr std::uint64_t head = StatedLinux::base + 0x10000, cache = StatedLinux::base + 0x11000,
                        node = StatedLinux::base + 0x12000, slab = StatedLinux::base + 0x13000,
                        name = StatedLinux::base + 0x14000, nodes = StatedLinux::base + 0x15000;
// In words from a structure's start.
constexpr std::uint64_t list = 1, previous = 2, object_size = 4, order = 5, node_of_cache = 6;
constexpr std::uint64_t slabs = 3, total = 2, partial = 5;
constexpr std::uint64_t slab_list = 4, in_use = 1, objects = 2;

/// One cache with one slab of eight objects, of which three are taken, and two full slabs.
class SlabCaches : public ::testing::Test {
 protected:
  SlabCaches() {
    linux.structure("kmem_cache", 96,
                    {{"list", list},
                     {"name", 3},
                     {"size", object_size},
                     {"oo.x", order},
                     {"node", node_of_cache}});
    linux.structure(
        "kmem_cache_node", 96,
        {{"total_objects.counter", total}, {"nr_slabs.counter", slabs}, {"partial", partial}});
    linux.structure("slab", 64,
                    {{"inuse", in_use}, {"objects", objects}, {"slab_list", slab_list}});
    linux.symbol("slab_caches", head);
    put(head, 0, cache + list * 8), put(head, 1, cache + list * 8);
    put(cache, list, head), put(cache, previous, head);
    put(cache, 3, name), linux.text(name, "dentry");
    put(cache, object_size, 192), put(cache, order, 1U << 16 | 8U);
    put(cache, node_of_cache, node);
    put(node, total, 24), put(node, slabs, 3);
    put(node, partial, slab + slab_list * 8), put(node, partial + 1, slab + slab_list * 8);
    put(slab, slab_list, node + partial * 8), put(slab, slab_list + 1, node + partial * 8);
    put(slab, in_use, 3), put(slab, objects, 8);
  }
  void put(std::uint64_t object, std::uint64_t word, std::uint64_t value) {
    linux.put(object + word * 8, value);
  }
  ObjectCache read() {
    std::vector<ObjectCache> found;
    Notes notes;
    const auto done = read_object_caches(
        linux.evidence(),
        [&](const ObjectCache& one) {
          found.push_back(one);
          return true;
        },
        notes);
    EXPECT_TRUE(done) << done.error().message();
    said = texts_of(notes);
    EXPECT_EQ(found.size(), 1U) << said;
    return found.empty() ? ObjectCache() : found.front();
  }
  bool says(std::string_view words) const { return said.find(words) != std::string::npos; }

  StatedLinux linux;
  std::string said;
};

TEST_F(SlabCaches, AreCountedByTheirPartialSlabs) {
  const ObjectCache read = this->read();
  EXPECT_EQ(read.name, "dentry");
  EXPECT_EQ(read.objects, 24U);
  EXPECT_EQ(read.in_use, 19U);
  EXPECT_EQ(read.bytes, 3U * 2 * 4096);
  EXPECT_EQ(said, "");
}

TEST_F(SlabCaches, ASlabWithMoreTakenThanItHas) {
  put(slab, in_use, 9);
  EXPECT_EQ(read().in_use, std::nullopt);
  EXPECT_TRUE(says("a slab has 9 of 8 objects in use")) << said;
}

TEST_F(SlabCaches, MoreFreeThanThereAre) {
  put(node, total, 4);
  EXPECT_EQ(read().in_use, std::nullopt);
  EXPECT_TRUE(says("5 of its 4 objects are said to be free")) << said;
}

TEST_F(SlabCaches, AnOrderThatCannotBe) {
  put(cache, order, 77U << 16 | 8U);
  EXPECT_EQ(read().bytes, std::nullopt);
  EXPECT_TRUE(says("of 2^77 pages")) << said;
}

TEST_F(SlabCaches, AListOfSlabsThatDoesNotLeadBack) {
  put(slab, slab_list, slab + slab_list * 8);
  EXPECT_EQ(read().in_use, std::nullopt);
  EXPECT_TRUE(says("a cache's list of slabs does not lead back to its head")) << said;
}

/// Nodes may be numbered with holes between them: 0 and 2 are two nodes of three numbers.
TEST(MemoryZones, OfNodesWithAHoleInTheirNumbers) {
  StatedLinux linux;
  linux.structure("pglist_data", 256, {{"node_id", 1}, {"node_zones", 4}});
  linux.structure(
      "zone", 128,
      {{"name", 1}, {"present_pages", 2}, {"managed_pages", 3}, {"vm_stat", 4}, {"_watermark", 8}});
  linux.enumerator("zone_stat_item", "NR_FREE_PAGES", 0);
  const std::uint64_t array = nodes, online = nodes + 0x100, numbers = nodes + 0x108;
  linux.symbol("node_data", array);
  linux.symbol("nr_online_nodes", online);
  linux.symbol("nr_node_ids", numbers);
  linux.put(online, 2), linux.put(numbers, 3);
  linux.text(name, "Normal");
  for (const std::uint64_t number : {0U, 2U}) {
    const std::uint64_t at = node + number * 0x200, zone = at + 32;
    linux.put(array + number * 8, at), linux.put(at + 8, number);
    linux.put(zone + 8, name), linux.put(zone + 16, 10 + number), linux.put(zone + 24, 10);
  }
  std::vector<std::int64_t> found;
  Notes notes;
  const auto done = read_memory_zones(
      linux.evidence(),
      [&](const MemoryZone& zone) {
        found.push_back(zone.node.value_or(-1));
        return true;
      },
      notes);
  ASSERT_TRUE(done) << done.error().message();
  EXPECT_EQ(found, (std::vector<std::int64_t>{0, 2}));
  EXPECT_EQ(texts_of(notes), "");
}

}  // namespace
}  // namespace panicroom::linux_kernel
