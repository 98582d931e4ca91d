// The machine as a whole: load, swap, processors. Shared by the BSDs' faces.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/machine.h"
#include "native/libkvm/record_values.h"

namespace kvm = panicroom::kvm;
using panicroom::Kernel;
using panicroom::Notes;

namespace panicroom::kvm {

int list_swap(Handle& handle, int room, bool with_prefix,
              const std::function<void(std::size_t, const SwapDevice&)>& put) {
  Kernel* const kernel = handle.kernel();
  if (kernel == nullptr) return -1;
  if (room < 1) {
    handle.hard("kvm_getswapinfo: no room for the total");
    return -1;
  }
  const std::uint64_t page = handle.session()->dump().machine.page_size;
  const auto devices = static_cast<std::size_t>(room - 1);
  std::size_t shown = 0;
  SwapDevice total;
  Notes notes;
  const auto walked = kernel->swap_areas(
      [&](const SwapArea& area) {
        SwapDevice device{area.path.value_or(""), area.used.value_or(0) / page,
                          area.size.value_or(0) / page};
        constexpr std::string_view prefix = "/dev/";
        if (device.name.starts_with(prefix) && !with_prefix) device.name.erase(0, prefix.size());
        total.used += device.used;
        total.total += device.total;
        if (shown < devices) put(shown++, device);
        return true;
      },
      notes);
  if (!walked) {
    handle.hard(walked.error().message());
    return -1;
  }
  put(shown, total);
  return static_cast<int>(shown);
}

}  // namespace panicroom::kvm

int kvm_getloadavg(kvm_t* kd, double loadavg[], int nelem) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    Kernel* const kernel = handle.kernel();
    if (kernel == nullptr) return -1;
    Notes notes;
    const auto load = kernel->load(notes);
    if (!load || !load->one || !load->five || !load->fifteen) {
      const auto said = notes.take();
      handle.hard(!load          ? load.error().message()
                  : said.empty() ? "the load averages cannot be read"
                                 : said.front().text);
      return -1;
    }
    const double averages[] = {*load->one, *load->five, *load->fifteen};
    const int count = std::clamp(nelem, 0, 3);
    std::copy_n(averages, count, loadavg);
    return count;
  });
}

int kvm_getswapinfo(kvm_t* kd, struct kvm_swap* swap, int maxswap, int flags) {
  if (kd == nullptr) return 0;  // asks to forget what was kept of earlier calls: nothing is
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    return kvm::list_swap(handle, maxswap, (flags & SWIF_DEV_PREFIX) != 0,
                          [&](std::size_t index, const kvm::SwapDevice& device) {
                            swap[index] = {};
                            kvm::copy_text(swap[index].ksw_devname, device.name);
                            swap[index].ksw_used = static_cast<unsigned>(device.used);
                            swap[index].ksw_total = static_cast<unsigned>(device.total);
                          });
  });
}

int kvm_getmaxcpu(kvm_t* kd) {
  if (kd == nullptr) return 0;
  return kvm::answer<int>(kd, -1, [](kvm::Handle& handle) {
    const auto count = handle.variable("mp_maxcpus", sizeof(int));
    return count ? static_cast<int>(*count) : -1;
  });
}

int kvm_getncpus(kvm_t* kd) {
  return kvm::answer<int>(kd, -1, [](kvm::Handle& handle) {
    const auto count = handle.variable("mp_ncpus", sizeof(int));
    return count ? static_cast<int>(*count) : -1;
  });
}

namespace {

/// The processors, or nothing, with a hard error.
std::optional<std::vector<panicroom::Processor>> processors(kvm::Handle& handle) {
  Kernel* const kernel = handle.kernel();
  if (kernel == nullptr) return std::nullopt;
  std::vector<panicroom::Processor> all;
  Notes notes;
  const auto walked = kernel->cpus(
      [&](const panicroom::Processor& one) {
        all.push_back(one);
        return true;
      },
      notes);
  if (walked) return all;
  handle.hard(walked.error().message());
  return std::nullopt;
}

/// That of a number; null, with a hard error, where there is none.
const panicroom::Processor* with_number(kvm::Handle& handle,
                                        const std::vector<panicroom::Processor>& all,
                                        std::int64_t number) {
  for (const panicroom::Processor& one : all)
    if (one.number == number) return &one;
  handle.hard(fmt::format("no processor {}", number));
  return nullptr;
}

/// What a per-processor zone gave out at `base`, as `cpu` has it. Nothing, with a hard error.
std::optional<std::uint64_t> in_zone(kvm::Handle& handle, const panicroom::Processor& cpu,
                                     std::uint64_t base) {
  if (cpu.zone_offset) return base + *cpu.zone_offset;
  handle.hard(fmt::format("where the zones of processor {} lie is not known", cpu.number));
  return std::nullopt;
}

/// Bytes of a struct pcpu: by the types, else the page that kernels since FreeBSD 12 give it.
std::uint64_t size_of_pcpu(kvm::Handle& handle) {
  const auto types = handle.session()->types();
  const auto size = types ? (*types)->size_of("struct pcpu")
                          : panicroom::Result<std::uint64_t>(panicroom::Failure(types.error()));
  return size ? std::min(*size, std::uint64_t{1} << 20)
              : handle.session()->dump().machine.page_size;
}

}  // namespace

