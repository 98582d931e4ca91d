#include <fmt/format.h>

#include <array>

#include "core/base/loop_guard.h"
#include "core/report/escape.h"
#include "core/session/expression.h"
#include "core/types/declaration.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

using What = ValueLine::What;

constexpr std::array<Column, 5> columns_of_values = {{
    {"path", ColumnType::text, "The member within what was asked for; null for the whole."},
    {"type", ColumnType::text, "Its type as C declares it."},
    {"address", ColumnType::address, "Where it lies; of a bit-field the integer that holds it."},
    {"value", ColumnType::text,
     "Integers decimal, pointers hexadecimal with the symbol they point to, enumerations by name; "
     "null when it cannot be read."},
    {"missing", ColumnType::text, "Why it cannot be read, or what is left out."},
}};

std::array<Value, 5> row_of(const ValueLine& line) {
  const Value null = std::monostate{};
  Value type = null;
  if (line.place.type.graph)
    if (auto text = declaration(line.place.type, "")) type = std::move(*text);
  return {line.path.empty() ? null : Value(line.path), type,
          line.place.type.graph ? Value(Address{line.place.address}) : null,
          line.what == What::scalar ? Value(line.text) : null,
          line.what == What::scalar ? null : Value(line.text)};
}

/// "name = {", as debuggers print values.
std::string text_of(const ValueLine& line) {
  const std::string margin(std::size_t{line.depth} * 2, ' ');
  const std::string name = line.name.empty() ? "" : visible(line.name) + " = ";
  const char* comma = line.depth == 0 ? "" : ",";
  switch (line.what) {
    case What::opening:
      return fmt::format("{}{}{{\n", margin, name);
    case What::closing:
      return fmt::format("{}}}{}\n", margin, comma);
    case What::missing:
      return fmt::format("{}{}<{}>{}\n", margin, name, visible(line.text), comma);
    case What::left_out:
      return fmt::format("{}{}\n", margin, visible(line.text));
    case What::scalar:
      break;
  }
  return fmt::format("{}{}{}{}\n", margin, name, visible(line.text), comma);
}

/// Writes the values of `place`; answers whether all could be read.
Result<bool> write_values(const Request& request, Session& session, AddressSpace& memory,
                          const Place& place, Host& host) {
  const auto symbols = session.kernel()->symbols();
  const ValueWords words{symbols.get(), session.kernel()->pointer_words()};
  ValueLimits limits;
  if (request.depth)
    limits.depth = static_cast<unsigned>(std::min<std::int64_t>(*request.depth, limits.depth));
  bool whole = true;
  const auto writer = writer_for(request, host);
  const bool text = request.form == OutputForm::text;
  if (text) {
    PANICROOM_TRY(type, declaration(place.type, ""));
    host.out(fmt::format("{} at {:#x}:\n", visible(type), place.address));
  } else {
    writer->begin("value", columns_of_values);
  }
  const auto printed = value_lines(memory, words, place, limits, [&](const ValueLine& line) {
    whole = whole && line.what != What::missing;
    if (text) return host.out(text_of(line));
    if (line.what == What::opening || line.what == What::closing) return true;
    return writer->row(row_of(line));
  });
  if (!text) writer->end(session.notes());
  if (!printed) return Failure(printed.error());
  return whole;
}

/// One element's members as texts, in the order asked for.
std::vector<Value> cells_of(AddressSpace& memory, const ValueWords& words, TypeRef type,
                            std::uint64_t address, std::span<const std::string> members,
                            Notes& notes) {
  std::vector<Value> cells;
  for (const std::string& name : members) {
    std::string text;
    bool whole = true;
    const auto member = member_of(type, name);
    const auto read =
        member ? value_lines(memory, words, place_of(address, *member), ValueLimits{},
                             [&](const ValueLine& line) {
                               if (line.what == What::closing) {
                                 text += "} ";
                                 return true;
                               }
                               if (line.depth != 0 && !line.name.empty()) text += line.name + " = ";
                               text += line.what == What::opening ? "{" : line.text + " ";
                               whole = whole && line.what != What::missing;
                               if (line.what == What::missing)
                                 notes.add(Note{ErrorCode::not_in_dump,
                                                fmt::format("{}: {}", name, line.text), address});
                               return true;
                             })
               : Result<void>(Failure(member.error()));
    if (!read) notes.add(read.error().within(name));
    while (text.ends_with(' ')) text.pop_back();
    cells.push_back(read && whole ? Value(text) : Value(std::monostate{}));
  }
  return cells;
}

