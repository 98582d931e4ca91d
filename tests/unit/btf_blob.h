#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "core/types/btf.h"
#include "core/types/type_catalog.h"

namespace panicroom::test {

// The .BTF section of:
//
//   typedef unsigned long size_type;
//   typedef int pid_kind;
//   struct list { struct list *next, *prev; };
//   union value { unsigned char bytes[16]; unsigned long words[2]; };
//   enum state { RUNNING = 0, STOPPED = 4, BROKEN = -1 };
//   enum wide { WIDE_TOP = 0x8000000000000000ULL, WIDE_ONE = 1 };
//   struct leaf { unsigned short id; const volatile int level; };
//   struct task {
//     unsigned char flag;
//     struct { int hidden; union { long either; unsigned short or_else; }; };
//     struct list tasks;
//     pid_kind pid;
//     char name[16];
//     struct leaf leaves[3][2];
//     unsigned low : 3;
//     unsigned high : 7;
//     int negative : 5;
//     size_type *pointers[4];
//     enum state state;
//     union value value;
//     signed char delta;
//     unsigned long tail[];
//   };
//   struct __attribute__((packed)) packed { unsigned char a; unsigned b : 12; unsigned long c; };
//   struct task *t; struct packed p; enum wide w; struct leaf l;
inline const char* const kClangBtf =
    "9feb01001800000000000000e8030000e803000053010000000000000000000202000000010000000e000084b000"
    "00000600000003000000000000000000000004000000400000000b00000009000000c0000000110000000b000000"
    "40010000150000000d000000600100001a00000013000000e0010000210000001400000060030003250000001400"
    "0000630300072a000000050000006a0300053300000018000000800300003c000000190000008004000042000000"
    "1a000000c0040000480000001d000000400500004e0000001e000000800500005300000000000001010000000800"
    "00000000000002000004100000006100000005000000000000000000000006000000400000006800000000000001"
    "04000000200000010000000002000005080000006c00000007000000000000007300000008000000000000007b00"
    "0000000000010800000040000001800000000000000102000000100000008f000000020000041000000094000000"
    "0a00000000000000990000000a000000400000000000000000000002090000009e0000000000000805000000a700"
    "00000000000101000000080000010000000000000003000000000c0000000e00000010000000ac00000000000001"
    "0400000020000000c00000000200000408000000c50000000800000000000000c800000010000000200000000000"
    "00000000000a110000000000000000000009050000000000000000000003000000000f0000000e00000002000000"
    "000000000000000300000000120000000e00000003000000ce000000000000010400000020000000000000000000"
    "000216000000db0000000000000817000000e5000000000000010800000040000000000000000000000300000000"
    "150000000e000000040000003c0000000300008604000000f300000000000000fb0000000400000003010000ffff"
    "ffff4200000002000005100000000a0100001b00000000000000100100001c000000000000000000000000000003"
    "00000000030000000e00000010000000000000000000000300000000170000000e00000002000000160100000000"
    "00010100000008000001000000000000000300000000170000000e00000000000000220100000000000e01000000"
    "0100000024010000030000840b0000002b01000003000000000000002d010000140000000800000c2f0100001700"
    "000018000000310100000000000e2000000001000000330100000200001308000000380100000000000000000080"
    "4101000001000000000000004a0100000000000e22000000010000004c0100000000000e0f000000010000004e01"
    "00000400000f000000001f000000000000000800000021000000000000000b000000230000000000000008000000"
    "240000000000000008000000007461736b00666c6167007461736b7300706964006e616d65006c6561766573006c"
    "6f770068696768006e6567617469766500706f696e746572730073746174650076616c75650064656c7461007461"
    "696c00756e7369676e656420636861720068696464656e00696e7400656974686572006f725f656c7365006c6f6e"
    "6700756e7369676e65642073686f7274006c697374006e6578740070726576007069645f6b696e64006368617200"
    "5f5f41525241595f53495a455f545950455f5f006c656166006964006c6576656c00756e7369676e656420696e74"
    "0073697a655f7479706500756e7369676e6564206c6f6e670052554e4e494e470053544f505045440042524f4b45"
    "4e00627974657300776f726473007369676e656420636861720074007061636b6564006100620063007000776964"
    "6500574944455f544f5000574944455f4f4e450077006c002e62737300";

inline std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes.push_back(static_cast<std::byte>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return bytes;
}

/// Writes a blob record by record.
class BtfBlob {
 public:
  explicit BtfBlob(std::endian order = std::endian::little) : order_(order) {}
  std::uint32_t name(std::string_view text) {
    const auto at = static_cast<std::uint32_t>(strings_.size());
    strings_.append(text).push_back('\0');
    return at;
  }
  /// A type record; answers its id.
  std::uint32_t type(std::uint32_t name, std::uint32_t kind, std::uint32_t count,
                     std::uint32_t size_or_type, const std::vector<std::uint32_t>& records = {},
                     bool flag = false) {
    for (const auto word : {name, (flag ? 1U << 31 : 0) | kind << 24 | count, size_or_type})
      words_.push_back(word);
    for (const std::uint32_t word : records) words_.push_back(word);
    return ++types_;
  }
  std::vector<std::byte> bytes() const {
    std::vector<std::byte> out;
    const auto put = [&](std::uint32_t value, unsigned width) {
      for (unsigned i = 0; i < width; ++i) {
        const unsigned shift = 8 * (order_ == std::endian::little ? i : width - 1 - i);
        out.push_back(static_cast<std::byte>(value >> shift & 0xff));
      }
    };
    put(0xeb9f, 2), put(1, 1), put(0, 1), put(24, 4);
    const auto length = static_cast<std::uint32_t>(words_.size() * 4);
    put(0, 4), put(length, 4), put(length, 4), put(static_cast<std::uint32_t>(strings_.size()), 4);
    for (const auto word : words_) put(word, 4);
    for (const char c : strings_) out.push_back(static_cast<std::byte>(c));
    return out;
  }
  std::shared_ptr<const TypeCatalog> read() const {
    auto types = read_btf(bytes(), order_, "test");
    EXPECT_TRUE(types) << types.error().message();
    return types ? std::make_shared<const TypeCatalog>(*types) : nullptr;
  }

 private:
  std::endian order_;
  std::string strings_ = std::string(1, '\0');
  std::vector<std::uint32_t> words_;
  std::uint32_t types_ = 0;
};

inline constexpr std::uint32_t kInt = 1, kPointer = 2, kArray = 3, kStruct = 4, kEnum = 6,
                               kForward = 7, kTypedef = 8, kConst = 10;

}  // namespace panicroom::test
