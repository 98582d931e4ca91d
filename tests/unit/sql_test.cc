#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <new>
#include <stdexcept>
#include <string>
#include <vector>

#include "core/report/writer.h"
#include "core/sql/sql_database.h"
#include "tests/foundry/description.h"
#include "tests/source_folder.h"
#include "tests/unit/counting_kernel.h"
#include "tests/unit/session_rows.h"

namespace panicroom {
namespace {

using panicroom::testing::CountingKernel;
using Row = std::vector<Value>;

struct Answer {
  std::vector<std::string> names;
  std::vector<ColumnType> types;
  std::vector<Row> rows;
  std::optional<SqlError> error;
  std::vector<Note> notes;

  /// The rows as `panicroom sql --csv` shows their cells.
  std::string text() const {
    std::string out;
    for (const Row& row : rows) {
      for (std::size_t at = 0; at < row.size(); ++at) out += (at ? "," : "") + plain_text(row[at]);
      out += ";";
    }
    return out;
  }
};

class Database {
 public:
  explicit Database(std::unique_ptr<Session> session, const SqlBounds& bounds = {})
      : session_(std::move(session)) {
    auto opened = SqlDatabase::open(*session_, bounds);
    EXPECT_TRUE(opened) << opened.error().message();
    database_ = std::move(*opened);
  }

  Answer ask(std::string_view text) {
    Answer answer;
    SqlReceiver receiver;
    receiver.columns = [&](std::span<const Column> columns) {
      for (const Column& column : columns) {
        answer.names.emplace_back(column.name);
        answer.types.push_back(column.type);
      }
    };
    receiver.row = [&](std::span<const Value> row) {
      answer.rows.emplace_back(row.begin(), row.end());
      return answer.rows.size() < most_rows;
    };
    receiver.go_on = [&] { return questions_left == 0 ? false : (--questions_left, true); };
    Notes notes;
    while (!text.empty()) {
      const auto done = database_->run(text, receiver, notes);
      if (!done) answer.error = done.error();
      if (!done) break;
      text.remove_prefix(*done);
    }
    answer.notes = notes.take();
    return answer;
  }
  std::string text(std::string_view statement) {
    const Answer answer = ask(statement);
    return answer.error ? "error: " + answer.error->error.text : answer.text();
  }
  Session& session() { return *session_; }

  std::size_t most_rows = SIZE_MAX, questions_left = SIZE_MAX;

 private:
  std::unique_ptr<Session> session_;
  std::unique_ptr<SqlDatabase> database_;
};

/// A database of a hundred processes, and what was read for its answers.
class Counted : public ::testing::Test {
 protected:
  explicit Counted(std::int64_t processes = 100, const SqlBounds& bounds = {}) {
    auto kernel = std::make_unique<CountingKernel>();
    kernel->populate(processes);
    counts = kernel->counts;
    kernel->symbol_table = make_symbol_table("the test",
                                             {{"zero", 0x1000, 16, 'T'},
                                              {"twice", 0xffffffff81000000, 16, 't'},
                                              {"alias", 0xffffffff81000000, 16, 'T'},
                                              {"twice", 0xffffffff81000010, 16, 't'}},
                                             nullptr);
    raw = kernel.get();
    database =
        std::make_unique<Database>(panicroom::testing::session_of(std::move(kernel)), bounds);
  }
  std::string text(std::string_view statement) {
    *counts = {};
    return database->text(statement);
  }

