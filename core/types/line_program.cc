#include "core/types/line_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/types/dwarf_cursor.h"
#include "core/types/dwarf_form.h"

namespace panicroom {

namespace {

constexpr std::uint64_t kNameLimit = 4096;
constexpr std::size_t kFilesLimit = std::size_t{1} << 16;
constexpr std::size_t kRowsLimit = std::size_t{1} << 22;

enum class Content : std::uint16_t { path = 1, directory_index = 2 };
using Form = DwarfForm;

enum class Opcode : std::uint8_t {
  extended = 0,
  copy = 1,
  advance_pc = 2,
  advance_line = 3,
  set_file = 4,
  set_column = 5,
  negate_stmt = 6,
  set_basic_block = 7,
  const_add_pc = 8,
  fixed_advance_pc = 9,
  set_prologue_end = 10,
  set_epilogue_begin = 11,
  set_isa = 12
};
enum class Extended : std::uint8_t { end_sequence = 1, set_address = 2, define_file = 3 };

class LineReader {
 public:
  LineReader(LazyBytes& lines, DwarfSections& dwarf, std::uint64_t place, unsigned address_size)
      : lines_(lines),
        dwarf_(dwarf),
        order_(dwarf.order),
        place_(place),
        address_size_(address_size) {}

  Result<LineTable> run() {
    DwarfCursor head(lines_, order_, place_, lines_.size());
    const std::uint64_t length = head.initial_length(offset_size_);
    if (head.failed()) return Failure(head.error());
    if (!contains(lines_.size(), head.at(), length))
      return Failure(corrupt_dwarf(place_, "a unit's lines leave .debug_line"));
    DwarfCursor cursor(lines_, order_, head.at(), head.at() + length);
    PANICROOM_CHECK(header(cursor));
    DwarfCursor program(lines_, order_, program_, cursor.end());
    PANICROOM_CHECK(execute(program));
    sort_sequences();
    return std::move(table_);
  }

 private:
  Result<void> header(DwarfCursor& cursor) {
    table_.version = static_cast<unsigned>(cursor.number(2));
    if (cursor.failed()) return Failure(cursor.error());
    if (table_.version < 2 || table_.version > 5)
      return fail(ErrorCode::unsupported,
                  fmt::format("DWARF at {:#x}: lines of version {}", place_, table_.version));
    if (table_.version == 5) {
      address_size_ = static_cast<unsigned>(cursor.number(1));
      cursor.skip(1);  // the size of segment selectors
      if (address_size_ == 0 || address_size_ > 8)
        return Failure(corrupt_dwarf(place_, "lines with addresses of no size"));
    }
    const std::uint64_t length = cursor.number(offset_size_);
    if (!cursor.failed() && !contains(cursor.end(), cursor.at(), length))
      return Failure(corrupt_dwarf(place_, "the header of a unit's lines leaves them"));
    program_ = cursor.at() + length;
    shortest_ = cursor.number(1);
    if (table_.version >= 4) operations_ = std::max<std::uint64_t>(1, cursor.number(1));
    cursor.skip(1);  // whether rows begin statements at first
    line_base_ = static_cast<std::int64_t>(sign_extend(cursor.number(1), 8));
    line_range_ = cursor.number(1);
    opcode_base_ = cursor.number(1);
    for (std::size_t i = 1; i < opcode_base_; ++i) lengths_[i] = cursor.number(1);
    if (cursor.failed()) return Failure(cursor.error());
    DwarfCursor names(lines_, order_, cursor.at(), program_);
    return table_.version == 5 ? names_5(names) : names_2(names);
  }

  std::string_view text(DwarfCursor& cursor) {
    const auto found =
        cursor.failed() ? std::nullopt : lines_.text(cursor.at(), cursor.end(), kNameLimit);
    cursor.skip(found ? found->size() + 1 : cursor.end() - cursor.at() + 1);
    return found.value_or(std::string_view{});
  }

  static std::string_view text_in(LazyBytes& strings, std::uint64_t offset) {
    const auto found =
        offset < strings.size() ? strings.text(offset, strings.size(), kNameLimit) : std::nullopt;
    return found.value_or("?");
  }

  Result<void> names_2(DwarfCursor& cursor) {
    table_.directories.emplace_back();  // 0: where the unit was compiled
    for (;;) {
      const std::string_view name = text(cursor);
      if (cursor.failed()) return Failure(cursor.error());
      if (name.empty()) break;
      if (table_.directories.size() == kFilesLimit) return Failure(too_many());
      table_.directories.push_back(name);
    }
    table_.files.emplace_back();  // they count from 1
    for (;;) {
      const std::string_view name = text(cursor);
      if (cursor.failed()) return Failure(cursor.error());
      if (name.empty()) return {};
      PANICROOM_CHECK(add_file(name, cursor));
    }
  }

  Result<void> add_file(std::string_view name, DwarfCursor& cursor) {
    if (table_.files.size() == kFilesLimit) return Failure(too_many());
    table_.files.push_back({name, cursor.uleb()});
    static_cast<void>(cursor.uleb());  // when it was changed
    static_cast<void>(cursor.uleb());  // its length
    return {};
  }

