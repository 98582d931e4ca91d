#include "core/types/export_types.h"

#include <elf.h>
#include <fmt/format.h>

#include <array>
#include <deque>
#include <map>
#include <optional>
#include <tuple>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/base/printable.h"
#include "core/types/dwarf_graph.h"
#include "core/types/same_types.h"

namespace panicroom {

namespace {

constexpr std::size_t kTypesLimit = std::size_t{1} << 19;
constexpr std::size_t kMembersLimit = 0xffff;  // of one type: BTF counts them in 16 bits
constexpr std::size_t kNamesakesLimit = 64;    // with which one type is compared
constexpr std::size_t kSizeLimit = std::size_t{64} << 20;
constexpr std::uint64_t kBitFieldLimit = std::uint64_t{1} << 24;  // bits from the structure's start

enum class Kind : std::uint8_t {
  integer = 1,
  pointer = 2,
  array = 3,
  structure = 4,
  union_ = 5,
  enumeration = 6,
  forward = 7,
  typedef_ = 8,
  volatile_ = 9,
  const_ = 10,
  restrict_ = 11,
  prototype = 13,
  floating = 16,
  enumeration64 = 19
};
constexpr std::uint32_t kSigned = 1, kChar = 2, kBool = 4;  // encodings of integers
constexpr std::uint32_t kFlag = std::uint32_t{1} << 31;

class Bytes32 {
 public:
  explicit Bytes32(std::endian order) : order_(order) {}
  void number(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) {
      const unsigned shift = 8 * (order_ == std::endian::little ? i : width - 1 - i);
      bytes.push_back(static_cast<std::byte>(value >> shift & 0xff));
    }
  }
  void u32(std::uint64_t value) { number(value, 4); }
  void text(std::string_view value) {
    for (const char letter : value) bytes.push_back(static_cast<std::byte>(letter));
    bytes.push_back(std::byte{0});
  }
  void append(const std::vector<std::byte>& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  void align(std::size_t unit) {
    while (bytes.size() % unit != 0) bytes.push_back(std::byte{0});
  }
  std::vector<std::byte> bytes;

 private:
  std::endian order_;
};

/// Collects types breadth first, each once, and writes them in the order of their numbers.
class Exporter {
 public:
  Exporter(const TypeCatalog& catalog, std::endian order)
      : catalog_(catalog), order_(order), records_(order), strings_(order) {
    strings_.text("");
  }

  Result<void> add(const std::string& name) {
    PANICROOM_TRY(found, catalog_.find(name));
    return number_of(found).map([](std::uint32_t) {});
  }

  Result<std::vector<std::byte>> finish() {
    for (std::size_t i = 0; i < queue_.size(); ++i) {
      PANICROOM_CHECK(write(queue_[i]));
      if (records_.bytes.size() > kSizeLimit || strings_.bytes.size() > kSizeLimit)
        return fail(ErrorCode::corrupt, fmt::format("the types take over {} bytes", kSizeLimit));
    }
    Bytes32 blob(order_);
    blob.number(0xeb9f, 2);
    blob.number(1, 1);
    blob.number(0, 1);
    blob.u32(24);
    blob.u32(0);
    blob.u32(records_.bytes.size());
    blob.u32(records_.bytes.size());
    blob.u32(strings_.bytes.size());
    blob.append(records_.bytes);
    blob.append(strings_.bytes);
    return std::move(blob.bytes);
  }
  std::size_t count() const { return queue_.size(); }

 private:
  struct Entry {
    std::optional<TypeRef> ref;  ///< nothing: the integer that arrays are indexed by
    Type type;
  };
  using Name = std::tuple<TypeKind, TypeName, std::string, std::uint64_t, std::uint32_t>;

  /// The number that a type has in the file, 0 for void.
  Result<std::uint32_t> number_of(TypeRef ref) {
    // Attributes change nothing, and BTF of kernels before 5.17 has none.
    for (unsigned i = 0; i < 64; ++i) {
      if (ref.id == 0) return 0U;
      const std::pair key{ref.graph, ref.id};
      if (const auto known = numbers_.find(key); known != numbers_.end()) return known->second;
      PANICROOM_TRY(type, ref.graph->type(ref.id));
      if (type.kind == TypeKind::attribute) {
        ref.id = type.target;
        continue;
      }
      if (type.kind == TypeKind::void_ || type.kind == TypeKind::other) return 0U;
      if (type.kind == TypeKind::forward) {
        if (const auto complete = completed(type)) return number_of(*complete);
      }
      PANICROOM_TRY(number, number_of_named(ref, type));
      numbers_.emplace(key, number);
      return number;
    }
    return fail(ErrorCode::corrupt, "the types' attributes go on without end");
  }

