#include "tests/foundry/machine_text.h"

#include <functional>
#include <map>
#include <stdexcept>

namespace foundry {
namespace {

using Words = std::vector<std::string>;

std::uint64_t number(const std::string& word) {
  std::size_t used = 0;
  const std::uint64_t value = std::stoull(word, &used, 0);
  if (used != word.size()) throw std::runtime_error("not a number: " + word);
  return value;
}

/// Names with a value each, in any order, from `at`.
void pairs(const Words& words, std::size_t at,
           const std::map<std::string, std::uint64_t*>& places) {
  for (; at < words.size(); at += 2) {
    const auto place = places.find(words[at]);
    if (place == places.end()) throw std::runtime_error("unknown word " + words[at]);
    *place->second = number(words.at(at + 1));
  }
}

// kld ID NAME START SIZE [refs N] [flags N] [needs NAME...]
void module(MachineText& out, const Words& words) {
  MachineText::Module it;
  it.id = static_cast<std::int64_t>(number(words.at(1)));
  it.name = words.at(2), it.start = number(words.at(3)), it.size = number(words.at(4));
  std::size_t at = 5;
  for (; at < words.size() && words[at] != "needs"; at += 2) {
    if (words[at] == "refs")
      it.references = static_cast<std::int64_t>(number(words.at(at + 1)));
    else if (words[at] == "flags")
      it.flags = number(words.at(at + 1));
    else
      throw std::runtime_error("unknown word " + words[at]);
  }
  for (++at; at < words.size(); ++at) it.needs.push_back(words[at]);
  out.modules.push_back(it);
}

// interrupt NAME COUNT [line N] [handlers NAME...]
void interrupt(MachineText& out, const Words& words) {
  MachineText::Interrupt it;
  it.name = words.at(1), it.count = number(words.at(2));
  std::size_t at = 3;
  if (at < words.size() && words[at] == "line")
    it.line = static_cast<std::int64_t>(number(words.at(at + 1))), at += 2;
  if (at < words.size() && words[at] != "handlers")
    throw std::runtime_error("unknown word " + words[at]);
  for (++at; at < words.size(); ++at) it.handlers.push_back(words[at]);
  out.interrupts.push_back(it);
}

// variable NAME TYPE HANDLER [values N...] [text T] [shows T] [doc T] [format F] [flags N]
// [constant]
void variable(MachineText& out, const Words& words) {
  MachineText::Variable it;
  it.name = words.at(1), it.type = words.at(2), it.handler = words.at(3);
  for (std::size_t at = 4; at < words.size(); ++at) {
    if (words[at] == "constant")
      it.constant = true;
    else if (words[at] == "text")
      it.text = words.at(++at);
    else if (words[at] == "shows")
      it.shows = words.at(++at);
    else if (words[at] == "doc")
      it.doc = words.at(++at);
    else if (words[at] == "format")
      it.format = words.at(++at);
    else if (words[at] == "flags")
      it.flags = number(words.at(++at));
    else if (words[at] == "value")
      it.values.push_back(static_cast<std::int64_t>(
          words.at(at + 1).starts_with('-') ? std::stoll(words[at + 1])
                                            : static_cast<std::int64_t>(number(words[at + 1])))),
          ++at;
    else
      throw std::runtime_error("unknown word " + words[at]);
  }
  out.variables.push_back(it);
}

// own NAME pcpu|vnet|global [counters] VALUE...
void own(MachineText& out, const Words& words) {
  MachineText::Own it;
  it.name = words.at(1), it.set = words.at(2) == "global" ? "" : words.at(2);
  it.counters = words.at(3) == "counters";
  for (std::size_t at = it.counters ? 4 : 3; at < words.size(); ++at)
    it.values.push_back(number(words[at]));
  out.own.push_back(it);
}

const std::map<std::string, std::function<void(MachineText&, const Words&)>> statements = {
    {"kld", module},
    {"ksymbol",
     [](MachineText& out, const Words& words) {
       if (out.modules.empty()) throw std::runtime_error("a module's symbol before any module");
       out.modules.back().symbols.push_back(
           {words.at(1), number(words.at(2)), number(words.at(3)), words.at(4)[0]});
     }},
    {"ksection",
     [](MachineText& out, const Words& words) {
       if (out.modules.empty()) throw std::runtime_error("a module's section before any module");
       out.modules.back().sections.push_back(
           {words.at(1), number(words.at(2)), number(words.at(3))});
     }},
    {"counter",
     [](MachineText& out, const Words& words) {
       out.counters.emplace_back(words.at(1), number(words.at(2)));
     }},
    {"interrupt", interrupt},
    {"variable", variable},
    {"own", own},
    {"mounted",
     [](MachineText& out, const Words& words) {
       MachineText::Mounted it{words.at(1), words.at(2), words.at(3), 0, 0, 0};
       pairs(words, 4, {{"flags", &it.flags}, {"owner", &it.owner}});
       out.mounts.push_back(it);
     }},
    {"processor",
     [](MachineText& out, const Words& words) {
       MachineText::Cpu it;
       it.number = number(words.at(1));
       std::uint64_t online = 1;
       pairs(words, 2,
             {{"runnable", &it.runnable},
              {"online", &online},
              {"user", &it.times[0]},
              {"nice", &it.times[1]},
              {"system", &it.times[2]},
              {"interrupt", &it.times[3]},
              {"idle", &it.times[4]}});
       it.online = online != 0;
       out.cpus.push_back(it);
     }},
    {"swap",
     [](MachineText& out, const Words& words) {
       MachineText::Swap it;
       it.path = words.at(1), it.is_device = words.at(1).starts_with("/dev/");
       pairs(words, 2, {{"blocks", &it.blocks}, {"used", &it.used}});
       out.swaps.push_back(it);
     }},
    {"load",
     [](MachineText& out, const Words& words) {
       std::uint64_t last = 0;
       auto& it = out.load;
       pairs(words, 1,
             {{"one", &it.averages[0]},
              {"five", &it.averages[1]},
              {"fifteen", &it.averages[2]},
              {"scale", &it.scale},
              {"threads", &it.threads},
              {"lastpid", &last}});
       it.last_pid = static_cast<std::int64_t>(last);
     }},
    {"clock",
     [](MachineText& out, const Words& words) {
       pairs(words, 1,
             {{"boot", &out.clock.boot},
              {"uptime", &out.clock.uptime},
              {"fraction", &out.clock.fraction}});
     }},
    {"domain",
     [](MachineText& out, const Words& words) {
       MachineText::Domain it;
       pairs(words, 1,
             {{"pages", &it.pages},
              {"free", &it.free},
              {"reserved", &it.reserved},
              {"min", &it.least},
              {"target", &it.target},
              {"active", &it.active},
              {"inactive", &it.inactive},
              {"laundry", &it.laundry}});
       out.domains.push_back(it);
     }},
    {"memory",
     [](MachineText& out, const Words& words) {
       pairs(words, 1,
             {{"physmem", &out.memory.physical},
              {"pages", &out.memory.pages},
              {"wired", &out.memory.wired},
              {"user_wired", &out.memory.user_wired},
              {"buffers", &out.memory.buffers}});
     }},
    {"zone",
     [](MachineText& out, const Words& words) {
       MachineText::Zone it;
       it.name = words.at(1);
       std::uint64_t secondary = 0, without_keg = 0;
       pairs(words, 2,
             {{"size", &it.size},
              {"allocs", &it.allocations},
              {"frees", &it.frees},
              {"pages", &it.pages},
              {"kegfree", &it.keg_free},
              {"cached", &it.cached},
              {"secondary", &secondary},
              {"withoutkeg", &without_keg}});
       it.secondary = secondary != 0, it.without_keg = without_keg != 0;
       out.zones.push_back(it);
     }},
};

}  // namespace

bool parse_machine(MachineText& out, const Words& words) {
  const auto known = statements.find(words.front());
  if (known == statements.end()) return false;
  known->second(out, words);
  out.any = true;
  return true;
}

}  // namespace foundry
