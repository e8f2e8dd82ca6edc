// What one period of a periodic stream costs under an assignment: one request and the gap until the next one.
//
// A layer runs once per period, so the banks of its weights rest for the period less its own time: the cheapest state for that
// gap, RETENTION or OFF with a reload from external memory, is a choice of each layer by itself (EQ-38). Floor and
// uncore are charged for the period, not for the layers' time (EQ-39). Then a period is a sum over layers and neighbours, with
// two terms that depend on all layers together, because the gap is what their time leaves: whether uncore parts, and
// whether clusters and cores that the last and the first layer share, are gated in it. Where every assignment leaves a gap on
// the same side of their break-even that is no choice either; otherwise the smaller of both is charged, a lower bound.
#pragma once

#include "gatefold/cost/objective.h"

namespace gatefold {

/// EQ-38: how the banks of one layer's weights spend the time between two executions.
struct WeightRest {
  std::int64_t banks_retained = 0;
  std::int64_t banks_off = 0;  ///< reloaded from external memory for every request
  std::int64_t banks_on = 0;
  EnergyTotal energy;
};
/// Of an option whose weights stay in its cores. `gap`: the period less the layer's cycles; negative counts as 0.
[[nodiscard]] WeightRest weight_rest(const OptionTable& table, LayerId layer, const Option& option, Cycles gap);

class PeriodModel {
 public:
  /// `table` must outlive the model. `streaming`: layers may also stream their weights (EQ-30), so that node() allows for it.
  PeriodModel(const OptionTable& table, Cycles period, bool streaming);

  [[nodiscard]] Cycles period() const { return period_; }
  /// What an option costs per period by itself; never more than its part of energy().
  [[nodiscard]] EnergyTotal node(LayerId layer, const Option& option) const;
  /// Per period, whatever the assignment.
  [[nodiscard]] EnergyTotal fixed() const { return fixed_; }
  /// True if between requests every cluster and core is gated under every assignment. Otherwise what the last layer of one
  /// request and the first one of the next share counts as held.
  [[nodiscard]] bool elements_gated() const { return elements_gated_; }

  /// EQ-39: a period under an assignment whose layers, one after another, take at most the period.
  [[nodiscard]] EnergyTotal energy(const Assignment& assignment) const;
  /// The layers one after another, streaming included.
  [[nodiscard]] Cycles latency(const Assignment& assignment) const;

 private:
  const OptionTable* table_;
  Cycles period_;
  bool streaming_;
  bool elements_gated_ = false;
  EnergyPerCycle uncore_rate_;  ///< of each cycle of a request, beyond what `fixed` charges
  EnergyTotal fixed_;
};

}  // namespace gatefold
