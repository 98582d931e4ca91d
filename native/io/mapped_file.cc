#include "native/io/mapped_file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <limits>
#include <utility>
#include <vector>

#include "core/base/arithmetic.h"
#include "native/io/bus_error.h"

namespace panicroom {
namespace {

constexpr std::size_t kPipeLimit = std::size_t{1} << 30;

class Descriptor {
 public:
  explicit Descriptor(int number) : number_(number) {}
  ~Descriptor() {
    if (number_ >= 0) ::close(number_);
  }
  Descriptor(Descriptor&& other) noexcept : number_(std::exchange(other.number_, -1)) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  Descriptor& operator=(Descriptor&&) = delete;
  int number() const { return number_; }

 private:
  int number_;
};

class MappedFile final : public ByteSource {
 public:
  MappedFile(std::string name, Descriptor file, const std::byte* begin, std::size_t size)
      : name_(std::move(name)),
        file_(std::move(file)),
        bytes_(begin, size),
        watch_(name_, bytes_) {}
  ~MappedFile() override {
    // munmap takes what mmap gave, which is not const.
    ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
  }

  const std::string& name() const override { return name_; }
  std::uint64_t size() const override { return bytes_.size(); }

  Result<void> read(std::uint64_t offset, MutableBytes out) const override {
    if (!contains(bytes_.size(), offset, out.size())) return past_end(*this, offset, out.size());
    if (!out.empty()) std::memcpy(out.data(), bytes_.data() + offset, out.size());
    return {};
  }
  Bytes view(std::uint64_t offset, std::uint64_t length) const override {
    if (!contains(bytes_.size(), offset, length)) return {};
    return bytes_.subspan(static_cast<std::size_t>(offset), static_cast<std::size_t>(length));
  }
  std::uint64_t next_stored(std::uint64_t offset) const override {
    if (offset >= bytes_.size()) return bytes_.size();
#ifdef SEEK_DATA
    const off_t data = ::lseek(file_.number(), static_cast<off_t>(offset), SEEK_DATA);
    if (data >= 0)
      return std::clamp<std::uint64_t>(static_cast<std::uint64_t>(data), offset, bytes_.size());
    if (errno == ENXIO) return bytes_.size();  // nothing but a hole from there on
#endif
    return offset;
  }
  void done_with(std::uint64_t offset, std::uint64_t length) const override {
    if (!contains(bytes_.size(), offset, length)) return;
    // Whole pages only: neighbours may still be in use.
    const auto page = static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    const std::uint64_t begin = round_up(offset, page).value_or(bytes_.size());
    const std::uint64_t end = round_down(offset + length, page);
    if (begin < end)
      ::madvise(const_cast<std::byte*>(bytes_.data() + begin),
                static_cast<std::size_t>(end - begin), MADV_DONTNEED);
  }

 private:
  std::string name_;
  Descriptor file_;
  Bytes bytes_;
  BusErrorWatch watch_;
};

Failure system_failure(std::string_view what, int error) {
  return fail(ErrorCode::io, fmt::format("{}: {}", what, std::strerror(error)));
}

Result<SourcePtr> read_pipe(const std::string& path, int descriptor) {
  std::vector<std::byte> bytes;
  for (;;) {
    constexpr std::size_t kChunk = std::size_t{1} << 16;
    const std::size_t filled = bytes.size();
    if (filled == kPipeLimit) {
      return fail(ErrorCode::io, "the pipe holds more than 1 GiB: save it to a file and open that");
    }
    bytes.resize(std::min(filled + kChunk, kPipeLimit));
    const ssize_t count = ::read(descriptor, bytes.data() + filled, bytes.size() - filled);
    if (count < 0 && errno != EINTR) return system_failure("the pipe cannot be read", errno);
    bytes.resize(filled + static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
    if (count == 0) break;
  }
  if (bytes.empty()) return fail(ErrorCode::corrupt, "the pipe is empty");
  return memory_source(path, std::move(bytes));
}

}  // namespace

Result<SourcePtr> open_mapped_file(const std::string& path) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (file.number() < 0) return system_failure("cannot be opened", errno);
  struct stat status {};
  if (::fstat(file.number(), &status) != 0) return system_failure("cannot be examined", errno);
  if (S_ISDIR(status.st_mode)) return fail(ErrorCode::io, "is a folder, not a file");
  if (S_ISFIFO(status.st_mode) || S_ISSOCK(status.st_mode)) return read_pipe(path, file.number());

  std::uint64_t size = 0;
  if (S_ISREG(status.st_mode)) {
    size = static_cast<std::uint64_t>(status.st_size);
  } else if (S_ISBLK(status.st_mode)) {
    const off_t end = ::lseek(file.number(), 0, SEEK_END);
    if (end < 0) return system_failure("the device's size is unknown", errno);
    size = static_cast<std::uint64_t>(end);
  } else {
    return fail(ErrorCode::io, "is a device that cannot be read as a file");
  }
  if (size == 0) return fail(ErrorCode::corrupt, "the file is empty");
  if (size > std::numeric_limits<std::size_t>::max())
    return fail(ErrorCode::io, "the file is larger than this machine's address space");

  void* const begin =
      ::mmap(nullptr, static_cast<std::size_t>(size), PROT_READ, MAP_SHARED, file.number(), 0);
  if (begin == MAP_FAILED) return system_failure("cannot be mapped into memory", errno);
  return std::make_shared<MappedFile>(path, std::move(file), static_cast<const std::byte*>(begin),
                                      static_cast<std::size_t>(size));
}

}  // namespace panicroom
