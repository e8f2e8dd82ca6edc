#include "gatefold/device/envelope.h"

#include <algorithm>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

EnergyTotal spent(const IdleState& state, Cycles gap) { return EnergyTotal::over(state.leakage, gap) + state.wake; }

/// The least length at which `deeper` is no dearer than `lighter`; kNotEntered if it never is.
Cycles crossover_of(const IdleState& lighter, const IdleState& deeper) {
  const std::int64_t saved = lighter.leakage.count() - deeper.leakage.count();
  if (deeper.wake <= lighter.wake) return saved >= 0 ? Cycles(0) : kNotEntered;
  if (saved <= 0) return kNotEntered;
  // ceil(wake difference / saved), by bisection: the difference has 128 bits.
  std::int64_t low = 0;
  std::int64_t high = kNotEntered.count() - 1;
  if (spent(deeper, Cycles(high)) > spent(lighter, Cycles(high))) return kNotEntered;
  while (low < high) {
    const std::int64_t middle = low + (high - low) / 2;
    if (spent(deeper, Cycles(middle)) <= spent(lighter, Cycles(middle))) high = middle;
    else low = middle + 1;
  }
  return Cycles(low);
}

}  // namespace

Envelope::Envelope(std::span<const IdleState> states) {
  GATEFOLD_REQUIRE(!states.empty() && states.size() <= kIdleStatesMax);
  std::array<IdleState, kIdleStatesMax> sorted;
  std::copy(states.begin(), states.end(), sorted.begin());
  const auto end = sorted.begin() + static_cast<std::ptrdiff_t>(states.size());
  std::stable_sort(sorted.begin(), end,
                   [](const IdleState& a, const IdleState& b) { return a.wake != b.wake ? a.wake < b.wake : a.leakage < b.leakage; });
  for (auto next = sorted.begin(); next != end; ++next) {
    if (size_ > 0 && next->leakage >= states_[size_ - 1].leakage) continue;  // a lighter state leaks no more
    // The last one is never the cheapest if the new one takes over no later than it did.
    while (size_ > 1 && crossover_of(states_[size_ - 1], *next) <= crossovers_[size_ - 2]) --size_;
    if (size_ > 0) crossovers_[size_ - 1] = crossover_of(states_[size_ - 1], *next);
    states_[size_++] = *next;
  }
  if (size_ > 1 && crossovers_[size_ - 2] == kNotEntered) --size_;
}

EnergyTotal Envelope::cheapest(Cycles gap) const {
  EnergyTotal least = spent(states_[0], gap);
  for (std::size_t i = 1; i < size_; ++i) least = std::min(least, spent(states_[i], gap));
  return least;
}

EnergyTotal Envelope::cost(const Descent& descent, Cycles gap) const {
  EnergyTotal sum;
  Cycles entered(0);
  std::size_t reached = 0;
  for (std::size_t i = 0; i + 1 < size_ && descent[i] < gap; ++i) {
    sum += EnergyTotal::over(states_[i].leakage, descent[i] - entered);
    entered = descent[i];
    reached = i + 1;
  }
  return sum + EnergyTotal::over(states_[reached].leakage, gap - entered) + states_[reached].wake;
}

Descent Envelope::competitive() const {
  Descent descent;
  descent.fill(kNotEntered);
  // One cycle before: at a crossover that is no whole number of cycles, the next one would already be too late.
  for (std::size_t i = 0; i + 1 < size_; ++i) descent[i] = std::max(Cycles(0), crossovers_[i] - Cycles(1));
  return descent;
}

Descent Envelope::at_once(Cycles gap) const {
  Descent descent;
  descent.fill(kNotEntered);
  for (std::size_t i = 0; i + 1 < size_ && crossovers_[i] <= gap; ++i) descent[i] = Cycles(0);
  return descent;
}

}  // namespace gatefold
