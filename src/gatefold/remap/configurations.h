// The configurations of one network: complete sets of homes between which the policies over configurations choose. Shifting from one to
// another has a price (EQ-25, EQ-26), serving a request in one has a price under the present profile (request_price.h): a metrical task
// system, of which the work function is the exact optimum so far.
//
// Their set depends on network, chip and static plan alone, so that an optimum over them does not depend on what a policy has done: the
// static plan; for each cluster that it uses the spare plan without it; and the static plan moved along the chip as a whole, the nearest
// first. At most kMax.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "gatefold/remap/request_price.h"

namespace gatefold {

class Configurations {
 public:
  static constexpr std::size_t kMax = 32;

  explicit Configurations(const Situation& situation);

  [[nodiscard]] std::size_t size() const { return list_.size(); }
  /// The first is the static plan.
  [[nodiscard]] const Assignment& at(std::size_t z) const { return list_[z]; }
  /// What shifting from one to another costs.
  [[nodiscard]] EnergyTotal distance(std::size_t from, std::size_t to) const { return distances_[from * size() + to]; }

 private:
  std::vector<Assignment> list_;
  std::vector<EnergyTotal> distances_;
};

/// The price of all shifts from one assignment to another.
[[nodiscard]] EnergyTotal price_shifts(const OptionTable& table, const Assignment& from, const Assignment& to);

/// The cheapest way to have served all requests so far, by the configuration in which it ends. Begins in configuration 0 at no price.
class WorkTable {
 public:
  /// What a request costs in each configuration; nullopt: it cannot be served there.
  using Costs = std::vector<std::optional<EnergyTotal>>;

  /// `keeps`: remembers how, so that path() can tell.
  WorkTable(const Configurations& configurations, bool keeps);
  /// One more request. One that no configuration can serve costs nothing.
  void serve(const Costs& costs);
  /// Of having served the requests so far, ending there.
  [[nodiscard]] EnergyTotal work(std::size_t z) const { return work_[z]; }
  /// Of having served them, wherever it ends: the optimum so far.
  [[nodiscard]] EnergyTotal least() const;
  /// The configuration of each request in the optimum. Requires: keeps.
  [[nodiscard]] std::vector<std::size_t> path() const;

 private:
  const Configurations* configurations_;
  bool keeps_;
  std::vector<EnergyTotal> work_;
  std::vector<EnergyTotal> before_;
  std::vector<std::uint8_t> parents_;  ///< by request and configuration
};

}  // namespace gatefold
