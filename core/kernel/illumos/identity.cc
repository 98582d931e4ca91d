#include "core/kernel/illumos/identity.h"

#include <fmt/format.h>

#include <string_view>

#include "core/kernel/field.h"
#include "core/kernel/illumos/processes.h"
#include "core/kernel/illumos/registers.h"

namespace panicroom::illumos {
namespace {

constexpr std::uint64_t size_of_name = 257;  // _SYS_NMLN, of each member of struct utsname
constexpr std::size_t longest_panic = 1024;
constexpr double nanosecond = 1e-9;

/// The variable utsname (uts/common/sys/utsname.h).
struct SystemName {
  std::string sysname, nodename, release, version, machine;
};
SystemName read_utsname(Evidence& evidence) {
  SystemName name;
  const auto place = evidence.address_of("utsname");
  if (!place) return name;
  std::uint64_t at = *place;
  for (std::string* member :
       {&name.sysname, &name.nodename, &name.release, &name.version, &name.machine}) {
    if (auto text = evidence.memory().string(at, size_of_name)) *member = *std::move(text);
    at += size_of_name;
  }
  return name;
}

void prefer(std::string& text, const std::string& other) {
  if (text.empty()) text = other;
}

std::optional<double> uptime(Evidence& evidence, bool panicked) {
  if (!panicked) return std::nullopt;
  const auto ticks = evidence.variable("panic_lbolt64", 8);
  const auto rate = evidence.variable("hz", 4);
  if (ticks && rate && *ticks != 0 && *rate != 0)
    return static_cast<double>(*ticks) / static_cast<double>(*rate);
  const auto time = evidence.variable("panic_hrtime", 8);
  if (time && *time != 0) return static_cast<double>(*time) * nanosecond;
  return std::nullopt;
}

}  // namespace

Crash read_crash(Evidence& evidence) {
  Crash crash;
  if (const auto text = evidence.pointer("panicstr")) crash.panicked = *text != 0;
  if (evidence.dump().illumos && evidence.dump().illumos->live) crash.panicked = false;
  if (crash.panicked) {
    if (const auto thread = evidence.pointer("panic_thread"); thread && *thread != 0)
      crash.thread = *thread;
    // A copy of the processor's cpu_t.
    if (const auto cpu = evidence.address_of("panic_cpu"))
      if (const auto id = Field("cpu", "cpu_id").read_signed(evidence, *cpu)) crash.cpu = *id;
    if (auto buffer = read_panic_buffer(evidence)) {
      crash.registers = std::move(buffer->registers);
      crash.text = std::move(buffer->text);
    }
  }
  return crash;
}

KernelIdentity read_identity(Evidence& evidence, const Crash& crash, Notes& notes) {
  const Dump& dump = evidence.dump();
  KernelIdentity identity;
  identity.system = "illumos";
  identity.release = dump.release;
  identity.version = dump.version;
  identity.nodename = dump.nodename;
  if (dump.illumos) identity.machine = dump.illumos->machine;
  const SystemName name = read_utsname(evidence);
  prefer(identity.release, name.release);
  prefer(identity.version, name.version);
  prefer(identity.nodename, name.nodename);
  prefer(identity.machine, name.machine);
  // The header has 200 bytes of it.
  identity.panic_text = crash.text;
  if (!identity.panic_text && dump.illumos && !dump.illumos->panic_string.empty())
    identity.panic_text = dump.illumos->panic_string;
  if (!identity.panic_text && crash.panicked)
    if (const auto at = evidence.pointer("panicstr"))
      identity.panic_text =
          noted(evidence.memory().string(*at, longest_panic), notes, "the panic text");
  identity.time = dump.time;
  if (!identity.time) {
    const Field seconds("timespec", "tv_sec");
    const auto clock = evidence.address_of(crash.panicked ? "panic_hrestime" : "hrestime");
    const auto now = clock ? seconds.read_signed(evidence, *clock) : Result<std::int64_t>(0);
    if (now && *now > 0) identity.time = *now;
  }
  identity.uptime = uptime(evidence, crash.panicked);
  if (const auto cpus = evidence.variable("ncpus_online", 4))
    identity.cpus = static_cast<std::uint32_t>(*cpus);
  if (crash.thread) identity.crashed_tid = Processes(evidence).tid(*crash.thread, notes);
  std::string unknown;
  const auto lacks = [&](bool missing, std::string_view what) {
    if (missing) unknown += fmt::format("{}{}", unknown.empty() ? "" : ", ", what);
  };
  lacks(identity.release.empty(), "release");
  lacks(identity.version.empty(), "version");
  lacks(!identity.panic_text && crash.panicked, "panic");
  lacks(!identity.time, "time");
  lacks(!identity.uptime && crash.panicked, "uptime");
  lacks(!identity.cpus, "cpus");
  lacks(crash.panicked && !crash.thread, "the thread that died");
  if (!unknown.empty())
    notes.add(Note{ErrorCode::no_symbol,
                   fmt::format("not known: {}: the variables that tell are not in the dump or not "
                               "in its symbols",
                               unknown),
                   std::nullopt});
  return identity;
}

}  // namespace panicroom::illumos
