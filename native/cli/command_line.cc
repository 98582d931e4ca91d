#include "native/cli/command_line.h"

#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <new>

#include "core/report/escape.h"
#include "core/session/session.h"
#include "native/cli/did_you_mean.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

constexpr std::string_view description =
    "Opens a kernel crash dump of Linux, FreeBSD, NetBSD, OpenBSD, DragonFly or illumos, on any\n"
    "system: what died, on which thread, which processes ran and what the log said. Nothing "
    "leaves\n"
    "this machine.";

constexpr std::string_view footer =
    "DUMP is a vmcore, minidump, kcore, vmdump or kdump, also compressed or split; KERNEL is its\n"
    "kernel file, which Linux and illumos dumps do not need. With debug files, modules' too\n"
    "(foo.ko.debug), stacks have source lines. Files are recognised by content and may come in "
    "any\n"
    "order. Without a command, `panicroom DUMP` means `panicroom info DUMP`. `panicroom COMMAND\n"
    "--help` shows an example.\n\n"
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
  std::string make_option_name(const CLI::Option* option, bool) const override {
    std::string name = option->get_name(false, true);
    if (const auto comma = name.find(','); comma != std::string::npos) name.insert(comma + 1, " ");
    return name;
  }
  std::string make_option_opts(const CLI::Option* option) const override {
    return option->get_type_name().empty() ? "" : " " + option->get_type_name();
  }
};

struct Parsed {
  Request request;
  std::vector<std::string> words;  ///< operands and files as typed
  std::string core;
  std::string kernel;
};

bool has_option(const CommandInfo& command, std::string_view option) {
  const auto all = CLI::detail::split(std::string(command.options), ' ');
  return std::find(all.begin(), all.end(), option) != all.end();
}

void add_number(CLI::App& app, const std::string& name, std::optional<std::int64_t>& number,
                const std::string& meaning) {
  const auto take = [name, &number](const std::string& text) {
    const auto value = parse_number(text);
    if (!value || *value > INT64_MAX)
      throw CLI::ValidationError(fmt::format("{} expects a number, not \"{}\"", name, text));
    number = static_cast<std::int64_t>(*value);
  };
  app.add_option_function<std::string>(name, take, meaning)->type_name("NUMBER")->take_last();
}

void add_options(CLI::App& app, const CommandInfo& command, Request& request) {
  const auto has = [&command](std::string_view option) { return has_option(command, option); };
  CLI::Option *json = nullptr, *csv = nullptr;
  if (has("json"))
    json = app.add_flag_callback(
        "--json", [&request] { request.form = OutputForm::json; },
        "print one JSON object: table, rows, notes");
  if (has("csv"))
    csv = app.add_flag_callback(
        "--csv", [&request] { request.form = OutputForm::csv; }, "print comma-separated values");
  if (json && csv) json->excludes(csv);
  if (has("raw"))
    app.add_flag("--raw", request.raw, "print the bytes themselves")->excludes(json)->excludes(csv);
  if (has("pid"))
    add_number(app, "--pid", request.pid,
               has("physical") ? "use the address space of this process" : "only this process");
  if (has("cpu"))
    add_number(app, "--cpu", request.cpu,
               "of a variable that each processor has its own of, this processor's; 0 without it");
  if (has("physical"))
    app.add_flag("--physical", request.physical, "ADDRESS is a physical address")
        ->excludes(app.get_option("--pid"));
  if (has("root")) {
    const auto take = [](std::optional<std::string>& text) {
      return [&text](const std::string& typed) { text = typed; };
    };
    CLI::Option* root = app.add_option_function<std::string>(
        "--root", take(request.root),
        "translate by the page tables at this physical address, or by those that a processor used "
        "(cr3, cr3:1)");
    root->type_name("ADDRESS")->take_last();
    root->excludes(app.get_option("--pid"))->excludes(app.get_option("--physical"));
    app.add_option_function<std::string>("--paging", take(request.paging),
                                         "how these tables are built: two-level, pae, four-level, "
                                         "five-level; 4k, 16k or 64k with "
                                         "the bits of an address (4k:48, 64k:52:lpa)")
        ->type_name("MODE")
        ->take_last()
        ->needs(root);
  }
  if (has("columns"))
    app.add_option_function<std::string>(
           "--columns",
           [&request](const std::string& names) {
             request.columns = CLI::detail::split(names, ',');
           },
           "these columns in this order, or all (`panicroom tables` names them)")
        ->type_name("NAME,...")
        ->take_last();
  if (has("output"))
    app.add_option_function<std::string>(
           "--output", [&request](const std::string& path) { request.output = path; },
           "the file to write")
        ->type_name("FILE")
        ->take_last();
  if (has("depth"))
    add_number(app, "--depth", request.depth, "structures within structures that are shown");
  if (has("tid")) add_number(app, "--tid", request.tid, "only this thread");
  if (has("crashed"))
    app.add_flag("--crashed", request.crashed, "only the thread on which the kernel died");
}

std::string joined(std::span<const std::string> words) {
  std::string out;
  for (const std::string& word : words) out += (out.empty() ? "" : " ") + visible(word);
  return out;
}

/// Whether a word of `sql` is the query: it may stand anywhere among the files.
bool is_query(const std::string& word, const Host& host) {
  const bool is_dot_command =
      word.size() > 1 && word[0] == '.' && std::isalpha(static_cast<unsigned char>(word[1])) != 0;
  return (is_dot_command || word.find_first_of(" \t\n(;") != std::string::npos) &&
         !host.exists(word);
}

