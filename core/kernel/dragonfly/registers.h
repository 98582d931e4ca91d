#pragma once

#include <cstdint>

#include "core/base/registers.h"
#include "core/kernel/dragonfly/evidence.h"

namespace panicroom::dragonfly {

/// The registers in the struct pcb at `address`, as they are once the function that saved them
/// (savectx, cpu_heavy_switch) has returned.
Result<Registers> read_pcb(Evidence& evidence, std::uint64_t address);

/// The registers of a thread that is on no processor, by what its switch function left at `sp`
/// (td_sp): the address of the function that is to restore it, and below, or in its struct pcb, the
/// registers. (DragonFly sys/platform/pc64/x86_64/swtch.s.)
Result<Registers> switched_out(Evidence& evidence, std::uint64_t sp, std::uint64_t pcb);

}  // namespace panicroom::dragonfly
