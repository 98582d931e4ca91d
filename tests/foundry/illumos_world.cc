#include "tests/foundry/illumos_world.h"

#include <algorithm>
#include <set>
#include <sstream>
#include <stdexcept>

#include "tests/foundry/illumos_layout.h"
#include "tests/foundry/layout_types.h"
#include "tests/foundry/worlds.h"

namespace foundry {
namespace {

constexpr const char* of_modules[][2] = {
    {"hat", "unix"}, {"htable", "unix"}, {"tsproc", "TS"}, {"fxproc", "FX"}, {"fssproc", "FSS"}};

/// The module whose types a structure is among.
std::string_view owner_of(std::string_view structure) {
  for (const auto& [name, module] : of_modules)
    if (structure == name) return module;
  return "genunix";
}

class IllumosTypes final : public LayoutTypes {
 public:
  using LayoutTypes::LayoutTypes;

 private:
  using LayoutTypes::own_type;
  std::optional<unsigned> own_type(const Symbol& symbol) override {
    if (symbol.name == "p0") return number("proc");
    if (symbol.name == "kas") return number("as");
    if (symbol.name == "modules") return number("modctl");
    return std::nullopt;
  }
};

bool is_object(const Symbol& symbol) {
  return symbol.type != 'T' && symbol.type != 't' && symbol.type != 'A';
}

/// ELF's symbol table of the objects, as krtld keeps it of a module; its names behind it.
void write_symbols(IllumosParts& parts, std::uint64_t module) {
  std::string names(1, '\0');
  std::vector<std::pair<std::size_t, const Symbol*>> entries;
  for (const Symbol& symbol : parts.image.symbols)
    if (is_object(symbol)) {
      entries.emplace_back(names.size(), &symbol);
      names += symbol.name + '\0';
    }
  const bool wide = parts.word == 8;
  const std::uint64_t size = wide ? 24 : 16, count = entries.size() + 1;
  const std::uint64_t space = parts.heap.take(count * size + names.size());
  std::uint64_t at = space + size;  // the first has no name
  for (const auto& [name, symbol] : entries) {
    const unsigned info = 0x11;  // global object
    parts.image.write_virtual(at, name, 4);
    if (wide) {
      parts.image.write_virtual(at + 4, info, 1);
      parts.image.write_virtual(at + 6, 3, 2);
      parts.image.write_virtual(at + 8, symbol->address, 8);
      parts.image.write_virtual(at + 16, symbol->size, 8);
    } else {
      parts.image.write_virtual(at + 4, symbol->address, 4);
      parts.image.write_virtual(at + 8, symbol->size, 4);
      parts.image.write_virtual(at + 12, info, 1);
      parts.image.write_virtual(at + 14, 3, 2);
    }
    at += size;
  }
  parts.image.write_virtual(space + count * size, std::string_view(names));
  parts.set(module, "module", "symtbl", space);
  parts.set(module, "module", "strings", space + count * size);
  parts.set(module, "module", "nsyms", count);
  parts.set(module, "module", "symspace", space);
  parts.set(module, "module", "symsize", count * size + names.size());
}

void write_types(IllumosParts& parts) {
  const std::string& ctf = parts.description.ctf;
  if (ctf == "none") return;
  for (const MachineText::Module& module : parts.description.machine.modules) {
    const bool kernel = module.name == "genunix";
    const bool has_some = std::any_of(std::begin(of_modules), std::end(of_modules),
                                      [&](const auto& one) { return module.name == one[1]; });
    if (!kernel && !has_some) continue;
    const KernelLayout layout = illumos_layout(parts.description, module.name);
    IllumosTypes types(layout, CtfStyle{2, false, ctf == "compressed", kernel ? "" : "genunix"});
    const std::uint64_t loaded = module.loaded;
    if (kernel) write_symbols(parts, loaded);
    const Blob blob = types.write(kernel ? parts.image : Image{});
    const std::uint64_t at = parts.heap.take(blob.size());
    parts.image.write_virtual(
        at, std::string_view(reinterpret_cast<const char*>(blob.data()), blob.size()));
    parts.set(loaded, "module", "ctfdata", at);
    parts.set(loaded, "module", "ctfsize", blob.size());
  }
}

}  // namespace

KernelLayout illumos_layout(const Description& description, std::string_view module) {
  const std::string rows = illumos_rows(description.layout);
  if (rows.empty()) throw std::runtime_error("there is no layout " + description.layout);
  std::istringstream lines(rows);
  std::string line, wanted;
  while (std::getline(lines, line))
    if (module.empty() ||
        (line.find(' ') != std::string::npos && owner_of(line.substr(0, line.find(' '))) == module))
      wanted += line + "\n";
  return KernelLayout(wanted, description.image.pointer());
}

IllumosParts::IllumosParts(Description& of)
    : description(of),
      image(of.image),
      layout(illumos_layout(of)),
      heap(of.heap),
      word(of.image.pointer()) {}

void IllumosParts::set(std::uint64_t object, std::string_view structure, std::string_view path,
                       std::uint64_t value) {
  const KernelLayout::Member* member = layout.find(structure, path);
  if (member)
    image.write_virtual(object + member->offset, value, static_cast<unsigned>(member->size));
}

void IllumosParts::set_text(std::uint64_t object, std::string_view structure, std::string_view path,
                            const std::string& text) {
  const KernelLayout::Member* member = layout.find(structure, path);
  if (!member) throw std::runtime_error("no member " + std::string(path));
  image.write_virtual(object + member->offset,
                      text.substr(0, static_cast<std::size_t>(member->size - 1)));
}

std::uint64_t IllumosParts::string(const std::string& text) {
  const std::uint64_t at = heap.take(text.size() + 1);
  image.write_virtual(at, text);
  return at;
}

std::uint64_t IllumosParts::place(const std::string& name, std::uint64_t size) {
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == name) return symbol.address;
  const std::uint64_t at = heap.take(size);
  image.symbols.push_back({name, at, size, 'D'});
  return at;
}

