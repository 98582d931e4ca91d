#pragma once

#include <optional>
#include <string_view>

#include "core/kernel/freebsd/structures.h"
#include "core/kernel/own_variables.h"
#include "core/types/value_lines.h"

namespace panicroom::freebsd {

/// As Kernel::own_variable: what DPCPU_DEFINE and VNET_DEFINE made, by the names that
/// kvm_nlist(3) takes and by their symbols'. (FreeBSD sys/sys/pcpu.h, sys/net/vnet.h;
/// lib/libkvm/kvm.c, kvm_pcpu.c and kvm_vnet.c.) `symbols` has those of modules too.
Result<std::optional<OwnVariable>> own_variable(Evidence& evidence, const SymbolTable& symbols,
                                                std::string_view name, CpuNumber cpu, Notes& notes);

/// Of a counter_u64_t the sum over all processors. (FreeBSD share/man/man9/counter.9.)
PointerWords counter_sums(Evidence& evidence);

}  // namespace panicroom::freebsd
