#include <stdexcept>

#include "tests/foundry/containers.h"

// Layout: NetBSD's and OpenBSD's sys/kcore.h, sys/core.h, machine/kcore.h; sizes after the dump
// code of amd64, i386 and aarch64, and after what savecore makes of it.

namespace foundry {
namespace {

constexpr std::size_t block = 512;

struct Style {
  std::uint64_t machine;
  std::size_t align;  ///< ALIGN() of that machine
};

Style style_of(const Image& image, bool openbsd) {
  if (image.architecture == "i386") return {134, 4};
  if (image.architecture == "x86_64") return {157, 8};
  if (image.architecture == "aarch64") return openbsd ? Style{159, 8} : Style{183, 16};
  throw std::runtime_error("no kcore is known of " + image.architecture);
}

std::size_t aligned(std::size_t value, std::size_t unit) {
  return (value + unit - 1) / unit * unit;
}

/// Network byte order, whatever the machine's is.
void append_midmag(Blob& out, std::uint64_t flags, std::uint64_t machine, std::uint64_t magic) {
  append(out, flags << 26U | machine << 16U | magic, 4, true);
}

/// A full dump has all memory, a sparse one the pages that were not left out.
std::vector<Range> runs_of(const Image& image, const KcoreOptions& options) {
  if (!options.sparse) return image.ram;
  std::vector<Range> runs;
  for (const Range& range : image.ram)
    for (std::uint64_t at = range.start; at < range.end; at += image.page) {
      if (image.excluded.contains(at)) continue;
      if (!runs.empty() && runs.back().end == at)
        runs.back().end += image.page;
      else
        runs.push_back({at, at + image.page});
    }
  return runs;
}

void append_runs(Blob& out, const std::vector<Range>& runs) {
  for (const Range& run : runs) append(out, run.start, 8), append(out, run.end - run.start, 8);
}

Blob cpu_header(const Image& image, const KcoreOptions& options, const std::vector<Range>& runs) {
  Blob out;
  if (image.architecture == "x86_64") {
    append(out, image.root, 8), append(out, runs.size(), 8);
    append_runs(out, runs);
  } else if (image.architecture == "i386" && options.openbsd) {
    // Whatever was on the stack.
    for (std::uint64_t at = 0; at < 504; at += 4) append(out, 0xd0c0a000 + at * 3, 4);
  } else if (image.architecture == "i386") {
    append(out, options.root != 0 ? options.root : image.root, 4);
    append(out, runs.size(), 4);
    append_runs(out, runs);
  } else if (options.openbsd) {
    append(out, options.kernel_base, 8), append(out, options.kernel_offset, 8);
    append(out, options.static_size, 8);
    out.resize(128);
    append_runs(out, runs);
    out.resize(256);
  } else {
    append(out, options.tcr1, 8), append(out, image.root | options.ttbr1_bits, 8);
    if (options.counted) append(out, runs.size(), 8);
    append_runs(out, runs);
    append(out, 0, 8), append(out, 0, 8);
  }
  return out;
}

}  // namespace

Blob kcore(const Image& image, const KcoreOptions& options) {
  const Style style = style_of(image, options.openbsd);
  std::vector<Range> runs = runs_of(image, options);
  // OpenBSD's i386 writes each page at its own address, with nothing in the holes.
  if (options.openbsd && image.architecture == "i386") runs = {{0, image.ram.back().end}};
  Blob cpu = cpu_header(image, options, runs);
  const std::size_t segment = aligned(8, style.align);
  cpu.resize(aligned(segment + cpu.size(), block) - segment);

  Blob out;
  if (options.device) {
    out.resize(static_cast<std::size_t>(options.device_offset));
    append_midmag(out, 1, style.machine, 0x8fca);
    append(out, cpu.size(), 4);
    out.resize(static_cast<std::size_t>(options.device_offset) + segment);
    out.insert(out.end(), cpu.begin(), cpu.end());
  } else {
    append_midmag(out, 0, style.machine, 0x8fca);
    append(out, aligned(12, style.align), 2), append(out, segment, 2), append(out, 2, 4);
    out.resize(aligned(12, style.align));
    std::size_t at = out.size();
    append_midmag(out, 1, 0, 0x8fac);
    append(out, cpu.size(), 4);
    out.resize(at + segment);
    out.insert(out.end(), cpu.begin(), cpu.end());
    at = out.size();
    append_midmag(out, 2, 0, 0x8fac);
    append(out, options.data_size, 4);
    out.resize(at + segment);
  }
  for (const Range& run : runs)
    for (std::uint64_t at = run.start; at < run.end; at += image.page) {
      const Blob page = image.page_bytes(at);
      out.insert(out.end(), page.begin(), page.end());
    }
  if (options.device) out.resize(out.size() + static_cast<std::size_t>(options.device_rest));
  return out;
}

}  // namespace foundry
