#define ZSTD_STATIC_LINKING_ONLY         // the block-wise calls and ZSTD_copyDCtx
#define ZSTD_DISABLE_DEPRECATE_WARNINGS  // newer versions deprecate them in favour of what cannot
                                         // do this
#include "core/io/zstd.h"

#include <fmt/format.h>
#include <snappy.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <cstring>
#include <new>
#include <string>
#include <utility>

#include "core/io/restart_index.h"
#include "core/io/stream_input.h"

// Format: RFC 8878. A frame is decoded block by block into a round buffer that holds at least its
// window, so that all blocks before a damaged one are had, and so that the decoder can be put back
// to any block: by a copy of its context and of the buffer.

namespace panicroom {
namespace {

constexpr std::uint64_t kPlaceDistance = std::uint64_t{8} << 20;

struct FreeContext {
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};
using Context = std::unique_ptr<ZSTD_DCtx, FreeContext>;

Context new_context() {
  Context context(ZSTD_createDCtx());
  if (!context) throw std::bad_alloc();
  return context;
}

// zstd's levels up to 19.
constexpr std::uint64_t kUsualWindow = std::uint64_t{8} << 20;
constexpr std::size_t kHistoryPiece = std::size_t{1} << 20;

/// The round buffer. A context points into it, so it never moves and lives as long as a place needs
/// it. There are two sizes, for usual windows and for the largest, so at most two of them.
struct Ring {
  explicit Ring(std::size_t size) : bytes(new std::byte[size]) {}
  std::unique_ptr<std::byte[]> bytes;
};

std::size_t ring_size(std::uint64_t window) {
  return ZSTD_decodingBufferSize_min(window, ZSTD_CONTENTSIZE_UNKNOWN);
}

/// A frame on its way; everything but the context.
struct Frame {
  std::shared_ptr<Ring> ring;
  std::size_t ring_size = 0;  ///< what this frame uses of the ring
  std::size_t at = 0;         ///< where the next block goes
  std::size_t high = 0;       ///< bytes of the ring written so far
  std::uint64_t content = 0;  ///< bytes that the frame says it has, ZSTD_CONTENTSIZE_UNKNOWN else
  std::size_t largest_block = 0;
};

/// What the decoder needs before a block; no context at a frame's start.
struct BlockState {
  Context context;
  Frame frame;
  std::vector<std::string> history;  ///< the ring's first bytes, compressed piece by piece
  std::uint64_t cost() const {
    std::uint64_t cost = context ? ZSTD_sizeof_DCtx(context.get()) : 0;
    for (const std::string& piece : history) cost += sizeof(std::string) + piece.capacity();
    return cost;
  }
};

class ZstdDecoder final : public StreamDecoder {
 public:
  ZstdDecoder(SourcePtr stream, std::uint64_t largest_window)
      : input_(std::move(stream)), largest_window_(largest_window), context_(new_context()) {}

  Result<std::size_t> decode(MutableBytes out) override;
  Result<std::uint64_t> seek(std::uint64_t output) override;
  std::uint64_t position() const override { return position_; }
  std::uint64_t consumed() const override { return input_.position(); }
  void start_index(std::uint64_t budget) override { index_.record(kPlaceDistance, budget); }
  void stop_index() override { index_.stop(); }
  const std::vector<Note>& remarks() const override { return remarks_; }

 private:
  using Index = RestartIndex<BlockState>;

  Result<void> begin_frame();
  Result<void> next_piece();
  void note_place();
  void end_with(ErrorCode code, std::string text);
  void end_truncated() {
    end_with(ErrorCode::not_in_dump,
             "the zstd stream is truncated: what follows its last whole block cannot be read");
  }

