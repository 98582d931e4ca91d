#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "core/kernel/linux/evidence.h"
#include "core/types/export_types.h"
#include "tests/unit/linux_image.h"
#include "tests/unit/stated_types.h"

namespace panicroom::testing {

/// A Linux kernel of a few structures and symbols, with layouts that no kernel has. Its memory is
/// the image's from `base` on; all members are words.
class StatedLinux {
 public:
  static constexpr std::uint64_t base = 0xffffffff80000000;

  /// `members`: names ("oo.x" is a structure with one member) and the words that come before each.
  TypeId structure(const std::string& name, std::uint64_t size,
                   const std::vector<std::pair<std::string, std::uint64_t>>& members) {
    std::vector<TypeMember> written;
    for (const auto& [path, at] : members) {
      const std::size_t dot = path.find('.');
      TypeId type = word();
      if (dot != std::string::npos)
        type = types_->add({test::of(TypeKind::structure, "", 8),
                            {{kept(path.substr(dot + 1)), word(), 0, 0}},
                            {}});
      written.push_back({kept(path.substr(0, dot)), type, at * 64, 0});
    }
    names_.push_back(name);
    return types_->add({test::of(TypeKind::structure, kept(name), size), written, {}});
  }
  void enumerator(const std::string& enumeration, const std::string& name, std::int64_t value) {
    Type type = test::of(TypeKind::enumeration, kept(enumeration), 4);
    type.name_space = TypeName::enumeration;
    types_->add({type, {}, {{kept(name), value}}});
    names_.push_back(enumeration);
  }
  void symbol(const std::string& name, std::uint64_t address) {
    symbols_ += fmt::format("SYMBOL({})={:x}\n", name, address);
  }
  /// Writes a word at an address of the kernel.
  void put(std::uint64_t address, std::uint64_t value) { image_.put64(address - base, value); }
  void text(std::uint64_t address, std::string_view value) { image_.text(address - base, value); }
  /// An empty list: it leads back to itself.
  void empty_list(std::uint64_t head) { put(head, head), put(head + 8, head); }

  linux_kernel::Evidence& evidence() {
    if (evidence_) return *evidence_;
    image_.map_x86_64(0);
    Vmcoreinfo info("SYMBOL(swapper_pg_dir)=ffffffff80001000\nNUMBER(phys_base)=0\n" + symbols_);
    const auto paging = linux_kernel::paging_from_vmcoreinfo(info, image_.dump);
    EXPECT_TRUE(paging);
    evidence_.emplace(image_.dump, *paging, std::move(info));
    auto written = export_types(TypeCatalog(types_), names_, image_.dump.machine, "");
    EXPECT_TRUE(written) << written.error().message();
    KernelInputs inputs;
    inputs.kernel_files.emplace_back("types", memory_source("types", std::move(written->file)));
    Notes notes;
    evidence_->use_kernel_files(inputs, notes);
    return *evidence_;
  }

  /// Without what was read before: after a change of what is in memory.
  linux_kernel::Evidence& evidence_anew() {
    evidence_.reset();
    return evidence();
  }

 private:
  TypeId word() {
    if (word_ == 0) word_ = types_->add({test::of(TypeKind::integer, "long", 8), {}, {}});
    return word_;
  }
  std::string_view kept(const std::string& name) {
    return *texts_.emplace_back(std::make_unique<std::string>(name));
  }

  LinuxImage image_{std::uint64_t{4} << 20};
  std::shared_ptr<test::StatedTypes> types_ = std::make_shared<test::StatedTypes>();
  std::vector<std::string> names_;
  std::vector<std::unique_ptr<std::string>> texts_;
  std::string symbols_;
  TypeId word_ = 0;
  std::optional<linux_kernel::Evidence> evidence_;
};

/// The notes' texts, each in a line.
inline std::string texts_of(Notes& notes) {
  std::string all;
  for (const Note& note : notes.take()) all += note.text + "\n";
  return all;
}

}  // namespace panicroom::testing
