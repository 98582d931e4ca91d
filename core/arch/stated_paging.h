#pragma once

#include <cstdint>
#include <memory>
#include <string_view>

#include "core/arch/page_table.h"
#include "core/base/error.h"

namespace panicroom {

/// Page tables as people state them: `root` is what the table register holds, `paging` one of
/// "two-level", "pae", "four-level", "five-level" (x86), or AArch64's granule "4k", "16k", "64k",
/// with ":BITS" of the half's addresses (48 without) and ":lpa" where physical addresses have 52
/// bits and the tables' form follows from that ("4k:52" and "16k:52" imply it). On AArch64 the root
/// stands for the half that each address lies in. Error: `invalid`.
Result<std::unique_ptr<PageTable>> stated_page_table(std::uint64_t root, std::string_view paging);

}  // namespace panicroom
