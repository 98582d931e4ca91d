#include "core/kernel/illumos/module_list.h"

#include <fmt/format.h>

#include <string_view>

#include "core/base/loop_guard.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t most_modules = std::uint64_t{1} << 14;
constexpr std::size_t longest_name = 256;          // MODMAXNAMELEN and a path
constexpr std::uint64_t ctf_magic = 0xcff1;        // uts/common/sys/ctf.h
constexpr std::uint64_t smallest_ctf = 36;         // its header
constexpr std::uint64_t largest_ctf = 64U << 20U;  // bytes; genunix's has 1 MiB
constexpr std::uint64_t words_of_module = 96;      // struct module has under 60

bool is_ctf(Structures& structures, std::uint64_t start, std::uint64_t size) {
  if (start == 0 || size < smallest_ctf || size > largest_ctf) return false;
  const auto magic = structures.memory().u16(start);
  if (!magic || *magic != ctf_magic) return false;
  const auto version = structures.memory().u8(start + 2);
  return version && (*version == 2 || *version == 3);
}

}  // namespace

Result<bool> for_each_module(Structures& structures, std::uint64_t first,
                             const std::function<bool(const ModuleRecord&)>& visit, Notes& notes) {
  constexpr std::string_view what = "a module";
  const Field next("modctl", "mod_next"), loaded("modctl", "mod_mp"), name("modctl", "mod_modname"),
      text("modctl", "mod_text"), size("modctl", "mod_text_size"), loaded_text("module", "text"),
      loaded_size("module", "text_size");
  PANICROOM_TRY(link, next.member(structures));
  PANICROOM_CHECK(name.member(structures));
  VisitOnce guard(most_modules);
  std::uint64_t at = first;
  do {
    if (!guard.step(at)) {
      notes.add(Note{ErrorCode::corrupt,
                     guard.cyclic() ? "the ring of modules does not lead back to its head"
                                    : "the ring of modules has more elements than are followed",
                     at});
      return true;
    }
    const auto following = structures.memory().word(at + link.offset);
    if (!following) {
      notes.add(following.error().within("the ring of modules breaks off"));
      return true;
    }
    ModuleRecord record;
    record.address = at;
    record.module = noted(loaded.read(structures, at), notes, what).value_or(0);
    if (const auto text_at = noted(name.read(structures, at), notes, what); text_at && *text_at)
      record.name =
          noted(structures.memory().string(*text_at, longest_name), notes, what).value_or("");
    record.text = noted(text.read(structures, at), notes, what).value_or(0);
    record.text_size = noted(size.read(structures, at), notes, what).value_or(0);
    if (record.text == 0 && record.module != 0) {
      // It may be in its struct module alone.
      record.text = loaded_text.read(structures, record.module).value_or(0);
      record.text_size = loaded_size.read(structures, record.module).value_or(0);
    }
    if (!visit(record)) return false;
    at = *following;
  } while (at != first && at != 0);
  if (at == 0)
    notes.add(Note{ErrorCode::corrupt, "the ring of modules does not close", std::nullopt});
  return true;
}

Result<CtfPlace> find_ctf(Structures& structures, std::uint64_t module) {
  if (module == 0) return fail(ErrorCode::no_type, "the module is not loaded");
  const Field start("module", "ctfdata"), size("module", "ctfsize");
  const auto told = start.read(structures, module);
  const auto length = size.read(structures, module);
  if (told && length && is_ctf(structures, *told, *length)) return CtfPlace{*told, *length};
  const unsigned word = structures.pointer_size();
  std::optional<Error> why;
  for (std::uint64_t i = 0; i + 1 < words_of_module; ++i) {
    const auto address = structures.memory().word(module + i * word);
    const auto bytes = structures.memory().word(module + (i + 1) * word);
    if (!address || !bytes) {
      why = (!address ? address : bytes).error();
      break;
    }
    if (*address >= UINT64_C(65536) && is_ctf(structures, *address, *bytes))
      return CtfPlace{*address, *bytes};
  }
  if (told && *told != 0 && length && *length != 0) {
    // It is said where it lies, but it is not there.
    const auto magic = structures.memory().u16(*told);
    if (!magic) return Failure(magic.error().within("CTF cannot be read"));
    return fail_at_address(
        ErrorCode::corrupt, *told,
        fmt::format("expected CTF's magic {:#x}, found {:#x}", ctf_magic, *magic));
  }
  if (why) return Failure(why->within("a struct module cannot be read"));
  return fail_at_address(ErrorCode::no_type, module, "the module keeps no CTF in memory");
}

}  // namespace panicroom::illumos
