#include "gating_model/timeline.h"

#include <algorithm>

namespace gatefold::test {
namespace {

/// The states that an element has besides ON, and the order in which they are looked at.
constexpr std::array<PowerState, 3> kGated{PowerState::kClockGated, PowerState::kRetention, PowerState::kOff};

}  // namespace

Timeline::Timeline(const DeviceSpec& spec, GatingScope scope) : scope_(scope), pinned_(at(spec.cluster_count), 0) {
  const auto logic = [](const GateSpec& gate) {
    const int latency = static_cast<int>(gate.wake_latency.count());
    const std::int64_t stopped = gate.on.count() - gate.clock.count();
    return Price{{gate.on.count(), stopped, 0, gate.gated.count()}, {0, 0, 0, latency}, {0, 0, 0, gate.wake_energy.count()}};
  };
  sleep_after_ = static_cast<int>(spec.bank.sleep_after.count());
  const BankSpec& bank = spec.bank;
  prices_ = {logic(spec.cluster), logic(spec.core),
             Price{{bank.on.count(), 0, bank.retention.count(), bank.off.count()},
                   {0, 0, static_cast<int>(bank.wake_latency_retention.count()), static_cast<int>(bank.wake_latency_off.count())},
                   {0, 0, bank.wake_energy_retention.count(), bank.wake_energy_off.count()}},
             logic(spec.vector_pool_gate), logic(spec.uncore.at(0).gate)};
  const auto add = [this](Kind kind, int cluster) {
    Element& element = elements_.emplace_back();
    element.kind = kind;
    element.cluster = cluster;
  };
  for (int k = 0; k < spec.cluster_count; ++k) add(Kind::kCluster, k);
  for (int c = 0; c < spec.core_count(); ++c) add(Kind::kCore, c / spec.cores_per_cluster);
  for (int b = 0; b < spec.bank_count(); ++b) add(Kind::kBank, b / spec.banks_per_core / spec.cores_per_cluster);
  add(Kind::kPool, -1);
  add(Kind::kUncore, -1);
}

bool Timeline::gated(const Element& element) const {
  return scope_ == GatingScope::kAll || (scope_ == GatingScope::kClusters && element.kind != Kind::kUncore);
}

bool Timeline::unknown(const Element& element, int until) const {
  return idle_ && element.filled <= idle_->completion && idle_->completion < until;
}

bool Timeline::has(const Element& element, PowerState state) {
  switch (state) {
    case PowerState::kOn: return true;
    case PowerState::kClockGated: return element.kind == Kind::kCluster || element.kind == Kind::kCore;
    case PowerState::kRetention: return element.kind == Kind::kBank;
    case PowerState::kOff: return !element.content;
  }
  return false;
}

Timeline::Rest Timeline::cheapest(const Element& element, int length, bool in_time) const {
  const Price& of = price(element);
  Rest best{PowerState::kOn, 0};
  std::int64_t best_cost = of.leakage[index(PowerState::kOn)] * length;
  for (const PowerState state : kGated) {
    if (!has(element, state)) continue;
    const int awake = state == PowerState::kRetention ? sleep_after_ : 0;
    const int there = length - awake;
    if (there <= 0 || (in_time && of.wake_latency[index(state)] > there)) continue;
    const std::int64_t wake = of.wake_energy[index(state)];
    const std::int64_t cost = of.leakage[index(PowerState::kOn)] * awake + of.leakage[index(state)] * there + wake;
    if (cost < best_cost || (cost == best_cost && wake == 0)) {
      best = {state, awake};
      best_cost = cost;
    }
  }
  return best;
}

/// What only keeps what must not be lost.
Timeline::Rest Timeline::lowest(const Element& element) const {
  return element.content ? Rest{PowerState::kRetention, sleep_after_} : Rest{PowerState::kOff, 0};
}

/// The state of the gap that begins where the history ends and that something ends at `until`.
Timeline::Rest Timeline::gap(const Element& element, int until) const {
  if (!gated(element)) return {PowerState::kOn, 0};
  if (scope_ == GatingScope::kClusters) {
    if (element.cluster >= 0 && pinned_[at(element.cluster)] != 0) return {PowerState::kOn, 0};
    return lowest(element);
  }
  if (unknown(element, until)) return cheapest(element, idle_->completion - element.filled + idle_->expected, false);
  return cheapest(element, until - element.filled, true);
}

/// The state of the gap that nothing ends: only what must not be lost is kept, unless a next request is awaited.
Timeline::Rest Timeline::rest(const Element& element) const {
  const bool awaited = element.filled > 0 && unknown(element, kHorizon);
  if (!gated(element) || scope_ == GatingScope::kClusters || awaited) return gap(element, kHorizon);
  return lowest(element);
}

/// Returns the state of the last cycle that was filled.
PowerState Timeline::fill(Element& element, const Rest& rest, int until) {
  PowerState last = PowerState::kOn;
  const int enters = element.filled + rest.after;
  for (; element.filled < until; ++element.filled) {
    last = element.filled < enters ? PowerState::kOn : rest.state;
    element.cells[at(element.filled)] = last;
    element.content_lost |= element.content && last == PowerState::kOff;
  }
  return last;
}

void Timeline::wake(Element& element, PowerState from) {
  if (from == PowerState::kRetention || from == PowerState::kOff) ++element.wakes[index(from)];
}

void Timeline::hold(int id, int from, int until) {
  Element& element = elements_[at(id)];
  if (until <= element.filled) return;
  if (from > element.filled) wake(element, fill(element, gap(element, from), from));
  fill(element, {PowerState::kOn, 0}, until);
}

bool Timeline::in_use(int cluster, int now) const {
  return std::any_of(elements_.begin(), elements_.end(), [&](const Element& element) {
    return element.cluster == cluster && (element.content || (element.kind == Kind::kCluster && element.filled > now));
  });
}

void Timeline::pin(int cluster, bool on, int now) {
  if ((pinned_[at(cluster)] != 0) == on) return;
  for (Element& element : elements_) {
    if (element.cluster != cluster || now <= element.filled) continue;
    const PowerState state = fill(element, gap(element, now), now);
    if (on) wake(element, state);
  }
  pinned_[at(cluster)] = on ? 1 : 0;
}

void Timeline::idle(int completion, int arrival, int expected) { idle_ = Idle{completion, arrival, expected}; }

int Timeline::ready(int id, int now) const {
  const Element& element = elements_[at(id)];
  if (now <= element.filled || !unknown(element, now)) return now;
  const Rest rest = gap(element, now);
  if (element.filled + rest.after >= idle_->arrival) return now;  // still ON when it became known
  return std::max(now, idle_->arrival + price(element).wake_latency[index(rest.state)]);
}

bool Timeline::on(int id, int from, int until) const {
  const Element& element = elements_[at(id)];
  const bool stays = !gated(element) || (element.cluster >= 0 && pinned_[at(element.cluster)] != 0);
  for (int t = from; t < until; ++t) {
    const bool on_then = t < element.filled ? element.cells[at(t)] == PowerState::kOn : stays;
    if (!on_then) return false;
  }
  return true;
}

int Timeline::pinned() const { return static_cast<int>(std::count(pinned_.begin(), pinned_.end(), 1)); }

Account Timeline::settled() const {
  Account account;
  for (Element element : elements_) {
    fill(element, rest(element), kHorizon);
    const Price& of = price(element);
    const bool uncore = element.kind == Kind::kUncore;
    for (const PowerState state : element.cells) {
      const std::int64_t leakage = of.leakage[index(state)];
      const bool powered = state == PowerState::kOn || state == PowerState::kClockGated;
      (uncore ? account.uncore : powered ? account.leakage_on : account.leakage_gated) += leakage;
      if (element.cluster >= 0) ++account.cycles[index(state)];
      if (!powered) continue;
      account.cluster_on += element.kind == Kind::kCluster ? 1 : 0;
      account.core_on += element.kind == Kind::kCore ? 1 : 0;
    }
    for (std::size_t state = 0; state < kPowerStateCount; ++state) {
      (uncore ? account.uncore : account.transitions) += element.wakes[state] * of.wake_energy[state];
      account.wakes += element.wakes[state];
    }
    account.content_lost |= element.content_lost;
  }
  return account;
}

std::uint64_t Timeline::fingerprint() const {
  std::uint64_t hash = 0xcbf29ce484222325ULL;  // FNV-1a's basis and prime
  const auto mix = [&hash](std::int64_t value) { hash = (hash ^ static_cast<std::uint64_t>(value)) * 0x100000001b3ULL; };
  for (const Element& element : elements_) {
    mix(element.filled * 2 + (element.content ? 1 : 0));
    for (int t = 0; t < element.filled; ++t) mix(static_cast<std::int64_t>(element.cells[at(t)]) + 3);
    for (const std::int64_t wakes : element.wakes) mix(wakes);
  }
  for (const char pinned : pinned_) mix(pinned);
  if (idle_) mix((idle_->completion * kHorizon + idle_->arrival) * kHorizon + idle_->expected);
  return hash;
}

}  // namespace gatefold::test
