// Symbol tables written here by the rules of Linux's scripts/kallsyms.c (write_src), not by the
// reader.
#include "core/symbols/kallsyms.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <span>
#include <string>
#include <tuple>
#include <vector>

#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using test::KernelMemory;

enum class Form { absolute, relative, absolute_percpu, self_relative };
enum class Order { offsets_first, offsets_last };

struct Named {
  std::uint64_t address;
  char type;
  std::string name;
};

constexpr std::uint64_t kImage = KernelMemory::kBase;
constexpr std::uint64_t kStext = kImage + 0x1000;
constexpr std::uint64_t kTables =
    kImage + 0x200000 + 0x38;  // as a linker would place them: any word

/// A few hundred symbols as nm would list them, by ascending address.
std::vector<Named> kernel_symbols(bool percpu) {
  std::vector<Named> symbols;
  if (percpu)
    symbols = {
        {0, 'A', "__per_cpu_start"}, {0x1000, 'A', "cpu_debug_store"}, {0x21000, 'd', "runqueues"}};
  symbols.push_back({kStext, 'T', "_stext"});
  symbols.push_back({kStext, 'T', "_text"});
  for (unsigned i = 0; i < 700; ++i)
    symbols.push_back(
        {kStext + 0x40 * (i + 1), i % 3 == 0 ? 't' : 'T', fmt::format("__x64_sys_call_{}", i * 7)});
  symbols.push_back({kImage + 0x100000, 't', "same_name"});
  symbols.push_back({kImage + 0x100100, 'T', "same_name"});
  symbols.push_back({kImage + 0x100200, 't', "same_name"});
  std::string rust = "_RNv";
  for (unsigned i = 0; i < 60; ++i) rust += fmt::format("{}Kq", i % 10);
  symbols.push_back({kImage + 0x100300, 'T', rust});  // 185 tokens: a two-byte length
  symbols.push_back({kImage + 0x180000, 'R', "__start_BTF"});
  symbols.push_back({kImage + 0x180000, 't', "code_at_the_mark"});
  symbols.push_back({kImage + 0x300000, 'D', "init_task"});
  return symbols;
}

/// Lays the tables out in memory and remembers where.
class Written {
 public:
  Written(Form form, Order order, std::endian endian = std::endian::little,
          bool wide_markers = false, const std::vector<Named>& more = {})
      : symbols(kernel_symbols(form == Form::absolute_percpu)), endian_(endian) {
    symbols.insert(symbols.end(), more.begin(), more.end());
    if (order == Order::offsets_first) put_addresses(form);
    count = label();
    integer<std::uint32_t>(static_cast<std::uint32_t>(symbols.size()));
    put_names(wide_markers);
    if (order == Order::offsets_first) skip(symbols.size() * 3);  // seqs_of_names, backported
    put_tokens();
    if (order == Order::offsets_last) put_addresses(form);
    memory->put(kImage,
                std::vector<std::byte>(kTables - kImage));  // the rest of the image is readable
    memory->put(kTables, bytes_);
  }

  KallsymsTables tables() const {
    return {symbols.size(), names, token_table, token_index, offsets, base == 0 ? 0 : base_value,
            addresses};
  }
  std::uint64_t end() const { return kTables + bytes_.size(); }

  std::vector<Named> symbols;
  std::shared_ptr<KernelMemory> memory = std::make_shared<KernelMemory>();
  std::uint64_t count = 0, names = 0, token_table = 0, token_index = 0, offsets = 0, base = 0,
                addresses = 0;
  // The lowest relative address, which is not the image's first byte.
  static constexpr std::uint64_t base_value = kImage + 0x800;

