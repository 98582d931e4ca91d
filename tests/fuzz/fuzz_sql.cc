// Input: SQL. Its statements run over a small dead machine with little room and for a bounded time:
// each ends with an answer or an error that says why, and the machine's tables stay as they were.
#include <string>
#include <string_view>

#include "core/sql/sql_database.h"
#include "tests/fuzz/dump_fuzzing.h"
#include "tests/unit/counting_kernel.h"

namespace panicroom::fuzzing {
namespace {

std::unique_ptr<Session> small_session() {
  auto kernel = std::make_unique<panicroom::testing::CountingKernel>();
  kernel->populate(20);
  kernel->process_list[3].name = "\xff\x1b[31m'\"";
  kernel->log_lines = {"first", "second\n", std::string(300, 'x')};
  kernel->symbol_table =
      make_symbol_table("the fuzzer", {{"start", 0xffffffff81000000, 16, 'T'}}, nullptr);
  return panicroom::testing::session_of(std::move(kernel));
}

void run(Session& session, std::string_view text) {
  constexpr int most_statements = 8, most_questions = 300;
  constexpr std::size_t most_rows = 2000;
  SqlBounds bounds;
  bounds.statement = 4000;
  bounds.text = 10'000;
  bounds.memory = 24 << 20;
  bounds.rows = 20'000;
  auto database = SqlDatabase::open(session, bounds);
  require(database.has_value());
  int questions = 0;
  std::size_t columns = 0, rows = 0;
  SqlReceiver receiver;
  receiver.columns = [&](std::span<const Column> described) { columns = described.size(); };
  receiver.row = [&](std::span<const Value> row) {
    require(row.size() == columns);
    return ++rows < most_rows;
  };
  receiver.go_on = [&] { return ++questions < most_questions; };
  Notes notes;
  static_cast<void>(SqlDatabase::complete(text.substr(0, text.find('\0'))));
  for (int statement = 0; statement < most_statements && !text.empty(); ++statement) {
    const auto done = (*database)->run(text, receiver, notes);
    require(done || !done.error().error.text.empty());
    require(done || !done.error().offset || *done.error().offset <= text.size());
    if (!done) break;
    require(*done > 0 && *done <= text.size());
    text.remove_prefix(*done);
  }
  questions = 0;
  auto fresh = SqlDatabase::open(session, bounds);
  require(fresh.has_value());
  std::string count;
  receiver.row = [&](std::span<const Value> row) {
    if (const auto* number = std::get_if<std::int64_t>(&row[0])) count = std::to_string(*number);
    return true;
  };
  require((*fresh)->run("select count(*) from processes", receiver, notes).has_value());
  require(count == "20");
}

}  // namespace
}  // namespace panicroom::fuzzing

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const auto session = panicroom::fuzzing::small_session();
  panicroom::fuzzing::run(*session, {reinterpret_cast<const char*>(data), size});
  return 0;
}
