#include <fmt/format.h>

#include <array>

#include "core/report/escape.h"
#include "core/types/declaration.h"
#include "core/types/layout.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

using What = LayoutLine::What;

constexpr std::array<Column, 8> columns_of_layout = {{
    {"offset", ColumnType::integer, "Bytes from the start of the structure."},
    {"size", ColumnType::integer,
     "Bytes; of a bit-field those of its declared type; of a hole those that no member has."},
    {"bit_offset", ColumnType::integer,
     "Bit-fields and holes in bits: first bit from the lowest at offset; else null."},
    {"bit_size", ColumnType::integer, "Bit-fields and holes in bits: their bits; else null."},
    {"depth", ColumnType::integer,
     "0 for the structure's own members, more within members of types without a name."},
    {"what", ColumnType::text, "member, or hole."},
    {"type", ColumnType::text, "The member's type as C declares it."},
    {"name", ColumnType::text, "The member's name; null where it has none."},
}};

std::array<Value, 8> row_of(const LayoutLine& line) {
  const Value null = std::monostate{};
  const bool hole = line.what == What::hole || line.what == What::bit_hole;
  return {line.offset,
          line.what == What::bit_hole ? null : Value(line.size),
          line.bit_size != 0 ? Value(std::uint64_t{line.bit_offset}) : null,
          line.bit_size != 0 ? Value(std::uint64_t{line.bit_size}) : null,
          std::uint64_t{line.depth},
          std::string(hole ? "hole" : "member"),
          hole ? null : Value(line.type),
          line.name.empty() ? null : Value(line.name)};
}

std::string counted(std::uint64_t number, std::string_view thing) {
  return fmt::format("{} {}{}", number, thing, number == 1 ? "" : "s");
}

/// A layout in the form that pahole made familiar.
class LayoutText {
 public:
  explicit LayoutText(Host& host) : host_(host) {}

  bool line(const LayoutLine& line) {
    constexpr std::size_t indent = 8, wide = 44;
    const std::string margin((line.depth + 1) * indent, ' ');
    switch (line.what) {
      case What::hole:
        return host_.out(fmt::format("\n{}/* {} hole */\n\n", margin, counted(line.size, "byte")));
      case What::bit_hole:
        return host_.out(
            fmt::format("\n{}/* {} hole */\n\n", margin, counted(line.bit_size, "bit")));
      case What::opening:
        return host_.out(margin + visible(line.declaration.substr(0, line.declaration.find(" {"))) +
                         " {\n");
      default:
        break;
    }
    std::string text = line.declaration;
    if (line.what == What::closing) {
      const auto body = text.find("{...}");
      text = body == std::string::npos ? "}" : "}" + text.substr(body + 5);
    }
    text = visible(text);
    if (line.bit_size != 0) text += fmt::format(":{}", line.bit_size);
    text += ';';
    const std::size_t used = margin.size() + display_width(text);
    const std::string padding(used < wide + indent ? wide + indent - used : 1, ' ');
    const std::string place =
        line.bit_size != 0 ? fmt::format("{:5}:{:2} {:2}", line.offset, line.bit_offset, line.size)
                           : fmt::format("{:5} {:5}", line.offset, line.size);
    return host_.out(fmt::format("{}{}{}/* {} */\n", margin, text, padding, place));
  }

  bool sum(const LayoutSum& sum, std::string_view origin) {
    std::string text = fmt::format("\n        /* size: {}, members: {}", sum.size, sum.members);
    if (sum.holes != 0)
      text += fmt::format(", {} ({})", counted(sum.holes, "hole"), counted(sum.hole_bytes, "byte"));
    if (sum.bit_holes != 0)
      text += fmt::format(", {} of bits ({})", counted(sum.bit_holes, "hole"),
                          counted(sum.hole_bits, "bit"));
    if (sum.padding != 0) text += fmt::format(", padding: {}", sum.padding);
    if (sum.padding_bits != 0) text += fmt::format(", bit padding: {}", sum.padding_bits);
    return host_.out(fmt::format("{} */\n        /* from {} */\n}};\n", text, visible(origin)));
  }

 private:
  Host& host_;
};

/// What a type that has no members is: an enumeration's values, a typedef's target.
Result<void> print_other(TypeRef ref, std::string_view written, Host& host) {
  PANICROOM_TRY(type, ref.graph->type(ref.id));
  PANICROOM_TRY(bare, plain(ref));
  if (bare.type.kind == TypeKind::enumeration) {
    host.out(visible(declaration(bare.ref, "").value_or("enum")) + " {\n");
    PANICROOM_CHECK(bare.ref.graph->enumerators(bare.ref.id, [&](const TypeEnumerator& one) {
      return host.out(fmt::format("        {} = {},\n", visible(one.name), one.value));
    }));
    host.out(fmt::format("}};  /* size: {} */\n", bare.type.size));
    return {};
  }
  if (type.kind == TypeKind::typedef_) {
    PANICROOM_TRY(text, declaration({ref.graph, type.target}, type.name));
    host.out(fmt::format("typedef {};", visible(text)));
  } else {
    PANICROOM_TRY(text, declaration(ref, ""));
    host.out(visible(text.empty() ? std::string(written) : text) + ";");
  }
  if (const auto size = size_of(ref)) host.out(fmt::format("  /* size: {} */", *size));
  host.out("\n");
  return {};
}

Result<void> print_text(TypeRef ref, std::string_view written, Host& host) {
  PANICROOM_TRY(bare, plain(ref));
  if (bare.type.kind != TypeKind::structure && bare.type.kind != TypeKind::union_)
    return print_other(ref, written, host);
  PANICROOM_TRY(head, declaration(bare.ref, ""));
  host.out(visible(head.substr(0, head.find(" {...}"))) + " {\n");
  LayoutText text(host);
  PANICROOM_TRY(sum, lay_out(bare.ref, [&](const LayoutLine& line) { return text.line(line); }));
  text.sum(sum, ref.graph->origin());
  return {};
}

}  // namespace

int run_type(const Request& request, Session& session, Host& host) {
  const std::string& written = request.operands.front();
  const auto refused = [&](const Error& error) {
    return refuse(request, session, host, "layout", columns_of_layout, error);
  };
  const auto types = session.types();
  if (!types) return refused(types.error());
  const auto ref = (*types)->find(written);
  if (!ref) return refused(ref.error());
  if (request.form == OutputForm::text) {
    const auto printed = print_text(*ref, written, host);
    if (!printed) return refused(printed.error());
    report_notes(host, session.notes());
    return 0;
  }
  const auto writer = writer_for(request, host);
  writer->begin("layout", columns_of_layout);
  const auto sum = lay_out(*ref, [&](const LayoutLine& line) {
    return line.what == What::closing || writer->row(row_of(line));
  });
  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  if (!sum) notes.add(sum.error());
  writer->end(notes.take());
  if (sum) return 0;
  report_error(host, request.dump, sum.error());
  return 1;
}

}  // namespace panicroom
