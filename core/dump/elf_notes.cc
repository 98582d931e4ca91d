#include "core/dump/elf_notes.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string_view>

#include "core/base/arithmetic.h"
#include "core/dump/cpu_state.h"

namespace panicroom {
namespace {

constexpr std::size_t most_cpus = 8192;  // the largest CONFIG_NR_CPUS
constexpr std::uint32_t nt_prstatus = 1;

std::string text_of(Bytes bytes) {
  return std::string(Reader(bytes, std::endian::little).text(0, bytes.size()));
}

/// The value of `key` in lines of key=value.
std::optional<std::string_view> value_of(std::string_view lines, std::string_view key) {
  while (!lines.empty()) {
    const std::size_t end = std::min(lines.find('\n'), lines.size());
    const std::string_view line = lines.substr(0, end);
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == '=')
      return line.substr(key.size() + 1);
    lines.remove_prefix(std::min(end + 1, lines.size()));
  }
  return std::nullopt;
}

template <class Integer>
std::optional<Integer> decimal(std::optional<std::string_view> text) {
  Integer value{};
  if (!text) return std::nullopt;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), value);
  if (error != std::errc() || end != text->data() + text->size()) return std::nullopt;
  return value;
}

}  // namespace

// Source: System V ABI, "Note Section"; kernels pad names and descriptors to 4 bytes in both
// classes.
bool parse_elf_notes(Bytes bytes, std::endian order, std::uint64_t offset,
                     std::vector<ElfNote>& notes) {
  const Reader reader(bytes, order);
  std::uint64_t at = 0;
  while (at + 12 <= reader.size()) {
    const std::uint64_t name_size = *reader.u32(at);
    const std::uint64_t descriptor_size = *reader.u32(at + 4);
    const std::uint32_t type = *reader.u32(at + 8);
    // Kernels end their list with an empty note and leave zeros behind it.
    if (name_size == 0 && descriptor_size == 0 && type == 0) break;
    const std::uint64_t descriptor_at = at + 12 + (name_size + 3) / 4 * 4;
    const auto descriptor = reader.slice(descriptor_at, descriptor_size);
    if (!descriptor || notes.size() == max_notes) return false;
    ElfNote note;
    note.name = std::string(reader.text(at + 12, name_size));
    note.type = type;
    note.offset = offset + descriptor_at;
    note.descriptor.assign(descriptor->begin(), descriptor->end());
    notes.push_back(std::move(note));
    at = descriptor_at + (descriptor_size + 3) / 4 * 4;
  }
  return true;
}

Note broken_notes(std::uint64_t offset) {
  return {ErrorCode::corrupt, "the ELF notes end in a note that is not whole or is one too many",
          offset};
}

void interpret_notes(Dump& dump) {
  std::vector<CpuState> from_qemu;
  bool too_large = false;
  for (const ElfNote& note : dump.notes) {
    if (note.name == "VMCOREINFO" && !dump.vmcoreinfo && !too_large) {
      too_large = note.descriptor.size() > max_vmcoreinfo_size;
      if (!too_large)
        dump.vmcoreinfo = text_of(note.descriptor);
      else
        dump.remarks.push_back(
            {ErrorCode::corrupt,
             fmt::format("VMCOREINFO has {} bytes, expected at most {}: not used",
                         note.descriptor.size(), max_vmcoreinfo_size),
             note.offset});
    } else if (note.name == "CORE" && note.type == nt_prstatus && dump.cpus.size() < most_cpus) {
      if (dump.machine.architecture == Architecture::unknown)
        dump.machine.architecture = architecture_of_prstatus(note.descriptor.size());
      if (auto cpu = decode_prstatus(note.descriptor, dump.machine)) {
        cpu->index = static_cast<std::uint32_t>(dump.cpus.size());
        dump.cpus.push_back(std::move(*cpu));
      }
    } else if (note.name == "QEMU" && note.type == 0 && from_qemu.size() < most_cpus) {
      if (auto cpu = decode_qemu_cpu(note.descriptor, dump.machine.order)) {
        cpu->index = static_cast<std::uint32_t>(from_qemu.size());
        from_qemu.push_back(std::move(*cpu));
      }
    }
  }
  for (CpuState& qemu : from_qemu) {
    if (qemu.index >= dump.cpus.size()) {
      dump.cpus.push_back(std::move(qemu));
      continue;
    }
    merge_qemu_cpu(dump.cpus[qemu.index], qemu);
  }
}

void interpret_vmcoreinfo(Dump& dump) {
  if (!dump.vmcoreinfo) return;
  const std::string_view lines = *dump.vmcoreinfo;
  if (dump.release.empty())
    if (const auto release = value_of(lines, "OSRELEASE")) dump.release = *release;
  // The moment of the crash beats the header's, which is when the dump was written.
  if (const auto time = decimal<std::int64_t>(value_of(lines, "CRASHTIME"))) dump.time = *time;
  const auto page_size = decimal<std::uint32_t>(value_of(lines, "PAGESIZE"));
  if (page_size && is_power_of_two(*page_size) && *page_size >= 4096 && *page_size <= 65536)
    dump.machine.page_size = *page_size;
}

}  // namespace panicroom
