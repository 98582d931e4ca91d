// Entries of call-frame information put together by the rules of DWARF 5 (6.4, 7.24) and of the
// LSB's "Exception Frames", with the rows that those rules give.
#include "core/stack/cfi.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <utility>
#include <vector>

#include "core/stack/cfi_expression.h"
#include "core/stack/unwind.h"
#include "tests/unit/cfi_blob.h"
#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using test::Assembly;
using test::cfi_entry;
using test::KernelMemory;
using Kind = CfiRule::Kind;

constexpr std::uint64_t kText = KernelMemory::kBase;
constexpr std::uint64_t kFrames = kText + 0x80000;  // where .eh_frame was linked to

// Those that take their operand in their low bits.
constexpr int advance_loc = 0x40, offset = 0x80, restore = 0xc0;

struct Form {
  bool eh = false, wide = false;
  unsigned version = 1;
  const char* augmentation = "";
  unsigned personality = 0x9b;  ///< how its pointer is encoded
};

/// One CIE (CFA = rsp + 8, the return address at CFA - 8) and one FDE for 0x100 bytes of kText.
CfiSections sections_of(const Form& form, const std::vector<std::byte>& instructions,
                        unsigned encoding = 0) {
  Assembly common;
  const unsigned offset_size = form.wide ? 8 : 4;
  const unsigned id_size = form.eh ? 4 : offset_size;
  common.number(form.eh ? 0 : ~std::uint64_t{0}, id_size);
  common.u8(form.version).text(form.augmentation);
  if (form.version == 4) common.u8(8).u8(0);
  common.uleb(1).sleb(-8);
  common.u8(16);  // the return address: one byte, or the same as a ULEB128
  const std::string letters = form.augmentation;
  if (letters.starts_with('z')) {
    Assembly data;
    for (const char letter : letters.substr(1)) {
      if (letter == 'R') data.u8(encoding);
      if (letter == 'L') data.u8(0x1b);
      if (letter != 'P') continue;
      data.u8(form.personality);
      if (form.personality == 0x9b) data.u32(0x1234);
      if (form.personality != 0x50) continue;  // whole, where a word may lie
      while ((kFrames + (form.wide ? 12 : 4) + common.bytes.size() + 1 + data.bytes.size()) % 8)
        data.u8(0);
      data.u64(0x1234);
    }
    common.uleb(data.bytes.size()).append(data.bytes);
  }
  common.all({0x0c, 7, 8, offset | 16, 1});
  const auto cie = cfi_entry(common.bytes, form.wide);
  Assembly described;
  const std::uint64_t header = form.wide ? 12 : 4;
  described.number(form.eh ? cie.size() + header : 0, id_size);
  const std::uint64_t here = kFrames + cie.size() + header + id_size;
  switch (encoding) {
    case 0x1b:  // from here, 4 bytes with a sign
      described.u32(kText - here).u32(0x100);
      break;
    case 0x0b:
      described.u32(kText).u32(0x100);
      break;
    case 0x12:  // from here, 2 bytes
      described.number(0x1000, 2).number(0x100, 2);
      break;
    case 0x24:  // from .text
      described.u64(0x40).u64(0x100);
      break;
    default:
      described.u64(kText).u64(0x100);
      break;
  }
  if (letters.starts_with('z')) described.uleb(3).all({1, 2, 3});
  described.append(instructions);
  CfiSections sections;
  auto bytes = cie;
  const auto fde = cfi_entry(described.bytes, form.wide);
  bytes.insert(bytes.end(), fde.begin(), fde.end());
  if (form.eh) bytes.resize(bytes.size() + 4);  // the terminator
  sections.frames.push_back({LazyBytes(std::move(bytes)), kFrames, form.eh});
  sections.text = kText - 0x40;
  sections.machine.architecture = Architecture::x86_64;
  return sections;
}

