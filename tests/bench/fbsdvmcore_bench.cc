// Reads by kernel virtual address: ours against libfbsdvmcore and against plain memory.
//
//   fbsdvmcore_bench DUMP KERNEL    (a FreeBSD amd64 minidump)
//
// libfbsdvmcore is no Debian package: this program is built where CMake finds it
// (CMAKE_PREFIX_PATH). The addresses are those that libfbsdvmcore itself lists: `map` through the
// minidump's page map, `direct` through the direct map.
#include <fvc.h>

#include <climits>

#include "native/io/mapped_file.h"
#include "tests/bench/side_by_side.h"

namespace panicroom::bench {
namespace {

struct Pages {
  std::vector<std::uint64_t> mapped, direct;
};

int take_page(struct fvc_page* page, void* to) {
  auto& pages = *static_cast<Pages*>(to);
  if (page->kp_len != kPage) return 1;
  if (page->kp_kmap_vaddr != 0) pages.mapped.push_back(page->kp_kmap_vaddr);
  if (page->kp_dmap_vaddr != 0) pages.direct.push_back(page->kp_dmap_vaddr);
  return 1;
}

std::optional<std::string> prepare(const std::string& dump_path, const std::string& kernel_path,
                                   std::vector<std::unique_ptr<OpenedDump>>& dumps) {
  char message[_POSIX2_LINE_MAX] = {};
  fvc_t* const peer = fvc_open(kernel_path.c_str(), dump_path.c_str(), message, nullptr, nullptr);
  if (peer == nullptr) return std::string("libfbsdvmcore: ") + message;
  Pages pages;
  fvc_walk_pages(peer, take_page, &pages);
  for (const bool direct : {false, true}) {
    auto opened = std::make_unique<OpenedDump>();
    opened->name = direct ? "direct" : "map";
    auto file = open_mapped_file(dump_path);
    auto kernel = open_mapped_file(kernel_path);
    if (!file || !kernel) return "a file cannot be opened";
    auto session = Session::open({*file, *kernel});
    if (!session || (*session)->kernel() == nullptr) return "panicroom finds no kernel in it";
    opened->session = std::move(*session);
    opened->peer = [peer](std::uint64_t address, void* out, std::size_t length) {
      return fvc_read(peer, address, out, length) == static_cast<ssize_t>(length);
    };
    AddressSpace* memory = *opened->session->memory(std::nullopt);
    Page ours, theirs;
    for (const std::uint64_t address : direct ? pages.direct : pages.mapped) {
      if (!memory->read(address, ours) || !opened->peer(address, theirs.data(), kPage)) continue;
      if (ours != theirs) fmt::print(stderr, "the readers differ on the page at {:#x}\n", address);
      opened->plan.sequential_pages.push_back(address);
    }
    std::sort(opened->plan.sequential_pages.begin(), opened->plan.sequential_pages.end());
    // A page may be mapped at addresses far apart; the plain copy needs one stretch.
    auto& all = opened->plan.sequential_pages;
    const auto near = [&](std::uint64_t address) { return address - all.front() < (1ULL << 32); };
    all.erase(std::partition_point(all.begin(), all.end(), near), all.end());
    if (all.empty()) continue;
    complete(opened->plan);
    add_all(*opened);
    dumps.push_back(std::move(opened));
  }
  if (dumps.empty()) return "no page can be read by both";
  return std::nullopt;
}

int run(int count, char** arguments) {
  benchmark::Initialize(&count, arguments);
  if (count != 3) {
    fmt::print(stderr, "usage: fbsdvmcore_bench [--benchmark_...] DUMP KERNEL\n");
    return 2;
  }
  std::vector<std::unique_ptr<OpenedDump>> dumps;
  if (const auto why = prepare(arguments[1], arguments[2], dumps)) {
    fmt::print(stderr, "fbsdvmcore_bench: {}: {}\n", arguments[1], *why);
    return 1;
  }
  run_and_print(dumps, "libfbsdvmcore");
  return 0;
}

}  // namespace
}  // namespace panicroom::bench

int main(int count, char** arguments) { return panicroom::bench::run(count, arguments); }
