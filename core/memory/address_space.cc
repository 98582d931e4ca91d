#include "core/memory/address_space.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/memory/page_cache.h"

namespace panicroom {
namespace {

constexpr unsigned small_shift = 12;
constexpr unsigned large_shift = 21;
constexpr std::uint64_t small_size = std::uint64_t{1} << small_shift;
constexpr std::uint64_t large_size = std::uint64_t{1} << large_shift;
constexpr std::uint64_t no_page = ~std::uint64_t{0};  // no address has this page number

}  // namespace

/// Two translation caches that are fused with where the bytes lie. An entry covers an aligned 4 KiB
/// or 2 MiB of one mapping of at least that size, so it is right whatever the mapping's own size
/// is.
struct AddressSpace::State {
  State(std::shared_ptr<const PhysicalMemory> memory, Machine the_machine,
        std::shared_ptr<const PageTable> the_table)
      : machine(the_machine),
        last_address(the_machine.pointer_size == 4 ? 0xffffffff : ~std::uint64_t{0}),
        table(std::move(the_table)),
        reader(std::move(memory), the_machine.order),
        physical(*reader.cache_) {}

  struct Small {
    std::uint64_t page = no_page;
    HostPlace place;
  };
  struct Large {
    std::uint64_t page = no_page;
    const std::byte* host = nullptr;  ///< when all of it lies mapped in one piece
    std::uint64_t physical = 0;
  };

  Small& small_entry(std::uint64_t address) {
    const std::uint64_t page = address >> small_shift;
    return small[(page ^ page >> 18) % small.size()];
  }
  Large& large_entry(std::uint64_t address) {
    const std::uint64_t page = address >> large_shift;
    return large[(page ^ page >> 18) % large.size()];
  }

  /// The bytes from `address` as far as they lie in one piece, if the caches know.
  Bytes cached(std::uint64_t address) {
    const Small& near = small_entry(address);
    if (near.page == address >> small_shift && near.place.current()) {
      const std::uint64_t within = address & (small_size - 1);
      return {near.place.host + within, static_cast<std::size_t>(small_size - within)};
    }
    const Large& wide = large_entry(address);
    if (wide.page == address >> large_shift && wide.host != nullptr) {
      const std::uint64_t within = address & (large_size - 1);
      return {wide.host + within, static_cast<std::size_t>(large_size - within)};
    }
    return {};
  }
  /// The same, for any address: at least a byte or why there is none.
  Result<Bytes> piece(std::uint64_t address) {
    if (const Bytes known = cached(address); !known.empty()) return known;
    return find(address);
  }
  Result<Bytes> find(std::uint64_t address);
  Failure refuse(const Error& cause, std::uint64_t address, std::uint64_t physical_address) const;
  Failure past_end(std::uint64_t address) const;

  template <std::unsigned_integral T>
  Result<T> integer(AddressSpace& space, std::uint64_t address) {
    if (const Bytes known = cached(address); known.size() >= sizeof(T)) {
      return load<T>(known.data(), machine.order);
    }
    std::array<std::byte, sizeof(T)> copy;
    PANICROOM_CHECK(space.read(address, copy));
    return load<T>(copy.data(), machine.order);
  }