 private:
  std::uint64_t label() {
    while ((kTables + bytes_.size()) % 8 != 0) bytes_.push_back(std::byte{0});
    return kTables + bytes_.size();
  }
  void skip(std::size_t size) {
    label();
    for (std::size_t i = 0; i < size; ++i)
      bytes_.push_back(static_cast<std::byte>(i % 3 == 0 ? 0 : 1 + i % 250));
  }
  template <class T>
  void integer(T value) {
    for (unsigned i = 0; i < sizeof(T); ++i) {
      const unsigned shift =
          static_cast<unsigned>(8 * (endian_ == std::endian::little ? i : sizeof(T) - 1 - i));
      bytes_.push_back(static_cast<std::byte>(static_cast<std::uint64_t>(value) >> shift & 0xff));
    }
  }
  static std::string token(unsigned code) {
    switch (code) {
      case 1:
        return "T__x64_";
      case 2:
        return "sys_call_";
      case 3:
        return "same_";
      case 0xfe:
        return "t__";
      case 0xff:
        return "x64_";
      default:
        break;
    }
    return code > ' ' && code < 0x7f ? std::string(1, static_cast<char>(code)) : std::string();
  }
  static std::string compressed(std::string text) {
    std::string out;
    while (!text.empty()) {
      unsigned best = static_cast<unsigned char>(text.front());
      for (const unsigned code : {1U, 2U, 3U, 0xfeU, 0xffU})
        if (text.starts_with(token(code)) && token(code).size() > token(best).size()) best = code;
      out.push_back(static_cast<char>(best));
      text.erase(0, token(best).size());
    }
    return out;
  }
  void put_names(bool wide_markers) {
    names = label();
    std::vector<std::uint32_t> markers;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      if (i % 256 == 0)
        markers.push_back(static_cast<std::uint32_t>(kTables + bytes_.size() - names));
      const std::string text = compressed(symbols[i].type + symbols[i].name);
      if (text.size() > 0x7f) {
        bytes_.push_back(static_cast<std::byte>((text.size() & 0x7f) | 0x80));
        bytes_.push_back(static_cast<std::byte>(text.size() >> 7));
      } else {
        bytes_.push_back(static_cast<std::byte>(text.size()));
      }
      for (const char c : text) bytes_.push_back(static_cast<std::byte>(c));
    }
    label();
    for (const auto marker : markers)
      wide_markers ? integer<std::uint64_t>(marker) : integer<std::uint32_t>(marker);
  }
  void put_tokens() {
    token_table = label();
    std::vector<std::uint16_t> index;
    for (unsigned code = 0; code < 256; ++code) {
      index.push_back(static_cast<std::uint16_t>(kTables + bytes_.size() - token_table));
      for (const char c : token(code)) bytes_.push_back(static_cast<std::byte>(c));
      bytes_.push_back(std::byte{0});
    }
    token_index = label();
    for (const auto offset : index) integer<std::uint16_t>(offset);
  }
  void put_addresses(Form form) {
    const std::uint64_t start = label();
    (form == Form::absolute ? addresses : offsets) = start;
    for (std::size_t i = 0; i < symbols.size(); ++i) {
      const std::uint64_t address = symbols[i].address;
      switch (form) {
        case Form::absolute:
          integer<std::uint64_t>(address);
          break;
        case Form::relative:
          integer<std::uint32_t>(static_cast<std::uint32_t>(address - base_value));
          break;
        case Form::absolute_percpu:
          integer<std::uint32_t>(
              static_cast<std::uint32_t>(address < kImage ? address : base_value - address - 1));
          break;
        case Form::self_relative:
          integer<std::uint32_t>(static_cast<std::uint32_t>(address - (start + 4 * i)));
          break;
      }
    }
    if (form == Form::absolute || form == Form::self_relative) return;
    base = label();
    integer<std::uint64_t>(base_value);
  }

  std::endian endian_;
  std::vector<std::byte> bytes_;
};

void expect_all(const Written& written, const SymbolTable& table) {
  ASSERT_EQ(table.size(), written.symbols.size());
  ASSERT_EQ(table.all().size(), written.symbols.size());
  for (std::size_t i = 0; i < written.symbols.size(); ++i) {
    EXPECT_EQ(table.all()[i].name, written.symbols[i].name);
    EXPECT_EQ(table.all()[i].address, written.symbols[i].address) << written.symbols[i].name;
    EXPECT_EQ(table.all()[i].type, written.symbols[i].type) << written.symbols[i].name;
    EXPECT_EQ(table.all()[i].size, 0U);
  }
}

using Layout = std::tuple<Form, Order, std::endian>;
class KallsymsLayouts : public testing::TestWithParam<Layout> {};

TEST_P(KallsymsLayouts, AreReadWithTheAddressOfStext) {
  const auto [form, order, endian] = GetParam();
  const Written written(form, order, endian);
  const auto kernel = test::address_space(written.memory, endian);
  const auto symbols = read_kallsyms(*kernel, written.tables(), kStext);
  ASSERT_TRUE(symbols) << symbols.error().message();
  expect_all(written, **symbols);
}

TEST_P(KallsymsLayouts, AreReadWithoutIt) {
  const auto [form, order, endian] = GetParam();
  const Written written(form, order, endian);
  const auto kernel = test::address_space(written.memory, endian);
  const auto symbols = read_kallsyms(*kernel, written.tables(), std::nullopt);
  ASSERT_TRUE(symbols) << symbols.error().message();
  expect_all(written, **symbols);
}

