// FreeBSD's face of libkvm: records of processes, arguments, symbols of processors, swap,
// processors.
#include <fcntl.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <cstring>
#include <map>

#include "native/libkvm/include/panicroom/freebsd/kvm.h"
#include "native/libkvm/include/panicroom/freebsd/panicroom_kinfo.h"
#include "tests/libkvm/dump_files.h"

namespace {

using kvm_tests::DumpFiles;
using kvm_tests::words;

class FreeBsd : public testing::Test {
 protected:
  ~FreeBsd() override {
    if (kd != nullptr) kvm_close(kd);
  }
  void open(const DumpFiles& files) {
    kd = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
    ASSERT_NE(kd, nullptr) << why;
  }
  /// The records that an operation chooses, as the numbers of their processes and threads.
  std::vector<std::pair<int, int>> chosen(int op, int arg) {
    int count = -1;
    const kinfo_proc* const records = kvm_getprocs(kd, op, arg, &count);
    std::vector<std::pair<int, int>> numbers;
    EXPECT_NE(records, nullptr) << kvm_geterr(kd);
    for (int index = 0; records != nullptr && index < count; ++index)
      numbers.emplace_back(records[index].ki_pid, records[index].ki_tid);
    return numbers;
  }
  kvm_t* kd = nullptr;
  char why[2048] = {};
};

TEST_F(FreeBsd, kvm_open_AndClose) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  kd = kvm_open(files.kernel(), files.dump(), nullptr, O_RDONLY, nullptr);
  ASSERT_NE(kd, nullptr);
  EXPECT_EQ(kvm_close(kd), 0);
  kd = nullptr;
}

TEST_F(FreeBsd, kvm_openfiles_EmptyFile) {
  const kvm_tests::Folder folder;
  EXPECT_EQ(kvm_openfiles(nullptr, folder.put("empty", "").c_str(), nullptr, O_RDONLY, why),
            nullptr);
  EXPECT_STREQ(why, "empty file: Invalid argument");
}

TEST_F(FreeBsd, kvm_openfiles_KernelThatIsNone) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  EXPECT_EQ(kvm_openfiles(files.folder.put("text", "a text").c_str(), files.dump(), nullptr,
                          O_RDONLY, why),
            nullptr);
  EXPECT_STREQ(why, "kernel is not an ELF file");
}

// A handle for sysctl(3) alone.
TEST_F(FreeBsd, kvm_openfiles_NullDevice) {
  kd = kvm_openfiles(nullptr, "/dev/null", nullptr, O_RDONLY, why);
  ASSERT_NE(kd, nullptr) << why;
  int count = 0;
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_PROC, 0, &count), nullptr);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

// FreeBSD lib/libkvm/tests/kvm_open2_test.c.
TEST_F(FreeBsd, kvm_open2_Refuses) {
  EXPECT_EQ(kvm_open2(nullptr, "/nonexistent", O_RDONLY, nullptr, nullptr), nullptr);
  EXPECT_EQ(kvm_open2(nullptr, "/nonexistent", O_RDONLY, why, nullptr), nullptr);
  EXPECT_STRNE(why, "");
  why[0] = '\0';
  EXPECT_EQ(kvm_open2("/nonexistent", "/dev/zero", O_RDONLY, why, nullptr), nullptr);
  EXPECT_STRNE(why, "");
  why[0] = '\0';
  const kvm_tests::Folder folder;
  EXPECT_EQ(kvm_open2(folder.put("some-file", "this is a text file").c_str(), "/bin/sh", O_RDONLY,
                      why, nullptr),
            nullptr);
  EXPECT_STRNE(why, "");
}

int resolve(const char* name, kvaddr_t* address) {
  if (std::strcmp(name, "known") != 0) return -1;
  *address = 0xffffffff80401000;
  return 0;
}

TEST_F(FreeBsd, kvm_open2_AsksTheResolver) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  kd = kvm_open2(nullptr, files.dump(), O_RDONLY, why, resolve);
  ASSERT_NE(kd, nullptr) << why;
  struct kvm_nlist names[] = {{"known", 0, 0}, {"_known", 0, 0}, {"panic", 0, 0}, {nullptr, 0, 0}};
  EXPECT_EQ(kvm_nlist2(kd, names), 1);
  EXPECT_EQ(names[0].n_value, 0xffffffff80401000);
  EXPECT_EQ(names[0].n_type, N_DATA | N_EXT);
  EXPECT_EQ(names[1].n_value, 0xffffffff80401000);
  EXPECT_EQ(names[2].n_type, N_UNDF);
}