  std::optional<TypeRef> completed(const Type& forward) {
    if (forward.name.empty()) return std::nullopt;
    const char* keyword = forward.name_space == TypeName::union_        ? "union"
                          : forward.name_space == TypeName::enumeration ? "enum"
                                                                        : "struct";
    const std::string name = fmt::format("{} {}", keyword, forward.name);
    const auto known = completions_.find(name);
    if (known != completions_.end()) return known->second;
    std::optional<TypeRef> complete;
    if (const auto found = catalog_.find(name)) {
      const auto type = found->graph->type(found->id);
      if (type && type->kind != TypeKind::forward) complete = *found;
    }
    completions_.emplace(name, complete);
    return complete;
  }

  Result<std::uint32_t> number_of_named(TypeRef ref, const Type& type) {
    // Each unit of DWARF has its own copies, and may have another type by the same name.
    const bool by_name = !type.name.empty() && dynamic_cast<DwarfGraph*>(ref.graph) != nullptr;
    if (!by_name) return enqueue({ref, type});
    const Name name{type.kind, type.name_space, std::string(type.name), type.size, type.bits};
    std::vector<std::pair<TypeRef, std::uint32_t>>& namesakes = names_[name];
    for (const auto& [known, number] : namesakes)
      if (same_.same(known, ref)) return number;
    PANICROOM_TRY(number, enqueue({ref, type}));
    if (namesakes.size() < kNamesakesLimit) namesakes.emplace_back(ref, number);
    return number;
  }

  Result<std::uint32_t> enqueue(Entry entry) {
    if (queue_.size() == kTypesLimit)
      return fail(ErrorCode::corrupt, fmt::format("there are over {} types", kTypesLimit));
    queue_.push_back(entry);
    return static_cast<std::uint32_t>(queue_.size());
  }

  std::uint32_t string(std::string_view text) {
    if (text.empty()) return 0;
    const auto known = texts_.find(text);
    if (known != texts_.end()) return known->second;
    const auto at = static_cast<std::uint32_t>(strings_.bytes.size());
    strings_.text(text);
    texts_.emplace(text, at);
    return at;
  }

  void head(std::string_view name, Kind kind, std::uint64_t count, bool flag, std::uint64_t value) {
    records_.u32(string(name));
    records_.u32((flag ? kFlag : 0) | static_cast<std::uint32_t>(kind) << 24U |
                 static_cast<std::uint32_t>(count));
    records_.u32(value);
  }

  static Failure too_large(const Type& type) {
    return fail(ErrorCode::unsupported,
                fmt::format("the type {} is too large for BTF", printable(type.name)));
  }

  Result<void> write(Entry entry) {
    if (!entry.ref) {
      head("__ARRAY_SIZE_TYPE__", Kind::integer, 0, false, 4);
      records_.u32(32);
      return {};
    }
    const TypeRef ref = *entry.ref;
    const Type& type = entry.type;
    if (type.size > 0xffffffff || type.count > 0xffffffff) return too_large(type);
    switch (type.kind) {
      case TypeKind::integer:
        head(type.name, Kind::integer, 0, false, type.size);
        records_.u32(((type.is_signed ? kSigned : 0) | (type.is_char ? kChar : 0) |
                      (type.is_bool ? kBool : 0))
                         << 24U |
                     type.size * 8);
        return {};
      case TypeKind::floating:
        head(type.name, Kind::floating, 0, false, type.size);
        return {};
      case TypeKind::forward:
        if (type.name_space == TypeName::enumeration)
          head(type.name, Kind::enumeration, 0, false, 4);
        else
          head(type.name, Kind::forward, 0, type.name_space == TypeName::union_, 0);
        return {};
      case TypeKind::structure:
      case TypeKind::union_:
        return composite(ref, type);
      case TypeKind::enumeration:
        return enumeration(ref, type);
      case TypeKind::function:
        return prototype(ref, type);
      case TypeKind::array:
        return array(ref, type);
      default:
        break;
    }
    PANICROOM_TRY(target, number_of({ref.graph, type.target}));
    switch (type.kind) {
      case TypeKind::typedef_:
        head(type.name, Kind::typedef_, 0, false, target);
        break;
      case TypeKind::const_:
        head({}, Kind::const_, 0, false, target);
        break;
      case TypeKind::volatile_:
        head({}, Kind::volatile_, 0, false, target);
        break;
      case TypeKind::restrict_:
        head({}, Kind::restrict_, 0, false, target);
        break;
      default:
        head({}, Kind::pointer, 0, false, target);
        break;
    }
    return {};
  }

