#include <fmt/format.h>

#include <algorithm>
#include <string_view>
#include <vector>

#include "core/report/escape.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

/// The words by which a command is named.
std::vector<std::string_view> words_of(const CommandInfo& command) {
  std::vector<std::string_view> words = {command.name};
  for (std::string_view rest = command.aliases; !rest.empty();) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    words.push_back(rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return words;
}

/// "read" or "translate|vtop".
std::string names_of(const CommandInfo& command, std::string_view between) {
  return fmt::format("{}", fmt::join(words_of(command), between));
}

std::string all_names(std::string_view between) {
  std::string out;
  for (const CommandInfo& command : commands())
    out += fmt::format("{}{}", out.empty() ? "" : between, names_of(command, between));
  return out;
}

std::string table_words() {
  std::string out;
  for (const Table* table : tables())
    out += fmt::format("{}{}", out.empty() ? "" : " ", table->name());
  return out;
}

/// "--json --csv --help": what the command takes.
std::string options_of(const CommandInfo& command) {
  std::string out;
  std::string_view rest = command.options;
  while (!rest.empty()) {
    const std::size_t end = std::min(rest.find(' '), rest.size());
    out += fmt::format("--{} ", rest.substr(0, end));
    rest.remove_prefix(std::min(end + 1, rest.size()));
  }
  return out + (command.needs_dump ? "--help -M -N" : "--help");
}

/// One branch of a shell's `case` for each command; `line` has {} for the command's options.
std::string cases(fmt::format_string<std::string> line) {
  std::string out;
  for (const CommandInfo& command : commands())
    out += fmt::format("      {}) {} ;;\n", names_of(command, "|"),
                       fmt::format(line, options_of(command)));
  return out;
}

/// Within single quotes of a shell that ends them at the next one.
std::string quoted(std::string_view text, std::string_view quote) {
  std::string out = "'";
  for (const char c : text) out += c == '\'' ? std::string(quote) : std::string(1, c);
  return out + "'";
}

std::string bash_script() {
  return fmt::format(R"(# bash completion for panicroom
_panicroom() {{
  local current=${{COMP_WORDS[COMP_CWORD]}} previous=${{COMP_WORDS[COMP_CWORD-1]}}
  if [[ $COMP_CWORD -eq 1 ]]; then
    COMPREPLY=($(compgen -W "{0}" -- "$current") $(compgen -f -- "$current"))
  elif [[ $previous == table ]]; then
    COMPREPLY=($(compgen -W "{1}" -- "$current"))
  elif [[ $previous == completion ]]; then
    COMPREPLY=($(compgen -W "bash zsh fish" -- "$current"))
  elif [[ $current == -* ]]; then
    case ${{COMP_WORDS[1]}} in
{2}    esac
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _panicroom panicroom
)",
                     all_names(" "), table_words(),
                     cases(R"(COMPREPLY=($(compgen -W "{}" -- "$current")))"));
}

std::string zsh_script() {
  std::string described;
  for (const CommandInfo& command : commands()) {
    const std::string summary = fmt::format(":{}", command.summary);
    for (const std::string_view word : words_of(command))
      described += fmt::format("    {}\n", quoted(std::string(word) + summary, "'\\''"));
  }
  return fmt::format(R"(#compdef panicroom
_panicroom() {{
  local -a commands
  commands=(
{0}  )
  if (( CURRENT == 2 )); then
    _describe command commands
    _files
  elif [[ $words[CURRENT-1] == table ]]; then
    compadd {1}
  elif [[ $words[CURRENT-1] == completion ]]; then
    compadd bash zsh fish
  elif [[ $PREFIX == -* ]]; then
    case $words[2] in
{2}    esac
  else
    _files
  fi
}}
compdef _panicroom panicroom
)",
                     described, table_words(), cases("compadd -- {}"));
}

std::string fish_script() {
  std::string out = "# fish completion for panicroom\n";
  for (const CommandInfo& command : commands()) {
    const std::string summary = quoted(command.summary, "\\'");
    for (const std::string_view word : words_of(command))
      out += fmt::format("complete -c panicroom -n __fish_use_subcommand -a {} -d {}\n", word,
                         summary);
    const std::string condition =
        fmt::format("'__fish_seen_subcommand_from {}'", names_of(command, " "));
    std::string_view rest = command.options;
    while (!rest.empty()) {
      const std::size_t end = std::min(rest.find(' '), rest.size());
      out += fmt::format("complete -c panicroom -n {} -l {}\n", condition, rest.substr(0, end));
      rest.remove_prefix(std::min(end + 1, rest.size()));
    }
  }
  out += fmt::format("complete -c panicroom -n '__fish_seen_subcommand_from table' -a '{}'\n",
                     table_words());
  out += "complete -c panicroom -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  return out +
         "complete -c panicroom -l help\ncomplete -c panicroom -s M -r\n"
         "complete -c panicroom -s N -r\n";
}

}  // namespace

int run_completion(const Request& request, Host& host) {
  const std::string& shell = request.operands.front();
  if (shell == "bash") return host.out(bash_script()) ? 0 : 1;
  if (shell == "zsh") return host.out(zsh_script()) ? 0 : 1;
  if (shell == "fish") return host.out(fish_script()) ? 0 : 1;
  host.err(
      fmt::format("panicroom: there is no completion for \"{}\": bash, zsh and fish are known\n",
                  visible(shell)));
  return 2;
}

}  // namespace panicroom
