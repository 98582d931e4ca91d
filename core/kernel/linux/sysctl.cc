#include "core/kernel/linux/sysctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/kernel/linux/field.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::uint64_t size_of_variable = 32;  // bytes of a struct ctl_node, at least
constexpr std::size_t deepest = 32, tallest_tree = 64;
constexpr std::size_t longest_name = 256;
constexpr std::uint64_t longest_value = 4096;  // bytes
constexpr std::uint64_t kind_of_file = 0170000, directory = 0040000, link = 0120000;

/// How a handler of the kernel prints what a table entry points to.
enum class Shown { text, numbers, jiffies, user_ticks, milliseconds, key };
struct Handler {
  std::string_view name;
  Shown shown = Shown::numbers;
  std::string_view type;
  unsigned size = 4;  ///< bytes of a number; `word`: as a pointer
  bool is_signed = false;
};
constexpr unsigned word = 0;
constexpr Handler text(std::string_view name) { return {name, Shown::text, "string"}; }
constexpr Handler integers(std::string_view name) {
  return {name, Shown::numbers, "integer", 4, true};
}
constexpr Handler longs(std::string_view name) {
  return {name, Shown::numbers, "unsigned long", word};
}

constexpr Handler jiffies(std::string_view name, Shown shown) {
  return {name, shown, "integer", 4, true};
}

// Those of kernel/sysctl.c; then those of others (kernel, mm, fs, ipc, security, net) that read as
// one of them and do something of their own only when written.
constexpr std::array handlers = {
    text("proc_dostring"),
    text("proc_dostring_coredump"),
    text("proc_do_uts_string"),
    integers("proc_dointvec"),
    integers("proc_dointvec_minmax"),
    integers("proc_dointvec_minmax_coredump"),
    integers("proc_dointvec_minmax_sysadmin"),
    integers("proc_dointvec_minmax_warn_RT_change"),
    Handler{"proc_douintvec", Shown::numbers, "unsigned integer"},
    Handler{"proc_douintvec_minmax", Shown::numbers, "unsigned integer"},
    Handler{"proc_dopipe_max_size", Shown::numbers, "unsigned integer"},
    Handler{"proc_dou8vec_minmax", Shown::numbers, "uint8_t", 1},
    Handler{"proc_dobool", Shown::numbers, "boolean", 1},
    longs("proc_doulongvec_minmax"),
    longs("proc_dohung_task_timeout_secs"),
    longs("dirty_background_bytes_handler"),
    longs("dirty_bytes_handler"),
    longs("overcommit_kbytes_handler"),
    jiffies("proc_dointvec_jiffies", Shown::jiffies),
    jiffies("proc_dointvec_userhz_jiffies", Shown::user_ticks),
    jiffies("proc_dointvec_ms_jiffies", Shown::milliseconds),
    jiffies("proc_dointvec_ms_jiffies_minmax", Shown::milliseconds),
    jiffies("neigh_proc_dointvec_jiffies", Shown::jiffies),
    jiffies("neigh_proc_dointvec_userhz_jiffies", Shown::user_ticks),
    jiffies("neigh_proc_dointvec_ms_jiffies", Shown::milliseconds),
    jiffies("neigh_proc_dointvec_ms_jiffies_positive", Shown::milliseconds),
    Handler{"proc_doulongvec_ms_jiffies_minmax", Shown::milliseconds, "unsigned long", word},
    Handler{"proc_do_static_key", Shown::key, "boolean"},
    integers("proc_watchdog_thresh"),
    integers("dirty_background_ratio_handler"),
    integers("dirty_ratio_handler"),
    integers("dirty_writeback_centisecs_handler"),
    integers("overcommit_ratio_handler"),
    integers("overcommit_policy_handler"),
    integers("min_free_kbytes_sysctl_handler"),
    integers("watermark_scale_factor_sysctl_handler"),
    integers("sysctl_min_slab_ratio_sysctl_handler"),
    integers("sysctl_min_unmapped_ratio_sysctl_handler"),
    integers("percpu_pagelist_high_fraction_sysctl_handler"),
    integers("compaction_proactiveness_sysctl_handler"),
    integers("dirtytime_interval_handler"),
    integers("perf_event_max_stack_handler"),
    integers("sched_rt_handler"),
    integers("proc_do_rointvec"),
    integers("proc_ipc_sem_dointvec"),
    integers("proc_ipc_dointvec_minmax_orphans"),
    integers("apparmor_dointvec"),
    integers("yama_dointvec_minmax"),
    integers("devinet_conf_proc"),
    integers("devinet_sysctl_forward"),
    integers("ipv4_doint_and_flush"),
    integers("neigh_proc_dointvec_zero_intmax"),
    integers("addrconf_sysctl_addr_gen_mode"),
    integers("addrconf_sysctl_disable"),
    integers("addrconf_sysctl_disable_policy"),
    integers("addrconf_sysctl_forward"),
    integers("addrconf_sysctl_ignore_routes_with_linkdown"),
    integers("addrconf_sysctl_mtu"),
    integers("addrconf_sysctl_proxy_ndp"),
};

