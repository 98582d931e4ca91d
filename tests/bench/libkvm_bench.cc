// kvm(3) against kvm(3): libkvm's own calls and libfbsdvmcore's, opening and reading, in one run.
//
//   libkvm_bench DUMP KERNEL    (a FreeBSD amd64 minidump)
//
// The addresses are the pages that libfbsdvmcore itself lists and both read alike.
#include <fcntl.h>
#include <fvc.h>
#include <kvm.h>

#include <climits>
#include <set>

#include "tests/bench/side_by_side.h"

namespace panicroom::bench {
namespace {

int take_page(struct fvc_page* page, void* to) {
  auto& pages = *static_cast<std::set<std::uint64_t>*>(to);
  if (page->kp_kmap_vaddr != 0 && page->kp_len == kPage) pages.insert(page->kp_kmap_vaddr);
  if (page->kp_dmap_vaddr != 0 && page->kp_len == kPage) pages.insert(page->kp_dmap_vaddr);
  return 1;
}

void add_open(const std::string& name, const std::function<bool()>& open) {
  benchmark::RegisterBenchmark(name.c_str(),
                               [open](benchmark::State& state) {
                                 for (auto _ : state)
                                   if (!open()) state.SkipWithError("the opening failed");
                                 state.SetItemsProcessed(state.iterations());
                               })
      ->Repetitions(3)
      ->MinTime(0.2);
}

int run(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (count != 3) {
    fmt::print(stderr, "usage: libkvm_bench [--benchmark_...] DUMP KERNEL\n");
    return 2;
  }
  const char* const dump = arguments[1];
  const char* const kernel = arguments[2];
  char why[_POSIX2_LINE_MAX] = {};
  kvm_t* const ours = kvm_openfiles(kernel, dump, nullptr, O_RDONLY, why);
  fvc_t* const peer = fvc_open(kernel, dump, why, nullptr, nullptr);
  if (ours == nullptr || peer == nullptr) {
    fmt::print(stderr, "libkvm_bench: {}: {}\n", dump, why);
    return 1;
  }
  std::set<std::uint64_t> listed;
  fvc_walk_pages(peer, take_page, &listed);
  Plan plan;
  Page one, other;
  for (const std::uint64_t page : listed) {
    const bool both = kvm_read(ours, page, one.data(), kPage) == static_cast<ssize_t>(kPage) &&
                      fvc_read(peer, page, other.data(), kPage) == static_cast<ssize_t>(kPage);
    if (!both) continue;
    if (one != other) fmt::print(stderr, "the readers differ on the page at {:#x}\n", page);
    plan.sequential_pages.push_back(page);
  }
  if (plan.sequential_pages.empty()) {
    fmt::print(stderr, "libkvm_bench: {}: no page can be read by both\n", dump);
    return 1;
  }
  complete(plan);

  const Reader our_reads = [ours](std::uint64_t address, void* out, std::size_t length) {
    return kvm_read(ours, address, out, length) == static_cast<ssize_t>(length);
  };
  const Reader peer_reads = [peer](std::uint64_t address, void* out, std::size_t length) {
    return fvc_read(peer, address, out, length) == static_cast<ssize_t>(length);
  };
  add_open("open|panicroom", [&] {
    kvm_t* const opened = kvm_openfiles(kernel, dump, nullptr, O_RDONLY, why);
    return opened != nullptr && kvm_close(opened) == 0;
  });
  add_open("open|peer", [&] {
    fvc_t* const opened = fvc_open(kernel, dump, why, nullptr, nullptr);
    return opened != nullptr && fvc_close(opened) == 0;
  });
  for (const auto& [who, reader] :
       {std::pair("panicroom", our_reads), std::pair("peer", peer_reads)}) {
    add(fmt::format("8B random|{}", who), plan.random_words, 8, reader);
    add(fmt::format("8B sequential|{}", who), plan.sequential_words, 8, reader);
    add(fmt::format("4KiB random|{}", who), plan.random_pages, kPage, reader);
  }
  RatioReporter reporter;
  benchmark::RunSpecifiedBenchmarks(&reporter);
  fmt::print("\n{:<16} {:>14} {:>16} {:>8}\n", "", "libkvm /s", "libfbsdvmcore /s", "ratio");
  for (const std::string what : {"open", "8B random", "8B sequential", "4KiB random"}) {
    const double us = reporter.rate(what + "|panicroom"), them = reporter.rate(what + "|peer");
    fmt::print("{:<16} {:>14.0f} {:>16.0f} {:>7.2f}x\n", what, us, them, us / them);
  }
  kvm_close(ours);
  fvc_close(peer);
  return 0;
}

}  // namespace
}  // namespace panicroom::bench

int main(int count, char** arguments) { return panicroom::bench::run(count, arguments); }