  Result<void> array(TypeRef ref, const Type& type) {
    PANICROOM_TRY(element, number_of({ref.graph, type.target}));
    if (!index_type_) {
      PANICROOM_TRY(number, enqueue({}));
      index_type_ = number;
    }
    head({}, Kind::array, 0, false, 0);
    records_.u32(element);
    records_.u32(*index_type_);
    records_.u32(type.count);
    return {};
  }

  struct Written {
    std::string_view name;
    std::uint32_t type = 0;
    std::uint64_t bit = 0, bit_size = 0;
  };

  /// The members with the numbers of their types.
  Result<std::vector<Written>> members_of(TypeRef ref) {
    std::vector<TypeMember> members;
    bool many = false;
    PANICROOM_CHECK(ref.graph->members(ref.id, [&](const TypeMember& member) {
      many = members.size() == kMembersLimit;
      if (!many) members.push_back(member);
      return !many;
    }));
    if (many)
      return fail(ErrorCode::unsupported,
                  fmt::format("a type with over {} members", kMembersLimit));
    std::vector<Written> written;
    for (const TypeMember& member : members) {
      const TypeRef type{ref.graph, member.type};
      PANICROOM_TRY(number, number_of(type));
      Written one{member.name, number, member.bit, member.bit_size};
      // CTF writes a bit-field as an integer of few bits.
      if (one.bit_size == 0)
        if (const auto inner = plain(type); inner && inner->type.kind == TypeKind::integer) {
          one.bit_size = inner->type.bits;
          if (one.bit_size != 0) one.bit += inner->type.bit_offset;
        }
      written.push_back(one);
    }
    return written;
  }

  Result<void> composite(TypeRef ref, const Type& type) {
    PANICROOM_TRY(members, members_of(ref));
    bool bit_fields = false;
    for (const Written& member : members) bit_fields = bit_fields || member.bit_size != 0;
    for (const Written& member : members)
      if (member.bit > 0xffffffff || member.bit_size > 0xff ||
          (bit_fields && member.bit >= kBitFieldLimit))
        return too_large(type);
    head(type.name, type.kind == TypeKind::union_ ? Kind::union_ : Kind::structure, members.size(),
         bit_fields, type.size);
    for (const Written& member : members) {
      records_.u32(string(member.name));
      records_.u32(member.type);
      records_.u32(bit_fields ? member.bit_size << 24U | member.bit : member.bit);
    }
    return {};
  }

  Result<void> enumeration(TypeRef ref, const Type& type) {
    std::vector<std::pair<std::string, std::int64_t>> values;
    bool many = false, wide = false, negative = false;
    PANICROOM_CHECK(ref.graph->enumerators(ref.id, [&](const TypeEnumerator& enumerator) {
      many = values.size() == kMembersLimit;
      if (many) return false;
      values.emplace_back(enumerator.name, enumerator.value);
      negative = negative || enumerator.value < 0;
      return true;
    }));
    if (many)
      return fail(ErrorCode::unsupported,
                  fmt::format("an enumeration with over {} values", kMembersLimit));
    const bool is_signed = type.is_signed || (negative && type.size < 8);
    for (const auto& [name, value] : values)
      wide = wide || (is_signed ? value != static_cast<std::int32_t>(value)
                                : static_cast<std::uint64_t>(value) > 0xffffffff);
    head(type.name, wide ? Kind::enumeration64 : Kind::enumeration, values.size(), is_signed,
         type.size);
    for (const auto& [name, value] : values) {
      const auto bits = static_cast<std::uint64_t>(value);
      records_.u32(string(name));
      records_.u32(bits & 0xffffffff);
      if (wide) records_.u32(bits >> 32U);
    }
    return {};
  }

  Result<void> prototype(TypeRef ref, const Type& type) {
    PANICROOM_TRY(returned, number_of({ref.graph, type.target}));
    PANICROOM_TRY(parameters, members_of(ref));
    if (parameters.size() == kMembersLimit) return too_large(type);
    head({}, Kind::prototype, parameters.size() + (type.is_variadic ? 1 : 0), false, returned);
    for (const Written& parameter : parameters) {
      records_.u32(string(parameter.name));
      records_.u32(parameter.type);
    }
    if (type.is_variadic) {
      records_.u32(0);
      records_.u32(0);
    }
    return {};
  }

