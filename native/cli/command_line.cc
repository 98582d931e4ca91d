#include "native/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <new>

#include "core/report/escape.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

constexpr std::string_view description =
    "Opens a kernel crash dump of FreeBSD or Linux, on any system: what died, on which thread, "
    "which\n"
    "processes ran and what the log said. Nothing leaves this machine.";

constexpr std::string_view footer =
    "DUMP is a vmcore, minidump or kdump, also compressed or split; KERNEL is its kernel file, "
    "which Linux\n"
    "dumps do not need. Files are recognised by content and may come in any order. Without a "
    "command,\n"
    "`panicroom DUMP` means `panicroom info DUMP`. `panicroom COMMAND --help` shows an example.\n\n"
    "Exit status: 0 answered (also in part, with notes that say what is missing), 1 it could not "
    "be\n"
    "answered, 2 the command line was not understood.";

const CommandInfo* find_command(std::string_view word) {
  for (const CommandInfo& command : commands()) {
    if (command.name == word) return &command;
    for (const std::string& alias : CLI::detail::split(std::string(command.aliases), ' '))
      if (!alias.empty() && alias == word) return &command;
  }
  return nullptr;
}

/// The words behind a command in its usage line.
std::string words_of(const CommandInfo& command) {
  std::string words(command.operands);
  if (command.needs_dump) words += words.empty() ? "DUMP [KERNEL...]" : " DUMP [KERNEL...]";
  return words;
}

class HelpFormatter final : public CLI::Formatter {
 public:
  std::string make_usage(const CLI::App* app, std::string) const override {
    const CommandInfo* command = find_command(app->get_name());
    if (!command) return "Usage: panicroom COMMAND [OPTIONS] [OPERANDS] [DUMP [KERNEL...]]\n";
    return fmt::format("Usage: panicroom {} [OPTIONS] {}\n", command->name, words_of(*command));
  }
  std::string make_positionals(const CLI::App*) const override { return ""; }
};

struct Parsed {
  Request request;
  std::vector<std::string> words;  ///< operands and files as typed
  std::string core;
  std::string kernel;
};

void add_options(CLI::App& app, const CommandInfo& command, Parsed& parsed) {
  Request& request = parsed.request;
  if (command.name != "completion" && command.name != "version") {
    app.add_flag_callback(
        "--json", [&request] { request.form = OutputForm::json; },
        "print one JSON object: table, rows, notes");
    app.add_flag_callback(
        "--csv", [&request] { request.form = OutputForm::csv; }, "print comma-separated values");
  }
  if (command.name == "read") app.add_flag("--raw", request.raw, "print the bytes themselves");
  if (command.name == "read" || command.name == "translate") {
    app.add_flag("--physical", request.physical, "ADDRESS is a physical address");
    app.add_option("--pid", request.pid, "use the address space of this process");
  }
  if (command.name == "ps" || command.name == "threads" || command.name == "stack" ||
      command.name == "table")
    app.add_option("--pid", request.pid, "only this process");
  if (command.name == "threads" || command.name == "stack" || command.name == "table") {
    app.add_option("--tid", request.tid, "only this thread");
    app.add_flag("--crashed", request.crashed, "only the thread on which the kernel died");
  }
}

/// Splits what was typed into the command's own operands and files: a fixed number of operands
/// comes first; where their number is open (`symbols`), the first word that names a file ends them.
std::optional<std::string> assign_words(const CommandInfo& command, Parsed& parsed,
                                        const Host& host) {
  auto& words = parsed.words;
  Request& request = parsed.request;
  std::size_t own = command.least_operands;
  if (command.most_operands > command.least_operands) {
    const bool files_named = !parsed.core.empty() || !parsed.kernel.empty();
    own = 0;
    while (own < words.size() && (files_named || !host.exists(words[own]))) ++own;
    // Nothing names a file: then the last word was meant to.
    if (own == words.size() && !files_named && own > 0) --own;
  }
  if (words.size() < own) return fmt::format("{} expects {}", command.name, command.operands);
  const auto middle = words.begin() + static_cast<std::ptrdiff_t>(own);
  request.operands.assign(words.begin(), middle);
  if (!parsed.core.empty()) request.files.push_back(parsed.core);
  if (!parsed.kernel.empty()) request.files.push_back(parsed.kernel);
  request.files.insert(request.files.end(), middle, words.end());
  if (command.needs_dump && request.files.empty())
    return fmt::format("{} expects a DUMP", command.name);
  if (!command.needs_dump && !request.files.empty())
    return fmt::format("{} takes no file, but \"{}\" was given", command.name,
                       visible(request.files.front()));
  return std::nullopt;
}

