#include <array>

#include "core/tables/all_tables.h"
#include "core/tables/stacks.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 12> columns_of_frames = {{
    {"pid", ColumnType::integer, "Process id."},
    {"tid", ColumnType::integer, "Thread id."},
    {"frame", ColumnType::integer, "0 for the innermost frame."},
    {"pc", ColumnType::address,
     "Instruction in this frame: the interrupted one, or a return address."},
    {"sp", ColumnType::address,
     "Stack pointer in this frame; null where the unwinder does not know it."},
    {"symbol", ColumnType::text, "Function that holds pc; null where no symbol covers it."},
    {"offset", ColumnType::integer, "pc minus the symbol's address, bytes."},
    {"name", ColumnType::text, "Name of the thread."},
    {"exact", ColumnType::boolean,
     "True when pc is the instruction itself, false for a return address."},
    {"module", ColumnType::text, "Loaded module that holds pc; null for the kernel itself.", true},
    {"file", ColumnType::text,
     "Source file of the instruction, as the kernel file's DWARF has its path; null where it is "
     "not said.",
     true},
    {"line", ColumnType::integer,
     "Line in that file: of the innermost function where calls were inlined.", true},
}};

constexpr std::size_t file_column = 10, line_column = 11;

class Frames final : public Table {
 public:
  std::string_view name() const override { return "frames"; }
  std::string_view doc() const override {
    return "The kernel stack of every thread, innermost frame first.";
  }
  std::span<const Column> columns() const override { return columns_of_frames; }
  Result<void> rows(const TableContext& context, const Query& query, const RowVisitor& visit,
                    Notes& notes) const override {
    PANICROOM_TRY(kernel, require_kernel(context));
    const auto symbols = kernel->symbols();
    if (!symbols)
      if (auto why = kernel->why_no_symbols()) notes.add(*why);
    return visit_stacks(
        *kernel, query,
        [&](const Thread& thread, const Unwound& unwound) {
          if (unwound.stopped) notes.add(*unwound.stopped);
          std::uint64_t index = 0;
          for (const UnwoundFrame& frame : unwound.frames)
            if (!visit(row_of(*kernel, thread, frame, index++, symbols.get(), query, notes)))
              return false;
          return true;
        },
        notes);
  }

 private:
  static std::array<Value, 12> row_of(Kernel& kernel, const Thread& thread,
                                      const UnwoundFrame& frame, std::uint64_t index,
                                      const SymbolTable* symbols, const Query& query,
                                      Notes& notes) {
    std::optional<SourceLine> line;
    if (query.wants(file_column) || query.wants(line_column))
      line = kernel.source_line(frame.lookup_address(), notes);
    std::optional<Symbol> symbol;
    if (symbols) symbol = symbols->at(frame.lookup_address());
    return {cell(thread.pid),
            cell(thread.tid),
            index,
            Address{frame.pc},
            address_cell(frame.sp),
            symbol ? Value(std::string(symbol->name)) : Value(std::monostate{}),
            symbol ? Value(frame.pc - symbol->address) : Value(std::monostate{}),
            cell(thread.name),
            frame.exact,
            cell(kernel.module_at(frame.lookup_address())),
            line ? Value(line->file) : Value(std::monostate{}),
            line ? Value(line->line) : Value(std::monostate{})};
  }
};

// Most stacks have 5 to 20 frames; a few have 60.
constexpr std::int64_t frames_at_first = 4096, frames_a_thread = 64;

}  // namespace

Result<void> visit_stacks(Kernel& kernel, const Query& query, const StackVisitor& visit,
                          Notes& notes) {
  std::int64_t left = frames_at_first;
  return kernel.threads(
      [&](const Thread& thread) {
        if (!selects(query, thread)) return true;
        left += frames_a_thread;
        if (left <= 0) {
          notes.add(Note{ErrorCode::corrupt,
                         "this thread's stack is left out: the stacks together have more frames "
                         "than any kernel's",
                         thread.address});
          return true;
        }
        const Unwound unwound = kernel.stack(thread, notes);
        left -= static_cast<std::int64_t>(unwound.frames.size());
        return visit(thread, unwound);
      },
      notes);
}

const Table& frames_table() {
  static const Frames table;
  return table;
}

}  // namespace panicroom
