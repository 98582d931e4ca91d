#include "tests/foundry/illumos_dump.h"

#include <bzlib.h>
#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <functional>
#include <stdexcept>

#include "tests/foundry/containers.h"

// Layouts: illumos-gate usr/src/uts/common/sys/dumphdr.h and mem.h; OpenSolaris's dumphdr.h of 2007
// for version 9. What goes where: dumpsys() of usr/src/uts/common/os/dumpsubr.c for the device,
// usr/src/cmd/savecore/savecore.c for vmcore.N and vmdump.N.

namespace foundry {
namespace {

constexpr std::uint64_t device_unit = 65536;

std::uint64_t rounded(std::uint64_t value, std::uint64_t unit) {
  return (value + unit - 1) / unit * unit;
}

struct Shown {
  std::uint64_t as = 0, page = 0, physical = 0;
};

class Writer {
 public:
  Writer(const Image& image, const IllumosOptions& options) : image_(image), options_(options) {
    for (const Range& range : image.ram)
      for (std::uint64_t at = range.start / image.page * image.page; at < range.end;
           at += image.page)
        if (!image.excluded.contains(at)) pages_.push_back(at);
    std::sort(pages_.begin(), pages_.end());
    pages_.erase(std::unique(pages_.begin(), pages_.end()), pages_.end());
    const auto show = [&](std::uint64_t as, const Mapping& mapping) {
      for (std::uint64_t at = 0; at < mapping.size; at += image.page)
        if (options_.strays ||
            std::binary_search(pages_.begin(), pages_.end(), mapping.physical + at))
          shown_.push_back({as, mapping.virtual_address + at, mapping.physical + at});
    };
    for (const Mapping& mapping : image.mappings) show(options_.kas, mapping);
    for (const auto& [as, mapping] : image.spaces) show(as, mapping);
    // highbit() counts from 1.
    hash_mask_ = shown_.empty() ? 0 : (1ULL << std::bit_width(shown_.size() - 1)) - 1;
    if (!options_.no_symbols) symbols_ = with_absolute_symbols(kernel_file(image));
    stored_symbols_ = options_.plain_symbols ? symbols_ : lzjb(symbols_);
  }

  Blob vmcore() {
    const std::uint64_t entry = 24 + 2 * options_.word;
    ksyms_ = image_.page;
    pfn_ = ksyms_ + rounded(symbols_.size(), image_.page);
    map_ = pfn_ + rounded(pages_.size() * options_.word, image_.page);
    data_ = map_ + rounded((hash_mask_ + 1) * entry, image_.page);
    Blob out;
    place(out, 0, header(0));
    place(out, ksyms_, stored_symbols_);
    place(out, pfn_, frames());
    place(out, map_, hashed(entry));
    out.resize(static_cast<std::size_t>(data_));
    for (const std::uint64_t page : pages_) {
      const Blob bytes = image_.page_bytes(page);
      out.insert(out.end(), bytes.begin(), bytes.end());
    }
    if (options_.short_tail) {
      std::size_t pages = pages_.size();
      while (pages != 0 && is_zero(pages_[pages - 1])) --pages;
      out.resize(static_cast<std::size_t>(data_ + pages * image_.page));
    }
    return out;
  }

  /// vmdump.N: a device in small, whose dump begins at 0.
  Blob vmdump() {
    const Blob records = data();
    ksyms_ = rounded(header(0).size(), image_.page);
    pfn_ = rounded(ksyms_ + stored_symbols_.size(), image_.page);
    map_ = rounded(pfn_ + frames().size(), image_.page);
    data_ = rounded(map_ + raw_map().size(), image_.page);
    Blob out = sections(records);
    // At least one byte of padding, as savecore does it.
    out.resize(out.size() / device_unit * device_unit + device_unit);
    place(out, out.size(), trailer(records.size()));
    out.resize(static_cast<std::size_t>(rounded(out.size(), device_unit)));
    place(out, 0, header(compressed_flag() | 1));
    return out;
  }