TEST_F(FreeBsd, kvm_nlist2_Finds) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  struct kvm_nlist names[] = {{"_panic", 0, 0}, {"nothing", 0, 0}, {"", 0, 0}};
  EXPECT_EQ(kvm_nlist2(kd, names), 1);
  EXPECT_EQ(names[0].n_value, files.symbol("panic"));
}

// lib/libkvm/kvm.c tries a name as that of a network stack's variable and of a processor's.
TEST_F(FreeBsd, kvm_nlist_OfAProcessor) {
  const DumpFiles files("freebsd-12-machine", "12-machine-v3");
  open(files);
  for (const auto& own : files.description.machine.own) {
    SCOPED_TRACE(own.name);
    const std::string underscored = "_" + own.name;
    struct nlist names[] = {{underscored.c_str(), 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
    if (own.name == "panic") continue;  // a function of that name is meant too
    ASSERT_EQ(kvm_dpcpu_setcpu(kd, 0), 0) << kvm_geterr(kd);
    ASSERT_EQ(kvm_nlist(kd, names), 0);
    if (own.counters) continue;  // the variable points to its counters
    std::uint64_t value = 0;
    ASSERT_EQ(kvm_read(kd, names[0].n_value, &value, 8), 8) << kvm_geterr(kd);
    EXPECT_EQ(value, own.values.front());
    if (own.set != "pcpu") continue;
    ASSERT_EQ(kvm_dpcpu_setcpu(kd, 1), 0) << kvm_geterr(kd);
    ASSERT_EQ(kvm_nlist(kd, names), 0);
    ASSERT_EQ(kvm_read(kd, names[0].n_value, &value, 8), 8) << kvm_geterr(kd);
    EXPECT_EQ(value, own.values[1]);
  }
}

// A counter of counter(9) is a pointer into a zone of which each processor has its share.
TEST_F(FreeBsd, kvm_counter_u64_fetch_And_kvm_read_zpcpu) {
  for (const char* const name : {"freebsd-12-machine", "freebsd-15-0-machine"}) {
    const bool newer = std::strstr(name, "15") != nullptr;
    const DumpFiles files(name, newer ? "15-0-machine-full" : "12-machine-v3");
    ASSERT_NO_FATAL_FAILURE(open(files));
    int counters = 0;
    for (const auto& own : files.description.machine.own) {
      if (!own.counters || own.set != "") continue;
      SCOPED_TRACE(own.name);
      struct nlist names[] = {{own.name.c_str(), 0, 0, 0, 0}, {nullptr, 0, 0, 0, 0}};
      ASSERT_EQ(kvm_nlist(kd, names), 0);
      std::uint64_t base = 0, sum = 0;
      ASSERT_EQ(kvm_read(kd, names[0].n_value, &base, 8), 8);
      for (std::size_t at = 0; at < own.values.size(); ++at) {
        EXPECT_EQ(kvm_counter_u64_fetch(kd, base + 8 * at), own.values[at]) << kvm_geterr(kd);
        for (std::size_t cpu = 0; cpu < files.description.machine.cpus.size(); ++cpu) {
          std::uint64_t share = 0;
          ASSERT_EQ(kvm_read_zpcpu(kd, base + 8 * at, &share, 8,
                                   static_cast<int>(files.description.machine.cpus[cpu].number)),
                    8);
          sum += share;
        }
        EXPECT_EQ(sum, own.values[at]);
        sum = 0;
        ++counters;
      }
    }
    EXPECT_GT(counters, 0);
    std::uint64_t share = 0;
    EXPECT_EQ(kvm_read_zpcpu(kd, 0, &share, 8, 77), -1);
    EXPECT_STREQ(kvm_geterr(kd), "no processor 77");
    EXPECT_EQ(kvm_counter_u64_fetch(kd, 16), 0U);
    EXPECT_EQ(kvm_close(kd), 0);
    kd = nullptr;
  }
}

TEST_F(FreeBsd, kvm_getpcpu_Copies) {
  const DumpFiles files("freebsd-12-machine", "12-machine-v3");
  open(files);
  for (const auto& cpu : files.description.machine.cpus) {
    void* const copy = kvm_getpcpu(kd, static_cast<int>(cpu.number));
    ASSERT_NE(copy, nullptr);
    ASSERT_NE(copy, reinterpret_cast<void*>(std::intptr_t{-1})) << kvm_geterr(kd);
    // sys/sys/pcpu.h: it begins with the running thread.
    std::uint64_t current = 0;
    std::memcpy(&current, copy, 8);
    EXPECT_EQ(current, cpu.current);
    std::free(copy);
  }
  EXPECT_EQ(kvm_getpcpu(kd, 77), nullptr);
}

TEST_F(FreeBsd, kvm_getpcpu_WhereThereIsNone) {
  open(DumpFiles("linux-x86_64", "linux-kdump-v6"));
  EXPECT_EQ(kvm_getpcpu(kd, 0), nullptr);
}

TEST_F(FreeBsd, kvm_dpcpu_setcpu_OfNoProcessor) {
  open(DumpFiles("freebsd-12-machine", "12-machine-v3"));
  EXPECT_EQ(kvm_dpcpu_setcpu(kd, 77), -1);
  EXPECT_STREQ(kvm_geterr(kd), "no processor 77");
}

TEST_F(FreeBsd, kvm_read2_Reads) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  std::uint32_t value = 0;
  ASSERT_EQ(kvm_read2(kd, files.symbol("panic"), &value, 4), 4);
  EXPECT_EQ(value, files.word(files.symbol("panic"), 4));
  EXPECT_EQ(kvm_read2(kd, 8, &value, 4), -1);
}

TEST_F(FreeBsd, kvm_native_SaysWhoseMachine) {
  struct {
    const char *description, *file;
    bool x86;
  } const dumps[] = {{"freebsd-12-tables", "freebsd-12-v3", true},
                     {"freebsd-arm64", "arm64-v2", false},
                     {"freebsd-i386", "i386-full", false}};
#ifdef __x86_64__
  for (const auto& one : dumps) {
    ASSERT_NO_FATAL_FAILURE(open(DumpFiles(one.description, one.file)));
    EXPECT_EQ(kvm_native(kd), one.x86 ? 1 : 0) << one.file;
    EXPECT_EQ(kvm_close(kd), 0);
    kd = nullptr;
  }
#else
  static_cast<void>(dumps);
#endif
}

TEST_F(FreeBsd, kvm_kerndisp_OfAKernelInItsPlace) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  EXPECT_EQ(kvm_kerndisp(kd), 0);
}

