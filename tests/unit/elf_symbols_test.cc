// Kernel files written here by the ELF specification, byte by byte.
#include "core/symbols/elf_symbols.h"

#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace panicroom {
namespace {

constexpr std::uint64_t kText = 0xffffffff81000000;

/// One symbol as it stands in .symtab.
struct Entry {
  std::string name;
  std::uint64_t value = 0, size = 0;
  unsigned binding = 1;  // 0 local, 1 global, 2 weak
  unsigned kind = 2;     // 0 notype, 1 object, 2 function, 3 section, 4 file
  unsigned section = 1;  // 1 .text, 2 .data, 3 .bss, 4 .rodata, 0xfff1 absolute, 0 undefined
};

struct Options {
  unsigned bits = 64;
  std::endian order = std::endian::little;
  std::uint16_t machine = 62;  // EM_X86_64
  bool segments = true;
  std::uint32_t symbol_section_type = 2;  // SHT_SYMTAB; 11: SHT_DYNSYM
  std::string build_id;
};

class ElfWriter {
 public:
  explicit ElfWriter(Options options) : options_(std::move(options)) {}

  std::vector<std::byte> write(const std::vector<Entry>& entries) {
    const unsigned word = options_.bits / 8;
    const std::size_t header = options_.bits == 64 ? 64 : 52;
    const std::size_t segment_size = options_.bits == 64 ? 56 : 32;
    const std::size_t segments = options_.segments ? 2 : 0;
    std::string strings(1, '\0'), section_names(1, '\0');
    std::vector<std::byte> symbols;
    out_.clear();
    put_symbol({"", 0, 0, 0, 0, 0}, 0);
    for (const auto& entry : entries) {
      // As a linker does: a name may be the end of another.
      const auto known = strings.find(entry.name + '\0');
      const std::size_t at = known == std::string::npos ? strings.size() : known;
      if (known == std::string::npos) strings += entry.name + '\0';
      put_symbol(entry, entry.name.empty() ? 0 : static_cast<std::uint32_t>(at));
    }
    symbols.swap(out_);
    std::vector<std::byte> note;
    if (!options_.build_id.empty()) {
      put(4, 4), put(options_.build_id.size(), 4), put(3, 4);
      for (const char c : {'G', 'N', 'U', '\0'}) out_.push_back(static_cast<std::byte>(c));
      for (const char c : options_.build_id) out_.push_back(static_cast<std::byte>(c));
      note.swap(out_);
    }
    const std::size_t note_at = header + segments * segment_size;
    const std::size_t symbols_at = note_at + (note.size() + 7) / 8 * 8;
    const std::size_t strings_at = symbols_at + symbols.size();
    const std::size_t sections_at = (strings_at + strings.size() + 7) / 8 * 8;

    for (const unsigned c :
         {0x7fU, unsigned{'E'}, unsigned{'L'}, unsigned{'F'}, options_.bits / 32,
          options_.order == std::endian::little ? 1U : 2U, 1U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U, 0U})
      put(c, 1);
    put(2, 2), put(options_.machine, 2), put(1, 4), put(kText, word);
    put(segments == 0 ? 0 : header, word), put(sections_at, word), put(0, 4), put(header, 2);
    put(segment_size, 2), put(segments, 2), put(options_.bits == 64 ? 64 : 40, 2), put(8, 2),
        put(0, 2);
    if (segments != 0) put_segment(0, 0x30000), put_segment(kText, 0x1000000);
    append(note), pad(symbols_at), append(symbols);
    for (const char c : strings) out_.push_back(static_cast<std::byte>(c));
    pad(sections_at);
    put_section(0, 0, 0, 0, 0, 0, 0, 0);
    put_section(1, 6, kText, 0, 0x100000, 0, 0, 0);           // PROGBITS, alloc + exec
    put_section(1, 3, kText + 0x200000, 0, 0x1000, 0, 0, 0);  // PROGBITS, alloc + write
    put_section(8, 3, kText + 0x300000, 0, 0x1000, 0, 0, 0);  // NOBITS
    put_section(1, 2, kText + 0x100000, 0, 0x1000, 0, 0, 0);  // PROGBITS, alloc
    put_section(options_.symbol_section_type, 0, 0, symbols_at, symbols.size(), 6, 1,
                options_.bits == 64 ? 24 : 16);
    put_section(3, 0, 0, strings_at, strings.size(), 0, 0, 0);  // STRTAB
    put_section(7, 2, 0, note_at, note.size(), 0, 0, 0);        // NOTE
    return out_;
  }

