#include "core/kernel/linux/last_words.h"

#include <algorithm>
#include <array>
#include <charconv>

namespace panicroom::linux_kernel {
namespace {

constexpr std::array<std::string_view, 7> signs_of_an_oops = {"BUG: ",
                                                              "Oops: ",
                                                              "kernel BUG at ",
                                                              "Unable to handle kernel ",
                                                              "general protection fault",
                                                              "Oops - ",
                                                              "Internal error: "};

/// "... Comm: name Not tainted 6.1.0 #1": a name may hold blanks.
std::string comm_of(std::string_view text) {
  constexpr std::string_view key = " Comm: ";
  const auto at = text.find(key);
  if (at == std::string_view::npos) return {};
  text.remove_prefix(at + key.size());
  for (const std::string_view end : {" Not tainted", " Tainted: ", " Kdump: "})
    text = text.substr(0, text.find(end));
  return std::string(text);
}

std::optional<std::int64_t> number_behind(std::string_view text, std::string_view key) {
  const auto at = text.find(key);
  if (at == std::string_view::npos) return std::nullopt;
  std::int64_t value = 0;
  const auto parsed =
      std::from_chars(text.data() + at + key.size(), text.data() + text.size(), value);
  if (parsed.ec != std::errc{}) return std::nullopt;
  return value;
}

}  // namespace

void LastWords::hear(std::string_view line) {
  if (line.starts_with("Kernel panic - not syncing")) {
    panic_ = line;
  } else if (std::any_of(signs_of_an_oops.begin(), signs_of_an_oops.end(),
                         [line](std::string_view sign) { return line.starts_with(sign); })) {
    oops_ = line;
  } else if (line.starts_with("CPU: ") && !death_is_final_) {
    const auto cpu = number_behind(line, "CPU: "), tid = number_behind(line, " PID: ");
    if (!cpu || !tid) return;
    death_ = Death{*tid, *cpu, comm_of(line)};
    // A panic within an oops prints no second trace: then the oops's counts.
    death_is_final_ = panic_.has_value();
  }
}

}  // namespace panicroom::linux_kernel