  Machine machine;
  std::uint64_t last_address;
  std::shared_ptr<const PageTable> table;
  PhysicalReader reader;
  PhysicalReader::Cache& physical;
  std::array<Small, 1024> small;
  std::array<Large, 2048> large;
  std::vector<std::byte> gathered;  ///< what `view` could not show in place
};

Failure AddressSpace::State::refuse(const Error& cause, std::uint64_t address,
                                    std::uint64_t physical_address) const {
  Error error = cause;
  // What says that a page is absent names the page itself.
  if (cause.code != ErrorCode::not_in_dump) {
    error.text = fmt::format("physical {:#x}: {}", physical_address, cause.text);
  }
  error.address = address;
  return Failure(std::move(error));
}

Failure AddressSpace::State::past_end(std::uint64_t address) const {
  return fail_at_address(ErrorCode::unmapped, address,
                         fmt::format("the address space ends at {:#x}", last_address));
}

Result<Bytes> AddressSpace::State::find(std::uint64_t address) {
  if (address > last_address) return past_end(address);
  std::uint64_t physical_address = 0;
  std::uint64_t page_size = large_size;
  Large& wide = large_entry(address);
  if (wide.page == address >> large_shift) {
    physical_address = wide.physical | (address & (large_size - 1));
  } else {
    auto translation = table->walk(address, reader, nullptr);
    if (!translation) {
      Error error = std::move(translation).error();
      error.address = address;
      return Failure(std::move(error));
    }
    physical_address = translation->physical;
    page_size = is_power_of_two(translation->page_size) ? translation->page_size : 1;
    // A mapping moves aligned blocks; what does not is a rule with an odd offset and stays
    // uncached.
    page_size = std::min(page_size, std::uint64_t{1} << 63);
    while (((address ^ physical_address) & (page_size - 1)) != 0) page_size >>= 1;
    if (page_size >= large_size) {
      const std::uint64_t base = round_down(physical_address, large_size);
      wide = {address >> large_shift, physical.mapped(base, large_size), base};
      if (const Bytes known = cached(address); !known.empty()) return known;
    }
  }
  if (page_size >= small_size) {
    if (const auto place = physical.place(physical_address)) {
      small_entry(address) = {address >> small_shift, *place};
      return cached(address);
    }
  }
  auto bytes = physical.bytes(physical_address);
  if (!bytes) return refuse(bytes.error(), address, physical_address);
  const std::uint64_t unit = std::min(page_size, small_size);
  const std::uint64_t left = unit - (address & (unit - 1));
  return bytes->first(static_cast<std::size_t>(std::min<std::uint64_t>(left, bytes->size())));
}

AddressSpace::AddressSpace(std::shared_ptr<const PhysicalMemory> memory, Machine machine,
                           std::shared_ptr<const PageTable> table)
    : state_(std::make_unique<State>(std::move(memory), machine, std::move(table))) {}
AddressSpace::~AddressSpace() = default;

const Machine& AddressSpace::machine() const { return state_->machine; }
const PageTable& AddressSpace::table() const { return *state_->table; }
PhysicalReader& AddressSpace::physical() { return state_->reader; }

Result<Translation> AddressSpace::translate(std::uint64_t address,
                                            std::vector<TranslationStep>* steps) {
  if (address > state_->last_address) return state_->past_end(address);
  auto translation = state_->table->walk(address, state_->reader, steps);
  if (!translation) translation.error().address = address;
  return translation;
}

Result<void> AddressSpace::read(std::uint64_t address, MutableBytes out) {
  if (out.empty()) return {};
  PANICROOM_TRY(first, state_->piece(address));
  if (first.size() >= out.size()) {
    std::memcpy(out.data(), first.data(), out.size());
    return {};
  }
  // Whole or not at all: everything is found before anything is copied.
  const std::uint64_t room = state_->last_address - address;
  std::size_t done = first.size();
  while (done < out.size()) {
    if (done > room) return state_->past_end(state_->last_address);
    PANICROOM_TRY(piece, state_->piece(address + done));
    done += std::min(piece.size(), out.size() - done);
  }
  for (done = 0; done < out.size();) {
    PANICROOM_TRY(piece, state_->piece(address + done));
    const std::size_t length = std::min(piece.size(), out.size() - done);
    std::memcpy(out.data() + done, piece.data(), length);
    done += length;
  }
  return {};
}

Result<Bytes> AddressSpace::view(std::uint64_t address, std::size_t length) {
  if (length == 0) return Bytes();
  PANICROOM_TRY(piece, state_->piece(address));
  if (piece.size() >= length) return piece.first(length);
  state_->gathered.resize(length);
  PANICROOM_CHECK(read(address, state_->gathered));
  return Bytes(state_->gathered);
}

std::size_t AddressSpace::read_some(std::uint64_t address, MutableBytes out, Error* error) {
  std::size_t done = 0;
  while (done < out.size()) {
    auto piece = address > state_->last_address || done > state_->last_address - address
                     ? Result<Bytes>(state_->past_end(state_->last_address))
                     : state_->piece(address + done);
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

Result<std::uint8_t> AddressSpace::u8(std::uint64_t address) {
  return state_->integer<std::uint8_t>(*this, address);
}
Result<std::uint16_t> AddressSpace::u16(std::uint64_t address) {
  return state_->integer<std::uint16_t>(*this, address);
}
Result<std::uint32_t> AddressSpace::u32(std::uint64_t address) {
  return state_->integer<std::uint32_t>(*this, address);
}
Result<std::uint64_t> AddressSpace::u64(std::uint64_t address) {
  return state_->integer<std::uint64_t>(*this, address);
}
Result<std::int32_t> AddressSpace::i32(std::uint64_t address) {
  PANICROOM_TRY(value, u32(address));
  return static_cast<std::int32_t>(value);
}

Result<std::uint64_t> AddressSpace::word(std::uint64_t address) {
  if (state_->machine.pointer_size == 8) return u64(address);
  PANICROOM_TRY(value, u32(address));
  return value;
}

Result<std::uint64_t> AddressSpace::integer(std::uint64_t address, std::uint64_t size) {
  switch (size) {
    case 1:
      return u8(address);
    case 2:
      return u16(address);
    case 4:
      return u32(address);
    case 8:
      return u64(address);
    default:
      return fail_at_address(ErrorCode::corrupt, address,
                             fmt::format("an integer of {} bytes: expected 1, 2, 4 or 8", size));
  }
}

Result<std::string> AddressSpace::string(std::uint64_t address, std::size_t limit) {
  std::string text;
  while (text.size() < limit) {
    if (address > state_->last_address || text.size() > state_->last_address - address) {
      return state_->past_end(state_->last_address);
    }
    PANICROOM_TRY(piece, state_->piece(address + text.size()));
    const std::size_t length = std::min(piece.size(), limit - text.size());
    const auto* begin = reinterpret_cast<const char*>(piece.data());
    if (const void* end = std::memchr(begin, 0, length); end != nullptr) {
      text.append(begin, static_cast<const char*>(end));
      return text;
    }
    text.append(begin, length);
  }
  return text;
}

}  // namespace panicroom
