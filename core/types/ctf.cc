#include "core/types/ctf.h"

#include <elf.h>
#include <fmt/format.h>

#include <utility>

#include "core/base/printable.h"
#include "core/symbols/elf_sections.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kNameLimit = 1024;

/// The symbols that have an entry in the object section.
struct Objects {
  std::shared_ptr<LazyBytes> symbols, names;
  std::endian order = std::endian::little;
  bool wide = true;

  Result<void> operator()(const std::function<bool(std::string_view, bool)>& visit) const {
    const std::uint64_t entry = wide ? sizeof(Elf64_Sym) : sizeof(Elf32_Sym);
    for (std::uint64_t i = 0; i < symbols->size() / entry; ++i) {
      const std::byte* bytes = symbols->at(i * entry, entry);
      if (bytes == nullptr) return Failure(symbols->error());
      const Reader symbol({bytes, static_cast<std::size_t>(entry)}, order);
      const std::uint32_t name = *symbol.u32(0);
      const std::uint8_t info = *symbol.u8(wide ? 4 : 12);
      const std::uint16_t section = *symbol.u16(wide ? 6 : 14);
      const std::uint64_t value = *symbol.word(wide ? 8 : 4, wide ? 8 : 4);
      if (ELF64_ST_TYPE(info) != STT_OBJECT || name == 0 || section == SHN_UNDEF ||
          (section == SHN_ABS && value == 0))
        continue;
      const auto text = names->text(name, names->size(), kNameLimit).value_or("");
      if (text == "_START_" || text == "_END_") continue;
      if (!visit(text, ELF64_ST_BIND(info) != STB_LOCAL)) break;
    }
    return {};
  }
};

const ElfSection* symbols_of(const ElfSections& elf, const ElfSection& ctf) {
  const auto is_table = [](const ElfSection& section) {
    return section.type == SHT_SYMTAB || section.type == SHT_DYNSYM;
  };
  if (ctf.link < elf.sections.size() && is_table(elf.sections[ctf.link]))
    return &elf.sections[ctf.link];
  for (const std::uint32_t type : {std::uint32_t{SHT_SYMTAB}, std::uint32_t{SHT_DYNSYM}})
    for (const ElfSection& section : elf.sections)
      if (section.type == type) return &section;
  return nullptr;
}

}  // namespace

CtfInput::Objects ctf_objects(std::shared_ptr<LazyBytes> symbols, std::shared_ptr<LazyBytes> names,
                              std::endian order, bool wide) {
  return Objects{std::move(symbols), std::move(names), order, wide};
}

Result<std::shared_ptr<CtfGraph>> read_ctf(const SourcePtr& file,
                                           std::shared_ptr<CtfGraph> parent) {
  PANICROOM_TRY(elf, read_elf_sections(*file));
  const std::string name = printable(base_name(file->name()));
  const ElfSection* section = elf.find(".SUNW_ctf");
  if (section == nullptr) return fail(ErrorCode::no_type, fmt::format("{} carries no CTF", name));
  auto blob = section_bytes(file, elf, *section);
  if (!blob) return Failure(blob.error().within(name));
  CtfInput input{std::move(*blob),
                 elf.machine.order,
                 elf.machine.pointer_size,
                 fmt::format("CTF of {}", name),
                 nullptr,
                 {},
                 std::move(parent)};
  if (const ElfSection* table = symbols_of(elf, *section);
      table != nullptr && table->link < elf.sections.size()) {
    auto symbols = section_bytes(file, elf, *table);
    auto names = section_bytes(file, elf, elf.sections[table->link]);
    if (symbols && names) {
      input.symbol_names = std::make_shared<LazyBytes>(std::move(*names));
      input.objects =
          ctf_objects(std::make_shared<LazyBytes>(std::move(*symbols)), input.symbol_names,
                      elf.machine.order, elf.machine.pointer_size == 8);
    }
  }
  auto graph = CtfGraph::open(std::move(input));
  if (!graph) return Failure(graph.error().within(name));
  return graph;
}

}  // namespace panicroom