 private:
  void put(std::uint64_t value, unsigned width) {
    for (unsigned i = 0; i < width; ++i) {
      const unsigned shift = 8 * (options_.order == std::endian::little ? i : width - 1 - i);
      out_.push_back(static_cast<std::byte>(value >> shift & 0xff));
    }
  }
  void append(const std::vector<std::byte>& bytes) {
    out_.insert(out_.end(), bytes.begin(), bytes.end());
  }
  void pad(std::size_t size) { out_.resize(size); }
  void put_symbol(const Entry& entry, std::uint32_t name) {
    const unsigned word = options_.bits / 8;
    put(name, 4);
    if (options_.bits == 32) put(entry.value, word), put(entry.size, word);
    put(entry.binding << 4 | entry.kind, 1), put(0, 1), put(entry.section, 2);
    if (options_.bits == 64) put(entry.value, word), put(entry.size, word);
  }
  void put_segment(std::uint64_t address, std::uint64_t size) {
    const unsigned word = options_.bits / 8;
    put(1, 4);
    if (options_.bits == 64) put(5, 4);
    put(0, word), put(address, word), put(address, word), put(0, word), put(size, word);
    if (options_.bits == 32) put(5, 4);
    put(4096, word);
  }
  void put_section(std::uint32_t type, std::uint64_t flags, std::uint64_t address,
                   std::uint64_t offset, std::uint64_t size, std::uint32_t link, std::uint32_t info,
                   std::uint64_t entry) {
    const unsigned word = options_.bits / 8;
    put(0, 4), put(type, 4), put(flags, word), put(address, word), put(offset, word),
        put(size, word);
    put(link, 4), put(info, 4), put(type == 7 ? 4 : 8, word), put(entry, word);
  }