// Null where there is no such processor, (void *)-1 where that cannot be told.
void* kvm_getpcpu(kvm_t* kd, int cpu) {
  void* const failure = kvm::pointer<void>(~std::uint64_t{0});
  if (kd == nullptr) return nullptr;
  return kvm::answer<void*>(kd, failure, [&](kvm::Handle& handle) -> void* {
    const auto all = processors(handle);
    if (!all) return failure;
    for (const panicroom::Processor& one : *all) {
      if (one.number != cpu || !one.structure) continue;
      std::vector<std::byte> bytes(static_cast<std::size_t>(size_of_pcpu(handle)));
      if (handle.read(*one.structure, bytes.data(), bytes.size()) !=
          static_cast<ssize_t>(bytes.size()))
        return failure;
      void* const copy = std::malloc(bytes.size());
      if (copy == nullptr) throw std::bad_alloc();
      return std::memcpy(copy, bytes.data(), bytes.size());
    }
    return nullptr;
  });
}

ssize_t kvm_read_zpcpu(kvm_t* kd, unsigned long base, void* buf, size_t size, int cpu) {
  return kvm::answer<ssize_t>(kd, -1, [&](kvm::Handle& handle) -> ssize_t {
    const auto all = processors(handle);
    const auto* const one = all ? with_number(handle, *all, cpu) : nullptr;
    const auto address = one != nullptr ? in_zone(handle, *one, base) : std::nullopt;
    return address ? handle.read(*address, buf, size) : -1;
  });
}

// 0 is also the answer where it cannot be read, as with FreeBSD's own; kvm_geterr then has why.
uint64_t kvm_counter_u64_fetch(kvm_t* kd, unsigned long base) {
  return kvm::answer<uint64_t>(kd, 0, [&](kvm::Handle& handle) -> uint64_t {
    const auto all = processors(handle);
    if (!all) return 0;
    std::uint64_t sum = 0;
    for (const panicroom::Processor& one : *all) {
      std::uint64_t value = 0;
      const auto address = in_zone(handle, one, base);
      if (!address || handle.read(*address, &value, sizeof value) != sizeof value) return 0;
      sum += value;
    }
    return sum;
  });
}

int kvm_dpcpu_setcpu(kvm_t* kd, unsigned int cpu) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    const auto all = processors(handle);
    if (!all || with_number(handle, *all, cpu) == nullptr) return -1;
    handle.cpu = cpu;
    return 0;
  });
}

namespace {

constexpr std::size_t cpu_states = 5;  // CPUSTATES: user, nice, system, interrupt, idle

/// Adds the ticks at `address`, an array of the kernel's longs.
panicroom::Result<void> add_times(panicroom::AddressSpace& memory, std::uint64_t address,
                                  long (&times)[cpu_states]) {
  const std::uint64_t width = memory.machine().pointer_size;
  for (std::size_t state = 0; state < cpu_states; ++state) {
    PANICROOM_TRY(ticks, memory.integer(address + state * width, width));
    times[state] += static_cast<long>(ticks);
  }
  return {};
}

/// The variable `cp_time`; where kernels have none any more, what their processors have.
panicroom::Result<void> add_all_times(kvm::Handle& handle, Kernel& kernel,
                                      long (&times)[cpu_states]) {
  const auto variable = handle.session()->resolve("cp_time");
  if (variable) return add_times(kernel.memory(), *variable, times);
  const auto types = handle.session()->types();
  const auto member = types ? (*types)->member("pcpu", "pc_cp_time")
                            : panicroom::Result<panicroom::Member>(
                                  panicroom::Failure(types.error().within("cp_time")));
  if (!member) return panicroom::Failure(member.error());
  panicroom::Result<void> added = panicroom::fail(
      panicroom::ErrorCode::no_symbol, "neither cp_time nor where a processor counts is known");
  Notes notes;
  PANICROOM_CHECK(kernel.cpus(
      [&](const panicroom::Processor& one) {
        if (!one.structure) return true;
        added = add_times(kernel.memory(), *one.structure + member->offset, times);
        return added.has_value();
      },
      notes));
  return added;
}

}  // namespace

int kvm_getcptime(kvm_t* kd, long* cp_time) {
  if (kd == nullptr) return 0;
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    Kernel* const kernel = handle.kernel();
    if (kernel == nullptr) return -1;
    long times[cpu_states] = {};
    if (const auto added = add_all_times(handle, *kernel, times); !added) {
      handle.hard(added.error().message());
      return -1;
    }
    std::copy_n(times, cpu_states, cp_time);
    return 0;
  });
}
