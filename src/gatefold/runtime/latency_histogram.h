// Durations in bins of equal ratio: a distribution in fixed memory, however many requests there were.
//
// Below 128 cycles every value has a bin of its own; above, every power of two is cut into 128 equal bins, so that a value is at
// most 1/128 = 0.8 % off. Based on: Gil Tene, HdrHistogram (the same layout).
#pragma once

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstdint>

#include "gatefold/base/quantity.h"

namespace gatefold {

class LatencyHistogram {
 public:
  /// Requires: latency >= 0.
  void add(Cycles latency) {
    GATEFOLD_REQUIRE(latency >= Cycles(0));
    ++bins_[bin(latency.count())];
    ++count_;
    max_ = std::max(max_, latency);
    sum_ += static_cast<double>(latency.count());
  }
  /// Everything that `other` holds, too.
  void add(const LatencyHistogram& other) {
    for (std::size_t b = 0; b < bins_.size(); ++b) bins_[b] += other.bins_[b];
    count_ += other.count_;
    max_ = std::max(max_, other.max_);
    sum_ += other.sum_;
  }
  [[nodiscard]] std::int64_t count() const { return count_; }
  [[nodiscard]] Cycles max() const { return max_; }
  [[nodiscard]] double mean() const { return count_ == 0 ? 0 : sum_ / static_cast<double>(count_); }
  /// The smallest duration that at least this share of all do not exceed, rounded up to its bin's end. 0 if there are none.
  /// Requires: 0 < share <= 1.
  [[nodiscard]] Cycles quantile(double share) const {
    GATEFOLD_REQUIRE(0 < share && share <= 1);
    const auto rank = static_cast<std::int64_t>(std::ceil(share * static_cast<double>(count_)));
    std::int64_t seen = 0;
    for (std::size_t b = 0; b < bins_.size(); ++b) {
      seen += bins_[b];
      if (seen >= rank && seen > 0) return std::min(max_, Cycles(last_of(b)));
    }
    return Cycles(0);
  }

 private:
  static constexpr int kBits = 7;  // 2^7 bins per power of two
  static constexpr std::size_t kBins = (std::size_t{1} << kBits) * (63 - kBits + 1);

  static std::size_t bin(std::int64_t value) {
    const auto bits = static_cast<int>(std::bit_width(static_cast<std::uint64_t>(value)));
    if (bits <= kBits) return static_cast<std::size_t>(value);
    const int shift = bits - 1 - kBits;
    return (static_cast<std::size_t>(shift) << kBits) + static_cast<std::size_t>(value >> shift);
  }
  /// The largest value of a bin.
  static std::int64_t last_of(std::size_t bin) {
    const std::size_t per_power = std::size_t{1} << kBits;
    if (bin < 2 * per_power) return static_cast<std::int64_t>(bin);
    const auto shift = static_cast<int>(bin / per_power) - 1;
    return static_cast<std::int64_t>(((bin % per_power + per_power + 1) << shift) - 1);
  }

  std::array<std::int64_t, kBins> bins_{};
  std::int64_t count_ = 0;
  Cycles max_;
  double sum_ = 0;
};

}  // namespace gatefold
