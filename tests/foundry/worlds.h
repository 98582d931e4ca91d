#pragma once

#include "tests/foundry/ctf_writer.h"
#include "tests/foundry/description.h"

// What systems.cc lists, a file each: see SystemParts.

namespace foundry {

void build_freebsd(Description& description);
/// Stores the root of the page tables where a full dump's reader looks for it.
void finish_freebsd(Description& description);
Blob freebsd_types(const Description& description, const CtfStyle& style);

void build_netbsd(Description& description);
void finish_netbsd(Description& description);
Blob netbsd_types(const Description& description, const CtfStyle& style);

void build_openbsd(Description& description);
void finish_openbsd(Description& description);
Blob openbsd_types(const Description& description, const CtfStyle& style);

void build_dragonfly(Description& description);
void finish_dragonfly(Description& description);
Blob dragonfly_types(const Description& description, const CtfStyle& style);

void build_illumos(Description& description);
void finish_illumos(Description& description);
Blob illumos_types(const Description& description, const CtfStyle& style);

/// Types and VMCOREINFO are put into the image too.
void build_linux(Description& description);
void finish_linux(Description& description);

}  // namespace foundry
