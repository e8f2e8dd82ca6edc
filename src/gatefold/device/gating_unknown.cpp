// The part of gating that knows requests: which gaps are unknown, by what they are spent, what they cost.
//
// A descent is copied into an element when the gap can begin, at its first hold for a request and once more when that request
// ends and what it holds by then is known; so what rules learn later changes no gap that is in progress. Requests are few where
// layers are many: only the first hold for a request and its end cost more than a comparison.
#include <algorithm>
#include <bit>

#include "gatefold/base/contract.h"
#include "gatefold/device/gating.h"

namespace gatefold {
namespace {

constexpr std::int32_t kStreamsMax = 64;  // bits of a mask
std::uint64_t bit_of(std::int32_t stream) { return std::uint64_t{1} << static_cast<unsigned>(std::min(stream, kStreamsMax - 1)); }

}  // namespace

void Gating::follow(GapRules* rules) {
  GATEFOLD_REQUIRE(requests_ == 0);
  rules_ = rules;
  groups_.clear();
  descents_.clear();
  static_cast<void>(group_of(0));
}

std::size_t Gating::group_of(std::uint64_t streams) {
  const auto known = std::find_if(groups_.begin(), groups_.end(), [streams](const Group& group) { return group.streams == streams; });
  if (known != groups_.end()) return static_cast<std::size_t>(known - groups_.begin());
  Group group;
  group.streams = streams;
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    if ((streams & bit_of(static_cast<std::int32_t>(s))) == 0) continue;
    group.in_progress += streams_[s].in_progress ? 1 : 0;
    group.random = group.random || streams_[s].random;
  }
  group.keeps_weights = streams == 0;  // whose they are nobody knows yet
  for (std::size_t s = 0; s < streams_.size(); ++s) {
    if ((streams & bit_of(static_cast<std::int32_t>(s))) != 0) group.keeps_weights = group.keeps_weights || streams_[s].keeps_weights;
  }
  groups_.push_back(group);
  if (rules_ != nullptr) rules_->add_group(groups_.size() - 1, streams);
  descents_.resize(groups_.size() * envelopes_.size());
  refresh(groups_.size() - 1);
  return groups_.size() - 1;
}

void Gating::refresh(std::size_t group) {
  for (std::size_t of = 0; of < envelopes_.size(); ++of) {
    descents_[group * envelopes_.size() + of] = rules_ != nullptr ? rules_->descent(group, of) : envelopes_[of].competitive();
  }
}

void Gating::begin_request(std::int32_t stream, Cycles arrival, bool known) {
  GATEFOLD_REQUIRE(stream >= 0);
  const auto position = static_cast<std::size_t>(stream);
  if (position >= streams_.size()) streams_.resize(position + 1);
  Stream& of = streams_[position];
  GATEFOLD_REQUIRE(!of.in_progress);
  of.request = {++requests_, arrival, known};
  of.in_progress = true;
  of.random = of.random || !known;
  for (std::size_t g = 0; g < groups_.size(); ++g) {
    Group& group = groups_[g];
    if ((group.streams & bit_of(stream)) == 0) continue;
    group.random = group.random || !known;
    if (group.in_progress++ > 0 || !group.random || rules_ == nullptr || arrival <= group.idle_since) continue;
    rules_->observe(g, arrival - group.idle_since);
    refresh(g);
  }
  work_for(stream);
}

void Gating::keep_weights(std::int32_t stream) {
  const auto position = static_cast<std::size_t>(stream);
  if (position >= streams_.size()) streams_.resize(position + 1);
  streams_[position].keeps_weights = true;
  for (Group& group : groups_) group.keeps_weights = group.keeps_weights || (group.streams & bit_of(stream)) != 0;
}

bool Gating::lost(BankId bank) const {
  const Element& element = elements_[this->bank(bank).at()];
  if (scope_ != GatingScope::kAll || element.request < 0 || !unknown(element, request_.arrival)) return false;
  return loses(element, course(element, element.entries, request_.arrival, request_.arrival, true));
}

Cycles Gating::refill_from(BankId bank, Cycles now) const {
  const Element& element = elements_[this->bank(bank).at()];
  return now + states_[element.element_class].wake(PowerState::kOff).latency;
}

void Gating::refill(BankId bank, Cycles from, Cycles until) {
  GATEFOLD_REQUIRE(lost(bank) && refill_from(bank, request_.arrival) <= from);
  Element& element = elements_[this->bank(bank).at()];
  settle_gap(element, from, true);
  hold(this->bank(bank), from, until);
  element.filled = until;
}

