#include <fmt/format.h>

#include <array>

#include "core/base/arithmetic.h"
#include "core/report/escape.h"
#include "native/cli/chosen_memory.h"
#include "native/cli/run_request.h"

namespace panicroom {
namespace {

// As text: the address, two blanks, three columns a byte, and the bytes as characters.
constexpr std::size_t bytes_a_line = 16, columns_of_16_bytes = 18 + 2 + 47 + 2 + 18;
// Pages are what a dump leaves out; no kernel has smaller ones.
constexpr std::uint64_t smallest_page = 4096;
// Looking for so many bytes takes seconds; what else is asked for is then not looked at.
constexpr std::uint64_t most_missing = std::uint64_t{4} << 30;

/// Reads from the address space that the request names; remembers why bytes were missing.
class MemoryView {
 public:
  static Result<MemoryView> open(const Request& request, Session& session) {
    if (request.physical) return MemoryView(&session.physical(), nullptr);
    PANICROOM_TRY(space, chosen_memory(request, session));
    return MemoryView(nullptr, std::move(space));
  }
  /// How many leading bytes could be read; `missing` says why not all.
  std::size_t read(std::uint64_t address, MutableBytes out, Error& missing) {
    return physical_ ? physical_->read_some(address, out, &missing)
                     : space_->read_some(address, out, &missing);
  }
  /// Memory is there or missing in pieces of so many bytes, but for the page in which a file ends.
  std::uint64_t unit() const {
    const PhysicalReader& physical = physical_ ? *physical_ : space_->physical();
    return std::min<std::uint64_t>(physical.memory().page_size(), smallest_page);
  }

