// Reads by kernel virtual address: ours against libkdumpfile and against a plain copy out of
// memory.
//
//   kdumpfile_bench DUMP...     (Linux dumps of this machine's architecture)
//
// Both read the same addresses in the same order: every page of the direct map that is in the dump,
// but no compressed pages of zeros (the file has one for all). `random` visits each page once a
// pass, so that no page cache smaller than the dump's contents helps anybody. After each read the
// first and the last word of what was read are looked at; `summed` looks at every byte. `in place`
// is AddressSpace::view, which shows a mapped dump's own bytes; libkdumpfile can only copy.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <libkdumpfile/kdumpfile.h>
#include <unistd.h>

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
#include <vector>

#include "core/session/session.h"
#include "native/io/mapped_file.h"

namespace panicroom {
namespace {

constexpr std::size_t kPage = 4096;
using Page = std::array<std::byte, kPage>;

/// Answers false when not all of `length` bytes at `address` could be read.
using Reader = std::function<bool(std::uint64_t address, void* out, std::size_t length)>;
/// The bytes, in `out` or wherever they are; null when not all could be read.
using Viewer = std::function<const std::byte*(std::uint64_t address, Page& out)>;

std::uint64_t word_at(const std::byte* at) {
  std::uint64_t word = 0;
  std::memcpy(&word, at, sizeof word);
  return word;
}
std::uint64_t sum_of(const std::byte* bytes) {
  std::uint64_t sum = 0;
  for (std::size_t at = 0; at < kPage; at += 8) sum += word_at(bytes + at);
  return sum;
}

class Kdumpfile {
 public:
  /// Null when libkdumpfile cannot open the dump; `why` then says so.
  static std::shared_ptr<Kdumpfile> open(const std::string& path, std::string& why) {
    std::shared_ptr<Kdumpfile> opened(new Kdumpfile);
    opened->file_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    opened->context_ = kdump_new();
    if (opened->file_ < 0 || opened->context_ == nullptr) {
      why = "cannot be opened";
      return nullptr;
    }
    if (kdump_open_fd(opened->context_, opened->file_) != KDUMP_OK ||
        kdump_set_string_attr(opened->context_, KDUMP_ATTR_OSTYPE, "linux") != KDUMP_OK) {
      why = kdump_get_err(opened->context_);
      return nullptr;
    }
    return opened;
  }
  ~Kdumpfile() {
    if (context_ != nullptr) kdump_free(context_);
    if (file_ >= 0) ::close(file_);
  }
  Kdumpfile(const Kdumpfile&) = delete;
  Kdumpfile& operator=(const Kdumpfile&) = delete;

  bool read(std::uint64_t address, void* out, std::size_t length) {
    std::size_t got = length;
    return kdump_read(context_, KDUMP_KVADDR, address, out, &got) == KDUMP_OK && got == length;
  }