void Gating::place_weights(BankId bank, std::int32_t stream) {
  GATEFOLD_REQUIRE(requests_ == 0 && stream >= 0);
  if (scope_ != GatingScope::kAll) return;
  Element& element = elements_[this->bank(bank).at()];
  element.group = static_cast<std::uint16_t>(group_of(groups_[element.group].streams | bit_of(stream)));
  element.request = 0;
  element.entries = entries_now(element, Cycles(0));
}

bool Gating::end_gap(BankId bank, Cycles now) {
  Element& element = elements_[this->bank(bank).at()];
  GATEFOLD_REQUIRE(element.uses.activations == 0);
  if (now <= element.held_until) return false;
  if (scope_ != GatingScope::kAll || !spends_unknown(element) || groups_[element.group].in_progress > 0) {
    hold(this->bank(bank), now, now);
    return false;
  }
  // No gap of requests has ended: the rules neither learn from it nor answer for it.
  const Course spent = course(element, element.entries, now, now, true);
  const bool lost = loses(element, spent);
  charge_wake(element, spend_course(element, spent, now));
  element.held_from = element.held_until = now;
  element.entries = entries_now(element, Cycles(0));
  return lost;
}

void Gating::work_for(std::int32_t stream) {
  stream_ = stream;
  request_ = stream < 0 ? Request() : streams_[static_cast<std::size_t>(stream)].request;
}

void Gating::end_request(std::int32_t stream, Cycles completion) {
  Stream& of = streams_[static_cast<std::size_t>(stream)];
  GATEFOLD_REQUIRE(of.in_progress);
  of.in_progress = false;
  for (Group& group : groups_) {
    if ((group.streams & bit_of(stream)) == 0) continue;
    --group.in_progress;
    group.idle_since = std::max(group.idle_since, completion);
  }
  for (const std::int32_t position : of.held) {
    Element& element = elements_[static_cast<std::size_t>(position)];
    if (element.request != of.request.id) continue;  // another stream has used it since
    element.entries = entries_now(element, std::max(Cycles(0), completion - element.held_until));
  }
  of.held.clear();
}

void Gating::join(ElementId id, Element& element) {
  element.request = request_.id;
  if (scope_ != GatingScope::kAll) return;
  if (stream_ >= 0) {
    const std::uint64_t streams = groups_[element.group].streams;
    if ((streams & bit_of(stream_)) == 0) element.group = static_cast<std::uint16_t>(group_of(streams | bit_of(stream_)));
    streams_[static_cast<std::size_t>(stream_)].held.push_back(id.index());
  }
  element.entries = entries_now(element, Cycles(0));
}

std::size_t Gating::gap_class(const Element& element) const {
  switch (static_cast<ElementClass>(std::min<std::uint16_t>(element.element_class, static_cast<std::uint16_t>(ElementClass::kUncore)))) {
    case ElementClass::kCluster: return index(GapClass::kCluster);
    case ElementClass::kCore: return index(GapClass::kCore);
    case ElementClass::kBank:
      if (element.uses.activations > 0) return index(GapClass::kLiveBank);
      return index(element.uses.weights > 0 ? GapClass::kWeightBank : GapClass::kEmptyBank);
    case ElementClass::kVectorPool: return index(GapClass::kVectorPool);
    case ElementClass::kUncore: return index(GapClass::kUncore) + (element.element_class - static_cast<std::size_t>(ElementClass::kUncore));
  }
  GATEFOLD_REQUIRE(false);
}

Gating::Entries Gating::entries_of(std::size_t of, const Descent& descent, Cycles rest) const {
  const Envelope& envelope = envelopes_[of];
  Entries entries;
  entries.fill(kNotEntered);
  entries[index(envelope.state(0).state)] = Cycles(0);
  for (std::size_t i = 0; i + 1 < envelope.size(); ++i) {
    entries[index(envelope.state(i + 1).state)] = envelope.crossover(i) <= rest ? Cycles(0) : descent[i];
  }
  return entries;
}

Gating::Entries Gating::entries_now(const Element& element, Cycles rest) const {
  const std::size_t of = gap_class(element);
  return entries_of(of, descents_[element.group * envelopes_.size() + of], rest);
}

bool Gating::unknown(const Element& element, Cycles until) const {
  return !request_.known && element.request != request_.id && element.held_until < request_.arrival && request_.arrival <= until &&
         gateable(element);
}

