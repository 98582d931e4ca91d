#include "native/libkvm/names.h"

#include <cctype>

#include "native/libkvm/include/panicroom/bsd_nlist.h"

namespace panicroom::kvm {
namespace {

constexpr unsigned char data_and_external = N_DATA | N_EXT;

/// What nlist(3) of an ELF file says of a symbol, by its letter of nm(1). Read-only data counts as
/// text there (FreeBSD lib/libc/gen/nlist.c).
unsigned char nlist_type(char letter) {
  const bool external = std::isupper(static_cast<unsigned char>(letter)) != 0;
  const unsigned char scope = external ? N_EXT : 0;
  switch (std::tolower(static_cast<unsigned char>(letter))) {
    case 'a':
      return N_ABS | scope;
    case 'b':
      return N_BSS | scope;
    case 'd':
      return N_DATA | scope;
    case 'v':
      return data_and_external;
    case 'w':
      return N_TEXT | N_EXT;
    default:
      return N_TEXT | scope;
  }
}

const char* without_underscore(const char* name) { return *name == '_' ? name + 1 : name; }

/// One that each processor or network stack has its own of; nothing for any other.
std::optional<Found> own(Handle& handle, const char* name) {
  Session& session = *handle.session();
  auto variable = session.own_variable(name, handle.cpu);
  // A network stack's is no processor's.
  if (!variable && variable.error().code == ErrorCode::invalid)
    variable = session.own_variable(name, std::nullopt);
  if (!variable || !*variable) return std::nullopt;
  return Found{(*variable)->address, data_and_external};
}

std::vector<std::optional<Found>> by_resolver(const Resolver& resolver,
                                              const std::vector<const char*>& names) {
  std::vector<std::optional<Found>> found;
  for (const char* const name : names) {
    auto address = resolver(name);
    if (!address) address = resolver(without_underscore(name));
    found.push_back(address ? std::optional(Found{*address, data_and_external}) : std::nullopt);
  }
  return found;
}

}  // namespace

std::optional<std::vector<std::optional<Found>>> look_up(Handle& handle,
                                                         const std::vector<const char*>& names) {
  if (handle.resolver()) return by_resolver(handle.resolver(), names);
  Kernel* const kernel = handle.kernel();
  if (kernel == nullptr) return std::nullopt;
  const auto symbols = kernel->symbols();
  if (!symbols) {
    const auto why = kernel->why_no_symbols();
    handle.hard(why ? why->message() : "there are no symbols: give the kernel file too");
    return std::nullopt;
  }
  // Each name and its other spelling: one pass over a table that has no index.
  std::vector<std::string_view> spellings;
  for (const char* const name : names) {
    spellings.emplace_back(name);
    spellings.emplace_back(without_underscore(name));
  }
  const auto listed = symbols->find_all(spellings);
  std::vector<std::optional<Found>> found;
  for (std::size_t index = 0; index < names.size(); ++index) {
    auto variable = own(handle, names[index]);
    if (!variable) variable = own(handle, without_underscore(names[index]));
    const auto& symbol = listed[2 * index] ? listed[2 * index] : listed[2 * index + 1];
    if (variable)
      found.push_back(variable);
    else if (symbol)
      found.push_back(Found{symbol->address, nlist_type(symbol->type)});
    else
      found.emplace_back();
  }
  return found;
}

}  // namespace panicroom::kvm
