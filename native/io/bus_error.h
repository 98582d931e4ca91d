#pragma once

#include <string_view>

#include "core/base/bytes.h"

namespace panicroom {

/// While it lives, the handler of install_bus_error_handler knows which file these mapped bytes are
/// of.
class BusErrorWatch {
 public:
  BusErrorWatch(std::string_view name, Bytes mapped);
  ~BusErrorWatch();
  BusErrorWatch(const BusErrorWatch&) = delete;
  BusErrorWatch& operator=(const BusErrorWatch&) = delete;

 private:
  struct Slot* slot_ = nullptr;  ///< null when all are taken: the file will not be named
};

}  // namespace panicroom