TEST_P(KallsymsLayouts, AreFoundInTheImage) {
  const auto [form, order, endian] = GetParam();
  const Written written(form, order, endian);
  const auto kernel = test::address_space(written.memory, endian);
  const auto found = find_kallsyms(*kernel, kImage, written.end());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->count, written.symbols.size());
  EXPECT_EQ(found->names, written.names);
  EXPECT_EQ(found->token_table, written.token_table);
  EXPECT_EQ(found->token_index, written.token_index);
  const auto symbols = read_kallsyms(*kernel, *found, std::nullopt);
  ASSERT_TRUE(symbols) << symbols.error().message();
  expect_all(written, **symbols);
}

INSTANTIATE_TEST_SUITE_P(
    Every, KallsymsLayouts,
    testing::Values(Layout{Form::absolute, Order::offsets_first, std::endian::little},
                    Layout{Form::relative, Order::offsets_first, std::endian::little},
                    Layout{Form::absolute_percpu, Order::offsets_first, std::endian::little},
                    Layout{Form::relative, Order::offsets_last, std::endian::little},
                    Layout{Form::absolute_percpu, Order::offsets_last, std::endian::little},
                    Layout{Form::self_relative, Order::offsets_last, std::endian::little},
                    Layout{Form::relative, Order::offsets_last, std::endian::big}));

TEST(Kallsyms, AreFoundWithMarkersOfAWord) {
  const Written written(Form::absolute, Order::offsets_first, std::endian::little, true);
  const auto kernel = test::address_space(written.memory);
  const auto found = find_kallsyms(*kernel, kImage, written.end());
  ASSERT_TRUE(found) << found.error().message();
  EXPECT_EQ(found->names, written.names);
}

TEST(Kallsyms, AreNamedByVmcoreinfo) {
  const Written written(Form::absolute_percpu, Order::offsets_first);
  const auto kernel = test::address_space(written.memory);
  const Vmcoreinfo info(
      fmt::format("SYMBOL(kallsyms_names)={:x}\nSYMBOL(kallsyms_num_syms)={:x}\nSYMBOL(kallsyms_"
                  "token_table)={:x}\n"
                  "SYMBOL(kallsyms_token_index)={:x}\nSYMBOL(kallsyms_offsets)={:x}\n"
                  "SYMBOL(kallsyms_relative_base)={:x}\nSYMBOL(_stext)={:x}\n",
                  written.names, written.count, written.token_table, written.token_index,
                  written.offsets, written.base, kStext));
  const auto tables = kallsyms_from_vmcoreinfo(info, *kernel);
  ASSERT_TRUE(tables);
  EXPECT_EQ(tables->relative_base, Written::base_value);
  const auto symbols = read_kallsyms(*kernel, *tables, info.symbol("_stext"));
  ASSERT_TRUE(symbols) << symbols.error().message();
  expect_all(written, **symbols);
  EXPECT_FALSE(kallsyms_from_vmcoreinfo(Vmcoreinfo("OSRELEASE=5.10\n"), *kernel));
}

std::shared_ptr<const SymbolTable> symbols_of(const Written& written) {
  const auto kernel = test::address_space(written.memory);
  return read_kallsyms(*kernel, written.tables(), kStext).value_or(nullptr);
}

TEST(Kallsyms, FindSymbolsByName) {
  const Written written(Form::absolute_percpu, Order::offsets_last);
  const auto symbols = symbols_of(written);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->origin(), "kallsyms in the dump");
  const std::array<std::string_view, 7> names{"init_task", "none", "same_name",        "runqueues",
                                              "_stex",     "",     "__x64_sys_call_77"};
  const auto found = symbols->find_all(names);
  ASSERT_EQ(found.size(), names.size());
  EXPECT_EQ(found[0]->address, kImage + 0x300000);
  EXPECT_EQ(found[0]->type, 'D');
  EXPECT_EQ(found[0]->name, "init_task");
  EXPECT_FALSE(found[1]);
  EXPECT_EQ(found[2]->address, kImage + 0x100100);  // the global one
  EXPECT_EQ(found[3]->address, 0x21000U);
  EXPECT_FALSE(found[4]);
  EXPECT_FALSE(found[5]);
  EXPECT_EQ(found[6]->address, kStext + 0x40 * 12);
  // Many single searches change to another way: the answers must not.
  for (unsigned i = 0; i < 40; ++i) {
    const auto one = symbols->find("same_name");
    ASSERT_TRUE(one);
    EXPECT_EQ(one->address, kImage + 0x100100);
    EXPECT_FALSE(symbols->find("absent"));
  }
}

