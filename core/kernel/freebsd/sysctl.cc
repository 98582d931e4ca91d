#include "core/kernel/freebsd/sysctl.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/kernel/field.h"
#include "core/kernel/freebsd/per_cpu.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t size_of_variable = 64;  // bytes of a struct sysctl_oid, at least
constexpr std::size_t deepest = 24;             // CTL_MAXNAME
constexpr std::size_t tallest_tree = 64;        // of a node's children: 2^32 at least
constexpr std::uint64_t longest_value = 4096;   // bytes
constexpr std::size_t longest_text = 4096, longest_name = 256, longest_format = 64;

// sys/sys/sysctl.h: CTLTYPE_*, with the names of sysctl(8) -t; CTLFLAG_*.
enum Kind : std::uint64_t { node = 1, text = 3 };
struct TypeOfValue {
  std::string_view name;
  unsigned size = 0;  ///< bytes of a number; `long_size`: as a pointer
  bool is_signed = false;
};
constexpr unsigned long_size = 255;
constexpr std::array<TypeOfValue, 16> types = {{
    {},
    {"node"},
    {"integer", 4, true},
    {"string"},
    {"int64_t", 8, true},
    {"opaque"},
    {"unsigned integer", 4},
    {"long integer", long_size, true},
    {"unsigned long", long_size},
    {"uint64_t", 8},
    {"uint8_t", 1},
    {"uint16_t", 2},
    {"int8_t", 1, true},
    {"int16_t", 2, true},
    {"int32_t", 4, true},
    {"uint32_t", 4},
}};
constexpr std::uint64_t flag_dormant = 0x20000000, flag_network_stack = 0x20000;

/// What a handler of the kernel does with the variable's arguments (sys/kern/kern_sysctl.c,
/// subr_counter.c): everything but `other` can be done without running it.
enum class Handler { other, number, boolean, text, memory, counter };
constexpr std::array<std::pair<std::string_view, Handler>, 10> handlers = {{
    {"sysctl_handle_int", Handler::number},
    {"sysctl_handle_long", Handler::number},
    {"sysctl_handle_8", Handler::number},
    {"sysctl_handle_16", Handler::number},
    {"sysctl_handle_32", Handler::number},
    {"sysctl_handle_64", Handler::number},
    {"sysctl_handle_bool", Handler::boolean},
    {"sysctl_handle_string", Handler::text},
    {"sysctl_handle_opaque", Handler::memory},
    {"sysctl_handle_counter_u64", Handler::counter},
}};

std::string shown(std::uint64_t value, unsigned size, bool is_signed, std::string_view format) {
  if (!is_signed) return fmt::format("{}", value);
  const auto number = static_cast<std::int64_t>(sign_extend(value, size * 8));
  // "IK": so many tenths of a kelvin; "IK3": thousandths.
  if (format.size() < 2 || format[1] != 'K' || number < 0) return fmt::format("{}", number);
  const int digits = format.size() > 2 ? std::clamp(format[2] - '0', 0, 9) : 1;
  float base = 1;
  for (int i = 0; i < digits; ++i) base *= 10;
  return fmt::format("{:.{}f}C", static_cast<double>(static_cast<float>(number) / base) - 273.15,
                     digits);
}

class Reader {
 public:
  explicit Reader(Evidence& evidence)
      : evidence_(evidence), left_(most_objects(evidence, size_of_variable)) {
    for (const auto& [name, handler] : handlers)
      if (const auto at = evidence.address_of(name)) known_.try_emplace(*at, handler);
  }

  Result<void> read(const Visitor<Sysctl>& visit, Notes& notes) {
    PANICROOM_TRY(root, evidence_.address_of("sysctl__children"));
    PANICROOM_CHECK(children_.member(evidence_));
    if (!left_link_.exists(evidence_)) PANICROOM_CHECK(list_link_.member(evidence_));
    per_cpu_ = noted(PerCpu::read(evidence_, notes), notes, "counters of sysctl variables");
    below(root, "", 0, visit, notes);
    return {};
  }

