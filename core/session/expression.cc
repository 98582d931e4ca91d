#include "core/session/expression.h"

#include <fmt/format.h>

#include "core/base/printable.h"

namespace panicroom {

namespace {

bool is_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
         c == '$';
}

class Evaluation {
 public:
  Evaluation(Session& session, AddressSpace& memory, std::string_view whole, CpuNumber cpu)
      : session_(session), memory_(memory), whole_(whole), rest_(whole), cpu_(cpu) {}

  Result<Place> run(std::string_view type) {
    unsigned stars = 0;
    for (; rest_.starts_with('*') || rest_.starts_with(' '); rest_.remove_prefix(1))
      stars += rest_.front() == '*' ? 1U : 0U;
    PANICROOM_TRY(start, operand(type));
    place_ = start;
    while (!rest_.empty()) PANICROOM_CHECK(step());
    for (; stars != 0; --stars) PANICROOM_CHECK(follow());
    return place_;
  }

 private:
  /// The address at the front: up to the first `.`, `->` or `[`, but symbols may have dots of their
  /// own ("__func__.3").
  Result<Place> operand(std::string_view type) {
    std::size_t end = 0;
    while (end < rest_.size() && rest_[end] != '[' && rest_[end] != '.' &&
           !rest_.substr(end).starts_with("->"))
      ++end;
    while (end + 1 < rest_.size() && rest_[end] == '.' && rest_[end + 1] >= '0' &&
           rest_[end + 1] <= '9')
      for (++end; end < rest_.size() && is_name(rest_[end]);) ++end;
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    PANICROOM_TRY(named, session_.look_up(name, cpu_));
    PANICROOM_TRY(types, session_.types());
    if (!type.empty()) {
      PANICROOM_TRY(ref, types->find(type));
      return Place{ref, named.address, 0, 0, 0};
    }
    auto ref = types->variable(named.symbol.empty() ? name : std::string_view(named.symbol));
    if (ref) return Place{*ref, named.address, 0, 0, 0};
    if (ref.error().code != ErrorCode::no_type) return Failure(ref.error());
    return fail(ErrorCode::no_type,
                fmt::format("{} does not say what {} is: name its type before it, as in "
                            "'struct task_struct' init_task",
                            types->origin(), printable(name)));
  }

  Result<void> step() {
    if (rest_.starts_with('[')) return index();
    const bool arrow = rest_.starts_with("->");
    if (!arrow && !rest_.starts_with('.')) return invalid();
    rest_.remove_prefix(arrow ? 2 : 1);
    std::size_t end = 0;
    while (end < rest_.size() && is_name(rest_[end])) ++end;
    const std::string_view name = rest_.substr(0, end);
    rest_.remove_prefix(end);
    if (name.empty()) return invalid();
    PANICROOM_TRY(type, plain(place_.type));
    if (type.type.kind == TypeKind::pointer) PANICROOM_CHECK(follow());
    PANICROOM_TRY(member, member_of(place_.type, name));
    place_ = place_of(place_.address, member);
    return {};
  }

  Result<void> index() {
    const std::size_t close = rest_.find(']');
    if (close == std::string_view::npos) return invalid();
    const auto number = parse_number(rest_.substr(1, close - 1));
    if (!number) return invalid();
    rest_.remove_prefix(close + 1);
    PANICROOM_TRY(type, plain(place_.type));
    if (type.type.kind == TypeKind::pointer) {
      PANICROOM_CHECK(follow());
    } else if (type.type.kind == TypeKind::array) {
      place_.type = {type.ref.graph, type.type.target};
    } else {
      return fail(ErrorCode::no_type,
                  fmt::format("[{}] is asked of what is neither array nor pointer", *number));
    }
    PANICROOM_TRY(size, size_of(place_.type));
    place_.address += size * *number;
    return {};
  }

  /// From a pointer to what it points to.
  Result<void> follow() {
    PANICROOM_TRY(type, plain(place_.type));
    if (type.type.kind != TypeKind::pointer)
      return fail(ErrorCode::no_type, "what is no pointer points to nothing");
    PANICROOM_TRY(value, number_at(memory_, place_));
    place_ = Place{{type.ref.graph, type.type.target}, value, 0, 0, 0};
    return {};
  }

  Failure invalid() const {
    return fail(
        ErrorCode::invalid,
        fmt::format("\"{}\" is not understood from \"{}\" on: expected .member, ->member or "
                    "[number]",
                    printable(whole_), printable(rest_)));
  }

  Session& session_;
  AddressSpace& memory_;
  std::string_view whole_, rest_;
  CpuNumber cpu_;
  Place place_;
};

}  // namespace

Result<Place> evaluate(Session& session, AddressSpace& memory, std::string_view type,
                       std::string_view expression, CpuNumber cpu) {
  return Evaluation(session, memory, expression, cpu).run(type);
}

}  // namespace panicroom
