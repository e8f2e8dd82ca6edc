// Gap rules: when an idle element leaves ON, where nobody knows how long the gap will be.
//
// `GapHistory` learns from the gaps of a stream so far: how long they were, given how long the ones before them were.
// `PredictedRule` makes of it the descent with the least expected cost, element class by element class, and stays robust:
// it follows the history only while it can afford to be wrong, and otherwise falls back to the 2-competitive descent. So with
// allowance d and reserve S its cost never exceeds (1 + d) * competitive + S <= 2 * (1 + d) * offline + S, whatever comes.
//
// Why the expected cost splits into one threshold per state: a descent that enters state i + 1 at x pays, in a gap l > x,
// (P_i - P_{i+1}) * (l - x) less leakage and b_{i+1} - b_i more for waking, whatever it does about the other states. Each
// threshold is the best of the history's bucket edges; two out of order become one.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "gatefold/device/envelope.h"

namespace gatefold {

class GapHistory {
 public:
  /// Adds a gap that has ended. O(1) but for the first time in a context.
  void observe(Cycles gap);
  /// The descent with the least expected cost, given the gaps before; the competitive one while little is known.
  [[nodiscard]] Descent expected_best(const Envelope& envelope) const;

 private:
  static constexpr std::size_t kBucketsPerOctave = 4;
  static constexpr std::size_t kBuckets = 64 * kBucketsPerOctave;
  /// Lengths of gaps that followed gaps alike.
  struct Lengths {
    std::array<float, kBuckets> weight{};  ///< how many, the older the less
    std::array<float, kBuckets> length{};  ///< sum of their lengths, in cycles
    std::int64_t count = 0;
  };
  static std::size_t bucket_of(Cycles gap);
  static Cycles edge_of(std::size_t bucket);  ///< no gap of the bucket is longer
  static void add(Lengths& lengths, Cycles gap);
  [[nodiscard]] std::size_t context() const;

  Lengths all_;
  std::vector<Lengths> by_context_;
  double mean_log_ = 0;  ///< moving mean of log2(gap): the context
  bool started_ = false;
};

/// A descent for one class of elements that follows a history and never loses more than it may.
class PredictedRule {
 public:
  explicit PredictedRule(const Envelope& envelope);

  /// How the next gap is spent.
  [[nodiscard]] Descent descent(const GapHistory& history) const;
  /// A gap has ended that was spent on `descent`.
  void settle(const Descent& descent, Cycles gap);

  /// What it has paid, and what the competitive descent would have.
  [[nodiscard]] EnergyTotal paid() const { return paid_; }
  [[nodiscard]] EnergyTotal competitive() const { return competitive_; }
  /// What it may pay beyond (1 + 1/kAllowance) times the competitive descent.
  [[nodiscard]] EnergyTotal reserve() const { return reserve_; }
  static constexpr std::int64_t kAllowance = 50;  ///< a fiftieth: 2 %

 private:
  /// True if losing so much more against the competitive descent keeps within what it may pay.
  [[nodiscard]] bool affords(EnergyTotal loss) const;

  static constexpr std::int64_t kLatest = 8;    ///< no state is entered later than so many times its crossover
  static constexpr std::int64_t kReserve = 16;  ///< in units of the deepest state's wake energy

  Envelope envelope_;
  Descent competitive_descent_;
  EnergyTotal reserve_;
  EnergyTotal paid_;
  EnergyTotal competitive_;
};

}  // namespace gatefold
