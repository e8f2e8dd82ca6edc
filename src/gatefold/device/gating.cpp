#include "gatefold/device/gating.h"

#include <algorithm>
#include <bit>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

constexpr std::size_t index(PowerState state) { return static_cast<std::size_t>(state); }

constexpr std::uint16_t kClusterClass = 0;
constexpr std::uint16_t kCoreClass = 1;
constexpr std::uint16_t kBankClass = 2;
constexpr std::uint16_t kPoolClass = 3;
constexpr std::uint16_t kFirstUncoreClass = 4;

/// Row of a cluster in the ledger's table.
std::int32_t row(std::int32_t owner) { return owner < 0 ? Ledger::kChip : owner + 1; }

}  // namespace

Gating::Gating(const DeviceSpec& spec, GatingScope scope, Ledger& ledger)
    : cluster_count_(spec.cluster_count),
      core_count_(spec.core_count()),
      pool_index_(spec.cluster_count + spec.core_count() + spec.bank_count()),
      scope_(scope),
      ledger_(&ledger),
      floor_(spec.floor),
      pinned_(static_cast<std::size_t>(spec.cluster_count), 0) {
  const auto two_states = [](const GateSpec& gate) {
    ElementClass made;
    made.leakage = {gate.on, gate.gated, gate.gated};
    made.wake_latency = {Cycles(0), gate.wake_latency, gate.wake_latency};
    made.wake_energy = {Energy(0), gate.wake_energy, gate.wake_energy};
    return made;
  };
  classes_.push_back(two_states(spec.cluster));
  classes_.back().is_cluster = true;
  classes_.push_back(two_states(spec.core));
  classes_.back().is_core = true;
  ElementClass bank;
  bank.leakage = {spec.bank.on, spec.bank.retention, spec.bank.off};
  bank.wake_latency = {Cycles(0), spec.bank.wake_latency_retention, spec.bank.wake_latency_off};
  bank.wake_energy = {Energy(0), spec.bank.wake_energy_retention, spec.bank.wake_energy_off};
  bank.has_retention = true;
  classes_.push_back(bank);
  classes_.push_back(two_states(spec.vector_pool_gate));
  for (const std::uint16_t kind : {kClusterClass, kCoreClass, kBankClass, kPoolClass}) classes_[kind].kind = static_cast<ElementKind>(kind);
  for (const UncoreSpec& part : spec.uncore) {
    classes_.push_back(two_states(part.gate));
    classes_.back().is_uncore = true;
    classes_.back().gateable = scope == GatingScope::kAll;
  }
  const auto add = [this](std::uint16_t element_class, std::int32_t owner) {
    Element element;
    element.element_class = element_class;
    element.owner = owner;
    elements_.push_back(element);
  };
  for (std::int32_t k = 0; k < spec.cluster_count; ++k) add(kClusterClass, k);
  for (std::int32_t c = 0; c < spec.core_count(); ++c) add(kCoreClass, c / spec.cores_per_cluster);
  for (std::int32_t b = 0; b < spec.bank_count(); ++b) add(kBankClass, b / (spec.banks_per_core * spec.cores_per_cluster));
  add(kPoolClass, -1);
  for (std::size_t part = 0; part < spec.uncore.size(); ++part) add(static_cast<std::uint16_t>(kFirstUncoreClass + part), -1);
}

PowerState Gating::gap_state(const Element& element, Cycles length, bool hide_wake) const {
  const ElementClass& of = classes_[element.element_class];
  PowerState best = PowerState::kOn;
  EnergyTotal cheapest = EnergyTotal::over(of.leakage[index(PowerState::kOn)], length);
  const auto consider = [&](PowerState state) {
    if (hide_wake && length < of.wake_latency[index(state)]) return;
    const EnergyTotal cost = EnergyTotal::over(of.leakage[index(state)], length) + of.wake_energy[index(state)];
    const bool free = of.wake_energy[index(state)] == Energy(0);  // logic whose leakage is counted elsewhere: nothing is lost
    if (cost < cheapest || (free && cost == cheapest)) {
      cheapest = cost;
      best = state;
    }
  };
  if (of.has_retention) consider(PowerState::kRetention);
  if (!(of.has_retention && element.content)) consider(PowerState::kOff);
  return best;
}

bool Gating::in_unknown_gap(const Element& element, Cycles until) const {
  return unknown_from_ && element.held_until <= *unknown_from_ && until > *unknown_from_;
}

PowerState Gating::last_state(const Element& element, Cycles horizon) const {
  const ElementClass& of = classes_[element.element_class];
  const bool used = element.held_until > Cycles(0);
  if (scope_ != GatingScope::kAll || !of.gateable || (used && in_unknown_gap(element, horizon))) return state_in_gap(element, horizon);
  return of.has_retention && element.content ? PowerState::kRetention : PowerState::kOff;
}

