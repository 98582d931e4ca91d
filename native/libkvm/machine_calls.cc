// The machine as a whole: load, swap, processors. Shared by the BSDs' faces.
#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/machine.h"

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

int kvm_dpcpu_setcpu(kvm_t* kd, unsigned int cpu) {
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    Kernel* const kernel = handle.kernel();
    if (kernel == nullptr) return -1;
    bool there = false;
    Notes notes;
    const auto walked = kernel->cpus(
        [&](const panicroom::Processor& one) {
          there = one.number == static_cast<std::int64_t>(cpu);
          return !there;
        },
        notes);
    if (there) {
      handle.cpu = cpu;
      return 0;
    }
    handle.hard(walked ? fmt::format("no processor {}", cpu) : walked.error().message());
    return -1;
  });
}

int kvm_getcptime(kvm_t* kd, long* cp_time) {
  if (kd == nullptr) return 0;
  return kvm::answer<int>(kd, -1, [&](kvm::Handle& handle) {
    constexpr std::size_t states = 5;  // CPUSTATES: user, nice, system, interrupt, idle
    panicroom::AddressSpace* const memory = handle.memory();
    if (memory == nullptr) return -1;
    const auto address = handle.session()->resolve("cp_time");
    if (!address) {
      handle.hard(address.error().message());
      return -1;
    }
    long times[states] = {};
    const std::uint64_t width = memory->machine().pointer_size;
    for (std::size_t state = 0; state < states; ++state) {
      const auto ticks = memory->integer(*address + state * width, width);
      if (!ticks) {
        handle.hard(ticks.error().message());
        return -1;
      }
      times[state] = static_cast<long>(*ticks);
    }
    std::copy_n(times, states, cp_time);
    return 0;
  });
}