CfiRow row(CfiTable& table, std::uint64_t address) {
  auto found = table.row_at(address);
  EXPECT_TRUE(found) << found.error().message();
  EXPECT_TRUE(found && *found) << "no row";
  return found && *found ? **found : CfiRow{};
}

void expect_cfa(const CfiRow& row, std::uint64_t number, std::int64_t distance) {
  EXPECT_EQ(row.cfa.kind, Kind::in_register);
  EXPECT_EQ(row.cfa.number, number);
  EXPECT_EQ(row.cfa.offset, distance);
}

void expect_saved(const CfiRow& row, std::size_t number, std::int64_t distance) {
  EXPECT_EQ(row.registers[number].kind, Kind::offset) << "register " << number;
  EXPECT_EQ(row.registers[number].offset, distance) << "register " << number;
}

class CfiForms : public testing::TestWithParam<std::pair<Form, unsigned>> {};

INSTANTIATE_TEST_SUITE_P(All, CfiForms,
                         testing::Values(std::pair{Form{false, false, 1, ""}, 0U},
                                         std::pair{Form{false, false, 3, ""}, 0U},
                                         std::pair{Form{false, true, 3, ""}, 0U},
                                         std::pair{Form{false, false, 4, ""}, 0U},
                                         std::pair{Form{false, true, 4, ""}, 0U},
                                         std::pair{Form{true, false, 1, ""}, 0U},
                                         std::pair{Form{true, true, 1, ""}, 0U},
                                         std::pair{Form{true, false, 1, "zR"}, 0x1bU},
                                         std::pair{Form{true, false, 3, "zR"}, 0x0bU},
                                         std::pair{Form{true, true, 1, "zPLR"}, 0x1bU},
                                         std::pair{Form{true, false, 1, "zPR", 0xff}, 0x1bU},
                                         std::pair{Form{true, false, 1, "zPR", 0x50}, 0x1bU},
                                         std::pair{Form{true, false, 1, "zRS"}, 0x24U},
                                         std::pair{Form{true, false, 1, "zRB"}, 0x1bU}));

TEST_P(CfiForms, GiveTheSameRows) {
  const auto& [form, encoding] = GetParam();
  // push rbp; mov rbp, rsp; ...; leave; ret
  CfiTable table(sections_of(form,
                             Assembly()
                                 .all({advance_loc | 1, 0x0e, 16, offset | 6, 2, advance_loc | 3,
                                       0x0d, 6, 0x02, 0xf0, 0x0c, 7, 8, restore | 6})
                                 .bytes,
                             encoding));
  EXPECT_EQ(row(table, kText).begin, kText);
  expect_cfa(row(table, kText), 7, 8);
  EXPECT_EQ(row(table, kText).registers[6].kind, Kind::unspecified);
  expect_saved(row(table, kText), 16, -8);
  expect_cfa(row(table, kText + 1), 7, 16);
  expect_cfa(row(table, kText + 3), 7, 16);
  const CfiRow body = row(table, kText + 4);
  expect_cfa(body, 6, 16);
  expect_saved(body, 6, -16);
  expect_saved(body, 16, -8);
  EXPECT_EQ(body.begin, kText + 4);
  EXPECT_EQ(body.end, kText + 0xf4);
  EXPECT_EQ(body.return_column, 16U);
  EXPECT_EQ(body.signal_frame, std::string(form.augmentation).find('S') != std::string::npos);
  expect_cfa(row(table, kText + 0xf4), 7, 8);
  EXPECT_EQ(row(table, kText + 0xff).registers[6].kind, Kind::unspecified);
  for (const std::uint64_t outside : {kText - 1, kText + 0x100}) {
    const auto none = table.row_at(outside);
    ASSERT_TRUE(none);
    EXPECT_FALSE(*none);
  }
}

