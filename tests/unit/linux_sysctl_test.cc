// The sysctl tree of a Linux kernel of a few variables: the names that its folders make, what the
// kernel's handlers print, and trees that cannot be.
#include <gtest/gtest.h>

#include <map>
#include <optional>
#include <string>

#include "core/kernel/linux/sysctl.h"
#include "tests/unit/stated_linux.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::StatedLinux;
using panicroom::testing::texts_of;

constexpr std::uint64_t root = StatedLinux::base + 0x10000, net = StatedLinux::base + 0x11000,
                        data = StatedLinux::base + 0x12000, code = StatedLinux::base + 0x20000,
                        first_object = StatedLinux::base + 0x30000;
// In words, as no kernel has them.
constexpr std::uint64_t set_in_root = 2, tree_in_dir = 9, header_in_dir = 3, sysctls_in_net = 5;
constexpr std::uint64_t folder_mode = 040555, file_mode = 0100644, link_mode = 0120777;

class SysctlTree : public ::testing::Test {
 protected:
  SysctlTree() {
    linux.structure("ctl_table_root", 120, {{"default_set.dir", set_in_root}});
    linux.structure("net", 400, {{"sysctls.dir", sysctls_in_net}});
    linux.structure("ctl_dir", 88, {{"root.rb_node", tree_in_dir}, {"header", header_in_dir}});
    linux.structure("rb_node", 24, {{"rb_left", 1}, {"rb_right", 2}});
    linux.structure("ctl_node", 40, {{"header", 0}, {"node", 1}});
    linux.structure("ctl_table_header", 48, {{"node", 1}, {"ctl_table", 3}});
    linux.structure(
        "ctl_table", 64,
        {{"procname", 1}, {"data", 2}, {"maxlen", 3}, {"mode", 4}, {"proc_handler", 6}});
    linux.structure("static_key", 8, {{"enabled.counter", 0}});
    linux.symbol("sysctl_table_root", root);
    for (const char* name :
         {"proc_dostring", "proc_dointvec", "proc_dou8vec_minmax", "proc_doulongvec_minmax",
          "proc_dointvec_jiffies", "proc_dointvec_userhz_jiffies", "proc_dointvec_ms_jiffies",
          "proc_do_static_key", "proc_dobool"}) {
      functions[name] = code + 64 * functions.size();
      linux.symbol(name, functions[name]);
    }
    functions["of its own"] = code + 0x1000;
    linux.symbol("tick_nsec", data + 0x800);
    linux.put(data + 0x800, 4'000'013);  // HZ is 250, and the clock is adjusted
  }

  std::uint64_t take(std::uint64_t bytes) {
    const std::uint64_t at = next;
    next += (bytes + 63) / 64 * 64;
    return at;
  }
  struct Entry {
    std::string name;
    std::uint64_t mode = file_mode;
    std::string handler = "proc_dointvec";
    std::uint64_t length = 4, value = data;
  };
  /// A header at `header` with its node and its entry; gives the rb_node.
  std::uint64_t entry(const Entry& entry, std::uint64_t header) {
    const std::uint64_t node = take(40), table = take(64), name = take(64);
    linux.put(header + 8, node), linux.put(header + 24, table);
    linux.put(node, header);
    linux.text(name, entry.name);
    linux.put(table + 8, name), linux.put(table + 16, entry.value);
    linux.put(table + 24, entry.length), linux.put(table + 32, entry.mode);
    linux.put(table + 48, functions.at(entry.handler));
    return node + 8;
  }
  std::uint64_t variable(const Entry& one) { return entry(one, take(48)); }
  /// A folder; its directory is where the second one says.
  std::pair<std::uint64_t, std::uint64_t> folder(const std::string& name) {
    const std::uint64_t dir = take(128);
    return {entry({name, folder_mode, "of its own"}, dir + header_in_dir * 8), dir};
  }
  void hold(std::uint64_t dir, std::uint64_t tree) { linux.put(dir + tree_in_dir * 8, tree); }
  static constexpr std::uint64_t root_dir = root + set_in_root * 8;

  std::map<std::string, Sysctl> read() {
    std::map<std::string, Sysctl> rows;
    Notes notes;
    const auto done = read_sysctls(
        linux.evidence(),
        [&](const Sysctl& row) {
          order += row.name + " ";
          return rows.emplace(row.name, row).second;
        },
        notes);
    EXPECT_TRUE(done) << done.error().message();
    said = texts_of(notes);
    return rows;
  }

  StatedLinux linux;
  std::map<std::string, std::uint64_t> functions;
  std::uint64_t next = first_object;
  std::string said, order;
};

