// Two threads, each with a handle of its own, share nothing.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/include/panicroom/freebsd/panicroom_kinfo.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;

TEST(FreeBsdThreads, kvm_getprocs_And_kvm_read_InTwoThreads) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-full");
  const std::uint64_t address = files.symbol("panic");
  const std::uint64_t wanted = files.word(address, 8);
  const std::size_t processes = files.processes();
  std::atomic<int> right{0};
  const auto work = [&] {
    for (int round = 0; round < 5; ++round) {
      char why[2048];
      kvm_t* const kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
      if (kd == nullptr) return;
      struct nlist names[] = {{"_panic", 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
      std::uint64_t word = 0;
      int count = 0;
      kinfo_proc shell{};
      shell.ki_pid = 812;
      if (kvm_nlist(kd, names) == 0 && kvm_read(kd, names[0].n_value, &word, 8) == 8 &&
          word == wanted && kvm_getprocs(kd, KERN_PROC_PROC, 0, &count) != nullptr &&
          static_cast<std::size_t>(count) == processes && kvm_getargv(kd, &shell, 0) != nullptr &&
          kvm_read(kd, 16, &word, 8) == -1 && kvm_geterr(kd)[0] != '\0')
        ++right;
      kvm_close(kd);
    }
  };
  std::thread one(work), other(work);
  one.join();
  other.join();
  EXPECT_EQ(right, 10);
}

}  // namespace
