#include "core/tables/stacks.h"

#include <fmt/format.h>

#include "core/report/escape.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

std::string shown(const std::optional<std::int64_t>& number) {
  return number ? fmt::format("{}", *number) : "-";
}
std::string shown(const std::optional<std::string>& text) { return text ? visible(*text) : "-"; }

std::string heading(const Thread& thread, bool colour) {
  std::string text = fmt::format("pid {} tid {} {} ({}", shown(thread.pid), shown(thread.tid),
                                 shown(thread.name), shown(thread.state));
  if (thread.cpu) text += fmt::format(", cpu {}", *thread.cpu);
  if (thread.crashed == true) text += ", crashed";
  text += ")";
  return colour ? "\x1b[1m" + text + "\x1b[0m\n" : text + "\n";
}

/// The frame's function; before it, each on a line of its own, those that were inlined into it.
std::string frame_lines(std::size_t index, const UnwoundFrame& frame, const SymbolTable* symbols,
                        Kernel& kernel, Notes& notes) {
  const SourceCalls calls = kernel.source_calls(frame.lookup_address(), notes);
  const auto module = kernel.module_at(frame.lookup_address());
  std::string text;
  const auto add = [&](std::string where, const std::optional<SourceLine>& line) {
    if (module) where += fmt::format(" [{}]", visible(*module));
    if (line) where += fmt::format("  {}:{}", visible(line->file), line->line);
    text += fmt::format("  #{:<3} {:#018x}  {}{}\n", index, frame.pc,
                        text.empty() ? "" : "(inlined by) ", where);
  };
  for (const InlinedCall& call : calls.inlined)
    add(call.function.empty() ? "?" : visible(call.function), call.line);
  std::string own = "?";
  if (symbols)
    if (const auto symbol = symbols->at(frame.lookup_address()))
      own = fmt::format("{}+{:#x}", visible(symbol->name), frame.pc - symbol->address);
  add(std::move(own), calls.line);
  return text;
}

}  // namespace

Result<void> print_stacks(const Request& request, Session& session, Host& host, Notes& notes) {
  Kernel* kernel = session.kernel();
  if (!kernel) return Failure(*session.why_no_kernel());
  const auto symbols = kernel->symbols();
  if (!symbols)
    if (auto why = kernel->why_no_symbols()) notes.add(*why);
  const bool colour = colour_wanted(host);
  bool any = false;
  PANICROOM_CHECK(visit_stacks(
      *kernel, query_of(request),
      [&](const Thread& thread, const Unwound& unwound) {
        std::string text = (any ? "\n" : "") + heading(thread, colour);
        any = true;
        std::size_t index = 0;
        for (const UnwoundFrame& frame : unwound.frames)
          text += frame_lines(index++, frame, symbols.get(), *kernel, notes);
        if (unwound.frames.empty()) text += "  no frames\n";
        if (unwound.stopped)
          text += fmt::format("  stopped: {}\n", visible(unwound.stopped->message()));
        return host.out(text);
      },
      notes));
  if (any) return {};
  if (request.crashed || request.tid || request.pid) return nothing_selected(request, session);
  return {};
}

}  // namespace panicroom