  std::shared_ptr<CountingKernel::Counts> counts;
  CountingKernel* raw = nullptr;
  std::unique_ptr<Database> database;
};

TEST_F(Counted, AnEqualPidReadsThatProcessAlone) {
  EXPECT_EQ(text("select name, arguments from processes where pid = 7"),
            "process 7,one 'two words';");
  EXPECT_EQ(counts->details, 1U);
  EXPECT_EQ(text("select pid from processes where pid in (7, 9) and arguments is not null"),
            "7;9;");
  EXPECT_EQ(counts->details, 2U);
}

TEST_F(Counted, ColumnsThatAreNotUsedAreNotRead) {
  EXPECT_EQ(text("select count(*), min(pid) from processes"), "100,1;");
  EXPECT_EQ(counts->details, 0U);
  EXPECT_EQ(text("select count(arguments) from processes"), "100;");
  EXPECT_GE(counts->details, 100U);
}

TEST_F(Counted, AnEqualThreadIdUnwindsThatThreadAlone) {
  EXPECT_EQ(text("select frame, exact from frames where tid = 14"), "0,yes;1,no;");
  EXPECT_EQ(counts->stacks, 1U);
  EXPECT_EQ(text("select count(*) from frames where pid in (3, 4, 5)"), "6;");
  EXPECT_EQ(counts->stacks, 3U);
}

TEST_F(Counted, AnEqualAddressReadsThatProcessAlone) {
  EXPECT_EQ(text("select pid, arguments from processes where address = 0xffff888000007000"),
            "7,one 'two words';");
  EXPECT_EQ(counts->details, 1U);
  EXPECT_EQ(text("select pid from processes where address = 0xffff888000007001"), "");
  EXPECT_EQ(text("select tid from threads where address = 0xffff888000007000"), "14;");
}

TEST_F(Counted, ALimitEndsTheWalk) {
  EXPECT_EQ(text("select count(*) from (select * from frames limit 10)"), "10;");
  EXPECT_LE(counts->stacks, 33U);  // the first 64 rows, at two frames a stack
  EXPECT_EQ(text("select exists(select 1 from frames)"), "1;");
  EXPECT_LE(counts->stacks, 33U);
}

TEST_F(Counted, AJoinDoesNotWalkATableForEachRow) {
  EXPECT_EQ(text("select count(*), count(distinct f.tid) from threads t join frames f "
                 "on f.tid = t.tid"),
            "200,100;");
  EXPECT_LE(counts->stacks, 120U);  // a few by themselves, then all of them once
  EXPECT_LE(counts->thread_lists, 25U);
  // By columns that the tables do not select by.
  EXPECT_EQ(text("select count(*) from threads a join threads b on a.state = b.state"), "5578;");
  EXPECT_LE(counts->thread_lists, 6U);
  EXPECT_EQ(text("select count(*) from threads a, threads b"), "10000;");
  EXPECT_LE(counts->thread_lists, 6U);
}

TEST_F(Counted, WhatSqliteConvertsLosesNoRow) {
  EXPECT_EQ(text("select pid from processes where pid = '7'"), "7;");
  EXPECT_EQ(text("select pid from processes where pid = 7.0"), "7;");
  EXPECT_EQ(text("select pid from processes where pid is 7"), "7;");
  EXPECT_EQ(text("select pid from processes where pid = 7.5"), "");
  EXPECT_EQ(text("select pid from processes where pid = null"), "");
  EXPECT_EQ(text("select pid from processes where name = 'PROCESS 7' collate nocase"), "7;");
  EXPECT_EQ(text("select pid from processes where name = 'PROCESS 7'"), "");
  EXPECT_EQ(text("select count(*) from threads where crashed = 0 or crashed is null"), "100;");
  EXPECT_EQ(text("select pid from processes where pid = 7 and pid = 8"), "");
  EXPECT_EQ(text("select pid from processes where pid = 7 and name = 'process 8'"), "");
}

TEST_F(Counted, ARowThatSeveralConditionsFindIsOneRow) {
  EXPECT_EQ(text("select pid from processes where pid = 7 or name = 'process 7'"), "7;");
  EXPECT_EQ(text("select count(*) from threads where pid = 7 or tid = 14 or tid = 18 or "
                 "address = 0xffff888000009000 or name = 'process 9'"),
            "2;");
  EXPECT_EQ(counts->stacks, 0U);
  for (Thread& thread : raw->thread_list)
    if (*thread.pid <= 10) thread.pid = 0, thread.tid = 0, thread.name = "idle";
  EXPECT_EQ(text("select count(*) from threads where pid = 0 or tid = 0 or tid = 30"), "11;");
  EXPECT_EQ(text("select count(*), count(distinct rowid) from threads"), "100,100;");
}

TEST_F(Counted, ARowIsOneRowWhicheverColumnsAreHeldMeanwhile) {
  // What the inner question reads beside pid and address comes to be held with them.
  constexpr const char* inner = "(select x.name from processes x where x.pid = b.pid)";
  EXPECT_EQ(text("select count(*), count(n) from (select " + std::string(inner) +
                 " as n from threads t cross join processes b"
                 " where b.pid = t.pid or b.address = t.address)"),
            "100,100;");
  EXPECT_EQ(text("select count(*), count(n) from (select " + std::string(inner) +
                 " as n from threads t right join processes b on b.pid = t.pid)"),
            "100,100;");
}

TEST_F(Counted, AllSymbolsOfANameOrAddress) {
  EXPECT_EQ(text("select name, address from symbols where name = 'twice'"),
            "twice,0xffffffff81000000;twice,0xffffffff81000010;");
  EXPECT_EQ(text("select name from symbols where address = 0xffffffff81000000"), "twice;alias;");
  EXPECT_EQ(text("select name from symbols where address = 0xffffffff81000001"), "");
  EXPECT_EQ(text("select name from symbols where name = 'twice' and address = 0xffffffff81000010"),
            "twice;");
}

TEST_F(Counted, AddressesAreTheSame64Bits) {
  EXPECT_EQ(text("select address, address + 0, hex(address), hex(address + 8) from processes "
                 "where pid = 1"),
            "0xffff888000001000,-131391639515136,0xffff888000001000,0xffff888000001008;");
  EXPECT_EQ(text("select pid from processes where address between 0xffff888000002000 "
                 "and 0xffff888000003fff"),
            "2;3;");
  const Answer answer =
      database->ask("select address, pid, name, crashed, 1.5 from threads limit 1");
  EXPECT_EQ(answer.types, (std::vector{ColumnType::address, ColumnType::integer, ColumnType::text,
                                       ColumnType::boolean, ColumnType::real}));
}

TEST_F(Counted, Functions) {
  EXPECT_EQ(text("select hex(address('alias+0x8')), address('0x10'), address('16'), address(null)"),
            "0xffffffff81000008,16,16,-;");
  EXPECT_EQ(text("select symbol(0xffffffff81000004), symbol(0x1000), symbol(5), symbol('alias')"),
            "twice+0x4,zero,-,-;");
  EXPECT_EQ(text("select address('nothing_like_it')"),
            "error: no symbol \"nothing_like_it\" in the test");
  EXPECT_EQ(text("select hex('Az'), hex(x'00ff'), hex(255), hex(-1), hex(null)"),
            "417A,00FF,0xff,0xffffffffffffffff,-;");
}

TEST_F(Counted, IntegersBeyondSqlsAreReal) {
  raw->process_list[0].threads = std::uint64_t{1} << 63;
  raw->process_list[1].threads = (std::uint64_t{1} << 63) - 1;
  EXPECT_EQ(text("select threads, typeof(threads) from processes where pid < 3"),
            "9223372036854775808.000000,real;9223372036854775807,integer;");
  EXPECT_EQ(text("select pid from processes where threads = 9223372036854775808"), "1;");
  EXPECT_EQ(text("select pid from processes where threads = 9223372036854775807"), "2;");
}

TEST_F(Counted, HostileTextsAreTexts) {
  raw->process_list[0].name = "'; drop table processes; --";
  raw->process_list[1].name = std::string("a\0b\xff\xc3\xa9\x1b[31m", 11);
  EXPECT_EQ(text("select name from processes where pid = 1"), "'; drop table processes; --;");
  EXPECT_EQ(text("select name, length(name) from processes where pid = 2"),
            "a\\x00b\\xff\xc3\xa9\\x1b[31m,16;");
  EXPECT_EQ(text("select pid from processes where name = 'a\\x00b\\xff\xc3\xa9\x1b[31m'"), "2;");
  EXPECT_EQ(text("select pid from processes where name = '''; drop table processes; --'"), "1;");
  const Answer answer = database->ask("select 1 as \"\x1b[2J\n\"");
  EXPECT_EQ(answer.names, std::vector<std::string>{"\\x1b[2J\\n"});
}

TEST_F(Counted, WhatAStatementMayNotDo) {
  for (const char* statement :
       {"attach 'file.db' as other", "attach ':memory:' as other", "detach main", "vacuum",
        "vacuum into 'file.db'", "pragma journal_mode = wal", "pragma temp_store = file",
        "pragma temp_store_directory = '/tmp'", "pragma hard_heap_limit = 0", "begin",
        "savepoint a", "create table made(a)", "create view made as select 1",

        "create virtual table made using fts5(a)", "select load_extension('made.so')",
        "select FTS5(1)", "select matchinfo(1)",

        "select * from pragma_database_list", "analyze"}) {
    const Answer answer = database->ask(statement);
    ASSERT_TRUE(answer.error) << statement;
    EXPECT_NE(answer.error->error.text.find("is refused"), std::string::npos)
        << statement << ": " << answer.error->error.text;
  }
  for (const char* statement :
       {"insert into processes values (1)", "delete from processes", "drop table processes",
        "update processes set pid = 1", "delete from sqlite_master",
        "alter table processes rename to x", "update sqlite_temp_master set sql = ''",
        "select readfile('/etc/passwd')", "select * from dbstat",
        "select count(*) from sqlite_stmt", "select writefile('made', 'x')", "select edit('x')",
        "select fts3_tokenizer('x')", "select * from processes(1)", "select ?",
        "create index made on processes(pid)",
        "create temp trigger made after insert on processes begin select 1; end",
        "create temp table t(a); create temp trigger made after insert on t begin select 1; end",
        "select :name"}) {
    EXPECT_TRUE(database->ask(statement).error) << statement;
  }
  EXPECT_EQ(text("select count(*) from processes"), "100;");
}

TEST_F(Counted, TemporaryTablesAndViews) {
  EXPECT_EQ(
      text("create temp table few as select pid, name from processes where pid < 4; "
           "create temp view more as select pid, address from processes; "
           "delete from few where pid = 2; update few set name = 'x' where pid = 3; "
           "create index temp.by_pid on few(pid); "
           "select few.pid, few.name, address from few join more using (pid); drop table few"),
      "1,process 1,0xffff888000001000;3,x,0xffff888000003000;");
  EXPECT_TRUE(database->ask("select * from few").error);
}

TEST_F(Counted, ErrorsSayWhere) {
  const Answer answer = database->ask("select pid,\n  pdi from processes");
  ASSERT_TRUE(answer.error);
  EXPECT_EQ(answer.error->error.text, "no such column: pdi");
  EXPECT_EQ(answer.error->error.code, ErrorCode::invalid);
  EXPECT_EQ(answer.error->offset, 14U);
  EXPECT_TRUE(database->ask(std::string_view("select 1\0;", 10)).error);
  EXPECT_EQ(text("-- nothing"), "");
  EXPECT_EQ(text(" ; ;select 1;;"), "1;");
}

TEST_F(Counted, AStatementCanBeStopped) {
  database->questions_left = 50;
  const Answer answer = database->ask(
      "with recursive c(x) as (select 1 union all select x + 1 from c) "
      "select count(*) from c");
  ASSERT_TRUE(answer.error);
  EXPECT_TRUE(answer.error->stopped) << answer.error->error.text;
  database->questions_left = 0;
  const Answer walk = database->ask("select * from processes");
  EXPECT_TRUE(walk.error && walk.error->stopped);
  EXPECT_TRUE(walk.rows.empty());
  // However little there is to do: it may be the next of a text.
  const Answer short_one = database->ask("select 1");
  EXPECT_TRUE(short_one.error && short_one.error->stopped);
  database->questions_left = SIZE_MAX;
  EXPECT_EQ(text("select count(*) from processes"), "100;");
}

TEST_F(Counted, AReceiverThatWantsNoMoreIsNoError) {
  database->most_rows = 3;
  EXPECT_EQ(text("select pid from processes"), "1;2;3;");
}

TEST_F(Counted, NotesOfTheTablesComeWithTheAnswer) {
  raw->process_note = Note{ErrorCode::corrupt, "the list is broken", 5};
  EXPECT_EQ(database->ask("select count(*) from processes").notes,
            std::vector<Note>{*raw->process_note});
  EXPECT_EQ(database->ask("select count(*) from processes a join processes b using (pid)").notes,
            std::vector<Note>{*raw->process_note});
  EXPECT_TRUE(database->ask("select count(*) from threads").notes.empty());
}

/// The same with room for a few rows at a time.
class CountedInLittleRoom : public Counted {
 protected:
  static SqlBounds bounds() {
    SqlBounds little;
    little.statement = 1000;
    little.text = 2000;
    little.memory = 8 << 20;
    little.rows = 2000;
    return little;
  }
  CountedInLittleRoom() : Counted(300, bounds()) {}
};

TEST_F(CountedInLittleRoom, TheAnswersAreTheSame) {
  EXPECT_EQ(text("select count(*), sum(pid), max(name) from processes"), "300,45150,process 99;");
  EXPECT_EQ(text("select sum(a.pid) from processes a join threads b on a.pid = b.pid"), "45150;");
  EXPECT_EQ(text("select count(*) from (select distinct name from processes)"), "300;");
}

TEST_F(CountedInLittleRoom, WhatIsTooLargeIsRefused) {
  EXPECT_TRUE(database->ask("select 1 -- " + std::string(1000, 'x')).error);
  EXPECT_EQ(text("select length(zeroblob(3000))"), "error: string or blob too big");
  const Answer sorted = database->ask(
      "with recursive c(x) as (select 1 union all select x + 1 from c) "
      "select x, zeroblob(1000) from c order by -x");
  ASSERT_TRUE(sorted.error);
  EXPECT_EQ(sorted.error->error.text, "the statement needs more than 8 MiB of memory");
  std::string doubled = "with t0 as (select 1 a)";
  for (int level = 1; level < 40; ++level)
    doubled += ",t" + std::to_string(level) + " as (select * from t" + std::to_string(level - 1) +
               ",t" + std::to_string(level - 1) + ")";
  EXPECT_TRUE(database->ask((doubled + " select * from t39").substr(0)).error);
  EXPECT_EQ(text("select count(*) from processes"), "300;");
}

TEST_F(CountedInLittleRoom, ATextThatIsTooLongIsNullWithANote) {
  raw->process_list[0].name = std::string(2001, 'n');
  raw->process_list[1].name = std::string(600, '\xff');
  raw->process_list[2].name = std::string(2000, 'n');
  const Answer answer = database->ask("select name is null from processes where pid < 4");
  EXPECT_EQ(answer.text(), "1;1;0;");
  ASSERT_EQ(answer.notes.size(), 2U);
  EXPECT_EQ(answer.notes[0].text,
            "a text of 2001 bytes in the column name is taken as null: values have at most 2000");
}

/// The foundry's Linux machine, whose rows each question is also answered from by hand.
class OfALinuxDump : public ::testing::Test {
 protected:
  OfALinuxDump() {
    const auto description = foundry::read_description(
        std::string(source_folder) + "/tests/foundry/descriptions/linux-x86_64.txt");
    const auto files = foundry::make_dump(description, description.files.front());
    std::vector<SourcePtr> sources;
    for (const auto& file : files) sources.push_back(foundry::source("vmcore", file));
    auto session = Session::open(sources);
    EXPECT_TRUE(session) << session.error().message();
    database = std::make_unique<Database>(std::move(*session));
  }
  foundry::Rows rows(const std::string& table) {
    return foundry::rows_of(database->session(), table);
  }

