// The part of the session that takes elements away and gives them back. A failed element executes nothing, holds nothing and
// cannot be read; its segment and its buses still pass what others send. What happens at a failure:
//
//     weights that lay there    are loaded again from external memory, to wherever the layer runs next; a layer that lost a part
//                               of its weights loads all of them
//     activations that did      are lost: the layers that made them run again, from what survives; the host keeps network inputs
//     a layer that used it      stops. What it took so far stays charged (EQ-60), and it runs again
//     a move that came from it  delivers nothing
//
// Failures are acted on in the order of time, before anything that starts at or after them. A layer that is caught holds up
// the layers behind it, which might have started before the failure: the controller issues in order. Transfers of external
// memory are not revoked once booked: a layer that streams its weights has paid for all of them.
#include <algorithm>

#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

/// True if the element holds a core of the placement.
bool covers(const Event& event, const Placement& placement) {
  if (event.bank >= 0) return false;
  const std::int32_t cluster = event.cluster.index();
  if (cluster < placement.first || cluster > placement.last()) return false;
  return event.core < 0 || (placement.core_mask >> static_cast<unsigned>(event.core) & 1U) != 0;
}

}  // namespace

bool Session::lies_in(std::span<const BlockId> blocks, const Event& event) const {
  const auto [first, last] = banks_of(table_.spec(), event);
  return std::any_of(blocks.begin(), blocks.end(), [&, first = first, last = last](BlockId block) {
    const auto pieces = chip_.memory().pieces(block);
    return std::any_of(pieces.begin(), pieces.end(),
                       [&](const Piece& piece) { return piece.bank.index() >= first && piece.bank.index() <= last; });
  });
}

bool Session::hits(LayerId layer, const Event& event) const {
  if (covers(event, layers_[layer.at()].home) || lies_in(residence_.weights(layer), event) || lies_in(residence_.staging(), event)) {
    return true;
  }
  const Layer& here = network_.graph().layer(layer);
  return std::any_of(here.inputs.begin(), here.inputs.end(),
                     [&](const Operand& operand) { return operand.tensor && lies_in(residence_.blocks(*operand.tensor), event); }) ||
         std::any_of(here.outputs.begin(), here.outputs.end(), [&](TensorId output) { return lies_in(residence_.blocks(output), event); });
}

std::optional<Cycles> Session::caught(LayerId layer, Cycles start, Cycles end) const {
  for (const TimedEvent& timed : shared_.faults_to_come()) {
    if (timed.at >= end) break;
    if (timed.at > start && timed.event.kind == EventKind::kFail && hits(layer, timed.event)) return timed.at;
  }
  return std::nullopt;
}

void Session::interrupt(LayerId layer, Cycles start, const Execution& execution) {
  const Layer& here = network_.graph().layer(layer);
  LayerState& state = layers_[layer.at()];
  book(layer, execution.stop);
  Energy wires;
  for (const TensorId output : here.outputs) {
    wires += wire_energy(table_.spec(), table_.tensor_bytes(output), state.home, residence_.where(output));
    chip_.hold_path(state.home, residence_.where(output), start, execution.stop);
    chip_.hold(residence_.blocks(output), start, execution.stop);
    drop(output);
  }
  const Cycles elapsed = execution.stop - start;
  const Cycles cycles = execution.end - start;
  const DynamicEnergy spent = spent_until(blocks_.count > 0 ? blocked_.dynamic : energy_begun(layer), elapsed, cycles);
  const Energy wires_spent = spent_until({Energy(0), Energy(0), wires}, elapsed, cycles).crossbar;
  chip_.charge(spent, wires_spent, state.home);
  state.energy += EnergyTotal(spent.total()) + wires_spent;
  if (blocks_.count > 0) {  // rows travel as the blocks execute: the channel is free again, and what had not passed is not charged
    const auto passed = [&](Bytes all) {
      return Bytes(static_cast<std::int64_t>(static_cast<Int128>(all.count()) * elapsed.count() / cycles.count()));
    };
    state.energy += chip_.charge_external(passed(blocked_.spilled), passed(blocked_.streamed));
  }
  release_staging();
  last_end_ = std::max(last_end_, execution.stop);
  issued_ = execution.stop;
  ++result_.interrupted;
  recovery_ = {layer, execution.stop, Cycles(0), true};
}

