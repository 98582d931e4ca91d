#include "core/symbols/elf_symbols.h"

#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <memory>
#include <utility>

namespace panicroom {
namespace {

// A file that does not lie in memory is read whole, because libelf wants it so. Kernels without
// debug information are below 100 MB.
constexpr std::uint64_t largest_read_whole = std::uint64_t{512} << 20U;
constexpr std::size_t most_symbols = 8U << 20U;
constexpr std::uint64_t upper_half = std::uint64_t{1} << 63U;

struct ElfEnd {
  void operator()(Elf* elf) const { elf_end(elf); }
};
using ElfHandle = std::unique_ptr<Elf, ElfEnd>;

/// The file's bytes: where they are mapped, or a copy.
struct WholeFile {
  std::vector<std::byte> copy;
  Bytes bytes;
};

Result<WholeFile> whole_file(const ByteSource& file) {
  WholeFile whole;
  whole.bytes = file.view(0, file.size());
  if (!whole.bytes.empty()) return whole;
  if (file.size() > largest_read_whole)
    return fail(
        ErrorCode::unsupported,
        fmt::format(
            "a kernel file of {} bytes is too large to be read here (at most {}): give one without "
            "debug information (strip -g)",
            file.size(), largest_read_whole));
  PANICROOM_TRY(copy, read_bytes(file, 0, file.size(), largest_read_whole));
  whole.copy = std::move(copy);
  whole.bytes = whole.copy;
  return whole;
}

/// The letter that nm(1) prints.
char letter_of(const GElf_Sym& symbol, Elf* elf) {
  char letter = '?';
  const bool local = GELF_ST_BIND(symbol.st_info) == STB_LOCAL;
  if (symbol.st_shndx == SHN_ABS) {
    letter = 'A';
  } else if (GELF_ST_BIND(symbol.st_info) == STB_WEAK) {
    return GELF_ST_TYPE(symbol.st_info) == STT_OBJECT ? 'V' : 'W';
  } else if (GElf_Shdr header; Elf_Scn* section = elf_getscn(elf, symbol.st_shndx)) {
    if (gelf_getshdr(section, &header) == nullptr) return '?';
    if ((header.sh_flags & SHF_EXECINSTR) != 0)
      letter = 'T';
    else if ((header.sh_flags & SHF_WRITE) == 0)
      letter = 'R';
    else
      letter = header.sh_type == SHT_NOBITS ? 'B' : 'D';
  }
  return local && letter != '?' ? static_cast<char>(letter - 'A' + 'a') : letter;
}

/// Files, sections, and the marks that ARM assemblers leave between code and data name nothing.
bool names_something(const GElf_Sym& symbol, std::string_view name) {
  const unsigned type = GELF_ST_TYPE(symbol.st_info);
  return !name.empty() && symbol.st_shndx != SHN_UNDEF && type != STT_FILE && type != STT_SECTION &&
         name[0] != '$';
}

struct Read {
  std::vector<Symbol> symbols;
  std::shared_ptr<std::vector<char>> names;
  std::string section;
};

std::string hexadecimal(const unsigned char* bytes, std::size_t size) {
  std::string out;
  for (std::size_t index = 0; index < size; ++index) out += fmt::format("{:02x}", bytes[index]);
  return out;
}

std::string build_id_of(Elf* elf) {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_NOTE) continue;
    Elf_Data* data = elf_getdata(section, nullptr);
    if (data == nullptr || data->d_buf == nullptr) continue;
    GElf_Nhdr note;
    std::size_t name = 0, descriptor = 0;
    for (std::size_t at = 0; (at = gelf_getnote(data, at, &note, &name, &descriptor)) > 0;) {
      const auto* base = static_cast<const unsigned char*>(data->d_buf);
      if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
          std::string_view(reinterpret_cast<const char*>(base + name), 3) == "GNU" &&
          note.n_descsz <= 64)
        return hexadecimal(base + descriptor, note.n_descsz);
    }
  }
  return "";
}