  std::unique_ptr<Database> database;
};

TEST_F(OfALinuxDump, EveryTableIsWhole) {
  for (const Table* table : tables()) {
    std::vector<Row> rows;
    Notes notes;
    const auto made = database->session().rows(
        *table, {},
        [&](std::span<const Value> row) {
          rows.emplace_back(row.begin(), row.end());
          return true;
        },
        notes);
    const Answer answer = database->ask("select * from " + std::string(table->name()));
    ASSERT_EQ(made.has_value(), !answer.error) << table->name();
    if (!made) {
      EXPECT_EQ(answer.error->error.text, made.error().text);
      continue;
    }
    ASSERT_EQ(answer.rows.size(), rows.size()) << table->name();
    for (std::size_t at = 0; at < rows.size(); ++at)
      for (std::size_t column = 0; column < rows[at].size(); ++column)
        EXPECT_EQ(json_value(answer.rows[at][column]), json_value(rows[at][column]))
            << table->name() << " " << at << " " << answer.names[column];
    EXPECT_EQ(answer.notes, notes.take()) << table->name();
    for (std::size_t column = 0; column < answer.names.size(); ++column) {
      EXPECT_EQ(answer.names[column], table->columns()[column].name);
      EXPECT_EQ(answer.types[column], table->columns()[column].type);
    }
  }
}

TEST_F(OfALinuxDump, GroupsAreCounted) {
  std::map<std::string, std::int64_t> by_hand;
  for (const auto& thread : rows("threads")) ++by_hand[plain_text(thread.at("state"))];
  std::string expected;
  for (const auto& [state, count] : by_hand) expected += state + "," + std::to_string(count) + ";";
  EXPECT_GT(by_hand.size(), 2U);
  EXPECT_EQ(database->text("select state, count(*) from threads group by state order by state"),
            expected);
}

TEST_F(OfALinuxDump, TablesAreJoined) {
  std::vector<std::string> by_hand;
  for (const auto& thread : rows("threads"))
    for (const auto& frame : rows("frames"))
      if (thread.at("tid") == frame.at("tid") && thread.at("pid") == frame.at("pid"))
        by_hand.push_back(plain_text(thread.at("name")) + "," + plain_text(frame.at("symbol")) +
                          "," + plain_text(frame.at("pc")) + ";");
  std::sort(by_hand.begin(), by_hand.end());
  std::string expected;
  for (const std::string& row : by_hand) expected += row;
  Answer answer =
      database->ask("select t.name, f.symbol, f.pc from threads t join frames f using (pid, tid)");
  std::sort(answer.rows.begin(), answer.rows.end(), [](const Row& a, const Row& b) {
    return plain_text(a[0]) + "," + plain_text(a[1]) + "," + plain_text(a[2]) <
           plain_text(b[0]) + "," + plain_text(b[1]) + "," + plain_text(b[2]);
  });
  EXPECT_GT(by_hand.size(), 10U);
  EXPECT_EQ(answer.text(), expected);
}

TEST_F(OfALinuxDump, AddressesAreFound) {
  for (const auto& process : rows("processes")) {
    const std::string address = plain_text(process.at("address"));
    EXPECT_EQ(database->text("select name, address from processes where address = " + address),
              plain_text(process.at("name")) + "," + address + ";");
  }
  const auto symbols = rows("symbols");
  for (const auto& symbol : symbols) {
    const std::string address = plain_text(symbol.at("address"));
    const auto same = std::count_if(symbols.begin(), symbols.end(), [&](const auto& other) {
      return other.at("address") == symbol.at("address");
    });
    EXPECT_EQ(database->text("select count(*) from symbols where address = " + address),
              std::to_string(same) + ";");
  }
}

TEST_F(OfALinuxDump, RowsAreOrdered) {
  std::vector<std::string> names;
  for (const auto& symbol : rows("symbols")) names.push_back(plain_text(symbol.at("name")));
  std::sort(names.begin(), names.end());
  std::string expected;
  for (const std::string& name : names) expected += name + ";";
  EXPECT_EQ(database->text("select name from symbols order by name"), expected);
}

/// What the tables and functions ask of it needs more memory than there is, or fails otherwise.
class ExhaustingKernel final : public CountingKernel {
 public:
  explicit ExhaustingKernel(bool of_memory) : of_memory_(of_memory) {}
  std::shared_ptr<const SymbolTable> symbols() override {
    if (of_memory_) throw std::bad_alloc();
    throw std::length_error("a text of all sizes");
  }
  Result<void> swap_areas(const Visitor<SwapArea>&, Notes&) override {
    symbols();
    return {};
  }

