#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "native/cli/command_line.h"
#include "native/io/mapped_file.h"

namespace panicroom {
namespace {

class Terminal final : public Host {
 public:
  Result<SourcePtr> open(const std::string& path) override { return open_mapped_file(path); }
  bool exists(const std::string& path) const override {
    struct stat status {};
    return ::stat(path.c_str(), &status) == 0;
  }
  bool out(std::string_view text) override {
    return std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
  }
  void err(std::string_view text) override {
    std::fflush(stdout);
    std::fwrite(text.data(), 1, text.size(), stderr);
  }
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
