#include "core/arch/two_halves.h"

#include <utility>

namespace panicroom {
namespace {

class TwoHalves final : public PageTable {
 public:
  TwoHalves(std::unique_ptr<PageTable> lower, std::unique_ptr<PageTable> upper)
      : lower_(std::move(lower)), upper_(std::move(upper)) {}

  Result<Translation> walk(std::uint64_t address, PhysicalWords& words,
                           std::vector<TranslationStep>* steps) const override {
    return (address >> 63U ? *upper_ : *lower_).walk(address, words, steps);
  }
  std::string describe() const override { return lower_->describe(); }

 private:
  std::unique_ptr<PageTable> lower_;
  std::unique_ptr<PageTable> upper_;
};

}  // namespace

std::unique_ptr<PageTable> two_halves(std::unique_ptr<PageTable> lower,
                                      std::unique_ptr<PageTable> upper) {
  return std::make_unique<TwoHalves>(std::move(lower), std::move(upper));
}

}  // namespace panicroom
