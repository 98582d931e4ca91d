#include <array>

#include "core/tables/all_tables.h"
#include "core/tables/stacks.h"

namespace panicroom {
namespace {

constexpr std::array<Column, 13> columns_of_frames = {{
    {"pid", ColumnType::integer, "Process id."},
    {"tid", ColumnType::integer, "Thread id."},
    {"frame", ColumnType::integer,
     "0 for the innermost frame. A function that was inlined has the number of the frame that it "
     "is "
     "part of, and stands before it."},
    {"pc", ColumnType::address,
     "Instruction in this frame: the interrupted one, or a return address."},
    {"sp", ColumnType::address,
     "Stack pointer in this frame; null where the unwinder does not know it."},
    {"symbol", ColumnType::text,
     "Function that holds pc, or that was inlined there; null where no symbol covers it."},
    {"offset", ColumnType::integer,
     "pc minus the symbol's address, bytes; null for what was inlined."},
    {"name", ColumnType::text, "Name of the thread."},
    {"exact", ColumnType::boolean,
     "True when pc is the instruction itself, false for a return address."},
    {"module", ColumnType::text, "Loaded module that holds pc; null for the kernel itself.", true},
    {"file", ColumnType::text,
     "Source file of the instruction, as the kernel file's DWARF has its path; null where it is "
     "not said.",
     true},
    {"line", ColumnType::integer,
     "Line in that file; of a function that calls an inlined one, the line of the call.", true},
    {"inlined", ColumnType::boolean,
     "True for a function that the compiler made part of the one in the next row, as the kernel "
     "file's DWARF tells; false for a frame of the stack.",
     true},
}};

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
            if (!visit_frame(*kernel, thread, frame, index++, symbols.get(), visit, notes))
              return false;
          return true;
        },
        notes);
  }

 private:
  /// The rows of a frame: of what was inlined there, then its own.
  static bool visit_frame(Kernel& kernel, const Thread& thread, const UnwoundFrame& frame,
                          std::uint64_t index, const SymbolTable* symbols, const RowVisitor& visit,
                          Notes& notes) {
    const Value none = std::monostate{};
    const SourceCalls calls = kernel.source_calls(frame.lookup_address(), notes);
    const Value module = cell(kernel.module_at(frame.lookup_address()));
    const auto row = [&](const Value& function, const Value& offset,
                         const std::optional<SourceLine>& line, bool inlined) {
      const std::array<Value, 13> values = {cell(thread.pid),
                                            cell(thread.tid),
                                            index,
                                            Address{frame.pc},
                                            address_cell(frame.sp),
                                            function,
                                            offset,
                                            cell(thread.name),
                                            frame.exact,
                                            module,
                                            line ? Value(line->file) : none,
                                            line ? Value(line->line) : none,
                                            inlined};
      return visit(values);
    };
    for (const InlinedCall& call : calls.inlined)
      if (!row(call.function.empty() ? none : Value(call.function), none, call.line, true))
        return false;
    std::optional<Symbol> symbol;
    if (symbols) symbol = symbols->at(frame.lookup_address());
    return row(symbol ? Value(std::string(symbol->name)) : none,
               symbol ? Value(frame.pc - symbol->address) : none, calls.line, false);
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