TEST(Kallsyms, FindSymbolsByAddress) {
  const Written written(Form::absolute_percpu, Order::offsets_last);
  const auto symbols = symbols_of(written);
  ASSERT_TRUE(symbols);
  EXPECT_EQ(symbols->at(kStext)->name, "_stext");
  EXPECT_EQ(symbols->at(kStext + 0x40)->name, "__x64_sys_call_0");
  EXPECT_EQ(symbols->at(kStext + 0x7f)->name, "__x64_sys_call_0");
  EXPECT_EQ(symbols->at(kImage + 0x180004)->name, "code_at_the_mark");
  EXPECT_EQ(symbols->at(0x21fff)->name, "runqueues");
  EXPECT_FALSE(symbols->at(kImage));
  EXPECT_FALSE(symbols->at(kImage + 0x400000));
}

/// 200,000 symbols at one address, asked for a million times: each question looks at a few.
TEST(Kallsyms, AnswerOneOfAnyNumberAtOneAddress) {
  std::vector<Named> more(200000, Named{kImage + 0x310000, 'd', "label"});
  more[0].name = "first";
  const Written written(Form::relative, Order::offsets_last, std::endian::little, false, more);
  const auto symbols = symbols_of(written);
  ASSERT_TRUE(symbols);
  std::size_t first = 0;
  for (int i = 0; i < 1000000; ++i)
    first += symbols->at(kImage + 0x310004)->name == "first" ? 1U : 0U;
  EXPECT_EQ(first, 1000000U);
}

TEST(Kallsyms, ContradictionsAreSaid) {
  const Written written(Form::relative, Order::offsets_last);
  const auto kernel = test::address_space(written.memory);
  const auto code = [&](const KallsymsTables& tables, std::optional<std::uint64_t> stext) {
    const auto symbols = read_kallsyms(*kernel, tables, stext);
    return symbols ? std::optional<ErrorCode>() : symbols.error().code;
  };
  EXPECT_EQ(code(written.tables(), kStext + 8), ErrorCode::corrupt);
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{1} << 32, ~std::uint64_t{0}}) {
    auto tables = written.tables();
    tables.count = count;
    EXPECT_EQ(code(tables, kStext), ErrorCode::corrupt) << count;
  }
  auto tables = written.tables();
  tables.count += 100000;
  EXPECT_NE(code(tables, kStext), std::nullopt);
  tables = written.tables();
  tables.offsets = 0;
  EXPECT_EQ(code(tables, kStext), ErrorCode::corrupt);
  tables = written.tables();
  tables.token_index = written.names;  // not ascending, points anywhere
  EXPECT_NE(code(tables, kStext), std::nullopt);
  tables = written.tables();
  tables.names = written.token_table + 0x40;
  EXPECT_NE(code(tables, kStext), std::nullopt);
}

TEST(Kallsyms, AMissingPageIsNotInTheDump) {
  const Written written(Form::relative, Order::offsets_last);
  written.memory->drop(written.names + 0x1000);
  const auto kernel = test::address_space(written.memory);
  const auto symbols = read_kallsyms(*kernel, written.tables(), kStext);
  ASSERT_FALSE(symbols);
  EXPECT_EQ(symbols.error().code, ErrorCode::not_in_dump);
  EXPECT_FALSE(find_kallsyms(*kernel, kImage, written.end()));
}

/// Memory of which every page is the same.
class SamePages final : public PhysicalMemory {
 public:
  SamePages(std::string_view pattern, std::uint64_t size) : size_(size) {
    while (page_.size() + pattern.size() <= KernelMemory::kPage) page_ += pattern;
    page_.resize(KernelMemory::kPage);
  }
  std::uint32_t page_size() const override { return KernelMemory::kPage; }
  std::uint64_t end() const override { return size_; }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = address < size_;
    return location;
  }
  Result<void> read_page(std::uint64_t, MutableBytes page, PageDecoder&) const override {
    std::copy_n(std::as_bytes(std::span(page_)).begin(), page.size(), page.begin());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    visit({0, size_, true, Absence::none});
  }

 private:
  std::string page_;
  std::uint64_t size_;
};

std::unique_ptr<AddressSpace> space_of(std::shared_ptr<const PhysicalMemory> memory,
                                       std::vector<LinearRange> ranges) {
  Machine machine;
  machine.architecture = Architecture::x86_64;
  return std::make_unique<AddressSpace>(std::move(memory), machine,
                                        linear_page_table(std::move(ranges), nullptr));
}