 private:
  Kdumpfile() = default;
  kdump_ctx_t* context_ = nullptr;
  int file_ = -1;
};

struct Plan {
  std::vector<std::uint64_t> sequential_pages, random_pages, sequential_words, random_words;
};

/// The addresses, from the pages that `reader` can read.
Plan plan_of(AddressSpace& memory, std::uint64_t direct_map, const Reader& peer) {
  const Page zeros{};
  Plan plan;
  Page ours, theirs;
  memory.physical().memory().ranges([&](const PhysicalRange& range) {
    if (!range.present) return true;
    for (std::uint64_t at = range.start; at + kPage <= range.end; at += kPage) {
      const std::uint64_t address = direct_map + at;
      if (!memory.read(address, ours) || !peer(address, theirs.data(), kPage)) continue;
      if (ours != theirs) fmt::print(stderr, "the readers differ on the page at {:#x}\n", address);
      const bool compressed = memory.physical().memory().locate(at).codec != Codec::none;
      if (!compressed || ours != zeros) plan.sequential_pages.push_back(address);
    }
    return true;
  });
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
  return plan;
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

void add(const std::string& name, const std::vector<std::uint64_t>& addresses, std::size_t length,
         Reader reader) {
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

void add_view(const std::string& name, const std::vector<std::uint64_t>& addresses, bool summed,
              Viewer viewer) {
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

struct OpenedDump {
  std::string name;
  std::unique_ptr<Session> session;
  std::shared_ptr<Kdumpfile> peer;
  Plan plan;
};

std::optional<std::string> prepare(const std::string& path, OpenedDump& dump) {
  dump.name = path.substr(path.find_last_of('/') + 1);
  auto file = open_mapped_file(path);
  if (!file) return "cannot be opened";
  auto session = Session::open({*file});
  if (!session || (*session)->kernel() == nullptr) return "panicroom finds no kernel in it";
  dump.session = std::move(*session);
  auto memory = dump.session->memory(std::nullopt);
  const auto variable = dump.session->resolve("page_offset_base");
  if (!memory || !variable) return "it has no symbol page_offset_base";
  const auto direct_map = (*memory)->u64(*variable);
  if (!direct_map) return "page_offset_base cannot be read";
  std::string why;
  dump.peer = Kdumpfile::open(path, why);
  if (dump.peer == nullptr) return "libkdumpfile: " + why;
  dump.plan = plan_of(**memory, *direct_map,
                      [peer = dump.peer](std::uint64_t address, void* out, std::size_t length) {
                        return peer->read(address, out, length);
                      });
  if (dump.plan.sequential_pages.empty()) return "no page can be read by both";
  return std::nullopt;
}

void add_all(const OpenedDump& dump) {
  AddressSpace* memory = *dump.session->memory(std::nullopt);
  const Reader ours = [memory](std::uint64_t address, void* out, std::size_t length) {
    return memory->read(address, {static_cast<std::byte*>(out), length}).has_value();
  };
  const Reader theirs = [peer = dump.peer](std::uint64_t address, void* out, std::size_t length) {
    return peer->read(address, out, length);
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
  side("libkdumpfile", theirs);
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
    add_view(stem + "libkdumpfile", dump.plan.random_pages, summed, copied(theirs));
    add_view(stem + "memcpy", dump.plan.random_pages, summed, plainly);
  }
}

int run(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  std::vector<std::unique_ptr<OpenedDump>> dumps;
  for (int i = 1; i < count; ++i) {
    auto dump = std::make_unique<OpenedDump>();
    if (const auto why = prepare(arguments[i], *dump)) {
      fmt::print(stderr, "kdumpfile_bench: {}: {}\n", arguments[i], *why);
      return 1;
    }
    add_all(*dump);
    dumps.push_back(std::move(dump));
  }
  if (dumps.empty()) {
    fmt::print(stderr, "usage: kdumpfile_bench [--benchmark_...] DUMP...\n");
    return 2;
  }
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  fmt::print("\n{:<28} {:<22} {:>14} {:>14} {:>8} {:>14}\n", "dump", "reads", "panicroom /s",
             "libkdumpfile/s", "ratio", "of memory");
  for (const auto& dump : dumps) {
    for (const char* reads : {"4KiB sequential", "4KiB random", "4KiB in place",
                              "4KiB in place, summed", "8B sequential", "8B random"}) {
      const std::string stem = dump->name + "|" + reads + "|";
      const double ours = reporter.rate(stem + "panicroom");
      const double theirs = reporter.rate(stem + "libkdumpfile");
      if (ours <= 0 || theirs <= 0) continue;
      fmt::print("{:<28} {:<22} {:>14.0f} {:>14.0f} {:>7.2f}x {:>13.1f}%\n", dump->name, reads,
                 ours, theirs, ours / theirs, 100 * ours / reporter.rate(stem + "memcpy"));
    }
  }
  return 0;
}

}  // namespace
}  // namespace panicroom

int main(int count, char** arguments) { return panicroom::run(count, arguments); }
