#include "core/kernel/linux/log.h"

#include <charconv>
#include <string>
#include <utility>

#include "core/kernel/log_limit.h"

namespace panicroom::linux_kernel {
namespace {

/// The digits at the front of `text`, taken off it; nothing when there are none or too many.
std::optional<std::uint64_t> take_number(std::string_view& text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{}) return std::nullopt;
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  return value;
}

}  // namespace

bool visit_lines(const LogLine& record, const LogVisitor& visit) {
  std::string_view rest = record.text;
  if (rest.ends_with('\n')) rest.remove_suffix(1);
  while (true) {
    const std::size_t end = rest.find('\n');
    const auto passed = static_cast<std::uint64_t>(rest.data() - record.text.data());
    LogLine line{record.time_ns, record.level, std::string(rest.substr(0, end)), std::nullopt};
    if (record.address) line.address = *record.address + passed;
    if (!visit(line)) return false;
    if (end == std::string_view::npos) return true;
    rest.remove_prefix(end + 1);
  }
}

LogLine parse_plain_line(std::string_view text) {
  LogLine line;
  std::string_view rest = text;
  if (rest.starts_with('<')) {
    rest.remove_prefix(1);
    const auto priority = take_number(rest);
    if (priority && rest.starts_with('>')) {
      line.level = static_cast<int>(*priority & 7U);
      rest.remove_prefix(1);
      text = rest;
    }
  }
  rest = text;
  if (rest.starts_with('[')) {
    rest.remove_prefix(1);
    while (rest.starts_with(' ')) rest.remove_prefix(1);
    const auto seconds = take_number(rest);
    if (seconds && *seconds < UINT64_MAX / 1000000000U - 1 && rest.starts_with('.')) {
      rest.remove_prefix(1);
      const std::size_t before = rest.size();
      const auto fraction = take_number(rest);
      if (fraction && before - rest.size() == 6 && rest.starts_with("] ")) {
        line.time_ns = *seconds * 1000000000U + *fraction * 1000U;
        text = rest.substr(2);
      }
    }
  }
  line.text = std::string(text);
  return line;
}

Result<void> read_log(Evidence& evidence, const LogVisitor& visit_all, Notes& notes) {
  const LogVisitor visit = at_most_log_lines(visit_all, notes);
  // Each of these is a pointer variable of the kernel.
  if (const auto variable = evidence.address_of("prb")) {
    PANICROOM_TRY(ring, evidence.memory().word(*variable));
    return read_log_ring(evidence, ring, visit, notes);
  }
  const Vmcoreinfo* info = evidence.vmcoreinfo();
  if ((info && (info->offset("printk_log.ts_nsec") || info->offset("log.ts_nsec"))) ||
      evidence.address_of("log_first_idx"))
    return read_log_records(evidence, visit, notes);
  return read_log_text(evidence, visit);
}

}  // namespace panicroom::linux_kernel
