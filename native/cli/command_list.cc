#include <array>

#include "native/cli/request.h"

namespace panicroom {

std::span<const CommandInfo> commands() {
  static constexpr std::size_t any = 1000;
  static constexpr std::array<CommandInfo, 15> list = {{
      {"info", "", "", "What this dump is, what died and where.", "panicroom info vmcore.0 kernel",
       "", 0, 0, true},
      {"ps", "", "", "Every process.", "panicroom ps vmcore", "processes", 0, 0, true},
      {"threads", "", "", "Every thread with state, processor and registers.",
       "panicroom threads --pid 1 vmcore", "threads", 0, 0, true},
      {"stack", "bt", "", "The kernel stacks of all threads, or of one.",
       "panicroom stack --crashed vmcore", "frames", 0, 0, true},
      {"log", "dmesg", "", "The kernel's message buffer.", "panicroom log vmcore | tail", "log", 0,
       0, true},
      {"symbols", "nlist", "[NAME...]", "The kernel's symbols: all, or those named.",
       "panicroom symbols init_task vmcore", "symbols", 0, any, true},
      {"read", "", "ADDRESS LENGTH", "Memory at a virtual address, as hexadecimal and text.",
       "panicroom read linux_banner 64 vmcore", "", 2, 2, true},
      {"translate", "vtop", "ADDRESS", "Each step from a virtual address to the bytes in the file.",
       "panicroom translate 0xffffffff81000000 vmcore", "", 1, 1, true},
      {"ranges", "", "", "Each range of physical memory: present, excluded or missing, and why.",
       "panicroom ranges vmcore", "ranges", 0, 0, true},
      {"verify", "", "", "Reads every page of the dump; says how many are damaged or missing.",
       "panicroom verify vmcore", "", 0, 0, true},
      {"tables", "", "", "The tables that `table` prints, and their columns.",
       "panicroom tables --json", "", 0, 0, false},
      {"table", "", "NAME", "One table by its name.", "panicroom table regions vmcore", "", 1, 1,
       true},
      {"formats", "", "", "The dump formats that can be read.", "panicroom formats", "", 0, 0,
       false},
      {"completion", "", "bash|zsh|fish", "A completion script for a shell.",
       "panicroom completion bash > ~/.local/share/bash-completion/completions/panicroom", "", 1, 1,
       false},
      {"version", "", "", "The program's version.", "panicroom version", "", 0, 0, false},
  }};
  return list;
}

}  // namespace panicroom
