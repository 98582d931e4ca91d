// Prints what the engine's readers make of a file's tables, for the comparison with other readers.
// usage: dwarf_rows cfi FILE      begin end CFA then a rule for each register: rN=RULE
//        dwarf_rows lines FILE    for each address on standard input: FILE:LINE, or ?
//        dwarf_rows calls FILE    the same, with FUNCTION FILE:LINE < for each that is inlined
//        there
#include <cstdio>
#include <string>
#include <string_view>

#include "core/stack/cfi.h"
#include "core/types/source_lines.h"
#include "native/io/mapped_file.h"

namespace {

using namespace panicroom;

std::string rule(const CfiRule& rule) {
  const std::string offset = (rule.offset < 0 ? "" : "+") + std::to_string(rule.offset);
  switch (rule.kind) {
    case CfiRule::Kind::unspecified:
      return "";
    case CfiRule::Kind::undefined:
      return "u";
    case CfiRule::Kind::same_value:
      return "s";
    case CfiRule::Kind::offset:
      return "c" + offset;
    case CfiRule::Kind::value_offset:
      return "v" + offset;
    case CfiRule::Kind::in_register:
      return "r" + std::to_string(rule.number) + offset;
    case CfiRule::Kind::expression:
      return "exp";
    case CfiRule::Kind::value_expression:
      return "vexp";
  }
  return "?";
}

int print_cfi(const SourcePtr& file) {
  const auto table = read_cfi(file);
  const auto done = table ? (*table)->rows([](const CfiRow& row) {
    std::printf("%llx %llx %s", static_cast<unsigned long long>(row.begin),
                static_cast<unsigned long long>(row.end), rule(row.cfa).c_str());
    for (std::size_t i = 0; i < kCfiRegisters; ++i)
      if (row.registers[i].kind != CfiRule::Kind::unspecified)
        std::printf(" r%zu=%s", i, rule(row.registers[i]).c_str());
    std::printf("\n");
    return true;
  })
                          : Result<void>(Failure(table.error()));
  if (done) return 0;
  std::fprintf(stderr, "%s\n", done.error().message().c_str());
  return 1;
}

int print_lines(const SourcePtr& file) {
  const auto lines = read_source_lines(file);
  if (!lines) {
    std::fprintf(stderr, "%s\n", lines.error().message().c_str());
    return 1;
  }
  for (unsigned long long address = 0; std::scanf("%llx", &address) == 1;) {
    const auto found = (*lines)->at(address);
    if (!found)
      std::printf("%s\n", found.error().message().c_str());
    else if (!*found)
      std::printf("?\n");
    else
      std::printf("%s:%llu\n", (*found)->file.c_str(),
                  static_cast<unsigned long long>((*found)->line));
  }
  return 0;
}

void print_line(const std::optional<SourceLine>& line) {
  if (line)
    std::printf("%s:%llu", line->file.c_str(), static_cast<unsigned long long>(line->line));
  else
    std::printf("?");
}

/// What was inlined, innermost first, and at last the line in the function itself.
int print_calls(const SourcePtr& file) {
  const auto lines = read_source_lines(file);
  if (!lines) {
    std::fprintf(stderr, "%s\n", lines.error().message().c_str());
    return 1;
  }
  for (unsigned long long address = 0; std::scanf("%llx", &address) == 1;) {
    const auto found = (*lines)->calls_at(address);
    if (!found) {
      std::printf("%s\n", found.error().message().c_str());
      continue;
    }
    for (const InlinedCall& call : found->inlined) {
      std::printf("%s ", call.function.c_str());
      print_line(call.line);
      std::printf(" < ");
    }
    print_line(found->line);
    std::printf("\n");
  }
  return 0;
}

}  // namespace

int main(int count, char** arguments) {
  const std::string_view what = count == 3 ? arguments[1] : "";
  if (what == "cfi" || what == "lines" || what == "calls") {
    const auto file = open_mapped_file(arguments[2]);
    if (file)
      return what == "cfi"     ? print_cfi(*file)
             : what == "lines" ? print_lines(*file)
                               : print_calls(*file);
  }
  std::fprintf(stderr, "usage: dwarf_rows cfi|lines|calls FILE\n");
  return 2;
}