  Blob device() {
    const Blob records = data();
    start_ = device_unit;
    ksyms_ = start_ + image_.page;
    map_ = rounded(ksyms_ + stored_symbols_.size(), image_.page);
    pfn_ = rounded(map_ + raw_map().size(), image_.page);
    data_ = rounded(pfn_ + frames().size(), image_.page);
    Blob out = sections(records);
    if (!options_.overwritten) place(out, start_, header(compressed_flag() | 1));
    // Room that a later use of the device left full of something.
    const std::uint64_t size = rounded(out.size() + 3 * device_unit, device_unit) + 5 * 512;
    while (out.size() < size) out.push_back(static_cast<std::uint8_t>(out.size() * 37));
    place(out, (size - device_unit) / device_unit * device_unit, trailer(records.size()));
    return out;
  }

 private:
  void number(Blob& out, std::uint64_t value, unsigned width) const {
    append(out, value, width, options_.big);
  }
  void word(Blob& out, std::uint64_t value) const { number(out, value, options_.word); }
  static void text(Blob& out, std::string_view value, std::size_t room) {
    append(out, value.substr(0, room - 1));
    out.resize(out.size() + room - std::min(value.size(), room - 1));
  }
  static void place(Blob& out, std::uint64_t at, const Blob& bytes) {
    const auto from = static_cast<std::size_t>(at);
    out.resize(std::max(out.size(), from + bytes.size()));
    std::copy(bytes.begin(), bytes.end(), out.begin() + static_cast<std::ptrdiff_t>(from));
  }
  bool is_zero(std::uint64_t page) const {
    const Blob bytes = image_.page_bytes(page);
    return std::all_of(bytes.begin(), bytes.end(), [](std::uint8_t byte) { return byte == 0; });
  }
  // Systems that had version 9 alone do not say that a dump on its device is compressed.
  std::uint32_t compressed_flag() const {
    return options_.version == 9 && options_.kind == "device" ? 0 : 8;
  }

  Blob header(std::uint32_t flags) const {
    if (!options_.incomplete) flags |= 2;
    if (options_.live) flags |= 4;
    if (options_.encrypted) flags |= 0x10;
    flags |= options_.content == "all"       ? 0x20000U
             : options_.content == "curproc" ? 0x40000U
                                             : 0x10000U;
    Blob out;
    for (const std::uint64_t value : {std::uint64_t{0xdefec8ed}, std::uint64_t{options_.version},
                                      std::uint64_t{flags}, std::uint64_t{options_.word} * 8})
      number(out, value, 4);
    for (const std::uint64_t offset : {start_, ksyms_, pfn_, map_, data_}) number(out, offset, 8);
    for (const std::string& name :
         {std::string("SunOS"), std::string("foundry"), std::string("5.11"),
          std::string("illumos-foundry"), options_.machine, options_.machine})
      text(out, name, 257);
    text(out, options_.panic, 200);
    pad_to(out, options_.word);
    const auto page_bits = static_cast<std::uint64_t>(std::bit_width(image_.page)) - 1;
    for (const std::uint64_t value :
         {std::uint64_t{1600000000}, page_bits, image_.page, hash_mask_,
          std::uint64_t{shown_.size()}, std::uint64_t{pages_.size()},
          std::uint64_t{symbols_.size()}, std::uint64_t{stored_symbols_.size()}})
      word(out, value);
    if (options_.version >= 10) {
      number(out, options_.fm_panic ? 1 : 0, 4);
      text(out, "8a7c3f1e-0000-4b5c-9d6e-f00d00000001", 37);
    }
    // Version 11: algorithm, HMAC, nonce.
    if (options_.version >= 11) {
      out.push_back(options_.encrypted ? 1 : 0);
      for (int i = 0; i < 44; ++i) out.push_back(options_.encrypted ? 0xa5 : 0);
    }
    // 32-bit SPARC aligns 64-bit numbers to 8 bytes, x86 to 4.
    pad_to(out, options_.word == 8 || options_.big ? 8 : 4);
    return out;
  }

