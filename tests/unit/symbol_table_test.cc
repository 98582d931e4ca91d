#include "core/symbols/symbol_table.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <utility>
#include <vector>

namespace panicroom {
namespace {

std::unique_ptr<SymbolTable> table(std::vector<Symbol> symbols) {
  return make_symbol_table("test", std::move(symbols), nullptr);
}

TEST(SymbolTable, ListsByAscendingAddressAndKeepsTheGivenOrderWithinOne) {
  const auto symbols = table(
      {{"c", 0x300, 0, 'T'}, {"b1", 0x200, 0, 'T'}, {"a", 0x100, 0, 'T'}, {"b2", 0x200, 0, 'T'}});
  std::vector<std::string> names;
  for (const auto& symbol : symbols->all()) names.emplace_back(symbol.name);
  EXPECT_EQ(names, (std::vector<std::string>{"a", "b1", "b2", "c"}));
  EXPECT_EQ(symbols->size(), 4U);
  EXPECT_EQ(symbols->origin(), "test");
}

TEST(SymbolTable, FindsTheGlobalOfSeveralWithOneName) {
  const auto symbols =
      table({{"dup", 0x300, 0, 'T'}, {"dup", 0x100, 0, 't'}, {"dup", 0x400, 0, 't'}});
  EXPECT_EQ(symbols->find("dup")->address, 0x300U);
}

TEST(SymbolTable, FindsTheLowestOfSeveralLocals) {
  const auto symbols = table({{"dup", 0x300, 0, 't'}, {"dup", 0x100, 0, 'd'}});
  EXPECT_EQ(symbols->find("dup")->address, 0x100U);
  EXPECT_FALSE(symbols->find("du"));
  EXPECT_FALSE(symbols->find(""));
}

TEST(SymbolTable, FindsSeveralNamesInTheirOrder) {
  const auto symbols = table({{"x", 1, 0, 'T'}, {"y", 2, 0, 'T'}});
  const std::array<std::string_view, 3> names{"y", "none", "x"};
  const auto found = symbols->find_all(names);
  ASSERT_EQ(found.size(), 3U);
  EXPECT_EQ(found[0]->address, 2U);
  EXPECT_FALSE(found[1]);
  EXPECT_EQ(found[2]->address, 1U);
}

TEST(SymbolTable, AnswersTheSymbolThatCoversAnAddress) {
  const auto symbols = table({{"sized", 0x1000, 0x10, 'T'}, {"open", 0x2000, 0, 't'}});
  EXPECT_FALSE(symbols->at(0xfff));
  EXPECT_EQ(symbols->at(0x1000)->name, "sized");
  EXPECT_EQ(symbols->at(0x100f)->name, "sized");
  EXPECT_FALSE(symbols->at(0x1010));
  EXPECT_EQ(symbols->at(0x2fff)->name, "open");
  EXPECT_EQ(symbols->at(0x2000 + 0xfffff)->name, "open");
  EXPECT_FALSE(symbols->at(0x2000 + 0x100000));
}

TEST(SymbolTable, PrefersAFunctionToALabelAtOneAddress) {
  const auto symbols = table({{"__start_section", 0x1000, 0, 'R'},
                              {"label", 0x1000, 0, 't'},
                              {"function", 0x1000, 8, 'T'},
                              {"alias", 0x1000, 8, 'T'}});
  EXPECT_EQ(symbols->at(0x1004)->name, "function");
  EXPECT_EQ(symbols->at(0x1008)->name, "label");
}

/// 500,000 symbols at one address, asked for a million times: each question looks at a few.
TEST(SymbolTable, AnswersOneOfAnyNumberAtOneAddress) {
  std::vector<Symbol> many(500000, Symbol{"label", 0x1000, 0, 'd'});
  many[1].name = "function", many[1].type = 'T';
  const auto symbols = table(std::move(many));
  std::size_t functions = 0;
  for (int i = 0; i < 1000000; ++i) functions += symbols->at(0x1004)->name == "function" ? 1U : 0U;
  EXPECT_EQ(functions, 1000000U);
}

/// 500,000 symbols with one name, asked for a million times.
TEST(SymbolTable, FindsOneOfAnyNumberWithOneName) {
  std::vector<Symbol> many;
  for (std::uint64_t i = 0; i < 500000; ++i) many.push_back({"kernbase", 0x1000 + i, 0, 't'});
  many.push_back({"last", 0x1000, 0, 't'});
  const auto symbols = table(std::move(many));
  std::uint64_t sum = 0;
  for (int i = 0; i < 1000000; ++i) sum += symbols->find("kernbase")->address;
  EXPECT_EQ(sum, 0x1000U * std::uint64_t{1000000});
  EXPECT_EQ(symbols->find("last")->address, 0x1000U);
}

TEST(SymbolTable, HoldsNothingWhenEmptyAndTheHighestAddress) {
  EXPECT_FALSE(table({})->at(0));
  EXPECT_FALSE(table({})->find("a"));
  const auto top = table({{"top", ~std::uint64_t{0} - 1, 0, 'T'}});
  EXPECT_EQ(top->at(~std::uint64_t{0})->name, "top");
}

}  // namespace
}  // namespace panicroom
