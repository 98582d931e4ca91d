// Linux's interrupt lines where a part of what is told of one cannot be.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/interrupts.h"
#include "tests/unit/stated_linux.h"

namespace panicroom::linux_kernel {
namespace {

using panicroom::testing::StatedLinux;
using panicroom::testing::texts_of;

constexpr std::uint64_t tree = StatedLinux::base + 0x10000, line = StatedLinux::base + 0x11000,
                        action = StatedLinux::base + 0x12000, name = StatedLinux::base + 0x13000,
                        counter = StatedLinux::base + 0x14000;

/// One line with one handler, which came seven times.
class InterruptLine : public ::testing::Test {
 protected:
  InterruptLine() {
    linux.structure("xarray", 16, {{"xa_head", 1}});
    linux.structure("irq_desc", 128,
                    {{"irq_data.irq", 2}, {"kstat_irqs", 5}, {"action", 7}, {"name", 9}});
    linux.structure("irqaction", 64, {{"name", 3}, {"next", 1}});
    linux.symbol("irq_desc_tree", tree);
    put(tree, 1, line);
    put(line, 2, 9), put(line, 5, counter), put(line, 7, action);
    put(action, 3, name), linux.text(name, "acpi");
    linux.put(counter, 7);
  }
  void put(std::uint64_t object, std::uint64_t word, std::uint64_t value) {
    linux.put(object + word * 8, value);
  }
  Interrupt read() {
    Interrupt found;
    Notes notes;
    const auto done = read_interrupts(
        linux.evidence(), Cpus({Cpu{}}),
        [&](const Interrupt& one) {
          if (one.number == 9) found = one;
          return true;
        },
        notes);
    EXPECT_TRUE(done) << done.error().message();
    said = texts_of(notes);
    return found;
  }
  bool says(std::string_view words) const { return said.find(words) != std::string::npos; }

  StatedLinux linux;
  std::string said;
};

TEST_F(InterruptLine, HasItsHandlersAndItsCount) {
  const Interrupt read = this->read();
  EXPECT_EQ(read.count, 7U);
  EXPECT_EQ(read.handlers, std::vector<std::string>{"acpi"});
  EXPECT_FALSE(says("handlers")) << said;
}

TEST_F(InterruptLine, HandlersThatAreACycle) {
  put(action, 1, action);
  EXPECT_EQ(read().handlers.size(), 1U);
  EXPECT_TRUE(says("an interrupt's list of handlers is a cycle")) << said;
}

TEST_F(InterruptLine, AHandlerWhoseNameIsLost) {
  put(action, 3, StatedLinux::base + 0x7fff000);
  EXPECT_TRUE(read().handlers.empty());
  EXPECT_TRUE(says("an interrupt's handler: ")) << said;
}

}  // namespace
}  // namespace panicroom::linux_kernel
