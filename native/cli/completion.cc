#include <fmt/format.h>

#include "core/report/escape.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

std::string command_words(std::string_view between) {
  std::string out;
  for (const CommandInfo& command : commands()) {
    out += fmt::format("{}{}", out.empty() ? "" : between, command.name);
    if (!command.aliases.empty()) out += fmt::format("{}{}", between, command.aliases);
  }
  return out;
}

std::string table_words() {
  std::string out;
  for (const Table* table : tables())
    out += fmt::format("{}{}", out.empty() ? "" : " ", table->name());
  return out;
}

constexpr std::string_view option_words =
    "--json --csv --pid --tid --crashed --raw --physical --help -M -N";

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
    COMPREPLY=($(compgen -W "{2}" -- "$current"))
  else
    COMPREPLY=($(compgen -f -- "$current"))
  fi
}}
complete -o filenames -F _panicroom panicroom
)",
                     command_words(" "), table_words(), option_words);
}

std::string zsh_script() {
  std::string described;
  for (const CommandInfo& command : commands())
    described += fmt::format("    '{}:{}'\n", command.name, command.summary);
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
    compadd -- {2}
  else
    _files
  fi
}}
compdef _panicroom panicroom
)",
                     described, table_words(), option_words);
}

std::string fish_script() {
  std::string out = "# fish completion for panicroom\n";
  for (const CommandInfo& command : commands())
    out += fmt::format("complete -c panicroom -n __fish_use_subcommand -a {} -d '{}'\n",
                       command.name, command.summary);
  out += fmt::format("complete -c panicroom -n '__fish_seen_subcommand_from table' -a '{}'\n",
                     table_words());
  out += "complete -c panicroom -n '__fish_seen_subcommand_from completion' -a 'bash zsh fish'\n";
  for (const std::string_view option :
       {"json", "csv", "pid", "tid", "crashed", "raw", "physical", "help"})
    out += fmt::format("complete -c panicroom -l {}\n", option);
  return out + "complete -c panicroom -s M -r\ncomplete -c panicroom -s N -r\n";
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
