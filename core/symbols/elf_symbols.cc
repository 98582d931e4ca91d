#include "core/symbols/elf_symbols.h"

#include <elf.h>
#include <fmt/format.h>
#include <gelf.h>
#include <libelf.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <tuple>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/symbols/elf_outline.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kNotesLimit = std::uint64_t{1} << 20;
// A linker lets names share their ends, so a small string section can hold any amount of text.
constexpr std::size_t kNameLimit = 1024;
constexpr std::size_t kNamesLimit = std::size_t{64} << 20;  // of all symbols together

/// An ELF file in memory as libelf sees it.
class ElfFile {
 public:
  explicit ElfFile(std::vector<std::byte> bytes)
      : bytes_(std::move(bytes)),
        elf_(elf_memory(reinterpret_cast<char*>(bytes_.data()), bytes_.size())) {}
  ~ElfFile() {
    if (elf_ != nullptr) elf_end(elf_);
  }
  ElfFile(const ElfFile&) = delete;
  ElfFile& operator=(const ElfFile&) = delete;
  Elf* get() const { return elf_; }

 private:
  std::vector<std::byte> bytes_;
  Elf* elf_;
};

/// The kernel's loaded image: link-time addresses that a slide moves.
struct Image {
  std::uint64_t low = ~std::uint64_t{0};
  std::uint64_t high = 0;  // the last byte
  bool holds(std::uint64_t address) const { return address >= low && address <= high; }
};

std::string libelf_says(std::string_view what) {
  const char* message = elf_errmsg(-1);
  return fmt::format("{}: {}", what, message != nullptr ? printable(message) : "unknown");
}

Image image_of(Elf* elf) {
  // Linux's per-cpu section is a segment at address 0 and stays there; the image is in the upper
  // half.
  Image upper, lower;
  const std::uint64_t half =
      gelf_getclass(elf) == ELFCLASS64 ? std::uint64_t{1} << 63 : std::uint64_t{1} << 30;
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_LOAD)
      continue;
    const auto end = checked_add<std::uint64_t>(segment.p_vaddr, segment.p_memsz);
    if (segment.p_memsz == 0 || !end) continue;
    Image& image = segment.p_vaddr >= half ? upper : lower;
    image.low = std::min<std::uint64_t>(image.low, segment.p_vaddr);
    image.high = std::max(image.high, *end - 1);
  }
  if (upper.low <= upper.high) return upper;
  if (lower.low <= lower.high) return lower;
  // No program headers: every address may be the image's, so all but absolute ones move.
  return {0, ~std::uint64_t{0}};
}

/// The letter of nm(1) for a symbol. binutils, bfd/syms.c: bfd_decode_symclass().
/// `without_sections`: the file says of none where it stands, so that being absolute says nothing.
char letter(Elf* elf, const GElf_Sym& symbol, bool without_sections) {
  const unsigned binding = GELF_ST_BIND(symbol.st_info), kind = GELF_ST_TYPE(symbol.st_info);
  if (symbol.st_shndx == SHN_UNDEF)
    return binding == STB_WEAK ? (kind == STT_OBJECT ? 'v' : 'w') : 'U';
  if (binding == STB_WEAK) return kind == STT_OBJECT ? 'V' : 'W';
  char type = '?';
  GElf_Shdr header;
  Elf_Scn* section = symbol.st_shndx < SHN_LORESERVE ? elf_getscn(elf, symbol.st_shndx) : nullptr;
  if (symbol.st_shndx == SHN_ABS && !(without_sections && kind != STT_NOTYPE)) {
    type = 'a';
  } else if (symbol.st_shndx == SHN_COMMON) {
    type = 'c';
  } else if (section != nullptr && gelf_getshdr(section, &header) != nullptr &&
             (header.sh_flags & SHF_ALLOC) != 0) {
    if ((header.sh_flags & SHF_EXECINSTR) != 0)
      type = 't';
    else if (header.sh_type == SHT_NOBITS)
      type = 'b';
    else
      type = (header.sh_flags & SHF_WRITE) != 0 ? 'd' : 'r';
  } else if (kind == STT_FUNC) {
    type = 't';  // the section is gone, the kind is not
  } else if (kind == STT_OBJECT) {
    type = 'd';
  }
  if (type != '?' && binding != STB_LOCAL) type = static_cast<char>(type - 'a' + 'A');
  return type;
}

