#include "core/io/lzo.h"

#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <string_view>

// The stream is a row of instructions, each followed by 0 to 3 literals. Their encoding is the one
// that Linux's Documentation/staging/lzo.rst describes (bitstream version 0, which is what dumps
// hold).

namespace panicroom {
namespace {

// What the last instruction left behind: the number of literals that it copied, 4 standing for "a
// run".
constexpr unsigned kAfterRun = 4;
// An instruction of the quick loop reads at most 24 bytes past its first and writes at most 48 + 4.
constexpr std::size_t kInputSlack = 32;
constexpr std::size_t kOutputSlack = 64;

enum class Fault : std::uint8_t {
  none,
  input_ends,
  input_left,
  output_full,
  output_short,
  before_start
};

std::string_view describe(Fault fault) {
  switch (fault) {
    case Fault::input_ends:
      return "it ends in the middle of an instruction";
    case Fault::input_left:
      return "bytes follow its end";
    case Fault::output_full:
      return "it holds more than the page";
    case Fault::output_short:
      return "it holds less than the page";
    case Fault::before_start:
      return "it repeats bytes from before the page's start";
    case Fault::none:
      break;
  }
  return "";
}

inline void copy8(std::byte* to, const std::byte* from) { std::memcpy(to, from, 8); }
inline void copy16(std::byte* to, const std::byte* from) {
  // Through a buffer, since the two may overlap by less than 16 bytes when the rest is overwritten
  // later.
  std::array<std::byte, 16> both;
  std::memcpy(both.data(), from, 16);
  std::memcpy(to, both.data(), 16);
}

// Repeats the `distance` (1 to 7) bytes before `to` over 8 bytes. Answers the smallest multiple of
// `distance` that is at least 8: from there on the copy goes on 8 bytes at a time.
inline std::size_t spread8(std::byte* to, std::size_t distance) {
  constexpr std::array<std::uint64_t, 8> kFactor{0,
                                                 0x0101010101010101,
                                                 0x0001000100010001,
                                                 0x0001000001000001,
                                                 0x0000000100000001,
                                                 0x0000010000000001,
                                                 0x0001000000000001,
                                                 0x0100000000000001};
  constexpr std::array<std::uint8_t, 8> kStep{0, 8, 8, 9, 8, 10, 12, 14};
  const auto mask = (std::uint64_t{1} << (8 * distance)) - 1;
  const auto bytes = load<std::uint64_t>(to - distance, std::endian::little) & mask;
  std::uint64_t spread = bytes * kFactor[distance];
  if constexpr (std::endian::native == std::endian::big) spread = byte_swapped(spread);
  std::memcpy(to, &spread, 8);
  return kStep[distance];
}

// Copies `length` bytes from `distance` before `to`; may write up to 15 bytes more. `distance`
// bytes lie before `to`, and 8 bytes from there may be read.
inline void copy_match_over(std::byte* to, std::size_t distance, std::size_t length) {
  const std::byte* const end = to + length;
  if (distance >= 16) [[likely]] {
    do {
      copy16(to, to - distance);
      to += 16;
    } while (to < end);
    return;
  }
  if (distance < 8) {
    distance = spread8(to, distance);
    to += 8;
  }
  while (to < end) {
    copy8(to, to - distance);
    to += 8;
  }
}

class Decoder {
 public:
  Decoder(Bytes stored, MutableBytes out)
      : in_(stored.data()),
        in_end_(stored.data() + stored.size()),
        begin_(out.data()),
        to_(out.data()),
        end_(out.data() + out.size()) {}

  Fault run();

 private:
  std::size_t input_left() const { return static_cast<std::size_t>(in_end_ - in_); }
  std::size_t room() const { return static_cast<std::size_t>(end_ - to_); }
  unsigned next() { return std::to_integer<unsigned>(*in_++); }

  Fault quick(unsigned& state);
  Fault one(unsigned& state, bool& finished);
  Fault extended(std::size_t base, std::size_t& length);
  Fault literals(std::size_t count);
  Fault match(std::size_t distance, std::size_t length);

