// kvm_walk_pages(3): the pages of a minidump with the places that the kernel's map gives them.
#include <algorithm>
#include <bit>

#include "native/libkvm/handle.h"
#include "native/libkvm/include/panicroom/freebsd/kvm.h"

namespace kvm = panicroom::kvm;

namespace {

using panicroom::AddressSpace;
using panicroom::Architecture;
using panicroom::Machine;
using panicroom::MinidumpMap;
using panicroom::PhysicalMemory;

/// Translations of one walk beside those of the dump's own pages: a map may lead to the same tables
/// over and over.
constexpr std::uint64_t spare_translations = std::uint64_t{1} << 24;
constexpr vm_prot_t can_read = 1, can_write = 2, can_execute = 4;

/// The pages that a dump holds, each with a mark.
class PresentPages {
 public:
  explicit PresentPages(const PhysicalMemory& memory) : page_(memory.page_size()) {
    std::uint64_t pages = 0;
    memory.ranges([&](const panicroom::PhysicalRange& range) {
      if (!range.present) return true;
      runs_.push_back({range.start, range.end, pages});
      pages += (range.end - range.start + page_ - 1) / page_;
      return true;
    });
    marks_.resize(static_cast<std::size_t>(pages));
  }

  std::uint64_t count() const { return marks_.size(); }
  /// Marks those of [start, end).
  void mark(std::uint64_t start, std::uint64_t end) {
    auto run = std::partition_point(runs_.begin(), runs_.end(),
                                    [&](const Run& one) { return one.end <= start; });
    for (; run != runs_.end() && run->start < end; ++run) {
      const std::uint64_t last = std::min(end, run->end);
      for (std::uint64_t at = std::max(start, run->start); at < last; at += page_)
        marks_[static_cast<std::size_t>(run->before + (at - run->start) / page_)] = true;
    }
  }
  /// Calls `visit` with the address of each that is not marked until it answers false.
  template <class Visit>
  bool unmarked(Visit visit) const {
    for (const Run& run : runs_)
      for (std::uint64_t at = run.start; at < run.end; at += page_)
        if (!marks_[static_cast<std::size_t>(run.before + (at - run.start) / page_)] && !visit(at))
          return false;
    return true;
  }

 private:
  struct Run {
    std::uint64_t start = 0, end = 0;
    std::uint64_t before = 0;  ///< pages of the runs before it
  };
  std::uint64_t page_;
  std::vector<Run> runs_;
  std::vector<bool> marks_;
};

/// What an entry of a minidump's map is for (core/arch/minidump_map.cc).
struct MapShape {
  unsigned shift = 12;  ///< of the bytes that it maps
  unsigned width = 8;   ///< bytes of the entry
};
MapShape shape_of(const MinidumpMap& map, const Machine& machine) {
  if (machine.architecture == Architecture::i386) return {12, map.pae ? 8U : 4U};
  if (machine.architecture == Architecture::aarch64)
    return {static_cast<unsigned>(std::countr_zero(machine.page_size)), 8};
  if (map.of_dragonfly) return {30, 8};
  return {map.version == 1 ? 12U : 21U, 8};
}

class Walk {
 public:
  Walk(panicroom::Session& session, AddressSpace& space, kvm_walk_pages_cb_t* callback, void* arg)
      : dump_(session.dump()),
        map_(*dump_.minidump),
        space_(space),
        present_(*dump_.memory),
        translations_left_(4 * present_.count() + spare_translations),
        callback_(callback),
        arg_(arg) {}

  bool exceeded() const { return translations_left_ == 0; }

  /// False when the callback stopped it, or the map shows too much to be true.
  bool all() {
    const MapShape shape = shape_of(map_, dump_.machine);
    for (std::uint64_t index = 0; index < map_.map_size / shape.width; ++index)
      if (!entry(index, shape.shift)) return false;
    return present_.unmarked(
        [&](std::uint64_t address) { return page(address, 0, can_read | can_write, unit()); });
  }

 private:
  std::uint64_t unit() const { return dump_.memory->page_size(); }

  /// What one entry of the map shows.
  bool entry(std::uint64_t index, unsigned shift) {
    std::uint64_t start = index << shift;
    if (!map_.of_dragonfly)
      start += map_.kernbase;
    else if ((start >> 47U & 1) != 0)  // the map is of the whole address space
      start |= 0xffff000000000000;
    const std::uint64_t last = start + ((std::uint64_t{1} << shift) - 1);
    std::vector<panicroom::TranslationStep> steps;
    std::uint64_t at = start;
    for (;;) {
      std::uint64_t size = 0;
      if (at >= map_.dmapbase && at < map_.dmapend) {
        size = map_.dmapend - at;
      } else {
        if (translations_left_ == 0) return false;
        --translations_left_;
        steps.clear();
        const auto found = space_.translate(at, &steps);
        if (found) {
          size = found->page_size - (at & (found->page_size - 1));
          const vm_prot_t rights = static_cast<vm_prot_t>(
              can_read | (found->writable ? can_write : 0) | (found->executable ? can_execute : 0));
          present_.mark(found->physical, found->physical + size);
          if (!page(found->physical, at, rights, size)) return false;
        } else {
          // Nothing below the entry that could not be followed.
          const unsigned below = steps.empty() ? 0 : static_cast<unsigned>(9 * (steps.size() - 1));
          const std::uint64_t covered = std::uint64_t{1} << (shift > below ? shift - below : 12);
          size = std::max(covered, unit()) - (at & (std::max(covered, unit()) - 1));
        }
      }
      if (last - at < size) return true;
      at += size;
    }
  }

  bool page(std::uint64_t physical, std::uint64_t kernel, vm_prot_t rights, std::uint64_t size) {
    struct kvm_page page {};
    page.kp_version = LIBKVM_WALK_PAGES_VERSION;
    page.kp_paddr = physical;
    page.kp_kmap_vaddr = kernel;
    if (physical >= map_.dmapphys && physical - map_.dmapphys < map_.dmapend - map_.dmapbase)
      page.kp_dmap_vaddr = map_.dmapbase + (physical - map_.dmapphys);
    page.kp_prot = rights;
    const auto place = dump_.memory->locate(physical);
    page.kp_offset = place.present ? static_cast<off_t>(place.file_offset) : off_t{-1};
    page.kp_len = static_cast<std::size_t>(size);
    return callback_(&page, arg_) != 0;
  }

  const panicroom::Dump& dump_;
  const MinidumpMap& map_;
  AddressSpace& space_;
  PresentPages present_;
  std::uint64_t translations_left_;
  kvm_walk_pages_cb_t* callback_;
  void* arg_;
};

}  // namespace

int kvm_walk_pages(kvm_t* kd, kvm_walk_pages_cb_t* callback, void* arg) {
  return kvm::answer<int>(kd, 0, [&](kvm::Handle& handle) {
    AddressSpace* const space = handle.memory();
    if (space == nullptr) return 0;
    panicroom::Session& session = *handle.session();
    if (!session.dump().minidump) {
      handle.hard("kvm_walk_pages: the dump is no minidump");
      return 0;
    }
    Walk walk(session, *space, callback, arg);
    const bool complete = walk.all();
    if (walk.exceeded()) handle.hard("the map shows far more pages than the dump holds");
    return int{complete};
  });
}
