#include "gatefold/device/gating.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "gatefold/base/contract.h"

namespace gatefold {
namespace {

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
      refill_energy_(gatefold::refill_energy(spec)),
      states_(power_states(spec)),
      envelopes_(gap_envelopes(spec)),
      pinned_(static_cast<std::size_t>(spec.cluster_count), 0) {
  const auto add = [this](ElementClass element_class, std::size_t part, std::int32_t owner, std::int32_t core) {
    Element element;
    element.element_class = static_cast<std::uint16_t>(static_cast<std::size_t>(element_class) + part);
    element.owner = owner;
    element.core = core;
    elements_.push_back(element);
  };
  for (std::int32_t k = 0; k < spec.cluster_count; ++k) add(ElementClass::kCluster, 0, k, -1);
  for (std::int32_t c = 0; c < spec.core_count(); ++c) add(ElementClass::kCore, 0, c / spec.cores_per_cluster, -1);
  for (std::int32_t b = 0; b < spec.bank_count(); ++b) {
    const std::int32_t core = b / spec.banks_per_core;
    add(ElementClass::kBank, 0, core / spec.cores_per_cluster, core);
  }
  add(ElementClass::kVectorPool, 0, -1, -1);
  for (std::size_t part = 0; part < spec.uncore.size(); ++part) add(ElementClass::kUncore, part, -1, -1);
  follow(nullptr);
}

void Gating::set_uses(BankId bank, const Uses& uses) {
  GATEFOLD_REQUIRE(uses.routes == 0);
  Element& element = elements_[this->bank(bank).at()];
  const Uses before = std::exchange(element.uses, uses);
  for (const ElementId above : {core(CoreId(element.core)), cluster(ClusterId(element.owner))}) {
    Uses& sum = elements_[above.at()].uses;
    sum.weights += uses.weights - before.weights;
    sum.activations += uses.activations - before.activations;
    sum.buffers += uses.buffers - before.buffers;
    GATEFOLD_ENSURE(sum.weights >= 0 && sum.activations >= 0 && sum.buffers >= 0);
  }
}

void Gating::add_route(std::int32_t first, std::int32_t last, Cycles from, Cycles until) {
  routes_.erase(std::remove_if(routes_.begin(), routes_.end(), [from](const Route& route) { return route.until <= from; }), routes_.end());
  routes_.push_back({first, last, until});
}

Uses Gating::uses(ElementId id, Cycles now) const {
  const Element& element = elements_[id.at()];
  Uses uses = element.uses;
  if (!is_class(element, ElementClass::kCluster)) return uses;
  const auto crosses = [&](const Route& route) { return route.first <= element.owner && element.owner <= route.last && route.until > now; };
  uses.routes = static_cast<std::int32_t>(std::count_if(routes_.begin(), routes_.end(), crosses));
  if (uses.routes == 0 && element.held_until > now) uses.routes = 1;  // a layer executes there
  return uses;
}

Gating::Rest Gating::lowest(const Element& element) const {
  const PowerStates& of = states_[element.element_class];
  const Transition& off = of.down(PowerState::kOff);
  if (may_enter(element, off)) return {PowerState::kOff, off.after};
  return {PowerState::kRetention, of.down(PowerState::kRetention).after};
}

Gating::Rest Gating::cheapest(const Element& element, Cycles length, bool hide_wake) const {
  const PowerStates& of = states_[element.element_class];
  Rest best;
  EnergyTotal lowest = EnergyTotal::over(of.leakage[index(PowerState::kOn)], length);
  for (const PowerState state : kPowerStates) {
    const Transition& down = of.down(state);
    if (!may_enter(element, down) || length <= down.after) continue;
    const Transition& wake = of.wake(state);
    const Cycles there = length - down.after;
    if (hide_wake && there < wake.latency) continue;
    const EnergyTotal cost = EnergyTotal::over(of.leakage[index(PowerState::kOn)], down.after) +
                             EnergyTotal::over(of.leakage[index(state)], there) + wake.energy;
    const bool free = wake.energy == Energy(0);  // a clock, or logic whose leakage is counted elsewhere: nothing is lost
    if (cost < lowest || (free && cost == lowest)) {
      lowest = cost;
      best = {state, down.after};
    }
  }
  return best;
}

Gating::Rest Gating::last_rest(const Element& element, Cycles horizon) const {
  return scope_ == GatingScope::kAll ? lowest(element) : rest_in_gap(element, horizon);
}

Gating::Rest Gating::rest_in_gap(const Element& element, Cycles until) const {
  if (scope_ == GatingScope::kNothing || !gateable(element)) return {};
  if (scope_ == GatingScope::kClusters) {
    const bool pinned = element.owner >= 0 && pinned_[static_cast<std::size_t>(element.owner)] != 0;
    return pinned ? Rest() : lowest(element);
  }
  return cheapest(element, until - element.held_until, true);
}

PowerState Gating::state_at_end(const Element& element, Cycles until) const {
  if (scope_ == GatingScope::kAll && unknown(element, until))
    return course(element, element_entries(element), request_.arrival, until, false).last;
  const Rest rest = rest_in_gap(element, until);
  return until > element.held_until + rest.after ? rest.state : PowerState::kOn;
}

void Gating::spend(const Element& element, PowerState state, Cycles from, Cycles until, std::int32_t account) {
  if (until <= from) return;
  const EnergyTotal energy = EnergyTotal::over(states_[element.element_class].leakage[index(state)], until - from);
  const Part part = is_uncore(element) ? Part::kUncore : powered(state) ? Part::kLeakageOn : Part::kLeakageGated;
  ledger_->charge_to(account, part, energy, row(element.owner));
  if (element.owner >= 0) residency_.cycles[index(state)] += (until - from).count();
  if (!powered(state)) return;
  if (is_class(element, ElementClass::kCore)) core_on_ += until - from;
  if (is_class(element, ElementClass::kCluster)) cluster_on_ += until - from;
}

PowerState Gating::spend_gap(const Element& element, const Rest& rest, Cycles until) {
  const Cycles entered = std::min(until, element.held_until + rest.after);
  spend(element, PowerState::kOn, element.held_until, entered);
  if (entered == until) return PowerState::kOn;
  const Transition& down = states_[element.element_class].down(rest.state);
  GATEFOLD_ENSURE(rest.state == PowerState::kOn || down.legal);
  GATEFOLD_ENSURE(!down.loses_data || element.uses.content() == 0);  // nothing in use is switched off
  spend(element, rest.state, entered, until);
  return rest.state;
}

void Gating::charge_wake(const Element& element, PowerState from) {
  if (powered(from)) return;
  const Energy energy = states_[element.element_class].wake(from).energy;
  ledger_->charge(is_uncore(element) ? Part::kUncore : Part::kTransitions, energy, row(element.owner));
  ++wakes_;
  ++idle_times(element).wakes;
}

void Gating::settle_gap(Element& element, Cycles until, bool lossy) {
  if (until <= element.held_until) return;
  const auto length = static_cast<std::uint64_t>((until - element.held_until).count());
  ++idle_times(element).gaps[static_cast<std::size_t>(std::bit_width(length) - 1)];
  if (scope_ == GatingScope::kAll && unknown(element, until)) {
    const Course spent = course(element, element_entries(element), request_.arrival, until, lossy);
    count_unknown(element, spent, until);
    charge_wake(element, spend_course(element, spent, until));
  } else {
    charge_wake(element, spend_gap(element, rest_in_gap(element, until), until));
  }
  element.held_from = until;
  element.held_until = until;
}

void Gating::hold(ElementId id, Cycles from, Cycles until) {
  GATEFOLD_REQUIRE(from <= until);
  Element& element = elements_[id.at()];
  if (until <= element.held_until) return;
  settle_gap(element, from, false);
  spend(element, PowerState::kOn, element.held_until, until, ledger_->account());
  element.held_until = until;
  if (element.request != request_.id) join(id, element);
}

Cycles Gating::ready_at(ElementId id, Cycles now) const {
  const Element& element = elements_[id.at()];
  now = std::max(now, element.filled);
  if (now <= element.held_until) return now;
  if (!unknown(element, now)) return now;  // pre-woken
  // In the state of the arrival: one that fell asleep after it was needed before.
  const PowerState state = state_at_end(element, request_.arrival);
  return std::max(now, request_.arrival + states_[element.element_class].wake(state).latency);
}

Cycles Gating::held_until() const {
  Cycles last;
  for (const Element& element : elements_) last = std::max(last, element.held_until);
  return last;
}

Cycles Gating::woken_at(ElementId id, Cycles now) const {
  const Element& element = elements_[id.at()];
  if (now <= element.held_until) return now;
  return now + states_[element.element_class].wake(state_at_end(element, now)).latency;
}

bool Gating::is_on(ElementId id, Cycles from, Cycles until) const {
  const Element& element = elements_[id.at()];
  if (scope_ == GatingScope::kNothing || !gateable(element)) return true;
  const bool stays_on = element.owner >= 0 && pinned_[static_cast<std::size_t>(element.owner)] != 0;
  return element.held_from <= from && (stays_on || until <= element.held_until);
}

bool Gating::unpin(ClusterId cluster, Cycles now) {
  if (uses(this->cluster(cluster), now).total() > 0) return false;
  set_pin(cluster, false, now);
  return true;
}

void Gating::set_pin(ClusterId cluster, bool on, Cycles now) {
  GATEFOLD_REQUIRE(scope_ == GatingScope::kClusters);
  if ((pinned_[cluster.at()] != 0) == on) return;
  for (Element& element : elements_) {
    if (element.owner != cluster.index() || element.held_until >= now) continue;
    const PowerState state = spend_gap(element, rest_in_gap(element, now), now);
    if (on) charge_wake(element, state);
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
    if (horizon <= element.held_until) continue;
    // No wake: the run ends here. Whoever waits for random arrivals does not know that.
    if (scope_ == GatingScope::kAll && spends_unknown(element)) {
      spend_course(element, course(element, element.entries, horizon, horizon, true), horizon);
    } else {
      spend_gap(element, last_rest(element, horizon), horizon);
    }
    element.held_until = horizon;
  }
  ledger_->charge(Part::kFloor, EnergyTotal::over(floor_, horizon));
}

}  // namespace gatefold