struct Minidump {
  const char *description, *file;
};
void PrintTo(const Minidump& minidump, std::ostream* out) { *out << minidump.file; }
class FreeBsdPages : public FreeBsd, public testing::WithParamInterface<Minidump> {};

// lib/libkvm/kvm_minidump_*.c: the kernel's map first, then what it does not show of the dump.
TEST_P(FreeBsdPages, kvm_walk_pages_ShowsEach) {
  const DumpFiles files(GetParam().description, GetParam().file);
  ASSERT_NO_FATAL_FAILURE(open(files));
  std::vector<struct kvm_page> pages;
  ASSERT_EQ(kvm_walk_pages(
                kd,
                [](struct kvm_page* page, void* to) {
                  static_cast<std::vector<struct kvm_page>*>(to)->push_back(*page);
                  return 1;
                },
                &pages),
            1)
      << kvm_geterr(kd);
  std::map<std::uint64_t, const struct kvm_page*> by_address;
  std::map<std::uint64_t, int> shown;  // pages of memory
  const auto& image = files.description.image;
  std::ifstream dump(files.dump(), std::ios::binary);
  for (const auto& page : pages) {
    EXPECT_EQ(page.kp_version, 2U);
    if (page.kp_kmap_vaddr != 0) {
      EXPECT_EQ(by_address.count(page.kp_kmap_vaddr), 0U) << std::hex << page.kp_kmap_vaddr;
      by_address[page.kp_kmap_vaddr] = &page;
    } else {
      EXPECT_EQ(page.kp_prot, 3);
      EXPECT_EQ(shown[page.kp_paddr], 0) << std::hex << page.kp_paddr;
    }
    for (std::uint64_t at = 0; at < page.kp_len; at += image.page) ++shown[page.kp_paddr + at];
    // The writer of a minidump makes the tables that its map leads to.
    const bool is_table =
        page.kp_paddr >= image.table_area.start && page.kp_paddr < image.table_area.end;
    if (page.kp_offset == -1 || is_table) continue;
    std::vector<char> bytes(static_cast<std::size_t>(image.page));
    dump.seekg(page.kp_offset);
    dump.read(bytes.data(), static_cast<std::streamsize>(bytes.size()));
    EXPECT_EQ(std::memcmp(bytes.data(), image.page_bytes(page.kp_paddr).data(), bytes.size()), 0)
        << std::hex << page.kp_paddr;
  }
  // Every page that the description maps for the kernel, but in the direct map.
  std::size_t mapped = 0;
  for (const foundry::Mapping& mapping : image.mappings) {
    const bool low = image.pointer() == 8 && mapping.virtual_address < (std::uint64_t{1} << 63);
    if (low || mapping.physical == 0) continue;
    // The map of amd64's version 1 has an entry for each 4 KiB, large pages or not.
    const bool small = std::strcmp(GetParam().file, "amd64-v1") == 0;
    for (std::uint64_t at = 0; at < mapping.size; at += small ? image.page : mapping.page) {
      ASSERT_EQ(by_address.count(mapping.virtual_address + at), 1U)
          << std::hex << mapping.virtual_address + at;
      EXPECT_EQ(by_address[mapping.virtual_address + at]->kp_paddr, mapping.physical + at);
      ++mapped;
    }
  }
  EXPECT_EQ(by_address.size(), mapped);
  EXPECT_GT(mapped, 0U);
  // And every page that the dump holds.
  for (const auto& [start, end] : image.ram)
    for (std::uint64_t at = start; at < end; at += image.page) {
      EXPECT_EQ(shown.count(at), image.excluded.count(at) != 0 ? shown.count(at) : 1U)
          << std::hex << at;
    }
}
INSTANTIATE_TEST_SUITE_P(Each, FreeBsdPages,
                         testing::Values(Minidump{"freebsd-amd64", "amd64-v1"},
                                         Minidump{"freebsd-amd64", "amd64-v2"},
                                         Minidump{"freebsd-amd64", "amd64-v3"},
                                         Minidump{"freebsd-i386", "i386-v1"},
                                         Minidump{"freebsd-arm64", "arm64-v2"},
                                         Minidump{"dragonfly-5-9", "dragonfly-5-9-v2"}));