 private:
  MemoryView(PhysicalReader* physical, std::shared_ptr<AddressSpace> space)
      : physical_(physical), space_(std::move(space)) {}
  PhysicalReader* physical_;
  std::shared_ptr<AddressSpace> space_;
};

/// What `read` shows: a line of bytes, or a stretch that cannot be read.
struct Stretch {
  std::uint64_t address = 0;
  std::uint64_t length = 0;
  std::vector<std::byte> bytes;  ///< empty when missing
  std::optional<Error> missing;
};

bool same_reason(const Error& a, const Error& b) {
  return a.code == b.code && a.absence == b.absence;
}

Error not_looked_at(std::uint64_t address) {
  return Error{
      ErrorCode::invalid, Absence::none,
      fmt::format("not looked at: {} GiB before these bytes cannot be read", most_missing >> 30),
      address, std::nullopt};
}

/// Walks [address, address + length) page by page and gives its lines; neighbouring stretches that
/// are missing for the same reason are joined.
template <class Emit>
void walk_memory(MemoryView& memory, std::uint64_t address, std::uint64_t length,
                 std::size_t line_bytes, const Emit& emit) {
  std::optional<Stretch> gap;
  const auto flush = [&] {
    const bool go_on = !gap || emit(*gap);
    gap.reset();
    return go_on;
  };
  std::array<std::byte, smallest_page> page{};
  const std::uint64_t unit = memory.unit();
  std::uint64_t bytes_missing = 0;
  while (length != 0) {
    if (bytes_missing >= most_missing) {
      if (!flush()) return;
      gap = Stretch{address, length, {}, not_looked_at(address)};
      break;
    }
    const std::uint64_t wanted = std::min(length, smallest_page - (address & (smallest_page - 1)));
    Error missing;
    const std::size_t got =
        memory.read(address, MutableBytes(page).first(static_cast<std::size_t>(wanted)), missing);
    if (got != 0 && !flush()) return;
    for (std::size_t at = 0; at < got; at += line_bytes) {
      const auto line = Bytes(page).subspan(at, std::min(line_bytes, got - at));
      if (!emit(Stretch{address + at, line.size(), {line.begin(), line.end()}, std::nullopt}))
        return;
    }
    address += got;
    length -= got;
    if (got == wanted) continue;
    const std::uint64_t lost = std::min(wanted - got, unit - (address & (unit - 1)));
    bytes_missing += lost;
    if (gap && same_reason(*gap->missing, missing)) {
      gap->length += lost;
    } else {
      if (!flush()) return;
      gap = Stretch{address, lost, {}, std::move(missing)};
    }
    address += lost;
    length -= lost;
  }
  flush();
}

std::string hexadecimal(std::span<const std::byte> bytes, std::string_view between) {
  std::string out;
  for (const std::byte byte : bytes)
    out += fmt::format("{}{:02x}", out.empty() ? "" : between, static_cast<unsigned>(byte));
  return out;
}

std::string printed(std::span<const std::byte> bytes) {
  std::string out;
  for (const std::byte byte : bytes) {
    const auto c = static_cast<unsigned char>(byte);
    out += c >= 0x20 && c < 0x7f ? static_cast<char>(c) : '.';
  }
  return out;
}

std::string text_line(const Stretch& stretch, std::size_t line_bytes) {
  if (stretch.missing)
    return fmt::format("{:#018x}  {} bytes: {}\n", stretch.address, stretch.length,
                       visible(stretch.missing->message()));
  return fmt::format("{:#018x}  {:<{}}  |{}|\n", stretch.address, hexadecimal(stretch.bytes, " "),
                     3 * line_bytes - 1, printed(stretch.bytes));
}

constexpr std::array<Column, 5> columns_of_memory = {{
    {"address", ColumnType::address, "First byte of the line."},
    {"length", ColumnType::integer, "Bytes in the line."},
    {"bytes", ColumnType::text, "The bytes in hexadecimal; null when they cannot be read."},
    {"text", ColumnType::text, "Printable ASCII characters, others as a full stop."},
    {"missing", ColumnType::text, "Why the bytes cannot be read."},
}};

int read_raw(MemoryView& memory, std::uint64_t address, std::uint64_t length,
             const Request& request, Host& host) {
  if (host.out_columns() != 0) {
    host.err(
        "panicroom: --raw writes the memory's own bytes, which a terminal would obey: send them to "
        "a file or a pipe\n");
    return 2;
  }
  int status = 0;
  walk_memory(memory, address, length, bytes_a_line, [&](const Stretch& stretch) {
    if (stretch.missing) {
      report_error(host, request.dump, *stretch.missing);
      status = 1;
      return false;
    }
    return host.out({reinterpret_cast<const char*>(stretch.bytes.data()), stretch.bytes.size()});
  });
  return status;
}

}  // namespace

int run_read(const Request& request, Session& session, Host& host) {
  const auto refused = [&](const Error& error) {
    return refuse(request, session, host, "memory", columns_of_memory, error);
  };
  const auto address = session.resolve(request.operands[0], cpu_of(request));
  if (!address) return refused(address.error());
  const auto length = parse_number(request.operands[1]);
  if (!length) {
    host.err(fmt::format("panicroom: LENGTH must be a number of bytes, not \"{}\"\n",
                         visible(request.operands[1])));
    return 2;
  }
  if (*length == 0 || !checked_add(*address, *length - 1)) {
    host.err(*length == 0 ? std::string("panicroom: LENGTH is the number of bytes, at least 1\n")
                          : fmt::format("panicroom: {} bytes from {:#x} on pass the last address\n",
                                        *length, *address));
    return 2;
  }
  auto memory = MemoryView::open(request, session);
  if (!memory) return refused(memory.error());
  if (request.raw) return read_raw(*memory, *address, *length, request, host);

  Notes notes;
  for (const Note& note : session.notes()) notes.add(note);
  const auto writer = writer_for(request, host);
  if (request.form != OutputForm::text) writer->begin("memory", columns_of_memory);
  const bool narrow = request.form == OutputForm::text && host.out_columns() != 0 &&
                      host.out_columns() < columns_of_16_bytes;
  const std::size_t line_bytes = narrow ? bytes_a_line / 2 : bytes_a_line;
  bool all_read = true;
  bool taken = true;
  walk_memory(*memory, *address, *length, line_bytes, [&](const Stretch& stretch) {
    if (stretch.missing) {
      all_read = false;
      notes.add(*stretch.missing);
    }
    if (request.form == OutputForm::text) return taken = host.out(text_line(stretch, line_bytes));
    const Value null = std::monostate{};
    const std::array<Value, 5> row = {
        Address{stretch.address}, stretch.length,
        stretch.missing ? null : Value(hexadecimal(stretch.bytes, "")),
        stretch.missing ? null : Value(printed(stretch.bytes)),
        stretch.missing ? Value(stretch.missing->text) : null};
    return taken = writer->row(row);
  });
  if (request.form != OutputForm::text) writer->end(notes.take());
  if (request.form != OutputForm::json) report_notes(host, session.notes());
  if (!all_read && request.form != OutputForm::json)
    host.err(fmt::format("panicroom: {}: not all of these bytes can be read; the lines say why\n",
                         visible(request.dump)));
  return all_read && taken ? 0 : 1;
}

}  // namespace panicroom
