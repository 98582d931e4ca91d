#include "core/kernel/netbsd/sockets.h"

#include <fmt/format.h>

#include <string_view>

#include "core/kernel/texts.h"

namespace panicroom::netbsd {
namespace {

// AF_*, sys/sys/socket.h.
constexpr std::uint64_t of_unix = 1, of_internet = 2, of_internet_six = 24;

}  // namespace

Socket SocketsReader::read(const OpenFile& file, std::uint64_t address, Notes& notes) {
  constexpr std::string_view what = "a socket's protocol";
  Socket socket;
  socket.pid = file.pid;
  socket.process = file.process;
  socket.descriptor = file.descriptor;
  socket.address = address;
  const auto type = noted(type_.read(evidence_, address), notes, what);
  const auto protocol = noted(protocol_.read(evidence_, address), notes, what);
  if (!type || !protocol || *protocol == 0) return socket;
  const auto number = noted(number_.read(evidence_, *protocol), notes, what);
  const auto domain = noted(domain_.read(evidence_, *protocol), notes, what);
  if (!number || !domain || *domain == 0) return socket;
  const auto family = noted(family_.read(evidence_, *domain), notes, what);
  if (!family) return socket;
  if (*family == of_unix)
    socket.protocol = unix_protocol(*type);
  else if (*family == of_internet || *family == of_internet_six)
    socket.protocol = internet_protocol(*family == of_internet_six, *type, *number);
  else
    socket.protocol = fmt::format("family {}", *family);
  return socket;
}

}  // namespace panicroom::netbsd