TEST_F(FreeBsd, kvm_walk_pages_Stops) {
  open(DumpFiles("freebsd-amd64", "amd64-v3"));
  int calls = 0;
  EXPECT_EQ(kvm_walk_pages(
                kd, [](struct kvm_page*, void* to) { return ++*static_cast<int*>(to) < 3 ? 1 : 0; },
                &calls),
            0);
  EXPECT_EQ(calls, 3);
}

TEST_F(FreeBsd, kvm_walk_pages_OfAFullDump) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-full"));
  EXPECT_EQ(kvm_walk_pages(
                kd, [](struct kvm_page*, void*) { return 1; }, nullptr),
            0);
  EXPECT_STREQ(kvm_geterr(kd), "kvm_walk_pages: the dump is no minidump");
}

// sys/sys/proc.h: SRUN 2, SSLEEP 3, SSTOP 4, SZOMB 5, SWAIT 6, SLOCK 7.
int state_of(const foundry::ProcessText& process) {
  static const std::map<std::string, int> numbers = {
      {"", 3},        {"sleeping", 3}, {"uninterruptible", 3},
      {"running", 2}, {"stopped", 4},  {"traced", 4},
      {"zombie", 5},  {"idle", 6},     {"locked", 7}};
  if (process.zombie) return 5;
  if (process.threads.empty() || process.threads.front().cpu) return 2;
  return numbers.at(process.threads.front().state);
}

class FreeBsdTargets : public FreeBsd, public testing::WithParamInterface<kvm_tests::Target> {};

