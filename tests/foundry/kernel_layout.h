#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace foundry {

/// A layout as rows of text: those of its base, if it has one, then its own, which replace them.
struct NamedRows {
  std::string_view name, base, rows;
};

/// Empty where there is none of that name.
std::string rows_with_bases(std::span<const NamedRows> known, std::string_view name);

/// Where the members of a kernel's structures lie: those of a release, or an invented one.
class KernelLayout {
 public:
  struct Member {
    std::string path;
    std::uint64_t offset = 0, size = 0;
    /// pointer, signed, unsigned, text, bytes, bits:FIRST:COUNT, array:COUNT, or a link of
    /// sys/queue.h: le (LIST_ENTRY), tqe (TAILQ_ENTRY), tqh (TAILQ_HEAD).
    std::string kind;
  };

  /// `rows`: structure, member, offset, size, kind; "." is the structure itself. A size in w is in
  /// pointers of `word` bytes. Later rows replace earlier ones; the kind "absent" takes away.
  KernelLayout(const std::string& rows, unsigned word);

  /// Null where the structure has no such member.
  const Member* find(std::string_view structure, std::string_view path) const;
  std::uint64_t offset(std::string_view structure, std::string_view path) const;
  std::uint64_t size(std::string_view structure) const;
  unsigned word() const { return word_; }
  const std::map<std::string, std::vector<Member>>& structures() const { return structures_; }
  /// Those that rows give a size, also without members.
  const std::map<std::string, std::uint64_t>& sizes() const { return sizes_; }

 private:
  std::uint64_t size_text(const std::string& text) const;

  unsigned word_;
  std::map<std::string, std::vector<Member>> structures_;
  std::map<std::string, std::uint64_t> sizes_;
};

}  // namespace foundry
