#include "core/symbols/kallsyms_names.h"

#include <fmt/format.h>

#include <algorithm>

namespace panicroom {

namespace {

constexpr std::size_t kTokens = 256;
constexpr std::size_t kChunk = std::size_t{64} << 10;
constexpr std::uint64_t kSmallestSymbol = 2 + 4;  // a length, a token and an offset
constexpr std::size_t kNamesLimit = std::size_t{64} << 20;

/// Kernel memory from one address on, read in chunks as far as it is looked at.
class GrowingBytes {
 public:
  GrowingBytes(AddressSpace& kernel, std::uint64_t start, std::uint64_t limit)
      : kernel_(kernel), start_(start), limit_(limit) {}

  /// The bytes from `offset` on, at least `wanted` of them; fewer where memory ends.
  Bytes from(std::size_t offset, std::size_t wanted) {
    while (bytes_.size() < offset + wanted && !error_ && bytes_.size() < limit_) grow();
    return offset < bytes_.size() ? Bytes(bytes_).subspan(offset) : Bytes();
  }
  const std::optional<Error>& error() const { return error_; }
  std::vector<std::byte> take() { return std::move(bytes_); }

 private:
  void grow() {
    const std::size_t size = bytes_.size();
    bytes_.resize(size + kChunk);
    Error error;
    const std::size_t read =
        kernel_.read_some(start_ + size, MutableBytes(bytes_).subspan(size), &error);
    if (read == kChunk) return;
    bytes_.resize(size + read);
    error_ = std::move(error);
  }

  AddressSpace& kernel_;
  std::uint64_t start_;
  std::uint64_t limit_;
  std::vector<std::byte> bytes_;
  std::optional<Error> error_;
};

}  // namespace

Result<KallsymsTokens> KallsymsTokens::read(AddressSpace& kernel, std::uint64_t table,
                                            std::uint64_t index) {
  std::array<std::byte, kTokens * 2> raw{};
  if (auto read = kernel.read(index, raw); !read)
    return Failure(read.error().within("reading kallsyms_token_index"));
  const Reader offsets(raw, kernel.machine().order);

  KallsymsTokens tokens;
  std::size_t end = 0;
  for (std::size_t i = 0; i < kTokens; ++i) end = std::max<std::size_t>(end, *offsets.u16(i * 2));
  tokens.text_.resize(end + KallsymsNames::kNameLimit);
  Error error;
  const std::size_t read = kernel.read_some(
      table, std::as_writable_bytes(std::span(tokens.text_.data(), tokens.text_.size())), &error);
  if (read <= end) return Failure(error.within("reading kallsyms_token_table"));
  tokens.text_.resize(read);
  for (std::size_t i = 0; i < kTokens; ++i) {
    const std::uint16_t offset = *offsets.u16(i * 2);
    const auto nul = tokens.text_.find('\0', offset);
    if (nul == std::string::npos || nul - offset > KallsymsNames::kNameLimit)
      return fail_at_address(ErrorCode::corrupt, table + offset,
                             fmt::format("token {} of kallsyms does not end", i));
    tokens.places_[i] = {offset, static_cast<std::uint16_t>(nul - offset)};
  }
  return tokens;
}

Result<KallsymsNames> KallsymsNames::read(AddressSpace& kernel, const KallsymsTables& tables) {
  if (tables.count == 0 || tables.count > kCountLimit)
    return fail(ErrorCode::corrupt, fmt::format("kallsyms_num_syms is {}, expected 1 to {}",
                                                tables.count, kCountLimit));
  const std::uint64_t present = present_bytes(kernel.physical().memory());
  if (tables.count > present / kSmallestSymbol)
    return fail(ErrorCode::corrupt,
                fmt::format("kallsyms_num_syms is {}: so many do not fit into the {} bytes of "
                            "memory that the dump holds",
                            tables.count, present));
  PANICROOM_TRY(tokens, KallsymsTokens::read(kernel, tables.token_table, tables.token_index));
  KallsymsNames names;
  names.tokens_ = std::move(tokens);
  const auto count = static_cast<std::size_t>(tables.count);
  GrowingBytes bytes(kernel, tables.names, std::min<std::uint64_t>(present, kNamesLimit));
  std::size_t at = 0;
  for (std::size_t i = 0; i < count; ++i) {
    const auto length = kallsyms_length(bytes.from(at, 2));
    const Bytes symbol = length ? bytes.from(at + length->bytes, length->tokens) : Bytes();
    if (!length || symbol.size() < length->tokens) {
      if (bytes.error()) return Failure(bytes.error()->within("reading kallsyms_names"));
      return fail_at_address(ErrorCode::corrupt, tables.names + at, "kallsyms_names does not end");
    }
    std::uint32_t text = 0;
    for (const std::byte token : symbol.first(length->tokens)) {
      text += names.tokens_.length(token);
      if (text > kNameLimit) break;
    }
    if (text == 0 || text > kNameLimit)
      return fail_at_address(ErrorCode::corrupt, tables.names + at,
                             fmt::format("symbol {} of kallsyms has {} {} bytes", i,
                                         text == 0 ? "only" : "over", text));
    names.places_.push_back(static_cast<std::uint32_t>(at));
    names.lengths_.push_back(static_cast<std::uint16_t>(text));
    names.text_size_ += text;
    if (names.text_size_ > kNamesLimit)
      return fail(ErrorCode::corrupt, "the names of kallsyms are too long together");
    at += length->bytes + length->tokens;
  }
  names.bytes_ = bytes.take();
  return names;
}

Bytes KallsymsNames::tokens_of(std::size_t i) const {
  const Bytes record = Bytes(bytes_).subspan(places_[i]);
  const auto length = kallsyms_length(record);  // `read` has checked it
  return record.subspan(length->bytes, length->tokens);
}

void KallsymsNames::append(std::size_t i, std::string& out) const {
  for (const std::byte token : tokens_of(i)) out.append(tokens_[token]);
}

char KallsymsNames::type(std::size_t i) const {
  for (const std::byte token : tokens_of(i))
    if (const auto text = tokens_[token]; !text.empty()) return text.front();
  return '?';
}

bool KallsymsNames::is(std::size_t i, std::string_view name) const {
  if (lengths_[i] != name.size() + 1) return false;
  // From the end: names differ there more often than at their beginning.
  const Bytes tokens = tokens_of(i);
  for (auto token = tokens.rbegin(); token != tokens.rend(); ++token) {
    std::string_view text = tokens_[*token];
    if (text.size() > name.size()) text.remove_prefix(text.size() - name.size());
    if (!name.ends_with(text)) return false;
    name.remove_suffix(text.size());
  }
  return name.empty();
}

}  // namespace panicroom