 private:
  /// False when `visit` was. `head`: of the children of a node that is called `name`.
  bool below(std::uint64_t head, const std::string& name, std::size_t depth,
             const Visitor<Sysctl>& visit, Notes& notes) {
    bool go_on = true;
    children(head, notes, [&](std::uint64_t address) {
      if (!is_new(address, notes)) return false;
      go_on = one(address, name, depth, visit, notes);
      return go_on;
    });
    return go_on;
  }

  bool is_new(std::uint64_t address, Notes& notes) {
    const bool full = left_ == 0;
    if (!full && seen_.insert(address).second) {
      --left_;
      return true;
    }
    notes.add(Note{ErrorCode::corrupt,
                   full ? "there are more sysctl variables than fit into the dump's memory"
                        : "a sysctl variable is in the tree twice",
                   address});
    return false;
  }

  /// In the order of their numbers: a list until FreeBSD 13, then a red-black tree. `visit` answers
  /// false for what it has seen.
  void children(std::uint64_t head, Notes& notes, const std::function<bool(std::uint64_t)>& visit) {
    if (!left_link_.exists(evidence_)) {
      if (const auto link = list_link_.member(evidence_))
        for_each_listed(evidence_, head, link->offset, left_ + 1, "a list of sysctl variables",
                        notes, visit);
      return;
    }
    std::vector<std::uint64_t> above;
    auto at = evidence_.memory().word(head);
    while (true) {
      while (at && *at != 0) {
        if (above.size() == tallest_tree) {
          notes.add(Note{ErrorCode::corrupt, "a tree of sysctl variables is too tall", *at});
          return;
        }
        above.push_back(*at);
        at = left_link_.read(evidence_, *at);
      }
      if (!at) notes.add(at.error().within("a tree of sysctl variables breaks off"));
      if (above.empty()) return;
      const std::uint64_t next = above.back();
      above.pop_back();
      at = right_link_.read(evidence_, next);
      if (!visit(next)) return;
    }
  }

  bool one(std::uint64_t address, const std::string& above, std::size_t depth,
           const Visitor<Sysctl>& visit, Notes& notes) {
    const auto own = text_of(name_, address, longest_name, "a sysctl variable's name", notes);
    const auto kind = noted(kind_.read(evidence_, address), notes, "a sysctl variable's type");
    if (!kind || (*kind & flag_dormant) != 0) return true;
    Sysctl variable;
    variable.name = (above.empty() ? "" : above + ".") + own.value_or("?");
    variable.address = address;
    const std::uint64_t type = *kind & 15U;
    if (type == node) {
      const auto head = noted(children_.place(evidence_, address), notes, "a sysctl node");
      const auto first =
          head ? noted(evidence_.memory().word(*head), notes, "a sysctl node") : std::nullopt;
      if (first && *first != 0) {
        if (depth + 1 < deepest) return below(*head, variable.name, depth + 1, visit, notes);
        notes.add(Note{ErrorCode::corrupt, "the tree of sysctl variables is too deep", address});
        return true;
      }
    }
    if (!types[static_cast<std::size_t>(type)].name.empty())
      variable.type = types[static_cast<std::size_t>(type)].name;
    variable.doc = text_of(description_, address, longest_text, "a sysctl variable's text", notes);
    variable.value = value_of(address, *kind, notes);
    return visit(variable);
  }

  std::optional<std::string> text_of(const Field& field, std::uint64_t address, std::size_t most,
                                     std::string_view what, Notes& notes) {
    const auto at = noted(field.read(evidence_, address), notes, what);
    if (!at || *at == 0) return std::nullopt;
    return noted(evidence_.memory().string(*at, most), notes, what);
  }