/// Splits what was typed into the command's own operands and files: a fixed number of operands
/// comes first; where their number is open (`symbols`), the first word that names a file ends them.
std::optional<std::string> assign_words(const CommandInfo& command, Parsed& parsed,
                                        const Host& host) {
  auto& words = parsed.words;
  Request& request = parsed.request;
  std::size_t own = command.least_operands;
  const bool files_named = !parsed.core.empty() || !parsed.kernel.empty();
  if (command.name == "sql") {
    std::vector<std::string> queries, files;
    for (std::string& word : words)
      (is_query(word, host) ? queries : files).push_back(std::move(word));
    own = queries.size();
    words = std::move(queries);
    words.insert(words.end(), files.begin(), files.end());
    if (own > command.most_operands)
      return fmt::format("{} expects one query: there is no file \"{}\"", command.name,
                         visible(words[1]));
  } else if (!command.needs_dump) {  // its own words alone, files among them
    own = std::max(own, std::min(words.size(), command.most_operands));
  } else if (command.most_operands > command.least_operands) {
    own = 0;
    const bool dump_named = !parsed.core.empty();
    while (own < words.size() && (dump_named || !host.exists(words[own]))) ++own;
    // Nothing names the dump: then the last word was meant to.
    if (own == words.size() && !dump_named && own > 0) --own;
    own = std::max(own, command.least_operands);
  }
  if (words.size() < own + (files_named ? 0 : 1) && command.needs_dump)
    return fmt::format("{} expects {}{}", command.name, words_of(command),
                       words.empty() ? "" : fmt::format(", not only \"{}\"", joined(words)));
  if (words.size() < own) return fmt::format("{} expects {}", command.name, command.operands);
  const auto middle = words.begin() + static_cast<std::ptrdiff_t>(own);
  request.operands.assign(words.begin(), middle);
  if (!parsed.core.empty()) request.files.push_back(parsed.core);
  if (!parsed.kernel.empty()) request.files.push_back(parsed.kernel);
  request.files.insert(request.files.end(), middle, words.end());
  for (const std::string& file : request.files)
    if (parse_number(file) && !host.exists(file))
      return fmt::format("there is no file \"{}\"{}", visible(file),
                         has_option(command, "tid")   ? ": one thread or process is --tid or --pid"
                         : has_option(command, "pid") ? ": one process is --pid"
                                                      : "");
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

std::vector<std::string> command_words() {
  std::vector<std::string> words;
  for (const CommandInfo& command : commands()) {
    words.emplace_back(command.name);
    for (const std::string& alias : CLI::detail::split(std::string(command.aliases), ' '))
      if (!alias.empty()) words.push_back(alias);
  }
  return words;
}

std::vector<std::string> option_words(const CommandInfo& command) {
  std::vector<std::string> words = {"--help"};
  for (const std::string& option : CLI::detail::split(std::string(command.options), ' '))
    if (!option.empty()) words.push_back("--" + option);
  return words;
}

/// What CLI11 refused, in words of ours where they say more.
std::string refusal(const CLI::ParseError& error, const CLI::App& app, const CommandInfo* command) {
  if (dynamic_cast<const CLI::ExtrasError*>(&error)) {
    for (const std::string& word : app.remaining(true)) {
      if (!word.starts_with('-')) continue;
      return fmt::format("{} has no option {}{}", command ? command->name : "panicroom",
                         visible(word), command ? did_you_mean(word, option_words(*command)) : "");
    }
  }
  if (dynamic_cast<const CLI::ArgumentMismatch*>(&error)) {
    const std::string text = error.what();
    return visible(text.substr(0, text.find(':'))) + " expects a value";
  }
  if (dynamic_cast<const CLI::ExcludesError*>(&error)) {
    std::string text = error.what();
    if (const auto at = text.find(" excludes "); at != std::string::npos)
      return visible(text.replace(at, 10, " does not go with "));
  }
  return visible(error.what());
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
  app.set_help_flag("-h, --help", "print this help");
  app.set_version_flag("--version", fmt::format("panicroom {}", program_version),
                       "print the program's version");

  const CommandInfo* chosen = nullptr;
  for (const CommandInfo& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name), std::string(command.summary));
    for (const std::string& alias : CLI::detail::split(std::string(command.aliases), ' '))
      if (!alias.empty()) sub->alias(alias);
    sub->fallthrough();
    sub->set_help_flag("-h, --help", "print this help");
    add_options(*sub, command, parsed.request);
    sub->add_option("words", parsed.words);
    sub->footer(fmt::format(
        "{}Example:\n  {}",
        command.needs_dump ? "The files can also be named the BSD way: -M DUMP -N KERNEL.\n\n" : "",
        command.example));
    sub->callback([&chosen, &command] { chosen = &command; });
  }

  // A first word that is no command is a file: `panicroom DUMP` means `panicroom info DUMP`.
  std::vector<std::string> typed(arguments.begin(), arguments.end());
  if (!typed.empty() && typed.front() == "help") {
    typed.erase(typed.begin());
    typed.emplace_back("--help");
  }
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
          host,
          fmt::format("\"{}\" is neither a command nor a file{}", visible(*first_word),
                      did_you_mean(*first_word, command_words())),
          "");
    typed.insert(typed.begin(), "info");
  }
  if (names_command && first_word == typed.begin() && !find_command(*first_word) &&
      host.exists(*first_word))
    return usage_error(
        host,
        fmt::format("the command comes before the files, not behind \"{}\"", visible(*first_word)),
        "");
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
    const CommandInfo* command = subs.empty() ? nullptr : find_command(subs.front()->get_name());
    return usage_error(host, refusal(error, app, command), command ? command->name : "");
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