TEST(Cfi, KnowsEveryInstruction) {
  CfiTable table(
      sections_of({false, false, 3, ""},
                  Assembly()
                      .all({0x05, 3, 2})                   // offset_extended rbx at CFA - 16
                      .all({0x07, 1})                      // undefined rdx
                      .all({0x08, 2})                      // same_value rcx
                      .all({0x09, 4, 5})                   // rsi in rdi
                      .all({0x0f, 2, 0x77, 16})            // def_cfa_expression: breg7 16
                      .all({0x10, 12, 1, 0x30})            // expression r12: lit0
                      .all({0x16, 13, 1, 0x31})            // val_expression r13: lit1
                      .all({0x14, 14, 3, 0x15, 15, 0x7e})  // val_offset r14 3, val_offset_sf r15 -2
                      .all({0x2e, 0x20, 0x2d})             // args_size, negate_ra_state
                      .all({0x0a, advance_loc | 4})        // remember_state
                      .all({0x12, 6, 0x7e})                // def_cfa_sf rbp, -2
                      .all({0x11, 3, 0x7d})                // offset_extended_sf rbx -3
                      .all({0x06, 12})                     // restore_extended r12
                      .all({0x2f, 13, 2})                  // negative_offset_extended r13
                      .all({0x03, 4, 0})                   // advance_loc2
                      .all({0x13, 0x7c})                   // def_cfa_offset_sf -4
                      .all({0x04, 4, 0, 0, 0, 0x0b})       // advance_loc4, restore_state
                      .all({0x1d, 4, 0, 0, 0, 0, 0, 0, 0})
                      .all({0x0c, 7, 24, 0x01})  // set_loc
                      .u64(kText + 0x80)
                      .all({0x05, 40, 1, 0x0d, 6})
                      .bytes));
  const CfiRow first = row(table, kText);
  expect_saved(first, 3, -16);
  EXPECT_EQ(first.registers[1].kind, Kind::undefined);
  EXPECT_EQ(first.registers[2].kind, Kind::same_value);
  EXPECT_EQ(first.registers[4].kind, Kind::in_register);
  EXPECT_EQ(first.registers[4].number, 5U);
  EXPECT_EQ(first.cfa.kind, Kind::value_expression);
  EXPECT_EQ(first.cfa.expression.size(), 2U);
  EXPECT_EQ(first.registers[12].kind, Kind::expression);
  EXPECT_EQ(first.registers[13].kind, Kind::value_expression);
  EXPECT_EQ(first.registers[14].kind, Kind::value_offset);
  EXPECT_EQ(first.registers[14].offset, -24);
  EXPECT_EQ(first.registers[15].offset, 16);
  const CfiRow second = row(table, kText + 4);
  expect_cfa(second, 6, 16);
  expect_saved(second, 3, 24);
  EXPECT_EQ(second.registers[12].kind, Kind::unspecified);
  expect_saved(second, 13, 16);
  expect_cfa(row(table, kText + 8), 6, 32);
  const CfiRow restored = row(table, kText + 12);
  EXPECT_EQ(restored.cfa.kind, Kind::value_expression);
  expect_saved(restored, 3, -16);
  EXPECT_EQ(restored.registers[13].kind, Kind::value_expression);
  expect_cfa(row(table, kText + 16), 7, 24);
  EXPECT_EQ(row(table, kText + 16).end, kText + 0x80);
  expect_cfa(row(table, kText + 0x80), 6, 24);
}