int usage_error(Host& host, std::string_view text, std::string_view command) {
  host.err(fmt::format("panicroom: {}\nTry `panicroom {}--help`.\n", text,
                       command.empty() ? "" : std::string(command) + " "));
  return 2;
}

int parse_and_run(std::span<const std::string> arguments, Host& host) {
  Parsed parsed;
  CLI::App app{std::string(description), "panicroom"};
  app.footer(std::string(footer));
  app.formatter(std::make_shared<HelpFormatter>());
  app.fallthrough();
  app.require_subcommand(0, 1);  // words behind a command are never commands
  app.add_option("-M", parsed.core, "the dump, as the BSD tools name it")->type_name("CORE");
  app.add_option("-N", parsed.kernel, "the kernel file, as the BSD tools name it")
      ->type_name("KERNEL");
  app.set_version_flag("--version", fmt::format("panicroom {}", program_version));

  const CommandInfo* chosen = nullptr;
  for (const CommandInfo& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    for (const std::string& alias : CLI::detail::split(std::string(command.aliases), ' '))
      if (!alias.empty()) sub->alias(alias);
    sub->fallthrough();
    add_options(*sub, command, parsed);
    sub->add_option("words", parsed.words);
    sub->footer(fmt::format("Example:\n  {}", command.example));
    sub->callback([&chosen, &command] { chosen = &command; });
  }

  // A first word that is no command is a file: `panicroom DUMP` means `panicroom info DUMP`.
  std::vector<std::string> typed(arguments.begin(), arguments.end());
  const auto first_word = std::find_if(typed.begin(), typed.end(),
                                       [](const auto& word) { return !word.starts_with('-'); });
  const bool asks_for_help = std::any_of(typed.begin(), typed.end(), [](const auto& word) {
    return word == "--help" || word == "-h" || word == "--version";
  });
  const bool names_command = std::any_of(typed.begin(), typed.end(), [](const std::string& word) {
    return find_command(word) != nullptr;
  });
  if (!names_command && !asks_for_help && first_word != typed.end()) {
    const bool is_option = first_word != typed.begin();
    if (!is_option && !host.exists(*first_word))
      return usage_error(
          host, fmt::format("\"{}\" is neither a command nor a file", visible(*first_word)), "");
    typed.insert(typed.begin(), "info");
  }
  if (typed.empty()) {
    host.err(app.help());
    return 2;
  }

  std::reverse(typed.begin(), typed.end());  // CLI11 takes them last first
  try {
    app.parse(typed);
  } catch (const CLI::CallForHelp&) {
    const auto subs = app.get_subcommands();
    return host.out(subs.empty() ? app.help() : subs.front()->help()) ? 0 : 1;
  } catch (const CLI::CallForVersion& version) {
    return host.out(std::string(version.what()) + "\n") ? 0 : 1;
  } catch (const CLI::ParseError& error) {
    const auto subs = app.get_subcommands();
    return usage_error(host, visible(error.what()), subs.empty() ? "" : subs.front()->get_name());
  }
  if (!chosen) return usage_error(host, "a command is expected", "");
  if (const auto problem = assign_words(*chosen, parsed, host))
    return usage_error(host, *problem, chosen->name);
  parsed.request.command = chosen->name;
  return run_request(parsed.request, host);
}

}  // namespace

int run_command_line(std::span<const std::string> arguments, Host& host) {
  try {
    return parse_and_run(arguments, host);
  } catch (const std::bad_alloc&) {
    host.err(
        "panicroom: this needs more memory than there is: close other programs, ask for one "
        "process or thread, or use a machine with more\n");
    return 1;
  }
}

}  // namespace panicroom
