// Reads by kernel virtual address, ours and a peer's side by side: what kdumpfile_bench and
// fbsdvmcore_bench share.
//
// All read the same addresses in the same order. `random` visits each page once a pass, so that no
// page cache smaller than the dump's contents helps anybody. After each read the first and the last
// word of what was read are looked at; `summed` looks at every byte. `in place` is
// AddressSpace::view, which shows a mapped dump's own bytes; the peers can only copy.
#pragma once

#include <benchmark/benchmark.h>
#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "core/session/session.h"

namespace panicroom::bench {

constexpr std::size_t kPage = 4096;
using Page = std::array<std::byte, kPage>;

/// Answers false when not all of `length` bytes at `address` could be read.
using Reader = std::function<bool(std::uint64_t address, void* out, std::size_t length)>;
/// The bytes, in `out` or wherever they are; null when not all could be read.
using Viewer = std::function<const std::byte*(std::uint64_t address, Page& out)>;

inline std::uint64_t word_at(const std::byte* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
inline std::uint64_t sum_of(const std::byte* bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < kPage; at += 8) sum += word_at(bytes + at);
  return sum;
}

struct Plan {
  std::vector<std::uint64_t> sequential_pages, random_pages, sequential_words, random_words;
};

/// Orders the pages and words of a plan whose sequential pages are known.
inline void complete(Plan& plan) {
  std::mt19937_64 random(1);  // the same order in every run
  plan.random_pages = plan.sequential_pages;
  std::shuffle(plan.random_pages.begin(), plan.random_pages.end(), random);
  for (const std::uint64_t page : plan.random_pages) {
    plan.random_words.push_back(page + random() % (kPage / 8) * 8);
  }
  constexpr std::size_t most_words = 4'000'000;
  for (const std::uint64_t page : plan.sequential_pages) {
    if (plan.sequential_words.size() >= most_words) break;
    for (std::size_t at = 0; at < kPage; at += 8) plan.sequential_words.push_back(page + at);
  }
}

/// Keeps each benchmark's reads per second, for the ratios at the end.
class RatioReporter final : public benchmark::BenchmarkReporter {
 public:
  bool ReportContext(const Context&) override { return true; }
  void ReportRuns(const std::vector<Run>& runs) override {
    for (const Run& run : runs) {
      const auto rate = run.counters.find("items_per_second");
      if (run.run_type == Run::RT_Iteration && rate != run.counters.end()) {
        double& best = rates_[run.run_name.function_name];
        best = std::max(best, rate->second.value);
      }
    }
  }
  double rate(const std::string& name) const {
    const auto found = rates_.find(name);
    return found == rates_.end() ? 0 : found->second;
  }

 private:
  std::map<std::string, double> rates_;
};

inline void add(const std::string& name, const std::vector<std::uint64_t>& addresses,
                std::size_t length, Reader reader) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [&addresses, length, reader](benchmark::State& state) {
        Page out;
        for (auto _ : state) {
          for (const std::uint64_t address : addresses) {
            if (!reader(address, out.data(), length)) state.SkipWithError("a read failed");
            benchmark::DoNotOptimize(word_at(out.data()) + word_at(out.data() + length - 8));
          }
        }
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(addresses.size()));
      })
      ->Repetitions(3)
      ->MinTime(0.2)
      ->Unit(benchmark::kMillisecond);
}

inline void add_view(const std::string& name, const std::vector<std::uint64_t>& addresses,
                     bool summed, Viewer viewer) {
  benchmark::RegisterBenchmark(
      name.c_str(),
      [&addresses, summed, viewer](benchmark::State& state) {
        Page out;
        for (auto _ : state) {
          for (const std::uint64_t address : addresses) {
            const std::byte* const bytes = viewer(address, out);
            if (bytes == nullptr) {
              state.SkipWithError("a read failed");
              break;
            }
            benchmark::DoNotOptimize(summed ? sum_of(bytes)
                                            : word_at(bytes) + word_at(bytes + kPage - 8));
          }
        }
        state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(addresses.size()));
      })
      ->Repetitions(3)
      ->MinTime(0.2)
      ->Unit(benchmark::kMillisecond);
}

