// Reads by kernel address through the browser's cache of blocks, for the native and the wasm build:
//
//   sliced_reads DUMP        prints "NAME READS_PER_SECOND" lines; tests/bench/wasm compares them
//
// The file is read as a browser's is: by slices, 64 MiB of which are kept. `copy` copies the same
// number of bytes out of this program's own memory, at random places of 64 MiB.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/kernel_addresses.h"
#include "wasm/slice_source.h"

namespace {

using namespace panicroom;
using Clock = std::chrono::steady_clock;

constexpr std::size_t kCache = std::size_t{64} << 20;

class FileReader final : public SliceReader {
 public:
  explicit FileReader(std::FILE* file) : file_(file) { std::setvbuf(file, nullptr, _IONBF, 0); }
  ~FileReader() override { std::fclose(file_); }
  Result<void> read(std::uint64_t offset, std::span<const MutableBytes> pieces) override {
    if (::fseeko(file_, static_cast<off_t>(offset), SEEK_SET) != 0)
      return fail(ErrorCode::io, "cannot seek");
    for (const MutableBytes piece : pieces)
      if (std::fread(piece.data(), 1, piece.size(), file_) != piece.size())
        return fail(ErrorCode::io, "cannot read");
    return {};
  }

 private:
  std::FILE* file_;
};

/// The best of three rounds of at least 0.3 seconds.
void measure(const char* name, std::size_t count, const std::function<bool(std::size_t)>& read) {
  double best = 0;
  for (int round = 0; round < 3; ++round) {
    const auto started = Clock::now();
    std::uint64_t done = 0;
    std::chrono::duration<double> taken{};
    do {
      for (std::size_t i = 0; i < count; ++i)
        if (!read(i)) {
          std::fprintf(stderr, "sliced_reads: %s: a read failed\n", name);
          std::exit(1);
        }
      done += count;
      taken = Clock::now() - started;
    } while (taken.count() < 0.3);
    best = std::max(best, static_cast<double>(done) / taken.count());
  }
  std::printf("%s %.0f\n", name, best);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: sliced_reads DUMP\n", stderr);
    return 2;
  }
  std::FILE* file = std::fopen(argv[1], "rb");
  if (file == nullptr) {
    std::perror(argv[1]);
    return 1;
  }
  const auto source = std::make_shared<SliceSource>(argv[1], std::filesystem::file_size(argv[1]),
                                                    std::make_unique<FileReader>(file),
                                                    std::make_shared<BlockCache>(kCache));
  const auto memory = bench::open_kernel_memory(source);
  if (!memory) {
    std::fprintf(stderr, "sliced_reads: %s\n", memory.error().message().c_str());
    return 1;
  }
  // What is read at random lies within the cache: the file system is not what is measured.
  const auto all = bench::present_pages(*memory, 1 << 18);
  const std::vector<std::uint64_t> pages(
      all.begin(), all.begin() + std::min<std::ptrdiff_t>(8192, std::ssize(all)));
  bench::Numbers numbers;
  std::vector<std::uint64_t> random_pages, random_words, words;
  for (std::size_t i = 0; i < 1 << 16; ++i) {
    random_pages.push_back(pages[numbers.next() % pages.size()]);
    random_words.push_back(random_pages.back() + numbers.next() % 512 * 8);
    words.push_back(pages[i / 512 % pages.size()] + i % 512 * 8);
  }
  AddressSpace space = memory->open();
  std::vector<std::byte> page(4096);
  std::uint64_t sum = 0;
  const auto read_word = [&](const std::vector<std::uint64_t>& addresses) {
    return [&](std::size_t i) {
      const auto word = space.u64(addresses[i]);
      sum += word.value_or(0);
      return word.has_value();
    };
  };
  const auto read_page = [&](const std::vector<std::uint64_t>& addresses) {
    return [&](std::size_t i) {
      const bool read = space.read(addresses[i], page).has_value();
      sum += std::to_integer<std::uint64_t>(page[i % 4096]);
      return read;
    };
  };
  measure("4KiB-random", random_pages.size(), read_page(random_pages));
  measure("4KiB-sequential", pages.size(), read_page(pages));
  measure("8B-random", random_words.size(), read_word(random_words));
  measure("8B-sequential", words.size(), read_word(words));
  const std::vector<std::byte> plain(kCache, std::byte{1});
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < 1 << 16; ++i)
    places.push_back(static_cast<std::size_t>(numbers.next() % (kCache / 4096)) * 4096);
  measure("copy-4KiB", places.size(), [&](std::size_t i) {
    std::memcpy(page.data(), plain.data() + places[i], page.size());
    sum += std::to_integer<std::uint64_t>(page[i % 4096]);
    return true;
  });
  std::fprintf(stderr, "%llu\n", static_cast<unsigned long long>(sum));  // nothing may be left out
  return 0;
}
