#include "core/kernel/illumos/log.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "core/base/loop_guard.h"
#include "core/kernel/field.h"
#include "core/kernel/log_limit.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_messages = 1U << 17;    // LOG_HIWAT has under 2^17 of 16 bytes
constexpr std::uint64_t longest_message = 1U << 16;  // bytes
constexpr std::uint64_t most_text = 16U << 20;       // bytes of all messages; LOG_HIWAT is 1 MiB
constexpr std::uint64_t severity = 7;                // LOG_PRIMASK
constexpr std::uint64_t nanoseconds = 1000000000;

/// Puts messages together to lines: one need not end with its line.
class Lines {
 public:
  explicit Lines(const LogVisitor& visit) : visit_(visit) {}

  bool add(std::string_view text, const LogLine& head) {
    while (!text.empty()) {
      if (!open_) open_ = head, open_->text.clear();
      const std::size_t end = text.find('\n');
      open_->text.append(text.substr(0, end));
      if (end == std::string_view::npos) return true;
      text.remove_prefix(end + 1);
      if (!close()) return false;
    }
    return true;
  }
  bool close() {
    if (!open_) return true;
    LogLine line = *std::exchange(open_, std::nullopt);
    line.text.erase(std::remove(line.text.begin(), line.text.end(), '\r'), line.text.end());
    return visit_(line);
  }

 private:
  const LogVisitor& visit_;
  std::optional<LogLine> open_;
};

class LogReader {
 public:
  explicit LogReader(Evidence& evidence) : evidence_(evidence) {
    if (const auto rate = evidence.variable("hz", 4)) ticks_per_second_ = *rate;
  }

  /// The first message of the queue that is most worth reading.
  Result<std::uint64_t> first() {
    const auto in_queue = [&](const char* variable) -> Result<std::uint64_t> {
      PANICROOM_TRY(queue, evidence_.pointer(variable));
      if (queue == 0)
        return fail(ErrorCode::not_in_dump,
                    fmt::format("{} is null: the log was not set up yet", variable));
      return first_.read(evidence_, queue);
    };
    const auto backlog = evidence_.pointer("log_backlogq"),
               console = evidence_.pointer("log_consq");
    if (backlog && console && *backlog == *console) {
      const auto all = in_queue("log_backlogq");
      if (all && *all != 0) {
        with_prefix_ = true;
        return *all;
      }
    }
    return in_queue("log_recentq");
  }

  void read(std::uint64_t message, const LogVisitor& visit, Notes& notes) {
    VisitOnce guard(most_messages);
    Lines lines(visit);
    std::uint64_t left = std::min(most_text, evidence_.memory_present());
    while (message != 0) {
      if (!guard.step(message)) {
        notes.add(Note{ErrorCode::corrupt,
                       guard.cyclic() ? "the queue of messages is a cycle"
                                      : "the queue has more messages than are followed",
                       message});
        break;
      }
      const auto next = next_.read(evidence_, message);
      if (!next) {
        notes.add(next.error().within("the queue of messages breaks off"));
        break;
      }
      LogLine head;
      const auto text = noted(read_text(message, head), notes, "a message of the log");
      if (text) {
        if (text->size() > left) {
          notes.add(
              Note{ErrorCode::corrupt, "the messages are longer than the log can be", message});
          break;
        }
        left -= text->size();
        if (!lines.add(*text, head)) return;
      }
      message = *next;
    }
    lines.close();
  }

 private:
  Result<std::string> read_text(std::uint64_t message, LogLine& head) {
    PANICROOM_TRY(control, start_.read(evidence_, message));
    if (const auto ticks = time_.read(evidence_, control); ticks && ticks_per_second_ != 0)
      head.time_ns = *ticks / ticks_per_second_ * nanoseconds +
                     *ticks % ticks_per_second_ * nanoseconds / ticks_per_second_;
    if (const auto priority = priority_.read(evidence_, control))
      head.level = static_cast<int>(*priority & severity);
    PANICROOM_TRY(body, body_.read(evidence_, message));
    if (body == 0) return std::string();
    PANICROOM_TRY(start, start_.read(evidence_, body));
    PANICROOM_TRY(end, end_.read(evidence_, body));
    if (end < start || end - start > longest_message)
      return fail_at_address(ErrorCode::corrupt, body,
                             fmt::format("it lies from {:#x} to {:#x}", start, end));
    PANICROOM_TRY(text, evidence_.memory().string(start, static_cast<std::size_t>(end - start)));
    head.address = start;
    if (!with_prefix_) return text;
    // "unix: [ID 540533 kern.notice] text", for syslogd.
    const std::size_t id = text.find("[ID "), after = text.find("] ", id == text.npos ? 0 : id);
    if (id != text.npos && after != text.npos) {
      text.erase(0, after + 2);
      head.address = start + after + 2;
    }
    return text;
  }

  Evidence& evidence_;
  std::uint64_t ticks_per_second_ = 0;
  bool with_prefix_ = false;
  Field first_{"queue", "q_first"}, next_{"msgb", "b_next"}, body_{"msgb", "b_cont"},
      start_{"msgb", "b_rptr"}, end_{"msgb", "b_wptr"}, time_{"log_ctl", "ltime"},
      priority_{"log_ctl", "pri"};
};

}  // namespace

Result<void> read_log(Evidence& evidence, const LogVisitor& visit_all, Notes& notes) {
  const LogVisitor visit = at_most_log_lines(visit_all, notes);
  LogReader reader(evidence);
  PANICROOM_TRY(first, reader.first());
  if (first == 0) notes.add(Note{ErrorCode::not_in_dump, "the log holds no message", std::nullopt});
  reader.read(first, visit, notes);
  return {};
}

}  // namespace panicroom::illumos
