#pragma once

#include <initializer_list>
#include <vector>

#include "core/kernel/kernel.h"

namespace panicroom::test {

/// A log of these texts.
inline std::vector<LogLine> lines(std::initializer_list<const char*> texts) {
  std::vector<LogLine> log;
  for (const char* text : texts) {
    LogLine line;
    line.text = text;
    log.push_back(line);
  }
  return log;
}

}  // namespace panicroom::test