void IllumosParts::number(const std::string& name, std::uint64_t value, unsigned width) {
  image.write_virtual(place(name, width), value, width);
}

std::uint64_t IllumosParts::symbol(const std::string& name) const {
  for (const Symbol& symbol : image.symbols)
    if (symbol.name == name) return symbol.address;
  return 0;
}

std::string IllumosParts::function_at(std::uint64_t pc) const {
  for (const Symbol& symbol : image.symbols)
    if (!is_object(symbol) && pc >= symbol.address && pc < symbol.address + symbol.size)
      return symbol.name;
  return {};
}

std::uint64_t IllumosParts::vnode(const std::string& path, const std::string& type) {
  // enum vtype, uts/common/sys/vnode.h.
  static const std::map<std::string, std::uint64_t> types = {
      {"file", 1}, {"directory", 2}, {"block", 3},  {"device", 4}, {"link", 5},
      {"fifo", 6}, {"door", 7},      {"socket", 9}, {"port", 10}};
  const std::string key = type + " " + path;
  if (const auto known = vnodes_.find(key); known != vnodes_.end()) return known->second;
  const std::uint64_t at = make("vnode");
  if (!path.empty()) vnodes_[key] = at;
  set(at, "vnode", "v_type", types.at(type));
  const MachineText::Mounted* best = nullptr;
  for (const MachineText::Mounted& mount : description.machine.mounts)
    if ((mount.path == "/" || path == mount.path || path.starts_with(mount.path + "/")) &&
        (!best || mount.path.size() > best->path.size()))
      best = &mount;
  if (best && !path.empty()) set(at, "vnode", "v_vfsp", best->address);
  if (type != "device" || path.empty()) {
    set(at, "vnode", "v_path", path.empty() ? 0 : string(path));
    return at;
  }
  // A device is open by a vnode of its own; that of its file has the path.
  const std::uint64_t node = make("snode"), real = make("vnode");
  set(real, "vnode", "v_type", types.at(type));
  set(real, "vnode", "v_path", string(path));
  set(node, "snode", "s_realvp", real);
  set(at, "vnode", "v_path", string(""));
  set(at, "vnode", "v_data", node);
  set(at, "vnode", "v_op", special_operations());
  return at;
}

std::uint64_t IllumosParts::special_operations() {
  if (special_operations_ == 0) {
    special_operations_ = heap.take(64);
    number("spec_vnodeops", special_operations_, word);
  }
  return special_operations_;
}

void build_illumos(Description& description) {
  IllumosParts parts(description);
  build_illumos_machine(parts);
  build_illumos_processes(parts);
  build_illumos_death(parts);
  write_types(parts);
}

void finish_illumos(Description& description) {
  // Processes share the kernel's page tables, which map their memory too.
  const KernelLayout layout = illumos_layout(description);
  const KernelLayout::Member* frame = layout.find("htable", "ht_pfn");
  for (const ProcessText& process : description.processes)
    if (process.tables != 0 && frame)
      description.image.write_virtual(process.tables + frame->offset,
                                      description.image.root / description.image.page,
                                      static_cast<unsigned>(frame->size));
}

Blob illumos_types(const Description& description, const CtfStyle& style) {
  IllumosTypes types(illumos_layout(description), style);
  return types.write(description.image);
}

}  // namespace foundry
