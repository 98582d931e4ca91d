#include <fmt/format.h>

#include <memory>
#include <utility>

#include "core/base/arithmetic.h"
#include "core/stack/cfi_expression.h"
#include "core/stack/return_address.h"
#include "core/stack/unwind.h"

namespace panicroom {

namespace {

constexpr std::size_t kFramesLimit = 512;
// An interrupt, a double fault and an NMI each may run on a stack of its own.
constexpr unsigned kSwitchesLimit = 8;
constexpr std::size_t kRemarksLimit = 8;

using Kind = CfiRule::Kind;

/// Where an unwinding stands: in one frame.
struct State {
  std::uint64_t pc = 0;
  bool exact = true, first = true;
  CfiRegisters registers;
};

class CfiUnwinder {
 public:
  CfiUnwinder(AddressSpace& kernel, const CfiOf& rules, const CfiConvention& convention,
              const std::function<bool(std::uint64_t)>& is_text, const InterruptedAt& interrupted)
      : kernel_(kernel),
        rules_(rules),
        convention_(convention),
        is_text_(is_text),
        interrupted_(interrupted),
        word_(kernel.machine().pointer_size) {}

  Unwound run(const Registers& registers) {
    State state;
    state.pc = *registers.pc;
    state.registers = cfi_registers(registers, architecture());
    keep(state);
    for (;;) {
      auto next = step(state);
      if (!next) {
        unwound_.stopped = std::move(next).error();
        break;
      }
      if (!*next) break;
      if (unwound_.frames.size() == kFramesLimit) {
        unwound_.stopped =
            Error{ErrorCode::corrupt, Absence::none, "the stack has more frames than any kernel's",
                  state.pc, std::nullopt};
        break;
      }
      state = **std::move(next);
      keep(state);
    }
    return std::move(unwound_);
  }

 private:
  using Next = Result<std::optional<State>>;  // nothing: `state` was the outermost frame

  Architecture architecture() const { return kernel_.machine().architecture; }
  std::optional<std::uint64_t> sp(const State& state) const {
    return state.registers[convention_.sp];
  }
  std::optional<std::uint64_t> fp(const State& state) const {
    return state.registers[convention_.fp];
  }
  void keep(State& state) {
    if (!convention_.has_link_register) state.registers[convention_.pc] = state.pc;
    unwound_.frames.push_back({state.pc, sp(state), state.exact, {}, interrupted_at_});
    interrupted_at_.reset();
  }

  static Failure bad(const State& state, std::string what) {
    return fail_at_address(ErrorCode::corrupt, state.pc, std::move(what));
  }

  void remark(const Error& why, std::uint64_t pc) {
    if (unwound_.remarks.size() < kRemarksLimit)
      unwound_.remarks.push_back(
          Note{why.code, why.text + ": this frame's caller was found by its frame pointer", pc});
  }

  Next step(const State& state) {
    const std::uint64_t lookup = unwound_.frames.back().lookup_address();
    auto found = rules_(lookup);
    const bool described = found && *found;
    if (!state.first && interrupted_) {
      Registers known;
      known.pc = state.pc;
      known.sp = sp(state);
      known.fp = fp(state);
      if (const auto trap = interrupted_(known, lookup, described)) return after_trap(state, *trap);
    }
    std::optional<Error> why;
    if (described) {
      any_described_ = true;
      auto next = by_rules(state, **found);
      if (next) return next;
      why = std::move(next).error();
    } else if (!found) {
      why = std::move(found).error();
    } else if (any_described_) {
      why = Error{ErrorCode::no_symbol, Absence::none, "no call-frame information covers this code",
                  state.pc, std::nullopt};
    }
    if (state.first && !is_text_(state.pc))
      if (const auto caller = after_wrong_jump(state)) return caller;
    auto next = by_frame_pointer(state);
    if (why && next && *next) remark(*why, state.pc);
    if (why && !next && why->code != ErrorCode::no_symbol) return Failure(*why);
    return next;
  }

  Next after_trap(const State& state, const Interrupted& trap) {
    if (trap.ends || !trap.registers.pc) return std::optional<State>{};
    State next;
    next.first = false;
    next.pc = *trap.registers.pc;
    next.registers = cfi_registers(trap.registers, architecture());
    PANICROOM_CHECK(advances(state, next, true));
    interrupted_at_ = std::make_shared<const Registers>(trap.registers);
    return std::optional<State>(next);
  }