  const TypeCatalog& catalog_;
  std::endian order_;
  Bytes32 records_, strings_;
  std::deque<Entry> queue_;
  std::map<std::pair<TypeGraph*, TypeId>, std::uint32_t> numbers_;
  std::map<Name, std::vector<std::pair<TypeRef, std::uint32_t>>> names_;
  SameTypes same_;
  std::map<std::string, std::optional<TypeRef>> completions_;
  std::map<std::string, std::uint32_t, std::less<>> texts_;
  std::optional<std::uint32_t> index_type_;
};

std::uint16_t elf_machine(Architecture architecture) {
  switch (architecture) {
    case Architecture::i386:
      return EM_386;
    case Architecture::x86_64:
      return EM_X86_64;
    case Architecture::arm:
      return EM_ARM;
    case Architecture::aarch64:
      return EM_AARCH64;
    case Architecture::riscv64:
      return EM_RISCV;
    case Architecture::powerpc64:
      return EM_PPC64;
    default:
      return EM_NONE;
  }
}

std::vector<std::byte> note_of_build(std::string_view id, std::endian order) {
  Bytes32 note(order);
  note.u32(4);
  note.u32(id.size() / 2);
  note.u32(NT_GNU_BUILD_ID);
  note.text("GNU");
  const auto digit = [](char letter) {
    return static_cast<unsigned>(letter <= '9' ? letter - '0' : (letter | 0x20) - 'a' + 10);
  };
  for (std::size_t i = 0; i + 1 < id.size(); i += 2)
    note.number((digit(id[i]) << 4U | digit(id[i + 1])) & 0xff, 1);
  note.align(4);
  return std::move(note.bytes);
}

/// System V ABI, chapter 4: headers, the sections' contents, the section headers.
std::vector<std::byte> elf_file(const Machine& machine, const std::vector<std::byte>& btf,
                                std::string_view build_id) {
  struct Section {
    std::string_view name;
    std::uint32_t type = 0;
    std::vector<std::byte> bytes;
  };
  std::vector<Section> sections = {{".BTF", SHT_PROGBITS, btf}};
  if (!build_id.empty())
    sections.push_back({".note.gnu.build-id", SHT_NOTE, note_of_build(build_id, machine.order)});
  sections.push_back({".shstrtab", SHT_STRTAB, {}});
  Bytes32 names(machine.order);
  names.text("");
  std::vector<std::size_t> name_places;
  for (const Section& section : sections) {
    name_places.push_back(names.bytes.size());
    names.text(section.name);
  }
  sections.back().bytes = names.bytes;

  const bool wide = machine.pointer_size == 8;
  const unsigned word = wide ? 8 : 4;
  const std::uint64_t header_size = wide ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
  const std::uint64_t entry_size = wide ? sizeof(Elf64_Shdr) : sizeof(Elf32_Shdr);
  Bytes32 contents(machine.order);
  std::vector<std::uint64_t> places;
  for (const Section& section : sections) {
    contents.align(8);
    places.push_back(header_size + contents.bytes.size());
    contents.append(section.bytes);
  }
  while ((header_size + contents.bytes.size()) % 8 != 0) contents.number(0, 1);

  Bytes32 file(machine.order);
  for (const unsigned value : {0x7fU, unsigned{'E'}, unsigned{'L'}, unsigned{'F'}, wide ? 2U : 1U,
                               machine.order == std::endian::little ? 1U : 2U, 1U, 0U})
    file.number(value, 1);
  file.number(0, 8);
  file.number(ET_EXEC, 2);
  file.number(elf_machine(machine.architecture), 2);
  file.u32(1);
  file.number(0, word);  // where it starts
  file.number(0, word);  // program headers: none
  file.number(header_size + contents.bytes.size(), word);
  file.u32(0);
  for (const std::uint64_t value :
       {header_size, std::uint64_t{0}, std::uint64_t{0}, entry_size,
        std::uint64_t{sections.size() + 1}, std::uint64_t{sections.size()}})
    file.number(value, 2);
  file.append(contents.bytes);
  const auto section_header = [&](std::uint64_t name, std::uint32_t type, std::uint64_t place,
                                  std::uint64_t size) {
    file.u32(name);
    file.u32(type);
    file.number(0, word);  // flags
    file.number(0, word);  // address
    file.number(place, word);
    file.number(size, word);
    file.u32(0);
    file.u32(0);
    file.number(type == SHT_NULL ? 0 : type == SHT_NOTE ? 4 : 8, word);
    file.number(0, word);
  };
  section_header(0, SHT_NULL, 0, 0);
  for (std::size_t i = 0; i < sections.size(); ++i)
    section_header(name_places[i], sections[i].type, places[i], sections[i].bytes.size());
  return std::move(file.bytes);
}

}  // namespace

std::span<const std::string_view> types_of_tables() {
  static constexpr std::array names = std::to_array<std::string_view>({
      "struct anon_vma_name",
      "struct callout",
      "struct cdev",
      "struct cpumask",
      "struct cred",
      "struct dentry",
      "struct device",
      "struct fdtable",
      "struct file",
      "struct file_system_type",
      "struct filedesc",
      "struct files_struct",
      "struct fs_struct",
      "struct hlist_node",
      "struct inactive_task_frame",
      "struct inet_sock",
      "struct inode",
      "struct inpcb",
      "struct inpcbinfo",
      "struct intr_event",
      "struct intr_handler",
      "struct irq_chip",
      "struct irq_desc",
      "struct irqaction",
      "struct kernfs_node",
      "struct kmem_cache",
      "struct kmem_cache_node",
      "struct linker_file",
      "struct list_head",
      "struct lock",
      "struct lock_class",
      "struct lock_object",
      "struct maple_arange_64",
      "struct maple_range_64",
      "struct maple_tree",
      "struct mm_struct",
      "struct mnt_namespace",
      "struct mod_kallsyms",
      "struct module",
      "struct module_memory",
      "struct module_use",
      "struct mount",
      "struct msgbuf",
      "struct mtx",
      "struct mutex",
      "struct mutex_waiter",
      "struct net",
      "struct netlink_sock",
      "struct netlink_table",
      "struct nsproxy",
      "struct orc_entry",
      "struct page",
      "struct path",
      "struct pcb",
      "struct pcpu",
      "struct percpu_counter",
      "struct pglist_data",
      "struct pgrp",
      "struct pid",
      "struct pid_namespace",
      "struct pipe",
      "struct prb_data_blk_lpos",
      "struct prb_data_ring",
      "struct prb_desc",
      "struct prb_desc_ring",
      "struct printk_info",
      "struct printk_log",
      "struct printk_ringbuffer",
      "struct prison",
      "struct proc",
      "struct protosw",
      "struct pt_regs",
      "struct rb_node",
      "struct rq",
      "struct rt_mutex_base",
      "struct rt_mutex_waiter",
      "struct rw_semaphore",
      "struct rwlock",
      "struct rwsem_waiter",
      "struct semaphore",
      "struct semaphore_waiter",
      "struct session",
      "struct signal_struct",
      "struct slab",
      "struct sleepqueue",
      "struct sock",
      "struct sockaddr_in",
      "struct sockaddr_un",
      "struct socket",
      "struct statfs",
      "struct super_block",
      "struct swap_info_struct",
      "struct swdevt",
      "struct sx",
      "struct sysctl_oid",
      "struct task_struct",
      "struct tcp_sock",
      "struct tcpcb",
      "struct thread",
      "struct thread_struct",
      "struct timekeeper",
      "struct timespec64",
      "struct tk_data",
      "struct tmpfs_node",
      "struct trapframe",
      "struct tty_struct",
      "struct turnstile",
      "struct ucred",
      "struct uma_keg",
      "struct uma_slab",
      "struct uma_zone",
      "struct unix_address",
      "struct unix_sock",
      "struct unpcb",
      "struct upid",
      "struct uts_namespace",
      "struct vfsmount",
      "struct vm_area_struct",
      "struct vm_map",
      "struct vm_map_entry",
      "struct vm_object",
      "struct vm_operations_struct",
      "struct vm_page",
      "struct vm_special_mapping",
      "struct vm_struct",
      "struct vmspace",
      "struct vnode",
      "struct xa_node",
      "struct xarray",
      "struct zone",
      "union thread_union",
  });
  return names;
}

Result<ExportedTypes> export_types(const TypeCatalog& catalog, std::span<const std::string> names,
                                   const Machine& machine, std::string_view build_id) {
  if (build_id.find_first_not_of("0123456789abcdefABCDEF") != std::string_view::npos) build_id = {};
  Exporter exporter(catalog, machine.order);
  for (const std::string& name : names) PANICROOM_CHECK(exporter.add(name));
  PANICROOM_TRY(btf, exporter.finish());
  return ExportedTypes{elf_file(machine, btf, build_id), exporter.count()};
}

}  // namespace panicroom