  std::optional<std::string> value_of(std::uint64_t address, std::uint64_t kind, Notes& notes) {
    constexpr std::string_view what = "a sysctl variable's value";
    const auto function = noted(handler_.read(evidence_, address), notes, what);
    if (!function) return std::nullopt;
    const auto known = known_.find(*function);
    if (known == known_.end()) return std::nullopt;
    auto first = noted(argument_.read(evidence_, address), notes, what);
    const auto second = noted(constant_.read(evidence_, address), notes, what);
    if (!first || !second) return std::nullopt;
    if ((kind & flag_network_stack) != 0 && *first != 0) {
      const auto base = noted(network_stack(), notes, what);
      if (!base) return std::nullopt;
      first = evidence_.moved(*first, *base);
    }
    const std::uint64_t type = kind & 15U;
    if (type == text && known->second == Handler::text) {
      if (*first == 0) return std::nullopt;
      // A length of 0 (a constant string) is not told.
      const std::uint64_t most = *second == 0 || *second > longest_text ? longest_text : *second;
      return noted(evidence_.memory().string(*first, static_cast<std::size_t>(most)), notes, what);
    }
    unsigned size = types[static_cast<std::size_t>(type)].size;
    if (size == long_size) size = evidence_.pointer_size();
    if (size == 0) return std::nullopt;
    const auto format = text_of(format_, address, longest_format, what, notes);
    const bool is_signed = types[static_cast<std::size_t>(type)].is_signed;
    const auto show = [&](std::uint64_t value) {
      return shown(value, size, is_signed, format.value_or(""));
    };
    switch (known->second) {
      case Handler::number: {
        if (*first == 0) return show(*second & low_bits(size));
        const auto value = noted(evidence_.memory().integer(*first, size), notes, what);
        return value ? std::optional(show(*value)) : std::nullopt;
      }
      case Handler::boolean: {
        if (*first == 0) return *second != 0 ? "1" : "0";
        const auto value = noted(evidence_.memory().u8(*first), notes, what);
        return value ? std::optional<std::string>(*value != 0 ? "1" : "0") : std::nullopt;
      }
      case Handler::memory:
        return *first == 0 ? std::nullopt : numbers(*first, *second, size, show, notes);
      case Handler::counter: {
        const auto counter = noted(evidence_.memory().word(*first), notes, what);
        if (!counter || !per_cpu_ || size != 8) return std::nullopt;
        const auto sum = noted(per_cpu_->counter(evidence_, *counter), notes, what);
        return sum ? std::optional(show(*sum)) : std::nullopt;
      }
      case Handler::text:
      case Handler::other:
        break;
    }
    return std::nullopt;
  }

  std::optional<std::string> numbers(std::uint64_t at, std::uint64_t length, unsigned size,
                                     const std::function<std::string(std::uint64_t)>& show,
                                     Notes& notes) {
    if (length > longest_value) {
      notes.add(Note{ErrorCode::corrupt,
                     fmt::format("a sysctl variable has {} bytes of numbers", length), at});
      return std::nullopt;
    }
    std::string all;
    for (std::uint64_t done = 0; done + size <= length; done += size) {
      const auto value =
          noted(evidence_.memory().integer(at + done, size), notes, "a sysctl variable's value");
      if (!value) return std::nullopt;
      if (done != 0) all += ' ';
      all += show(*value);
    }
    return all;
  }

  static std::uint64_t low_bits(unsigned size) {
    return size >= 8 ? ~std::uint64_t{0} : (std::uint64_t{1} << (size * 8)) - 1;
  }

  Result<std::uint64_t> network_stack() {
    if (!network_stack_) network_stack_ = network_stack_base(evidence_);
    return *network_stack_;
  }

  Evidence& evidence_;
  std::uint64_t left_;  // variables that may still be read
  std::set<std::uint64_t> seen_;
  std::map<std::uint64_t, Handler> known_;
  std::optional<PerCpu> per_cpu_;
  std::optional<Result<std::uint64_t>> network_stack_;
  Field children_{"sysctl_oid", "oid_children"}, list_link_{"sysctl_oid", "oid_link.sle_next"},
      left_link_{"sysctl_oid", {"oid_link.rbe_link[1]", "oid_link.rbe_left"}},
      right_link_{"sysctl_oid", {"oid_link.rbe_link[2]", "oid_link.rbe_right"}};
  Field kind_{"sysctl_oid", "oid_kind"}, argument_{"sysctl_oid", "oid_arg1"},
      constant_{"sysctl_oid", "oid_arg2"}, name_{"sysctl_oid", "oid_name"},
      handler_{"sysctl_oid", "oid_handler"}, format_{"sysctl_oid", "oid_fmt"},
      description_{"sysctl_oid", "oid_descr"};
};

}  // namespace

Result<void> read_sysctls(Evidence& evidence, const Visitor<Sysctl>& visit, Notes& notes) {
  return Reader(evidence).read(visit, notes);
}

}  // namespace panicroom::freebsd