/// Follows a list from one link to the next.
class Links {
 public:
  /// `link` is the member that leads on: a pointer to the next element, or a structure whose first
  /// word points to the next one's same member (Linux's list_head and hlist_node).
  static Result<Links> find(const TypeCatalog& types, TypeRef element, const std::string& path) {
    PANICROOM_TRY(member, member_of(element, path));
    PANICROOM_TRY(type, plain(member.type));
    Links links;
    links.offset_ = member.offset;
    links.embedded_ = type.type.kind == TypeKind::structure;
    if (!links.embedded_ && type.type.kind != TypeKind::pointer)
      return fail(ErrorCode::invalid,
                  fmt::format("{} is neither a pointer nor a structure of links ({})", path,
                              types.origin()));
    return links;
  }
  bool embedded() const { return embedded_; }
  std::uint64_t element(std::uint64_t link) const { return embedded_ ? link - offset_ : link; }
  Result<std::uint64_t> next(AddressSpace& memory, std::uint64_t link) const {
    return memory.word(embedded_ ? link : link + offset_);
  }

 private:
  std::uint64_t offset_ = 0;
  bool embedded_ = false;
};

/// Where a list begins: a head's first word points to the first link. A number is the head of a
/// list of embedded links, else the first element itself.
struct Start {
  std::uint64_t head = 0;
  std::uint64_t first = 0;
};

Result<Start> start_of(const Request& request, Session& session, AddressSpace& memory,
                       const Links& links) {
  const std::string &type = request.operands[0], &head = request.operands[2];
  Start start;
  if (head.find_first_of(".[") != std::string::npos || head.find("->") != std::string::npos) {
    PANICROOM_TRY(place, evaluate(session, memory, type, head, cpu_of(request)));
    start.head = place.address;
  } else {
    PANICROOM_TRY(address, session.resolve(head, cpu_of(request)));
    start.head = address;
    if (parse_number(head) && !links.embedded()) {
      start.first = address;
      return start;
    }
  }
  PANICROOM_TRY(first, memory.word(start.head));
  start.first = first;
  return start;
}

}  // namespace

int run_print(const Request& request, Session& session, Host& host) {
  const auto refused = [&](const Error& error) {
    return refuse(request, session, host, "value", columns_of_values, error);
  };
  const auto memory = session.memory(request.pid);
  if (!memory) return refused(memory.error());
  const bool typed = request.operands.size() == 2;
  const auto place = evaluate(session, **memory, typed ? request.operands.front() : "",
                              request.operands.back(), cpu_of(request));
  if (!place) return refused(place.error());
  const auto whole = write_values(request, session, **memory, *place, host);
  if (!whole) {
    report_error(host, request.dump, whole.error());
    return 1;
  }
  if (request.form == OutputForm::text) report_notes(host, session.notes());
  return *whole ? 0 : 1;
}

int run_list(const Request& request, Session& session, Host& host) {
  constexpr std::uint64_t most_elements = 1U << 22U;
  std::vector<Column> columns = {{"index", ColumnType::integer, "0 for the first element."},
                                 {"address", ColumnType::address, "Of the element."}};
  for (const std::string& name : std::span(request.operands).subspan(3))
    columns.push_back({name, ColumnType::text, "A member that was asked for."});
  const auto refused = [&](const Error& error) {
    return refuse(request, session, host, "list", columns, error);
  };
  const auto memory = session.memory(request.pid);
  if (!memory) return refused(memory.error());
  const auto types = session.types();
  if (!types) return refused(types.error());
  const std::string &type = request.operands[0], &link = request.operands[1];
  const std::span members(request.operands.begin() + 3, request.operands.end());
  const auto element = (*types)->find(type);
  if (!element) return refused(element.error());
  const auto links = Links::find(**types, *element, link);
  if (!links) return refused(links.error());
  const auto start = start_of(request, session, **memory, *links);
  if (!start) return refused(start.error());

  const auto symbols = session.kernel()->symbols();
  const ValueWords words{symbols.get(), session.kernel()->pointer_words()};
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  const auto writer = writer_for(request, host);
  writer->begin("list", columns);
  LoopGuard guard(most_elements);
  std::uint64_t at = start->first, index = 0;
  bool taken = true;
  // A list_head's circle ends at its head, others with null.
  while (taken && at != 0 && !(links->embedded() && at == start->head)) {
    if (!guard.step(at)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? "the list comes back to an element without passing its head"
                                    : "the list has more elements than are followed",
                     at});
      break;
    }
    const auto next = links->next(**memory, at);
    if (!next) {
      notes.add(next.error().within("the list breaks off"));
      break;
    }
    const std::uint64_t address = links->element(at);
    std::vector<Value> row = {index++, Address{address}};
    for (Value& cell : cells_of(**memory, words, *element, address, members, notes))
      row.push_back(std::move(cell));
    taken = writer->row(row);
    at = *next;
  }
  const std::vector<Note> remarks = notes.take();
  writer->end(remarks);
  report_left_out(host, *writer);
  if (request.form != OutputForm::json) report_notes(host, remarks);
  return taken ? 0 : 1;
}

}  // namespace panicroom
