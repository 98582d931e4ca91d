#include "core/kernel/linux/interrupts.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

#include "core/base/loop_guard.h"
#include "core/kernel/linux/field.h"
#include "core/kernel/linux/trees.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t most_handlers = 64;  // of one line
constexpr std::size_t longest_name = 128;
constexpr std::uint64_t most_counts = std::uint64_t{1} << 24;  // of all lines on all processors

/// Counters of x86 that belong to no line: of the per-CPU irq_stat (struct irq_cpustat_t), or a
/// per-CPU variable of their own (Linux arch/x86/kernel/irq.c, arch_show_interrupts).
struct Counter {
  std::string_view name, member, variable;
  bool rare = false;  ///< of hypervisors and platforms that few have: left out where it never came
};
constexpr std::array counters = {
    Counter{"NMI", "__nmi_count", ""},
    Counter{"LOC", "apic_timer_irqs", ""},
    Counter{"SPU", "irq_spurious_count", ""},
    Counter{"PMI", "apic_perf_irqs", ""},
    Counter{"IWI", "apic_irq_work_irqs", ""},
    Counter{"RTR", "icr_read_retry_count", ""},
    Counter{"PLT", "x86_platform_ipis", "", true},
    Counter{"RES", "irq_resched_count", ""},
    Counter{"CAL", "irq_call_count", ""},
    Counter{"TLB", "irq_tlb_count", ""},
    Counter{"TRM", "irq_thermal_count", ""},
    Counter{"THR", "irq_threshold_count", ""},
    Counter{"DFR", "irq_deferred_error_count", ""},
    Counter{"MCE", "", "mce_exception_count"},
    Counter{"MCP", "", "mce_poll_count"},
    Counter{"HYP", "irq_hv_callback_count", "", true},
    Counter{"HRE", "irq_hv_reenlightenment_count", "", true},
    Counter{"HVS", "hyperv_stimer0_count", "", true},
    Counter{"PIN", "kvm_posted_intr_ipis", ""},
    Counter{"NPI", "kvm_posted_intr_nested_ipis", ""},
    Counter{"PIW", "kvm_posted_intr_wakeup_ipis", ""},
};

class Interrupts {
 public:
  Interrupts(Evidence& evidence, const Cpus& cpus) : evidence_(evidence), cpus_(cpus) {}

  Result<void> read(const Visitor<Interrupt>& visit, Notes& notes) {
    const VisitEntry line = [&](std::uint64_t descriptor) {
      const Interrupt interrupt = one(descriptor, notes);
      // As /proc/interrupts does.
      return (interrupt.handlers.empty() && interrupt.count == std::uint64_t{0}) ||
             visit(interrupt);
    };
    bool go_on = true;
    if (const auto tree = evidence_.address_of("sparse_irqs")) {  // since Linux 6.5
      PANICROOM_TRY(root, maple_root_.read(evidence_, *tree));
      go_on = MapleTree(evidence_, "the tree of interrupts").walk(root, line, notes);
    } else {
      PANICROOM_TRY(array, evidence_.address_of("irq_desc_tree"));
      PANICROOM_TRY(head, array_head_.read(evidence_, array));
      go_on = XArray(evidence_, "the tree of interrupts").walk(head, line, notes);
    }
    const Architecture architecture = evidence_.memory().machine().architecture;
    if (go_on && (architecture == Architecture::x86_64 || architecture == Architecture::i386))
      own_of_x86(visit, notes);
    return {};
  }

 private:
  Interrupt one(std::uint64_t descriptor, Notes& notes) {
    constexpr std::string_view what = "an interrupt";
    Interrupt interrupt;
    interrupt.address = descriptor;
    if (const auto number = noted(number_.read(evidence_, descriptor), notes, what))
      interrupt.number = static_cast<std::int64_t>(*number);
    if (const auto text = name_.read(evidence_, descriptor); text && *text != 0)
      interrupt.name = noted(evidence_.memory().string(*text, longest_name), notes, what);
    if (const auto chip = noted(chip_.read(evidence_, descriptor), notes, what); chip && *chip != 0)
      if (const auto text = noted(chip_name_.read(evidence_, *chip), notes, what);
          text && *text != 0)
        interrupt.controller = noted(evidence_.memory().string(*text, longest_name), notes, what);
    // As /proc/interrupts, which shows it for lines of a domain alone.
    if (const auto domain = domain_.read(evidence_, descriptor); domain && *domain != 0)
      interrupt.hwirq = noted(hardware_.read(evidence_, descriptor), notes, what);
    if (const auto counts = noted(counts_.read(evidence_, descriptor), notes, what))
      count(*counts, interrupt, notes);
    read_handlers(descriptor, interrupt, notes);
    return interrupt;
  }

