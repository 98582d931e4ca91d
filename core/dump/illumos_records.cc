#include "core/dump/illumos_records.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/dump/stored_page.h"
#include "core/io/lzjb.h"

// Sources: dumphdr.h's dumpcsize_t and dumpstreamhdr_t, and decompress_pages() and lzjbblock() of
// illumos-gate usr/src/cmd/savecore/savecore.c, read as facts.

namespace panicroom {
namespace {

constexpr std::uint32_t size_mask = 0xfffff;
constexpr unsigned tag_shift = 20;
/// Sizes are read up to here from a page whose place is wanted.
constexpr std::uint32_t longest_run = 64;
constexpr std::string_view stream_magic = "StrmHdr";

}  // namespace

IllumosRecords::IllumosRecords(SourcePtr file, const IllumosHeader& header,
                               const std::optional<IllumosDataHeader>& data_header,
                               std::uint64_t pages)
    : file_(std::move(file)),
      order_(header.order),
      word_(header.word),
      page_size_(header.page_size()),
      pages_(pages),
      data_header_(data_header),
      end_(file_->size()),
      at_(header.data),
      last_run_(runs_.end()) {
  if (!data_header_) return;
  if (data_header_->data_size != 0)
    end_ = std::min(end_,
                    checked_add(header.data, data_header_->data_size).value_or(~std::uint64_t{0}));
  if (data_header_->streams != 0) level_ = data_header_->level;
}

std::optional<std::uint32_t> IllumosRecords::word_at(std::uint64_t offset) const {
  if (!contains(end_, offset, 4)) return std::nullopt;
  if (const Bytes bytes = file_->view(offset, 4); !bytes.empty())
    return Reader(bytes, order_).u32(0);
  std::array<std::byte, 4> copy;
  if (!file_->read(offset, copy)) return std::nullopt;
  return Reader(copy, order_).u32(0);
}

void IllumosRecords::note(Error why) const {
  if (!damage_) damage_ = std::move(why);
}

void IllumosRecords::end(std::optional<Error> why) const {
  finished_ = true;
  if (why) note(*std::move(why));
  // What a stream lacks at the end of a file that was cut is no damage.
  if (!bzip2_streams_) return;
  if (auto done = bzip2_streams_->finish(); !done && !cut_) note(std::move(done).error());
}

void IllumosRecords::step() const {
  const std::uint64_t at = at_;
  const auto word = word_at(at);
  if (!word) {
    // Single pages of an older system end without a word that says so.
    cut_ = pages_seen_ < pages_;
    return end(std::nullopt);
  }
  const std::uint32_t tag = *word >> tag_shift;
  const std::uint32_t size = *word & size_mask;
  if (*word == 0) return end(std::nullopt);
  const auto corrupt = [at](std::string text) {
    return Error{ErrorCode::corrupt, Absence::none, std::move(text), std::nullopt, at};
  };
  const std::uint64_t most = tag == 0 ? page_size_
                             : data_header_ && data_header_->largest_block != 0
                                 ? data_header_->largest_block
                                 : size_mask;
  if (size > most)
    return end(corrupt(
        fmt::format("a record of {} bytes is larger than the {} that it may have", size, most)));
  if (tag != 0 && data_header_ && tag > data_header_->streams)
    return end(corrupt(fmt::format("a record is of stream {}, but there are {} streams", tag,
                                   data_header_->streams)));
  if (!contains(end_, at + 4, size)) {
    cut_ = true;
    if (tag != 0) stream_block(tag - 1, at + 4, end_ - (at + 4));
    return end(std::nullopt);
  }
  at_ = at + 4 + size;
  if (tag != 0) return stream_block(tag - 1, at + 4, size);
  // A single page follows all that came before it: where some are not known, nor is its number.
  if (pages_seen_ >= pages_ || damage_) return end(std::nullopt);
  add_page(pages_seen_, at);
  // Nothing but the number of pages ends them.
  if (!data_header_ && pages_seen_ >= pages_) end(std::nullopt);
}

void IllumosRecords::add_page(std::uint64_t page, std::uint64_t offset) const {
  ++pages_seen_;
  if (last_run_ != runs_.end() && offset == after_last_run_ &&
      page == last_run_->first + last_run_->second.pages && last_run_->second.pages < longest_run) {
    ++last_run_->second.pages;
  } else {
    last_run_ = runs_.insert_or_assign(page, Run{1, no_stream, offset}).first;
  }
  after_last_run_ = offset + 4 + (word_at(offset).value_or(0) & size_mask);
}

bool IllumosRecords::seems_bzip2(std::uint64_t offset) const {
  std::array<std::byte, 3> first;
  if (!contains(end_, offset, first.size()) || !file_->read(offset, first)) return false;
  return Reader(first, order_).text(0, 3) == "BZh";
}

void IllumosRecords::stream_block(std::uint32_t stream, std::uint64_t offset,
                                  std::uint64_t size) const {
  if (!level_) level_ = seems_bzip2(offset) ? 2 : 1;
  if (*level_ < 2) return lzjb_block(stream, offset, size);
  if (!bzip2_streams_)
    bzip2_streams_.emplace(file_, order_, word_, page_size_, pages_,
                           data_header_ ? data_header_->largest_range : 0);
  auto done = bzip2_streams_->add(
      stream, offset, size,
      [this](std::uint32_t number, std::uint64_t page, std::uint64_t pages, std::uint64_t place) {
        pages_seen_ += pages;
        for (std::uint64_t first = 0; first < pages; first += 0xffffffff)
          runs_.insert_or_assign(
              page + first,
              Run{static_cast<std::uint32_t>(std::min<std::uint64_t>(pages - first, 0xffffffff)),
                  number, place + first * page_size_});
      });
  if (!done) note(std::move(done).error());
}

void IllumosRecords::lzjb_block(std::uint32_t number, std::uint64_t offset,
                                std::uint64_t size) const {
  if (number >= lzjb_streams_.size()) lzjb_streams_.resize(number + std::size_t{1});
  LzjbStream& stream = lzjb_streams_[number];
  const std::uint64_t end = offset + size;
  const std::uint64_t header_size = 8 + std::uint64_t{2} * word_;
  const auto damaged = [&](std::uint64_t at, std::string why) {
    stream.damaged = true;
    note({ErrorCode::corrupt, Absence::none, fmt::format("lzjb stream {}: {}", number + 1, why),
          std::nullopt, at});
  };
  for (std::uint64_t at = offset; at < end && !stream.damaged;) {
    if (stream.left == 0) {
      std::array<std::byte, 24> copy;
      const auto bytes = MutableBytes(copy).first(static_cast<std::size_t>(header_size));
      if (!contains(end, at, header_size)) {
        if (!cut_) damaged(at, "its block ends within a header");
        return;
      }
      if (auto read = file_->read(at, bytes); !read) return note(read.error());
      const Reader reader(bytes, order_);
      const std::uint64_t page = *reader.word(8, word_);
      const std::uint64_t count = *reader.word(8 + std::uint64_t{word_}, word_);
      const std::uint64_t most = data_header_ ? data_header_->largest_range : 0;
      if (reader.text(0, 8) != stream_magic) return damaged(at, "no header stands where one must");
      if (!contains(pages_, page, count) || (most != 0 && count > most))
        return damaged(at, fmt::format("a header names {} pages from page {} on, but the dump has "
                                       "{} pages",
                                       count, page, pages_));
      stream.next_page = page;
      stream.left = count;
      at += header_size;
      continue;
    }
    const auto word = contains(end, at, 4) ? word_at(at) : std::nullopt;
    const std::uint32_t stored = word ? *word & size_mask : 0;
    if (cut_ && (!word || !contains(end, at + 4, stored))) return;
    if (!word || !contains(end, at + 4, stored) || stored > page_size_ ||
        most_lzjb_output(stored) < page_size_)
      return damaged(at,
                     fmt::format("a page of {} bytes cannot be stored in {}", page_size_, stored));
    add_page(stream.next_page++, at);
    --stream.left;
    at += 4 + std::uint64_t{stored};
  }
}

std::uint64_t IllumosRecords::pages_of(const Run& run) const {
  if (run.stream == no_stream) return run.pages;
  const std::uint64_t decoded = bzip2_streams_->decoded(run.stream);
  return std::min<std::uint64_t>(run.pages,
                                 decoded < run.place ? 0 : (decoded - run.place) / page_size_);
}

std::optional<IllumosRecords::Run> IllumosRecords::known(std::uint64_t page,
                                                         std::uint64_t& first) const {
  const auto after = runs_.upper_bound(page);
  if (after == runs_.begin()) return std::nullopt;
  const auto& [start, run] = *std::prev(after);
  first = start;
  if (page - start >= pages_of(run)) return std::nullopt;
  return run;
}

Failure IllumosRecords::missing(std::uint64_t page) const {
  if (damage_)
    return Failure(damage_->within(fmt::format("page {} of the dump was not found", page)));
  return absent_page(Absence::truncated, 0);
}

Result<IllumosRecords::Record> IllumosRecords::find(std::uint64_t page) const {
  const std::scoped_lock lock(mutex_);
  std::uint64_t first = 0;
  auto run = known(page, first);
  while (!run && !finished_) {
    // The look into the runs costs less than the steps, but not nothing.
    for (int i = 0; i < 16 && !finished_; ++i) step();
    run = known(page, first);
  }
  if (!run) return missing(page);
  Record record;
  if (run->stream != no_stream) {
    record.bzip2 = true;
    record.stream = run->stream;
    record.stream_offset = run->place + (page - first) * page_size_;
    const auto [offset, stored] = bzip2_streams_->place(run->stream, record.stream_offset);
    record.offset = offset;
    record.stored = static_cast<std::uint32_t>(stored);
    return record;
  }
  std::uint64_t at = run->place;
  for (; first < page; ++first) at += 4 + (word_at(at).value_or(0) & size_mask);
  record.offset = at + 4;
  record.stored = word_at(at).value_or(0) & size_mask;
  // The words were sound when they were first read.
  if (!contains(end_, record.offset, record.stored) || record.stored > page_size_)
    return fail_at_offset(ErrorCode::corrupt, at, "the page's record changed while it was read");
  return record;
}

Result<void> IllumosRecords::read_bzip2(const Record& record, MutableBytes page) const {
  const std::scoped_lock lock(mutex_);
  return bzip2_streams_->read(record.stream, record.stream_offset, page);
}

std::optional<Error> IllumosRecords::finish() const {
  const std::scoped_lock lock(mutex_);
  while (!finished_) step();
  return damage_;
}

std::vector<std::pair<std::uint64_t, std::uint64_t>> IllumosRecords::runs() const {
  const std::scoped_lock lock(mutex_);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> all;
  for (const auto& [first, run] : runs_) {
    const std::uint64_t pages = pages_of(run);
    if (pages == 0) continue;
    if (!all.empty() && all.back().first + all.back().second == first)
      all.back().second += pages;
    else
      all.emplace_back(first, pages);
  }
  return all;
}

}  // namespace panicroom
