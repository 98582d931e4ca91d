#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/foundry/image.h"

namespace foundry {

/// What a FreeBSD description says of the machine as a whole. See docs/foundry.md. `address` is set
/// while the world is built.
struct MachineText {
  struct Module {
    std::int64_t id = 0, references = 1;
    std::string name;
    std::uint64_t start = 0, size = 0, flags = 1;
    std::vector<std::string> needs;
    std::vector<Symbol> symbols;
    struct Section {
      std::string name;
      std::uint64_t address = 0, size = 0;
    };
    std::vector<Section> sections;  ///< of a relocatable file
    std::uint64_t address = 0;
    std::uint64_t loaded = 0;  ///< illumos: of its struct module; address is that of its modctl
  };
  struct Mounted {
    std::string source, path, type;
    std::uint64_t flags = 0, owner = 0;
    std::uint64_t address = 0;
  };
  struct Cpu {
    std::uint64_t number = 0, runnable = 0;
    bool online = true;
    std::array<std::uint64_t, 5> times =
        {};  ///< FreeBSD: ticks: user, nice, system, interrupt, idle
    std::uint64_t base = 0, current = 0;
  };
  struct Swap {
    std::string path;
    bool is_device = true;
    std::uint64_t blocks = 0, used = 0;
    std::uint64_t address = 0;
  };
  struct Load {
    std::array<std::uint64_t, 3> averages = {};
    std::uint64_t scale = 2048, threads = 0;
    std::int64_t last_pid = 0;
  };
  struct Clock {
    std::uint64_t boot = 0, uptime = 0, fraction = 0;
  };
  struct Domain {
    std::uint64_t pages = 0, free = 0, reserved = 0, least = 0, target = 0;
    std::uint64_t active = 0, inactive = 0, laundry = 0;
    std::uint64_t address = 0;
  };
  struct Memory {
    std::uint64_t physical = 0, pages = 0, wired = 0, user_wired = 0, buffers = 0;
  };
  struct Zone {
    std::string name;
    std::uint64_t size = 0, allocations = 0, frees = 0, pages = 0, keg_free = 0, cached = 0;
    bool secondary = false, without_keg = false;
    std::uint64_t address = 0;
  };
  struct Interrupt {
    std::string name;
    std::uint64_t count = 0;
    std::optional<std::int64_t> line;
    std::vector<std::string> handlers;
    std::uint64_t address = 0;
  };
  struct Variable {
    std::string name, type, handler, doc, format;
    std::vector<std::int64_t> values;
    std::string text;
    std::optional<std::string> shows;  ///< none: only a function knows
    std::uint64_t flags = 0xc0000000;
    bool constant = false;
    std::uint64_t address = 0;
  };

  /// A variable of which each processor or network stack has its own, or a counter of counter(9).
  struct Own {
    std::string name, set;              ///< set: "pcpu", "vnet", "" for an ordinary one
    bool counters = false;              ///< of counters, else one unsigned long
    std::vector<std::uint64_t> values;  ///< of the processors in turn; of the counters
    std::vector<std::uint64_t> addresses;
    std::string symbol() const { return set.empty() ? name : set + "_entry_" + name; }
  };

  bool any = false;  ///< the description says something of these
  std::vector<Module> modules;
  std::vector<Mounted> mounts;
  std::vector<Cpu> cpus;
  std::vector<Swap> swaps;
  Load load;
  Clock clock;
  std::vector<Domain> domains;
  Memory memory;
  std::vector<Zone> zones;
  std::vector<Interrupt> interrupts;
  std::vector<Variable> variables;
  std::vector<Own> own;
  /// NetBSD: of uvmexp; illumos: variables; in pages.
  std::vector<std::pair<std::string, std::uint64_t>> counters;
};

/// Takes one statement; false when it is none of these. Throws std::runtime_error.
bool parse_machine(MachineText& out, const std::vector<std::string>& words);

}  // namespace foundry