/// Where a namespace keeps what links of the tree stand for.
struct Namespace {
  std::string_view variable, structure, directory;
};
constexpr std::array namespaces = {
    Namespace{"init_net", "net", "sysctls.dir"},
    Namespace{"init_user_ns", "user_namespace", "set.dir"},
    Namespace{"init_ipc_ns", "ipc_namespace", "ipc_set.dir"},
    Namespace{"init_ipc_ns", "ipc_namespace", "mq_set.dir"},
};

class Reader {
 public:
  Reader(Evidence& evidence, const Visitor<Sysctl>& visit, Notes& notes)
      : evidence_(evidence),
        visit_(visit),
        notes_(notes),
        left_(most_objects(evidence, size_of_variable)) {
    for (const Handler& handler : handlers)
      if (const auto at = evidence.address_of(handler.name)) known_.try_emplace(*at, &handler);
    // A nanosecond's part of what it was set to is the clock's adjustment.
    if (const auto tick = evidence.variable("tick_nsec", evidence.pointer_size());
        tick && *tick >= 100'000 && *tick <= 100'000'000)
      ticks_a_second_ = (1'000'000'000 + *tick / 2) / *tick;
  }

  Result<void> read() {
    PANICROOM_TRY(root, evidence_.address_of("sysctl_table_root"));
    PANICROOM_TRY(first, Field("ctl_table_root", "default_set.dir").place(evidence_, root));
    PANICROOM_TRY(types, evidence_.types());
    PANICROOM_TRY(node_size, types->size_of("struct ctl_node"));
    PANICROOM_TRY(table_size, types->size_of("struct ctl_table"));
    if (node_size == 0 || table_size == 0)
      return fail(ErrorCode::no_type, "struct ctl_node and ctl_table have no members");
    node_size_ = node_size, table_size_ = table_size;
    if (!below(first, "", 0)) return {};
    for (const Namespace& one : namespaces) {
      const Field of_it(one.structure, one.directory);
      const auto at = evidence_.address_of(one.variable);
      if (!at || !of_it.exists(evidence_)) continue;
      const auto place = of_it.place(evidence_, *at);
      if (place && !below(*place, "", 0)) break;
    }
    return {};
  }

 private:
  /// Each of these answers false when `visit` did.
  bool below(std::uint64_t dir, const std::string& name, std::size_t depth) {
    if (depth == deepest) {
      notes_.add(Note{ErrorCode::corrupt, "the sysctl tree is deeper than any kernel's", dir});
      return true;
    }
    const auto root = noted(tree_.read(evidence_, dir), notes_, what);
    return !root || tree(*root, name, depth, 0);
  }

  bool tree(std::uint64_t at, const std::string& name, std::size_t depth, std::size_t height) {
    if (at == 0) return true;
    if (left_ == 0 || height == tallest_tree || !seen_.insert(at).second) {
      notes_.add(Note{ErrorCode::corrupt,
                      "the sysctl tree comes back to where it was, or has no end", at});
      return true;
    }
    --left_;
    const auto left = noted(left_link_.read(evidence_, at), notes_, what);
    const auto right = noted(right_link_.read(evidence_, at), notes_, what);
    return (!left || tree(*left, name, depth, height + 1)) && one(at, name, depth) &&
           (!right || tree(*right, name, depth, height + 1));
  }

  bool one(std::uint64_t at, const std::string& parent, std::size_t depth) {
    const auto within = noted(node_.member(evidence_), notes_, what);
    if (!within) return true;
    const std::uint64_t node = at - within->offset;
    const auto header = noted(header_.read(evidence_, node), notes_, what);
    if (!header) return true;
    const auto nodes = noted(nodes_.read(evidence_, *header), notes_, what);
    const auto entries = noted(entries_.read(evidence_, *header), notes_, what);
    if (!nodes || !entries) return true;
    // A header's nodes stand beside its entries, one for each.
    if (node < *nodes || (node - *nodes) % node_size_ != 0) {
      notes_.add(Note{ErrorCode::corrupt, "a sysctl variable is none of its table's", node});
      return true;
    }
    const std::uint64_t entry = *entries + (node - *nodes) / node_size_ * table_size_;
    const auto name_at = noted(name_.read(evidence_, entry), notes_, what);
    const auto mode = noted(mode_.read(evidence_, entry), notes_, what);
    if (!name_at || !mode) return true;
    auto own = noted(evidence_.memory().string(*name_at, longest_name), notes_, what);
    if (!own) return true;
    // As sysctl(8) writes what has the separator in its own name.
    std::replace(own->begin(), own->end(), '.', '/');
    const std::string name = parent.empty() ? *own : parent + "." + *own;
    if ((*mode & kind_of_file) == link) return true;
    if ((*mode & kind_of_file) == directory) {
      const auto of_header = noted(dir_header_.member(evidence_), notes_, what);
      return !of_header || below(*header - of_header->offset, name, depth + 1);
    }
    Sysctl row;
    row.name = name;
    row.address = entry;
    read_value(entry, row);
    return visit_(row);
  }

  void read_value(std::uint64_t entry, Sysctl& row) {
    const std::string where = "the sysctl variable " + row.name;
    const auto handler_at = noted(handler_.read(evidence_, entry), notes_, where);
    const auto data = noted(data_.read(evidence_, entry), notes_, where);
    const auto length = noted(length_.read(evidence_, entry), notes_, where);
    if (!handler_at || !data || !length) return;
    const auto found = known_.find(*handler_at);
    if (found == known_.end() || *data == 0) return;
    const Handler& handler = *found->second;
    row.type = handler.type;
    // A boolean is one, though its length may be that of an integer (before Linux 6.4).
    const std::uint64_t bytes =
        handler.size == 1 && handler.type == "boolean" ? 1 : std::min(*length, longest_value);
    if (handler.shown == Shown::text)
      row.value =
          noted(evidence_.memory().string(*data, static_cast<std::size_t>(bytes)), notes_, where);
    else if (handler.shown == Shown::key)
      row.value = noted(key(*data), notes_, where);
    else
      row.value = noted(numbers(*data, bytes, handler), notes_, where);
    if (row.value && row.value->empty() && handler.shown != Shown::text) row.value.reset();
  }

  Result<std::string> key(std::uint64_t at) {
    PANICROOM_TRY(count, key_count_.read_signed(evidence_, at));
    return std::string(count != 0 ? "1" : "0");
  }

  /// Empty where it is not known how long a tick was.
  Result<std::string> numbers(std::uint64_t at, std::uint64_t bytes, const Handler& handler) {
    const unsigned size = handler.size == word ? evidence_.pointer_size() : handler.size;
    std::string out;
    if (handler.shown != Shown::numbers && !ticks_a_second_) return out;
    for (std::uint64_t done = 0; done + size <= bytes; done += size) {
      PANICROOM_TRY(value, evidence_.memory().integer(at + done, size));
      out += out.empty() ? "" : " ";
      if (!handler.is_signed) {
        out += fmt::format(
            "{}", handler.shown == Shown::milliseconds ? value * 1000 / *ticks_a_second_ : value);
        continue;
      }
      const auto number = static_cast<std::int64_t>(sign_extend(value, size * 8));
      out += fmt::format("{}", in_its_unit(number, handler.shown));
    }
    return out;
  }

  std::int64_t in_its_unit(std::int64_t number, Shown shown) const {
    constexpr std::int64_t user_ticks_a_second = 100;  // USER_HZ
    if (shown == Shown::numbers) return number;
    const auto ticks = static_cast<std::int64_t>(*ticks_a_second_);
    if (shown == Shown::jiffies) return number / ticks;
    return number * (shown == Shown::user_ticks ? user_ticks_a_second : 1000) / ticks;
  }

  static constexpr std::string_view what = "the sysctl tree";

  Evidence& evidence_;
  const Visitor<Sysctl>& visit_;
  Notes& notes_;
  std::uint64_t left_;
  std::uint64_t node_size_ = 0, table_size_ = 0;
  std::optional<std::uint64_t> ticks_a_second_;  // HZ
  std::map<std::uint64_t, const Handler*> known_;
  std::set<std::uint64_t> seen_;
  Field tree_{"ctl_dir", "root.rb_node"}, dir_header_{"ctl_dir", "header"};
  Field left_link_{"rb_node", "rb_left"}, right_link_{"rb_node", "rb_right"};
  Field node_{"ctl_node", "node"}, header_{"ctl_node", "header"};
  Field nodes_{"ctl_table_header", "node"}, entries_{"ctl_table_header", "ctl_table"};
  Field name_{"ctl_table", "procname"}, mode_{"ctl_table", "mode"}, data_{"ctl_table", "data"},
      length_{"ctl_table", "maxlen"}, handler_{"ctl_table", "proc_handler"};
  Field key_count_{"static_key", {"enabled.counter", "enabled"}};
};

}  // namespace

Result<void> read_sysctls(Evidence& evidence, const Visitor<Sysctl>& visit, Notes& notes) {
  return Reader(evidence, visit, notes).read();
}

}  // namespace panicroom::linux_kernel
