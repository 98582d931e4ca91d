// FreeBSD's threads that wait for a lock in a loop on their processor: nothing of struct thread
// says for which, only what the function that loops has on its stack (sys/kern/kern_mutex.c,
// kern_sx.c, kern_rwlock.c).
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "tests/foundry/freebsd_case.h"

namespace {

using foundry::Description;
using foundry::integer;
using foundry::null;
using foundry::open_session;
using foundry::Rows;
using foundry::rows_of;
using foundry::text;
using panicroom::Value;

struct Spinner {
  const char *function, *kind;
};

class FreeBsdSpinners : public testing::TestWithParam<Spinner> {
 protected:
  /// A kernel in which 100201 holds "left" and spins for "right" in `function`; 100202 has that,
  /// and with `deadlock` it spins for "left".
  Rows locks(const std::string& function, const std::string& kind, bool deadlock) {
    std::ifstream file(std::string(source_folder) +
                       "/tests/foundry/descriptions/freebsd-invented-tables.txt");
    std::string described((std::istreambuf_iterator<char>(file)), {});
    described += "symbol " + function + " 0xffffffff80208000 0x100 T\n";
    described += "lock \"left\" \"" + kind + "\" owner 100201\n";
    described += "lock \"right\" \"" + kind + "\" owner 100202\n";
    described += "process 900 \"spinner\" ppid 1\nidentity group 900 session 900\n";
    described +=
        "thread 100201 \"one\" cpu 2 stack 4 spins \"right\" frames 0xffffffff80208040 "
        "0xffffffff80204010\n";
    described += deadlock ? "thread 100202 \"two\" cpu 3 stack 4 spins \"left\" frames "
                            "0xffffffff80208040 0xffffffff80204010\n"
                          : "thread 100202 \"two\" cpu 3 stack 4 frames 0xffffffff80204040\n";
    const Description description = foundry::parse_description(described, "freebsd-invented");
    const auto session = open_session(description, description.files.at(0).name, "ctf3");
    Rows ours;
    for (const auto& row : rows_of(*session, "locks"))
      if (row.at("name") == text("left") || row.at("name") == text("right")) ours.push_back(row);
    return ours;
  }
};

TEST_P(FreeBsdSpinners, AreWaiters) {
  const Rows rows = locks(GetParam().function, GetParam().kind, false);
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows[0].at("name"), text("right"));
  EXPECT_EQ(rows[0].at("kind"), text(GetParam().kind));
  EXPECT_EQ(rows[0].at("state"), text("held"));
  EXPECT_EQ(rows[0].at("owner"), integer(100202));
  EXPECT_EQ(rows[0].at("waiters"), text("100201"));
  EXPECT_EQ(rows[0].at("spinning"), text("100201"));
  EXPECT_EQ(rows[0].at("deadlock"), null);
}

TEST_P(FreeBsdSpinners, MayBeADeadlock) {
  const Rows rows = locks(GetParam().function, GetParam().kind, true);
  ASSERT_EQ(rows.size(), 2U);
  for (const auto& row : rows) EXPECT_EQ(row.at("deadlock"), text("100201 -> 100202 -> 100201"));
}

TEST_P(FreeBsdSpinners, WaitForALockOfTheirFunctionsKind) {
  const std::string other = std::string(GetParam().kind) == "sx" ? "rw" : "sx";
  EXPECT_TRUE(locks(GetParam().function, other, false).empty());
  EXPECT_TRUE(locks("another_function", GetParam().kind, false).empty());
}

INSTANTIATE_TEST_SUITE_P(Functions, FreeBsdSpinners,
                         testing::Values(Spinner{"_mtx_lock_spin_cookie", "spin mutex"},
                                         Spinner{"__mtx_lock_sleep", "mutex"},
                                         Spinner{"_sx_xlock_hard", "sx"},
                                         Spinner{"__rw_wlock_hard", "rw"},
                                         Spinner{"lockmgr_xlock_hard", "lockmgr"}),
                         [](const auto& param) { return std::string(param.param.function); });

}  // namespace