  const std::byte* in_;
  const std::byte* in_end_;
  std::byte* begin_;
  std::byte* to_;
  std::byte* end_;
};

// Far from both ends, the frequent instructions: copies run over their length instead of being
// checked. Leaves the rest, with in_ at an instruction's first byte, to `one`.
Fault Decoder::quick(unsigned& state) {
  if (input_left() < kInputSlack || room() < kOutputSlack) return Fault::none;
  const std::byte* const in_safe = in_end_ - kInputSlack;
  const std::byte* const to_safe = end_ - kOutputSlack;
  const std::byte* in = in_;
  std::byte* to = to_;
  unsigned last = state;
  Fault fault = Fault::none;

  while (in <= in_safe && to <= to_safe) {
    const auto first = std::to_integer<unsigned>(in[0]);
    std::size_t distance;
    std::size_t length;
    if (first > 32) [[likely]] {
      const unsigned operand = load<std::uint16_t>(in + 1, std::endian::little);
      const bool near = first >= 64;
      distance = near ? ((operand & 0xff) << 3 | ((first >> 2) & 7)) + 1 : (operand >> 2) + 1;
      length = near ? (first >> 5) + 1 : (first & 31) + 2;
      last = (near ? first : operand) & 3;
      in += near ? 2 : 3;
    } else if (first < 16) {
      if (last == 0) {
        if (first == 0) break;
        copy16(to, in + 1);
        copy8(to + 16, in + 17);
        in += first + 4;
        to += first + 3;
        last = kAfterRun;
        continue;
      }
      distance = (std::to_integer<std::size_t>(in[1]) << 2) + (first >> 2) + 1;
      length = 2;
      if (last == kAfterRun) {
        distance += 2048;
        length = 3;
      }
      last = first & 3;
      in += 2;
    } else {
      break;
    }
    if (distance > static_cast<std::size_t>(to - begin_)) [[unlikely]] {
      fault = Fault::before_start;
      break;
    }
    copy_match_over(to, distance, length);
    to += length;
    std::memcpy(to, in, 4);
    to += last;
    in += last;
  }
  in_ = in;
  to_ = to;
  state = last;
  return fault;
}

// A length that did not fit its instruction: every zero byte adds 255, the first other byte itself.
// Too long is too long, however much: so the sum cannot overflow.
Fault Decoder::extended(std::size_t base, std::size_t& length) {
  length = base;
  while (in_ != in_end_) {
    const unsigned more = next();
    if (length <= room()) length += more == 0 ? 255 : more;
    if (more != 0) return Fault::none;
  }
  return Fault::input_ends;
}

Fault Decoder::literals(std::size_t count) {
  if (count > input_left()) return Fault::input_ends;
  if (count > room()) return Fault::output_full;
  if (count != 0) std::memcpy(to_, in_, count);
  in_ += count;
  to_ += count;
  return Fault::none;
}

Fault Decoder::match(std::size_t distance, std::size_t length) {
  if (distance > static_cast<std::size_t>(to_ - begin_)) return Fault::before_start;
  if (length > room()) return Fault::output_full;
  if (distance == 1) {
    std::memset(to_, std::to_integer<int>(to_[-1]), length);
  } else if (room() - length >= 16) {
    copy_match_over(to_, distance, length);
  } else {
    for (std::size_t i = 0; i < length; ++i) to_[i] = *(to_ + i - distance);
  }
  to_ += length;
  return Fault::none;
}

// Any one instruction, every access checked.
Fault Decoder::one(unsigned& state, bool& finished) {
  if (in_ == in_end_) return Fault::input_ends;
  const unsigned first = next();
  std::size_t distance = 0;
  std::size_t length = 0;
  unsigned after = first & 3;
  if (first >= 64) {
    if (in_ == in_end_) return Fault::input_ends;
    distance = (std::size_t{next()} << 3) + ((first >> 2) & 7) + 1;
    length = (first >> 5) + 1;
  } else if (first >= 16) {
    const bool far = first < 32;
    const unsigned mask = far ? 7 : 31;
    length = first & mask;
    if (length == 0) {
      if (const Fault fault = extended(mask, length); fault != Fault::none) return fault;
    }
    length += 2;
    if (input_left() < 2) return Fault::input_ends;
    const unsigned operand = load<std::uint16_t>(in_, std::endian::little);
    in_ += 2;
    after = operand & 3;
    distance = (operand >> 2) + std::size_t{1};
    if (far) {
      distance += 16383 + ((first & 8) << 11);
      if (distance == 16384) {
        finished = true;
        return Fault::none;
      }
    }
  } else if (state == 0) {
    length = first;
    if (length == 0) {
      if (const Fault fault = extended(15, length); fault != Fault::none) return fault;
    }
    state = kAfterRun;
    return literals(length + 3);
  } else {
    if (in_ == in_end_) return Fault::input_ends;
    distance = (std::size_t{next()} << 2) + (first >> 2) + 1;
    length = 2;
    if (state == kAfterRun) {
      distance += 2048;
      length = 3;
    }
  }
  if (const Fault fault = match(distance, length); fault != Fault::none) return fault;
  state = after;
  return literals(after);
}

Fault Decoder::run() {
  if (in_ == in_end_) return Fault::input_ends;
  unsigned state = 0;
  if (const auto first = std::to_integer<unsigned>(*in_); first > 17) {
    ++in_;
    state = first - 17 < kAfterRun ? first - 17 : kAfterRun;
    if (const Fault fault = literals(first - 17); fault != Fault::none) return fault;
  }
  for (bool finished = false; !finished;) {
    if (const Fault fault = quick(state); fault != Fault::none) return fault;
    if (const Fault fault = one(state, finished); fault != Fault::none) return fault;
  }
  if (in_ != in_end_) return Fault::input_left;
  return to_ == end_ ? Fault::none : Fault::output_short;
}

}  // namespace

Result<void> decode_lzo1x(Bytes stored, MutableBytes out) {
  const Fault fault = Decoder(stored, out).run();
  if (fault == Fault::none) return {};
  return fail(ErrorCode::corrupt, fmt::format("the LZO stream of {} bytes is damaged: {}",
                                              stored.size(), describe(fault)));
}

}  // namespace panicroom
