// The part of the session that asks the policy: about the whole network when a request begins or the profile has changed, and about
// one layer at its boundary.
#include <algorithm>
#include <chrono>

#include "gatefold/runtime/session.h"

namespace gatefold {

std::optional<Cycles> Session::budget(LayerId layer, Cycles now) const {
  if (!deadline_) return std::nullopt;
  const Int128 left = std::max<std::int64_t>(0, (*deadline_ - now).count());
  const std::int64_t remaining = std::max<std::int64_t>(1, remaining_reference_[layer.at()].count());
  return Cycles(static_cast<std::int64_t>(left * plan_.reference[layer.at()].count() / remaining));
}

void Session::replan(Cycles now, bool begins) {
  chip_.profile().advance(now);
  const Assignment homes = this->homes();
  EnergyTotal spent;
  for (const LayerState& state : layers_) spent += state.energy;
  const auto left = deadline_ ? std::optional(std::max(Cycles(0), *deadline_ - now)) : std::nullopt;
  policy_.replan({now, &table_, &chip_.profile(), &residence_, &spilling_, &plan_, &homes, &done_, left, spent, begins, false, period_});
  planned_at_ = chip_.profile().version(now);
}

void Session::decide(LayerId layer, Cycles now, bool steered) {
  LayerState& state = layers_[layer.at()];
  chip_.profile().advance(now);
  if (chip_.profile().version(now) != planned_at_) replan(now, false);
  Boundary boundary{layer, now, &table_, &chip_.profile(), &residence_, state.home, std::nullopt, steered, budget(layer, now), &spilling_};
  if (const auto producer = network_.last_producer(layer)) boundary.producer = layers_[producer->at()].home;
  boundary.weights_lost = state.weights_lost;
  // Before the layers in between have run nobody knows what room there will be for activations.
  boundary.evicted = steered ? !weights_have_room(layer) : !home_has_room(layer);
  boundary.plan = &plan_;
  Decision decision;
  if (options_.why == layer) {
    ExplainedDecision explained{now, std::ssize(result_.request_records), 0, !steered, decide_and_explain(policy_, boundary)};
    decision = explained.explanation.decision;
    add_distinct(result_.why, std::move(explained));
  } else if (options_.measure_decisions) {
    const auto begin = std::chrono::steady_clock::now();
    decision = policy_.decide(boundary);
    result_.decision_ns.push_back((std::chrono::steady_clock::now() - begin).count());
  } else {
    decision = policy_.decide(boundary);
  }
  state.route_ready = now + table_.spec().route_change;
  if (decision.shift) shift(layer, decision.placement, now, decision.forced, boundary.evicted);
  if (state.weights_lost && chip_.profile().available(state.home, now) && weights_have_room(layer)) reload(layer, state.home, now);
}

}  // namespace gatefold
