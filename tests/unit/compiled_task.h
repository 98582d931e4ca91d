#pragma once

#include <gtest/gtest.h>

#include <cstdint>

#include "core/types/type_catalog.h"

namespace panicroom::test {

/// Expects of `types` what compilers say of the structures of btf_blob.h: where each member of
/// struct task lies, bit-fields left out.
inline void expect_members_of_task(const TypeCatalog& types) {
  struct Expected {
    const char* path;
    std::uint64_t offset, size, count;
    bool is_signed;
  };
  for (const Expected& expected : {Expected{"flag", 0, 1, 1, false},
                                   {"hidden", 8, 4, 1, true},
                                   {"either", 16, 8, 1, true},
                                   {"or_else", 16, 2, 1, false},
                                   {"tasks", 24, 16, 1, false},
                                   {"tasks.prev", 32, 8, 1, false},
                                   {"pid", 40, 4, 1, true},
                                   {"name", 44, 16, 16, true},
                                   {"leaves", 60, 48, 6, false},
                                   {"leaves[2]", 92, 16, 2, false},
                                   {"leaves[2][1].level", 104, 4, 1, true},
                                   {"pointers", 112, 32, 4, false},
                                   {"pointers[3]", 136, 8, 1, false},
                                   {"state", 144, 4, 1, true},
                                   {"value.words[1]", 160, 8, 1, false},
                                   {"delta", 168, 1, 1, true},
                                   {"tail", 176, 0, 0, false},
                                   {"tail[5]", 216, 8, 1, false}}) {
    const auto member = types.member("task", expected.path);
    ASSERT_TRUE(member) << expected.path << ": " << member.error().message();
    EXPECT_EQ(member->offset, expected.offset) << expected.path;
    EXPECT_EQ(member->size, expected.size) << expected.path;
    EXPECT_EQ(member->count, expected.count) << expected.path;
    EXPECT_EQ(member->is_signed, expected.is_signed) << expected.path;
    EXPECT_EQ(member->bit_size, 0U) << expected.path;
  }
}

/// The same for bit-fields. A big-endian machine's lie from the highest bit down.
inline void expect_bit_fields_of_task(const TypeCatalog& types, bool big_endian = false) {
  struct Expected {
    const char *structure, *path;
    std::uint64_t bit;
    std::uint32_t size;
    bool is_signed;
  };
  // Seen by setting each field to all ones: low = byte 108 mask 7; high = byte 108 mask f8, byte
  // 109 mask 3; negative = byte 109 mask 7c; packed.b = byte 1 mask ff, byte 2 mask f.
  for (const Expected& expected : {Expected{"task", "low", 864, 3, false},
                                   {"task", "high", 867, 7, false},
                                   {"task", "negative", 874, 5, true},
                                   {"packed", "b", 8, 12, false}}) {
    const auto field = types.member(expected.structure, expected.path);
    ASSERT_TRUE(field) << field.error().message();
    const std::uint64_t before =
        big_endian ? field->size * 8 - field->bit_offset - field->bit_size : field->bit_offset;
    EXPECT_EQ(field->offset * 8 + before, expected.bit) << expected.path;
    EXPECT_EQ(field->bit_size, expected.size) << expected.path;
    EXPECT_EQ(field->is_signed, expected.is_signed) << expected.path;
    EXPECT_LE(field->bit_offset + field->bit_size, field->size * 8) << expected.path;
  }
}

}  // namespace panicroom::test