TEST(Cfi, IsFoundThroughTheSearchTable) {
  auto sections = sections_of({true, false, 1, "zR"}, {}, 0x1b);
  // Two entries: the one there is, and one that claims code that no FDE has.
  const std::uint64_t header = kFrames + 0x10000;
  const std::uint64_t fde = sections.frames[0].bytes.size() - 4 - 32;
  const auto make = [&](std::uint64_t place) {
    return Assembly()
        .all({1, 0x1b, 0x03, 0x3b})
        .u32(kFrames - (header + 4))
        .u32(2)
        .u32(kText - header)
        .u32(kFrames + place - header)
        .u32(kText + 0x1000 - header)
        .u32(kFrames + place - header)
        .bytes;
  };
  // Where the FDE begins: after the CIE, whose length is in front of it.
  const std::uint64_t place =
      4 + load<std::uint32_t>(sections.frames[0].bytes.at(0, 4), std::endian::little);
  EXPECT_GE(fde, 0U);
  sections.header = CfiSection{LazyBytes(make(place)), header, true};
  CfiTable table(std::move(sections));
  expect_cfa(row(table, kText + 0x50), 7, 8);
  for (const std::uint64_t outside : {kText - 1, kText + 0x100, kText + 0x1000}) {
    EXPECT_FALSE(table.take_remark());
    const auto none = table.row_at(outside);
    ASSERT_TRUE(none) << none.error().message();
    EXPECT_FALSE(*none);
  }
  EXPECT_TRUE(table.take_remark());
  // One that leads nowhere, has more entries than there are, none, or another function's: the
  // entries themselves are read, and that is said once.
  const auto with_byte = [&](std::size_t at, unsigned value) {
    auto bytes = make(place);
    bytes.at(at) = static_cast<std::byte>(value);
    return bytes;
  };
  for (auto bytes : {make(0x100000), make(0), make(place + 1), with_byte(8, 3), with_byte(8, 0),
                     with_byte(12, 0x10), std::vector<std::byte>(6, std::byte{1})}) {
    auto sections_again = sections_of({true, false, 1, "zR"}, {}, 0x1b);
    sections_again.header = CfiSection{LazyBytes(std::move(bytes)), header, true};
    CfiTable lying(std::move(sections_again));
    expect_cfa(row(lying, kText + 0x50), 7, 8);
    const auto remark = lying.take_remark();
    ASSERT_TRUE(remark);
    EXPECT_NE(remark->text.find(".eh_frame_hdr"), std::string::npos) << remark->text;
    expect_cfa(row(lying, kText + 0x50), 7, 8);
    EXPECT_FALSE(lying.take_remark());
  }
}

ErrorCode error_of(const std::vector<std::byte>& instructions) {
  CfiTable table(sections_of({false, false, 3, ""}, instructions));
  const auto found = table.row_at(kText + 0xff);
  EXPECT_FALSE(found);
  return found ? ErrorCode::invalid : found.error().code;
}

TEST(Cfi, RefusesWhatContradictsItself) {
  EXPECT_EQ(error_of(Assembly().all({0x0b}).bytes), ErrorCode::corrupt);  // nothing remembered
  EXPECT_EQ(error_of(Assembly().all({advance_loc | 8, 0x01}).u64(kText).bytes),
            ErrorCode::corrupt);  // backwards
  EXPECT_EQ(error_of(Assembly().all({0x3f}).bytes), ErrorCode::unsupported);
  EXPECT_EQ(error_of(Assembly().all({0x0f, 0x7f}).bytes), ErrorCode::corrupt);  // leaves the FDE
  EXPECT_EQ(error_of(Assembly().all({0x0f, 0, 0x0e, 1}).bytes), ErrorCode::corrupt);
  EXPECT_EQ(error_of(std::vector<std::byte>(65, std::byte{0x0a})), ErrorCode::corrupt);
  EXPECT_EQ(error_of(std::vector<std::byte>(70000, std::byte{0})), ErrorCode::corrupt);
}

TEST(Cfi, SurvivesEveryCutAndFlip) {
  const auto instructions =
      Assembly().all({advance_loc | 1, 0x0e, 16, offset | 6, 2, 0x0f, 2, 0x77, 8}).bytes;
  for (const bool eh : {false, true}) {
    auto whole = sections_of({eh, false, 1, eh ? "zR" : ""}, instructions, eh ? 0x1b : 0);
    const std::byte* at = whole.frames[0].bytes.at(0, whole.frames[0].bytes.size());
    const std::vector<std::byte> bytes(at, at + whole.frames[0].bytes.size());
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      for (const int value : {-1, 0, 0x7f, 0x80, 0xff}) {
        auto broken = bytes;
        if (value < 0)
          broken.resize(i);
        else
          broken[i] = static_cast<std::byte>(value);
        CfiSections sections;
        sections.frames.push_back({LazyBytes(std::move(broken)), kFrames, eh});
        sections.machine.architecture = Architecture::x86_64;
        CfiTable table(std::move(sections));
        static_cast<void>(table.row_at(kText + 8));
        static_cast<void>(table.rows([](const CfiRow&) { return true; }));
      }
    }
  }
}

