#pragma once

#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/evidence.h"

namespace panicroom::linux_kernel {

/// What /proc/interrupts says: the lines that somebody asked for or that came, then x86's own.
Result<void> read_interrupts(Evidence& evidence, const Cpus& cpus, const Visitor<Interrupt>& visit,
                             Notes& notes);

}  // namespace panicroom::linux_kernel
