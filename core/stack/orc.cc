// Follows Linux's rules for its ORC tables (arch/x86/kernel/unwind_orc.c, unwind_next_frame()).
#include <fmt/format.h>

#include <array>
#include <utility>

#include "core/stack/orc_table.h"
#include "core/stack/unwind.h"

namespace panicroom {

namespace {

constexpr std::size_t kFramesLimit = 512;
// A processor has an interrupt stack, seven exception stacks and an entry stack; each can be
// entered from another once or, nested, a few times.
constexpr unsigned kSwitchesLimit = 32;

// struct pt_regs (x86_64), bytes; ip and what follows is what the processor pushes itself.
constexpr std::uint64_t kR13 = 16, kBp = 32, kR10 = 56, kDx = 96, kDi = 112, kIp = 128;
constexpr std::uint64_t kCs = 8, kSp = 24;  // from ip
constexpr std::uint64_t kWord = 8;

constexpr std::uint8_t kCall = 0xe8;  // and the distance, 4 bytes
constexpr std::uint64_t kCallLength = 5;
constexpr std::uint64_t kFunctionLimit = 4096, kSearchLimit = 4096;  // bytes
constexpr unsigned kSearchesLimit = 2;                               // such functions in one stack

// Where no table covers the code: a frame with a frame pointer, and a jump to a wrong address,
// which leaves the return address of its call on top of the stack.
constexpr OrcEntry kFramePointer{
    16, -16, OrcRegister::bp, OrcRegister::previous_sp, OrcFrame::call, false};
constexpr OrcEntry kWrongJump{8, 0, OrcRegister::sp, OrcRegister::undefined, OrcFrame::call, false};

Error error(ErrorCode code, std::string text, std::uint64_t address) {
  return Error{code, Absence::none, std::move(text), address, std::nullopt};
}

/// Where an unwinding stands: in one frame.
struct State {
  std::uint64_t pc = 0, sp = 0;
  std::optional<std::uint64_t> bp;
  bool exact = true;
  // Where this frame's registers were saved: all of them, or only what the processor pushed and
  // then all of an earlier frame.
  std::optional<std::uint64_t> saved, saved_before;
  bool saved_whole = false;
  bool first = true;
};

class OrcUnwinder {
 public:
  OrcUnwinder(AddressSpace& kernel, const OrcTablesOf& tables_of, const Registers& registers,
              const std::function<bool(std::uint64_t)>& is_text)
      : kernel_(kernel), tables_of_(tables_of), registers_(registers), is_text_(is_text) {}

  Unwound run() {
    if (!registers_.pc || !registers_.sp) {
      unwound_.stopped = Error{ErrorCode::not_in_dump, Absence::none,
                               "the thread's registers are not known", std::nullopt, std::nullopt};
      return std::move(unwound_);
    }
    State state;
    state.pc = *registers_.pc;
    state.sp = *registers_.sp;
    state.bp = registers_.fp;
    unwound_.frames.push_back({state.pc, state.sp, true});
    if (const auto cs = registers_.find("cs"); cs && (*cs & 3) != 0) return std::move(unwound_);
    for (;;) {
      auto next = step(state);
      if (!next) {
        unwound_.stopped = std::move(next).error();
        break;
      }
      if (!*next) break;
      if (unwound_.frames.size() == kFramesLimit) {
        unwound_.stopped =
            error(ErrorCode::corrupt, "the stack has more frames than any kernel's", state.sp);
        break;
      }
      state = **next;
      unwound_.frames.push_back(
          {state.pc, state.sp, state.exact, state.saved_whole ? state.saved : std::nullopt});
    }
    return std::move(unwound_);
  }

 private:
  using Next = Result<std::optional<State>>;  // nothing: `state` was the outermost frame

