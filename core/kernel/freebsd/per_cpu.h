#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/freebsd/structures.h"

namespace panicroom::freebsd {

/// A processor and where its own memory lies.
struct Cpu {
  std::uint64_t number = 0;
  std::optional<std::uint64_t> pcpu;         ///< of its struct pcpu
  std::optional<std::uint64_t> variables;    ///< added to the address of a per-processor variable
  std::optional<std::uint64_t> zone_offset;  ///< added to what a per-processor zone gave out
};

/// The processors and what each has of its own: variables (DPCPU_DEFINE), memory of per-processor
/// zones and the counters of counter(9) within it. (FreeBSD sys/sys/pcpu.h, sys/<machine>/include/
/// pcpu.h and counter.h, lib/libkvm/kvm_pcpu.c.)
class PerCpu {
 public:
  /// Errors: not even the processors' number (mp_maxid) is known.
  static Result<PerCpu> read(Evidence& evidence, Notes& notes);

  std::span<const Cpu> cpus() const { return cpus_; }
  /// Numbers that processors may have: one more than the last.
  std::uint64_t count() const { return count_; }
  /// The sum of a counter_u64_t over all processors. Errors: `not_in_dump` where a processor's
  /// share is not to be found, those of a read, of visit_all().
  Result<std::uint64_t> counter(Evidence& evidence, std::uint64_t counter);
  /// The value of a member that became a counter_u64_t with version `first` (of osreldate); an
  /// integer before. The types tell which, or without them the version. Errors: those of counter().
  Result<std::uint64_t> total(Evidence& evidence, const Field& field, std::uint64_t object,
                              std::uint64_t first);
  /// To be asked before what each processor has of one thing is read: no more things are real than
  /// fit into the memory that the dump holds. Error: `corrupt`.
  Result<void> visit_all();

 private:
  std::vector<Cpu> cpus_;
  std::uint64_t count_ = 0;
  std::uint64_t visits_left_ = 0;  ///< of one thing of one processor
};

/// Where a processor's own variable lies that was linked at `linked`. Error: `not_in_dump`.
Result<std::uint64_t> of_cpu(Evidence& evidence, const Cpu& cpu, std::uint64_t linked);

/// Where a processor's own `name` lies: a variable of DPCPU_DEFINE. Errors: `no_symbol`, or
/// `not_in_dump` where the processor's memory is not known.
Result<std::uint64_t> per_cpu_address(Evidence& evidence, const Cpu& cpu, std::string_view name);

/// What is added to the address of a variable of a network stack (VNET_DEFINE): the host's own
/// stack, vnet0. (FreeBSD sys/net/vnet.h.) Errors: `no_symbol` (a kernel without VIMAGE),
/// `no_type`.
Result<std::uint64_t> network_stack_base(Evidence& evidence);

/// By number, which of `count` processors a cpuset_t variable names.
Result<std::vector<bool>> cpu_set(Evidence& evidence, std::string_view name, std::uint64_t count);

}  // namespace panicroom::freebsd
