#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "native/cli/command_line.h"
#include "native/io/line_editor.h"
#include "native/io/mapped_file.h"

namespace panicroom {
namespace {

// What a signal handler may touch.
volatile std::sig_atomic_t interrupt_seen = 0;

constexpr std::size_t longest_line = std::size_t{2} << 20;

class Terminal final : public Host {
 public:
  Result<SourcePtr> open(const std::string& path) override { return open_mapped_file(path); }
  bool exists(const std::string& path) const override {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
  }
  Result<void> write_file(const std::string& path, Bytes bytes) override {
    // A file that is being read, a mapped one at that, keeps its bytes until the new one is whole.
    const std::string fresh = path + ".partial";
    const auto failed = [&fresh](const char* what) {
      const std::string why = std::strerror(errno);
      std::remove(fresh.c_str());
      return fail(ErrorCode::io, std::string(what) + ": " + why);
    };
    std::FILE* file = std::fopen(fresh.c_str(), "wbx");
    if (file == nullptr)
      return fail(ErrorCode::io,
                  "it cannot be written (" + fresh + "): " + std::string(std::strerror(errno)));
    const bool written = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    if (std::fclose(file) != 0 || !written) return failed("it cannot be written");
    if (std::rename(fresh.c_str(), path.c_str()) != 0) return failed("it cannot be replaced");
    return {};
  }
  bool out(std::string_view text) override {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  }
  // What takes over a second says how far it is, on a terminal, ten times a second at most.
  void progress(std::uint64_t done, std::uint64_t total) override {
    if (total == 0) {
      if (progress_shown_) std::fputs("\r\x1b[K", stderr);
      progress_shown_ = false;
      return;
    }
    const auto now = std::chrono::steady_clock::now();
    if (::isatty(STDERR_FILENO) == 0 || now - started_ < std::chrono::seconds(1) ||
        now - last_shown_ < std::chrono::milliseconds(100))
      return;
    last_shown_ = now;
    progress_shown_ = true;
    std::fprintf(stderr, "\rpanicroom: decompressing: %llu of %llu MiB\x1b[K",
                 static_cast<unsigned long long>(done >> 20U),
                 static_cast<unsigned long long>(total >> 20U));
  }
  unsigned workers() const override { return std::max(1U, std::thread::hardware_concurrency()); }
  void run_jobs(unsigned count, const std::function<void(unsigned)>& job) override {
    std::vector<std::exception_ptr> failures(count);
    {
      std::vector<std::jthread> threads;
      const auto guarded = [&](unsigned index) noexcept {
        try {
          job(index);
        } catch (...) {
          failures[index] = std::current_exception();
        }
      };
      for (unsigned index = 1; index < count; ++index) threads.emplace_back(guarded, index);
      if (count != 0) guarded(0);
    }
    for (const std::exception_ptr& failure : failures)
      if (failure) std::rethrow_exception(failure);
  }
  void err(std::string_view text) override {
    std::fflush(stdout);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
  bool interactive() const override {
    return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDOUT_FILENO) != 0;
  }
  std::optional<std::string> line(const Prompt& prompt) override {
    if (!interactive()) return plain_line();
    if (!editor_) editor_ = std::make_unique<LineEditor>(state_path("sql_history"));
    std::fflush(stdout);
    auto typed = editor_->line(prompt.text, prompt.complete);
    if (!typed) return std::nullopt;
    interrupt_seen = typed->dropped ? 1 : 0;
    return std::move(typed->line);
  }
  void catch_interrupts(bool on) override {
    interrupt_seen = 0;
    struct sigaction action {};
    action.sa_handler = SIG_DFL;
    if (on) action.sa_handler = [](int) { interrupt_seen = 1; };
    action.sa_flags = SA_RESTART;
    ::sigaction(SIGINT, &action, nullptr);
  }
  bool interrupted() const override { return interrupt_seen != 0; }
  std::size_t out_columns() const override {
    if (::isatty(STDOUT_FILENO) == 0) return 0;
    winsize size{};
    if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col != 0) return size.ws_col;
    return 80;
  }
  std::optional<std::string> environment(std::string_view name) const override {
    const char* value = std::getenv(std::string(name).c_str());
    if (!value) return std::nullopt;
    return value;
  }

 private:
  static std::optional<std::string> plain_line() {
    std::string line;
    int byte = std::fgetc(stdin);
    if (byte == EOF) return std::nullopt;
    for (; byte != EOF && byte != '\n'; byte = std::fgetc(stdin)) {
      if (line.size() == longest_line) break;  // the engine refuses what is as long
      line += static_cast<char>(byte);
    }
    return line;
  }

  std::unique_ptr<LineEditor> editor_;
  std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
  std::chrono::steady_clock::time_point last_shown_;
  bool progress_shown_ = false;
};

}  // namespace
}  // namespace panicroom

int main(int argc, char** argv) {
  panicroom::install_bus_error_handler();
  panicroom::Terminal host;
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  int status = panicroom::run_command_line(arguments, host);
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0) {
    std::fputs("panicroom: standard output: cannot be written (is the disk full?)\n", stderr);
    status = 1;
  }
  return status;
}
