#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/memory/page_cache.h"

namespace panicroom {

namespace {

Failure past_last(std::uint64_t address) {
  return fail_at_address(ErrorCode::invalid, address,
                         "the range runs past the end of the physical address space");
}

}  // namespace

PhysicalReader::Cache::Cache(std::shared_ptr<const PhysicalMemory> memory, std::endian order)
    : memory_(std::move(memory)), order_(order) {
  page_shift_ = static_cast<unsigned>(std::countr_zero(memory_->page_size()));
  slot_shift_ = std::max(page_shift_, unit_shift);
}

std::byte* PhysicalReader::Cache::new_buffer() {
  const std::size_t size = std::size_t{1} << slot_shift_;
  if (slab_left_ == 0) {
    slab_left_ = std::max<std::size_t>(1, (std::size_t{64} << 10) >> slot_shift_);
    slabs_.push_back(std::make_unique_for_overwrite<std::byte[]>(slab_left_ * size));
  }
  return slabs_.back().get() + --slab_left_ * size;
}

Result<void> PhysicalReader::Cache::read_pages(std::uint64_t start, MutableBytes out) {
  const std::size_t page = std::size_t{1} << page_shift_;
  for (std::size_t done = 0; done < out.size(); done += page) {
    PANICROOM_CHECK(memory_->read_page(start + done, out.subspan(done, page), decoder_));
  }
  return {};
}

Result<const PhysicalReader::Cache::Slot*> PhysicalReader::Cache::load_slot(std::uint64_t address) {
  const std::size_t size = std::size_t{1} << slot_shift_;
  if (slots_.empty()) {
    slots_.resize(std::max<std::size_t>(32, capacity >> slot_shift_));
    if (slots_.size() <= few_slots) ways_ = slots_.size();
  }
  const std::uint64_t number = address >> slot_shift_;
  Slot* const set = &slots_[(number % (slots_.size() / ways_)) * ways_];
  Slot* victim = set;
  for (Slot* slot = set; slot != set + ways_; ++slot) {
    if (slot->number == number) {
      slot->last_use = ++clock_;
      return slot;
    }
    if (slot->last_use < victim->last_use) victim = slot;
  }
  for (const Damaged& known : damaged_)
    if (known.number == number) return Failure(known.error);
  if (victim->buffer == nullptr) victim->buffer = new_buffer();
  // From here on nobody may use what the slot held, also when the page cannot be read.
  victim->number = ~std::uint64_t{0};
  victim->stamp = ++stamps_;
  victim->last_use = 0;
  if (auto read = read_pages(number << slot_shift_, {victim->buffer, size}); !read) {
    if (read.error().code == ErrorCode::corrupt)
      damaged_[next_damaged_++ % damaged_.size()] = {number, read.error()};
    return Failure(std::move(read).error());
  }
  victim->number = number;
  victim->last_use = ++clock_;
  return victim;
}

std::optional<HostPlace> PhysicalReader::Cache::find_place(std::uint64_t address) {
  const std::uint64_t start = round_down(address, unit);
  HostPlace place;
  if (const Bytes view = memory_->view(start); view.size() >= unit) {
    place = {view.data(), &fixed_stamp_, fixed_stamp_};
  } else {
    if (!view.empty()) return std::nullopt;
    const auto slot = load_slot(start);
    if (!slot) return std::nullopt;
    const std::uint64_t within = start & ((std::uint64_t{1} << slot_shift_) - 1);
    place = {(*slot)->buffer + within, &(*slot)->stamp, (*slot)->stamp};
  }
  const std::uint64_t number = address >> unit_shift;
  frames_[number % frames_.size()] = {number, place};
  return place;
}

const std::byte* PhysicalReader::Cache::mapped(std::uint64_t address, std::uint64_t size) const {
  const Bytes first = memory_->view(address);
  std::uint64_t known = first.size();
  // A view may be shorter than what lies on: a minidump's ends with a word of its bitmap. A dump in
  // smaller pieces than these is not worth the search.
  for (unsigned views = 1; known < size && views < 64; ++views) {
    const Bytes next = memory_->view(address + known);
    if (next.empty() || next.data() != first.data() + known) break;
    known += next.size();
  }
  return known >= size ? first.data() : nullptr;
}

Result<Bytes> PhysicalReader::Cache::bytes(std::uint64_t address) {
  const std::uint64_t page = std::uint64_t{1} << page_shift_;
  const std::uint64_t within = address & (page - 1);
  const auto left = static_cast<std::size_t>(page - within);
  if (const Bytes view = memory_->view(address); !view.empty()) {
    return view.first(std::min(left, view.size()));
  }
  const auto slot = load_slot(address);
  if (slot) {
    const std::uint64_t in_slot = address & ((std::uint64_t{1} << slot_shift_) - 1);
    return Bytes((*slot)->buffer + in_slot, left);
  }
  if (slot.error().code == ErrorCode::corrupt && slot_shift_ == page_shift_) {
    Error error = slot.error();
    error.address = address;
    return Failure(std::move(error));
  }
  lone_page_.resize(static_cast<std::size_t>(page));
  const MutableBytes lone(lone_page_);
  auto whole = read_pages(address - within, lone);
  if (whole) return Bytes(lone).subspan(static_cast<std::size_t>(within));
  const std::size_t cut = memory_->read_cut_page(address - within, lone);
  if (cut > within) return Bytes(lone).first(cut).subspan(static_cast<std::size_t>(within));
  Error error = std::move(whole).error();
  error.address = address;
  return Failure(std::move(error));
}

PhysicalReader::PhysicalReader(std::shared_ptr<const PhysicalMemory> memory, std::endian order)
    : cache_(std::make_unique<Cache>(std::move(memory), order)) {}
PhysicalReader::~PhysicalReader() = default;

const PhysicalMemory& PhysicalReader::memory() const { return cache_->memory(); }

Result<Bytes> PhysicalReader::bytes(std::uint64_t address) { return cache_->bytes(address); }

Result<void> PhysicalReader::read(std::uint64_t address, MutableBytes out) {
  if (out.empty()) return {};
  if (!checked_add<std::uint64_t>(address, out.size() - 1)) return past_last(address);
  // Whole or not at all: everything is found before anything is copied.
  for (const bool copy : {false, true}) {
    std::size_t done = 0;
    while (done < out.size()) {
      PANICROOM_TRY(piece, cache_->bytes(address + done));
      const std::size_t length = std::min(piece.size(), out.size() - done);
      if (copy || length == out.size()) std::memcpy(out.data() + done, piece.data(), length);
      if (length == out.size()) return {};
      done += length;
    }
  }
  return {};
}

std::size_t PhysicalReader::read_some(std::uint64_t address, MutableBytes out, Error* error) {
  std::size_t done = 0;
  while (done < out.size()) {
    auto piece = checked_add<std::uint64_t>(address, done) ? cache_->bytes(address + done)
                                                           : Result<Bytes>(past_last(address));
    if (!piece) {
      if (error != nullptr) *error = std::move(piece).error();
      return done;
    }
    const std::size_t length = std::min(piece->size(), out.size() - done);
    std::memcpy(out.data() + done, piece->data(), length);
    done += length;
  }
  return done;
}

Result<std::uint64_t> PhysicalReader::word(std::uint64_t address, unsigned width) {
  const std::uint64_t within = address & (Cache::unit - 1);
  if (within + width <= Cache::unit) {
    if (const auto place = cache_->place(address)) {
      const std::byte* at = place->host + within;
      if (width == 8) return load<std::uint64_t>(at, cache_->order());
      return load<std::uint32_t>(at, cache_->order());
    }
  }
  std::array<std::byte, 8> copy;
  const auto out = MutableBytes(copy).first(width);
  PANICROOM_CHECK(read(address, out));
  return *Reader(out, cache_->order()).word(0, width);
}

}  // namespace panicroom
