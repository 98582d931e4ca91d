// Reads by kernel address: read_bench DUMP [benchmark options]. The same addresses as
// kdumpfile_bench.
#include <benchmark/benchmark.h>

#include <cstdio>
#include <thread>

#include "core/memory/scan.h"
#include "native/io/mapped_file.h"
#include "tests/bench/kernel_addresses.h"

namespace {

using namespace panicroom;
using panicroom::bench::KernelMemory;

void read_words(benchmark::State& state, const KernelMemory& memory,
                const std::vector<std::uint64_t>& addresses) {
  AddressSpace space = memory.open();
  std::size_t i = 0;
  for (auto _ : state) {
    auto word = space.u64(addresses[i]);
    if (!word) {
      state.SkipWithError("a read failed");
      break;
    }
    benchmark::DoNotOptimize(*word);
    if (++i == addresses.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
}

void read_pages(benchmark::State& state, const KernelMemory& memory,
                const std::vector<std::uint64_t>& addresses) {
  AddressSpace space = memory.open();
  std::vector<std::byte> page(4096);
  std::size_t i = 0;
  for (auto _ : state) {
    if (!space.read(addresses[i], page)) {
      state.SkipWithError("a read failed");
      break;
    }
    benchmark::DoNotOptimize(page.data());
    if (++i == addresses.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * 4096);
}

/// What memcpy takes for the same pages where they lie in memory.
void copy_pages(benchmark::State& state, const KernelMemory& memory,
                const std::vector<std::uint64_t>& addresses) {
  std::vector<const std::byte*> places;
  for (const std::uint64_t address : addresses) {
    const Bytes view = memory.dump.memory->view(address - memory.direct_map);
    if (view.size() >= 4096) places.push_back(view.data());
  }
  if (places.empty()) {
    state.SkipWithError("no page of this dump lies in memory as it is");
    return;
  }
  std::vector<std::byte> page(4096);
  std::size_t i = 0;
  for (auto _ : state) {
    std::memcpy(page.data(), places[i], page.size());
    benchmark::DoNotOptimize(page.data());
    if (++i == places.size()) i = 0;
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * 4096);
}

void scan(benchmark::State& state, const KernelMemory& memory) {
  const auto workers = static_cast<unsigned>(state.range(0));
  const RunJobs in_threads = [](unsigned count, const std::function<void(unsigned)>& job) {
    std::vector<std::jthread> threads;
    for (unsigned i = 0; i < count; ++i) threads.emplace_back(job, i);
  };
  std::uint64_t pages = 0;
  for (auto _ : state) {
    std::vector<std::uint64_t> sums(workers * 16);
    const auto summary = scan_pages(
        *memory.dump.memory, workers, in_threads, [&](unsigned worker, std::uint64_t, Bytes page) {
          std::uint64_t sum = 0;
          for (std::size_t at = 0; at < page.size(); at += 8) {
            sum += load<std::uint64_t>(page.data() + at, std::endian::native);
          }
          sums[worker * 16] += sum;
          return true;
        });
    pages += summary.pages;
    benchmark::DoNotOptimize(sums.data());
  }
  state.SetItemsProcessed(static_cast<std::int64_t>(pages));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: read_bench DUMP [--benchmark_...]\n");
    return 2;
  }
  const auto file = open_mapped_file(argv[1]);
  const auto memory = file ? bench::open_kernel_memory(*file) : Failure(file.error());
  if (!memory) {
    std::fprintf(stderr, "read_bench: %s: %s\n", argv[1], memory.error().message().c_str());
    return 1;
  }
  const auto plan = bench::plan_of(*memory);
  std::fprintf(stderr, "%s, %zu pages, direct map at %#llx\n", memory->dump.format.c_str(),
               plan.sequential_pages.size(), static_cast<unsigned long long>(memory->direct_map));
  const auto with = [&](auto function, const std::vector<std::uint64_t>& addresses) {
    return [&memory, &addresses, function](benchmark::State& state) {
      function(state, *memory, addresses);
    };
  };
  benchmark::RegisterBenchmark("8 B random", with(read_words, plan.random_words));
  benchmark::RegisterBenchmark("8 B sequential", with(read_words, plan.sequential_words));
  benchmark::RegisterBenchmark("4 KiB random", with(read_pages, plan.random_pages));
  benchmark::RegisterBenchmark("4 KiB sequential", with(read_pages, plan.sequential_pages));
  benchmark::RegisterBenchmark("memcpy 4 KiB random", with(copy_pages, plan.random_pages));
  benchmark::RegisterBenchmark("memcpy 4 KiB sequential", with(copy_pages, plan.sequential_pages));
  auto* scans = benchmark::RegisterBenchmark(
      "scan of all pages", [&](benchmark::State& state) { scan(state, *memory); });
  scans->Arg(1)->UseRealTime();
  if (const unsigned cores = std::thread::hardware_concurrency(); cores > 1) {
    scans->Arg(static_cast<int>(cores));
  }
  argv[1] = argv[0];
  int left = argc - 1;
  benchmark::Initialize(&left, argv + 1);
  benchmark::RunSpecifiedBenchmarks();
  return 0;
}
