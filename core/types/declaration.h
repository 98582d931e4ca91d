#pragma once

#include <string>
#include <string_view>

#include "core/types/type_graph.h"

namespace panicroom {

/// A declaration of `name` as C writes it: "int (*fn)(struct file *, char)", "char comm[16]". With
/// no name just the type. Structures without a name are "struct {...}". Names are the dump's raw
/// bytes. Errors: `corrupt` for types that have no end.
Result<std::string> declaration(TypeRef type, std::string_view name);

/// "struct", "union" or "enum".
std::string_view keyword(TypeName space);

}  // namespace panicroom
