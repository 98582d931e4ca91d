#pragma once

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

namespace panicroom {

/// Where a stream's decoder can be put back to: places in the output with what the decoder needs
/// there, `State`, which says its memory by `cost()`. Stays within a budget however long the stream
/// is: when that is used up, every second place is forgotten and the distance doubles. A place that
/// would take more than `room()` is left out.
template <class State>
class RestartIndex {
 public:
  struct Place {
    std::uint64_t output = 0;  ///< bytes decoded before it
    std::uint64_t input = 0;   ///< offset in the stream
    State state;
  };

  /// Places are taken from now on, `distance` bytes of output apart at first.
  void record(std::uint64_t distance, std::uint64_t budget) {
    distance_ = distance;
    budget_ = budget;
    recording_ = true;
  }
  void stop() { recording_ = false; }

  bool wants(std::uint64_t output) const { return recording_ && output >= next_; }
  /// Bytes that a place may cost, so that there is room for another.
  std::uint64_t room() const { return budget_ / 2; }
  /// No place at `output`: it would cost too much. To find that out must not cost much either.
  void leave_out(std::uint64_t output) {
    distance_ *= 2;
    next_ = output + distance_;
  }
  void add(Place place) {
    cost_ += cost(place);
    places_.push_back(std::move(place));
    while (cost_ > budget_ && places_.size() > 1) thin_out();
    next_ = places_.back().output + distance_;
  }

  /// The last place at or before `output`; null when there is none, which means the stream's
  /// beginning.
  const Place* before(std::uint64_t output) const {
    const auto after =
        std::upper_bound(places_.begin(), places_.end(), output,
                         [](std::uint64_t at, const Place& place) { return at < place.output; });
    return after == places_.begin() ? nullptr : &*std::prev(after);
  }
  std::size_t size() const { return places_.size(); }

 private:
  static std::uint64_t cost(const Place& place) { return sizeof(Place) + place.state.cost(); }
  void thin_out() {
    std::size_t kept = 0;
    cost_ = 0;
    for (std::size_t i = 0; i < places_.size(); i += 2) {
      if (kept != i) places_[kept] = std::move(places_[i]);
      cost_ += cost(places_[kept++]);
    }
    places_.erase(places_.begin() + static_cast<std::ptrdiff_t>(kept), places_.end());
    distance_ *= 2;
  }

  std::vector<Place> places_;  // by output
  std::uint64_t distance_ = 0;
  std::uint64_t next_ = 0;  // output from which on a place is wanted
  std::uint64_t budget_ = 0;
  std::uint64_t cost_ = 0;
  bool recording_ = false;
};

}  // namespace panicroom
