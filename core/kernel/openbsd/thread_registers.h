#pragma once

#include <cstdint>
#include <optional>

#include "core/base/registers.h"
#include "core/kernel/openbsd/evidence.h"

namespace panicroom::openbsd {

/// Bytes of a thread's struct user with its kernel stack behind it; 0 for an architecture that is
/// not known.
std::uint64_t size_of_user_area(Architecture architecture);

/// Those that cpu_switchto() left on the stack of a thread (its struct proc) that is on no
/// processor, and its struct pcb leads to. Empty, with a note, where they cannot be read.
Registers registers_switched_out(Evidence& evidence, std::uint64_t thread, Notes& notes);

/// Those of a processor: by the dump's notes, else, of the one that wrote the dump, what savectx()
/// left in dumppcb. Empty, with a note, where there are neither: the kernel does not keep those of
/// the others. `thread`: what it was running.
Registers registers_on_cpu(Evidence& evidence, std::uint64_t number, std::uint64_t thread,
                           bool crashed, Notes& notes);

/// Where the stack was that the dump was written on, by dumppcb; nothing where none was written.
std::optional<std::uint64_t> dump_stack_pointer(Evidence& evidence);

/// Whether an address lies on the kernel stack of a thread.
bool is_on_stack_of(Evidence& evidence, std::uint64_t thread, std::uint64_t address);

}  // namespace panicroom::openbsd