// Every process of any system's kernel, by what each of them has.
TEST_P(FreeBsdTargets, kvm_getprocs_OfEverySystem) {
  const DumpFiles files(GetParam().description, GetParam().file);
  ASSERT_NO_FATAL_FAILURE(open(files));
  int count = 0;
  const kinfo_proc* const records = kvm_getprocs(kd, KERN_PROC_PROC, 0, &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  EXPECT_EQ(static_cast<std::size_t>(count), files.processes());
  for (int index = 0; index < count; ++index) {
    const kinfo_proc& record = records[index];
    EXPECT_EQ(record.ki_structsize, 1088);
    if (record.ki_pid == 0) continue;  // has no parent; on Linux there is one for each processor
    const foundry::ProcessText& wanted = files.process(record.ki_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(record.ki_ppid, wanted.ppid);
    EXPECT_EQ(record.ki_uid, wanted.uid);
    EXPECT_EQ(std::string(record.ki_comm), wanted.name.substr(0, sizeof record.ki_comm - 1));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.ki_paddr), wanted.address);
  }
}
INSTANTIATE_TEST_SUITE_P(Each, FreeBsdTargets, testing::ValuesIn(kvm_tests::targets));

// FreeBSD's own, member by member.
TEST_F(FreeBsd, kvm_getprocs_Members) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-full");
  open(files);
  int count = 0;
  const kinfo_proc* const records = kvm_getprocs(kd, KERN_PROC_PROC, 0, &count);
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  for (int index = 0; index < count; ++index) {
    const kinfo_proc& record = records[index];
    const foundry::ProcessText& wanted = files.process(record.ki_pid);
    SCOPED_TRACE(wanted.name);
    EXPECT_EQ(record.ki_pgid, wanted.group);
    EXPECT_EQ(record.ki_sid, wanted.session);
    EXPECT_EQ(record.ki_ruid, wanted.real_uid);
    EXPECT_EQ(record.ki_rgid, wanted.real_gid);
    EXPECT_EQ(record.ki_jid, wanted.jail);
    EXPECT_EQ(record.ki_nice, wanted.nice);
    EXPECT_EQ(record.ki_flag, static_cast<long>(wanted.flags));
    EXPECT_EQ(record.ki_stat, state_of(wanted));
    EXPECT_EQ(record.ki_numthreads, static_cast<int>(wanted.threads.size()));
    EXPECT_EQ(record.ki_size, wanted.size);
    EXPECT_EQ(record.ki_rssize, static_cast<long>(wanted.resident_pages));
    EXPECT_EQ(record.ki_kiflag & KI_CTTY, wanted.terminal.empty() ? 0 : KI_CTTY);
    EXPECT_EQ(record.ki_kiflag & KI_SLEADER, wanted.session == wanted.pid ? KI_SLEADER : 0);
    if (wanted.threads.empty()) continue;
    const foundry::ThreadText& thread = wanted.threads.front();
    EXPECT_EQ(record.ki_tid, thread.tid);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.ki_tdaddr), thread.address);
    EXPECT_EQ(std::string(record.ki_tdname), thread.name.substr(0, 16));
    EXPECT_EQ(record.ki_pri.pri_level, thread.priority);
    EXPECT_EQ(record.ki_oncpu, thread.cpu ? static_cast<int>(*thread.cpu) : -1);
    EXPECT_EQ(record.ki_lastcpu, static_cast<int>(thread.last_cpu));
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.ki_wchan), thread.channel);
    EXPECT_EQ(std::string(record.ki_wmesg), thread.message.substr(0, 8));
  }
}

TEST_F(FreeBsd, kvm_getprocs_Times) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  int count = 0;
  const kinfo_proc* const record = kvm_getprocs(kd, KERN_PROC_PID, 812, &count);
  ASSERT_NE(record, nullptr) << kvm_geterr(kd);
  ASSERT_EQ(count, 1);
  // Ticks of the process and of its threads, at the description's million for a second.
  const foundry::ProcessText& wanted = files.process(812);
  std::uint64_t ticks = wanted.run_ticks;
  for (const foundry::ThreadText& thread : wanted.threads) ticks += thread.new_ticks;
  EXPECT_NEAR(static_cast<double>(record->ki_runtime), static_cast<double>(ticks), 2);
}

