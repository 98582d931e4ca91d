#include "core/kernel/kernel.h"

#include <fmt/format.h>

namespace panicroom {
namespace {

Failure not_read_yet(std::string_view what) {
  return fail(ErrorCode::unsupported,
              fmt::format("{} of this system's kernel are not read yet", what));
}

}  // namespace

Registers Kernel::saved_registers(std::uint64_t, Notes&) { return {}; }

std::optional<std::uint64_t> Kernel::wait_address(const Thread&, Notes&) { return std::nullopt; }

Result<std::optional<OwnVariable>> Kernel::own_variable(std::string_view, CpuNumber, Notes&) {
  return std::nullopt;
}

PointerWords Kernel::pointer_words() { return {}; }

std::optional<std::string> Kernel::module_at(std::uint64_t) { return std::nullopt; }

SourceCalls Kernel::source_calls(std::uint64_t, Notes&) { return {}; }

Result<void> Kernel::files(std::optional<std::int64_t>, const Visitor<OpenFile>&, Notes&) {
  return not_read_yet("the open files");
}
Result<void> Kernel::sockets(std::optional<std::int64_t>, const Visitor<Socket>&, Notes&) {
  return not_read_yet("the sockets");
}
Result<void> Kernel::mappings(std::optional<std::int64_t>, const Visitor<Mapping>&, Notes&) {
  return not_read_yet("the processes' address spaces");
}
Result<void> Kernel::modules(const Visitor<LoadedModule>&, Notes&) {
  return not_read_yet("the modules");
}
Result<void> Kernel::mounts(const Visitor<Mount>&, Notes&) {
  return not_read_yet("the mounted file systems");
}
Result<void> Kernel::cpus(const Visitor<Processor>&, Notes&) {
  return not_read_yet("the processors");
}
Result<Load> Kernel::load(Notes&) { return not_read_yet("the load averages"); }
Result<void> Kernel::swap_areas(const Visitor<SwapArea>&, Notes&) {
  return not_read_yet("the swap areas");
}
Result<void> Kernel::memory_counters(const Visitor<MemoryCounter>&, Notes&) {
  return not_read_yet("the memory counters");
}
Result<void> Kernel::memory_zones(const Visitor<MemoryZone>&, Notes&) {
  return not_read_yet("the zones of memory");
}
Result<void> Kernel::object_caches(const Visitor<ObjectCache>&, Notes&) {
  return not_read_yet("the allocator's caches");
}
Result<void> Kernel::interrupts(const Visitor<Interrupt>&, Notes&) {
  return not_read_yet("the interrupts");
}
Result<void> Kernel::locks(const Visitor<Lock>&, Notes&) { return not_read_yet("the locks"); }
Result<void> Kernel::sysctls(const Visitor<Sysctl>&, Notes&) {
  return fail(ErrorCode::unsupported, "this system's kernel has no sysctl tree that can be read");
}

}  // namespace panicroom
