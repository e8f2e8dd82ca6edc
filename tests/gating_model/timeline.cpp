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
  refill_ = spec.bank.size.count() * (spec.external_byte.count() + spec.sram_byte.count());
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

int entry_time(std::uint64_t streams, GapClass of, PowerState state) {
  const int users = static_cast<int>(streams & 1U) + static_cast<int>(streams >> 1U & 1U);
  const int early = 6 - 3 * users;
  if (state == PowerState::kRetention) return early;
  if (state != PowerState::kOff) return 0;
  return of == GapClass::kCore ? 0 : of == GapClass::kEmptyBank ? early + 4 : of == GapClass::kUncore ? 30 : early;
}

bool Timeline::unknown(const Element& element, int until) const {
  return gated(element) && !request_.known && element.request != request_.id && element.filled < request_.arrival &&
         request_.arrival <= until;
}

GapClass Timeline::gap_class(const Element& element) const {
  switch (element.kind) {
    case Kind::kCluster: return GapClass::kCluster;
    case Kind::kCore: return GapClass::kCore;
    case Kind::kBank: return element.content ? GapClass::kWeightBank : GapClass::kEmptyBank;
    case Kind::kPool: return GapClass::kVectorPool;
    case Kind::kUncore: return GapClass::kUncore;
  }
  return GapClass::kUncore;
}

/// Only states that are the cheapest for some gap are ever entered; those that pay for `rest` cycles, at once.
std::array<int, kPowerStateCount> Timeline::entries_now(const Element& element, int rest) const {
  const Price& of = price(element);
  const auto cheapest_for = [&](int length) {
    std::size_t best = 0;
    std::int64_t least = of.leakage[0] * length;
    for (const PowerState state : kGated) {
      const bool reload = element.content && state == PowerState::kOff;
      if (!has(element, state) && !reload) continue;
      const std::size_t s = index(state);
      const int awake = state == PowerState::kRetention ? sleep_after_ : 0;
      const std::int64_t cost =
          of.leakage[s] * length + of.wake_energy[s] + (of.leakage[0] - of.leakage[s]) * awake + (reload ? refill_ : 0);
      if (cost <= least) {
        best = s;
        least = cost;
      }
    }
    return best;
  };
  std::array<int, kPowerStateCount> entries{};
  entries.fill(kNever);
  entries[0] = 0;
  constexpr int kLong = 200;  // beyond every crossover of these chips
  for (int length = 0; length <= kLong; ++length) {
    const std::size_t best = cheapest_for(length);
    if (entries[best] != kNever) continue;
    entries[best] = length <= rest ? 0 : entry_time(element.streams, gap_class(element), static_cast<PowerState>(best));
    if (length == 0) entries[best] = 0;
  }
  return entries;
}

bool Timeline::may_lose(const Element& element) const {
  return element.kind == Kind::kBank && element.content && element.streams == std::uint64_t{1} << (1 - kKeeper);
}

PowerState Timeline::reached(const Element& element, const std::array<int, kPowerStateCount>& entries, int time, bool lossy) const {
  PowerState state = PowerState::kOn;
  for (const PowerState deeper : kGated) {
    const int awake = deeper == PowerState::kRetention ? sleep_after_ : 0;
    const bool there = has(element, deeper) || (deeper == PowerState::kOff && lossy && may_lose(element));
    if (there && element.filled + std::max(awake, entries[index(deeper)]) <= time) state = deeper;
  }
  return state;
}

std::array<int, kPowerStateCount> Timeline::entries_of(const Element& element) const {
  return element.request < 0 ? entries_now(element, 0) : element.entries;
}