TEST_F(FreeBsd, kvm_getprocs_Chooses) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  const auto& processes = files.description.processes;
  const auto expected = [&](auto member, std::int64_t value) {
    std::map<int, int> pids;
    for (const foundry::ProcessText& one : processes)
      if (static_cast<std::int64_t>(one.*member) == value) pids[static_cast<int>(one.pid)] = 1;
    return pids;
  };
  const auto got = [&](int op, int arg) {
    std::map<int, int> pids;
    for (const auto& [pid, tid] : chosen(op, arg)) ++pids[pid];
    return pids;
  };
  using foundry::ProcessText;
  EXPECT_EQ(got(KERN_PROC_PID, 812), expected(&ProcessText::pid, 812));
  EXPECT_EQ(got(KERN_PROC_PID, 99999).size(), 0U);
  EXPECT_EQ(got(KERN_PROC_PGRP, 812), expected(&ProcessText::group, 812));
  EXPECT_EQ(got(KERN_PROC_SESSION, 800), expected(&ProcessText::session, 800));
  EXPECT_EQ(got(KERN_PROC_UID, 1001), expected(&ProcessText::uid, 1001));
  EXPECT_EQ(got(KERN_PROC_RUID, 1002), expected(&ProcessText::real_uid, 1002));
  EXPECT_EQ(got(KERN_PROC_GID, 20), expected(&ProcessText::gid, 20));
  EXPECT_EQ(got(KERN_PROC_RGID, 21), expected(&ProcessText::real_gid, 21));
  EXPECT_EQ(expected(&ProcessText::pid, 812).size(), 1U);
}

TEST_F(FreeBsd, kvm_getprocs_OfATerminal) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  int count = 0;
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_TTY, 5, &count), nullptr);
  EXPECT_TRUE(std::strstr(kvm_geterr(kd), "terminal")) << kvm_geterr(kd);
}

TEST_F(FreeBsd, kvm_getprocs_Threads) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  std::vector<std::pair<int, int>> wanted;
  for (const foundry::ThreadText& thread : files.process(812).threads)
    wanted.emplace_back(812, static_cast<int>(thread.tid));
  EXPECT_EQ(chosen(KERN_PROC_PID | KERN_PROC_INC_THREAD, 812), wanted);
  EXPECT_EQ(chosen(KERN_PROC_PID, 812).size(), 1U);
  std::size_t threads = 0;
  for (const foundry::ProcessText& one : files.description.processes)
    threads += std::max<std::size_t>(one.threads.size(), 1);
  EXPECT_EQ(chosen(KERN_PROC_ALL, 0).size(), threads);
  // A thread that waits for a lock has its name where others have what they sleep on.
  int count = 0;
  const kinfo_proc* const records =
      kvm_getprocs(kd, KERN_PROC_PID | KERN_PROC_INC_THREAD, 812, &count);
  ASSERT_EQ(count, static_cast<int>(wanted.size()));
  bool locked = false;
  for (int index = 0; index < count; ++index)
    if (records[index].ki_stat == SLOCK) {
      locked = true;
      EXPECT_STREQ(records[index].ki_lockname, "vnode in");
      EXPECT_EQ(records[index].ki_kiflag & KI_LOCKBLOCK, KI_LOCKBLOCK);
    }
  EXPECT_TRUE(locked);
}

TEST_F(FreeBsd, kvm_getprocs_OfADumpWithoutKernel) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  kd = kvm_openfiles(nullptr, files.dump(), nullptr, O_RDONLY, why);
  ASSERT_NE(kd, nullptr) << why;
  int count = 0;
  EXPECT_EQ(kvm_getprocs(kd, KERN_PROC_PROC, 0, &count), nullptr);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

TEST_F(FreeBsd, kvm_getargv_And_kvm_getenvv) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-full");
  open(files);
  int count = 0;
  const kinfo_proc* const record = kvm_getprocs(kd, KERN_PROC_PID, 812, &count);
  ASSERT_NE(record, nullptr);
  const kinfo_proc process = *record;
  const foundry::ProcessText& wanted = files.process(812);
  EXPECT_EQ(words(kvm_getargv(kd, &process, 0)), wanted.arguments);
  EXPECT_EQ(words(kvm_getenvv(kd, &process, 0)), wanted.environment);
  // nchr bytes in all, each string with its NUL.
  const std::vector<std::string> cut = {"sh", "-"};
  EXPECT_EQ(words(kvm_getargv(kd, &process, 5)), cut);
  EXPECT_EQ(words(kvm_getargv(kd, &process, 6)), (std::vector<std::string>{"sh", "-c"}));
  EXPECT_EQ(words(kvm_getargv(kd, &process, 7)), (std::vector<std::string>{"sh", "-c", ""}));
}

