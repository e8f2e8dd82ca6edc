// The ledger: every joule of a run, charged once, to exactly one part. All sums are integers, so the parts add up to
// the total exactly, in any order, however an interval is split.
#pragma once

#include <array>
#include <cstdint>

#include "gatefold/base/quantity.h"

namespace gatefold {

/// The disjoint parts of a run's energy.
enum class Part : std::uint8_t {
  kCompute,       ///< MACs, lane adds, vector values
  kMemory,        ///< SRAM accesses
  kCrossbar,      ///< wires and control words
  kExternal,      ///< external memory
  kLeakageOn,     ///< clusters, cores, banks and vector pool while ON
  kLeakageGated,  ///< the same while gated
  kTransitions,   ///< their wake-ups
  kUncore,        ///< uncore parts, wake-ups included
  kFloor,         ///< what nothing gates
};
inline constexpr std::size_t kPartCount = 9;

/// One charge, as an observer sees it.
struct Charge {
  Part part;
  EnergyTotal energy;
};

/// Sees every charge of a ledger, in order. For tests and traces.
class LedgerObserver {
 public:
  virtual ~LedgerObserver() = default;
  virtual void on_charge(const Charge& charge) = 0;
};

class Ledger {
 public:
  void charge(Part part, EnergyTotal energy) {
    parts_[static_cast<std::size_t>(part)] += energy;
    if (observer_ != nullptr) observer_->on_charge({part, energy});
  }
  [[nodiscard]] EnergyTotal part(Part part) const { return parts_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] EnergyTotal total() const {
    EnergyTotal sum;
    for (const EnergyTotal& part : parts_) sum += part;
    return sum;
  }
  /// The observer must outlive its use; nullptr removes it.
  void observe(LedgerObserver* observer) { observer_ = observer; }

 private:
  std::array<EnergyTotal, kPartCount> parts_{};
  LedgerObserver* observer_ = nullptr;
};

}  // namespace gatefold
