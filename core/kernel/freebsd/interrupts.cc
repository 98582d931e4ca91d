#include "core/kernel/freebsd/interrupts.h"

#include <fmt/format.h>

#include <charconv>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "core/kernel/field.h"
#include "core/kernel/lists.h"

namespace panicroom::freebsd {
namespace {

constexpr std::uint64_t most_counters = std::uint64_t{1} << 16;
constexpr std::uint64_t longest_row = 256;  // bytes of a name: MAXCOMLEN + 1, twice that on arm64
constexpr std::uint64_t most_events = std::uint64_t{1} << 16;
constexpr std::uint64_t most_handlers = std::uint64_t{1} << 16;  // of all events together

constexpr std::uint64_t flag_software = 1;  // IE_SOFT, sys/sys/interrupt.h

/// An array, or a pointer to one (on x86 always, elsewhere since FreeBSD 14): the symbol's size
/// tells.
Result<std::uint64_t> array_at(Evidence& evidence, std::string_view name) {
  PANICROOM_TRY(address, evidence.address_of(name));
  const std::uint64_t size = evidence.symbols()->find(name)->size;
  if (size != 0 && size != evidence.pointer_size()) return address;
  return evidence.memory().word(address);
}

/// 16 of "irq16: ahci0".
std::optional<std::int64_t> line_number(std::string_view name) {
  if (!name.starts_with("irq")) return std::nullopt;
  std::int64_t number = 0;
  const char* end = name.data() + name.size();
  const auto [stop, error] = std::from_chars(name.data() + 3, end, number);
  if (error != std::errc() || (stop != end && *stop != ':')) return std::nullopt;
  return number;
}

/// struct intr_event: what a line's handlers are.
struct Event {
  std::uint64_t address = 0;
  std::vector<std::string> handlers;
  bool told = false;  ///< with a counter
};

/// Of software's events: their ie_irq is 0 without being a line. Flags that are not known make line
/// 0 one that is not known.
bool is_software(Evidence& evidence, const Field& flags, std::uint64_t event, std::int64_t line,
                 Notes& notes) {
  if (line != 0) return false;
  if (!flags.exists(evidence)) return true;
  const auto read = noted(flags.read(evidence, event), notes, "an interrupt's flags");
  return !read || (*read & flag_software) != 0;
}

/// By the number of the line; those of software have none.
Result<std::map<std::int64_t, Event>> read_events(Evidence& evidence, Notes& notes) {
  const Field link("intr_event", "ie_list"), handlers("intr_event", "ie_handlers"),
      line("intr_event", "ie_irq"), flags("intr_event", "ie_flags"),
      next("intr_handler", "ih_next"), name("intr_handler", "ih_name");
  PANICROOM_TRY(head, evidence.address_of("event_list"));
  PANICROOM_TRY(event_link, link.member(evidence));
  PANICROOM_TRY(handler_link, next.member(evidence));
  std::map<std::int64_t, Event> events;
  std::uint64_t handlers_left = most_handlers;
  for_each_listed(
      evidence, head, event_link.offset, most_events, "the list of interrupts", notes,
      [&](std::uint64_t address) {
        const auto number =
            noted(line.read_signed(evidence, address), notes, "an interrupt's number");
        const auto first =
            noted(handlers.place(evidence, address), notes, "an interrupt's handlers");
        if (!number || *number < 0 || !first ||
            is_software(evidence, flags, address, *number, notes))
          return true;
        Event event{address, {}, false};
        for_each_listed(
            evidence, *first, handler_link.offset, handlers_left, "an interrupt's list of handlers",
            notes, [&](std::uint64_t handler) {
              --handlers_left;
              if (auto text = noted(name.text(evidence, handler), notes, "an interrupt's handler"))
                event.handlers.push_back(std::move(*text));
              return true;
            });
        events.try_emplace(*number, std::move(event));
        return true;
      });
  return events;
}

}  // namespace

Result<void> read_interrupts(Evidence& evidence, const Visitor<Interrupt>& visit, Notes& notes) {
  const std::uint64_t word = evidence.pointer_size();
  PANICROOM_TRY(counts, array_at(evidence, "intrcnt"));
  PANICROOM_TRY(names, array_at(evidence, "intrnames"));
  PANICROOM_TRY(bytes_of_counts, evidence.variable("sintrcnt", word));
  PANICROOM_TRY(bytes_of_names, evidence.variable("sintrnames", word));
  const std::uint64_t rows = bytes_of_counts / word;
  // Names are padded to rows of equal length.
  const std::uint64_t row = rows == 0 ? 0 : bytes_of_names / rows;
  if (rows > most_counters || (rows != 0 && (row == 0 || row > longest_row)))
    return fail(ErrorCode::corrupt, fmt::format("{} bytes of names for {} counters of interrupts",
                                                bytes_of_names, rows));
  auto events = noted(read_events(evidence, notes), notes, "the interrupts' handlers");
  const Field flags("intr_event", "ie_flags");
  for (std::uint64_t i = 0; i < rows; ++i) {
    const auto name =
        noted(evidence.memory().string(names + i * row, static_cast<std::size_t>(row)), notes,
              "an interrupt's name");
    if (name && name->empty()) continue;  // was never given out
    Interrupt interrupt;
    if (name) {
      interrupt.name = name->substr(0, name->find_last_not_of(' ') + 1);
      interrupt.number = line_number(*interrupt.name);
    }
    interrupt.count =
        noted(evidence.memory().word(counts + i * word), notes, "how often an interrupt came");
    if (interrupt.number == 0) noted(flags.member(evidence), notes, "the handlers of line 0");
    if (interrupt.number && events)
      if (const auto event = events->find(*interrupt.number); event != events->end()) {
        interrupt.address = event->second.address;
        if (std::exchange(event->second.told, true))
          notes.add(
              Note{ErrorCode::corrupt,
                   fmt::format("line {} has several counters: its handlers stand at the first",
                               *interrupt.number),
                   event->second.address});
        interrupt.handlers = std::move(event->second.handlers);
      }
    if (!visit(interrupt)) break;
  }
  return {};
}

}  // namespace panicroom::freebsd
