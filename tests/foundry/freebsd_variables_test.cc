// Variables of which each processor or network stack has its own, and counters: where they lie and
// what they hold is the description's.

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <string>

#include "core/session/expression.h"
#include "tests/foundry/freebsd_case.h"

namespace {

using foundry::Description;
using foundry::KernelCase;
using foundry::MachineText;
using panicroom::ErrorCode;
using panicroom::Session;
using panicroom::ValueLine;

class FreeBsdVariables : public testing::TestWithParam<KernelCase> {
 protected:
  void SetUp() override {
    description = foundry::description_named(GetParam().description);
    session = open_session(description, GetParam().file, GetParam().types);
    for (const MachineText::Own& own : description.machine.own)
      if (own.set == "pcpu") of_cpus.push_back(own);
    ASSERT_EQ(of_cpus.size(), 2U);
  }
  bool has_types() const { return GetParam().types != "none"; }
  const MachineText::Own& named(const std::string& name) const {
    for (const MachineText::Own& own : description.machine.own)
      if (own.name == name) return own;
    throw std::runtime_error("no variable " + name);
  }
  /// What an expression's value is printed as, all its lines together.
  std::string printed(const std::string& expression) {
    panicroom::Kernel& kernel = *session->kernel();
    const auto place = panicroom::evaluate(*session, kernel.memory(), "", expression);
    if (!place) return place.error().message();
    std::string text;
    EXPECT_TRUE(panicroom::value_lines(kernel.memory(),
                                       {kernel.symbols().get(), kernel.pointer_words()}, *place, {},
                                       [&text](const ValueLine& line) {
                                         text += line.text + "\n";
                                         return true;
                                       }));
    return text;
  }

  Description description;
  std::unique_ptr<Session> session;
  std::vector<MachineText::Own> of_cpus;
};

TEST_P(FreeBsdVariables, OfAProcessor) {
  const MachineText::Own& own = named("timer_late");
  const auto& cpus = description.machine.cpus;
  ASSERT_EQ(own.addresses.size(), cpus.size());
  for (const std::string& name : {own.name, own.symbol()}) {
    for (std::size_t i = 0; i < cpus.size(); ++i) {
      EXPECT_EQ(session->resolve(name, cpus[i].number), own.addresses[i]) << name;
      EXPECT_EQ(session->resolve(name + "+0x10", cpus[i].number), own.addresses[i] + 0x10);
      if (!has_types()) continue;
      auto& memory = session->kernel()->memory();
      const auto place = panicroom::evaluate(*session, memory, "", name, cpus[i].number);
      ASSERT_TRUE(place) << place.error().message();
      EXPECT_EQ(panicroom::number_at(memory, *place), own.values[i]);
    }
    EXPECT_EQ(session->resolve(name), own.addresses[0]);
  }
}

TEST_P(FreeBsdVariables, WhatIsCalledLikeAnOrdinarySymbol) {
  const MachineText::Own& own = named("panic");
  EXPECT_EQ(session->resolve(own.name), session->kernel()->symbols()->find("panic")->address);
  EXPECT_EQ(session->resolve(own.symbol(), 1), own.addresses[1]);
}

TEST_P(FreeBsdVariables, OfTheHostsNetworkStack) {
  for (const std::string name : {"ip_forwards", "udp_counters"}) {
    const MachineText::Own& own = named(name);
    EXPECT_EQ(session->resolve(own.name), own.addresses[0]);
    EXPECT_EQ(session->resolve(own.symbol()), own.addresses[0]);
  }
  EXPECT_EQ(session->kernel()->memory().word(session->resolve("ip_forwards").value()),
            named("ip_forwards").values[0]);
  // Without types the place of struct vnet's member is one that is built in, which is said.
  EXPECT_EQ(foundry::any_has(session->notes(), "built in"), !has_types());
}

TEST_P(FreeBsdVariables, CountersShowTheirSum) {
  if (!has_types()) {
    EXPECT_NE(printed("sends").find("carries neither CTF"), std::string::npos);
    return;
  }
  const auto pointer = [&](std::uint64_t at) {
    return session->kernel()->memory().word(at).value();
  };
  const MachineText::Own &one = named("sends"), &several = named("udp_counters");
  EXPECT_EQ(printed("sends"),
            fmt::format("{:#x} (sum over processors: 99)\n", pointer(one.addresses[0])));
  EXPECT_EQ(printed("udp_counters"),
            fmt::format("{{{:#x} (sum over processors: 12345), {:#x} (sum over processors: 6)}}\n",
                        pointer(several.addresses[0]),
                        pointer(several.addresses[0] + description.image.pointer())));
  EXPECT_NE(printed("udp_counters[1]").find("(sum over processors: 6)"), std::string::npos);
  // The structure's other members are numbers.
  EXPECT_NE(printed("vm_cnt").find(
                fmt::format("(sum over processors: {})", description.machine.memory.wired)),
            std::string::npos);
}

TEST_P(FreeBsdVariables, ProcessorsThatThereAreNot) {
  const auto none = session->resolve("timer_late", 64);
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().code, ErrorCode::invalid);
  EXPECT_NE(none.error().text.find("there is no processor 64, but 0-1"), std::string::npos)
      << none.error().text;
  for (const char* not_a_processors : {"ip_forwards", "allproc", "panic", "0x10"}) {
    const auto refused = session->resolve(not_a_processors, 1);
    ASSERT_FALSE(refused) << not_a_processors;
    EXPECT_EQ(refused.error().code, ErrorCode::invalid) << not_a_processors;
  }
  EXPECT_EQ(session->resolve("no_such_variable").error().code, ErrorCode::no_symbol);
}

INSTANTIATE_TEST_SUITE_P(Descriptions, FreeBsdVariables,
                         testing::ValuesIn(foundry::machine_cases()),
                         [](const auto& named) { return foundry::name_of(named.param); });

/// What does not lie within the set is not copied: a module's image of its variables.
TEST(FreeBsdVariablesOfNoSet, AreOrdinarySymbols) {
  const Description description = foundry::description_named("freebsd-invented-machine");
  const auto session = open_session(description, description.files.front().name, "ctf3z");
  EXPECT_EQ(session->resolve("pcpu_entry_template"), 0xffffffff80201800);
  EXPECT_EQ(session->resolve("template").error().code, ErrorCode::no_symbol);
}

}  // namespace