void Session::allow(Cycles work) {
  if (recovery_) recovery_->allowed += work;
}

void Session::allow_wait(Cycles from, Cycles until) {
  if (!recovery_ || until <= from) return;
  recovery_->allowed += until - from;
  recovery_->plain = false;
}

void Session::recover(LayerId layer, Cycles start, Cycles end) {
  const DeviceSpec& spec = table_.spec();
  const Cycles wake = std::max({spec.cluster.wake_latency, spec.core.wake_latency, spec.bank.wake_latency_off});
  allow(end - start + spec.route_change + wake);
  if (layer != recovery_->layer) {
    recovery_->plain = false;
    return;
  }
  Recoveries& all = result_.recoveries;
  const Cycles took = end - recovery_->failed;
  ++all.count;
  all.exceeded += took > recovery_->allowed ? 1 : 0;
  all.longest = std::max(all.longest, took);
  if (recovery_->plain) {
    ++all.plain;
    all.longest_plain = std::max(all.longest_plain, took);
  }
  recovery_.reset();
}

void Session::faults_passed(Cycles now) {
  if (!active_) return;
  mark_reruns();
  resume_ = std::max(resume_, now);  // nothing runs again before the failure that made it necessary
}

void Session::lose_data(const Event& event, Cycles now) {
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    LayerState& state = layers_[v];
    const bool underway = state.weights_ready > now && state.carried_from && covers(event, *state.carried_from);
    if (!underway && !lies_in(residence_.weights(LayerId(v)), event)) continue;
    drop_weights(LayerId(v));
    state.weights_ready = now;
    state.weights_lost = true;
  }
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!residence_.stored(TensorId(t))) continue;
    const bool underway = tensors_[t].ready > now && tensors_[t].carried_from && covers(event, *tensors_[t].carried_from);
    if (underway || lies_in(residence_.blocks(TensorId(t)), event)) drop(TensorId(t));
  }
}

void Session::drop_weights(LayerId layer) {
  vacate(residence_.weights(layer));
  residence_.drop_weights(layer);
  chip_.refresh_content(vacated_);
}

bool Session::needed(TensorId tensor) const {
  const Activation& activation = network_.graph().activation(tensor);
  return activation.network_output ||
         std::any_of(activation.consumers.begin(), activation.consumers.end(), [&](LayerId reader) { return done_[reader.at()] == 0; });
}

LayerId Session::first_reader(TensorId tensor, LayerId otherwise) const {
  const auto& consumers = network_.graph().activation(tensor).consumers;
  const auto reader = std::find_if(consumers.begin(), consumers.end(), [&](LayerId layer) { return done_[layer.at()] == 0; });
  return reader == consumers.end() ? otherwise : *reader;
}

void Session::mark_reruns() {
  for (std::size_t v = layers_.size(); v-- > 0;) {  // backwards: what a layer that runs again reads may be lost as well
    if (done_[v] == 0) continue;
    const auto& outputs = network_.graph().layers[v].outputs;
    if (std::none_of(outputs.begin(), outputs.end(), [&](TensorId t) { return !residence_.stored(t) && needed(t); })) continue;
    done_[v] = 0;
    first_undone_ = std::min(first_undone_, v);
    ++result_.recomputed;
  }
}

Result<bool> Session::restore_inputs(LayerId layer, Cycles& from) {
  const LayerGraph& graph = network_.graph();
  for (std::size_t i = 0; shared_.faults_began() && i < graph.inputs.size(); ++i) {
    const TensorId input = graph.inputs[i];
    const auto& operands = graph.layer(layer).inputs;
    const bool reads = std::any_of(operands.begin(), operands.end(), [input](const Operand& operand) { return operand.tensor == input; });
    if (!reads || residence_.stored(input)) continue;
    GATEFOLD_TRY(const Cycles now, find_home(layer, from));
    if (now > limit_) {
      from = now;
      return true;
    }
    if (const auto happened = pass_faults(now)) {
      from = std::max(from, *happened);
      return true;
    }
    GATEFOLD_CHECK(store_input(i, layers_[layer.at()].home, now));
  }
  return false;
}

