#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <list>
#include <memory>
#include <span>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "core/io/byte_source.h"

namespace panicroom {

/// Where the bytes of one file come from when the file can be neither mapped nor held in memory: a
/// browser's File or a descriptor of Node.
class SliceReader {
 public:
  virtual ~SliceReader() = default;
  /// Fills `pieces`, one after the other, with the file's bytes from `offset`, whole or not at all.
  /// Errors: `io` with the system's own words.
  virtual Result<void> read(std::uint64_t offset, std::span<const MutableBytes> pieces) = 0;
};

/// The blocks of all files of a session, least recently used out first. It never holds more than
/// `bound` bytes, whatever the files' sizes.
class BlockCache {
 public:
  static constexpr std::size_t block_size = std::size_t{1} << 20;
  /// What a block is filled by: the smallest slice that is read, so that a scattered read does not
  /// wait for a whole block.
  static constexpr std::size_t unit_size = std::size_t{64} << 10;
  static constexpr std::size_t units_per_block = block_size / unit_size;

  struct Block {
    std::unique_ptr<std::byte[]> bytes;
    std::uint32_t filled = 0;  ///< bit n: unit n holds the file's bytes
  };

  explicit BlockCache(std::size_t bound)
      : most_blocks_(bound / block_size > 2 ? bound / block_size : 2) {}

  std::uint32_t add_file() { return next_file_++; }
  std::size_t most_blocks() const { return most_blocks_; }
  std::size_t bytes_held() const { return blocks_.size() * block_size; }

  /// The block, made empty when it is not there. It stays where it is until most_blocks() others
  /// have been asked for.
  Block& block(std::uint32_t file, std::uint64_t index);
  /// True when the cache holds that unit; changes nothing.
  bool holds(std::uint32_t file, std::uint64_t unit) const;

 private:
  struct Key {
    std::uint32_t file = 0;
    std::uint64_t index = 0;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const {
      return static_cast<std::size_t>((key.index * 0x9e3779b97f4a7c15u) >> 20) ^ key.file;
    }
  };
  using Blocks = std::list<std::pair<Key, Block>>;

  std::size_t most_blocks_;
  std::uint32_t next_file_ = 0;
  Blocks blocks_;  // the most recently used first
  std::unordered_map<Key, Blocks::iterator, KeyHash> by_key_;
};

/// A file that is read by slices through a BlockCache. A run of sequential reads doubles its slices
/// from 64 KiB up to 16 MiB; a scattered read costs one small slice.
class SliceSource final : public ByteSource {
 public:
  SliceSource(std::string name, std::uint64_t size, std::unique_ptr<SliceReader> reader,
              std::shared_ptr<BlockCache> cache);

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return size_; }
  Result<void> read(std::uint64_t offset, MutableBytes out) const override;

 private:
  Result<void> fill(std::uint64_t first_unit, std::uint64_t last_unit) const;

  std::string name_;
  std::uint64_t size_;
  std::shared_ptr<BlockCache> cache_;
  std::uint32_t file_;
  // A browser's source lives in one thread; reading changes only what is kept for the next read.
  std::unique_ptr<SliceReader> reader_;
  mutable std::uint64_t next_unit_ = 0;
  mutable std::uint64_t window_ = 1;
};

}  // namespace panicroom