Elf_Scn* symbol_section(Elf* elf, GElf_Shdr& header) {
  Elf_Scn* dynamic = nullptr;
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    if (gelf_getshdr(section, &header) == nullptr) continue;
    if (header.sh_type == SHT_SYMTAB) return section;
    if (header.sh_type == SHT_DYNSYM) dynamic = section;
  }
  if (dynamic != nullptr && gelf_getshdr(dynamic, &header) == nullptr) return nullptr;
  return dynamic;
}

Result<Read> read_symbols(Elf* elf, std::uint64_t slide) {
  GElf_Shdr header;
  Elf_Scn* section = symbol_section(elf, header);
  if (section == nullptr)
    return fail(ErrorCode::unsupported,
                "this kernel file has no symbol table: give the one that was not stripped");
  Elf_Data* data = elf_getdata(section, nullptr);
  if (data == nullptr || header.sh_entsize == 0)
    return fail_at_offset(ErrorCode::corrupt, header.sh_offset,
                          fmt::format("the symbol table cannot be read: {}", elf_errmsg(-1)));
  const std::size_t count = data->d_size / header.sh_entsize;
  if (count > most_symbols)
    return fail_at_offset(ErrorCode::corrupt, header.sh_offset,
                          fmt::format("the symbol table claims {} symbols", count));
  Read read;
  read.section = header.sh_type == SHT_SYMTAB ? ".symtab" : ".dynsym";
  read.names = std::make_shared<std::vector<char>>();
  std::vector<std::pair<std::size_t, std::size_t>> places;
  for (std::size_t index = 0; index < count; ++index) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(index), &symbol) == nullptr) break;
    const char* text = elf_strptr(elf, header.sh_link, symbol.st_name);
    if (text == nullptr || !names_something(symbol, text)) continue;
    const std::string_view name = text;
    places.emplace_back(read.names->size(), name.size());
    read.names->insert(read.names->end(), name.begin(), name.end());
    const bool moves = symbol.st_shndx != SHN_ABS && symbol.st_value >= upper_half;
    read.symbols.push_back(
        {{}, symbol.st_value + (moves ? slide : 0), symbol.st_size, letter_of(symbol, elf)});
  }
  for (std::size_t index = 0; index < places.size(); ++index)
    read.symbols[index].name =
        std::string_view(read.names->data() + places[index].first, places[index].second);
  return read;
}

}  // namespace

Result<KernelFile> read_kernel_file(const SourcePtr& file, std::uint64_t slide) {
  PANICROOM_TRY(whole, whole_file(*file));
  if (elf_version(EV_CURRENT) == EV_NONE)
    return fail(ErrorCode::unsupported, "libelf is of another ELF version");
  // libelf takes a char* but writes only to what elf_update is asked for.
  auto* bytes = const_cast<char*>(reinterpret_cast<const char*>(whole.bytes.data()));
  const ElfHandle elf(elf_memory(bytes, whole.bytes.size()));
  GElf_Ehdr header;
  if (!elf || elf_kind(elf.get()) != ELF_K_ELF || gelf_getehdr(elf.get(), &header) == nullptr)
    return fail_at_offset(ErrorCode::unsupported, 0, "a kernel file must be an ELF file");
  KernelFile kernel;
  kernel.machine.architecture = architecture_of_elf_machine(header.e_machine);
  kernel.machine.pointer_size = header.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
  kernel.machine.order =
      header.e_ident[EI_DATA] == ELFDATA2MSB ? std::endian::big : std::endian::little;
  kernel.build_id = build_id_of(elf.get());
  PANICROOM_TRY(read, read_symbols(elf.get(), slide));
  kernel.symbols = make_symbol_table(fmt::format("the kernel file ({})", read.section),
                                     std::move(read.symbols), read.names);
  return kernel;
}

}  // namespace panicroom