class CfiExpression : public testing::Test {
 protected:
  Result<std::uint64_t> run(std::initializer_list<int> bytes,
                            std::optional<std::uint64_t> first = std::nullopt) {
    const auto kernel = test::address_space(memory_);
    CfiRegisters registers;
    registers[7] = kText + 0x100;
    const auto expression = Assembly().all(bytes).bytes;
    return evaluate_cfi_expression({*kernel, registers, 8, 0x1000}, expression, first);
  }
  std::shared_ptr<KernelMemory> memory_ = std::make_shared<KernelMemory>();
};

TEST_F(CfiExpression, ComputesAsTheSpecificationSays) {
  EXPECT_EQ(*run({0x77, 0x78}), kText + 0xf8);                      // breg7 -8
  EXPECT_EQ(*run({0x92, 7, 8}), kText + 0x108);                     // bregx
  EXPECT_EQ(*run({0x23, 5}, 10U), 15U);                             // plus_uconst
  EXPECT_EQ(*run({0x33, 0x35, 0x1c}), 0 - std::uint64_t{2});        // 3 - 5
  EXPECT_EQ(*run({0x39, 0x1f, 0x34, 0x1b}), 0 - std::uint64_t{2});  // -9 / 4
  EXPECT_EQ(*run({0x39, 0x34, 0x1d}), 1U);                          // 9 mod 4
  EXPECT_EQ(*run({0x09, 0xf0, 0x32, 0x26}), 0 - std::uint64_t{4});  // -16 >> 2
  EXPECT_EQ(*run({0x09, 0xf0, 0x08, 60, 0x25}), 15U);               // the same without its sign
  EXPECT_EQ(*run({0x31, 0x32, 0x33, 0x17}), 2U);  // 1 2 3 rot: the second comes to the top
  EXPECT_EQ(*run({0x31, 0x32, 0x33, 0x17, 0x13}), 1U);
  EXPECT_EQ(*run({0x31, 0x32, 0x33, 0x17, 0x13, 0x13}), 3U);
  EXPECT_EQ(*run({0x31, 0x32, 0x33, 0x15, 2}), 1U);                  // pick
  EXPECT_EQ(*run({0x31, 0x32, 0x16}), 1U);                           // swap
  EXPECT_EQ(*run({0x31, 0x32, 0x14}), 1U);                           // over
  EXPECT_EQ(*run({0x09, 0xff, 0x30, 0x2d}), 1U);                     // -1 < 0
  EXPECT_EQ(*run({0x31, 0x28, 1, 0, 0x35, 0x36}), 6U);               // bra over lit5
  EXPECT_EQ(*run({0x34, 0x30, 0x28, 1, 0, 0x35, 0x36, 0x22}), 11U);  // not taken
  EXPECT_EQ(*run({0x2f, 1, 0, 0x35, 0x36}), 6U);                     // skip
  EXPECT_EQ(*run({0x03, 1, 0, 0, 0, 0, 0, 0, 0}), 0x1001U);          // addr, as it runs
  // The PLT's own: rsp + 8 + ((rip & 15) >= 11) << 3, with rip = 0x0c.
  EXPECT_EQ(*run({0x77, 8, 0x3c, 0x3f, 0x1a, 0x3b, 0x2a, 0x33, 0x24, 0x22}), kText + 0x110);
  memory_->put_integer(kText + 0x100, std::uint64_t{0x1122334455667788});
  EXPECT_EQ(*run({0x77, 0, 0x06}), 0x1122334455667788U);
  EXPECT_EQ(*run({0x77, 0, 0x94, 2}), 0x7788U);
}

