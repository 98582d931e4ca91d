#include "wasm/js_reader.h"

#include <emscripten/em_js.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "core/base/printable.h"

// The clang-format of C++ would take JavaScript apart.
// clang-format off
EM_JS_DEPS(panicroom_slices, "$Emval,$stringToUTF8");
// Copies the file's bytes from `offset` into `count` pieces, given as pairs of address and length. Answers
// 0, or 1 with a message. An exception must not run through C++ frames.
EM_JS(int, panicroom_read_slice,
      (emscripten::EM_VAL file, double offset, double length, const std::uint32_t* pieces, int count,
       char* message, int message_size), {
  try {
    const bytes = Emval.toValue(file).read(offset, length);
    if (bytes.length !== length) throw new Error("the file gave " + bytes.length + " bytes instead of " + length);
    let done = 0;
    for (let i = 0; i < count; i++) {
      const address = HEAPU32[(pieces >>> 2) + 2 * i];
      const size = HEAPU32[(pieces >>> 2) + 2 * i + 1];
      HEAPU8.set(bytes.subarray(done, done + size), address);
      done += size;
    }
    return 0;
  } catch (error) {
    stringToUTF8(String(error && error.message || error), message, message_size);
    return 1;
  }
});
// clang-format on

namespace panicroom {
namespace {

class JsSliceReader final : public SliceReader {
 public:
  explicit JsSliceReader(emscripten::val file) : file_(std::move(file)) {}

  Result<void> read(std::uint64_t offset, std::span<const MutableBytes> pieces) override {
    std::vector<std::uint32_t> list;
    std::uint64_t length = 0;
    for (const MutableBytes piece : pieces) {
      list.push_back(static_cast<std::uint32_t>(reinterpret_cast<std::uintptr_t>(piece.data())));
      list.push_back(static_cast<std::uint32_t>(piece.size()));
      length += piece.size();
    }
    std::array<char, 256> message{};
    const int failed = panicroom_read_slice(
        file_.as_handle(), static_cast<double>(offset), static_cast<double>(length), list.data(),
        static_cast<int>(pieces.size()), message.data(), static_cast<int>(message.size()));
    if (!failed) return {};
    return fail_at_offset(ErrorCode::io, offset,
                          "the file could not be read: " + printable(message.data()));
  }

 private:
  emscripten::val file_;
};

}  // namespace

SourcePtr js_source(const emscripten::val& file, std::shared_ptr<BlockCache> cache) {
  const double size = file["size"].as<double>();
  // Number.MAX_SAFE_INTEGER: beyond it offsets would not be exact.
  const bool exact = size >= 0 && size <= 9007199254740991.0;
  return std::make_shared<SliceSource>(file["name"].as<std::string>(),
                                       exact ? static_cast<std::uint64_t>(size) : 0,
                                       std::make_unique<JsSliceReader>(file), std::move(cache));
}

}  // namespace panicroom