// FreeBSD's own keeps them in one place for all handles.
TEST_F(FreeBsd, kvm_getargv_OfTwoHandles) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-full");
  open(files);
  kvm_t* const other = kvm_openfiles(files.kernel(), files.dump(), nullptr, O_RDONLY, why);
  ASSERT_NE(other, nullptr) << why;
  kinfo_proc shell{}, logger{};
  shell.ki_pid = 812;
  logger.ki_pid = 700;
  char** const of_shell = kvm_getargv(kd, &shell, 0);
  char** const of_logger = kvm_getargv(other, &logger, 0);
  EXPECT_EQ(words(of_shell), files.process(812).arguments);
  EXPECT_EQ(words(of_logger), files.process(700).arguments);
  EXPECT_EQ(kvm_close(other), 0);
  EXPECT_EQ(words(of_shell), files.process(812).arguments);
}

TEST_F(FreeBsd, kvm_getargv_OfNone) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-full"));
  kinfo_proc nobody{};
  nobody.ki_pid = 99999;
  EXPECT_EQ(kvm_getargv(kd, &nobody, 0), nullptr);
  EXPECT_STREQ(kvm_geterr(kd), "no process 99999");
}

// A minidump has no user memory.
TEST_F(FreeBsd, kvm_getenvv_NotInTheDump) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  kinfo_proc process{};
  process.ki_pid = 812;
  EXPECT_EQ(kvm_getenvv(kd, &process, 0), nullptr);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

TEST_F(FreeBsd, kvm_uread_Reads) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-full");
  open(files);
  kinfo_proc process{};
  process.ki_pid = 812;
  const std::uint64_t strings = files.process(812).strings;
  char bytes[8] = {};
  ASSERT_EQ(kvm_uread(kd, &process, strings, bytes, sizeof bytes), 8) << kvm_geterr(kd);
  std::uint64_t word = 0;
  std::memcpy(&word, bytes, 8);
  EXPECT_EQ(word, files.word(strings, 8));
  EXPECT_NE(word, 0U);
  EXPECT_EQ(kvm_uread(kd, &process, 0x10, bytes, 8), -1);
  process.ki_pid = 99999;
  EXPECT_EQ(kvm_uread(kd, &process, strings, bytes, 8), -1);
  EXPECT_STREQ(kvm_geterr(kd), "no process 99999");
}

TEST_F(FreeBsd, kvm_getfiles_Members) {
  const DumpFiles files("freebsd-12-tables", "freebsd-12-v3");
  open(files);
  int count = 0;
  const auto* const records = reinterpret_cast<const xfile*>(kvm_getfiles(kd, 15, 0, &count));
  ASSERT_NE(records, nullptr) << kvm_geterr(kd);
  std::size_t wanted = 0, found = 0;
  for (const foundry::ProcessText& process : files.description.processes)
    wanted += process.descriptors.size();
  ASSERT_EQ(static_cast<std::size_t>(count), wanted);
  // sys/sys/file.h, by the descriptions' kinds.
  const std::map<std::string, int> types = {
      {"file", 1}, {"directory", 1}, {"device", 1}, {"tcp", 2}, {"udp6", 2},
      {"pipe", 3}, {"kqueue", 5},    {"shm", 8},    {"sem", 9}, {"pts", 10}};
  for (int index = 0; index < count; ++index) {
    const xfile& record = records[index];
    EXPECT_EQ(record.xf_size, 128U);
    const foundry::ProcessText& process = files.process(record.xf_pid);
    for (const foundry::DescriptorText& one : process.descriptors) {
      if (one.number != record.xf_fd) continue;
      SCOPED_TRACE(one.type);
      ++found;
      EXPECT_EQ(reinterpret_cast<std::uintptr_t>(record.xf_file), one.address);
      EXPECT_EQ(record.xf_uid, process.uid);
      // What is no file has no position that means anything.
      EXPECT_EQ(record.xf_offset, one.type == "pts" ? 0 : static_cast<off_t>(one.position));
      EXPECT_EQ(record.xf_flag & FREAD, one.access.find('r') != std::string::npos ? 1U : 0U);
      EXPECT_EQ(record.xf_flag & FWRITE, one.access.find('w') != std::string::npos ? 2U : 0U);
      if (const auto type = types.find(one.type); type != types.end()) {
        EXPECT_EQ(record.xf_type, type->second);
      }
    }
  }
  EXPECT_EQ(found, wanted);
}

