#include "core/kernel/linux/identity.h"

#include <array>
#include <charconv>
#include <string>
#include <utility>

#include "core/kernel/linux/cpus.h"
#include "core/kernel/linux/log.h"

namespace panicroom::linux_kernel {
namespace {

constexpr std::size_t utsname_field = 65;  // __NEW_UTS_LEN + 1, include/uapi/linux/utsname.h

/// struct new_utsname: sysname, nodename, release, version, machine.
Result<void> read_utsname(Evidence& evidence, KernelIdentity& identity) {
  PANICROOM_TRY(address, evidence.address_of("init_uts_ns"));
  std::uint64_t offset = 0;
  const Vmcoreinfo* info = evidence.vmcoreinfo();
  if (const auto known = info ? info->offset("uts_namespace.name") : std::nullopt) {
    offset = *known;
  } else {
    PANICROOM_TRY(member, evidence.member("uts_namespace", "name"));
    offset = member.offset;
  }
  std::array<std::string, 5> fields;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    PANICROOM_TRY(text,
                  evidence.memory().string(address + offset + i * utsname_field, utsname_field));
    fields[i] = std::move(text);
  }
  identity.system = std::move(fields[0]);
  identity.nodename = std::move(fields[1]);
  identity.release = std::move(fields[2]);
  identity.version = std::move(fields[3]);
  identity.machine = std::move(fields[4]);
  return {};
}

/// The kernel's clock: struct timekeeper (include/linux/timekeeper_internal.h) within tk_core.
class Timekeeper {
 public:
  static Result<Timekeeper> find(Evidence& evidence) {
    PANICROOM_TRY(core, evidence.address_of("tk_core"));
    PANICROOM_TRY(types, evidence.types());
    // struct tk_data since Linux 6.13; before, an anonymous structure that begins with a sequence
    // counter and is aligned like a 64-bit number.
    if (const auto member = types->member("tk_data", "timekeeper"))
      return Timekeeper(evidence, core + member->offset);
    auto counter = types->size_of("seqcount_raw_spinlock_t");
    if (!counter) counter = types->size_of("seqcount_t");
    if (!counter) return Failure(counter.error());
    return Timekeeper(evidence, core + ((*counter + 7) & ~std::uint64_t{7}));
  }

  Result<std::uint64_t> get(std::string_view path) const {
    PANICROOM_TRY(member, evidence_.member("timekeeper", path));
    return evidence_.field(address_, member);
  }
  /// Seconds since 1970.
  Result<std::int64_t> real_time() const {
    PANICROOM_TRY(seconds, get("xtime_sec"));
    return static_cast<std::int64_t>(seconds);
  }
  /// Seconds since boot, suspend included.
  Result<double> uptime() const {
    PANICROOM_TRY(seconds, get("xtime_sec"));
    PANICROOM_TRY(nanoseconds, get("tkr_mono.xtime_nsec"));
    PANICROOM_TRY(shift, get("tkr_mono.shift"));
    PANICROOM_TRY(offset_seconds, get("wall_to_monotonic.tv_sec"));
    PANICROOM_TRY(offset_nanoseconds, get("wall_to_monotonic.tv_nsec"));
    PANICROOM_TRY(suspended, get("offs_boot"));
    if (shift >= 64) return fail(ErrorCode::corrupt, "the kernel's clock has an impossible shift");
    return static_cast<double>(static_cast<std::int64_t>(seconds + offset_seconds)) +
           (static_cast<double>(nanoseconds >> shift) +
            static_cast<double>(static_cast<std::int64_t>(offset_nanoseconds)) +
            static_cast<double>(static_cast<std::int64_t>(suspended))) /
               1e9;
  }

 private:
  Timekeeper(Evidence& evidence, std::uint64_t address) : evidence_(evidence), address_(address) {}
  Evidence& evidence_;
  std::uint64_t address_;
};

std::optional<std::int64_t> crash_time(const Vmcoreinfo* info) {
  const auto text = info ? info->value("CRASHTIME") : std::nullopt;
  if (!text) return std::nullopt;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text->data(), text->data() + text->size(), seconds);
  if (error != std::errc{}) return std::nullopt;
  return seconds;
}

/// What the log says, as far as it can be read.
Result<LastWords> last_words(Evidence& evidence, Notes& notes) {
  LastWords words;
  PANICROOM_CHECK(read_log(
      evidence,
      [&words](const LogLine& line) {
        words.hear(line.text);
        return true;
      },
      notes));
  return words;
}

}  // namespace

std::optional<Death> death_in_log(Evidence& evidence) {
  Notes reading;
  const auto words = last_words(evidence, reading);
  return words ? words->death() : std::nullopt;
}

KernelIdentity read_identity(Evidence& evidence, Notes& notes) {
  KernelIdentity identity;
  if (const auto read = read_utsname(evidence, identity); !read)
    notes.add(read.error().within("the kernel's name and release"));
  if (identity.system.empty()) identity.system = "Linux";
  if (identity.release.empty())
    if (const Vmcoreinfo* info = evidence.vmcoreinfo())
      identity.release = info->value("OSRELEASE").value_or("");

  if (const auto words = last_words(evidence, notes))
    identity.panic_text = words->panic();
  else
    notes.add(words.error().within("the panic text, which is in the log"));

  identity.time = crash_time(evidence.vmcoreinfo());
  if (const auto clock = Timekeeper::find(evidence)) {
    const auto time = clock->real_time();
    if (time && !identity.time) identity.time = *time;
    if (!time && !identity.time) notes.add(time.error().within("the time"));
    if (const auto uptime = clock->uptime())
      identity.uptime = *uptime;
    else
      notes.add(uptime.error().within("the uptime"));
  } else {
    notes.add(clock.error().within("the time"));
  }
  if (const auto cpus = online_cpus(evidence))
    identity.cpus = static_cast<std::uint32_t>(std::count(cpus->begin(), cpus->end(), true));
  else
    notes.add(cpus.error().within("the number of processors"));
  identity.kernel_slide = evidence.slide();
  return identity;
}

}  // namespace panicroom::linux_kernel
