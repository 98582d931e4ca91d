#include <fmt/format.h>

#include <string>
#include <vector>

#include "core/report/escape.h"
#include "core/types/export_types.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

/// The types that tables and stacks ask for, as far as this kernel has them.
std::vector<std::string> usual_types(const TypeCatalog& types) {
  std::vector<std::string> names;
  for (const std::string_view name : types_of_tables())
    if (types.find(name)) names.emplace_back(name);
  return names;
}

Result<std::string> write_types(const Request& request, Session& session, Host& host) {
  PANICROOM_TRY(types, session.types());
  std::vector<std::string> names(request.operands.begin() + 1, request.operands.end());
  if (names.empty()) names = usual_types(*types);
  if (names.empty())
    return fail(ErrorCode::no_type,
                fmt::format("{} has none of the types that the tables ask for: name some",
                            visible(types->origin())));
  PANICROOM_TRY(exported,
                export_types(*types, names, session.dump().machine, session.kernel()->build_id()));
  if (auto written = host.write_file(*request.output, exported.file); !written)
    return Failure(written.error().within(visible(*request.output)));
  return fmt::format("{}: {} types, {} bytes, from {}\n", visible(*request.output), exported.types,
                     exported.file.size(), visible(types->origin()));
}

}  // namespace

int run_types(const Request& request, Session& session, Host& host) {
  const auto refuse = [&host](std::string_view text) {
    host.err(fmt::format("panicroom: {}\nTry `panicroom types --help`.\n", text));
    return 2;
  };
  if (request.operands.empty()) return refuse("types expects export");
  if (request.operands.front() != "export")
    return refuse(
        fmt::format("types expects export, not \"{}\"", visible(request.operands.front())));
  if (!request.output || request.output->empty())
    return refuse("types export expects --output FILE");
  const auto written = write_types(request, session, host);
  report_notes(host, session.notes());
  if (written) return host.out(*written) ? 0 : 1;
  report_error(host, request.dump, written.error());
  return 1;
}

}  // namespace panicroom
