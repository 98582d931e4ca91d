// This program's own stack by its own .eh_frame, against what the compiler's library makes of it.
#if defined(__linux__) && defined(__x86_64__) && !defined(__SANITIZE_ADDRESS__)
#include <gtest/gtest.h>
#include <link.h>
#include <pthread.h>
#include <ucontext.h>
#include <unwind.h>

#include <algorithm>
#include <cstdlib>
#include <string>
#include <vector>

#include "core/stack/code_files.h"
#include "native/io/mapped_file.h"
#include "tests/unit/kernel_memory.h"

namespace panicroom {
namespace {

/// Where this thread's stack ends.
std::uint64_t stack_end() {
  pthread_attr_t attributes;
  void* low = nullptr;
  std::size_t size = 0;
  pthread_getattr_np(pthread_self(), &attributes);
  pthread_attr_getstack(&attributes, &low, &size);
  pthread_attr_destroy(&attributes);
  return reinterpret_cast<std::uint64_t>(low) + size;
}

/// The words between live variables too, at which the address sanitizer would stop.
#if defined(__has_attribute) && __has_attribute(no_sanitize)
__attribute__((no_sanitize("address")))
#endif
void copy_words(std::uint64_t from, std::vector<std::byte>& to) {
  for (std::size_t at = 0; at + sizeof(std::uint64_t) <= to.size(); at += sizeof(std::uint64_t)) {
    const auto word = *reinterpret_cast<const volatile std::uint64_t*>(from + at);
    for (std::size_t i = 0; i < sizeof word; ++i)
      to[at + i] = static_cast<std::byte>(word >> (8 * i) & 0xff);
  }
}

/// A copy of the stack from `low` on, at most 64 KiB, at the same addresses.
class StackCopy final : public PhysicalMemory {
 public:
  explicit StackCopy(std::uint64_t low) : low_(low / 4096 * 4096) {
    bytes_.resize(std::min<std::uint64_t>(0x10000, stack_end() - low_) / 4096 * 4096);
    copy_words(low_, bytes_);
  }
  std::uint32_t page_size() const override { return 4096; }
  std::uint64_t end() const override { return bytes_.size(); }
  PageLocation locate(std::uint64_t address) const override {
    PageLocation location;
    location.present = address < bytes_.size();
    return location;
  }
  Result<void> read_page(std::uint64_t address, MutableBytes page, PageDecoder&) const override {
    if (address >= bytes_.size()) return absent(Absence::hole, address, "not copied");
    std::copy_n(bytes_.begin() + static_cast<std::ptrdiff_t>(address), page.size(), page.begin());
    return {};
  }
  void ranges(const std::function<bool(const PhysicalRange&)>& visit) const override {
    visit({0, bytes_.size(), true, Absence::none});
  }
  std::uint64_t low() const { return low_; }

 private:
  std::uint64_t low_;
  std::vector<std::byte> bytes_;
};

struct Seen {
  std::vector<std::uint64_t> by_library;
  Unwound ours;
};

void look(Seen& seen) {
  ucontext_t context;
  getcontext(&context);
  const auto& saved = context.uc_mcontext.gregs;
  Registers registers;
  registers.pc = static_cast<std::uint64_t>(saved[REG_RIP]);
  registers.sp = static_cast<std::uint64_t>(saved[REG_RSP]);
  registers.fp = static_cast<std::uint64_t>(saved[REG_RBP]);
  const std::pair<const char*, int> others[] = {
      {"rbx", REG_RBX}, {"r12", REG_R12}, {"r13", REG_R13}, {"r14", REG_R14}, {"r15", REG_R15}};
  for (const auto& [name, index] : others)
    registers.others.emplace_back(name, static_cast<std::uint64_t>(saved[index]));
  const auto copy = std::make_shared<StackCopy>(*registers.sp);
  _Unwind_Backtrace(
      [](_Unwind_Context* frame, void* into) {
        // It shows the caller of the outermost frame too, whose address is 0.
        if (const auto pc = _Unwind_GetIP(frame); pc != 0)
          static_cast<Seen*>(into)->by_library.push_back(pc);
        return _URC_NO_REASON;
      },
      &seen);

  CodeFiles files;
  dl_iterate_phdr(
      [](dl_phdr_info* info, std::size_t, void* into) {
        const std::string name = *info->dlpi_name == 0 ? "/proc/self/exe" : info->dlpi_name;
        if (auto file = open_mapped_file(name))
          static_cast<CodeFiles*>(into)->add(*file, info->dlpi_addr);
        return 0;
      },
      &files);
  Machine machine;
  machine.architecture = Architecture::x86_64;
  std::vector<LinearRange> whole{{copy->low(), copy->low() + copy->end() - 1, 0, "this stack"}};
  AddressSpace memory(copy, machine, linear_page_table(std::move(whole), nullptr));
  seen.ours = unwind_cfi(
      memory, [&](std::uint64_t pc) { return files.rules(pc); }, registers,
      [](std::uint64_t pc) { return pc > 4096; }, {});
}

Seen* in_the_making = nullptr;

/// Called by the C library, in the middle of whose sort this stack then is.
int compare(const void* first, const void* second) {
  if (in_the_making) look(*std::exchange(in_the_making, nullptr));
  return *static_cast<const int*>(first) - *static_cast<const int*>(second);
}

__attribute__((noinline)) int grows(int count, Seen& seen) {
  auto* bytes = static_cast<int*>(__builtin_alloca(static_cast<std::size_t>(count) * sizeof(int)));
  for (int i = 0; i < count; ++i) bytes[i] = (i * 7) % 5;
  in_the_making = &seen;
  std::qsort(bytes, static_cast<std::size_t>(count), sizeof(int), compare);
  return bytes[0];
}

TEST(CfiOfThisProgram, GivesTheFramesThatTheCompilersLibraryFinds) {
  Seen seen;
  EXPECT_EQ(grows(40, seen), 0);
  ASSERT_GT(seen.by_library.size(), 8U);
  for (const Note& remark : seen.ours.remarks) ADD_FAILURE() << remark.text;
  // The innermost frame is the same function, at two places of it; ours ends where a rule says so
  // or where the copy does.
  ASSERT_GT(seen.ours.frames.size(), 8U) << (seen.ours.stopped ? seen.ours.stopped->message() : "");
  std::vector<std::uint64_t> ours;
  for (const auto& frame : seen.ours.frames) ours.push_back(frame.pc);
  const std::size_t common = std::min(ours.size(), seen.by_library.size());
  EXPECT_EQ(std::vector(ours.begin() + 1, ours.begin() + static_cast<std::ptrdiff_t>(common)),
            std::vector(seen.by_library.begin() + 1,
                        seen.by_library.begin() + static_cast<std::ptrdiff_t>(common)));
  if (!seen.ours.stopped) {
    EXPECT_EQ(ours.size(), seen.by_library.size());
  }
}

}  // namespace
}  // namespace panicroom
#endif
