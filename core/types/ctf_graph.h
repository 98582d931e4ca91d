#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "core/base/bytes.h"
#include "core/types/lazy_bytes.h"
#include "core/types/name_index.h"
#include "core/types/type_graph.h"

namespace panicroom {

class CtfGraph;

/// What CTF is read from: a section and what the file around it says.
struct CtfInput {
  LazyBytes blob;  ///< the whole section, its header too
  std::endian order = std::endian::little;
  std::uint8_t pointer_size = 8;  ///< bytes; CTF does not say it
  std::string origin;
  /// The file's symbol names: names with their highest bit set stand there. May be null.
  std::shared_ptr<LazyBytes> symbol_names;
  /// Calls its argument for each symbol that has an entry in the object section, in order, with
  /// whether others can see it, until that answers false. May be empty.
  using Objects =
      std::function<Result<void>(const std::function<bool(std::string_view name, bool global)>&)>;
  Objects objects;
  /// The kernel's, for a module whose CTF refers to it; else null.
  std::shared_ptr<CtfGraph> parent;
};

/// CTF of illumos and FreeBSD (version 2) and of FreeBSD 14 (version 3), plain or compressed. GNU's
/// CTF is another format and is refused. The types are found in one pass from the front that goes
/// no further than asked.
class CtfGraph final : public TypeGraph {
 public:
  /// Checks the header and decompresses. Errors: `corrupt`, `unsupported` (another version, GNU's).
  static Result<std::shared_ptr<CtfGraph>> open(CtfInput input);

  std::string_view origin() const override { return input_.origin; }
  std::endian order() const override { return input_.order; }
  Result<Type> type(TypeId id) override;
  Result<void> members(TypeId id, const std::function<bool(const TypeMember&)>& visit) override;
  Result<void> enumerators(TypeId id,
                           const std::function<bool(const TypeEnumerator&)>& visit) override;
  Result<TypeId> find(std::string_view name, std::optional<TypeName> space) override;
  Result<std::int64_t> enumerator(std::string_view name) override;
  Result<TypeId> variable(std::string_view name) override;

  /// The name of the CTF that this one goes on from; empty: it stands alone.
  const std::string& parent_name() const { return parent_name_; }

 private:
  struct Record;
  struct Named {
    std::string_view name;
    TypeName space = TypeName::ordinary;
    TypeId id = 0;
    bool root = false;  ///< others of its name stand behind it
  };
  using Names = std::array<NameIndex<TypeId>, 4>;  // by TypeName

  explicit CtfGraph(CtfInput input) : input_(std::move(input)) {}

  Result<void> read_header();
  Result<void> unpack(std::uint64_t size);
  bool advance();
  bool stop(Error error);
  Result<Record> parse(std::uint64_t at);
  Result<Record> record(TypeId id);
  /// The parent, for a type of its; null for this one's own.
  Result<CtfGraph*> parent_of(TypeId id) const;
  std::uint64_t trailing_bytes(const Record& record) const;
  Result<void> parameters(const Record& record, const std::function<bool(const TypeMember&)>&);
  Result<TypeMember> member_at(const Record& record, std::uint32_t index);
  Result<bool> has_negative(TypeId id);
  Failure missing(std::string_view what, std::string_view name) const;
  static std::optional<TypeId> known(Names& names, std::string_view name,
                                     std::optional<TypeName> space);
  void read_objects();

  /// `length` bytes at `offset` behind the header; null: see `blob_error`.
  const std::byte* at(std::uint64_t offset, std::uint64_t length) {
    return input_.blob.at(base_ + offset, length);
  }
  std::uint32_t load32(const std::byte* at) const { return load<std::uint32_t>(at, input_.order); }
  std::uint64_t load_id(const std::byte* at) const;
  Error blob_error() const;
  std::string_view text(std::uint32_t name);

  CtfInput input_;
  unsigned version_ = 0;
  unsigned id_size_ = 2;         // bytes of a type's number
  std::uint64_t child_bit_ = 0;  // of a child's own types' numbers
  std::uint64_t large_ = 0;      // structures of this size have wide offsets
  std::uint64_t base_ = 0;       // where the offsets count from
  std::uint64_t objects_ = 0, functions_ = 0, types_ = 0, strings_ = 0, end_ = 0;
  std::string parent_name_;
  std::uint64_t next_ = 0;             // where the pass stands
  std::vector<std::uint32_t> places_;  // of type 1 and on
  Named added_;                        // by the latest step of the pass
  std::optional<Error> stopped_;       // why the pass cannot go on before the section's end
  std::optional<Error> unread_;        // why some name could not be read
  Names names_;
  Names hidden_;  // names that another type has in the same space, or none should ask for
  NameIndex<std::int64_t> enumerators_;
  std::size_t enumerated_ = 0;  // places whose enumerators are remembered
  bool objects_read_ = false;
  NameIndex<std::uint32_t> variables_, local_variables_;  // numbers in the object section
};

}  // namespace panicroom