  Next step(const State& state) {
    PANICROOM_TRY(entry, entry_for(state));
    if (entry.frame == OrcFrame::end_of_stack) return std::optional<State>{};
    if (entry.frame == OrcFrame::undefined) {
      if (searches_++ < kSearchesLimit)
        if (const auto caller = caller_by_its_call(state)) return caller;
      return Failure(error(ErrorCode::unsupported,
                           "the kernel's unwind table does not describe this code", state.pc));
    }
    PANICROOM_TRY(cfa, previous_sp(state, entry));

    State next;
    next.first = false;
    next.exact = entry.interrupted;
    next.bp = state.bp;
    switch (entry.frame) {
      case OrcFrame::call: {
        PANICROOM_TRY(pc, word(cfa - kWord, "a return address"));
        next.pc = pc;
        next.sp = cfa;
        break;
      }
      case OrcFrame::registers:
        next.saved = cfa;
        next.saved_whole = true;
        break;
      default:
        next.saved = cfa - kIp;
        next.saved_before = state.saved_whole ? state.saved : std::nullopt;
        break;
    }
    if (next.saved) {
      const std::uint64_t pushed = *next.saved + kIp;
      PANICROOM_TRY(cs, word(pushed + kCs, "an interrupted code segment"));
      if ((cs & 3) != 0) return std::optional<State>{};  // it came from user mode
      PANICROOM_TRY(pc, word(pushed, "an interrupted instruction's address"));
      PANICROOM_TRY(sp, word(pushed + kSp, "an interrupted stack pointer"));
      next.pc = pc;
      next.sp = sp;
    } else if (!is_text_(next.pc)) {
      return Failure(error(ErrorCode::corrupt, "a return address points to no code", next.pc));
    }
    PANICROOM_TRY(bp, previous_bp(state, next, entry, cfa));
    next.bp = bp;
    PANICROOM_CHECK(advances(state, next, entry));
    return std::optional<State>(next);
  }

  /// For a function that the table leaves out, as Linux does with __crash_kexec(), in which a
  /// kdump's crashed processor stands: the first word on the stack that follows a direct call of
  /// code that is left out too and begins at most kFunctionLimit before the pc.
  std::optional<State> caller_by_its_call(const State& state) {
    for (std::uint64_t slot = state.sp; slot < state.sp + kSearchLimit; slot += kWord) {
      const auto address = kernel_.u64(slot);
      if (!address) break;
      if (!is_text_(*address)) continue;
      const auto opcode = kernel_.u8(*address - kCallLength);
      const auto distance = kernel_.i32(*address - kCallLength + 1);
      if (!opcode || !distance || *opcode != kCall) continue;
      State called;
      called.pc = *address + static_cast<std::uint64_t>(std::int64_t{*distance});
      if (called.pc > state.pc || state.pc - called.pc > kFunctionLimit) continue;
      const auto entry = entry_for(called);
      if (!entry || entry->frame != OrcFrame::undefined) continue;
      State next;
      next.first = false;
      next.exact = false;
      next.pc = *address;
      next.sp = slot + kWord;
      if (state.bp && *state.bp > slot) next.bp = state.bp;  // else it is the function's own
      return next;
    }
    return std::nullopt;
  }

  Result<OrcEntry> entry_for(const State& state) {
    // A return address may already belong to the next function.
    const std::uint64_t pc = state.exact || state.pc == 0 ? state.pc : state.pc - 1;
    if (const auto tables = tables_of_(pc)) {
      PANICROOM_TRY(found, find_orc_entry(kernel_, *tables, pc));
      if (found) return *found;
    }
    const auto returns_to = [this](std::uint64_t slot) {
      const auto address = kernel_.u64(slot);
      return address && is_text_(*address);
    };
    if (state.exact && !is_text_(state.pc) && returns_to(state.sp)) return kWrongJump;
    if (state.bp && *state.bp >= state.sp && *state.bp % kWord == 0 &&
        returns_to(*state.bp + kWord))
      return kFramePointer;
    return Failure(error(ErrorCode::unsupported, "no unwind table covers this code", state.pc));
  }