/// A dump that ours and the peer have opened, and what is read of it.
struct OpenedDump {
  std::string name;
  std::unique_ptr<Session> session;
  Reader peer;
  Plan plan;
};

/// Registers every benchmark of the dump, which must outlive them.
inline void add_all(const OpenedDump& dump) {
  AddressSpace* memory = *dump.session->memory(std::nullopt);
  const Reader ours = [memory](std::uint64_t address, void* out, std::size_t length) {
    return memory->read(address, {static_cast<std::byte*>(out), length}).has_value();
  };
  // The contents laid out in memory; an address is turned into a place there by its page frame.
  const std::uint64_t first = dump.plan.sequential_pages.front();
  const std::size_t span = dump.plan.sequential_pages.back() - first + kPage;
  auto plain = std::make_shared<std::vector<std::byte>>(span);
  for (const std::uint64_t page : dump.plan.sequential_pages)
    ours(page, plain->data() + (page - first), kPage);
  const Reader copy = [plain, first](std::uint64_t address, void* out, std::size_t length) {
    std::memcpy(out, plain->data() + (address - first), length);
    return true;
  };
  const auto side = [&](const std::string& who, const Reader& reader) {
    add(dump.name + "|4KiB sequential|" + who, dump.plan.sequential_pages, kPage, reader);
    add(dump.name + "|4KiB random|" + who, dump.plan.random_pages, kPage, reader);
    add(dump.name + "|8B sequential|" + who, dump.plan.sequential_words, 8, reader);
    add(dump.name + "|8B random|" + who, dump.plan.random_words, 8, reader);
  };
  side("panicroom", ours);
  side("peer", dump.peer);
  side("memcpy", copy);

  const auto copied = [](const Reader& reader) {
    return [reader](std::uint64_t address, Page& out) -> const std::byte* {
      return reader(address, out.data(), kPage) ? out.data() : nullptr;
    };
  };
  const Viewer in_place = [memory](std::uint64_t address, Page&) -> const std::byte* {
    const auto bytes = memory->view(address, kPage);
    return bytes ? bytes->data() : nullptr;
  };
  const Viewer plainly = [plain, first](std::uint64_t address, Page&) {
    return plain->data() + (address - first);
  };
  for (const bool summed : {false, true}) {
    const std::string stem = dump.name + (summed ? "|4KiB in place, summed|" : "|4KiB in place|");
    add_view(stem + "panicroom", dump.plan.random_pages, summed, in_place);
    add_view(stem + "peer", dump.plan.random_pages, summed, copied(dump.peer));
    add_view(stem + "memcpy", dump.plan.random_pages, summed, plainly);
  }
}

/// Runs what was registered and prints the ratios; `peer` is the name of the other program.
inline void run_and_print(const std::vector<std::unique_ptr<OpenedDump>>& dumps,
                          std::string_view peer) {
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  fmt::print("\n{:<28} {:<22} {:>14} {:>16} {:>8} {:>14}\n", "dump", "reads", "panicroom /s",
             fmt::format("{}/s", peer), "ratio", "of memory");
  for (const auto& dump : dumps) {
    for (const char* reads : {"4KiB sequential", "4KiB random", "4KiB in place",
                              "4KiB in place, summed", "8B sequential", "8B random"}) {
      const std::string stem = dump->name + "|" + reads + "|";
      const double ours = reporter.rate(stem + "panicroom");
      const double theirs = reporter.rate(stem + "peer");
      if (ours <= 0 || theirs <= 0) continue;
      fmt::print("{:<28} {:<22} {:>14.0f} {:>16.0f} {:>7.2f}x {:>13.1f}%\n", dump->name, reads,
                 ours, theirs, ours / theirs, 100 * ours / reporter.rate(stem + "memcpy"));
    }
  }
}

}  // namespace panicroom::bench
