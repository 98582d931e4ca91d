#include "tests/foundry/kernel_layout.h"

#include <algorithm>
#include <sstream>
#include <stdexcept>

namespace foundry {

std::uint64_t KernelLayout::size_text(const std::string& text) const {
  if (text == "w") return word_;
  if (text == "2w") return std::uint64_t{2} * word_;
  if (text == "3w") return std::uint64_t{3} * word_;
  return std::stoull(text);
}

std::string rows_with_bases(std::span<const NamedRows> known, std::string_view name) {
  for (const NamedRows& layout : known)
    if (layout.name == name) return rows_with_bases(known, layout.base) + std::string(layout.rows);
  return {};
}

KernelLayout::KernelLayout(const std::string& rows_of_text, unsigned word) : word_(word) {
  if (rows_of_text.find('\n') == std::string::npos)
    throw std::runtime_error("these are no rows of a layout: " + rows_of_text);
  std::istringstream rows{rows_of_text};
  std::string structure, path, offset, size, kind;
  while (rows >> structure >> path >> offset >> size >> kind) {
    if (path == ".") {
      sizes_[structure] = std::stoull(size);
      continue;
    }
    std::vector<Member>& members = structures_[structure];
    std::erase_if(members, [&](const Member& earlier) { return earlier.path == path; });
    if (kind != "absent") members.push_back({path, std::stoull(offset), size_text(size), kind});
  }
}

const KernelLayout::Member* KernelLayout::find(std::string_view structure,
                                               std::string_view path) const {
  const auto known = structures_.find(std::string(structure));
  if (known == structures_.end()) return nullptr;
  for (const Member& member : known->second)
    if (member.path == path) return &member;
  return nullptr;
}

std::uint64_t KernelLayout::offset(std::string_view structure, std::string_view path) const {
  const Member* member = find(structure, path);
  if (!member)
    throw std::runtime_error("no member " + std::string(structure) + "." + std::string(path));
  return member->offset;
}

std::uint64_t KernelLayout::size(std::string_view structure) const {
  const auto told = sizes_.find(std::string(structure));
  if (told != sizes_.end()) return told->second;
  std::uint64_t end = 0;
  for (const Member& member : structures_.at(std::string(structure)))
    end = std::max(end, member.offset + member.size);
  return (end + 7) / 8 * 8;
}

}  // namespace foundry