  /// A jump to a wrong address leaves the return address of its call where that call put it.
  std::optional<State> after_wrong_jump(const State& state) {
    State next = state;
    next.first = next.exact = false;
    if (convention_.has_link_register) {
      const auto link = state.registers[convention_.pc];
      if (!link) return std::nullopt;
      next.pc = plain(*link);
    } else {
      const auto at = sp(state);
      const auto saved =
          at ? kernel_.word(*at) : Result<std::uint64_t>(fail(ErrorCode::corrupt, ""));
      if (!saved) return std::nullopt;
      next.pc = *saved;
      next.registers[convention_.sp] = *at + word_;
    }
    if (!is_text_(next.pc)) return std::nullopt;
    return next;
  }

  std::uint64_t plain(std::uint64_t address) const {
    return without_signature(address, architecture(), is_text_);
  }

  std::uint64_t truncated(std::uint64_t value) const {
    return word_ == 4 ? value & 0xffffffff : value;
  }

  Next by_rules(const State& state, const CfiFound& found) {
    const CfiRow& row = found.row;
    const CfiExpressionContext context{kernel_, state.registers, row.address_size, found.slide};
    PANICROOM_TRY(cfa, frame_address(state, row, context));
    State next;
    next.first = false;
    next.exact = row.signal_frame;
    next.registers[convention_.sp] = cfa;
    for (std::size_t i = 0; i < kCfiRegisters; ++i) {
      const CfiRule& rule = row.registers[i];
      if (rule.kind == Kind::unspecified) {
        if ((convention_.kept >> i & 1) != 0) next.registers[i] = state.registers[i];
        continue;
      }
      PANICROOM_TRY(value, restored(state, rule, i, cfa, context));
      next.registers[i] = value;
    }
    if (row.return_column >= kCfiRegisters)
      return bad(state, "call-frame information names no register for the return address");
    const auto column = static_cast<std::size_t>(row.return_column);
    const CfiRule& back = row.registers[column];
    if (back.kind == Kind::undefined) return std::optional<State>{};  // the outermost frame
    if (!next.registers[column])
      return bad(state, "call-frame information does not tell the return address");
    next.pc = plain(truncated(*next.registers[column]));
    // The column of the return address is no register of the caller's on x86.
    if (!convention_.has_link_register) next.registers[column] = std::nullopt;
    if (next.pc == 0) return std::optional<State>{};
    if (!is_text_(next.pc))
      return fail_at_address(ErrorCode::corrupt, next.pc, "a return address points to no code");
    const bool by_sp = row.cfa.kind == Kind::in_register && row.cfa.number == convention_.sp;
    PANICROOM_CHECK(advances(state, next, !by_sp));
    return std::optional<State>(next);
  }

  Result<std::uint64_t> frame_address(const State& state, const CfiRow& row,
                                      const CfiExpressionContext& context) {
    switch (row.cfa.kind) {
      case Kind::in_register: {
        const auto number = static_cast<std::size_t>(row.cfa.number);
        if (row.cfa.number >= kCfiRegisters || !state.registers[number])
          return fail_at_address(
              ErrorCode::not_in_dump, state.pc,
              fmt::format("register {} that this frame's address counts from is not known",
                          row.cfa.number));
        return truncated(*state.registers[number] + static_cast<std::uint64_t>(row.cfa.offset));
      }
      case Kind::value_expression:
        return evaluate_cfi_expression(context, row.cfa.expression, std::nullopt);
      default:
        return bad(state, "call-frame information gives this frame no address");
    }
  }

  /// The caller's value of a register; nothing where it is lost.
  Result<std::optional<std::uint64_t>> restored(const State& state, const CfiRule& rule,
                                                std::size_t number, std::uint64_t cfa,
                                                const CfiExpressionContext& context) {
    using Value = std::optional<std::uint64_t>;
    const std::uint64_t place = truncated(cfa + static_cast<std::uint64_t>(rule.offset));
    switch (rule.kind) {
      case Kind::same_value:
        return state.registers[number];
      case Kind::offset:
        return saved(place);
      case Kind::value_offset:
        return Value(place);
      case Kind::in_register:
        if (rule.number >= kCfiRegisters) return Value{};
        return state.registers[static_cast<std::size_t>(rule.number)];
      case Kind::expression: {
        PANICROOM_TRY(address, evaluate_cfi_expression(context, rule.expression, cfa));
        return saved(address);
      }
      case Kind::value_expression: {
        PANICROOM_TRY(value, evaluate_cfi_expression(context, rule.expression, cfa));
        return Value(value);
      }
      default:
        return Value{};
    }
  }

