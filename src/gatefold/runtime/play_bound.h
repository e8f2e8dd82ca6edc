// What nobody can serve the requests of a play for: a lower bound on its energy, whatever is decided, even with everything known in
// advance.
//
//     dynamic    every layer execution at its cheapest option, by the density of its request
//     external   activations that the cores of no option of a layer that reads them can hold: in and out once. Weights of a network that
//                cannot all stay while its largest activations live: what comes again for every request
//     uncore     ON for as long as the busiest network's requests take, each on its quickest options and never waiting
//     leakage    every gateable element in its deepest state from the beginning to the end of the scenario
//     floor      from the beginning to the end of the scenario
//
// Gaps are left out but for the deepest state's leakage: wakes, retention and reloads count as 0, since requests may be put off towards
// each other, so that no gap is certain. So do moves, wires of outputs, and what executions hold ON. Parts do not overlap: each is at most
// the ledger's part of the same name, leakage those of its elements ON and gated.
#pragma once

#include <map>
#include <utility>
#include <vector>

#include "gatefold/base/quantity.h"
#include "gatefold/runtime/prepared.h"

namespace gatefold {

struct EnergyBound {
  EnergyTotal dynamic, external, uncore, leakage, floor;
  [[nodiscard]] EnergyTotal total() const { return dynamic + external + uncore + leakage + floor; }
};

/// Counts the requests of one network that were served, by what decides how cheap one can be.
class RequestBound {
 public:
  /// `network` must outlive this. `exact`: densities of requests are known; otherwise no element need be non-zero.
  RequestBound(const PreparedNetwork& network, bool exact);
  /// A request was served: its first `layers` layers, at this share of activations that are not zero.
  void served(std::size_t layers, double density);

  [[nodiscard]] EnergyTotal dynamic() const { return dynamic_; }
  [[nodiscard]] EnergyTotal external() const;
  /// Time in which a request was in progress, at least.
  [[nodiscard]] Cycles busy() const { return busy_; }

 private:
  struct Least {
    EnergyTotal dynamic;
    EnergyTotal spilled;
    Cycles cycles;  ///< of the longest path
  };
  static constexpr std::int64_t kDensities = 64;  ///< densities are told apart by so many steps, rounded down
  [[nodiscard]] Least least(std::size_t layers, std::int64_t step) const;
  /// Activations that the first layers cannot but spill, once in and once out.
  [[nodiscard]] Bytes must_spill(std::size_t layers) const;
  /// Bytes of weights that cannot stay in the chip from one request to the next.
  [[nodiscard]] Bytes comes_again() const;

  const PreparedNetwork& network_;
  bool exact_;
  std::map<std::pair<std::size_t, std::int64_t>, Least> known_;
  EnergyTotal dynamic_;
  EnergyTotal spilled_;
  Cycles busy_;
  std::int64_t whole_ = 0;  ///< requests that ran all layers
};

/// The bound of a scenario that lasts so long.
[[nodiscard]] EnergyBound energy_bound(const DeviceSpec& spec, const std::vector<RequestBound>& networks, Cycles duration);

}  // namespace gatefold