  Result<std::uint64_t> previous_sp(const State& state, const OrcEntry& entry) {
    const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.sp_offset));
    switch (entry.sp_register) {
      case OrcRegister::sp:
        return state.sp + offset;
      case OrcRegister::sp_indirect: {
        PANICROOM_TRY(value, word(state.sp, "the stack that this one continues"));
        return value + offset;
      }
      case OrcRegister::bp:
      case OrcRegister::bp_indirect: {
        if (!state.bp)
          return Failure(error(ErrorCode::no_symbol,
                               "the frame pointer that this frame needs is unknown", state.pc));
        const std::uint64_t address = *state.bp + offset;
        return entry.sp_register == OrcRegister::bp
                   ? Result<std::uint64_t>(address)
                   : word(address, "the stack that this one continues");
      }
      case OrcRegister::r10:
        return saved_register(state, kR10, "r10");
      case OrcRegister::r13:
        return saved_register(state, kR13, "r13");
      case OrcRegister::di:
        return saved_register(state, kDi, "rdi");
      case OrcRegister::dx:
        return saved_register(state, kDx, "rdx");
      default:
        break;
    }
    return Failure(
        error(ErrorCode::corrupt, "the unwind table gives the stack pointer no base", state.pc));
  }

  /// A register of this frame; only frames that were interrupted have them all.
  Result<std::uint64_t> saved_register(const State& state, std::uint64_t offset,
                                       std::string_view name) {
    if (state.first)
      if (const auto value = registers_.find(name)) return *value;
    if (const auto from = state.saved_whole ? state.saved : state.saved_before)
      return word(*from + offset, name);
    return Failure(error(ErrorCode::not_in_dump,
                         fmt::format("the register {} that this frame needs is unknown", name),
                         state.pc));
  }

  Result<std::optional<std::uint64_t>> previous_bp(const State& state, const State& next,
                                                   const OrcEntry& entry, std::uint64_t cfa) {
    const auto offset = static_cast<std::uint64_t>(static_cast<std::int64_t>(entry.bp_offset));
    std::uint64_t address = 0;
    switch (entry.bp_register) {
      case OrcRegister::undefined: {
        // Unchanged, unless the interrupted code's own registers are there.
        const auto from = next.saved_whole ? next.saved : next.saved_before;
        if (!next.saved || !from) return next.bp;
        address = *from + kBp;
        break;
      }
      case OrcRegister::previous_sp:
        address = cfa + offset;
        break;
      case OrcRegister::bp:
        if (!state.bp)
          return Failure(error(ErrorCode::no_symbol,
                               "the frame pointer that this frame needs is unknown", state.pc));
        address = *state.bp + offset;
        break;
      default:
        return Failure(error(ErrorCode::corrupt,
                             "the unwind table gives the frame pointer a wrong base", state.pc));
    }
    PANICROOM_TRY(value, word(address, "a saved frame pointer"));
    return std::optional<std::uint64_t>(value);
  }

  /// Within one stack every step rises; between stacks it need not, but that happens a few times
  /// only.
  Result<void> advances(const State& state, const State& next, const OrcEntry& entry) {
    if (next.sp > state.sp) return {};
    const bool same_stack = entry.sp_register == OrcRegister::sp && entry.frame == OrcFrame::call;
    if (same_stack || ++switches_ > kSwitchesLimit || next.sp == 0)
      return Failure(error(ErrorCode::corrupt,
                           "the stack does not rise from this frame to its caller", state.sp));
    return {};
  }

  Result<std::uint64_t> word(std::uint64_t address, std::string_view what) {
    auto value = kernel_.u64(address);
    if (!value)
      return Failure(value.error().within(fmt::format("reading {} from the stack", what)));
    return value;
  }

  AddressSpace& kernel_;
  const OrcTablesOf& tables_of_;
  const Registers& registers_;
  const std::function<bool(std::uint64_t)>& is_text_;
  Unwound unwound_;
  unsigned switches_ = 0;
  unsigned searches_ = 0;  ///< for callers by their calls
};

}  // namespace

Unwound unwind_orc(AddressSpace& kernel, const OrcTablesOf& tables_of, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text) {
  return OrcUnwinder(kernel, tables_of, registers, is_text).run();
}

Unwound unwind_orc(AddressSpace& kernel, const OrcTables& tables, const Registers& registers,
                   const std::function<bool(std::uint64_t)>& is_text) {
  return unwind_orc(kernel, OrcTablesOf([&tables](std::uint64_t) { return std::optional(tables); }),
                    registers, is_text);
}

}  // namespace panicroom