  Result<std::optional<std::uint64_t>> saved(std::uint64_t address) {
    auto value = kernel_.word(address);
    if (!value) return Failure(value.error().within("reading a saved register"));
    return std::optional<std::uint64_t>(*value);
  }

  // See unwind_frame_pointers: the same record, one step.
  Next by_frame_pointer(const State& state) {
    const auto frame = fp(state);
    if (!frame)
      return fail_at_address(ErrorCode::no_symbol, state.pc,
                             "the frame pointer that this frame needs is unknown");
    if (*frame == 0) return std::optional<State>{};
    // On entry from user mode the kernel saved the program's own frame pointer.
    const std::uint64_t user_end = word_ == 8 ? std::uint64_t{1} << 47 : 0xc0000000;
    const std::uint64_t kernel_start = word_ == 8 ? std::uint64_t{1} << 63 : 0xc0000000;
    if (last_place_ && *last_place_ >= kernel_start && *frame < user_end && *frame % word_ == 0)
      return std::optional<State>{};
    if (*frame % word_ != 0)
      return fail_at_address(ErrorCode::corrupt, *frame,
                             "a saved frame pointer points out of the stack");
    const auto caller = kernel_.word(*frame), back = kernel_.word(*frame + word_);
    if (!caller || !back)
      return Failure((!caller ? caller.error() : back.error()).within("a frame cannot be read"));
    if (*back == 0) return std::optional<State>{};
    State next;
    next.first = next.exact = false;
    next.pc = plain(*back);
    if (!is_text_(next.pc))
      return fail_at_address(ErrorCode::corrupt, next.pc, "a return address points to no code");
    next.registers[convention_.fp] = *caller;
    // On AArch64 a frame record may lie anywhere in its frame.
    if (!convention_.has_link_register)
      next.registers[convention_.sp] = *frame + std::uint64_t{2} * word_;
    const auto before = last_place_;
    if (before && *frame <= *before) PANICROOM_CHECK(falls(state));
    last_place_ = *frame;
    return std::optional<State>(next);
  }

  /// Within one stack every step rises; between stacks it need not, but that happens a few times
  /// only.
  Result<void> advances(const State& state, const State& next, bool may_switch) {
    const auto before = sp(state), after = sp(next);
    if (after) last_place_ = *after - 1;  // a frame pointer there is the caller's own
    if (!before || !after || *after > *before) return {};
    // A function that has not yet moved the stack pointer: the link register has its caller.
    if (convention_.has_link_register && state.exact && *after == *before && next.pc != state.pc &&
        !next.exact)
      return {};
    if (!may_switch)
      return fail_at_address(ErrorCode::corrupt, *before,
                             "the stack does not rise from this frame to its caller");
    return falls(state);
  }

  Result<void> falls(const State& state) {
    if (++switches_ > kSwitchesLimit)
      return fail_at_address(ErrorCode::corrupt, state.pc, "the frames of the stack do not rise");
    return {};
  }

  AddressSpace& kernel_;
  const CfiOf& rules_;
  const CfiConvention& convention_;
  const std::function<bool(std::uint64_t)>& is_text_;
  const InterruptedAt& interrupted_;
  unsigned word_;
  Unwound unwound_;
  bool any_described_ = false;
  std::shared_ptr<const Registers> interrupted_at_;  ///< of the frame that is kept next
  unsigned switches_ = 0;
  std::optional<std::uint64_t> last_place_;  ///< below which no frame lies, on the same stack
};

}  // namespace

Unwound unwind_cfi(AddressSpace& kernel, const CfiOf& rules, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text,
                   const InterruptedAt& interrupted) {
  const auto convention = cfi_convention(kernel.machine().architecture);
  if (!convention || !registers.pc) return unwind_frame_pointers(kernel, registers, 0, 0, is_text);
  return CfiUnwinder(kernel, rules, *convention, is_text, interrupted).run(registers);
}

}  // namespace panicroom