TEST_F(CfiExpression, IsBounded) {
  EXPECT_EQ(run({0x2f, 0xfd, 0xff}).error().code, ErrorCode::corrupt);  // jumps to itself
  EXPECT_EQ(run({0x31, 0x12, 0x2f, 0xfc, 0xff}).error().code, ErrorCode::corrupt);  // ever deeper
  EXPECT_EQ(run({0x22}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(run({}).error().code, ErrorCode::corrupt);
  for (const int operation : {0x1b, 0x1d}) {
    const auto by_zero = run({0x31, 0x30, operation});
    EXPECT_EQ(by_zero.error().code, ErrorCode::corrupt);
    EXPECT_EQ(by_zero.error().text, "an expression of a frame: it divides by zero");
  }
  EXPECT_EQ(run({0x2f, 0x10, 0x00}).error().code, ErrorCode::corrupt);  // out of it
  EXPECT_EQ(run({0x0e, 1}).error().code, ErrorCode::corrupt);           // cut short
  EXPECT_EQ(run({0x76, 0}).error().code, ErrorCode::not_in_dump);       // rbp is not known
  EXPECT_EQ(run({0x50}).error().code, ErrorCode::unsupported);          // DW_OP_reg0
  EXPECT_EQ(run({0x77, 0, 0x94, 3}).error().code, ErrorCode::corrupt);
}

constexpr std::uint64_t kStack = kText + 0x100000;

/// Functions of 0x100 bytes each, every one with a rule of its own.
class CfiUnwinding : public testing::Test {
 protected:
  CfiFound& function(std::uint64_t number) {
    CfiFound& found = functions_[number];
    found.row.begin = kText + 0x100 * number;
    found.row.end = found.row.begin + 0x100;
    found.row.return_column = machine_.architecture == Architecture::aarch64 ? 30 : 16;
    return found;
  }
  CfiFound& frame(std::uint64_t number, std::uint64_t counts_from, std::int64_t size) {
    CfiFound& found = function(number);
    found.row.cfa.kind = Kind::in_register;
    found.row.cfa.number = counts_from;
    found.row.cfa.offset = size;
    saved(found, found.row.return_column, -8);
    return found;
  }
  static void saved(CfiFound& found, std::uint64_t number, std::int64_t place) {
    found.row.registers[static_cast<std::size_t>(number)].kind = Kind::offset;
    found.row.registers[static_cast<std::size_t>(number)].offset = place;
  }
  Unwound unwind(const Registers& registers) {
    std::vector<LinearRange> whole{{KernelMemory::kBase, ~std::uint64_t{0}, 0, "kernel image"}};
    AddressSpace kernel(memory_, machine_, linear_page_table(std::move(whole), nullptr));
    return unwind_cfi(
        kernel,
        [this](std::uint64_t pc) -> Result<std::optional<CfiFound>> {
          const auto found = functions_.find((pc - kText) / 0x100);
          if (found == functions_.end()) return std::optional<CfiFound>{};
          return std::optional<CfiFound>(found->second);
        },
        registers, [](std::uint64_t pc) { return pc >= kText && pc < kText + 0x2000; },
        interrupted_);
  }
  static Registers start(std::uint64_t pc, std::uint64_t sp, std::uint64_t fp) {
    Registers registers;
    registers.pc = pc;
    registers.sp = sp;
    registers.fp = fp;
    return registers;
  }
  std::shared_ptr<KernelMemory> memory_ = std::make_shared<KernelMemory>();
  Machine machine_{Architecture::x86_64, 8, std::endian::little, 4096};
  std::map<std::uint64_t, CfiFound> functions_;
  InterruptedAt interrupted_;
};

TEST_F(CfiUnwinding, FollowsTheRulesToTheOutermostFrame) {
  // 0 keeps rbx of 1 at CFA - 16; 1 counts its frame from rbx; 2 is the outermost.
  saved(frame(0, 7, 0x20), 3, -16);
  frame(1, 3, 0x40);
  frame(2, 7, 8).row.registers[16].kind = Kind::undefined;
  memory_->put_integer(kStack + 0x18, kText + 0x110);          // the return address into 1
  memory_->put_integer(kStack + 0x10, kStack + 0x60);          // rbx
  memory_->put_integer(kStack + 0x98, kText + 0x200 + 0x100);  // just behind 2: a call is its last
  const auto unwound = unwind(start(kText + 0x10, kStack, 0x41414141));
  EXPECT_FALSE(unwound.stopped) << unwound.stopped->message();
  EXPECT_TRUE(unwound.remarks.empty());
  ASSERT_EQ(unwound.frames.size(), 3U);
  EXPECT_EQ(unwound.frames[0].pc, kText + 0x10);
  EXPECT_TRUE(unwound.frames[0].exact);
  EXPECT_EQ(unwound.frames[1].pc, kText + 0x110);
  EXPECT_EQ(unwound.frames[1].sp, kStack + 0x20);
  EXPECT_FALSE(unwound.frames[1].exact);
  EXPECT_EQ(unwound.frames[2].pc, kText + 0x300);
  EXPECT_EQ(unwound.frames[2].sp, kStack + 0xa0);
}

TEST_F(CfiUnwinding, TakesASignalFramesCallerForInterrupted) {
  frame(0, 7, 8).row.signal_frame = true;
  frame(1, 7, 8).row.registers[16].kind = Kind::undefined;
  memory_->put_integer(kStack, kText + 0x100);  // the first instruction of 1 itself
  const auto unwound = unwind(start(kText, kStack, 0));
  ASSERT_EQ(unwound.frames.size(), 2U);
  EXPECT_TRUE(unwound.frames[1].exact);
  EXPECT_FALSE(unwound.stopped);
}

TEST_F(CfiUnwinding, FallsBackToTheFramePointerWithARemark) {
  saved(frame(0, 7, 0x20), 6, -16);
  memory_->put_integer(kStack + 0x18, kText + 0x510);  // no entry for 5
  memory_->put_integer(kStack + 0x10, kStack + 0x80);  // rbp
  memory_->put_integer(kStack + 0x80, std::uint64_t{0});
  memory_->put_integer(kStack + 0x88, kText + 0x110);
  frame(1, 7, 8).row.registers[16].kind = Kind::undefined;
  auto unwound = unwind(start(kText + 0x10, kStack, 0));
  EXPECT_FALSE(unwound.stopped) << unwound.stopped->message();
  ASSERT_EQ(unwound.frames.size(), 3U);
  EXPECT_EQ(unwound.frames[2].pc, kText + 0x110);
  EXPECT_EQ(unwound.frames[2].sp, kStack + 0x90);
  ASSERT_EQ(unwound.remarks.size(), 1U);
  EXPECT_EQ(unwound.remarks[0].at, kText + 0x510);
  EXPECT_EQ(unwound.remarks[0].code, ErrorCode::no_symbol);
  // An entry that lies: its return address is none.
  frame(5, 7, 0x10);
  memory_->put_integer(kStack + 0x28, std::uint64_t{0x4141});
  unwound = unwind(start(kText + 0x10, kStack, 0));
  ASSERT_EQ(unwound.frames.size(), 3U);
  EXPECT_EQ(unwound.frames[2].pc, kText + 0x110);
  ASSERT_EQ(unwound.remarks.size(), 1U);
  EXPECT_EQ(unwound.remarks[0].code, ErrorCode::corrupt);
}

TEST_F(CfiUnwinding, MustRise) {
  frame(0, 7, -8);  // its caller's frame would lie below its own
  memory_->put_integer(kStack + 0x100 - 16, kText + 0x10);
  const auto unwound = unwind(start(kText + 0x10, kStack + 0x100, 0x4141));
  EXPECT_EQ(unwound.frames.size(), 1U);
  ASSERT_TRUE(unwound.stopped);
  // A rule that goes round: it ends, with a reason.
  CfiFound& round = frame(1, 3, 0);
  round.row.registers[3].kind = Kind::same_value;
  memory_->put_integer(kStack + 0x100 - 8, kText + 0x110);
  Registers registers = start(kText + 0x110, kStack, 0x4141);
  registers.others.emplace_back("rbx", kStack + 0x100);
  const auto circle = unwind(registers);
  ASSERT_TRUE(circle.stopped);
  EXPECT_LT(circle.frames.size(), 16U);
}

TEST_F(CfiUnwinding, FindsTheCallerOfAJumpToNowhere) {
  frame(1, 7, 8).row.registers[16].kind = Kind::undefined;
  memory_->put_integer(kStack, kText + 0x110);
  const auto unwound = unwind(start(0, kStack, 0));
  EXPECT_FALSE(unwound.stopped);
  ASSERT_EQ(unwound.frames.size(), 2U);
  EXPECT_EQ(unwound.frames[1].pc, kText + 0x110);
  EXPECT_EQ(unwound.frames[1].sp, kStack + 8);
}

TEST_F(CfiUnwinding, GoesOnWithWhatATrapInterrupted) {
  frame(0, 7, 8);
  memory_->put_integer(kStack, kText + 0x510);
  frame(1, 7, 8).row.registers[16].kind = Kind::undefined;
  interrupted_ = [](const Registers& frame, std::uint64_t address,
                    bool described) -> std::optional<Interrupted> {
    if (described) return std::nullopt;
    EXPECT_EQ(address, kText + 0x50f);
    EXPECT_EQ(frame.sp, kStack + 8);
    Interrupted found;
    found.registers = start(kText + 0x100, kStack + 0x800, 0);
    return found;
  };
  const auto unwound = unwind(start(kText, kStack, 0));
  EXPECT_FALSE(unwound.stopped);
  ASSERT_EQ(unwound.frames.size(), 3U);
  EXPECT_EQ(unwound.frames[2].pc, kText + 0x100);
  EXPECT_TRUE(unwound.frames[2].exact);
  EXPECT_EQ(unwound.frames[2].sp, kStack + 0x800);
  interrupted_ = [](const Registers&, std::uint64_t, bool) {
    Interrupted user;
    user.ends = true;
    return std::optional<Interrupted>(user);
  };
  EXPECT_EQ(unwind(start(kText, kStack, 0)).frames.size(), 2U);
}

TEST_F(CfiUnwinding, OfAArch64UsesTheLinkRegisterAndTakesSignaturesOff) {
  machine_.architecture = Architecture::aarch64;
  // 0 has not stored its link register yet: all is where it was.
  CfiFound& leaf = function(0);
  leaf.row.cfa = {Kind::in_register, 0, 31, {}};
  CfiFound& caller = frame(1, 31, 0x20);
  saved(caller, 30, -24);
  saved(caller, 29, -32);
  CfiFound& last = function(2);
  last.row.cfa = {Kind::in_register, 0, 31, {}};
  last.row.registers[30].kind = Kind::undefined;
  memory_->put_integer(kStack + 8, (kText + 0x210) & ~(std::uint64_t{0x5a} << 48));
  Registers registers = start(kText, kStack, 0);
  registers.others.emplace_back("lr", kText + 0x110);
  const auto unwound = unwind(registers);
  EXPECT_FALSE(unwound.stopped) << unwound.stopped->message();
  ASSERT_EQ(unwound.frames.size(), 3U);
  EXPECT_EQ(unwound.frames[1].pc, kText + 0x110);
  EXPECT_EQ(unwound.frames[1].sp, kStack);
  EXPECT_EQ(unwound.frames[2].pc, kText + 0x210);
  EXPECT_EQ(unwound.frames[2].sp, kStack + 0x20);
}

}  // namespace
}  // namespace panicroom