  Blob trailer(std::uint64_t data_size) const {
    Blob out = header(compressed_flag() | 1);
    if (options_.codec == "serial") return out;
    number(out, 0x64686472, 4), number(out, 1, 4);
    number(out, data_size, 8);
    number(out, options_.block, 4), number(out, options_.range, 4);
    number(out, options_.codec == "single" ? 0 : options_.streams, 2);
    number(out, options_.codec == "bzip2" ? 2 : options_.codec == "lzjb" ? 1 : 0, 2);
    number(out, 0, 4);
    return out;
  }

  Blob frames() const {
    Blob out;
    for (const std::uint64_t page : pages_) word(out, page / image_.page);
    return out;
  }
  Blob raw_map() const {
    Blob out;
    for (const Shown& it : shown_)
      word(out, it.as), word(out, it.page), word(out, it.physical / image_.page);
    return out;
  }
  /// What savecore makes of the raw map.
  Blob hashed(std::uint64_t entry) const {
    const auto count = static_cast<std::size_t>(hash_mask_ + 1);
    std::vector<std::uint64_t> first(count), next(count);
    for (std::size_t i = 0; i < shown_.size(); ++i) {
      const std::size_t bucket = static_cast<std::size_t>(
          ((shown_[i].as >> 3U) + shown_[i].page / image_.page) & hash_mask_);
      next[i] = first[bucket];
      first[bucket] = map_ + i * entry;
    }
    Blob out;
    for (std::size_t i = 0; i < count; ++i) {
      const bool used = i < shown_.size();
      const auto index =
          used ? std::lower_bound(pages_.begin(), pages_.end(), shown_[i].physical) - pages_.begin()
               : 0;
      number(out, first[i], 8), number(out, next[i], 8);
      number(out, used ? data_ + static_cast<std::uint64_t>(index) * image_.page : 0, 8);
      word(out, used ? shown_[i].as : 0), word(out, used ? shown_[i].page : 0);
    }
    return out;
  }

  Blob sections(const Blob& records) const {
    Blob out;
    place(out, ksyms_, stored_symbols_);
    place(out, pfn_, frames());
    place(out, map_, raw_map());
    place(out, data_, records);
    return out;
  }

  /// The records of the pages: blocks of streams, single pages, the word that ends them.
  Blob data() const {
    Blob out;
    const bool streams = options_.codec == "lzjb" || options_.codec == "bzip2";
    const std::size_t in_streams =
        streams ? pages_.size() - std::min<std::size_t>(options_.extra, pages_.size()) : 0;
    if (options_.codec == "lzjb") lzjb_streams(out, in_streams);
    if (options_.codec == "bzip2") bzip2_streams(out, in_streams);
    for (std::size_t i = in_streams; i < pages_.size(); ++i) {
      const Blob stored = lzjb(image_.page_bytes(pages_[i]));
      number(out, stored.size(), 4);
      out.insert(out.end(), stored.begin(), stored.end());
    }
    if (options_.codec != "serial") number(out, 0, 4);
    return out;
  }

  Blob stream_header(std::size_t first, std::size_t count) const {
    Blob out;
    append(out, std::string_view("StrmHdr\0", 8));
    word(out, first), word(out, count);
    return out;
  }
  void block(Blob& out, std::size_t stream, const Blob& bytes) const {
    number(out, (stream + 1) << 20U | bytes.size(), 4);
    out.insert(out.end(), bytes.begin(), bytes.end());
  }
  /// Ranges of pages in turn to the streams, as the helpers take them.
  void ranges(std::size_t count,
              const std::function<void(std::size_t stream, std::size_t first, std::size_t pages)>&
                  each) const {
    std::size_t turn = 0;
    for (std::size_t first = 0; first < count; first += static_cast<std::size_t>(options_.range))
      each(turn++ % options_.streams, first,
           std::min<std::size_t>(static_cast<std::size_t>(options_.range), count - first));
  }

