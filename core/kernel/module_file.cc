#include "core/kernel/module_file.h"

#include <elf.h>
#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "core/base/printable.h"
#include "core/types/debug_file.h"
#include "core/types/section_bytes.h"

namespace panicroom {
namespace {

constexpr std::uint64_t longest_modinfo = std::uint64_t{1} << 20;
constexpr std::uint64_t longest_note = 4096;

/// Linux include/linux/moduleinfo.h: texts "key=value", each with its NUL.
std::optional<std::string> name_in_modinfo(const SourcePtr& file, const ElfSections& elf) {
  const ElfSection* section = elf.find(".modinfo");
  if (section == nullptr || section->size > longest_modinfo) return std::nullopt;
  const auto bytes = read_bytes(*file, section->offset, section->size, longest_modinfo);
  if (!bytes) return std::nullopt;
  const std::string_view all(reinterpret_cast<const char*>(bytes->data()), bytes->size());
  for (std::size_t at = 0; at < all.size();) {
    const std::string_view text = all.substr(at, all.find('\0', at) - at);
    if (text.starts_with("name=")) return std::string(text.substr(5));
    at += text.size() + 1;
  }
  return std::nullopt;
}

/// Of an address of the file; nothing for what was not loaded.
std::optional<std::uint64_t> run_time_address(const LoadedCode& code, const ElfSection& section) {
  if ((section.flags & SHF_ALLOC) == 0) return std::nullopt;
  if (code.elf.type == ET_REL && section.address == 0) return std::nullopt;
  return section.address + code.slide;
}

/// The note that a linker makes of the file's contents stays in memory with the module.
Result<void> check_build(AddressSpace& kernel, const SourcePtr& file, const LoadedCode& code,
                         const std::string& name) {
  const ElfSection* section = code.elf.find(".note.gnu.build-id");
  if (section == nullptr || section->size > longest_note) return {};
  const auto address = run_time_address(code, *section);
  const auto own = read_bytes(*file, section->offset, section->size, longest_note);
  if (!address || !own) return {};
  std::vector<std::byte> loaded(own->size());
  if (!kernel.read(*address, loaded) || loaded == *own) return {};
  return fail_at_address(
      ErrorCode::invalid, *address,
      fmt::format("{}: another build of this module was loaded (its build id differs): not used",
                  name));
}

}  // namespace

std::string plain_module_name(std::string name) {
  if (const auto end = name.find(".ko"); end != std::string::npos) name.resize(end);
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

std::vector<std::optional<std::string>> modules_of_files(const NamedFiles& files) {
  std::vector<std::optional<std::string>> modules;
  std::vector<std::size_t> unnamed;
  for (const auto& [file_name, file] : files) {
    const auto elf = read_elf_sections(*file);
    auto name = elf && elf->type == ET_REL ? name_in_modinfo(file, *elf) : std::nullopt;
    const std::string base = base_name(file_name);
    if (!name && elf && base.find(".ko") != std::string::npos) name = base;
    if (!name && elf && elf->type == ET_REL) unnamed.push_back(modules.size());
    modules.push_back(name ? std::optional(plain_module_name(*name)) : std::nullopt);
  }
  // Debug files are kept under their build ids.
  for (const std::size_t number : unnamed) {
    const std::string id = build_id_of(files[number].second);
    for (std::size_t other = 0; other < files.size() && !id.empty(); ++other)
      if (!modules[number] && modules[other] && build_id_of(files[other].second) == id)
        modules[number] = modules[other];
  }
  return modules;
}

Error module_not_loaded(const SourcePtr& file) {
  return Error{ErrorCode::invalid, Absence::none,
               fmt::format("{}: no module of this name was loaded: not used",
                           printable(base_name(file->name()))),
               std::nullopt, std::nullopt};
}

Result<LoadedCode> load_module_file(AddressSpace& kernel, const SourcePtr& file,
                                    const ModulePlace& place) {
  const std::string name = printable(base_name(file->name()));
  PANICROOM_TRY(elf, read_elf_sections(*file));
  LoadedCode code{std::move(elf), 0, place.memory};
  if (code.elf.type != ET_REL) {
    code.slide = place.base;
    PANICROOM_CHECK(check_build(kernel, file, code, name));
    return code;
  }
  bool any = false;
  for (ElfSection& section : code.elf.sections) {
    section.address = 0;
    const auto found = place.sections.find(section.name);
    if ((section.flags & SHF_ALLOC) == 0 || found == place.sections.end()) continue;
    if (found->second.size && *found->second.size != section.size)
      return fail_at_address(
          ErrorCode::invalid, found->second.address,
          fmt::format("{}: another build of this module was loaded (its section {} has {} bytes, "
                      "not {}): not used",
                      name, printable(section.name), *found->second.size, section.size));
    section.address = found->second.address;
    any = true;
  }
  if (!any)
    return fail(
        ErrorCode::no_symbol,
        fmt::format("{}: where the sections of this module lie is not known: not used", name));
  PANICROOM_CHECK(check_build(kernel, file, code, name));
  // Its places count from its own: any address will do where it was not loaded.
  for (ElfSection& section : code.elf.sections)
    if (section.name == ".eh_frame" && section.address == 0) section.address = place.base;
  return code;
}

}  // namespace panicroom