std::string build_id_of(Elf* elf) {
  const auto search = [](Elf_Data* data) -> std::string {
    if (data == nullptr || data->d_buf == nullptr || data->d_size > kNotesLimit) return {};
    std::size_t offset = 0, name = 0, descriptor = 0;
    GElf_Nhdr note;
    while ((offset = gelf_getnote(data, offset, &note, &name, &descriptor)) > 0) {
      const auto* bytes = static_cast<const char*>(data->d_buf);
      if (note.n_type != NT_GNU_BUILD_ID || note.n_namesz != 4 ||
          std::memcmp(bytes + name, "GNU", 4) != 0)
        continue;
      std::string hex;
      for (std::size_t i = 0; i < note.n_descsz; ++i)
        hex += fmt::format("{:02x}", static_cast<unsigned char>(bytes[descriptor + i]));
      return hex;
    }
    return {};
  };
  // Sections first: a debug file keeps its note there while its program headers lead nowhere.
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    GElf_Shdr header;
    if (gelf_getshdr(section, &header) == nullptr || header.sh_type != SHT_NOTE) continue;
    if (auto id = search(elf_getdata(section, nullptr)); !id.empty()) return id;
  }
  std::size_t count = 0;
  if (elf_getphdrnum(elf, &count) != 0) count = 0;
  for (std::size_t i = 0; i < count; ++i) {
    GElf_Phdr segment;
    if (gelf_getphdr(elf, static_cast<int>(i), &segment) == nullptr || segment.p_type != PT_NOTE)
      continue;
    if (segment.p_filesz > kNotesLimit) continue;
    auto* data = elf_getdata_rawchunk(elf, static_cast<std::int64_t>(segment.p_offset),
                                      static_cast<std::size_t>(segment.p_filesz),
                                      segment.p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
    if (auto id = search(data); !id.empty()) return id;
  }
  return {};
}

struct SymbolSection {
  Elf_Scn* section = nullptr;
  GElf_Shdr header{};
};

SymbolSection symbol_section(Elf* elf, GElf_Word type) {
  for (Elf_Scn* section = nullptr; (section = elf_nextscn(elf, section)) != nullptr;) {
    SymbolSection found{section, {}};
    if (gelf_getshdr(section, &found.header) != nullptr && found.header.sh_type == type)
      return found;
  }
  return {};
}

/// The string section that holds the names of `table`; empty where there is none.
std::string_view strings_of(Elf* elf, const SymbolSection& table) {
  GElf_Shdr header;
  Elf_Scn* section = elf_getscn(elf, table.header.sh_link);
  if (section == nullptr || gelf_getshdr(section, &header) == nullptr ||
      header.sh_type != SHT_STRTAB)
    return {};
  const Elf_Data* data = elf_rawdata(section, nullptr);
  if (data == nullptr || data->d_buf == nullptr) return {};
  return {static_cast<const char*>(data->d_buf), data->d_size};
}

/// The text at the front of `strings`, at most kNameLimit bytes of it; empty when it does not end.
std::string_view name_at(std::string_view strings) {
  const std::string_view name = strings.substr(0, strings.substr(0, kNameLimit).find('\0'));
  if (name.size() > kNameLimit) return name.substr(0, kNameLimit);
  return name.size() < strings.size() ? name : std::string_view();
}

/// True of what illumos's kernel tells of itself (ksyms, unix.N): it makes all symbols absolute
/// (uts/common/os/ksyms_snapshot.c).
bool all_are_absolute(Elf_Data* data, std::size_t count) {
  GElf_Sym symbol;
  for (std::size_t i = 1; i < count && i <= std::size_t{INT32_MAX}; ++i)
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr || symbol.st_shndx != SHN_ABS)
      return false;
  return count > 1;
}

struct Symbols {
  std::shared_ptr<const SymbolTable> table;
  std::size_t cut_names = 0;
};