TEST_F(FreeBsd, kvm_getswapinfo_Answers) {
  open(DumpFiles("freebsd-12-machine", "12-machine-v3"));
  kvm_swap swap[4];
  std::memset(swap, 0x55, sizeof swap);
  ASSERT_EQ(kvm_getswapinfo(kd, swap, 4, SWIF_DEV_PREFIX), 2) << kvm_geterr(kd);
  EXPECT_STREQ(swap[0].ksw_devname, "/dev/da0p3");
  EXPECT_EQ(swap[0].ksw_total, 262144U);
  EXPECT_EQ(swap[0].ksw_used, 4096U);
  EXPECT_STREQ(swap[1].ksw_devname, "/usr/swap0");
  EXPECT_EQ(swap[1].ksw_total, 1024U);
  EXPECT_EQ(swap[2].ksw_total, 262144U + 1024U);
  EXPECT_EQ(swap[2].ksw_used, 4096U);
  // Devices beyond the room are in the total all the same.
  ASSERT_EQ(kvm_getswapinfo(kd, swap, 2, 0), 1);
  EXPECT_STREQ(swap[0].ksw_devname, "da0p3");
  EXPECT_EQ(swap[1].ksw_total, 262144U + 1024U);
  ASSERT_EQ(kvm_getswapinfo(kd, swap, 1, 0), 0);
  EXPECT_EQ(swap[0].ksw_total, 262144U + 1024U);
  EXPECT_EQ(kvm_getswapinfo(kd, swap, 0, 0), -1);
}

TEST_F(FreeBsd, kvm_getmaxcpu_And_kvm_getncpus) {
  const DumpFiles files("freebsd-12-machine", "12-machine-v3");
  open(files);
  EXPECT_EQ(kvm_getncpus(kd), static_cast<int>(files.description.machine.cpus.size()))
      << kvm_geterr(kd);
  if (kvm_getmaxcpu(kd) < 0) {
    EXPECT_TRUE(std::strstr(kvm_geterr(kd), "mp_maxcpus")) << kvm_geterr(kd);
  }
}

// A null handle asks to forget what FreeBSD's library keeps between calls.
TEST(FreeBsdNull, kvm_getswapinfo_Of_No_Handle) {
  EXPECT_EQ(kvm_getswapinfo(nullptr, nullptr, 0, 0), 0);
  EXPECT_EQ(kvm_getmaxcpu(nullptr), 0);
  EXPECT_EQ(kvm_getcptime(nullptr, nullptr), 0);
}

// Kernels without the variable cp_time have each processor's own (lib/libkvm/kvm_cptime.c).
TEST_F(FreeBsd, kvm_getcptime_SumsTheProcessors) {
  const DumpFiles files("freebsd-12-machine", "12-machine-v3");
  open(files);
  long times[5] = {9, 9, 9, 9, 9};
  ASSERT_EQ(kvm_getcptime(kd, times), 0) << kvm_geterr(kd);
  for (std::size_t state = 0; state < 5; ++state) {
    std::uint64_t sum = 0;
    for (const auto& cpu : files.description.machine.cpus) sum += cpu.times[state];
    EXPECT_EQ(times[state], static_cast<long>(sum));
  }
  EXPECT_GT(times[4], 9000000000);
}

TEST_F(FreeBsd, kvm_getcptime_WithoutIt) {
  open(DumpFiles("freebsd-12-tables", "freebsd-12-v3"));
  long times[5];
  EXPECT_EQ(kvm_getcptime(kd, times), -1);
  EXPECT_STRNE(kvm_geterr(kd), "");
}

}  // namespace
