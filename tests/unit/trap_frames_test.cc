// FreeBSD's trap frames as its entry code leaves them, with layouts that no release has.
#include "core/kernel/freebsd/trap_frames.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

using test::KernelMemory;

constexpr std::uint64_t kText = KernelMemory::kBase;
constexpr std::uint64_t kStack = kText + 0x100000;

/// One structure whose members are integers.
class OneStructure final : public TypeGraph {
 public:
  static constexpr std::uint64_t size = 4096;
  struct Field {
    std::string name;
    std::uint64_t offset = 0, size = 8, count = 1;
  };
  OneStructure(std::string name, std::vector<Field> fields)
      : name_(std::move(name)), fields_(std::move(fields)) {}

  std::string_view origin() const override { return "a test"; }
  std::endian order() const override { return std::endian::little; }
  Result<Type> type(TypeId id) override {
    Type type;
    if (id == 1) {
      type.kind = TypeKind::structure;
      type.name_space = TypeName::structure;
      type.name = name_;
      type.size = size;
      return type;
    }
    const Field& field = fields_[(id - 2) / 2];
    const bool array = id % 2 == 0 && field.count > 1;
    type.kind = array ? TypeKind::array : TypeKind::integer;
    type.size = field.size;
    type.count = field.count;
    type.target = id + 1;
    return type;
  }
  Result<void> members(TypeId, const std::function<bool(const TypeMember&)>& visit) override {
    for (std::size_t i = 0; i < fields_.size(); ++i)
      if (!visit({fields_[i].name, 2 + 2 * i, fields_[i].offset * 8, 0})) break;
    return {};
  }
  Result<void> enumerators(TypeId, const std::function<bool(const TypeEnumerator&)>&) override {
    return {};
  }
  Result<TypeId> find(std::string_view name, std::optional<TypeName>) override {
    if (name == name_) return TypeId{1};
    return fail(ErrorCode::no_type, "none");
  }
  Result<std::int64_t> enumerator(std::string_view) override {
    return fail(ErrorCode::no_type, "none");
  }
  Result<TypeId> variable(std::string_view) override { return fail(ErrorCode::no_type, "none"); }

 private:
  std::string name_;
  std::vector<Field> fields_;
};

class TrapFrames : public testing::Test {
 protected:
  std::optional<Interrupted> at(const std::string& function,
                                std::vector<OneStructure::Field> fields,
                                Architecture architecture = Architecture::x86_64,
                                std::uint64_t sp = kStack, std::optional<std::uint64_t> fp = {}) {
    const TypeCatalog types(std::make_shared<OneStructure>("trapframe", std::move(fields)));
    const auto names = std::make_shared<std::string>(function);
    const auto symbols = make_symbol_table("a test", {Symbol{*names, kText, 0x100, 'T'}},
                                           std::shared_ptr<const void>(names));
    Machine machine;
    machine.architecture = architecture;
    machine.pointer_size = architecture == Architecture::i386 ? 4 : 8;
    std::vector<LinearRange> whole{{KernelMemory::kBase, ~std::uint64_t{0}, 0, "kernel image"}};
    AddressSpace kernel(memory_, machine, linear_page_table(std::move(whole), nullptr));
    Registers frame;
    frame.sp = sp;
    frame.fp = fp;
    return freebsd::trap_frame_at(kernel, *symbols, types, frame, kText + 0x20);
  }
  const std::vector<OneStructure::Field> amd64_ = {{"tf_cs", 8, 2}, {"tf_rip", 16}, {"tf_rbx", 40},
                                                   {"tf_rsp", 24},  {"tf_rbp", 32}, {"tf_err", 48},
                                                   {"tf_addr", 56}};
  std::shared_ptr<KernelMemory> memory_ = std::make_shared<KernelMemory>();
};

