#pragma once

#include <emscripten/val.h>

#include <list>
#include <memory>
#include <optional>
#include <string>

#include "core/session/session.h"
#include "core/sql/sql_database.h"
#include "wasm/slice_source.h"
#include "wasm/sql_answer.h"
#include "wasm/table_view.h"

namespace panicroom {

/// A session as JavaScript sees it. Answers are JSON texts (wasm/json.h); one that begins with
/// {"error" is an error. Addresses cross as text, "0x...", because a JavaScript number cannot hold
/// them. wasm/session.mjs wraps it, wasm/index.d.ts types it.
class BrowserSession {
 public:
  /// Bytes of file blocks and of table rows that are kept, at most. With the engine's own caches
  /// and the decompressors' stores they stay under the module's -sMAXIMUM_MEMORY, which is the
  /// bound that holds.
  static constexpr std::size_t block_bound = std::size_t{64} << 20;
  static constexpr std::size_t rows_bound = std::size_t{48} << 20;
  static constexpr std::size_t answer_bound = std::size_t{24} << 20;  ///< of sql()

  /// Opens the files, in any order: `{"notes": [...], "kernel_error": error or null}`.
  std::string open(const emscripten::val& files);
  /// `[{"name", "doc", "columns"}]`
  std::string tables() const;
  /// One window of a table: see TableView::window. `options` is `{pid, tid, name, crashed, filter,
  /// columns: {column: text}, sort: [{column, descending}], offset, limit}`, all of it optional.
  std::string query(const std::string& table, const emscripten::val& options);
  /// The rows that `query` would answer (all of them without a limit) as `panicroom table NAME
  /// --json` or `--csv` prints them: `sink` is called with Uint8Arrays, which the next call makes
  /// invalid. Answers `{"rows"}`.
  std::string write(const std::string& table, const emscripten::val& options,
                    const std::string& form, const emscripten::val& sink);
  /// Runs the statements of `text`; `go_on` is called now and then, unless it is null, and answers
  /// false to stop. The answer of the last that has one becomes a table that query, write and find
  /// know by its name until the next call: `{"table", "columns", ...}` with its first `limit` rows
  /// as query() gives them. An error has the `place` in `text`, counted in UTF-16 units, or null.
  std::string sql(const std::string& text, double limit, const emscripten::val& go_on);
  /// `{"place"}`: of the first row, in the order of `options`, whose cell of `column` shows `text`,
  /// or null.
  std::string find(const std::string& table, const emscripten::val& options,
                   const std::string& column, const std::string& text);
  /// `{"address", "length", "parts": [{"address", "length", "offset"} | {"address", "length",
  /// "error"}]}`; bytes of a part lie at its offset in what `bytes()` answers. `space` is `{pid,
  /// physical}`.
  std::string read(const std::string& address, double length, const emscripten::val& space);
  /// What the last read() read, as a view that the next call makes invalid.
  emscripten::val bytes() const;
  /// `{"address", "steps": [...], "translation", "location", "error"}`
  std::string translate(const std::string& address, const emscripten::val& space);
  /// `{"address", "symbol"}` of a number, a symbol or symbol+offset.
  std::string resolve(const std::string& text);
  /// `{"name", "address", "offset", "size", "type"}` of the symbol that covers an address, or null.
  std::string symbol_at(const std::string& address);

 private:
  struct KeptView {
    const Table* table = nullptr;
    Query query;
    TableView view;
  };
  /// What a question about rows is about, checked.
  struct Asked {
    const Table* table = nullptr;
    Selection selection;
    TableView* view = nullptr;
  };
  Result<Asked> asked(const std::string& table_name, const emscripten::val& options);
  Result<TableView*> view_of(const Table& table, const Query& query);
  template <class ReadSome>
  std::string read_parts(std::uint64_t address, std::size_t length, std::uint64_t unit,
                         const ReadSome& read_some);

  std::unique_ptr<Session> session_;
  std::unique_ptr<SqlDatabase> database_;  ///< once it is asked for
  std::unique_ptr<SqlAnswer> answer_;
  std::uint64_t answers_ = 0;
  std::list<KeptView> views_;  // the most recently used first
  std::vector<std::byte> bytes_;
};

}  // namespace panicroom
