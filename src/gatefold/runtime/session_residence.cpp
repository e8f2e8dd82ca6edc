// The part of the session in which a network comes and goes: its weights are there from the start, at no charge, or come from external
// memory while the chip runs, and give their banks up.
#include "gatefold/runtime/session.h"

namespace gatefold {

Status Session::boot() {
  Assignment assignment = wanted();
  if (auto as_is = lay_out_as_is(table_, assignment, plan_.spilling.tensors)) return settle({std::move(assignment), *std::move(as_is)});
  GATEFOLD_TRY(const FittedPlan fitted, fit_spilling(table_, assignment, {}, plan_.spilling.tensors));
  return settle(fitted);
}

Status Session::settle(const FittedPlan& plan) {
  spilling_ = plan.spilling;
  residence_ = Residence(table_, chip_.memory(), spilling_.tensors);
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    const LayerId layer(v);
    const Placement& home = layers_[v].home = plan.assignment[v];
    std::vector<Payload> payloads;
    if (executor_ != nullptr && !home.streamed) {
      GATEFOLD_TRY(payloads, executor_->weight_payloads(layer, home));
    }
    GATEFOLD_CHECK(residence_.store_weights(layer, home, payloads));
    for (const BlockId block : residence_.weights(layer)) {
      chip_.refresh_content(chip_.memory().pieces(block));
      for (const Piece& piece : chip_.memory().pieces(block)) {
        if (!home.streamed) chip_.gating().place_weights(piece.bank, stream_);
      }
    }
    if (policy_.scope() == GatingScope::kClusters) {
      for (std::int32_t k = home.first; k <= home.last(); ++k) chip_.gating().pin(ClusterId(k), Cycles(0));
    }
  }
  resident_ = true;
  return Done{};
}

void Session::load(const FittedPlan& plan, Cycles now) {
  GATEFOLD_REQUIRE(!resident_ && !active_);
  chip_.gating().work_for(Gating::kNoStream);
  spilling_ = plan.spilling;
  residence_ = Residence(table_, chip_.memory(), spilling_.tensors);
  resident_ = true;
  for (std::size_t v = layers_.size(); v-- > 0;) remaining_reference_[v] = remaining_reference_[v + 1] + plan_.reference[v];
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    LayerState& state = layers_[v];
    state.home = plan.assignment[v];
    state.weights_ready = now;
    state.weights_lost = false;
    state.carried_from.reset();
    if (policy_.scope() == GatingScope::kClusters) {
      for (std::int32_t k = state.home.first; k <= state.home.last(); ++k) chip_.gating().pin(ClusterId(k), now);
    }
    if (table_.work(LayerId(v)).weights > Bytes(0)) reload(LayerId(v), state.home, now);
  }
}

void Session::unload(Cycles now) {
  GATEFOLD_REQUIRE(resident_ && !active_);
  resident_ = false;
  chip_.gating().work_for(Gating::kNoStream);
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    for (const BlockId block : residence_.weights(LayerId(v))) {
      for (const Piece& piece : chip_.memory().pieces(block)) {
        if (chip_.memory().blocks(piece.bank) == 1) chip_.gating().end_gap(piece.bank, now);  // otherwise what stays goes on with its gap
      }
    }
    drop_weights(LayerId(v));
  }
}

}  // namespace gatefold