Gating::Course Gating::course(const Element& element, const Entries& entries, Cycles arrival, Cycles until, bool lossy) const {
  const PowerStates& of = states_[element.element_class];
  const bool loses_weights = lossy && may_lose_weights(element);
  Course course;
  course.entered.fill(kNotEntered);
  course.last = PowerState::kOn;
  Cycles next = arrival;  // a lighter state is entered only before any deeper one
  for (std::size_t s = kPowerStateCount; s-- > 1;) {
    const Transition& down = of.down(kPowerStates[s]);
    if (!may_enter(element, down) && !(down.loses_data && loses_weights)) continue;
    if (entries[s] > next - element.held_until) continue;
    const Cycles at = element.held_until + std::max(entries[s], down.after);
    if (at >= next) continue;
    course.entered[s] = at;
    if (course.last == PowerState::kOn) course.last = kPowerStates[s];
    next = at;
  }
  // From here on it is a known gap, which begins in the state of the arrival.
  const auto spent = [&](PowerState state, Cycles from, Cycles time) { return EnergyTotal::over(of.leakage[index(state)], time - from); };
  const PowerState reached = course.last;
  EnergyTotal lowest = spent(reached, arrival, until) + of.wake(reached).energy;
  for (std::size_t s = index(reached) + 1; s < kPowerStateCount; ++s) {
    const PowerState state = kPowerStates[s];
    const Transition& down = of.down(state);
    if (!may_enter(element, down)) continue;
    const Cycles at = std::max(arrival, element.held_until + down.after);
    if (at >= until || until - at < of.wake(state).latency) continue;
    const EnergyTotal cost = spent(reached, arrival, at) + spent(state, at, until) + of.wake(state).energy;
    if (cost >= lowest) continue;
    lowest = cost;
    if (course.last != reached) course.entered[index(course.last)] = kNotEntered;
    course.entered[s] = at;
    course.last = state;
  }
  return course;
}

EnergyTotal Gating::cost(const Element& element, const Course& course, Cycles until) const {
  const PowerStates& of = states_[element.element_class];
  EnergyTotal sum = of.wake(course.last).energy + (loses(element, course) ? refill_energy_ : Energy(0));
  Cycles at = element.held_until;
  std::size_t state = index(PowerState::kOn);
  for (std::size_t s = 1; s < kPowerStateCount; ++s) {
    if (course.entered[s] >= until) continue;
    sum += EnergyTotal::over(of.leakage[state], course.entered[s] - at);
    at = course.entered[s];
    state = s;
  }
  return sum + EnergyTotal::over(of.leakage[state], until - at);
}

PowerState Gating::spend_course(const Element& element, const Course& course, Cycles until) {
  GATEFOLD_ENSURE(!loses(element, course) || may_lose_weights(element));  // nothing in use is switched off but what is loaded again
  Cycles at = element.held_until;
  PowerState state = PowerState::kOn;
  for (std::size_t s = 1; s < kPowerStateCount; ++s) {
    if (course.entered[s] >= until) continue;
    spend(element, state, at, course.entered[s]);
    at = course.entered[s];
    state = kPowerStates[s];
  }
  spend(element, state, at, until);
  return state;
}

void Gating::count_unknown(const Element& element, const Course& course, Cycles until) {
  const PowerStates& of = states_[element.element_class];
  const std::size_t gap = gap_class(element);
  const Cycles length = until - element.held_until;
  const auto over = [&](PowerState state, Cycles time) { return EnergyTotal::over(of.leakage[index(state)], time); };
  const bool lossy = may_lose_weights(element);
  const Entries timed = entries_of(gap, envelopes_[gap].competitive(), Cycles(0));
  const Rest best = cheapest(element, length, false);
  EnergyTotal offline = over(PowerState::kOn, best.after) + over(best.state, length - best.after) + of.wake(best.state).energy;
  if (lossy) offline = std::min(offline, over(PowerState::kOff, length) + of.wake(PowerState::kOff).energy + refill_energy_);
  const EnergyTotal paid = cost(element, course, until);
  const EnergyTotal stayed_on = over(PowerState::kOn, length);
  UnknownGaps& sum = unknown_gaps_[std::min(std::size_t{element.element_class}, kElementClassCount - 1)];
  ++sum.count;
  sum.paid += paid;
  const EnergyTotal competitive = cost(element, this->course(element, timed, request_.arrival, until, lossy), until);
  sum.competitive += competitive;
  if (rules_ != nullptr) rules_->spent(element.group, gap, paid, competitive);
  sum.offline += offline;
  sum.stayed_on += stayed_on;
  if (loses(element, course)) ++sum.refilled;
  if (paid > stayed_on) sum.early_wakes += of.wake(course.last).energy + (loses(element, course) ? refill_energy_ : Energy(0));
}

}  // namespace gatefold