  Options options_;
  std::vector<std::byte> out_;
};

Result<KernelFile> read(const Options& options, const std::vector<Entry>& entries,
                        std::uint64_t slide = 0) {
  return read_kernel_file(memory_source("/boot/kernel/kernel", ElfWriter(options).write(entries)),
                          slide);
}

TEST(ElfSymbols, ReadsSymbolsWithTheirSizesAndNmsLetters) {
  const auto kernel = read({}, {{"local_function", kText + 0x100, 0x20, 0},
                                {"function", kText + 0x200, 0x30},
                                {"weak_function", kText + 0x300, 0x10, 2},
                                {"data", kText + 0x200010, 8, 1, 1, 2},
                                {"bss", kText + 0x300010, 8, 0, 1, 3},
                                {"constant", kText + 0x100010, 4, 1, 1, 4},
                                {"kernbase", 0xffffffff80000000, 0, 1, 0, 0xfff1},
                                {"label", kText + 0x400, 0, 0, 0},
                                {"imported", 0, 0, 1, 0, 0},
                                {"file.c", 0, 0, 0, 4, 0xfff1},
                                {"", kText, 0, 0, 3}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->machine.architecture, Architecture::x86_64);
  EXPECT_EQ(kernel->machine.pointer_size, 8);
  EXPECT_EQ(kernel->symbols->origin(), "kernel (ELF .symtab)");
  std::string seen;
  for (const auto& symbol : kernel->symbols->all())
    seen += std::string(1, symbol.type) + ' ' + std::string(symbol.name) + '\n';
  EXPECT_EQ(seen,
            "A kernbase\nt local_function\nT function\nW weak_function\nt label\nR constant\nD "
            "data\nb bss\n");
  const auto function = kernel->symbols->find("function");
  ASSERT_TRUE(function);
  EXPECT_EQ(function->address, kText + 0x200);
  EXPECT_EQ(function->size, 0x30U);
  EXPECT_EQ(kernel->symbols->at(kText + 0x22f)->name, "function");
  EXPECT_FALSE(kernel->symbols->at(kText + 0x230));
}

TEST(ElfSymbols, SlidesTheImageButNeitherAbsoluteNorPerCpuSymbols) {
  const auto kernel = read({},
                           {{"function", kText, 1},
                            {"absolute", 0x1234, 0, 1, 0, 0xfff1},
                            {"percpu", 0x31c40, 8, 1, 1, 2}},
                           0x6e00000);
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->find("function")->address, kText + 0x6e00000);
  EXPECT_EQ(kernel->symbols->find("absolute")->address, 0x1234U);
  EXPECT_EQ(kernel->symbols->find("percpu")->address, 0x31c40U);
}

/// illumos's ksyms: each symbol is absolute, which says nothing then; what it is of says its kind.
TEST(ElfSymbols, WhereAllAreAbsoluteTheirKindsAreTheirLetters) {
  const auto kernel = read({}, {{"function", kText, 16, 1, 2, 0xfff1},
                                {"practive", kText + 0x200000, 8, 1, 1, 0xfff1},
                                {"log_recentq", kText + 0x200010, 8, 0, 1, 0xfff1},
                                {"label", kText + 8, 0, 1, 0, 0xfff1}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->find("function")->type, 'T');
  EXPECT_EQ(kernel->symbols->find("practive")->type, 'D');
  EXPECT_EQ(kernel->symbols->find("log_recentq")->type, 'd');
  EXPECT_EQ(kernel->symbols->find("label")->type, 'A');
  // One that stands in a section: the others are absolute indeed.
  const auto other = read({}, {{"function", kText, 16, 1, 2, 0xfff1}, {"start", kText, 1}});
  ASSERT_TRUE(other) << other.error().message();
  EXPECT_EQ(other->symbols->find("function")->type, 'A');
}

TEST(ElfSymbols, ReadsAFileWithoutProgramHeaders) {
  Options options;
  options.segments = false;
  const auto kernel = read(options, {{"allproc", 0xffffffff81c9a2f0, 8, 1, 1, 3}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->find("allproc")->address, 0xffffffff81c9a2f0);
}

TEST(ElfSymbols, ReadsBothWidthsAndByteOrders) {
  Options options;
  options.bits = 32;
  options.machine = 3;  // EM_386
  auto kernel = read(options, {{"start", 0xc1000000, 4}}, 0xffffffff00000000);
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->machine.pointer_size, 4);
  EXPECT_EQ(kernel->machine.architecture, Architecture::i386);
  EXPECT_EQ(kernel->symbols->find("start")->address, 0xc1000000U);
  options.bits = 64;
  options.order = std::endian::big;
  options.machine = 21;  // EM_PPC64
  kernel = read(options, {{"start", 0xc000000000000000, 4}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->machine.order, std::endian::big);
  EXPECT_EQ(kernel->symbols->find("start")->address, 0xc000000000000000);
}

TEST(ElfSymbols, TakesDynamicSymbolsWhereThereAreNoOthers) {
  Options options;
  options.symbol_section_type = 11;
  const auto kernel = read(options, {{"start", kText, 4}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->origin(), "kernel (ELF .dynsym)");
}

TEST(ElfSymbols, ReadsTheBuildId) {
  Options options;
  options.build_id = std::string("\x01\xab\x00\xff", 4);
  const auto kernel = read(options, {{"start", kText, 4}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->build_id, "01ab00ff");
  EXPECT_EQ(read({}, {{"start", kText, 4}})->build_id, "");
}

TEST(ElfSymbols, RefusesFilesWithoutSymbols) {
  Options stripped;
  stripped.symbol_section_type = 1;
  EXPECT_EQ(read(stripped, {{"start", kText, 4}}).error().code, ErrorCode::unsupported);
  EXPECT_EQ(read({}, {}).error().code, ErrorCode::unsupported);
  for (const std::size_t size : {0U, 3U, 100U}) {
    const auto text =
        read_kernel_file(memory_source("text", std::vector<std::byte>(size, std::byte{'x'})));
    ASSERT_FALSE(text);
    EXPECT_EQ(text.error().code, ErrorCode::unsupported);
  }
}

/// A kernel file that fails the test when its code is read, and so large that it cannot be held.
class HugeFile final : public ByteSource {
 public:
  HugeFile(std::vector<std::byte> head, std::vector<std::byte> tail, std::uint64_t tail_at)
      : head_(std::move(head)), tail_(std::move(tail)), tail_at_(tail_at) {}
  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return tail_at_ + tail_.size(); }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    for (std::size_t i = 0; i < out.size(); ++i) {
      const std::uint64_t at = offset + i;
      if (at >= head_.size() && at < tail_at_)
        return fail_at_offset(ErrorCode::io, at, "the code was read");
      out[i] = at < head_.size() ? head_[static_cast<std::size_t>(at)]
                                 : tail_[static_cast<std::size_t>(at - tail_at_)];
    }
    return {};
  }

 private:
  std::string name_ = "vmlinux";
  std::vector<std::byte> head_, tail_;
  std::uint64_t tail_at_;
};

TEST(ElfSymbols, ReadsNothingOfAHugeKernelButItsHeadersAndSymbols) {
  // The file header stays in front; all else moves behind 6 GiB of code, where its offsets now
  // lead.
  constexpr std::uint64_t kShift = std::uint64_t{6} << 30;
  Options options;
  options.segments = false;
  options.build_id = "01234567";
  auto whole = ElfWriter(options).write({{"start", kText, 4}});
  const auto shift = [&](std::size_t at) {
    std::uint64_t value = load<std::uint64_t>(whole.data() + at, std::endian::little) + kShift;
    if (std::endian::native == std::endian::big) value = byte_swapped(value);
    std::memcpy(whole.data() + at, &value, sizeof value);
  };
  const auto sections = load<std::uint64_t>(whole.data() + 40, std::endian::little);
  for (std::size_t section = 1; section < 8; ++section)
    shift(static_cast<std::size_t>(sections) + section * 64 + 24);
  shift(40);
  std::vector<std::byte> head(whole.begin(), whole.begin() + 64),
      tail(whole.begin() + 64, whole.end());
  const auto kernel =
      read_kernel_file(std::make_shared<HugeFile>(std::move(head), std::move(tail), kShift + 64));
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->find("start")->address, kText);
  EXPECT_EQ(kernel->build_id, "3031323334353637");
}

TEST(ElfSymbols, CutsNamesThatNoCompilerMakesAndSaysHowMany) {
  const std::string longest(1024, 'l');
  const auto kernel = read(
      {},
      {{longest, kText, 4}, {"A" + longest, kText + 0x10, 4}, {"B" + longest, kText + 0x20, 4}});
  ASSERT_TRUE(kernel) << kernel.error().message();
  EXPECT_EQ(kernel->symbols->at(kText)->name, longest);
  EXPECT_EQ(kernel->symbols->at(kText + 0x10)->name, "A" + longest.substr(1));
  EXPECT_EQ(kernel->symbols->find("B" + longest.substr(1))->address, kText + 0x20);
  ASSERT_TRUE(kernel->remark);
  EXPECT_EQ(kernel->remark->text, "kernel: 2 symbols have names of over 1024 bytes, which are cut");
  EXPECT_FALSE(read({}, {{longest, kText, 4}})->remark);
}

TEST(ElfSymbols, TakesNoMoreNamesThanAKernelHas) {
  // 70,000 symbols share one name of 1,000 bytes.
  const std::vector<Entry> entries(70000, Entry{std::string(1000, 'n'), kText, 4});
  const auto kernel = read({}, entries);
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::corrupt);
}

/// Names in a string section that does not end: to look for their end costs all of it each time.
TEST(ElfSymbols, LooksNoFurtherThanANameMayReach) {
  constexpr std::size_t kSymbols = 300000, kStrings = std::size_t{16} << 20;
  auto file = ElfWriter({}).write(std::vector<Entry>(kSymbols, Entry{"n", kText, 4}));
  const auto sections =
      static_cast<std::size_t>(load<std::uint64_t>(file.data() + 40, std::endian::little));
  const std::uint64_t strings = file.size();
  file.resize(file.size() + kStrings, std::byte{'n'});
  const std::size_t header = sections + 6 * 64;
  for (std::size_t i = 0; i < 8; ++i) {
    file[header + 24 + i] = static_cast<std::byte>(strings >> 8 * i & 0xff);
    file[header + 32 + i] = static_cast<std::byte>(std::uint64_t{kStrings} >> 8 * i & 0xff);
  }
  const auto kernel = read_kernel_file(memory_source("kernel", std::move(file)));
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::corrupt);
}