  StreamInput input_;
  std::uint64_t largest_window_;
  Context context_;
  std::shared_ptr<Ring> usual_, large_;
  Frame frame_;
  Bytes ready_;  // decoded, in the ring, not handed out yet
  std::uint64_t position_ = 0;
  bool any_frame_ = false;
  bool in_frame_ = false;
  bool ended_ = false;
  Index index_;
  std::vector<Note> remarks_;
};

void ZstdDecoder::end_with(ErrorCode code, std::string text) {
  ended_ = true;
  Note note{code, std::move(text), input_.position()};
  // The same end is met again after a seek.
  if (std::find(remarks_.begin(), remarks_.end(), note) == remarks_.end())
    remarks_.push_back(std::move(note));
}

Result<void> ZstdDecoder::begin_frame() {
  PANICROOM_TRY(head, input_.peek(ZSTD_FRAMEHEADERSIZE_MAX));
  if (head.empty()) {
    ended_ = true;
    return {};
  }
  if (head.size() >= 8 && (load<std::uint32_t>(head.data(), std::endian::little) &
                           ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START) {
    const std::uint64_t length =
        std::uint64_t{8} + load<std::uint32_t>(head.data() + 4, std::endian::little);
    if (length > input_.left())
      end_truncated();
    else
      input_.skip(length);
    return {};
  }
  ZSTD_frameHeader header;
  const std::size_t status = ZSTD_getFrameHeader(&header, head.data(), head.size());
  std::string refusal;
  // Where addresses have 32 bits zstd itself refuses the largest windows.
  if (ZSTD_getErrorCode(status) == ZSTD_error_frameParameter_windowTooLarge) {
    refusal =
        "the zstd stream needs a window of over 1 GiB: decompress it with zstd -d --long=31 first";
  } else if (ZSTD_isError(status) != 0) {
    if (any_frame_ && head[0] == std::byte{0}) {
      ended_ = true;  // padding
    } else if (any_frame_) {
      end_with(ErrorCode::corrupt,
               fmt::format("the {} bytes after the end of the zstd stream are not part of it",
                           input_.left()));
    } else {
      end_with(ErrorCode::corrupt, fmt::format("the zstd stream is damaged at its start ({})",
                                               ZSTD_getErrorName(status)));
    }
    return {};
  } else if (status != 0) {
    end_truncated();
    return {};
  } else if (header.windowSize > largest_window_) {
    refusal = fmt::format(
        "the zstd stream needs a window of {} MiB: decompress it with zstd -d --long=31 first",
        header.windowSize >> 20);
  } else if (header.dictID != 0) {
    refusal = fmt::format("the zstd stream needs the dictionary {}", header.dictID);
  }
  if (!refusal.empty()) {
    if (!any_frame_) return fail_at_offset(ErrorCode::unsupported, input_.position(), refusal);
    end_with(ErrorCode::unsupported, std::move(refusal));
    return {};
  }

  if (index_.wants(position_)) index_.add({position_, input_.position(), {}});
  const std::size_t needed =
      ZSTD_decodingBufferSize_min(header.windowSize, header.frameContentSize);
  const bool usual = needed <= ring_size(kUsualWindow);
  std::shared_ptr<Ring>& ring = usual ? usual_ : large_;
  if (!ring) ring = std::make_shared<Ring>(ring_size(usual ? kUsualWindow : largest_window_));
  frame_ = {ring, needed, 0, 0, header.frameContentSize, header.blockSizeMax};
  ZSTD_decompressBegin(context_.get());
  any_frame_ = true;
  in_frame_ = true;
  return {};
}

void ZstdDecoder::note_place() {
  if (!index_.wants(position_) || ZSTD_nextInputType(context_.get()) != ZSTDnit_blockHeader) return;
  BlockState state;
  // The copy points into the original, which it will be copied back to.
  state.context = new_context();
  ZSTD_copyDCtx(state.context.get(), context_.get());
  state.frame = frame_;
  for (std::size_t at = 0; at < frame_.high; at += kHistoryPiece) {
    std::string& piece = state.history.emplace_back();
    snappy::Compress(reinterpret_cast<const char*>(frame_.ring->bytes.get()) + at,
                     std::min(kHistoryPiece, frame_.high - at), &piece);
    piece.shrink_to_fit();
    if (state.cost() > index_.room()) return index_.leave_out(position_);
  }
  index_.add({position_, input_.position(), std::move(state)});
}

// Decodes a block, or reads over a header or a checksum.
Result<void> ZstdDecoder::next_piece() {
  const std::size_t needed = ZSTD_nextSrcSizeToDecompress(context_.get());
  if (needed == 0) {
    in_frame_ = false;
    return {};
  }
  note_place();
  PANICROOM_TRY(piece, input_.peek(needed));
  if (piece.size() < needed) {
    end_truncated();
    return {};
  }
  if (frame_.ring_size < frame_.content && frame_.ring_size - frame_.at < frame_.largest_block)
    frame_.at = 0;
  std::byte* const to = frame_.ring->bytes.get() + frame_.at;
  const std::size_t made = ZSTD_decompressContinue(context_.get(), to, frame_.ring_size - frame_.at,
                                                   piece.data(), piece.size());
  if (ZSTD_isError(made) != 0) {
    end_with(ErrorCode::corrupt,
             fmt::format("the zstd stream is damaged ({}): what follows cannot be read",
                         ZSTD_getErrorName(made)));
    return {};
  }
  input_.skip(piece.size());
  ready_ = Bytes(to, made);
  frame_.at += made;
  frame_.high = std::max(frame_.high, frame_.at);
  return {};
}

Result<std::size_t> ZstdDecoder::decode(MutableBytes out) {
  std::size_t produced = 0;
  while (produced < out.size()) {
    if (!ready_.empty()) {
      const std::size_t count = std::min(ready_.size(), out.size() - produced);
      std::memcpy(out.data() + produced, ready_.data(), count);
      ready_ = ready_.subspan(count);
      produced += count;
      position_ += count;
    } else if (ended_) {
      break;
    } else if (in_frame_) {
      PANICROOM_CHECK(next_piece());
    } else {
      PANICROOM_CHECK(begin_frame());
    }
  }
  return produced;
}

Result<std::uint64_t> ZstdDecoder::seek(std::uint64_t output) {
  const Index::Place* const place = index_.before(output);
  const std::uint64_t from = place ? place->output : 0;
  if (position_ <= output && position_ >= from && !ended_) return 0U;

  ended_ = false;
  in_frame_ = false;
  ready_ = {};
  position_ = from;
  input_.seek(place ? place->input : 0);
  if (!place || !place->state.context) return 0U;

  const BlockState& state = place->state;
  ZSTD_copyDCtx(context_.get(), state.context.get());
  frame_ = state.frame;
  char* to = reinterpret_cast<char*>(frame_.ring->bytes.get());
  for (const std::string& piece : state.history) {
    snappy::RawUncompress(piece.data(), piece.size(), to);
    to += kHistoryPiece;
  }
  in_frame_ = true;
  return frame_.high;
}

}  // namespace

bool is_zstd(Bytes magic) {
  if (magic.size() < 4) return false;
  const auto number = load<std::uint32_t>(magic.data(), std::endian::little);
  return number == ZSTD_MAGICNUMBER ||
         (number & ZSTD_MAGIC_SKIPPABLE_MASK) == ZSTD_MAGIC_SKIPPABLE_START;
}

Result<Layer> open_zstd(SourcePtr stream, const StreamLimits& limits, const Progress& progress) {
  auto decoder = std::make_unique<ZstdDecoder>(stream, limits.largest_window);
  return open_stream(std::move(stream), "zstd", std::move(decoder), limits, progress);
}

}  // namespace panicroom