PowerState Timeline::fill_unknown(Element& element, int arrival, int until, bool lossy) const {
  const auto entries = entries_of(element);
  const int begin = element.filled;
  std::vector<PowerState> states;
  for (int t = begin; t < arrival; ++t) states.push_back(reached(element, entries, t, lossy));
  const PowerState there = states.back();
  const Price& of = price(element);
  // The remainder: stay, or go further down once, if that can be left in time.
  PowerState best = there;
  int best_from = arrival;
  std::int64_t least = of.leakage[index(there)] * (until - arrival) + of.wake_energy[index(there)];
  for (const PowerState state : kGated) {
    if (index(state) <= index(there) || !has(element, state)) continue;
    const int from = std::max(arrival, begin + (state == PowerState::kRetention ? sleep_after_ : 0));
    if (from >= until || until - from < of.wake_latency[index(state)]) continue;
    const std::int64_t cost =
        of.leakage[index(there)] * (from - arrival) + of.leakage[index(state)] * (until - from) + of.wake_energy[index(state)];
    if (cost >= least) continue;
    least = cost;
    best = state;
    best_from = from;
  }
  for (int t = arrival; t < until; ++t) states.push_back(t < best_from ? there : best);
  const bool lost_before = element.content_lost;
  for (const PowerState state : states) fill(element, {state, 0}, element.filled + 1);
  if (lossy && may_lose(element)) element.content_lost = lost_before;
  return best;
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
  return cheapest(element, until - element.filled, true);
}

bool Timeline::random(const Element& element) const {
  bool random = false;
  for (std::size_t s = 0; s < streams_.size(); ++s) random = random || ((element.streams >> s & 1U) != 0 && streams_[s].random);
  return random;
}

/// The gap that nothing ends: only what must not be lost is kept, unless a next request may come any time.
void Timeline::fill_last(Element& element) const {
  if (element.filled >= kHorizon) return;
  if (scope_ != GatingScope::kAll) fill(element, gap(element, kHorizon), kHorizon);
  else if (element.request >= 0 && random(element)) fill_unknown(element, kHorizon, kHorizon, true);
  else fill(element, lowest(element), kHorizon);
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
  if (from > element.filled) {
    const bool surprised = scope_ == GatingScope::kAll && unknown(element, from);
    wake(element, surprised ? fill_unknown(element, request_.arrival, from, false) : fill(element, gap(element, from), from));
    element.begun = from;
  }
  fill(element, {PowerState::kOn, 0}, until);
  if (element.request == request_.id) return;
  element.request = request_.id;
  if (stream_ >= 0) element.streams |= std::uint64_t{1} << static_cast<unsigned>(stream_);
  element.entries = entries_now(element, 0);
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
    element.begun = now;
  }
  pinned_[at(cluster)] = on ? 1 : 0;
}

void Timeline::next_request(int stream, int completion, int arrival, bool known) {
  Stream& of = streams_[at(stream)];
  for (Element& element : elements_) {
    if (of.requests == 0 || element.request != of.request.id) continue;
    element.entries = entries_now(element, std::max(0, completion - element.filled));
  }
  of.request = {++made_, arrival, known};
  of.random = of.random || !known;
  ++of.requests;
  work_for(stream);
}

bool Timeline::lost(int bank) const {
  const Element& element = elements_[at(bank)];
  return scope_ == GatingScope::kAll && element.request >= 0 && may_lose(element) && unknown(element, request_.arrival) &&
         reached(element, element.entries, request_.arrival - 1, true) == PowerState::kOff;
}

void Timeline::refill(int bank, int from, int until) {
  Element& element = elements_[at(bank)];
  wake(element, fill_unknown(element, request_.arrival, from, true));
  element.begun = from;
  hold(bank, from, until);
  element.refilled = until;
}

void Timeline::work_for(int stream) {
  stream_ = stream;
  request_ = streams_[at(stream)].request;
}

int Timeline::ready(int id, int now) const {
  const Element& element = elements_[at(id)];
  now = std::max(now, element.refilled);
  if (now <= element.filled || !unknown(element, now)) return now;
  PowerState state = PowerState::kOn;  // of the cycle before the arrival
  if (scope_ == GatingScope::kAll) {
    state = reached(element, entries_of(element), request_.arrival - 1, false);
  } else {
    const Rest rest = gap(element, now);
    if (element.filled + rest.after < request_.arrival) state = rest.state;
  }
  return std::max(now, request_.arrival + price(element).wake_latency[index(state)]);
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
    fill_last(element);
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
    mix(element.request);
    mix(element.refilled);
    mix(static_cast<std::int64_t>(element.streams));
    for (const int entry : element.entries) mix(entry);
  }
  for (const char pinned : pinned_) mix(pinned);
  for (const Stream& stream : streams_)
    mix((stream.request.id * kHorizon + stream.request.arrival) * 4 + (stream.request.known ? 1 : 0) + (stream.random ? 2 : 0));
  mix(stream_);
  return hash;
}

}  // namespace gatefold::test
