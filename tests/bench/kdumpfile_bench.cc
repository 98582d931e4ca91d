// Reads by kernel virtual address: ours against libkdumpfile and against plain memory.
//
//   kdumpfile_bench DUMP...     (Linux dumps of this machine's architecture)
//
// The addresses are every page of the direct map that is in the dump, but no compressed pages of
// zeros (the file has one for all).
#include <fcntl.h>
#include <libkdumpfile/kdumpfile.h>
#include <unistd.h>

#include "native/io/mapped_file.h"
#include "tests/bench/side_by_side.h"

namespace panicroom::bench {
namespace {

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
  complete(plan);
  return plan;
}

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
  const auto peer = Kdumpfile::open(path, why);
  if (peer == nullptr) return "libkdumpfile: " + why;
  dump.peer = [peer](std::uint64_t address, void* out, std::size_t length) {
    return peer->read(address, out, length);
  };
  dump.plan = plan_of(**memory, *direct_map, dump.peer);
  if (dump.plan.sequential_pages.empty()) return "no page can be read by both";
  return std::nullopt;
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
  run_and_print(dumps, "libkdumpfile");
  return 0;
}

}  // namespace
}  // namespace panicroom::bench

int main(int count, char** arguments) { return panicroom::bench::run(count, arguments); }