bool Session::weights_have_room(LayerId layer) const {
  const LayerState& state = layers_[layer.at()];
  return !state.weights_lost || residence_.weights_fit(layer, state.home);
}

bool Session::home_has_room(LayerId layer) const {
  if (!weights_have_room(layer)) return false;
  return !chip_.memory().any_failed() || operands_fit(table_, residence_, homes(), layer, done_);
}

Assignment Session::homes() const {
  Assignment homes;
  homes.reserve(layers_.size());
  for (const LayerState& layer : layers_) homes.push_back(layer.home);
  return homes;
}

EnergyTotal Session::reload(LayerId layer, const Placement& to, Cycles now) {
  const DeviceSpec& spec = table_.spec();
  LayerState& state = layers_[layer.at()];
  const Account account(chip_.ledger(), first_account_ + layer.index());
  state.weights_lost = false;
  state.carried_from.reset();
  std::vector<Payload> payloads;
  if (executor_ != nullptr && !to.streamed) {
    auto made = executor_->weight_payloads(layer, to);
    GATEFOLD_ENSURE(made.has_value());  // the same weights were packed at boot
    payloads = std::move(made).value();
  }
  GATEFOLD_ENSURE(residence_.store_weights(layer, to, payloads).has_value());  // whoever asked made sure that they fit
  const auto blocks = residence_.weights(layer);
  Bytes bytes = to.streamed ? Bytes(0) : weights_stored(spec, table_.work(layer), footprint_of(to));
  std::vector<BankId> refilled;
  for (const BlockId block : blocks) {
    for (const Piece& piece : chip_.memory().pieces(block)) {
      // Others' weights that were lost while the bank was OFF come again with these.
      if (!chip_.gating().end_gap(piece.bank, now)) continue;
      bytes += chip_.memory().used_bytes(piece.bank) - piece.bytes;
      refilled.push_back(piece.bank);
    }
  }
  if (to.streamed) {
    for (const BlockId block : blocks) chip_.refresh_content(chip_.memory().pieces(block));
    return {};
  }
  const Cycles woken = chip_.woken_at(to, now);  // nobody foresaw it
  const Cycles storable = chip_.storable_at(to, blocks, woken);
  const Cycles end = chip_.load_external(bytes, storable);
  allow(woken - now + external_cycles(spec, bytes));
  allow_wait(woken, end - external_cycles(spec, bytes));
  chip_.hold(to, now, end);  // from the prepare phase on, like a shift: others may run there before the channel is free
  chip_.hold(blocks, now, end);
  for (const BankId bank : refilled) chip_.gating().filled(bank, end);
  for (const BlockId block : blocks) chip_.refresh_content(chip_.memory().pieces(block));
  const Energy energy = external_energy(spec, Bytes(0), bytes);
  state.energy += energy;
  state.weights_ready = end;
  result_.reloaded += bytes;
  return energy;
}

void Session::shed(std::string reason) {
  // What is under way still arrives, whoever waits for it.
  last_end_ = std::max({last_end_, issued_, chip_.crossbar().external_free()});
  for (const LayerState& layer : layers_) last_end_ = std::max(last_end_, layer.weights_ready);
  for (const TensorState& tensor : tensors_) last_end_ = std::max(last_end_, tensor.ready);
  release_staging();
  for (std::size_t t = 0; t < tensors_.size(); ++t) drop(TensorId(t));
  if (started_) chip_.hold_uncore(UncoreUse::kRequests, first_start_, last_end_);
  chip_.gating().end_request(stream_, last_end_);
  last_completion_ = last_end_;
  active_ = false;
  ended_ = {arrival_, last_end_, false, std::move(reason), {}};
}

}  // namespace gatefold
