#include "core/analysis/instruction.h"

#include <Zydis/Zydis.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <memory>

#include "core/analysis/aarch64_instruction.h"

namespace panicroom {
namespace {

/// The 64-bit register that holds this one, by the name that Registers uses.
std::optional<std::uint64_t> value_of(ZydisRegister whole, const Registers& registers,
                                      std::uint64_t pc) {
  if (whole == ZYDIS_REGISTER_RIP || whole == ZYDIS_REGISTER_EIP) return pc;
  const char* name = ZydisRegisterGetString(whole);
  return name == nullptr ? std::nullopt : register_value(registers, name);
}

std::optional<std::uint64_t> address_of(const ZydisDecodedInstruction& instruction,
                                        const ZydisDecodedOperand& operand, std::uint64_t pc,
                                        const Registers& registers) {
  // A register context has a place for each of the processor's registers: too large for a stack.
  const auto context = std::make_unique<ZydisRegisterContext>();
  for (const ZydisRegister part : {operand.mem.base, operand.mem.index}) {
    if (part == ZYDIS_REGISTER_NONE) continue;
    const auto value =
        value_of(ZydisRegisterGetLargestEnclosing(instruction.machine_mode, part), registers, pc);
    if (!value) return std::nullopt;
    context->values[part] = *value;
  }
  // What gs and fs add is not known.
  if (operand.mem.segment == ZYDIS_REGISTER_GS || operand.mem.segment == ZYDIS_REGISTER_FS)
    return std::nullopt;
  ZyanU64 address = 0;
  if (ZYAN_FAILED(ZydisCalcAbsoluteAddressEx(&instruction, &operand, pc, context.get(), &address)))
    return std::nullopt;
  return address;
}

}  // namespace

std::optional<std::uint64_t> register_value(const Registers& registers, std::string_view name) {
  if (name == "rsp" || name == "esp" || name == "sp") return registers.sp;
  if (name == "rbp" || name == "ebp" || name == "x29") return registers.fp;
  const auto value = registers.find(name);
  return value || name != "x30" ? value : registers.find("lr");  // FreeBSD's name
}

Result<Instruction> decode_instruction(const Machine& machine, Bytes code, std::uint64_t pc,
                                       const Registers& registers) {
  if (machine.architecture == Architecture::aarch64) {
    // Little-endian, whatever the order of the machine's data.
    const auto word = Reader(code, std::endian::little).u32(0);
    if (!word) return fail_at_address(ErrorCode::corrupt, pc, "the instruction is cut off");
    return decode_aarch64(*word, pc, registers);
  }
  if (machine.architecture != Architecture::x86_64 && machine.architecture != Architecture::i386)
    return fail(ErrorCode::unsupported,
                fmt::format("instructions of {} are not decoded", name(machine.architecture)));
  const bool wide = machine.architecture == Architecture::x86_64;
  ZydisDecoder decoder;
  ZydisFormatter formatter;
  if (ZYAN_FAILED(ZydisDecoderInit(
          &decoder, wide ? ZYDIS_MACHINE_MODE_LONG_64 : ZYDIS_MACHINE_MODE_LONG_COMPAT_32,
          wide ? ZYDIS_STACK_WIDTH_64 : ZYDIS_STACK_WIDTH_32)) ||
      ZYAN_FAILED(ZydisFormatterInit(&formatter, ZYDIS_FORMATTER_STYLE_ATT)))
    return fail(ErrorCode::unsupported, "the decoder for x86 does not fit this program");
  ZydisFormatterSetProperty(&formatter, ZYDIS_FORMATTER_PROP_HEX_UPPERCASE, ZYAN_FALSE);
  ZydisDecodedInstruction decoded;
  std::array<ZydisDecodedOperand, ZYDIS_MAX_OPERAND_COUNT> operands;
  if (ZYAN_FAILED(
          ZydisDecoderDecodeFull(&decoder, code.data(), code.size(), &decoded, operands.data())))
    return fail_at_address(ErrorCode::corrupt, pc, "these bytes are no instruction");

  Instruction instruction;
  instruction.length = decoded.length;
  std::array<char, 160> text{};
  if (ZYAN_FAILED(ZydisFormatterFormatInstruction(&formatter, &decoded, operands.data(),
                                                  decoded.operand_count_visible, text.data(),
                                                  text.size(), pc, nullptr)))
    return fail_at_address(ErrorCode::corrupt, pc, "this instruction cannot be written down");
  instruction.text = text.data();
  const auto note_register = [&](ZydisRegister part) {
    const ZydisRegister whole = ZydisRegisterGetLargestEnclosing(decoded.machine_mode, part);
    const char* name = whole == ZYDIS_REGISTER_NONE ? nullptr : ZydisRegisterGetString(whole);
    if (name != nullptr && whole != ZYDIS_REGISTER_RIP && whole != ZYDIS_REGISTER_EIP &&
        std::ranges::find(instruction.registers, name) == instruction.registers.end())
      instruction.registers.emplace_back(name);
  };
  for (std::size_t i = 0; i < decoded.operand_count; ++i) {
    const ZydisDecodedOperand& operand = operands[i];
    const bool visible = i < decoded.operand_count_visible;
    if (operand.type == ZYDIS_OPERAND_TYPE_REGISTER && visible) note_register(operand.reg.value);
    if (operand.type != ZYDIS_OPERAND_TYPE_MEMORY || operand.mem.type != ZYDIS_MEMOP_TYPE_MEM)
      continue;
    if (visible) note_register(operand.mem.base), note_register(operand.mem.index);
    MemoryOperand memory;
    memory.size = operand.size / 8U;
    memory.reads = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_READ) != 0;
    memory.writes = (operand.actions & ZYDIS_OPERAND_ACTION_MASK_WRITE) != 0;
    memory.address = address_of(decoded, operand, pc, registers);
    instruction.memory.push_back(memory);
  }
  return instruction;
}

}  // namespace panicroom