TEST(ElfSymbols, RefusesSectionsThatAreLargerThanTheFileTogether) {
  Options options;
  options.build_id = std::string(100000, 'b');
  auto file = ElfWriter(options).write({{"start", kText, 4}});
  // Every section becomes the note.
  const auto sections =
      static_cast<std::size_t>(load<std::uint64_t>(file.data() + 40, std::endian::little));
  for (std::size_t section = 1; section < 5; ++section)
    std::copy_n(file.begin() + static_cast<std::ptrdiff_t>(sections + 7 * 64), 64,
                file.begin() + static_cast<std::ptrdiff_t>(sections + section * 64));
  const auto kernel = read_kernel_file(memory_source("kernel", std::move(file)));
  ASSERT_FALSE(kernel);
  EXPECT_EQ(kernel.error().code, ErrorCode::corrupt);
}

TEST(ElfSymbols, SurvivesAFileCutAnywhere) {
  Options options;
  options.build_id = "0123456789";
  const auto whole = ElfWriter(options).write({{"start", kText, 4}, {"stop", kText + 8, 4}});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    auto cut = whole;
    cut.resize(size);
    const auto kernel = read_kernel_file(memory_source("cut", std::move(cut)));
    EXPECT_FALSE(kernel) << size;  // the section headers come last
  }
}

}  // namespace
}  // namespace panicroom
