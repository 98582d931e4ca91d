#include "core/io/byte_source.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <limits>
#include <utility>

#include "core/base/arithmetic.h"

namespace panicroom {
namespace {

class MemorySource final : public ByteSource {
 public:
  MemorySource(std::string name, std::vector<std::byte> bytes)
      : name_(std::move(name)), bytes_(std::move(bytes)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }

  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    if (!contains(bytes_.size(), offset, out.size())) return past_end(*this, offset, out.size());
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }
  Bytes view(std::uint64_t offset, std::uint64_t length) const override {
    if (!contains(bytes_.size(), offset, length)) return {};
    return Bytes(bytes_).subspan(static_cast<std::size_t>(offset),
                                 static_cast<std::size_t>(length));
  }

 private:
  std::string name_;
  std::vector<std::byte> bytes_;
};

class SubSource final : public ByteSource {
 public:
  SubSource(SourcePtr parent, std::uint64_t offset, std::uint64_t length, std::string name)
      : parent_(std::move(parent)), offset_(offset), size_(length), name_(std::move(name)) {}

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }

  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    if (!contains(size_, offset, out.size())) return past_end(*this, offset, out.size());
    return parent_->read(offset_ + offset, out);
  }
  Bytes view(std::uint64_t offset, std::uint64_t length) const override {
    if (!contains(size_, offset, length)) return {};
    return parent_->view(offset_ + offset, length);
  }
  std::uint64_t next_stored(std::uint64_t offset) const override {
    if (offset >= size_) return size_;
    return std::min(parent_->next_stored(offset_ + offset) - offset_, size_);
  }
  void done_with(std::uint64_t offset, std::uint64_t length) const override {
    if (contains(size_, offset, length)) parent_->done_with(offset_ + offset, length);
  }

 private:
  SourcePtr parent_;
  std::uint64_t offset_;  // offset_ + size_ lies within the parent
  std::uint64_t size_;
  std::string name_;
};

}  // namespace

Failure past_end(const ByteSource& source, std::uint64_t offset, std::uint64_t length) {
  return Failure(Error{ErrorCode::not_in_dump, Absence::truncated,
                       fmt::format("the file ends after {} bytes, before the {} bytes from {:#x}",
                                   source.size(), length, offset),
                       std::nullopt, offset});
}

Result<std::vector<std::byte>> read_bytes(const ByteSource& source, std::uint64_t offset,
                                          std::uint64_t length, std::uint64_t limit) {
  if (length > limit || length > std::numeric_limits<std::size_t>::max()) {
    return fail_at_offset(
        ErrorCode::corrupt, offset,
        fmt::format("{} bytes are claimed where at most {} can be", length, limit));
  }
  if (!contains(source.size(), offset, length)) return past_end(source, offset, length);
  std::vector<std::byte> bytes(static_cast<std::size_t>(length));
  PANICROOM_CHECK(source.read(offset, bytes));
  return bytes;
}

SourcePtr memory_source(std::string name, std::vector<std::byte> bytes) {
  return std::make_shared<MemorySource>(std::move(name), std::move(bytes));
}

SourcePtr sub_source(SourcePtr parent, std::uint64_t offset, std::uint64_t length,
                     std::string name) {
  const std::uint64_t begin = std::min(offset, parent->size());
  const std::uint64_t size = std::min(length, parent->size() - begin);
  return std::make_shared<SubSource>(std::move(parent), begin, size, std::move(name));
}

}  // namespace panicroom