PowerState Gating::state_in_gap(const Element& element, Cycles until) const {
  const ElementClass& of = classes_[element.element_class];
  if (scope_ == GatingScope::kNothing || !of.gateable) return PowerState::kOn;
  if (scope_ == GatingScope::kClusters) {
    if (element.owner >= 0 && pinned_[static_cast<std::size_t>(element.owner)] != 0) return PowerState::kOn;
    return of.has_retention && element.content ? PowerState::kRetention : PowerState::kOff;
  }
  if (in_unknown_gap(element, until)) return gap_state(element, (*unknown_from_ - element.held_until) + unknown_expected_, false);
  return gap_state(element, until - element.held_until, true);
}

void Gating::spend(const Element& element, PowerState state, Cycles from, Cycles until, std::int32_t account) {
  if (until <= from) return;
  const ElementClass& of = classes_[element.element_class];
  const EnergyTotal energy = EnergyTotal::over(of.leakage[index(state)], until - from);
  const Part part = of.is_uncore ? Part::kUncore : state == PowerState::kOn ? Part::kLeakageOn : Part::kLeakageGated;
  ledger_->charge_to(account, part, energy, row(element.owner));
  if (element.owner >= 0) residency_.cycles[index(state)] += (until - from).count();
  if (state != PowerState::kOn) return;
  if (of.is_core) core_on_ += until - from;
  if (of.is_cluster) cluster_on_ += until - from;
}

void Gating::wake(const Element& element, PowerState state) {
  const ElementClass& of = classes_[element.element_class];
  ledger_->charge(of.is_uncore ? Part::kUncore : Part::kTransitions, of.wake_energy[index(state)], row(element.owner));
  ++wakes_;
  ++idle_times_[static_cast<std::size_t>(of.kind)].wakes;
}

void Gating::settle_gap(Element& element, Cycles until) {
  if (until <= element.held_until) return;
  const auto length = static_cast<std::uint64_t>((until - element.held_until).count());
  ++idle_times_[static_cast<std::size_t>(classes_[element.element_class].kind)].gaps[static_cast<std::size_t>(std::bit_width(length) - 1)];
  const PowerState state = state_in_gap(element, until);
  spend(element, state, element.held_until, until);
  if (state != PowerState::kOn) wake(element, state);
  element.held_from = until;
  element.held_until = until;
}

void Gating::hold(ElementId id, Cycles from, Cycles until) {
  GATEFOLD_REQUIRE(from <= until);
  Element& element = elements_[id.at()];
  if (until <= element.held_until) return;
  settle_gap(element, from);
  spend(element, PowerState::kOn, element.held_until, until, ledger_->account());
  element.held_until = until;
}

void Gating::idle_between_requests(Cycles completion, Cycles arrival, Cycles expected) {
  GATEFOLD_REQUIRE(completion <= arrival);
  unknown_from_ = completion;
  unknown_until_ = arrival;
  unknown_expected_ = expected;
}

Cycles Gating::ready_at(ElementId id, Cycles now) const {
  const Element& element = elements_[id.at()];
  if (now <= element.held_until) return now;
  if (!unknown_from_ || element.held_until > *unknown_from_ || now < unknown_until_) return now;  // pre-woken
  const PowerState state = state_in_gap(element, now);
  return std::max(now, unknown_until_ + classes_[element.element_class].wake_latency[index(state)]);
}

Cycles Gating::woken_at(ElementId id, Cycles now) const {
  const Element& element = elements_[id.at()];
  if (now <= element.held_until) return now;
  return now + classes_[element.element_class].wake_latency[index(state_in_gap(element, now))];
}

bool Gating::is_on(ElementId id, Cycles from, Cycles until) const {
  const Element& element = elements_[id.at()];
  if (scope_ == GatingScope::kNothing || !classes_[element.element_class].gateable) return true;
  const bool stays_on = element.owner >= 0 && pinned_[static_cast<std::size_t>(element.owner)] != 0;
  return element.held_from <= from && (stays_on || until <= element.held_until);
}

void Gating::pin(ClusterId cluster, bool on, Cycles now) {
  GATEFOLD_REQUIRE(scope_ == GatingScope::kClusters);
  if ((pinned_[cluster.at()] != 0) == on) return;
  for (Element& element : elements_) {
    if (element.owner != cluster.index() || element.held_until >= now) continue;
    const PowerState state = state_in_gap(element, now);
    spend(element, state, element.held_until, now);
    if (on && state != PowerState::kOn) wake(element, state);
    element.held_from = now;
    element.held_until = now;
  }
  pinned_[cluster.at()] = on ? 1 : 0;
}

std::int32_t Gating::powered_clusters(std::int32_t executing) const {
  switch (scope_) {
    case GatingScope::kNothing: return cluster_count_;
    case GatingScope::kClusters: return static_cast<std::int32_t>(std::count(pinned_.begin(), pinned_.end(), 1));
    case GatingScope::kAll: return executing;
  }
  GATEFOLD_REQUIRE(false);
}

void Gating::settle(Cycles horizon) {
  for (Element& element : elements_) {
    if (horizon > element.held_until) {
      spend(element, last_state(element, horizon), element.held_until, horizon);  // no wake: the run ends here
      element.held_until = horizon;
    }
  }
  ledger_->charge(Part::kFloor, EnergyTotal::over(floor_, horizon));
}

}  // namespace gatefold
