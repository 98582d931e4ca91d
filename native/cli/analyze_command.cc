#include <fmt/format.h>

#include <string>

#include "core/report/escape.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

constexpr std::size_t topic_width = 13;
constexpr std::size_t least_width =
    24;  // of a statement; narrower terminals break lines themselves

/// A text in lines of at most `width` bytes, broken at blanks, each but the first indented.
std::string wrapped(std::string_view text, std::size_t width) {
  std::string lines;
  while (width != 0 && text.size() > width) {
    auto end = text.rfind(' ', width);
    if (end == std::string_view::npos || end == 0) end = text.find(' ');
    if (end == std::string_view::npos) break;
    lines += text.substr(0, end);
    lines += '\n' + std::string(topic_width, ' ');
    text.remove_prefix(end + 1);
  }
  return lines.append(text);
}

}  // namespace

Result<void> print_analysis(Session& session, Host& host, Notes& notes) {
  const std::size_t columns = host.out_columns();
  const std::size_t width =
      columns >= topic_width + least_width ? columns - topic_width : std::size_t{0};
  const bool colour = colour_wanted(host);
  std::string last;
  return session.rows(
      *find_table("analysis"), Query(),
      [&](std::span<const Value> row) {
        const auto& topic = std::get<std::string>(row[0]);
        std::string statement = visible(std::get<std::string>(row[1]));
        if (topic == "frame" && std::holds_alternative<Address>(row[3]))
          statement = fmt::format("{:#x}  {}", std::get<Address>(row[3]).value, statement);
        if (const auto& sure = std::get<std::string>(row[2]); sure != "certain")
          statement += fmt::format(" ({})", sure);
        const bool cause = topic == "cause";
        host.out(fmt::format("{:{}}{}{}{}\n", topic == last ? "" : topic, topic_width,
                             colour && cause ? "\x1b[1m" : "", wrapped(statement, width),
                             colour && cause ? "\x1b[0m" : ""));
        last = topic;
        return true;
      },
      notes);
}

}  // namespace panicroom
