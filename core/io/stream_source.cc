#include "core/io/stream_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <mutex>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/io/block_store.h"

namespace panicroom {
namespace {

constexpr std::size_t kBlock = std::size_t{32} << 10;
constexpr std::size_t kRecent = 256;  // blocks that lie decoded: 8 MiB

class StreamSource final : public ByteSource {
 public:
  StreamSource(SourcePtr stream, std::string_view kind, std::unique_ptr<StreamDecoder> decoder,
               BlockStore store, std::uint64_t size, std::uint64_t most_redecoded)
      : stream_(std::move(stream)),
        kind_(kind),
        size_(size),
        most_redecoded_(
            checked_add(most_redecoded,
                        checked_mul(size, std::uint64_t{64}).value_or(~std::uint64_t{0}))
                .value_or(~std::uint64_t{0})),
        decoder_(std::move(decoder)),
        store_(std::move(store)),
        recent_(kRecent) {}

  const std::string& name() const override { return stream_->name(); }
  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override;

 private:
  struct Recent {
    std::uint64_t number = ~std::uint64_t{0};
    std::unique_ptr<std::byte[]> bytes;
  };

  std::size_t length_of(std::uint64_t number) const {
    return static_cast<std::size_t>(std::min<std::uint64_t>(kBlock, size_ - number * kBlock));
  }
  Result<Bytes> block(std::uint64_t number) const;
  Result<void> decode_to(std::uint64_t number, MutableBytes block) const;

  SourcePtr stream_;
  std::string kind_;
  std::uint64_t size_;
  std::uint64_t most_redecoded_;
  mutable std::mutex mutex_;  // guards all that follows
  mutable std::unique_ptr<StreamDecoder> decoder_;
  mutable BlockStore store_;
  mutable std::uint64_t redecoded_ = 0;
  mutable std::vector<Recent> recent_;  // a block has one place: its number modulo kRecent
};

Result<void> StreamSource::read(std::uint64_t offset, MutableBytes out) const {
  if (!contains(size_, offset, out.size())) return past_end(*this, offset, out.size());
  const std::scoped_lock lock(mutex_);
  while (!out.empty()) {
    PANICROOM_TRY(bytes, block(offset / kBlock));
    const Bytes from = bytes.subspan(static_cast<std::size_t>(offset % kBlock));
    const std::size_t count = std::min(from.size(), out.size());
    std::memcpy(out.data(), from.data(), count);
    out = out.subspan(count);
    offset += count;
  }
  return {};
}

Result<Bytes> StreamSource::block(std::uint64_t number) const {
  Recent& recent = recent_[static_cast<std::size_t>(number % kRecent)];
  const std::size_t length = length_of(number);
  if (recent.number != number) {
    if (!recent.bytes) recent.bytes = std::make_unique<std::byte[]>(kBlock);
    recent.number = ~std::uint64_t{0};
    const MutableBytes bytes(recent.bytes.get(), length);
    if (!store_.load(number, bytes)) PANICROOM_CHECK(decode_to(number, bytes));
    recent.number = number;
  }
  return Bytes(recent.bytes.get(), length);
}

// Goes on from where the decoder is or from the nearest place before the block; what is passed on
// the way is kept, since neighbours are often asked for next.
Result<void> StreamSource::decode_to(std::uint64_t number, MutableBytes block) const {
  const std::uint64_t target = number * kBlock;
  PANICROOM_TRY(brought_back, decoder_->seek(target));
  redecoded_ += brought_back;
  std::vector<std::byte> passed(kBlock);
  for (;;) {
    const std::uint64_t at = decoder_->position();
    const bool reached = at == target;
    const std::uint64_t stop = reached ? target + block.size() : (at / kBlock + 1) * kBlock;
    const MutableBytes out =
        reached ? block : MutableBytes(passed).first(static_cast<std::size_t>(stop - at));
    if (redecoded_ > most_redecoded_)
      return fail_at_offset(
          ErrorCode::unsupported, target,
          fmt::format("the {} stream had to be decoded over and over: decompress it first", kind_));
    // A stream may be long and decode to little.
    const std::uint64_t consumed = decoder_->consumed();
    PANICROOM_TRY(produced, decoder_->decode(out));
    redecoded_ += produced + (decoder_->consumed() - consumed);
    if (produced != out.size()) {
      return fail_at_offset(
          ErrorCode::corrupt, at + produced,
          fmt::format("the {} stream no longer decodes as it did when it was opened", kind_));
    }
    if (at % kBlock == 0) store_.keep(at / kBlock, out);
    if (reached) return {};
  }
}

}  // namespace

Result<Layer> open_stream(SourcePtr stream, std::string_view kind,
                          std::unique_ptr<StreamDecoder> decoder, const StreamLimits& limits,
                          const Progress& progress) {
  BlockStore store(limits.first_blocks, limits.other_blocks);
  std::vector<std::byte> block(kBlock);
  std::uint64_t size = 0;
  bool indexing = false;
  for (std::uint64_t count = 0;; ++count) {
    if (count % 32 == 0 && progress && !progress(decoder->consumed(), stream->size()))
      return cancelled();
    if (!indexing && store.nearly_full()) {
      decoder->start_index(limits.index);
      indexing = true;
    }
    PANICROOM_TRY(produced, decoder->decode(block));
    size += produced;
    if (size > limits.most_output)
      return fail(
          ErrorCode::unsupported,
          fmt::format("the {} stream within another compression decodes to more than {} MiB: "
                      "take the outer one off first and open what comes out",
                      kind, limits.most_output >> 20));
    if (produced != 0) store.keep_next(Bytes(block).first(produced));
    if (produced < block.size()) break;
  }
  decoder->stop_index();
  Layer layer;
  layer.remarks = decoder->remarks();
  if (size == 0) {
    return fail(ErrorCode::corrupt, layer.remarks.empty()
                                        ? fmt::format("the {} stream holds nothing", kind)
                                        : layer.remarks.front().text);
  }
  layer.source = std::make_shared<StreamSource>(std::move(stream), kind, std::move(decoder),
                                                std::move(store), size, limits.most_redecoded);
  return layer;
}

}  // namespace panicroom
