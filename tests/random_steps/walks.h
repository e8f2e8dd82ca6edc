// Two ways of taking random steps: directly on a chip, and through sessions whose policy moves layers at random.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "gatefold/device/ledger.h"
#include "invariants/random.h"

namespace gatefold::test {

struct Steps {
  std::int64_t run = 0;    ///< layers and accesses executed
  std::int64_t shift = 0;  ///< weights or blocks moved
  std::int64_t wake = 0;   ///< elements that left a gated state
  std::int64_t gate = 0;   ///< gate commands and idle times
  std::int64_t fault = 0;  ///< elements that failed or recovered
  std::int64_t equal = 0;  ///< outputs and payloads compared with what they must be
  std::vector<std::string> violations;
  [[nodiscard]] std::int64_t total() const { return run + shift + wake + gate + fault; }
};

/// Adds up every charge by itself.
class Sums : public LedgerObserver {
 public:
  void on_charge(const Charge& charge) override {
    parts_[static_cast<std::size_t>(charge.part)] += charge.energy;
    negative_ = negative_ || charge.energy < EnergyTotal();
  }
  /// True if the ledger has exactly these sums, and no charge was negative.
  [[nodiscard]] bool agree(const Ledger& ledger) const {
    EnergyTotal total;
    for (std::size_t part = 0; part < kPartCount; ++part) {
      if (!(ledger.part(static_cast<Part>(part)) == parts_[part])) return false;
      total += parts_[part];
    }
    return !negative_ && total == ledger.total();
  }

 private:
  std::array<EnergyTotal, kPartCount> parts_{};
  bool negative_ = false;
};

/// A random chip, a while of random actions on it.
void walk_chip(Random& random, Steps& steps);
/// A random network on a random chip, with events, requests and numerics, under a policy that moves layers at random.
void walk_session(std::uint64_t seed, Steps& steps);

}  // namespace gatefold::test
