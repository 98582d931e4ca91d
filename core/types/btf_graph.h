#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "core/base/bytes.h"
#include "core/types/lazy_bytes.h"
#include "core/types/name_index.h"
#include "core/types/type_graph.h"

namespace panicroom {

/// BTF (Linux, include/uapi/linux/btf.h). The types are found in one pass from the front that goes
/// no further than asked: records have no index of their own and each one's length depends on its
/// kind. A module's BTF is split: its types and strings go on where its base's end.
class BtfGraph final : public TypeGraph {
 public:
  /// Checks the header. `base` is null but for a module's. Errors: `corrupt`, `unsupported`
  /// (another version).
  static Result<std::shared_ptr<BtfGraph>> open(LazyBytes blob, std::endian order,
                                                std::string origin, std::shared_ptr<BtfGraph> base);

  std::string_view origin() const override { return origin_; }
  std::endian order() const override { return order_; }
  Result<Type> type(TypeId id) override;
  Result<void> members(TypeId id, const std::function<bool(const TypeMember&)>& visit) override;
  Result<void> enumerators(TypeId id,
                           const std::function<bool(const TypeEnumerator&)>& visit) override;
  Result<TypeId> find(std::string_view name, std::optional<TypeName> space) override;
  Result<std::int64_t> enumerator(std::string_view name) override;
  Result<TypeId> variable(std::string_view name) override;

  /// How many types there are, this one's and its base's, void not counted: a pass over all of it.
  TypeId count();

 private:
  struct Record;

  BtfGraph(LazyBytes blob, std::endian order, std::string origin, std::shared_ptr<BtfGraph> base)
      : blob_(std::move(blob)), order_(order), origin_(std::move(origin)), base_(std::move(base)) {}

  bool advance();
  bool stop(Error error);
  void remember_names(const Record& record, TypeId id);
  Result<Record> record(TypeId id);
  Result<Record> parse(std::uint64_t at);
  Failure missing(std::string_view what, std::string_view name) const;
  std::optional<TypeId> known(std::string_view name, std::optional<TypeName> space);
  std::optional<TypeId> known_since(const std::array<std::size_t, 4>& marks, std::string_view name,
                                    std::optional<TypeName> space);
  std::uint64_t pointer_size();
  Result<std::uint32_t> u32(std::uint64_t offset);
  /// The string at `offset` of all strings; "?" when it cannot be read.
  std::string_view text(std::uint32_t offset);

  LazyBytes blob_;
  std::endian order_;
  std::string origin_;
  std::shared_ptr<BtfGraph> base_;
  TypeId base_count_ = 0;                        // types before this blob's first
  std::uint64_t base_strings_ = 0;               // bytes of strings before this blob's
  std::uint64_t types_ = 0, types_end_ = 0;      // the type section in the blob
  std::uint64_t strings_ = 0, strings_end_ = 0;  // the string section
  std::uint64_t next_ = 0;                       // where the pass stands
  std::vector<std::uint32_t> places_;            // of type base_count_ + 1 and on, in the blob
  std::optional<Error> stopped_;            // why the pass cannot go on before the section's end
  std::optional<Error> unread_;             // why some name could not be read
  std::array<NameIndex<TypeId>, 4> names_;  // by TypeName
  NameIndex<TypeId> variables_;
  NameIndex<std::int64_t> enumerators_;
  std::size_t enumerated_ = 0;  // places whose enumerators are remembered
  std::uint64_t pointer_size_ = 0;
};

}  // namespace panicroom