TEST_F(TrapFrames, GiveTheInterruptedRegisters) {
  memory_->put_integer(kStack + 8, std::uint16_t{0x20});
  memory_->put_integer(kStack + 16, kText + 0x1234);
  memory_->put_integer(kStack + 24, kStack + 0x800);
  memory_->put_integer(kStack + 32, kStack + 0x900);
  memory_->put_integer(kStack + 40, std::uint64_t{7});
  memory_->put_integer(kStack + 48, std::uint64_t{2});
  memory_->put_integer(kStack + 56, std::uint64_t{0x18});
  for (const char* function : {"calltrap", "nmi_calltrap", "Xtimerint", "fork_trampoline"}) {
    const auto found = at(function, amd64_);
    ASSERT_TRUE(found) << function;
    EXPECT_FALSE(found->ends);
    EXPECT_EQ(found->registers.pc, kText + 0x1234);
    EXPECT_EQ(found->registers.sp, kStack + 0x800);
    EXPECT_EQ(found->registers.fp, kStack + 0x900);
    EXPECT_EQ(found->registers.find("rbx"), 7U);
    EXPECT_EQ(found->registers.find("error_code"), 2U);
    EXPECT_EQ(found->registers.find("fault_address"), 0x18U);
  }
  for (const char* function : {"trap", "X", "X_none", "amd64_syscall"})
    EXPECT_FALSE(at(function, amd64_)) << function;
  EXPECT_FALSE(at("calltrap", {{"tf_rip", 16}}));  // its cs is not known
  memory_->put_integer(kStack + 8, std::uint16_t{0x43});
  EXPECT_TRUE(at("calltrap", amd64_)->ends);
  memory_->drop(kStack);
  EXPECT_FALSE(at("calltrap", amd64_));
}

TEST_F(TrapFrames, OfArm64AreKnownByTheirHandlers) {
  const std::vector<OneStructure::Field> fields = {
      {"tf_elr", 0}, {"tf_spsr", 8, 4}, {"tf_esr", 12, 4},  {"tf_sp", 16},
      {"tf_lr", 24}, {"tf_far", 272},   {"tf_x", 32, 8, 30}};
  memory_->put_integer(kStack, kText + 0x1234);
  memory_->put_integer(kStack + 8, std::uint32_t{0x60000005});  // EL1h
  memory_->put_integer(kStack + 16, kStack + 0x800);
  memory_->put_integer(kStack + 24, kText + 0x4321);
  memory_->put_integer(kStack + 32 + 29 * 8, kStack + 0x900);
  memory_->put_integer(kStack + 12, std::uint32_t{0x96000044});
  memory_->put_integer(kStack + 272, std::uint64_t{0x18});
  memory_->put_integer(kStack + 0x708, std::uint32_t{0x3});  // no state
  const auto found = at("handle_el1h_sync", fields, Architecture::aarch64);
  ASSERT_TRUE(found);
  EXPECT_FALSE(found->ends);
  EXPECT_EQ(found->registers.pc, kText + 0x1234);
  EXPECT_EQ(found->registers.sp, kStack + 0x800);
  EXPECT_EQ(found->registers.fp, kStack + 0x900);
  EXPECT_EQ(found->registers.find("lr"), kText + 0x4321);
  EXPECT_EQ(found->registers.find("syndrome"), 0x96000044U);
  EXPECT_EQ(found->registers.find("fault_address"), 0x18U);
  // Without call-frame information the stack pointer is a guess, but the frame pointer leads to the
  // end of the trap frame (save_registers of sys/arm64/arm64/exception.S).
  const auto by_record = at("handle_el1h_sync", fields, Architecture::aarch64, kStack + 0x40,
                            kStack + OneStructure::size);
  ASSERT_TRUE(by_record);
  EXPECT_EQ(by_record->registers.pc, kText + 0x1234);
  EXPECT_FALSE(at("handle_el1h_sync", fields, Architecture::aarch64, kStack + 0x700));
  memory_->put_integer(kStack + 8, std::uint32_t{0x60000000});  // EL0t
  EXPECT_TRUE(at("handle_el0_sync", fields, Architecture::aarch64)->ends);
}

}  // namespace
}  // namespace panicroom
