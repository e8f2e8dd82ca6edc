#include "gating_model/timeline.h"

#include <algorithm>

namespace gatefold::test {
namespace {

constexpr std::size_t index(PowerState state) { return static_cast<std::size_t>(state); }

}  // namespace

Timeline::Timeline(const DeviceSpec& spec, GatingScope scope) : scope_(scope), pinned_(at(spec.cluster_count), 0) {
  const auto logic = [](const GateSpec& gate) {
    const int latency = static_cast<int>(gate.wake_latency.count());
    return Price{{gate.on.count(), 0, gate.gated.count()}, {0, 0, latency}, {0, 0, gate.wake_energy.count()}};
  };
  const BankSpec& bank = spec.bank;
  prices_ = {logic(spec.cluster), logic(spec.core),
             Price{{bank.on.count(), bank.retention.count(), bank.off.count()},
                   {0, static_cast<int>(bank.wake_latency_retention.count()), static_cast<int>(bank.wake_latency_off.count())},
                   {0, bank.wake_energy_retention.count(), bank.wake_energy_off.count()}},
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

PowerState Timeline::cheapest(const Element& element, int length, bool in_time) const {
  const Price& of = price(element);
  std::vector<PowerState> choices{PowerState::kOn};
  if (element.kind == Kind::kBank) choices.push_back(PowerState::kRetention);
  if (!element.content) choices.push_back(PowerState::kOff);
  PowerState best = PowerState::kOn;
  std::int64_t best_cost = 0;
  for (const PowerState state : choices) {
    const std::int64_t cost = of.leakage[index(state)] * length + of.wake_energy[index(state)];
    const bool better = cost < best_cost || (cost == best_cost && of.wake_energy[index(state)] == 0);
    const bool possible = !in_time || of.wake_latency[index(state)] <= length;
    if (state == PowerState::kOn || (possible && better)) {
      best = state;
      best_cost = cost;
    }
  }
  return best;
}

/// The state of the gap that begins where the history ends and that something ends at `until`.
PowerState Timeline::gap(const Element& element, int until) const {
  if (!gated(element)) return PowerState::kOn;
  if (scope_ == GatingScope::kClusters) {
    if (element.cluster >= 0 && pinned_[at(element.cluster)] != 0) return PowerState::kOn;
    return element.content ? PowerState::kRetention : PowerState::kOff;
  }
  if (unknown(element, until)) return cheapest(element, idle_->completion - element.filled + idle_->expected, false);
  return cheapest(element, until - element.filled, true);
}

/// The state of the gap that nothing ends: only what must not be lost is kept, unless a next request is awaited.
PowerState Timeline::rest(const Element& element) const {
  const bool awaited = element.filled > 0 && unknown(element, kHorizon);
  if (!gated(element) || scope_ == GatingScope::kClusters || awaited) return gap(element, kHorizon);
  return element.content ? PowerState::kRetention : PowerState::kOff;
}

void Timeline::fill(Element& element, PowerState state, int until) {
  for (; element.filled < until; ++element.filled) {
    element.cells[at(element.filled)] = state;
    element.content_lost |= element.content && state == PowerState::kOff;
  }
}

void Timeline::hold(int id, int from, int until) {
  Element& element = elements_[at(id)];
  if (until <= element.filled) return;
  if (from > element.filled) {
    const PowerState state = gap(element, from);
    fill(element, state, from);
    if (state != PowerState::kOn) ++element.wakes[index(state)];
  }
  fill(element, PowerState::kOn, until);
}

void Timeline::pin(int cluster, bool on, int now) {
  if ((pinned_[at(cluster)] != 0) == on) return;
  for (Element& element : elements_) {
    if (element.cluster != cluster || now <= element.filled) continue;
    const PowerState state = gap(element, now);
    fill(element, state, now);
    if (on && state != PowerState::kOn) ++element.wakes[index(state)];
  }
  pinned_[at(cluster)] = on ? 1 : 0;
}

void Timeline::idle(int completion, int arrival, int expected) { idle_ = Idle{completion, arrival, expected}; }

int Timeline::ready(int id, int now) const {
  const Element& element = elements_[at(id)];
  if (now <= element.filled || !unknown(element, now)) return now;
  return std::max(now, idle_->arrival + price(element).wake_latency[index(gap(element, now))]);
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
      (uncore ? account.uncore : state == PowerState::kOn ? account.leakage_on : account.leakage_gated) += leakage;
      if (element.cluster >= 0) ++account.cycles[index(state)];
      if (state != PowerState::kOn) continue;
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
