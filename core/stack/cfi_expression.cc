#include "core/stack/cfi_expression.h"

#include <fmt/format.h>

#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "core/types/dwarf_cursor.h"

namespace panicroom {

namespace {

constexpr unsigned kStepsLimit = 1000;
constexpr std::size_t kDepthLimit = 64;

enum class Operation : std::uint8_t {
  addr = 0x03,
  deref = 0x06,
  const1u = 0x08,
  const1s = 0x09,
  const2u = 0x0a,
  const2s = 0x0b,
  const4u = 0x0c,
  const4s = 0x0d,
  const8u = 0x0e,
  const8s = 0x0f,
  constu = 0x10,
  consts = 0x11,
  dup = 0x12,
  drop = 0x13,
  over = 0x14,
  pick = 0x15,
  swap = 0x16,
  rot = 0x17,
  abs = 0x19,
  and_ = 0x1a,
  div = 0x1b,
  minus = 0x1c,
  mod = 0x1d,
  mul = 0x1e,
  neg = 0x1f,
  not_ = 0x20,
  or_ = 0x21,
  plus = 0x22,
  plus_uconst = 0x23,
  shl = 0x24,
  shr = 0x25,
  shra = 0x26,
  xor_ = 0x27,
  bra = 0x28,
  eq = 0x29,
  ge = 0x2a,
  gt = 0x2b,
  le = 0x2c,
  lt = 0x2d,
  ne = 0x2e,
  skip = 0x2f,
  lit0 = 0x30,
  lit31 = 0x4f,
  breg0 = 0x70,
  breg31 = 0x8f,
  bregx = 0x92,
  deref_size = 0x94,
  nop = 0x96
};

class Evaluation {
 public:
  Evaluation(const CfiExpressionContext& context, Bytes expression)
      : context_(context),
        order_(context.kernel.machine().order),
        bytes_(expression, nullptr),
        mask_(context.address_size >= 8 ? ~std::uint64_t{0}
                                        : (std::uint64_t{1} << 8 * context.address_size) - 1) {}

  Result<std::uint64_t> run(std::optional<std::uint64_t> first) {
    if (first) push(*first);
    std::uint64_t at = 0;
    for (unsigned steps = 0; at < bytes_.size(); ++steps) {
      if (steps == kStepsLimit)
        return fail(ErrorCode::corrupt,
                    fmt::format("an expression of a frame takes over {} steps", kStepsLimit));
      DwarfCursor cursor(bytes_, order_, at, bytes_.size());
      PANICROOM_TRY(distance, step(cursor));
      if (cursor.failed()) return Failure(cursor.error());
      at = cursor.at() + static_cast<std::uint64_t>(distance);
      if (at > bytes_.size()) return bad("a branch leaves it");
    }
    if (stack_.empty()) return bad("it leaves no value");
    return stack_.back() & mask_;
  }

 private:
  static Failure bad(const char* what) {
    return fail(ErrorCode::corrupt, fmt::format("an expression of a frame: {}", what));
  }

  void push(std::uint64_t value) { stack_.push_back(value & mask_); }
  void push_signed(std::int64_t value) { push(static_cast<std::uint64_t>(value)); }
  std::uint64_t pop() {
    if (stack_.empty()) {
      short_ = true;
      return 0;
    }
    const std::uint64_t value = stack_.back();
    stack_.pop_back();
    return value;
  }
  std::int64_t as_signed(std::uint64_t value) const {
    return static_cast<std::int64_t>(sign_extend(value, 8 * context_.address_size));
  }
  void copy(std::uint64_t depth) {
    if (depth >= stack_.size())
      short_ = true;
    else
      push(stack_[stack_.size() - 1 - static_cast<std::size_t>(depth)]);
  }

  Result<void> push_register(std::uint64_t number, std::int64_t offset) {
    if (number >= kCfiRegisters || !context_.registers[static_cast<std::size_t>(number)])
      return fail(ErrorCode::not_in_dump,
                  fmt::format("register {} that a frame's expression needs is not known", number));
    push(*context_.registers[static_cast<std::size_t>(number)] +
         static_cast<std::uint64_t>(offset));
    return {};
  }

  Result<void> push_memory(std::uint64_t size) {
    const std::uint64_t address = pop();
    if (short_) return {};
    PANICROOM_TRY(value, context_.kernel.integer(address, size));
    push(value);
    return {};
  }

  /// Answers how far the next operation lies from the end of this one.
  Result<std::int64_t> step(DwarfCursor& cursor) {
    const auto opcode = static_cast<std::uint8_t>(cursor.number(1));
    const auto operation = static_cast<Operation>(opcode);
    std::int64_t distance = 0;
    if (operation >= Operation::lit0 && operation <= Operation::lit31) {
      push(opcode - static_cast<unsigned>(Operation::lit0));
    } else if (operation >= Operation::breg0 && operation <= Operation::breg31) {
      PANICROOM_CHECK(
          push_register(opcode - static_cast<unsigned>(Operation::breg0), cursor.sleb()));
    } else if (operation == Operation::bra || operation == Operation::skip) {
      distance = static_cast<std::int64_t>(sign_extend(cursor.number(2), 16));
      if (operation == Operation::bra && pop() == 0) distance = 0;
    } else if (!constant(operation, cursor) && !stack(operation, cursor) &&
               !arithmetic(operation)) {
      PANICROOM_CHECK(memory(operation, cursor));
    }
    if (short_) return bad("it takes more values than it has");
    if (by_zero_) return bad("it divides by zero");
    if (stack_.size() > kDepthLimit) return bad("its stack is too deep");
    return distance;
  }

