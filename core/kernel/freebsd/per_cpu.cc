#include "core/kernel/freebsd/per_cpu.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t most_cpus = 4096;     // MAXCPU is 1024 at most
constexpr std::uint64_t size_of_counter = 8;  // bytes
constexpr std::uint64_t least_visits = std::uint64_t{1} << 18, most_visits = std::uint64_t{1} << 24;
constexpr std::uint64_t first_with_page_stride = 1200000;  // osreldate

/// How far apart two processors' shares of a per-processor zone lie, where struct pcpu does not say
/// (UMA_PCPU_ALLOC_SIZE): sizeof(struct pcpu) until FreeBSD 11, then a page.
Result<std::uint64_t> zone_stride(Evidence& evidence) {
  if (evidence.osreldate() && *evidence.osreldate() < first_with_page_stride)
    return evidence.size_of("pcpu");
  return evidence.memory().machine().page_size;
}

}  // namespace

Result<PerCpu> PerCpu::read(Evidence& evidence, Notes& notes) {
  PANICROOM_TRY(last, evidence.variable("mp_maxid", 4));
  if (last >= most_cpus)
    return fail(ErrorCode::corrupt, fmt::format("the last processor's number, mp_maxid, is {}, "
                                                "expected less than {}",
                                                last, most_cpus));
  PerCpu out;
  out.count_ = last + 1;
  out.visits_left_ =
      std::clamp(evidence.memory_present() / size_of_counter, least_visits, most_visits);
  const std::uint64_t word = evidence.pointer_size();
  const auto by_number = evidence.address_of("cpuid_to_pcpu");
  const auto offsets = evidence.address_of("dpcpu_off");
  const Field zone("pcpu", "pc_zpcpu_offset");
  const bool says_where = zone.exists(evidence);
  const auto stride =
      says_where ? std::nullopt : noted(zone_stride(evidence), notes, "where counters lie");
  for (std::uint64_t number = 0; number < out.count_; ++number) {
    Cpu cpu;
    cpu.number = number;
    if (by_number) {
      const auto pcpu = noted(evidence.memory().word(*by_number + number * word), notes,
                              "where a processor's own memory lies");
      if (pcpu && *pcpu == 0) continue;  // there is no such processor
      cpu.pcpu = pcpu;
    }
    if (offsets)
      cpu.variables = noted(evidence.memory().word(*offsets + number * word), notes,
                            "where a processor's own variables lie");
    // Since FreeBSD 13 what a zone gave out is an offset from the first processor's struct pcpu on
    // amd64; each struct pcpu has what makes an address of it.
    if (says_where && cpu.pcpu)
      cpu.zone_offset =
          noted(zone.read(evidence, *cpu.pcpu), notes, "where a processor's counters lie");
    else if (stride)
      cpu.zone_offset = number * *stride;
    out.cpus_.push_back(cpu);
  }
  return out;
}

Result<void> PerCpu::visit_all() {
  if (cpus_.size() > visits_left_)
    return fail(ErrorCode::corrupt,
                "the processors have more counters and caches than fit into the dump's memory");
  visits_left_ -= cpus_.size();
  return {};
}

Result<std::uint64_t> PerCpu::counter(Evidence& evidence, std::uint64_t counter) {
  PANICROOM_CHECK(visit_all());
  std::uint64_t sum = 0;
  for (const Cpu& cpu : cpus_) {
    if (!cpu.zone_offset)
      return fail(ErrorCode::not_in_dump,
                  fmt::format("where the counters of processor {} lie is not known", cpu.number));
    PANICROOM_TRY(value, evidence.memory().u64(evidence.moved(counter, *cpu.zone_offset)));
    sum += value;
  }
  return sum;
}

Result<std::uint64_t> PerCpu::total(Evidence& evidence, const Field& field, std::uint64_t object,
                                    std::uint64_t first) {
  PANICROOM_TRY(member, field.member(evidence));
  PANICROOM_TRY(value, evidence.field(object, member));
  const bool is_counter = evidence.has_types() ? evidence.is_pointer(member)
                                               : evidence.osreldate().value_or(first) >= first;
  return is_counter ? counter(evidence, value) : value;
}

Result<std::uint64_t> of_cpu(Evidence& evidence, const Cpu& cpu, std::uint64_t linked) {
  if (!cpu.variables)
    return fail(ErrorCode::not_in_dump,
                fmt::format("where the variables of processor {} lie is not known", cpu.number));
  return evidence.moved(linked, *cpu.variables);
}

Result<std::uint64_t> per_cpu_address(Evidence& evidence, const Cpu& cpu, std::string_view name) {
  PANICROOM_TRY(symbol, evidence.address_of(fmt::format("pcpu_entry_{}", name)));
  return of_cpu(evidence, cpu, symbol);
}

Result<std::uint64_t> network_stack_base(Evidence& evidence) {
  const Field base("vnet", "vnet_data_base");
  PANICROOM_TRY(stack, evidence.pointer("vnet0"));
  return base.read(evidence, stack);
}

Result<std::vector<bool>> cpu_set(Evidence& evidence, std::string_view name, std::uint64_t count) {
  PANICROOM_TRY(set, evidence.address_of(name));
  const std::uint64_t word = evidence.pointer_size(), bits = word * 8;
  std::vector<bool> out;
  for (std::uint64_t base = 0; base < count; base += bits) {
    PANICROOM_TRY(value, evidence.memory().word(set + base / 8));
    for (std::uint64_t bit = 0; bit < bits && base + bit < count; ++bit)
      out.push_back((value >> bit & 1U) != 0);
  }
  return out;
}

}  // namespace panicroom::freebsd
