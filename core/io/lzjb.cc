#include "core/io/lzjb.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <optional>
#include <utility>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

// A byte whose bits, from the lowest on, say what the next 8 items are: a byte as it is, or two
// bytes that repeat earlier output: length - 3 in the upper 6 bits, the distance in the other 10.
constexpr std::size_t shortest_match = 3;
constexpr unsigned longest_match = 66;

Failure damaged(std::size_t stored, std::size_t out, std::string_view why) {
  return fail(ErrorCode::corrupt,
              fmt::format("the lzjb data of {} bytes, which stand for {}, is damaged: {}", stored,
                          out, why));
}

std::string_view decode(Bytes stored, MutableBytes out, std::size_t& at) {
  const std::byte* from = stored.data();
  const std::byte* const end = from + stored.size();
  unsigned items = 0;
  unsigned bits = 0;
  while (at < out.size()) {
    if (items == 0) {
      if (from == end) return "it ends early";
      bits = std::to_integer<unsigned>(*from++);
      items = 8;
    }
    const bool repeats = (bits & 1U) != 0;
    bits >>= 1U;
    --items;
    if (!repeats) {
      if (from == end) return "it ends early";
      out[at++] = *from++;
      continue;
    }
    if (end - from < 2) return "it ends early";
    const auto first = std::to_integer<unsigned>(from[0]);
    const std::size_t length = (first >> 2U) + shortest_match;
    const std::size_t distance = (first & 3U) << 8U | std::to_integer<unsigned>(from[1]);
    from += 2;
    if (distance > at) return "it repeats bytes from before its start";
    if (distance == 0) return "it repeats bytes that are not there yet";
    if (length > out.size() - at) return "it holds more than that";
    std::byte* const to = out.data() + at;
    if (distance >= length)
      std::memcpy(to, to - distance, length);
    else  // over what it writes itself
      for (std::size_t i = 0; i < length; ++i) to[i] = *(to + i - distance);
    at += length;
  }
  return from == end ? "" : "bytes follow its end";
}

class LzjbSource final : public ByteSource {
 public:
  LzjbSource(SourcePtr file, std::uint64_t offset, std::uint64_t stored, std::uint64_t size,
             std::string name)
      : file_(std::move(file)),
        offset_(offset),
        stored_(stored),
        size_(size),
        name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    if (!contains(size_, offset, out.size())) return past_end(*this, offset, out.size());
    decode_once();
    if (!contains(decoded_.size(), offset, out.size())) return Failure(*why_);
    if (!out.empty())
      std::memcpy(out.data(), decoded_.data() + static_cast<std::size_t>(offset), out.size());
    return {};
  }
  Bytes view(std::uint64_t offset, std::uint64_t length) const override {
    decode_once();
    if (!contains(decoded_.size(), offset, length)) return {};
    return Bytes(decoded_).subspan(static_cast<std::size_t>(offset),
                                   static_cast<std::size_t>(length));
  }

 private:
  void decode_once() const {
    std::call_once(once_, [this] {
      auto done = decode_all();
      if (!done) why_ = done.error().within("decompressing " + name_).at_offset(offset_);
    });
  }
  Result<void> decode_all() const {
    if (size_ > most_lzjb_output(stored_))
      return damaged(static_cast<std::size_t>(stored_), static_cast<std::size_t>(size_),
                     "no such data can stand for that much");
    PANICROOM_TRY(stored, read_bytes(*file_, offset_, stored_, stored_));
    std::vector<std::byte> decoded(static_cast<std::size_t>(size_));
    std::size_t produced = 0;
    auto done = decode_lzjb(stored, decoded, &produced);
    decoded.resize(produced);
    decoded_ = std::move(decoded);
    return done;
  }

  SourcePtr file_;
  std::uint64_t offset_, stored_, size_;
  std::string name_;
  mutable std::once_flag once_;
  mutable std::vector<std::byte> decoded_;
  mutable std::optional<Error> why_;
};

}  // namespace

Result<void> decode_lzjb(Bytes stored, MutableBytes out, std::size_t* produced) {
  std::size_t at = 0;
  std::string_view why;
  if (stored.size() == out.size()) {
    if (!out.empty()) std::memcpy(out.data(), stored.data(), out.size());
    at = out.size();
  } else {
    why = decode(stored, out, at);
  }
  if (produced != nullptr) *produced = at;
  if (why.empty()) return {};
  return damaged(stored.size(), out.size(), why);
}

std::uint64_t most_lzjb_output(std::uint64_t stored) {
  // 8 items of 2 bytes after each byte of bits; and what is stored as it is.
  return checked_mul(stored / 17 + 1, std::uint64_t{8} * longest_match).value_or(~std::uint64_t{0});
}

SourcePtr lzjb_source(SourcePtr file, std::uint64_t offset, std::uint64_t stored,
                      std::uint64_t size, std::string name) {
  return std::make_shared<LzjbSource>(std::move(file), offset, stored, size, std::move(name));
}

}  // namespace panicroom
