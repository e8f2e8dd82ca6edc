// Gap rules: when an idle element leaves ON, where nobody knows how long the gap will be.
//
// `GapHistory` learns from the gaps of a stream so far: how long they were, given how long the ones before them were, seen over
// a short and a long memory and without any (its views). `PredictedRule` makes of each view the descent with the least expected
// cost, element class by element class, takes the view that would have paid least so far, and stays robust: it follows the history only
// while it can afford to be wrong, and otherwise falls back to the 2-competitive descent. So with allowance d and reserve S its cost never
// exceeds (1 + d) * competitive + S <= 2 * (1 + d) * offline + S, whatever comes.
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
  /// Ways to tell gaps apart by what came before: by the last few, by the last dozens, not at all.
  static constexpr std::size_t kViews = 3;

  /// Adds a gap that has ended. Allocates only when a context is new.
  void observe(Cycles gap);
  /// The descent with the least expected cost in the present context of a view; the competitive one while little is known.
  [[nodiscard]] Descent expected_best(const Envelope& envelope, std::size_t view) const;

 private:
  static constexpr std::size_t kBucketsPerOctave = 4;
  static constexpr std::size_t kBuckets = 64 * kBucketsPerOctave;
  /// Lengths of gaps that followed gaps alike.
  struct Lengths {
    std::array<float, kBuckets> weight{};  ///< how many, the older the less
    std::array<float, kBuckets> length{};  ///< sum of their lengths, in cycles
    std::int64_t count = 0;
    std::size_t first = kBuckets;  ///< buckets from first to last have been used
    std::size_t last = 0;
  };
  struct View {
    double mean = 0;  ///< moving mean of lengths, in cycles
    std::vector<Lengths> by_context;
    [[nodiscard]] std::size_t context() const;
  };
  static std::size_t bucket_of(Cycles gap);
  static Cycles edge_of(std::size_t bucket);  ///< no gap of the bucket is longer
  static void add(Lengths& lengths, Cycles gap);

  Lengths all_;
  std::array<View, kViews - 1> views_;
};

/// A descent for one class of elements that follows a history and never loses more than it may.
class PredictedRule {
 public:
  explicit PredictedRule(const Envelope& envelope);

  /// Decides how the next gap is spent.
  [[nodiscard]] Descent next(const GapHistory& history);
  /// That gap has ended, for one element at once.
  void settle(Cycles gap);

  // ---- for elements whose gaps end one by one, later than the one that is learnt from ----
  /// A gap has ended: what each view would have paid. The elements' own are still to be accounted for.
  void learn(Cycles gap);
  /// One element's gap has ended.
  void spent(EnergyTotal paid, EnergyTotal competitive);

  /// What it has paid, and what the competitive descent would have.
  [[nodiscard]] EnergyTotal paid() const { return paid_; }
  [[nodiscard]] EnergyTotal competitive() const { return competitive_; }
  /// What it may pay, per element, beyond (1 + 1/kAllowance) times the competitive descent.
  [[nodiscard]] EnergyTotal reserve() const { return reserve_; }
  static constexpr std::int64_t kAllowance = 50;  ///< a fiftieth: 2 %
  static constexpr std::int64_t kReserve = 16;    ///< in units of the deepest state's wake energy
  /// True if losing so much more per element against the competitive descent keeps within what it may pay.
  [[nodiscard]] bool affords(EnergyTotal loss) const;

 private:
  static constexpr std::int64_t kLatest = 8;  ///< no state is entered later than so many times its crossover

  Envelope envelope_;
  Descent competitive_descent_;
  Descent chosen_;
  std::array<Descent, GapHistory::kViews> by_view_;
  std::array<EnergyTotal, GapHistory::kViews> paid_by_view_;  ///< what each would have paid
  EnergyTotal reserve_;
  EnergyTotal paid_;
  EnergyTotal competitive_;
  EnergyTotal loss_;           ///< the most that the present descent can lose in one gap
  EnergyTotal pending_;        ///< the most that an element has lost in a gap that is not accounted for yet
  std::int64_t elements_ = 1;  ///< that spend a gap at a time
  std::int64_t accounted_ = 0;
};

}  // namespace gatefold
