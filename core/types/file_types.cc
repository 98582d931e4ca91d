#include "core/types/file_types.h"

#include <elf.h>
#include <fmt/format.h>

#include <optional>

#include "core/base/printable.h"
#include "core/symbols/elf_sections.h"
#include "core/types/btf.h"
#include "core/types/ctf.h"
#include "core/types/debug_file.h"
#include "core/types/dwarf.h"
#include "core/types/section_bytes.h"

namespace panicroom {

namespace {

/// What the files have given so far.
class Gathered {
 public:
  explicit Gathered(const Machine& machine) : machine_(machine) {}

  /// False: it may be a module, which has its turn when the kernel is known (`last`).
  bool read(const std::string& name, const SourcePtr& file, bool last) {
    const auto elf = read_elf_sections(*file);
    if (!elf) return failed(elf.error().within(printable(name)));
    if (elf->machine.architecture != machine_.architecture) return true;
    if (elf->type == ET_REL && !last) return false;
    auto ctf = read_ctf(file, ctf_kernel_);
    if (!ctf && ctf.error().code != ErrorCode::no_type) failed(ctf.error());
    if (!ctf) {
      read_btf_of(file, elf->type == ET_REL);
      return read_dwarf_of(file, elf->type == ET_REL);
    }
    const bool module = elf->type == ET_REL || !(*ctf)->parent_name().empty();
    if (module && !last) return false;
    if (!module && !ctf_kernel_) ctf_kernel_ = *ctf;
    if (!module && !kernel_)
      kernel_ = std::move(*ctf);
    else
      others_.push_back(std::move(*ctf));
    return true;
  }

  void refuse(std::string why) {
    failed(Error{ErrorCode::invalid, Absence::none, std::move(why), std::nullopt, std::nullopt});
  }

  Result<std::shared_ptr<const TypeCatalog>> finish() {
    if (!kernel_ && !others_.empty()) {
      kernel_ = others_.front();
      others_.erase(others_.begin());
    }
    if (kernel_)
      return std::make_shared<const TypeCatalog>(
          kernel_, [others = std::move(others_)] { return others; }, std::move(remarks_));
    if (why_) return Failure(*why_);
    return fail(
        ErrorCode::no_type,
        fmt::format(
            "the kernel file carries neither CTF, BTF nor DWARF: give its debug file {}",
            link_.empty() ? "(/usr/lib/debug/boot/kernel/kernel.debug) too" : link_ + " too"));
  }

 private:
  void read_btf_of(const SourcePtr& file, bool module) {
    // A module's goes on where its kernel's ends.
    if (module && !btf_kernel_) {
      const auto elf = read_elf_sections(*file);
      if (elf && elf->find(".BTF") != nullptr && elf->find(".debug_info") == nullptr)
        remark({ErrorCode::no_type, Absence::none,
                fmt::format("{}: its types (BTF) go on where those of a kernel file end, and none "
                            "with BTF was given",
                            printable(base_name(file->name()))),
                std::nullopt, std::nullopt});
      return;
    }
    auto btf = read_btf(file, module ? btf_kernel_ : nullptr);
    if (!btf) {
      if (btf.error().code != ErrorCode::no_type) failed(btf.error());
      return;
    }
    if (!module && !btf_kernel_) btf_kernel_ = *btf;
    if (!module && !kernel_)
      kernel_ = std::move(*btf);
    else
      others_.push_back(std::move(*btf));
  }
  bool read_dwarf_of(const SourcePtr& file, bool module) {
    auto dwarf = read_dwarf(file);
    if (!dwarf && link_.empty()) link_ = debug_link(file);
    if (!dwarf) return dwarf.error().code == ErrorCode::no_type || failed(dwarf.error());
    if (!module && !kernel_)
      kernel_ = std::move(*dwarf);
    else
      others_.push_back(std::move(*dwarf));
    return true;
  }
  bool failed(Error error) {
    remark(error);
    if (!why_) why_ = std::move(error);
    return true;
  }
  void remark(const Error& error) {
    remarks_.push_back(note_of(error.within("a part of the types is left out")));
  }

  const Machine& machine_;
  std::shared_ptr<TypeGraph> kernel_;
  std::shared_ptr<CtfGraph> ctf_kernel_;
  std::shared_ptr<BtfGraph> btf_kernel_;
  TypeCatalog::Graphs others_;
  std::optional<Error> why_;
  std::vector<Note> remarks_;
  std::string link_;  // the debug file that a file without types names
};

}  // namespace

TypeCatalog::Graphs types_of_modules(const std::vector<std::pair<std::string, SourcePtr>>& files,
                                     const Machine& machine,
                                     const std::shared_ptr<BtfGraph>& kernel) {
  TypeCatalog::Graphs graphs;
  for (const auto& [name, file] : files) {
    const auto elf = read_elf_sections(*file);
    if (!elf || elf->machine.architecture != machine.architecture) continue;
    if (auto dwarf = read_dwarf(file))
      graphs.push_back(*std::move(dwarf));
    else if (auto btf = read_btf(file, kernel))
      graphs.push_back(*std::move(btf));
  }
  return graphs;
}

bool carries_types_alone(const SourcePtr& file) {
  const auto elf = read_elf_sections(*file);
  if (!elf || elf->find(".BTF") == nullptr) return false;
  for (const ElfSection& section : elf->sections)
    if (section.type == SHT_SYMTAB || section.type == SHT_DYNSYM) return false;
  return true;
}

Result<std::shared_ptr<const TypeCatalog>> types_of_files(
    const std::vector<std::pair<std::string, SourcePtr>>& files, const Machine& machine) {
  if (files.empty())
    return fail(ErrorCode::no_type,
                "the dump does not carry its kernel's types: give the kernel file too");
  std::string build;  // of the kernel file, by which those with types alone are checked
  for (const auto& [name, file] : files)
    if (build.empty() && !carries_types_alone(file)) build = build_id_of(file);
  Gathered gathered(machine);
  std::vector<std::pair<std::string, SourcePtr>> later;
  for (const auto& file : files) {
    if (!build.empty() && carries_types_alone(file.second)) {
      const std::string id = build_id_of(file.second);
      if (!id.empty() && id != build) {
        gathered.refuse(fmt::format("{}: the types of another kernel (build id {}, not {})",
                                    printable(file.first), id, build));
        continue;
      }
    }
    if (!gathered.read(file.first, file.second, false)) later.push_back(file);
  }
  for (const auto& [name, file] : later) gathered.read(name, file, true);
  return gathered.finish();
}

}  // namespace panicroom
