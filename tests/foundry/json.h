#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace foundry {

/// A JSON value to be written. Text is bytes: those that are no UTF-8 are written as \u00NN, as are
/// control characters.
class Json {
 public:
  using List = std::vector<Json>;
  using Object = std::vector<std::pair<std::string, Json>>;  ///< in the order of writing

  Json(std::int64_t value) : value_(value) {}
  Json(std::uint64_t value) : value_(value) {}
  Json(bool value) : value_(value) {}
  Json(std::string value) : value_(std::move(value)) {}
  Json(const char* value) : value_(std::string(value)) {}
  Json(List value) : value_(std::move(value)) {}
  Json(Object value) : value_(std::move(value)) {}

  std::string text(unsigned indent = 0) const;

 private:
  std::variant<std::int64_t, std::uint64_t, bool, std::string, List, Object> value_;
};

/// An address as JSON has it: JavaScript's numbers are too small for it.
std::string hexadecimal(std::uint64_t value);

}  // namespace foundry