TEST_F(SysctlTree, HasNamesInOrderAndValuesAsTheirHandlersPrintThem) {
  const auto [kernel, kernel_dir] = folder("kernel");
  const auto [dotted, dotted_dir] = folder("eth0.1");
  hold(root_dir, kernel);
  linux.put(kernel + 16, dotted);  // to the right
  const std::uint64_t middle = variable({"m", file_mode, "proc_dointvec", 8, data});
  const std::uint64_t left = variable({"a", file_mode, "proc_dostring", 65, data + 0x100});
  const std::uint64_t right = variable({"z", file_mode, "of its own"});
  hold(kernel_dir, middle);
  linux.put(middle + 8, left), linux.put(middle + 16, right);
  hold(dotted_dir, variable({"up", file_mode, "proc_dou8vec_minmax", 1, data + 0x110}));
  linux.put(data, 7 + (std::uint64_t{0xfffffffe} << 32));  // 7, -2
  linux.text(data + 0x100, "guest");
  linux.put(data + 0x110, 0x3ff);

  auto rows = read();
  EXPECT_EQ(said, "");
  EXPECT_EQ(order, "kernel.a kernel.m kernel.z eth0/1.up ");
  EXPECT_EQ(rows["kernel.a"].value, "guest");
  EXPECT_EQ(rows["kernel.a"].type, "string");
  EXPECT_EQ(rows["kernel.m"].value, "7 -2");
  EXPECT_EQ(rows["kernel.m"].type, "integer");
  EXPECT_EQ(rows["kernel.z"].value, std::nullopt);
  EXPECT_EQ(rows["kernel.z"].type, std::nullopt);
  EXPECT_EQ(rows["eth0/1.up"].value, "255");
}

TEST_F(SysctlTree, TimesAreInTheUnitsThatUsersSee) {
  linux.put(data, 500), linux.put(data + 8, 3);
  const std::uint64_t a = variable({"a", file_mode, "proc_dointvec_jiffies"}),
                      b = variable({"b", file_mode, "proc_dointvec_userhz_jiffies"}),
                      c = variable({"c", file_mode, "proc_dointvec_ms_jiffies"}),
                      d = variable({"d", file_mode, "proc_do_static_key", 8, data + 8}),
                      e = variable({"e", file_mode, "proc_doulongvec_minmax", 16}),
                      f = variable({"f", file_mode, "proc_dobool", 4, data + 16});
  linux.put(data + 16, 0xffffff01);
  hold(root_dir, c);
  linux.put(c + 8, a), linux.put(a + 16, b), linux.put(c + 16, d), linux.put(d + 16, e),
      linux.put(e + 16, f);
  auto rows = read();
  EXPECT_EQ(rows["a"].value, "2");     // seconds
  EXPECT_EQ(rows["b"].value, "200");   // of 1/100 s
  EXPECT_EQ(rows["c"].value, "2000");  // ms
  EXPECT_EQ(rows["d"].value, "1");
  EXPECT_EQ(rows["e"].value, "500 3");
  EXPECT_EQ(rows["f"].value, "1");
}

TEST_F(SysctlTree, LinksAreWhatTheFirstNamespaceHas) {
  linux.symbol("init_net", net);
  const auto [core, core_dir] = folder("net");
  hold(root_dir, core);
  hold(core_dir, variable({"somaxconn", link_mode}));
  const auto [mine, mine_dir] = folder("net");
  hold(net + sysctls_in_net * 8, mine);
  hold(mine_dir, variable({"somaxconn"}));
  linux.put(data, 4096);
  auto rows = read();
  EXPECT_EQ(order, "net.somaxconn ");
  EXPECT_EQ(rows["net.somaxconn"].value, "4096");
}

TEST_F(SysctlTree, ThatComesBackToItselfEnds) {
  const auto [kernel, kernel_dir] = folder("kernel");
  hold(root_dir, kernel);
  hold(kernel_dir, kernel);
  EXPECT_TRUE(read().empty());
  EXPECT_NE(said.find("the sysctl tree comes back to where it was"), std::string::npos) << said;
}

TEST_F(SysctlTree, AVariableOfNoTable) {
  const std::uint64_t node = variable({"a"});
  hold(root_dir, node);
  linux.put(first_object + 8, node);  // its header says that the nodes begin within it
  EXPECT_TRUE(read().empty());
  EXPECT_NE(said.find("a sysctl variable is none of its table's"), std::string::npos) << said;
}

TEST_F(SysctlTree, AValueThatIsLost) {
  hold(root_dir, variable({"a", file_mode, "proc_dointvec", 4, StatedLinux::base + 0x7fff000}));
  auto rows = read();
  ASSERT_EQ(rows.size(), 1U);
  EXPECT_EQ(rows["a"].value, std::nullopt);
  EXPECT_NE(said.find("the sysctl variable a: "), std::string::npos) << said;
}

}  // namespace
}  // namespace panicroom::linux_kernel
