#include <emscripten/bind.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "native/cli/command_line.h"
#include "wasm/browser_session.h"
#include "wasm/js_reader.h"

namespace panicroom {
namespace {

using emscripten::val;

/// The command line's world as a JavaScript object: `{open(path): file or {error: {code, text}},
/// exists(path): boolean, writeFile(path, bytes: Uint8Array): undefined or what is wrong (a world
/// without files has no such function), out(bytes: Uint8Array): boolean, err(text: string),
/// columns: number, environment(name): string or undefined, line(): the next of standard input or
/// undefined}`. None of its functions throws.
class JsHost final : public Host {
 public:
  explicit JsHost(val host) : host_(std::move(host)) {}

  Result<SourcePtr> open(const std::string& path) override {
    const val file = host_.call<val>("open", path);
    if (const val error = file["error"]; !error.isUndefined())
      return fail(error["code"].as<std::string>() == "invalid" ? ErrorCode::invalid : ErrorCode::io,
                  error["text"].as<std::string>());
    return js_source(file, cache_);
  }
  bool exists(const std::string& path) const override { return host_.call<bool>("exists", path); }
  Result<void> write_file(const std::string& path, Bytes bytes) override {
    if (host_["writeFile"].isUndefined()) return Host::write_file(path, bytes);
    const val why =
        host_.call<val>("writeFile", path,
                        val(emscripten::typed_memory_view(
                            bytes.size(), reinterpret_cast<const unsigned char*>(bytes.data()))));
    if (why.isUndefined()) return {};
    return fail(ErrorCode::io, why.as<std::string>());
  }
  bool out(std::string_view text) override {
    return host_.call<bool>("out",
                            val(emscripten::typed_memory_view(
                                text.size(), reinterpret_cast<const unsigned char*>(text.data()))));
  }
  void err(std::string_view text) override { host_.call<void>("err", std::string(text)); }
  std::optional<std::string> line(const Prompt&) override {
    const val line = host_.call<val>("line");
    if (line.isUndefined()) return std::nullopt;
    return line.as<std::string>();
  }
  std::size_t out_columns() const override { return host_["columns"].as<unsigned>(); }
  std::optional<std::string> environment(std::string_view name) const override {
    const val value = host_.call<val>("environment", std::string(name));
    if (value.isUndefined()) return std::nullopt;
    return value.as<std::string>();
  }

 private:
  val host_;
  std::shared_ptr<BlockCache> cache_ = std::make_shared<BlockCache>(BrowserSession::block_bound);
};

int run_with(const val& arguments, const val& host) {
  JsHost js_host(host);
  const auto list = emscripten::vecFromJSArray<std::string>(arguments);
  return run_command_line(list, js_host);
}

}  // namespace
}  // namespace panicroom

EMSCRIPTEN_BINDINGS(panicroom) {
  using panicroom::BrowserSession;
  emscripten::class_<BrowserSession>("BrowserSession")
      .constructor<>()
      .function("open", &BrowserSession::open)
      .function("tables", &BrowserSession::tables)
      .function("query", &BrowserSession::query)
      .function("write", &BrowserSession::write)
      .function("sql", &BrowserSession::sql)
      .function("find", &BrowserSession::find)
      .function("read", &BrowserSession::read)
      .function("bytes", &BrowserSession::bytes)
      .function("translate", &BrowserSession::translate)
      .function("resolve", &BrowserSession::resolve)
      .function("symbolAt", &BrowserSession::symbol_at);
  emscripten::function("runCommandLine", &panicroom::run_with);
}