Result<Symbols> symbols_of(const std::shared_ptr<const ElfFile>& file, const SymbolSection& table,
                           std::string origin, std::uint64_t slide) {
  Elf* elf = file->get();
  Elf_Data* data = elf_getdata(table.section, nullptr);
  if (data == nullptr)
    return fail(ErrorCode::corrupt, libelf_says("the symbol table cannot be read"));
  const std::size_t entry = gelf_fsize(elf, ELF_T_SYM, 1, EV_CURRENT);
  const std::size_t count = entry == 0 ? 0 : data->d_size / entry;
  const Image image = image_of(elf);
  const std::string_view strings = strings_of(elf, table);
  std::vector<Symbol> symbols;
  std::size_t text = 0, cut_names = 0;
  const bool without_sections = all_are_absolute(data, count);
  for (std::size_t i = 0; i < count && i <= std::size_t{INT32_MAX}; ++i) {
    GElf_Sym symbol;
    if (gelf_getsym(data, static_cast<int>(i), &symbol) == nullptr) break;
    const unsigned kind = GELF_ST_TYPE(symbol.st_info);
    if (symbol.st_shndx == SHN_UNDEF || kind == STT_FILE || kind == STT_SECTION || kind == STT_TLS)
      continue;
    if (symbol.st_name >= strings.size()) continue;
    const std::string_view name = name_at(strings.substr(symbol.st_name));
    if (name.empty()) continue;
    text += name.size();
    if (text > kNamesLimit)
      return fail(ErrorCode::corrupt,
                  fmt::format("the names of its symbols have over {} bytes together, in {} bytes "
                              "of strings: they overlap as no linker makes them",
                              kNamesLimit, strings.size()));
    if (name.size() == kNameLimit && strings[symbol.st_name + kNameLimit] != '\0') ++cut_names;
    std::uint64_t address = symbol.st_value;
    if (symbol.st_shndx != SHN_ABS && image.holds(address)) address += slide;
    if (gelf_getclass(elf) == ELFCLASS32) address &= 0xffffffff;
    symbols.push_back({name, address, symbol.st_size, letter(elf, symbol, without_sections)});
  }
  if (symbols.empty())
    return fail(ErrorCode::unsupported, "the file's symbol table names no symbol");
  // Aliases: the one that others can call stands for all, so it comes first at its address.
  // The others come as their names do, which linkers write in the order of the symbols.
  std::sort(symbols.begin(), symbols.end(), [](const Symbol& a, const Symbol& b) {
    const auto local = [](const Symbol& symbol) {
      return symbol.type >= 'a' && symbol.type <= 'z';
    };
    return std::tuple(a.address, local(a), a.name.data(), a.size) <
           std::tuple(b.address, local(b), b.name.data(), b.size);
  });
  return Symbols{make_symbol_table(std::move(origin), std::move(symbols), file), cut_names};
}

std::string base_name(const std::string& path) {
  const auto slash = path.find_last_of('/');
  return slash == std::string::npos ? path : path.substr(slash + 1);
}

}  // namespace

Result<KernelFile> read_kernel_file(const SourcePtr& file, std::uint64_t slide) {
  if (elf_version(EV_CURRENT) == EV_NONE)
    return fail(ErrorCode::unsupported, libelf_says("libelf is too old"));
  PANICROOM_TRY(outline, elf_outline(*file));
  const auto elf_file = std::make_shared<const ElfFile>(std::move(outline));
  Elf* elf = elf_file->get();
  GElf_Ehdr header;
  if (elf == nullptr || elf_kind(elf) != ELF_K_ELF || gelf_getehdr(elf, &header) == nullptr)
    return fail_at_offset(ErrorCode::unsupported, 0,
                          fmt::format("{} is no ELF file", printable(file->name())));

  KernelFile kernel;
  kernel.machine.architecture = architecture_of_elf_machine(header.e_machine);
  kernel.machine.pointer_size = header.e_ident[EI_CLASS] == ELFCLASS64 ? 8 : 4;
  kernel.machine.order =
      header.e_ident[EI_DATA] == ELFDATA2MSB ? std::endian::big : std::endian::little;
  kernel.build_id = build_id_of(elf);

  std::string_view name = ".symtab";
  SymbolSection table = symbol_section(elf, SHT_SYMTAB);
  if (table.section == nullptr) {
    name = ".dynsym";
    table = symbol_section(elf, SHT_DYNSYM);
  }
  if (table.section == nullptr)
    return fail(ErrorCode::unsupported,
                fmt::format("{} has no symbol table (stripped?)", printable(file->name())));
  PANICROOM_TRY(
      symbols,
      symbols_of(elf_file, table,
                 fmt::format("{} (ELF {})", printable(base_name(file->name())), name), slide));
  kernel.symbols = std::move(symbols.table);
  if (symbols.cut_names != 0)
    kernel.remark =
        Note{ErrorCode::unsupported,
             fmt::format("{}: {} symbols have names of over {} bytes, which are cut",
                         printable(base_name(file->name())), symbols.cut_names, kNameLimit),
             std::nullopt};
  return kernel;
}

}  // namespace panicroom
