#include "core/io/gzip.h"

#include <fmt/format.h>
#include <snappy.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/io/restart_index.h"
#include "core/io/stream_input.h"

// Format: RFC 1951 and RFC 1952.

namespace panicroom {
namespace {

constexpr std::size_t kWindow = 32768;
constexpr std::uint64_t kPlaceDistance = std::uint64_t{1} << 20;
constexpr std::uint64_t kTrailerSize = 8;
constexpr int kWithHeader = MAX_WBITS + 16;
constexpr int kRaw = -MAX_WBITS;

/// What inflate needs at a deflate block's start; nothing of it at a member's start.
struct InflateState {
  bool member_start = false;
  std::uint8_t bits = 0;  ///< of the byte before the place, that still are to be read
  std::string window;     ///< the output before the place, compressed with snappy
  std::uint64_t cost() const { return window.capacity(); }
};

class GzipDecoder final : public StreamDecoder {
 public:
  explicit GzipDecoder(SourcePtr stream) : input_(std::move(stream)) {
    if (inflateInit2(&inflate_, kWithHeader) != Z_OK) throw std::bad_alloc();
  }
  ~GzipDecoder() override { inflateEnd(&inflate_); }

  Result<std::size_t> decode(MutableBytes out) override;
  Result<std::uint64_t> seek(std::uint64_t output) override;
  std::uint64_t position() const override { return position_; }
  std::uint64_t consumed() const override { return input_.position(); }
  void start_index(std::uint64_t budget) override { index_.record(kPlaceDistance, budget); }
  void stop_index() override { index_.stop(); }
  const std::vector<Note>& remarks() const override { return remarks_; }

 private:
  using Index = RestartIndex<InflateState>;

  Result<void> begin_member();
  void note_place();
  void end_with(ErrorCode code, std::string text);

  StreamInput input_;
  z_stream inflate_{};
  std::uint64_t position_ = 0;
  bool in_member_ = false;
  bool raw_ = false;  // restarted within a member: zlib does not see its trailer
  bool ended_ = false;
  Index index_;
  std::vector<Note> remarks_;
};

void GzipDecoder::end_with(ErrorCode code, std::string text) {
  ended_ = true;
  const Note note{code, std::move(text), input_.position()};
  // The same end is met again after a seek.
  if (std::find(remarks_.begin(), remarks_.end(), note) == remarks_.end()) remarks_.push_back(note);
}

Result<void> GzipDecoder::begin_member() {
  PANICROOM_TRY(head, input_.peek(2));
  if (head.empty()) {
    ended_ = true;
    return {};
  }
  if (!is_gzip(head)) {
    // Tapes and devices pad with zeros.
    if (head[0] == std::byte{0})
      ended_ = true;
    else
      end_with(ErrorCode::corrupt,
               fmt::format("the {} bytes after the end of the gzip stream are not part of it",
                           input_.left()));
    return {};
  }
  if (index_.wants(position_)) index_.add({position_, input_.position(), {true, 0, {}}});
  inflateReset2(&inflate_, kWithHeader);
  in_member_ = true;
  raw_ = false;
  return {};
}

void GzipDecoder::note_place() {
  if (!index_.wants(position_)) return;
  std::array<Bytef, kWindow> window;
  uInt length = 0;
  if (inflateGetDictionary(&inflate_, window.data(), &length) != Z_OK) return;
  InflateState state;
  state.bits = static_cast<std::uint8_t>(inflate_.data_type & 7);
  snappy::Compress(reinterpret_cast<const char*>(window.data()), length, &state.window);
  state.window.shrink_to_fit();
  index_.add({position_, input_.position(), std::move(state)});
}

Result<std::size_t> GzipDecoder::decode(MutableBytes out) {
  std::size_t produced = 0;
  while (produced < out.size() && !ended_) {
    if (!in_member_) {
      PANICROOM_CHECK(begin_member());
      continue;
    }
    PANICROOM_TRY(in, input_.peek());
    if (in.empty()) {
      end_with(ErrorCode::not_in_dump,
               "the gzip stream is truncated: what follows its last whole piece cannot be read");
      break;
    }
    constexpr std::size_t kMost = std::size_t{1} << 30;
    const std::size_t room = std::min(out.size() - produced, kMost);
    // zlib does not write through next_in.
    inflate_.next_in = reinterpret_cast<Bytef*>(const_cast<std::byte*>(in.data()));
    inflate_.avail_in = static_cast<uInt>(in.size());
    inflate_.next_out = reinterpret_cast<Bytef*>(out.data() + produced);
    inflate_.avail_out = static_cast<uInt>(room);
    const int status = inflate(&inflate_, Z_BLOCK);
    const std::size_t made = room - inflate_.avail_out;
    input_.skip(in.size() - inflate_.avail_in);
    produced += made;
    position_ += made;
    if (status == Z_STREAM_END) {
      in_member_ = false;
      if (raw_) input_.skip(kTrailerSize);
    } else if (status == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (status != Z_OK && status != Z_BUF_ERROR) {
      end_with(ErrorCode::corrupt,
               fmt::format("the gzip stream is damaged ({}): what follows cannot be read",
                           inflate_.msg ? inflate_.msg : "no reason given"));
    } else if ((inflate_.data_type & 128) != 0 && (inflate_.data_type & 64) == 0) {
      note_place();
    }
  }
  return produced;
}

Result<std::uint64_t> GzipDecoder::seek(std::uint64_t output) {
  const Index::Place* const place = index_.before(output);
  const std::uint64_t from = place ? place->output : 0;
  if (position_ <= output && position_ >= from && !ended_) return 0U;

  ended_ = false;
  in_member_ = false;
  position_ = from;
  input_.seek(place ? place->input : 0);
  if (!place || place->state.member_start) return 0U;

  const InflateState& state = place->state;
  inflateReset2(&inflate_, kRaw);
  if (state.bits != 0) {
    input_.seek(place->input - 1);
    PANICROOM_TRY(byte, input_.peek(1));
    if (byte.empty()) return fail(ErrorCode::io, "the gzip file became shorter");
    inflatePrime(&inflate_, state.bits, std::to_integer<int>(byte[0]) >> (8 - state.bits));
    input_.skip(1);
  }
  std::string window;
  snappy::Uncompress(state.window.data(), state.window.size(), &window);
  inflateSetDictionary(&inflate_, reinterpret_cast<const Bytef*>(window.data()),
                       static_cast<uInt>(window.size()));
  in_member_ = true;
  raw_ = true;
  return window.size();
}

}  // namespace

bool is_gzip(Bytes magic) {
  return magic.size() >= 2 && magic[0] == std::byte{0x1f} && magic[1] == std::byte{0x8b};
}

Result<Layer> open_gzip(SourcePtr stream, const StreamLimits& limits, const Progress& progress) {
  auto decoder = std::make_unique<GzipDecoder>(stream);
  return open_stream(std::move(stream), "gzip", std::move(decoder), limits, progress);
}

}  // namespace panicroom
