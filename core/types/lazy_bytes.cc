#include "core/types/lazy_bytes.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

namespace panicroom {

LazyBytes::LazyBytes(std::vector<std::byte> whole)
    : whole_(std::move(whole)), data_(whole_.data()), size_(whole_.size()) {}

LazyBytes::LazyBytes(Bytes view, std::shared_ptr<const void> owner)
    : owner_(std::move(owner)), data_(view.data()), size_(view.size()) {}

LazyBytes::LazyBytes(std::uint64_t size, std::uint64_t phase, Fetch fetch)
    : pieces_(std::make_unique_for_overwrite<std::byte[]>(static_cast<std::size_t>(size))),
      data_(pieces_.get()),
      size_(size),
      phase_(phase % kBlock),
      present_(static_cast<std::size_t>((phase_ + size + kBlock - 1) / kBlock)),
      fetch_(std::move(fetch)) {}

const std::byte* LazyBytes::leaves(std::uint64_t offset, std::uint64_t length) {
  error_ = Error{
      ErrorCode::corrupt, Absence::none,
      fmt::format("expected {} bytes at {:#x} of a table that has {:#x}", length, offset, size_),
      std::nullopt, std::nullopt};
  return nullptr;
}

bool LazyBytes::fetch(std::uint64_t block) {
  const std::uint64_t begin = block == 0 ? 0 : block * kBlock - phase_;
  const std::uint64_t end = std::min(size_, (block + 1) * kBlock - phase_);
  const MutableBytes out{pieces_.get() + begin, static_cast<std::size_t>(end - begin)};
  if (auto read = fetch_(begin, out); !read) {
    error_ = std::move(read).error();
    return false;
  }
  present_[static_cast<std::size_t>(block)] = true;
  return true;
}

std::optional<std::string_view> LazyBytes::text(std::uint64_t offset, std::uint64_t end,
                                                std::uint64_t limit) {
  end = std::min(end, size_);
  std::uint64_t length = 0;
  while (length < limit && offset + length < end) {
    const std::uint64_t from = offset + length;
    const std::uint64_t step =
        std::min({limit - length, end - from, kBlock - (phase_ + from) % kBlock});
    const std::byte* piece = at(from, step);
    if (piece == nullptr) return std::nullopt;
    if (const void* nul = std::memchr(piece, 0, static_cast<std::size_t>(step))) {
      length += static_cast<std::uint64_t>(static_cast<const std::byte*>(nul) - piece);
      return std::string_view{reinterpret_cast<const char*>(data_ + offset),
                              static_cast<std::size_t>(length)};
    }
    length += step;
  }
  leaves(offset, length + 1);
  return std::nullopt;
}

}  // namespace panicroom