 private:
  bool of_memory_;
};

TEST(SqlDatabase, NoExceptionPassesThroughSqlite) {
  for (const bool of_memory : {true, false}) {
    Database database(testing::session_of(std::make_unique<ExhaustingKernel>(of_memory)));
    for (const char* statement :
         {"select symbol(1)", "select address('panic')", "select * from swap"}) {
      const Answer answer = database.ask(statement);
      ASSERT_TRUE(answer.error) << statement;
      EXPECT_EQ(answer.error->error.text.find("more than") != std::string::npos, of_memory)
          << statement << ": " << answer.error->error.text;
    }
    EXPECT_EQ(database.ask("select 1").text(), "1;");
  }
}

TEST(SqlDatabase, ADumpWithoutAKernelHasTheTablesOfItsFile) {
  Database database(panicroom::testing::session_of(nullptr));
  EXPECT_EQ(database.text("select count(*) from processes"),
            "error: no kernel was recognised in this dump");
  EXPECT_EQ(database.text("select sum(size) from ranges where state = 'present'"), "16384;");
}

TEST(SqlDatabase, SchemasAreStatements) {
  for (const Table* table : tables()) {
    const std::string schema = SqlDatabase::schema(*table);
    EXPECT_TRUE(SqlDatabase::complete(schema));
    for (const Column& column : table->columns()) {
      EXPECT_NE(schema.find(std::string(column.doc)), std::string::npos);
      EXPECT_EQ(column.doc.find('\n'), std::string_view::npos);
    }
    // As a temporary table it hides the one that it describes.
    auto kernel = std::make_unique<CountingKernel>();
    Database database(panicroom::testing::session_of(std::move(kernel)));
    std::string temporary = schema;
    temporary.replace(temporary.find("CREATE TABLE"), 12, "CREATE TEMP TABLE");
    EXPECT_EQ(database.text(temporary + "select * from " + std::string(table->name())), "")
        << temporary;
  }
}

TEST(SqlDatabase, KnowsWhereAStatementEnds) {
  EXPECT_TRUE(SqlDatabase::complete("select 1;"));
  EXPECT_FALSE(SqlDatabase::complete("select ';"));
  EXPECT_FALSE(SqlDatabase::complete("select 1; -- ; \n select"));
  EXPECT_FALSE(SqlDatabase::complete("select 1"));
}

}  // namespace
}  // namespace panicroom
