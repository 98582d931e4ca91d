#include "core/kernel/linux/mappings.h"

#include <fmt/format.h>

#include "core/base/loop_guard.h"
#include "core/kernel/linux/files.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t size_of_area = 128;  // bytes, at least
constexpr std::size_t longest_name = 256;

// Linux include/linux/mm.h, VM_*.
constexpr std::uint64_t flag_read = 1, flag_write = 2, flag_execute = 4, flag_may_share = 0x80;

}  // namespace

MappingsReader::MappingsReader(Evidence& evidence, Paths& paths)
    : evidence_(evidence),
      paths_(paths),
      tree_(evidence, "a process's tree of mappings"),
      areas_left_(most_objects(evidence, size_of_area)) {}

bool MappingsReader::areas(std::uint64_t mm, const VisitEntry& visit, Notes& notes) {
  constexpr std::string_view what = "a process's mappings";
  if (tree_root_.exists(evidence_)) {
    const auto root = noted(tree_root_.read(evidence_, mm), notes, what);
    return !root || tree_.walk(*root, visit, notes);
  }
  VisitOnce guard(areas_left_);
  auto area = noted(first_.read(evidence_, mm), notes, what);
  while (area && *area != 0) {
    if (!guard.step(*area)) {
      notes.add(Note{ErrorCode::corrupt, fmt::format("{} have no end", what), *area});
      return true;
    }
    if (!visit(*area)) return false;
    area = noted(next_.read(evidence_, *area), notes, what);
  }
  return true;
}

/// Linux fs/proc/task_mmu.c, show_map_vma.
void MappingsReader::name_anonymous(std::uint64_t mm, std::uint64_t area, Mapping& mapping) {
  AddressSpace& memory = evidence_.memory();
  if (const auto operations = operations_.read(evidence_, area); operations && *operations != 0) {
    // By the function that names it: not every kernel's symbols name variables.
    const auto special = evidence_.address_of("special_mapping_name");
    const auto names = operations_name_.read(evidence_, *operations);
    const auto described = private_.read(evidence_, area);
    if (special && names && described && *names == *special)
      if (const auto text = special_name_.read(evidence_, *described))
        if (auto name = memory.string(*text, longest_name)) {
          mapping.path = std::move(*name);
          return;
        }
  }
  const auto heap_start = heap_start_.read(evidence_, mm), heap_end = heap_end_.read(evidence_, mm);
  const auto stack = stack_start_.read(evidence_, mm);
  if (heap_start && heap_end && mapping.start <= *heap_end && mapping.end >= *heap_start &&
      *heap_start != *heap_end) {
    mapping.path = "[heap]";
    return;
  }
  if (stack && mapping.start <= *stack && mapping.end >= *stack) {
    mapping.path = "[stack]";
    return;
  }
  if (const auto own = own_name_.read(evidence_, area); own && *own != 0)
    if (const auto at = own_name_text_.place(evidence_, *own))
      if (const auto text = memory.string(*at, longest_name))
        mapping.path = fmt::format("[anon:{}]", *text);
}

Mapping MappingsReader::read_area(std::uint64_t mm, std::uint64_t area, Notes& notes) {
  Mapping mapping;
  mapping.address = area;
  mapping.start = noted(start_.read(evidence_, area), notes, "a mapping's start").value_or(0);
  mapping.end = noted(end_.read(evidence_, area), notes, "a mapping's end").value_or(0);
  if (const auto flags = noted(flags_.read(evidence_, area), notes, "a mapping's access"))
    mapping.access = fmt::format(
        "{}{}{}{}", (*flags & flag_read) != 0 ? 'r' : '-', (*flags & flag_write) != 0 ? 'w' : '-',
        (*flags & flag_execute) != 0 ? 'x' : '-', (*flags & flag_may_share) != 0 ? 's' : 'p');
  const auto file = noted(file_.read(evidence_, area), notes, "a mapping's file");
  if (!file) return mapping;
  if (*file == 0) {
    name_anonymous(mm, area, mapping);
    return mapping;
  }
  if (const auto page = noted(page_.read(evidence_, area), notes, "a mapping's offset"))
    mapping.offset = *page * evidence_.memory().machine().page_size;
  if (const auto at = noted(path_.place(evidence_, *file), notes, "a mapping's file"))
    if (const auto path = paths_.at(*at, notes)) {
      mapping.path = path->text;
      mapping.deleted = path->deleted;
    }
  const auto inode = noted(inode_.read(evidence_, *file), notes, "a mapping's file");
  if (!inode || *inode == 0) return mapping;
  mapping.inode = noted(number_.read(evidence_, *inode), notes, "a mapping's file");
  if (const auto super = noted(super_.read(evidence_, *inode), notes, "a mapping's file system"))
    if (const auto device = noted(device_.read(evidence_, *super), notes, "a mapping's device"))
      mapping.device = device_text(*device);
  return mapping;
}

bool MappingsReader::read(std::uint64_t task, const Process& process, const Visitor<Mapping>& visit,
                          Notes& notes) {
  const auto mm = noted(mm_.read(evidence_, task), notes, "a process's memory");
  if (!mm || *mm == 0) return true;
  return areas(
      *mm,
      [&](std::uint64_t area) {
        if (areas_left_ == 0) {
          notes.add(Note{ErrorCode::corrupt, "there are more mappings than the memory can hold",
                         std::nullopt});
          return false;
        }
        --areas_left_;
        Mapping mapping = read_area(*mm, area, notes);
        mapping.pid = process.pid;
        return visit(mapping);
      },
      notes);
}

}  // namespace panicroom::linux_kernel