  Error too_many() const {
    return corrupt_dwarf(place_, fmt::format("a unit with over {} files", kFilesLimit));
  }

  Result<void> names_5(DwarfCursor& cursor) {
    PANICROOM_CHECK(entries(cursor, [this](std::string_view name, std::uint64_t) {
      table_.directories.push_back(name);
    }));
    return entries(cursor, [this](std::string_view name, std::uint64_t directory) {
      table_.files.push_back({name, directory});
    });
  }

  template <class Add>
  Result<void> entries(DwarfCursor& cursor, Add add) {
    const std::uint64_t columns = cursor.number(1);
    std::vector<std::pair<Content, Form>> format;
    for (std::uint64_t i = 0; i < columns; ++i) {
      const auto content = static_cast<Content>(cursor.uleb() & 0xffff);
      format.emplace_back(content, static_cast<Form>(cursor.uleb() & 0xffff));
    }
    const std::uint64_t count = cursor.uleb();
    if (cursor.failed()) return Failure(cursor.error());
    if (count > kFilesLimit) return Failure(too_many());
    for (std::uint64_t i = 0; i < count; ++i) {
      std::string_view name;
      std::uint64_t directory = 0;
      for (const auto& [content, form] : format) {
        const std::uint64_t at = cursor.at();
        bool known = true;
        if (content == Content::path && is_text(form)) {
          name = path_of(cursor, form);
        } else if (content == Content::directory_index && !is_dwarf_block(form)) {
          const auto index = dwarf_number(cursor, form, widths());
          directory = index.value_or(0);
          known = index.has_value();
        } else {
          known = content != Content::path && skip_dwarf_value(cursor, form, widths());
        }
        if (!known)
          return fail(ErrorCode::unsupported,
                      fmt::format("DWARF at {:#x}: the form {:#x} of a file's name is not known",
                                  at, static_cast<unsigned>(form)));
        if (cursor.failed()) return Failure(cursor.error());
      }
      add(name, directory);
    }
    return {};
  }

  static bool is_text(Form form) {
    return form == Form::string || form == Form::strp || form == Form::line_strp ||
           form == Form::strp_sup;
  }

  /// A name is read where the sections are known that it may stand in.
  std::string_view path_of(DwarfCursor& cursor, Form form) {
    if (form == Form::string) return text(cursor);
    const std::uint64_t place = dwarf_number(cursor, form, widths()).value_or(0);
    if (form == Form::line_strp) return text_in(dwarf_.line_strings, place);
    if (form == Form::strp) return text_in(dwarf_.strings, place);
    return "?";
  }

  DwarfWidths widths() const { return {offset_size_, address_size_, offset_size_}; }

  void advance(std::uint64_t operations) {
    if (operations_ == 1) {
      address_ += shortest_ * operations;
      return;
    }
    const std::uint64_t sum = operation_ + operations;
    address_ += shortest_ * (sum / operations_);
    operation_ = sum % operations_;
  }

  void emit(bool ends) {
    table_.rows.push_back({address_,
                           static_cast<std::uint32_t>(std::min<std::uint64_t>(file_, 0xffffffff)),
                           static_cast<std::uint32_t>(line_ & 0xffffffff), ends});
  }

  void begin_sequence() {
    address_ = operation_ = 0;
    file_ = line_ = 1;
  }

  Result<void> execute(DwarfCursor& cursor) {
    begin_sequence();
    while (!cursor.at_end()) {
      const std::uint64_t opcode = cursor.number(1);
      if (opcode >= opcode_base_)
        special(opcode - opcode_base_);
      else
        PANICROOM_CHECK(standard(static_cast<Opcode>(opcode), cursor));
      if (cursor.failed()) return Failure(cursor.error());
      if (line_range_ == 0) return Failure(corrupt_dwarf(place_, "lines that advance by nothing"));
      if (table_.rows.size() > kRowsLimit)
        return Failure(corrupt_dwarf(place_, fmt::format("a unit with over {} rows", kRowsLimit)));
    }
    // What has no end describes nothing (6.2.5.3).
    while (!table_.rows.empty() && !table_.rows.back().ends) table_.rows.pop_back();
    return {};
  }

  void special(std::uint64_t adjusted) {
    if (line_range_ == 0) return;
    advance(adjusted / line_range_);
    line_ += static_cast<std::uint64_t>(line_base_) + adjusted % line_range_;
    emit(false);
  }

  Result<void> standard(Opcode opcode, DwarfCursor& cursor) {
    switch (opcode) {
      case Opcode::extended:
        return extended(cursor);
      case Opcode::copy:
        emit(false);
        return {};
      case Opcode::advance_pc:
        advance(cursor.uleb());
        return {};
      case Opcode::advance_line:
        line_ += static_cast<std::uint64_t>(cursor.sleb());
        return {};
      case Opcode::set_file:
        file_ = cursor.uleb();
        return {};
      case Opcode::set_column:
      case Opcode::set_isa:
        static_cast<void>(cursor.uleb());
        return {};
      case Opcode::negate_stmt:
      case Opcode::set_basic_block:
      case Opcode::set_prologue_end:
      case Opcode::set_epilogue_begin:
        return {};
      case Opcode::const_add_pc:
        if (line_range_ != 0) advance((255 - opcode_base_) / line_range_);
        return {};
      case Opcode::fixed_advance_pc:
        address_ += cursor.number(2);
        operation_ = 0;
        return {};
      default:
        // The header says how many operands it has.
        for (std::uint64_t i = 0; i < lengths_[static_cast<std::size_t>(opcode)]; ++i)
          static_cast<void>(cursor.uleb());
        return {};
    }
  }

