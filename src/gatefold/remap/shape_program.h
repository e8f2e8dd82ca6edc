// The chain relaxation of EQ-29 over shapes: cost-to-go and cost-to-come of every option of every layer.
//
// A state is a cluster count and a core count; splits of one shape differ in their node's cost only, so the cheapest stands
// for all. Only wakes and wires between a layer and the next are kept, and positions are free: everything left out only
// adds, so the result is a lower bound of EQ-29. On a chain nothing is left out but positions.
#pragma once

#include <vector>

#include "gatefold/remap/certificate.h"
#include "gatefold/remap/chain_program.h"
#include "gatefold/remap/count_program.h"
#include "gatefold/remap/relations.h"

namespace gatefold {

/// What each option of each layer costs by itself: [layer][option].
using NodeCosts = std::vector<std::vector<EnergyTotal>>;

/// EQ-37 of every option, and `time` for each cycle.
[[nodiscard]] NodeCosts node_costs(const OptionTable& table, EnergyPerCycle time);

class ShapeProgram {
 public:
  /// `table` must outlive the program. Requires: at least one layer.
  ShapeProgram(const OptionTable& table, const std::vector<Relation>& relations, const NodeCosts& nodes);

  /// What one unit of the program's integers is, in attojoules: 1 unless a path could cost 2^60 aJ or more.
  [[nodiscard]] std::int64_t unit() const { return unit_; }
  /// True if potentials are exact for the relaxation: nothing was rounded, and wires have their true lengths.
  [[nodiscard]] bool tight() const { return unit_ == 1 && !counted_; }

  /// Solves it. `closing`, if given: the change from the last layer's state to a state of the next request's first layer
  /// costs at least this; the mean over requests is minimised then.
  void solve();
  struct Steady {
    EnergyTotal mean;             ///< no sequence of requests costs less on average
    std::vector<Footprint> path;  ///< the cheapest request that can be repeated
  };
  [[nodiscard]] Steady solve_steady(bool elements_gated_between);

  [[nodiscard]] EnergyTotal bound() const;                           ///< after solve()
  [[nodiscard]] std::vector<Footprint> shapes() const;               ///< after solve(): of a shortest path
  [[nodiscard]] OptionValues to_go(const NodeCosts& nodes) const;    ///< including the option itself
  [[nodiscard]] OptionValues to_come(const NodeCosts& nodes) const;  ///< including the option itself

 private:
  [[nodiscard]] std::size_t state_of(const Footprint& shape) const {
    return static_cast<std::size_t>(shape.clusters - 1) * width_ + static_cast<std::size_t>(shape.cores - 1);
  }
  [[nodiscard]] std::int64_t units(EnergyTotal energy) const { return static_cast<std::int64_t>(energy.attojoules() / unit_); }
  void fill_chain(const std::vector<Relation>& relations);
  void fill_count(const std::vector<Relation>& relations);
  void run(std::span<const std::int64_t> ending);
  [[nodiscard]] Footprint cheapest_option(std::size_t layer, std::size_t state) const;
  [[nodiscard]] OptionValues by_option(const NodeCosts& nodes, const std::vector<std::int64_t>& values) const;
  [[nodiscard]] std::vector<Footprint> footprints(const std::vector<std::size_t>& path) const;

  const OptionTable* table_;
  std::size_t groups_ = 0;
  std::size_t width_ = 1;
  std::int64_t unit_ = 1;
  bool counted_ = false;                             ///< too many clusters for the chain program
  std::vector<std::vector<std::int16_t>> cheapest_;  ///< [layer][state]: position of its cheapest option, -1: none
  std::vector<std::int64_t> node_;                   ///< [layer, state]
  ChainProgram chain_;
  CountProgram count_;
  std::vector<std::int64_t> potentials_;
  std::vector<std::int64_t> scratch_;
};

}  // namespace gatefold
