#include <algorithm>
#include <stdexcept>

#include "tests/foundry/containers.h"
#include "tests/foundry/notes.h"

// Layout: System V ABI, chapters 4 and 5; the styles after what FreeBSD, Linux and QEMU 7.2 write.

namespace foundry {
namespace {

struct Segment {
  std::uint64_t physical = 0, file_size = 0, memory_size = 0, offset = 0;
};

std::uint16_t machine_number(const Image& image) {
  if (image.architecture == "i386") return 3;
  return image.architecture == "aarch64" ? 183 : 62;
}

std::vector<Segment> segments_of(const Image& image, const ElfOptions& options) {
  std::vector<Segment> segments;
  for (const Range& range : image.ram) {
    if (!options.many_segments && !options.excluded_as_short) {
      segments.push_back({range.start, range.end - range.start, range.end - range.start, 0});
      continue;
    }
    for (std::uint64_t at = range.start; at < range.end; at += image.page) {
      const bool left_out = options.excluded_as_short && image.excluded.contains(at);
      const bool joins = !options.many_segments && !segments.empty() &&
                         segments.back().physical + segments.back().memory_size == at;
      // A segment is file bytes first and missing ones behind them.
      if (joins && left_out) {
        segments.back().memory_size += image.page;
      } else if (joins && segments.back().file_size == segments.back().memory_size) {
        segments.back().memory_size += image.page;
        segments.back().file_size += image.page;
      } else {
        segments.push_back({at, left_out ? 0 : image.page, image.page, 0});
      }
    }
  }
  return segments;
}

}  // namespace

Blob elf_core(const Image& image, const ElfOptions& options) {
  const bool wide = image.pointer() == 8 || options.wide;
  const bool qemu = options.style == "qemu";
  const bool freebsd = options.style == "freebsd";
  std::vector<Segment> segments = segments_of(image, options);
  const Blob notes = freebsd ? Blob{} : elf_notes(image, qemu);
  const std::size_t headers = segments.size() + (notes.empty() ? 0 : 1);
  const std::size_t ehdr = wide ? 64 : 52, phdr = wide ? 56 : 32, shdr = wide ? 64 : 40;
  const bool extended = headers >= 0xffff;
  const std::size_t phoff = qemu ? ehdr + 128 : ehdr;
  const std::size_t shoff = qemu ? ehdr : phoff + headers * phdr;
  const std::size_t after = qemu ? phoff + headers * phdr : shoff + (extended ? shdr : 0);

  Blob out;
  append(out, std::string_view("\x7f"
                               "ELF",
                               4));
  append(out, wide ? 2 : 1, 1);
  append(out, 1, 1);
  append(out, 1, 1);
  append(out, freebsd ? 0xff : 0, 1);
  out.resize(16);
  append(out, 4, 2);
  append(out, machine_number(image), 2);
  append(out, freebsd ? 0 : 1, 4);
  const unsigned word = wide ? 8 : 4;
  append(out, 0, word);
  append(out, phoff, word);
  append(out, qemu || extended ? shoff : 0, word);
  append(out, 0, 4);
  append(out, qemu ? 8 : ehdr, 2);
  append(out, phdr, 2);
  append(out, extended ? 0xffff : headers, 2);
  append(out, qemu || extended ? shdr : 0, 2);
  append(out, qemu || extended ? 1 : 0, 2);
  append(out, 0, 2);
  out.resize(after);

  if (extended) {
    // Section header 0 holds the real count in sh_info.
    put(out, shoff + (wide ? 44 : 28), headers, 4);
  }
  std::uint64_t offset = after + notes.size();
  const std::uint64_t aligned = (offset + image.page - 1) / image.page * image.page;
  if (!qemu) offset = aligned;
  std::size_t at = phoff;
  const auto header = [&](std::uint64_t type, std::uint64_t file, std::uint64_t virtual_address,
                          std::uint64_t physical, std::uint64_t file_size,
                          std::uint64_t memory_size) {
    if (wide) {
      put(out, at, type, 4), put(out, at + 4, type == 1 ? 7 : 0, 4), put(out, at + 8, file, 8);
      put(out, at + 16, virtual_address, 8), put(out, at + 24, physical, 8),
          put(out, at + 32, file_size, 8);
      put(out, at + 40, memory_size, 8), put(out, at + 48, type == 1 ? image.page : 0, 8);
    } else {
      put(out, at, type, 4), put(out, at + 4, file, 4), put(out, at + 8, virtual_address, 4);
      put(out, at + 12, physical, 4), put(out, at + 16, file_size, 4),
          put(out, at + 20, memory_size, 4);
      put(out, at + 24, 7, 4), put(out, at + 28, type == 1 ? image.page : 0, 4);
    }
    at += phdr;
  };
  if (!notes.empty()) header(4, after, 0, 0, notes.size(), notes.size());
  for (Segment& segment : segments) {
    segment.offset = offset;
    const std::uint64_t virtual_address =
        qemu || freebsd ? segment.physical : segment.physical + options.direct_map;
    header(1, offset, virtual_address, segment.physical, segment.file_size, segment.memory_size);
    offset += segment.file_size;
  }
  out.resize(after);
  out.insert(out.end(), notes.begin(), notes.end());
  for (const Segment& segment : segments) {
    out.resize(static_cast<std::size_t>(segment.offset));
    for (std::uint64_t done = 0; done < segment.file_size; done += image.page) {
      const std::uint64_t address = segment.physical + done;
      const Blob page = image.page_bytes(address / image.page * image.page);
      const std::uint64_t length = std::min(image.page, segment.file_size - done);
      out.insert(out.end(), page.begin(), page.begin() + static_cast<std::ptrdiff_t>(length));
    }
  }
  return out;
}

Blob kernel_file(const Image& image, const Blob& ctf, unsigned file_type,
                 std::string_view types_section) {
  const bool wide = image.pointer() == 8;
  const unsigned word = wide ? 8 : 4;
  Blob strings(1), symbols(wide ? 24 : 16);
  // Section 1 is where the symbols live: without contents, as in a stripped-down kernel.
  for (const Symbol& symbol : image.symbols) {
    const std::size_t name = strings.size();
    append(strings, symbol.name);
    strings.push_back(0);
    const bool function = symbol.type == 'T' || symbol.type == 't';
    const bool absolute = symbol.type == 'A';
    const bool global = symbol.type >= 'A' && symbol.type <= 'Z';
    const std::uint64_t info = (global ? 0x10U : 0U) | (absolute ? 0U : function ? 2U : 1U);
    const std::uint64_t section = absolute ? 0xfff1 : function ? 2 : 1;
    append(symbols, name, 4);
    if (wide) {
      append(symbols, info, 1), append(symbols, 0, 1), append(symbols, section, 2);
      append(symbols, symbol.address, 8), append(symbols, symbol.size, 8);
    } else {
      append(symbols, symbol.address, 4), append(symbols, symbol.size, 4);
      append(symbols, info, 1), append(symbols, 0, 1), append(symbols, section, 2);
    }
  }
  Blob section_names(1);
  const auto named = [&](std::string_view name) {
    const std::size_t at = section_names.size();
    append(section_names, name);
    section_names.push_back(0);
    return at;
  };
  const std::size_t data_name = named(".data"), text_name = named(".text"),
                    symtab_name = named(".symtab"), strtab_name = named(".strtab"),
                    shstrtab_name = named(".shstrtab"), ctf_name = named(types_section);
  const std::size_t ehdr = wide ? 64 : 52, shdr = wide ? 64 : 40;
  Blob out;
  append(out, std::string_view("\x7f"
                               "ELF",
                               4));
  append(out, wide ? 2 : 1, 1), append(out, 1, 1), append(out, 1, 1), append(out, 9, 1);
  out.resize(16);
  append(out, file_type, 2), append(out, machine_number(image), 2), append(out, 1, 4);
  const std::size_t symbols_at = ehdr, strings_at = symbols_at + symbols.size(),
                    names_at = strings_at + strings.size();
  const std::size_t ctf_at = names_at + section_names.size();
  std::size_t sections_at = ctf_at + ctf.size();
  sections_at = (sections_at + 7) / 8 * 8;
  // The loaded parts lie behind the sections' headers, as does the table that names them.
  const std::size_t phdr = wide ? 56 : 32, parts_at = sections_at + shdr * (ctf.empty() ? 6 : 7);
  append(out, 0, word), append(out, image.parts.empty() ? 0 : parts_at, word),
      append(out, sections_at, word), append(out, 0, 4);
  append(out, ehdr, 2), append(out, image.parts.empty() ? 0 : phdr, 2),
      append(out, image.parts.size(), 2), append(out, shdr, 2), append(out, ctf.empty() ? 6 : 7, 2),
      append(out, 5, 2);
  out.insert(out.end(), symbols.begin(), symbols.end());
  out.insert(out.end(), strings.begin(), strings.end());
  out.insert(out.end(), section_names.begin(), section_names.end());
  out.insert(out.end(), ctf.begin(), ctf.end());
  out.resize(sections_at);
  const auto section = [&](std::size_t name, std::uint64_t type, std::uint64_t flags,
                           std::size_t offset, std::size_t size, std::uint64_t link,
                           std::uint64_t info, std::uint64_t entry) {
    append(out, name, 4), append(out, type, 4), append(out, flags, word), append(out, 0, word);
    append(out, offset, word), append(out, size, word), append(out, link, 4), append(out, info, 4);
    append(out, 8, word), append(out, entry, word);
  };
  section(0, 0, 0, 0, 0, 0, 0, 0);
  section(data_name, 8, 3, symbols_at, 0x1000, 0, 0, 0);
  section(text_name, 8, 6, symbols_at, 0x1000, 0, 0, 0);
  section(symtab_name, 2, 0, symbols_at, symbols.size(), 4, 1, wide ? 24 : 16);
  section(strtab_name, 3, 0, strings_at, strings.size(), 0, 0, 0);
  section(shstrtab_name, 3, 0, names_at, section_names.size(), 0, 0, 0);
  if (!ctf.empty()) section(ctf_name, 1, 0, ctf_at, ctf.size(), 3, 0, 0);
  std::size_t bytes_at = parts_at + image.parts.size() * phdr;
  for (const LoadedPart& part : image.parts) {
    const std::uint64_t in_file = part.data ? 0 : part.size, flags = part.data ? 6 : 5;
    append(out, 1, 4);
    if (wide) append(out, flags, 4);
    append(out, bytes_at, word), append(out, part.virtual_address, word);
    append(out, part.physical, word), append(out, in_file, word), append(out, part.size, word);
    if (!wide) append(out, flags, 4);
    append(out, image.page, word);
    bytes_at += static_cast<std::size_t>(in_file);
  }
  for (const LoadedPart& part : image.parts)
    for (std::uint64_t done = 0; !part.data && done < part.size; done += 8)
      append(out, image.read(image.physical_of(part.virtual_address + done), 8), 8);
  return out;
}

Blob with_absolute_symbols(Blob file) {
  const auto number = [&file](std::size_t at, unsigned width) {
    std::uint64_t value = 0;
    for (unsigned i = width; i-- != 0;) value = value << 8U | file.at(at + i);
    return static_cast<std::size_t>(value);
  };
  const bool wide = file.at(4) == 2;
  const std::size_t sections = number(wide ? 0x28 : 0x20, wide ? 8 : 4);
  const std::size_t size = number(wide ? 0x3a : 0x2e, 2), count = number(wide ? 0x3c : 0x30, 2);
  const std::size_t entry = wide ? 24 : 16;
  for (std::size_t i = 0; i < count; ++i) {
    const std::size_t section = sections + i * size;
    if (number(section + 4, 4) != 2) continue;  // SHT_SYMTAB
    const std::size_t first = number(section + (wide ? 24 : 16), wide ? 8 : 4);
    const std::size_t bytes = number(section + (wide ? 32 : 20), wide ? 8 : 4);
    for (std::size_t at = first + entry; at < first + bytes; at += entry)
      put(file, at + (wide ? 6 : 14), 0xfff1, 2);
  }
  return file;
}

}  // namespace foundry