  bool constant(Operation operation, DwarfCursor& cursor) {
    switch (operation) {
      case Operation::addr:
        push(cursor.number(context_.address_size) + context_.slide);
        return true;
      case Operation::const1u:
        push(cursor.number(1));
        return true;
      case Operation::const1s:
        push(sign_extend(cursor.number(1), 8));
        return true;
      case Operation::const2u:
        push(cursor.number(2));
        return true;
      case Operation::const2s:
        push(sign_extend(cursor.number(2), 16));
        return true;
      case Operation::const4u:
        push(cursor.number(4));
        return true;
      case Operation::const4s:
        push(sign_extend(cursor.number(4), 32));
        return true;
      case Operation::const8u:
      case Operation::const8s:
        push(cursor.number(8));
        return true;
      case Operation::constu:
        push(cursor.uleb());
        return true;
      case Operation::consts:
        push_signed(cursor.sleb());
        return true;
      default:
        return false;
    }
  }

  bool stack(Operation operation, DwarfCursor& cursor) {
    switch (operation) {
      case Operation::dup:
        copy(0);
        return true;
      case Operation::drop:
        pop();
        return true;
      case Operation::over:
        copy(1);
        return true;
      case Operation::pick:
        copy(cursor.number(1));
        return true;
      case Operation::swap: {
        const std::uint64_t a = pop(), b = pop();
        push(a);
        push(b);
        return true;
      }
      case Operation::rot: {
        const std::uint64_t a = pop(), b = pop(), c = pop();
        push(a);
        push(c);
        push(b);
        return true;
      }
      case Operation::nop:
        return true;
      default:
        return false;
    }
  }

  bool arithmetic(Operation operation) {
    switch (operation) {
      case Operation::abs: {
        const std::uint64_t value = pop();
        push(as_signed(value) < 0 ? 0 - value : value);
        return true;
      }
      case Operation::neg:
        push(0 - pop());
        return true;
      case Operation::not_:
        push(~pop());
        return true;
      case Operation::and_:
      case Operation::div:
      case Operation::minus:
      case Operation::mod:
      case Operation::mul:
      case Operation::or_:
      case Operation::plus:
      case Operation::shl:
      case Operation::shr:
      case Operation::shra:
      case Operation::xor_:
      case Operation::eq:
      case Operation::ge:
      case Operation::gt:
      case Operation::le:
      case Operation::lt:
      case Operation::ne: {
        const std::uint64_t b = pop(), a = pop();
        push(of_two(operation, a, b));
        return true;
      }
      default:
        return false;
    }
  }

  std::uint64_t of_two(Operation operation, std::uint64_t a, std::uint64_t b) {
    const std::int64_t left = as_signed(a), right = as_signed(b);
    switch (operation) {
      case Operation::and_:
        return a & b;
      case Operation::or_:
        return a | b;
      case Operation::xor_:
        return a ^ b;
      case Operation::plus:
        return a + b;
      case Operation::minus:
        return a - b;
      case Operation::mul:
        return a * b;
      case Operation::div:
        if (b == 0) by_zero_ = true;
        if (b == 0) return 0;
        return right == -1 ? 0 - a : static_cast<std::uint64_t>(left / right);
      case Operation::mod:
        if (b == 0) by_zero_ = true;
        return b == 0 ? 0 : a % b;
      case Operation::shl:
        return b < 64 ? a << b : 0;
      case Operation::shr:
        return b < 64 ? a >> b : 0;
      case Operation::shra:
        return static_cast<std::uint64_t>(left >> (b < 64 ? b : 63));
      case Operation::eq:
        return left == right ? 1 : 0;
      case Operation::ge:
        return left >= right ? 1 : 0;
      case Operation::gt:
        return left > right ? 1 : 0;
      case Operation::le:
        return left <= right ? 1 : 0;
      case Operation::lt:
        return left < right ? 1 : 0;
      default:
        return left != right ? 1 : 0;
    }
  }

  Result<void> memory(Operation operation, DwarfCursor& cursor) {
    switch (operation) {
      case Operation::deref:
        return push_memory(context_.address_size);
      case Operation::deref_size:
        return push_memory(cursor.number(1));
      case Operation::plus_uconst: {
        const std::uint64_t addend = cursor.uleb();
        push(pop() + addend);
        return {};
      }
      case Operation::bregx: {
        const std::uint64_t number = cursor.uleb();
        return push_register(number, cursor.sleb());
      }
      default:
        return fail(ErrorCode::unsupported,
                    fmt::format("an expression of a frame: the operation {:#x} is not known",
                                static_cast<unsigned>(operation)));
    }
  }

  const CfiExpressionContext& context_;
  std::endian order_;
  LazyBytes bytes_;
  std::uint64_t mask_;
  std::vector<std::uint64_t> stack_;
  bool short_ = false, by_zero_ = false;
};

}  // namespace

Result<std::uint64_t> evaluate_cfi_expression(const CfiExpressionContext& context, Bytes expression,
                                              std::optional<std::uint64_t> first) {
  return Evaluation(context, expression).run(first);
}

}  // namespace panicroom
