#include "gatefold/runtime/play_engine.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

namespace gatefold {
namespace {

constexpr Cycles kForever(std::numeric_limits<std::int64_t>::max());
// Longer than any bank of a chip serves within a deadline; streams without one could otherwise pile up without end.
constexpr std::size_t kQueueMax = 16384;
constexpr std::int64_t kExamplesMax = 8;

}  // namespace

PlayEngine::PlayEngine(const Scenario& scenario, const std::vector<std::shared_ptr<const PreparedNetwork>>& networks,
                       const PlayOptions& options, PlayObserver* observer, const TraceFacts* tuned, TraceFacts* seen)
    : scenario_(scenario), networks_(networks), options_(options), observer_(observer), tuned_(tuned), seen_(seen) {}

Status PlayEngine::boot(const std::vector<InputSet>& inputs, const Partition* partition) {
  const DeviceSpec& spec = networks_.front()->spec();
  std::vector<TimedEvent> chip_events;
  for (std::size_t e = 0; e < scenario_.events.size(); ++e) {
    const ScenarioEvent& event = scenario_.events[e];
    const Cycles at = cycles_of(event.at_ps, spec.clock_hz);
    if (const auto* of_chip = std::get_if<Event>(&event.what)) chip_events.push_back({at, *of_chip});
    else changes_.push_back({at, e});
  }
  GATEFOLD_TRY(const std::unique_ptr<Policy> first, make_policy(options_.policy));
  shared_.emplace(spec, first->scope(), std::move(chip_events));
  slack_ = spec.route_change * 4;  // a route change or a wake does not give a turn away
  for (std::size_t n = 0; n < networks_.size(); ++n) {
    auto lane = std::make_unique<Lane>();
    lane->network = NetworkId(n);
    lane->prepared = networks_[n].get();
    lane->plan = networks_[n]->plan();
    lane->reference = lane->plan.reference_total;
    GATEFOLD_TRY(lane->policy, make_policy(options_.policy));
    lane->options.policy = options_.policy;
    lane->options.timing_only = options_.timing_only;
    if (!options_.timing_only) {
      GATEFOLD_TRY(lane->executor, Executor::make(*lane->prepared, options_.numerics));
      lane->inputs = &inputs[n];
    }
    lane->session.emplace(*lane->prepared, lane->plan, *lane->policy, lane->options, lane->executor ? &*lane->executor : nullptr, *shared_);
    lane->wanted = lane->session->wanted();
    lane->alone = assignment_cost(lane->prepared->table(), lane->wanted, lane->plan.spilling).joules();
    lane->present = false;
    lane->priority = std::numeric_limits<std::int32_t>::min();
    lane->quickest = kForever;
    lanes_.push_back(std::move(lane));
    bounds_.emplace_back(*networks_[n], options_.timing_only);
  }
  std::vector<double> rates(lanes_.size(), 0);
  for (std::size_t s = 0; s < scenario_.streams.size(); ++s) {
    const Stream& stream = scenario_.streams[s];
    Lane& lane = lane_of(StreamId(s));
    lane.present = lane.present || stream.present;
    lane.priority = std::max(lane.priority, stream.priority);
    if (const auto deadline = declared_deadline_ps(scenario_, StreamId(s)))
      lane.session->keep_deadline(cycles_of(*deadline, spec.clock_hz));
    rates[stream.network.at()] += declared_rate_hz(scenario_, StreamId(s));
    present_.push_back(stream.present ? 1 : 0);
    result_.streams.emplace_back();
    result_.streams.back().name = stream.name;
  }
  std::vector<DeclaredStream> declared;
  if (tuned_ != nullptr) rates = tuned_->rates_hz;
  for (std::size_t n = 0; n < lanes_.size(); ++n) {
    lanes_[n]->use.declare(rates[n]);
    declared.push_back({std::nullopt, lanes_[n]->reference});
    if (rates[n] > 0) declared.back().period = Cycles(std::llround(static_cast<double>(spec.clock_hz) / rates[n]));
  }
  gap_rules_ = first->gap_rule() == GapRule::kNominal ? make_nominal_rules(spec, declared, tuned_ != nullptr ? &tuned_->gaps : nullptr,
                                                                           seen_ != nullptr ? &seen_->gaps : nullptr)
                                                      : make_gap_rules(first->gap_rule(), spec, declared);
  shared_->chip().gating().follow(gap_rules_.get());
  residency_.emplace(*shared_, lanes_);
  arrivals_.emplace(scenario_, spec.clock_hz, options_.seed);
  waiting_.reserve(lanes_.size());
  if (coalesces(first->gap_rule())) {
    std::vector<Lane*> of_stream;
    for (std::size_t s = 0; s < scenario_.streams.size(); ++s) of_stream.push_back(&lane_of(StreamId(s)));
    sharing_.emplace(shared_->chip(), std::move(of_stream));
  }
  return partition != nullptr ? residency_->place(*partition) : residency_->place_beside();
}

Status PlayEngine::run(const Progress& progress) {
  std::int64_t told = 0;
  for (;;) {
    if (look_again_) take_up();
    Lane* first = nullptr;
    Cycles first_at = kForever;
    Cycles second_at = kForever;
    for (const auto& lane : lanes_) {
      if (!lane->session->busy()) continue;
      const Cycles at = std::max(lane->session->next_time(), cap_.not_before());
      if (first == nullptr || at < first_at || (at == first_at && lane->serving->before(*first->serving))) {
        second_at = std::min(second_at, first_at);
        first = lane.get();
        first_at = at;
      } else {
        second_at = std::min(second_at, at);
      }
    }
    const Cycles arrival_at = arrivals_->next_at().value_or(kForever);
    const Cycles change_at = next_change_ < changes_.size() ? changes_[next_change_].at : kForever;
    const Cycles held_until = held_until_.value_or(kForever);
    const Cycles other_at = std::min({arrival_at, change_at, held_until});
    if (first == nullptr && other_at == kForever) break;
    if (other_at <= first_at) {
      now_ = std::max(now_, other_at);
      if (held_until < std::min(change_at, arrival_at)) look_again_ = true;
      else if (change_at <= arrival_at) change(scenario_.events[changes_[next_change_++].event]);
      else arrive(arrivals_->take());
    } else {
      now_ = std::max(now_, first_at);
      const Cycles limit = std::min(second_at, other_at);
      GATEFOLD_CHECK(advance(*first, limit == kForever ? kForever : limit + slack_));
    }
    if (!progress) continue;
    const std::int64_t permille =
        std::min<std::int64_t>(1000, std::llround(1e15 * seconds(now_) / static_cast<double>(scenario_.duration_ps)));
    if (permille > told) progress(told = permille, 1000);
  }
  return Done{};
}

void PlayEngine::arrive(const Arrival& arrival) {
  Lane& lane = lane_of(arrival.stream);
  ++result_of(arrival.stream).requests;
  lane.use.count(seconds(now_));
  if (sharing_) sharing_->arrived(arrival.stream, arrival.at);
  const Pending pending{arrival, scenario_.stream(arrival.stream).priority};
  if (lane.queue.size() == kQueueMax) {
    shed(pending, ShedReason::kQueueFull, fmt::format("{} requests wait already", kQueueMax));
    return;
  }
  lane.queue.push_back(pending);
  std::push_heap(lane.queue.begin(), lane.queue.end());
  look_again_ = look_again_ || !lane.session->busy();
}

void PlayEngine::change(const ScenarioEvent& event) {
  if (const auto* cap = std::get_if<PowerCap>(&event.what)) {
    const DeviceSpec& spec = shared_->chip().spec();
    EnergyPerCycle resting;
    for (const auto& lane : lanes_) {
      if (lane->session->resident()) resting = std::max(resting, lane->prepared->table().always());
    }
    cap_.set(cap->watts ? std::optional(energy_per_cycle(*cap->watts, spec.clock_hz)) : std::nullopt, resting, now_);
  }
  const auto* arrives = std::get_if<StreamArrives>(&event.what);
  const auto* leaves = std::get_if<StreamLeaves>(&event.what);
  if (arrives == nullptr && leaves == nullptr) return;
  const StreamId stream = arrives != nullptr ? arrives->stream : leaves->stream;
  present_[stream.at()] = arrives != nullptr ? 1 : 0;
  Lane& lane = lane_of(stream);
  lane.present = false;
  for (std::size_t s = 0; s < scenario_.streams.size(); ++s) {
    if (&lane_of(StreamId(s)) == &lane && present_[s] != 0) lane.present = true;
  }
  take_out_if_gone(lane);
  look_again_ = true;
}

Status PlayEngine::advance(Lane& lane, Cycles limit) {
  if (cap_.active()) lane.session->hold_back(cap_.not_before());
  const std::int64_t before = lane.session->executions();
  GATEFOLD_CHECK(lane.session->advance(limit));
  if (lane.session->executions() != before) {
    const Session::Issued& issued = lane.session->issued_last();
    cap_.book(issued.start, issued.end, issued.energy);
  }
  if (lane.session->busy()) return Done{};
  look_again_ = true;
  now_ = std::max(now_, lane.session->ended().at);
  if (lane.session->ended().shed.empty()) ended(lane);
  else failed(lane);
  take_out_if_gone(lane);
  return Done{};
}

void PlayEngine::take_out_if_gone(Lane& lane) {
  if (!lane.present && lane.queue.empty() && !lane.session->busy()) residency_->take_out(lane, now_);
}

void PlayEngine::ended(Lane& lane) {
  const Pending served = *std::exchange(lane.serving, std::nullopt);
  Session::Ended& end = lane.session->ended();
  StreamResult& stream = result_of(served.arrival.stream);
  ++stream.completed;
  stream.met += end.missed ? 0 : 1;
  const Cycles latency = end.at - served.arrival.at;
  bounds_[lane.network.at()].served(layers_of(served.arrival), served.arrival.density);
  stream.latency.add(latency);
  if (layers_of(served.arrival) == lane.prepared->table().size()) {
    lane.latest = end.at - lane.began;
    lane.quickest = std::min(lane.quickest, lane.latest);
  }
  const double share =
      static_cast<double>(layers_of(served.arrival)) / static_cast<double>(std::max<std::size_t>(1, lane.prepared->table().size()));
  stream.slowdown_sum += static_cast<double>(latency.count()) / std::max(1.0, share * static_cast<double>(lane.reference.count()));
  if (observer_ != nullptr) observer_->on_end(served.arrival.stream, served.arrival.number, {}, end.outputs);
  arrivals_->completed(served.arrival, end.at);
  if (residency_->regrets(lane, now_)) (void)residency_->replan(lane, now_);
}

void PlayEngine::failed(Lane& lane) {
  Pending pending = *std::exchange(lane.serving, std::nullopt);
  const std::string reason = std::move(lane.session->ended().shed);
  const bool beside = std::any_of(lanes_.begin(), lanes_.end(), [](const auto& other) { return other->session->busy(); });
  if (!pending.alone && (beside || shared_->faults_began())) {
    pending.alone = true;
  } else if (!pending.replanned && (lane.policy->plans_residency() || shared_->failed_clusters() == 1)) {
    pending.replanned = true;
    residency_->take_out(lane, now_);  // it comes back to where there is room
  } else {
    shed(pending, ShedReason::kNoRoom, reason);
    return;
  }
  ++result_.restarted;
  lane.queue.push_back(pending);
  std::push_heap(lane.queue.begin(), lane.queue.end());
}

bool PlayEngine::unreachable(const Lane& lane, const Pending& pending) const {
  if (!pending.arrival.deadline || now_ <= pending.arrival.at) return false;
  if (*pending.arrival.deadline < lane.reference) return false;  // it never was in reach: late is better than not at all
  const Cycles least = lane.quickest == kForever ? lane.reference : std::max(lane.reference, lane.quickest);
  return now_ + least > pending.due();
}

void PlayEngine::drop_late(Lane& lane) {
  while (!lane.queue.empty() && unreachable(lane, lane.queue.front())) {
    const Pending late = lane.queue.front();
    std::pop_heap(lane.queue.begin(), lane.queue.end());
    lane.queue.pop_back();
    shed(late, ShedReason::kTooLate, "its deadline could not be met any more when its turn came");
  }
}

void PlayEngine::shed(const Pending& pending, ShedReason reason, const std::string& text) {
  StreamResult& stream = result_of(pending.arrival.stream);
  const std::int64_t before = stream.shed[static_cast<std::size_t>(reason)]++;
  if (before < kExamplesMax) result_.shed_examples.push_back({stream.name, pending.arrival.number, now_, reason, text});
  if (observer_ != nullptr) observer_->on_end(pending.arrival.stream, pending.arrival.number, text, {});
}

void PlayEngine::take_up() {
  look_again_ = false;
  waiting_.clear();
  for (const auto& lane : lanes_) {
    if (lane->session->busy() || lane->queue.empty()) continue;
    drop_late(*lane);
    if (!lane->queue.empty()) waiting_.push_back(lane.get());
  }
  if (hold_on()) return;
  std::sort(waiting_.begin(), waiting_.end(), [](const Lane* a, const Lane* b) { return a->queue.front().before(b->queue.front()); });
  for (Lane* lane : waiting_) {
    if (!begin(*lane)) break;  // whoever is less urgent must not take the room that it waits for
  }
}

bool PlayEngine::hold_on() {
  const bool held = std::exchange(held_until_, std::nullopt).has_value();
  if (!sharing_ || waiting_.empty()) return false;
  const bool awake = std::any_of(lanes_.begin(), lanes_.end(), [](const auto& lane) { return lane->session->busy(); });
  if (!awake && !cap_.active()) {
    const Cycles until = sharing_->wait_until(waiting_, now_);
    if (until > now_) {
      held_until_ = until;
      return true;
    }
  }
  if (!held) return false;
  std::int64_t together = 0;
  for (Lane* lane : waiting_) {
    for (Pending& pending : lane->queue) {
      ++together;
      pending.released = now_;  // whoever came last does not wait anew when its turn comes
      const Cycles waited = now_ - pending.arrival.at;
      if (waited == Cycles(0)) continue;
      ++result_.coalesced.waited;
      result_.coalesced.longest = std::max(result_.coalesced.longest, waited);
      result_.coalesced.total += waited;
    }
  }
  result_.coalesced.saved += together - 1;
  return false;
}

bool PlayEngine::begin(Lane& lane) {
  const Pending pending = lane.queue.front();
  const auto leave_queue = [&lane] {
    std::pop_heap(lane.queue.begin(), lane.queue.end());
    lane.queue.pop_back();
  };
  if (pending.alone && std::any_of(lanes_.begin(), lanes_.end(), [](const auto& other) { return other->session->busy(); })) return false;
  switch (residency_->bring(lane, now_)) {
    case Residency::Outcome::kThere: break;
    case Residency::Outcome::kWait: return false;
    case Residency::Outcome::kImpossible:
      leave_queue();
      shed(pending, ShedReason::kNoRoom, residency_->reason());
      look_again_ = true;
      return true;
  }
  if (!residency_->joins(lane)) return false;
  leave_queue();
  lane.serving = pending;
  lane.began = now_;
  // When it arrived nobody knew yet at what time the chip would be needed.
  lane.session->begin({.arrival = pending.released.value_or(pending.arrival.at),
                       .deadline = pending.arrival.deadline ? std::optional(pending.due()) : std::nullopt,
                       .inputs = lane.inputs,
                       .density = pending.arrival.density,
                       .layers = layers_of(pending.arrival)},
                      now_);
  return true;
}

std::size_t PlayEngine::layers_of(const Arrival& arrival) const {
  const Stream& stream = scenario_.stream(arrival.stream);
  const std::size_t all = networks_[stream.network.at()]->table().size();
  if (!arrival.exits_early || !stream.early_exit) return all;
  return static_cast<std::size_t>(std::ceil(stream.early_exit->after * static_cast<double>(all)));
}

}  // namespace gatefold
