#pragma once

#include <cstdint>

#include "core/base/registers.h"
#include "core/kernel/netbsd/evidence.h"

namespace panicroom::netbsd {

/// The registers of a lwp that was switched out, or of the one that dumped, which saved its own
/// alike in dumppcb: what the struct pcb at `pcb` leads to (cpu_switchto and dumpsys in
/// sys/arch/{amd64/amd64,i386/i386}/locore.S, sys/arch/aarch64/aarch64/cpuswitch.S). Empty where
/// the lwp was running: its registers are nowhere. Errors: those of a read, `no_type`,
/// `unsupported`.
Result<Registers> read_pcb(Evidence& evidence, std::uint64_t pcb);

}  // namespace panicroom::netbsd
