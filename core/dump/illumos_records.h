#pragma once

#include <cstdint>
#include <map>
#include <mutex>
#include <optional>
#include <vector>

#include "core/dump/illumos_header.h"
#include "core/dump/illumos_streams.h"
#include "core/io/byte_source.h"

namespace panicroom {

/// Where the pages of a compressed illumos dump lie. Nothing in the file says it: page N is found
/// by reading the sizes of the records before it. That is done once, in the order of the file and
/// no further than the pages that are asked for need, which come in nearly the same order: single
/// pages and lzjb streams cost a read of 4 bytes for each page, bzip2 streams must be decoded. What
/// is kept are runs of pages (about 1 byte of memory for each page) and the places of bzip2's
/// blocks (16 bytes for some 100 KiB). May be used from several threads at once.
class IllumosRecords {
 public:
  IllumosRecords(SourcePtr file, const IllumosHeader& header,
                 const std::optional<IllumosDataHeader>& data_header, std::uint64_t pages);

  struct Record {
    std::uint64_t offset = 0;  ///< in the file: of the page's bytes, or of the bzip2 block's
    std::uint32_t stored = 0;  ///< bytes there
    bool bzip2 = false;
    std::uint32_t stream = 0;         ///< bzip2: its number, from 0
    std::uint64_t stream_offset = 0;  ///< bzip2: of the page in what the stream decodes to
  };
  /// Errors: `corrupt` when a damaged record hides the page, `not_in_dump` when the file or its
  /// writer ended before it.
  Result<Record> find(std::uint64_t page) const;
  /// Bytes of a page of a bzip2 stream.
  Result<void> read_bzip2(const Record& record, MutableBytes page) const;

  /// Looks at all records; answers the first error among them.
  std::optional<Error> finish() const;
  /// The runs of pages that are known, ascending: `visit(first, pages)`.
  std::vector<std::pair<std::uint64_t, std::uint64_t>> runs() const;

 private:
  /// Pages whose records lie one behind the other.
  struct Run {
    std::uint32_t pages = 0;
    std::uint32_t stream = no_stream;  ///< of bzip2
    std::uint64_t place = 0;           ///< file offset, or offset in what the stream decodes to
  };
  /// Of an lzjb stream: what the next block goes on with.
  struct LzjbStream {
    std::uint64_t next_page = 0;
    std::uint64_t left = 0;  ///< pages of its range
    bool damaged = false;
  };
  static constexpr std::uint32_t no_stream = 0xffffffff;

  std::optional<std::uint32_t> word_at(std::uint64_t offset) const;
  void step() const;
  void stream_block(std::uint32_t stream, std::uint64_t offset, std::uint64_t size) const;
  void lzjb_block(std::uint32_t number, std::uint64_t offset, std::uint64_t size) const;
  void add_page(std::uint64_t page, std::uint64_t offset) const;
  void end(std::optional<Error> why) const;
  void note(Error why) const;
  bool seems_bzip2(std::uint64_t offset) const;
  /// Pages of a run that are there: a range of a stream is announced before it is decoded.
  std::uint64_t pages_of(const Run& run) const;
  std::optional<Run> known(std::uint64_t page, std::uint64_t& first) const;
  Failure missing(std::uint64_t page) const;

  SourcePtr file_;
  std::endian order_;
  unsigned word_;
  std::uint32_t page_size_;
  std::uint64_t pages_;  ///< that the table of page frames has
  std::optional<IllumosDataHeader> data_header_;
  std::uint64_t end_;  ///< of the records, as far as it is known

  mutable std::mutex mutex_;  // guards all that follows
  mutable std::uint64_t at_;
  mutable bool finished_ = false;
  mutable bool cut_ = false;  ///< the file ended within the records
  mutable std::optional<Error> damage_;
  mutable std::optional<std::uint32_t> level_;  ///< of compression, once it is known
  mutable std::uint64_t pages_seen_ = 0;
  mutable std::map<std::uint64_t, Run> runs_;
  mutable std::map<std::uint64_t, Run>::iterator last_run_;
  mutable std::uint64_t after_last_run_ = 0;  ///< file offset behind it, where a run could go on
  mutable std::vector<LzjbStream> lzjb_streams_;
  mutable std::optional<Bzip2Streams> bzip2_streams_;
};

}  // namespace panicroom
