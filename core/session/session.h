#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/dump/dump.h"
#include "core/io/byte_source.h"
#include "core/io/unwrap.h"
#include "core/kernel/kernel.h"
#include "core/tables/table.h"

namespace panicroom {

/// A number as users type it: decimal or 0x-hexadecimal, nothing else in the text.
std::optional<std::uint64_t> parse_number(std::string_view text);

/// What a user named: where it lies, and under which name the types may have it.
struct Named {
  std::uint64_t address = 0;
  std::string symbol;  ///< empty for a number and for what lies behind or before a symbol
};

/// One opened dump with its kernel files: the object that a front end holds. Not thread-safe;
/// several sessions may live side by side.
class Session {
 public:
  /// Takes the files in any order: finds out by content which are the dump (or the parts of a split
  /// one) and which are kernel files. A dump whose kernel cannot be understood still opens: its
  /// ranges, its file and its physical memory can be read, and `why_no_kernel` says what is
  /// missing. Errors: `invalid` when no file or no dump was given, else those of open_dump, with
  /// the file's name at the front of the text.
  /// `progress` is told how far a compressed file has been decoded and can stop the opening.
  static Result<std::unique_ptr<Session>> open(std::vector<SourcePtr> files,
                                               const Progress& progress = {});

  /// A session of a dump and a kernel that are open already.
  static std::unique_ptr<Session> of(std::unique_ptr<Dump> dump, std::unique_ptr<Kernel> kernel);

  const Dump& dump() const { return *dump_; }
  /// Of its (first) file, as it was given.
  const std::string& dump_name() const { return dump_name_; }
  /// Null when the kernel was not understood.
  Kernel* kernel() { return kernel_.get(); }
  const std::optional<Error>& why_no_kernel() const { return why_no_kernel_; }
  /// Remarks on opening: damaged layers, a kernel file that does not fit; on what was named; and on
  /// the types once they were asked for.
  const std::vector<Note>& notes() const;

  /// Makes a table's rows; see Table::rows.
  Result<void> rows(const Table& table, const Query& query, const RowVisitor& visit, Notes& notes);

  /// An address from what a user typed: a number (decimal or 0x-hexadecimal), a symbol,
  /// `symbol+offset` / `symbol-offset`, or 8 to 16 hexadecimal digits that are no symbol. A
  /// variable of which each processor has its own is that of `cpu`, else of processor 0. Errors:
  /// `invalid` (also for a processor that is said of anything else), `no_symbol`, those of
  /// Kernel::own_variable.
  Result<Named> look_up(std::string_view text, CpuNumber cpu = std::nullopt);
  /// Its address alone.
  Result<std::uint64_t> resolve(std::string_view text, CpuNumber cpu = std::nullopt);

  /// As Kernel::own_variable; what it remarks joins notes().
  Result<std::optional<OwnVariable>> own_variable(std::string_view name, CpuNumber cpu);

  /// The kernel's types. Error: why there are none.
  Result<std::shared_ptr<const TypeCatalog>> types();

  /// Physical memory of the dump; there is always one.
  PhysicalReader& physical();
  /// The kernel's address space, or a process's. Errors: why there is no kernel; `invalid` when no
  /// such process existed.
  Result<AddressSpace*> memory(std::optional<std::int64_t> pid);

 private:
  Session() = default;
  TableContext context();

  std::unique_ptr<Dump> dump_;
  std::unique_ptr<Kernel> kernel_;
  std::optional<Error> why_no_kernel_;
  std::string dump_name_;
  mutable std::vector<Note> notes_;
  std::shared_ptr<const TypeCatalog> types_;  ///< once they were asked for
  std::unique_ptr<PhysicalReader> physical_;
  std::unique_ptr<AddressSpace> process_memory_;
  std::optional<std::int64_t> process_memory_pid_;
};

}  // namespace panicroom
