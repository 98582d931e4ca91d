#include <array>

#include "native/cli/request.h"

namespace panicroom {

std::span<const CommandInfo> commands() {
  static constexpr std::size_t any = 1000;
  static constexpr std::string_view forms = "json csv";
  static constexpr std::string_view of_table = "json csv columns";
  static constexpr std::string_view of_processes = "json csv columns pid";
  static constexpr std::string_view of_threads = "json csv columns pid tid crashed";
  static constexpr std::array<CommandInfo, 35> list = {{
      {"info", "", "", "What this dump is, what died and where.", "panicroom info vmcore.0 kernel",
       "", forms, 0, 0, true},
      {"analyze", "", "", "How the kernel died, of what, and what the machine was doing.",
       "panicroom analyze vmcore", "analysis", of_table, 0, 0, true},
      {"ps", "", "", "Every process.", "panicroom ps vmcore", "processes", of_processes, 0, 0,
       true},
      {"threads", "", "", "Every thread with its state and where it stands.",
       "panicroom threads --pid 1 vmcore", "threads", of_threads, 0, 0, true},
      {"stack", "bt", "", "The kernel stacks of all threads, or of one.",
       "panicroom stack --crashed vmcore", "frames", "json csv pid tid crashed", 0, 0, true},
      {"files", "fstat lsof", "", "Every open file of every process.",
       "panicroom files --pid 1 vmcore", "files", of_processes, 0, 0, true},
      {"sockets", "netstat", "", "Every socket that a process has open.",
       "panicroom sockets vmcore", "sockets", of_processes, 0, 0, true},
      {"maps", "", "", "Every part of every process's address space.",
       "panicroom maps --pid 1 vmcore", "maps", of_processes, 0, 0, true},
      {"modules", "kldstat lsmod", "", "The loaded kernel modules.", "panicroom modules vmcore",
       "modules", of_table, 0, 0, true},
      {"mounts", "mount", "", "The mounted file systems.", "panicroom mounts vmcore", "mounts",
       of_table, 0, 0, true},
      {"cpus", "", "", "Every processor and what it was doing.", "panicroom cpus vmcore", "cpus",
       of_table, 0, 0, true},
      {"load", "uptime", "", "How busy the machine was.", "panicroom load vmcore", "load", of_table,
       0, 0, true},
      {"swap", "swapinfo", "", "The swap areas.", "panicroom swap vmcore", "swap", of_table, 0, 0,
       true},
      {"memory", "free", "", "How much memory was used for what.", "panicroom memory vmcore",
       "memory", of_table, 0, 0, true},
      {"zones", "", "", "The zones of physical memory and what was free in them.",
       "panicroom zones vmcore", "zones", of_table, 0, 0, true},
      {"slabs", "slabtop uma", "", "The caches of the kernel's allocator.",
       "panicroom slabs vmcore", "slabs", of_table, 0, 0, true},
      {"interrupts", "", "", "How often each interrupt came.", "panicroom interrupts vmcore",
       "interrupts", of_table, 0, 0, true},
      {"locks", "", "", "Locks that threads wait for, who holds them, and deadlocks.",
       "panicroom locks vmcore", "locks", of_table, 0, 0, true},
      {"sysctl", "", "", "The variables of FreeBSD's sysctl tree.",
       "panicroom sysctl vmcore.0 kernel", "sysctl", of_table, 0, 0, true},
      {"log", "dmesg", "", "The kernel's message buffer.", "panicroom log vmcore | tail", "log",
       of_table, 0, 0, true},
      {"symbols", "nlist", "[NAME|PATTERN|ADDRESS...]",
       "The kernel's symbols: all, those named, or those that hold an address.",
       "panicroom symbols 'init_*' vmcore", "symbols", forms, 0, any, true},
      {"read", "", "ADDRESS LENGTH", "Memory at a virtual address, as hexadecimal and text.",
       "panicroom read linux_banner 64 vmcore", "", "json csv raw physical pid", 2, 2, true},
      {"translate", "vtop", "ADDRESS", "Each step from a virtual address to the bytes in the file.",
       "panicroom translate linux_banner vmcore", "", "json csv physical pid", 1, 1, true},
      {"type", "", "TYPE", "The layout of a structure: offsets, sizes, holes, bit-fields.",
       "panicroom type 'struct task_struct' vmcore", "", forms, 1, 1, true},
      {"print", "", "[TYPE] EXPRESSION", "A structure or variable with the values of its members.",
       "panicroom print 'struct task_struct' 'init_task.parent->comm' vmcore", "",
       "json csv pid depth", 1, 2, true},
      {"list", "", "TYPE LINK HEAD [MEMBER...]", "The elements of a linked list.",
       "panicroom list 'struct module' list modules name vmcore", "", "json csv pid", 3, any, true},
      {"diff", "", "DUMP[,KERNEL] DUMP[,KERNEL] [TABLE...]",
       "What differs between two dumps' tables.", "panicroom diff vmcore.0,kernel vmcore.1,kernel",
       "", forms, 2, any, false},
      {"ranges", "", "", "Each range of physical memory: present, excluded or missing, and why.",
       "panicroom ranges vmcore", "ranges", of_table, 0, 0, true},
      {"verify", "", "", "Reads every page of the dump; says how many are damaged or missing.",
       "panicroom verify vmcore", "", forms, 0, 0, true},
      {"tables", "", "", "The tables that `table` prints, and their columns.",
       "panicroom tables --json", "", forms, 0, 0, false},
      {"table", "", "NAME", "One table by its name.", "panicroom table regions vmcore", "",
       of_threads, 1, 1, true},
      {"sql", "", "[QUERY]", "An answer that SQL makes of the tables; without QUERY, a prompt.",
       "panicroom sql 'select state, count(*) from threads group by state' vmcore", "", forms, 0, 1,
       true},
      {"formats", "", "", "The dump formats that can be read.", "panicroom formats", "", forms, 0,
       0, false},
      {"completion", "", "bash|zsh|fish", "A completion script for a shell.",
       "panicroom completion bash > ~/.local/share/bash-completion/completions/panicroom", "", "",
       1, 1, false},
      {"version", "", "", "The program's version.", "panicroom version", "", "", 0, 0, false},
  }};
  return list;
}

}  // namespace panicroom