/// Nearly 2 GiB of the digits that a token table has: 100 million places to begin at.
TEST(Kallsyms, AreNotLookedForAtEveryRunOfDigits) {
  constexpr std::uint64_t kSize = 0x7e000000;
  constexpr std::string_view digits("0\0001\0002\0003\0004\0005\0006\0007\0008\0009\0", 20);
  const auto kernel = space_of(std::make_shared<SamePages>(digits, kSize),
                               {{kImage, kImage + kSize - 1, 0, "kernel image"}});
  const auto found = find_kallsyms(*kernel, kImage, kImage + kSize);
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
}

/// 3,000 token tables with an index that agrees, behind what looks like a table of 60,000 names
/// at every 16 bytes: one budget for the steps along them all.
TEST(Kallsyms, AreNotLookedForBeforeEveryTokenTable) {
  std::string image;
  for (unsigned i = 0; i < 0x10000; ++i) {
    for (const unsigned byte : {60000U & 0xff, 60000U >> 8, 0U, 0U, 0U, 0U, 0U, 0U, 15U})
      image += static_cast<char>(byte);
    image.append(7, '\1');
  }
  std::string tokens, index;
  for (unsigned code = 0; code < 256; ++code) {
    index += static_cast<char>(tokens.size() & 0xff);
    index += static_cast<char>(tokens.size() >> 8);
    tokens += static_cast<char>(code == 0 ? 1 : code);
    tokens += '\0';
  }
  for (unsigned i = 0; i < 3000; ++i) image += tokens + index + std::string(16, '\0');
  auto memory = std::make_shared<KernelMemory>();
  memory->put(kImage, std::as_bytes(std::span(image)));
  const auto kernel = test::address_space(memory);
  const auto found = find_kallsyms(*kernel, kImage, kImage + image.size());
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, ErrorCode::corrupt);
}

/// Four million symbols in three pages, which the page tables repeat.
TEST(Kallsyms, AreNoMoreThanFitIntoTheMemory) {
  constexpr std::uint64_t kCount = std::uint64_t{1} << 22;
  constexpr std::uint64_t kNames = 0xffff888000000000, kOffsets = 0xffff888040000000;
  std::string pages(0x1000, '\1');  // names of one token
  pages.append(0x1000, '\0');       // offsets
  for (unsigned code = 0; code < 256; ++code) pages.append("d\0", 2);
  for (unsigned code = 0; code < 256; ++code) {
    pages += static_cast<char>(2 * code & 0xff);
    pages += static_cast<char>(2 * code >> 8);
  }
  auto memory = std::make_shared<KernelMemory>();
  memory->put(kImage, std::as_bytes(std::span(pages)));
  std::vector<LinearRange> ranges{{kImage, kImage + 0x2fff, 0, "image"}};
  for (std::uint64_t at = 0; at < kCount * 2; at += 0x1000)
    ranges.push_back({kNames + at, kNames + at + 0xfff, 0, "names"});
  for (std::uint64_t at = 0; at < kCount * 4; at += 0x1000)
    ranges.push_back({kOffsets + at, kOffsets + at + 0xfff, 0x1000, "offsets"});
  const auto kernel = space_of(memory, std::move(ranges));
  KallsymsTables tables{100, kNames, kImage + 0x2000, kImage + 0x2200, kOffsets, kStext, 0};
  EXPECT_TRUE(read_kallsyms(*kernel, tables, std::nullopt));
  tables.count = kCount;
  const auto symbols = read_kallsyms(*kernel, tables, std::nullopt);
  ASSERT_FALSE(symbols);
  EXPECT_EQ(symbols.error().code, ErrorCode::corrupt);
}

TEST(Kallsyms, AreNotFoundWhereThereAreNone) {
  auto memory = std::make_shared<KernelMemory>();
  memory->put(kImage, std::vector<std::byte>(0x10000));
  const auto kernel = test::address_space(memory);
  EXPECT_EQ(find_kallsyms(*kernel, kImage, kImage + 0x10000).error().code, ErrorCode::no_symbol);
  EXPECT_EQ(find_kallsyms(*kernel, kImage, kImage + 0x20000).error().code, ErrorCode::not_in_dump);
  EXPECT_EQ(find_kallsyms(*kernel, kImage, kImage).error().code, ErrorCode::invalid);
}

}  // namespace
}  // namespace panicroom