  Result<void> extended(DwarfCursor& cursor) {
    const std::uint64_t length = cursor.uleb(), begin = cursor.at();
    if (cursor.failed()) return Failure(cursor.error());
    if (length == 0) return {};
    if (!contains(cursor.end(), begin, length))
      return Failure(corrupt_dwarf(begin, "an operation of lines leaves them"));
    switch (static_cast<Extended>(cursor.number(1))) {
      case Extended::end_sequence:
        emit(true);
        begin_sequence();
        break;
      case Extended::set_address:
        if (length - 1 == 0 || length - 1 > 8)
          return Failure(corrupt_dwarf(begin, "an address of no size"));
        address_ = cursor.number(static_cast<unsigned>(length - 1));
        operation_ = 0;
        break;
      case Extended::define_file: {
        const std::string_view name = text(cursor);
        PANICROOM_CHECK(add_file(name, cursor));
        break;
      }
      default:
        break;
    }
    if (cursor.failed()) return Failure(cursor.error());
    if (cursor.at() > begin + length)
      return Failure(corrupt_dwarf(begin, "an operation of lines is longer than it says"));
    cursor.skip(begin + length - cursor.at());
    return {};
  }

  /// Brings the sequences into the order of their addresses; rows that fall within one are left
  /// out, as is code at address 0, which linkers make of what they threw away.
  void sort_sequences() {
    using Rows = std::vector<LineTable::Row>;
    const Rows all = std::exchange(table_.rows, {});
    std::vector<std::pair<std::size_t, std::size_t>> sequences;
    for (std::size_t begin = 0, i = 0; i < all.size(); ++i) {
      if (!all[i].ends) continue;
      if (all[begin].address != 0 && all[begin].address < all[i].address)
        sequences.emplace_back(begin, i + 1);
      begin = i + 1;
    }
    std::sort(sequences.begin(), sequences.end(), [&](const auto& a, const auto& b) {
      return std::pair(all[a.first].address, a.first) < std::pair(all[b.first].address, b.first);
    });
    std::uint64_t reached = 0;
    for (const auto& [begin, end] : sequences) {
      if (all[begin].address < reached) continue;  // two sequences for the same code
      for (std::size_t i = begin; i < end; ++i) {
        if (all[i].address < reached) continue;
        reached = all[i].address;
        table_.rows.push_back(all[i]);
      }
      if (!table_.rows.empty() && !table_.rows.back().ends) {
        table_.rows.push_back({reached, 0, 0, true});
      }
    }
  }

  LazyBytes& lines_;
  DwarfSections& dwarf_;
  std::endian order_;
  std::uint64_t place_, program_ = 0;
  unsigned address_size_, offset_size_ = 4;
  LineTable table_;
  std::uint64_t shortest_ = 1, operations_ = 1, line_range_ = 1, opcode_base_ = 1;
  std::int64_t line_base_ = 0;
  std::array<std::uint64_t, 256> lengths_{};
  std::uint64_t address_ = 0, operation_ = 0, file_ = 1, line_ = 1;
};

bool is_absolute(std::string_view path) { return path.starts_with('/'); }

std::string joined(std::string_view directory, std::string_view name) {
  if (directory.empty() || is_absolute(name)) return std::string(name);
  return fmt::format("{}{}{}", directory, directory.ends_with('/') ? "" : "/", name);
}

}  // namespace

const LineTable::Row* LineTable::at(std::uint64_t address) const {
  const auto after =
      std::upper_bound(rows.begin(), rows.end(), address,
                       [](std::uint64_t place, const Row& row) { return place < row.address; });
  if (after == rows.begin() || after == rows.end() || std::prev(after)->ends) return nullptr;
  return &*std::prev(after);
}

std::string LineTable::path(std::uint64_t file, std::string_view compiled_in) const {
  if (file >= files.size() || files[static_cast<std::size_t>(file)].name.empty()) return {};
  const File& found = files[static_cast<std::size_t>(file)];
  const std::string_view directory = found.directory < directories.size()
                                         ? directories[static_cast<std::size_t>(found.directory)]
                                         : std::string_view{};
  // The first folder is where the unit was compiled, in DWARF 5 by its name.
  const bool is_first = directory.empty() || (found.directory == 0 && directory == compiled_in);
  return joined(is_first ? std::string(compiled_in) : joined(compiled_in, directory), found.name);
}

Result<LineTable> run_line_program(LazyBytes& lines, DwarfSections& dwarf, std::uint64_t place,
                                   unsigned address_size) {
  return LineReader(lines, dwarf, place, address_size).run();
}

}  // namespace panicroom