  void lzjb_streams(Blob& out, std::size_t count) const {
    std::vector<Blob> blocks(options_.streams);
    const auto put_object = [&](std::size_t stream, const Blob& object) {
      if (blocks[stream].size() + object.size() > options_.block) {
        block(out, stream, blocks[stream]);
        blocks[stream].clear();
      }
      blocks[stream].insert(blocks[stream].end(), object.begin(), object.end());
    };
    ranges(count, [&](std::size_t stream, std::size_t first, std::size_t pages) {
      put_object(stream, stream_header(first, pages));
      for (std::size_t i = 0; i < pages; ++i) {
        const Blob stored = lzjb(image_.page_bytes(pages_[first + i]));
        Blob object;
        number(object, stored.size(), 4);
        object.insert(object.end(), stored.begin(), stored.end());
        put_object(stream, object);
      }
    });
    for (std::size_t stream = 0; stream < blocks.size(); ++stream)
      if (!blocks[stream].empty()) block(out, stream, blocks[stream]);
  }

  /// Each stream is bzip2 members back to back, cut into blocks anywhere.
  void bzip2_streams(Blob& out, std::size_t count) const {
    std::vector<Blob> plain(options_.streams), stored(options_.streams);
    const auto finish_member = [&](std::size_t stream) {
      if (plain[stream].empty()) return;
      Blob member(plain[stream].size() + plain[stream].size() / 50 + 700);
      auto length = static_cast<unsigned>(member.size());
      if (BZ2_bzBuffToBuffCompress(reinterpret_cast<char*>(member.data()), &length,
                                   reinterpret_cast<char*>(plain[stream].data()),
                                   static_cast<unsigned>(plain[stream].size()), 1, 0, 0) != BZ_OK)
        throw std::runtime_error("bzip2 failed");
      stored[stream].insert(stored[stream].end(), member.begin(),
                            member.begin() + static_cast<std::ptrdiff_t>(length));
      plain[stream].clear();
    };
    const auto flush = [&](std::size_t stream, std::size_t least) {
      Blob& bytes = stored[stream];
      std::size_t at = 0;
      while (bytes.size() - at >= least && at < bytes.size()) {
        const std::size_t length =
            std::min<std::size_t>(static_cast<std::size_t>(options_.block), bytes.size() - at);
        block(out, stream,
              Blob(bytes.begin() + static_cast<std::ptrdiff_t>(at),
                   bytes.begin() + static_cast<std::ptrdiff_t>(at + length)));
        at += length;
      }
      bytes.erase(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(at));
    };
    ranges(count, [&](std::size_t stream, std::size_t first, std::size_t pages) {
      Blob& to = plain[stream];
      const Blob head = stream_header(first, pages);
      to.insert(to.end(), head.begin(), head.end());
      for (std::size_t i = 0; i < pages; ++i) {
        const Blob bytes = image_.page_bytes(pages_[first + i]);
        to.insert(to.end(), bytes.begin(), bytes.end());
      }
      if (options_.member != 0 && to.size() >= options_.member) finish_member(stream);
      flush(stream, static_cast<std::size_t>(options_.block));
    });
    for (std::size_t stream = 0; stream < plain.size(); ++stream)
      finish_member(stream), flush(stream, 1);
  }

  const Image& image_;
  const IllumosOptions& options_;
  std::vector<std::uint64_t> pages_;  // physical addresses, ascending
  std::vector<Shown> shown_;
  std::uint64_t hash_mask_ = 0;
  Blob symbols_, stored_symbols_;
  std::uint64_t start_ = 0, ksyms_ = 0, pfn_ = 0, map_ = 0, data_ = 0;
};

}  // namespace

Blob illumos_dump(const Image& image, const IllumosOptions& options) {
  Writer writer(image, options);
  if (options.kind == "vmcore") return writer.vmcore();
  if (options.kind == "vmdump") return writer.vmdump();
  if (options.kind == "device") return writer.device();
  throw std::runtime_error("unknown kind of an illumos dump: " + options.kind);
}

}  // namespace foundry
