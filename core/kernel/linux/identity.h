#pragma once

#include "core/kernel/kernel.h"
#include "core/kernel/linux/evidence.h"
#include "core/kernel/linux/last_words.h"

namespace panicroom::linux_kernel {

/// Everything but the crashed thread. What is unknown gets a note.
KernelIdentity read_identity(Evidence& evidence, Notes& notes);

/// On which thread and processor the kernel died by its own log, where that tells.
std::optional<Death> death_in_log(Evidence& evidence);

}  // namespace panicroom::linux_kernel