  void read_handlers(std::uint64_t descriptor, Interrupt& interrupt, Notes& notes) {
    constexpr std::string_view what = "an interrupt's handler";
    VisitOnce guard(most_handlers);
    auto action = noted(action_.read(evidence_, descriptor), notes, what);
    while (action && *action != 0) {
      if (!guard.step(*action)) {
        notes.add(Note{ErrorCode::corrupt,
                       guard.cyclic() ? "an interrupt's list of handlers is a cycle"
                                      : "an interrupt has more handlers than are followed",
                       *action});
        return;
      }
      const auto text = noted(action_name_.read(evidence_, *action), notes, what);
      if (text && *text != 0)
        if (auto name = noted(evidence_.memory().string(*text, longest_name), notes, what))
          interrupt.handlers.push_back(std::move(*name));
      action = noted(next_action_.read(evidence_, *action), notes, what);
    }
  }

  /// A per-CPU unsigned int at `symbol` plus each processor's base.
  void count(std::uint64_t symbol, Interrupt& interrupt, Notes& notes) {
    std::uint64_t sum = 0;
    if (counts_left_ < cpus_.all().size()) {
      notes.add(Note{ErrorCode::corrupt, "there are more counters of interrupts than are added up",
                     symbol});
      return;
    }
    counts_left_ -= cpus_.all().size();
    for (const Cpu& cpu : cpus_.all()) {
      const auto value = noted(evidence_.memory().u32(symbol + cpu.per_cpu_offset), notes,
                               "how often an interrupt came");
      if (!value) {
        interrupt.per_cpu.clear();
        return;
      }
      interrupt.per_cpu.push_back(*value);
      sum += *value;
    }
    interrupt.count = sum;
  }

  void own_of_x86(const Visitor<Interrupt>& visit, Notes& notes) {
    const auto whole = evidence_.address_of("irq_stat");
    for (const Counter& counter : counters) {
      Interrupt interrupt;
      interrupt.name = std::string(counter.name);
      if (!counter.variable.empty()) {
        const auto symbol = evidence_.address_of(counter.variable);
        if (!symbol) continue;
        count(*symbol, interrupt, notes);
      } else {
        const auto member = evidence_.member("irq_cpustat_t", counter.member);
        if (!whole || !member) continue;
        count(*whole + member->offset, interrupt, notes);
        // Those are counted among the function calls too.
        if (counter.name == "CAL") without_flushes(*whole, interrupt, notes);
      }
      if (counter.rare && interrupt.count == std::uint64_t{0}) continue;
      if (!visit(interrupt)) return;
    }
    for (const auto& [name, variable] :
         {std::pair{"ERR", "irq_err_count"}, std::pair{"MIS", "irq_mis_count"}}) {
      const auto value = evidence_.variable(variable, 4);
      if (!value) continue;
      Interrupt interrupt;
      interrupt.name = name;
      interrupt.count = *value;
      if (!visit(interrupt)) return;
    }
  }

  void without_flushes(std::uint64_t whole, Interrupt& calls, Notes& notes) {
    const auto member = evidence_.member("irq_cpustat_t", "irq_tlb_count");
    if (!member || !calls.count) return;
    Interrupt flushes;
    count(whole + member->offset, flushes, notes);
    if (flushes.per_cpu.size() != calls.per_cpu.size() || !flushes.count) return;
    for (std::size_t i = 0; i < calls.per_cpu.size(); ++i) {
      const std::uint64_t part = std::min(flushes.per_cpu[i], calls.per_cpu[i]);
      calls.per_cpu[i] -= part;
      *calls.count -= part;
    }
  }

  Evidence& evidence_;
  const Cpus& cpus_;
  std::uint64_t counts_left_ = most_counts;
  Field maple_root_{"maple_tree", "ma_root"}, array_head_{"xarray", "xa_head"};
  Field number_{"irq_desc", "irq_data.irq"}, name_{"irq_desc", "name"},
      chip_{"irq_desc", "irq_data.chip"}, chip_name_{"irq_chip", "name"},
      domain_{"irq_desc", "irq_data.domain"}, hardware_{"irq_desc", "irq_data.hwirq"},
      counts_{"irq_desc", "kstat_irqs"}, action_{"irq_desc", "action"},
      action_name_{"irqaction", "name"}, next_action_{"irqaction", "next"};
};

}  // namespace

Result<void> read_interrupts(Evidence& evidence, const Cpus& cpus, const Visitor<Interrupt>& visit,
                             Notes& notes) {
  return Interrupts(evidence, cpus).read(visit, notes);
}

}  // namespace panicroom::linux_kernel
