// The part of the session that carries data: weights when a layer shifts, inputs that lie elsewhere, weights streamed from
// external memory. Every move is charged, takes time on the buses, and keeps both ends powered meanwhile.
#include <algorithm>
#include <utility>

#include "gatefold/runtime/session.h"

namespace gatefold {

bool Session::can_move(LayerId layer, const Placement& to, bool evicted) const {
  if (!residence_.weights_fit(layer, to)) return false;
  Assignment homes = this->homes();
  homes[layer.at()] = to;
  if (shift_leaves_room(table_, residence_, homes, layer, next_, done_)) return true;
  if (!evicted) return false;
  Memory memory(residence_.memory());
  Residence residence(residence_, memory);
  residence.drop_weights(layer);
  return operands_fit(table_, residence, homes, layer, done_);
}

void Session::shift(LayerId layer, const Placement& to, Cycles now, bool forced, bool evicted) {
  LayerState& state = layers_[layer.at()];
  const Placement from = state.home;
  if (!can_move(layer, to, evicted)) {
    ++result_.shifts_refused;
    return;
  }
  const Account account(chip_.ledger(), first_account_ + layer.index());
  const DeviceSpec& spec = table_.spec();
  const bool lost = state.weights_lost;
  const Bytes weights = from.streamed || lost ? Bytes(0) : weights_stored(spec, table_.work(layer), footprint_of(to));
  const WeightMove move = weight_move(table_, layer, from, to);
  EnergyTotal energy = shift_penalty(spec, from, to);
  chip_.ledger().charge(Part::kCrossbar, energy);
  const Cycles woken = chip_.woken_at(to, now);  // nobody foresaw that it would be needed
  state.weights_ready = std::max(state.weights_ready, woken);
  if (weights > Bytes(0)) {
    // Two-phase: the new copy is complete before the old one goes.
    std::vector<BlockId> old(residence_.weights(layer).begin(), residence_.weights(layer).end());
    Cycles start = std::max({state.weights_ready, woken, chip_.ready_at(from, old, now)});
    if (!move.reloaded) {
      start =
          std::max({start, chip_.crossbar().bus_free(from, now), chip_.crossbar().bus_free(to, now), chip_.path_ready_at(from, to, now)});
    }
    vacate(old);
    residence_.drop_weights(layer);
    std::vector<Payload> payloads;
    if (executor_ != nullptr) {
      auto made = executor_->weight_payloads(layer, to);
      GATEFOLD_ENSURE(made.has_value());  // the same weights were packed at boot
      payloads = std::move(made).value();
    }
    GATEFOLD_ENSURE(residence_.store_weights(layer, to, payloads).has_value());  // weights_fit said so while the old copy was there
    // The new banks may still serve others, or sleep: the transfer waits for them.
    const Cycles storable = chip_.storable_at(to, residence_.weights(layer), start);
    const Cycles end = move.reloaded ? chip_.load_external(weights, storable) : storable + move.cycles;
    allow(end - storable);
    allow_wait(woken, storable);
    if (move.reloaded) chip_.hold(to, now, end);
    else chip_.hold_transfer(from, to, now, end);  // from the prepare phase on
    chip_.hold(vacated_, now, end);
    chip_.hold(residence_.weights(layer), now, end);
    for (const BlockId block : residence_.weights(layer)) chip_.refresh_content(chip_.memory().pieces(block));
    chip_.refresh_content(vacated_);
    if (move.reloaded) {
      energy += move.energy;  // charged by the chip
    } else {
      chip_.crossbar().book_bus(from, end);
      chip_.crossbar().book_bus(to, end);
      energy += chip_.charge_transfer(weights, from, to);
    }
    state.weights_ready = end;
    state.carried_from = from;
    result_.shift_bytes += weights;
  } else if (lost) {
    reload(layer, to, now);
  } else if (from.streamed) {
    residence_.drop_weights(layer);
    GATEFOLD_ENSURE(residence_.store_weights(layer, to, {}).has_value());
  }
  state.home = to;
  state.energy += energy;
  ++state.shifts;
  ++(forced ? result_.shifts_forced : result_.shifts_voluntary);
  result_.shift_energy += energy;
  if (!forced) result_.shift_energy_voluntary += energy;
  if (policy_.scope() != GatingScope::kClusters) return;
  for (std::int32_t k = to.first; k <= to.last(); ++k) chip_.gating().pin(ClusterId(k), now);
  departure_ = {from, to, state.weights_ready};
}

void Session::leave_clusters() {
  if (!departure_) return;
  const auto [from, to, drained] = *std::exchange(departure_, std::nullopt);
  for (std::int32_t k = from.first; k <= from.last(); ++k) {
    if (to.first <= k && k <= to.last()) continue;
    // The pseudocode deactivates the old cluster whatever else lies there; the chip refuses while something does.
    if (!chip_.deactivate(ClusterId(k), drained)) ++result_.misgates;
  }
}

Result<Cycles> Session::align(LayerId layer, const Operand& operand, Cycles now) {
  const TensorId tensor = *operand.tensor;
  const Placement to = layers_[layer.at()].home;
  const Layout layout = operand_layout(network_.graph().layer(layer), operand.shape);
  TensorState& state = tensors_[tensor.at()];
  if (residence_.aligned(tensor, to, layout)) return state.ready;
  const Placement from = residence_.where(tensor);
  std::vector<BlockId> old(residence_.blocks(tensor).begin(), residence_.blocks(tensor).end());
  const Bytes bytes = moved_bytes(tensor);
  // The old copy is read out before the new one takes its place: on the same cores both could not be there at once.
  const Cycles ready = std::max({now, state.ready, state.read_until});
  Cycles start = std::max(chip_.crossbar().bus_free(from, ready), chip_.crossbar().bus_free(to, ready));
  start = std::max({chip_.ready_at(from, old, start), chip_.ready_at(to, {}, start), chip_.path_ready_at(from, to, start)});
  chip_.hold(old, start, start);
  std::shared_ptr<const Buffer> payload;
  if (executor_ != nullptr) {
    GATEFOLD_TRY(payload, executor_->read(tensor, chip_.memory(), chip_.gating(), residence_, start, start));
  }
  vacate(old);
  residence_.drop(tensor);
  GATEFOLD_CHECK(residence_.store(tensor, to, layout, {}));
  // Its new banks may still serve others, or sleep: the transfer waits for them.
  const Cycles storable = chip_.storable_at(to, residence_.blocks(tensor), start);
  const Cycles end = storable + transfer_cycles(table_.spec(), bytes, from, to);
  allow(end - storable);
  allow_wait(ready, storable);
  chip_.hold_transfer(from, to, start, end);
  chip_.hold(vacated_, start, end);
  chip_.hold(residence_.blocks(tensor), storable, end);
  for (const BlockId block : residence_.blocks(tensor)) chip_.refresh_content(chip_.memory().pieces(block));
  chip_.refresh_content(vacated_);
  if (executor_ != nullptr) {
    GATEFOLD_CHECK(executor_->write(tensor, payload, chip_, residence_, storable, end));
  }
  chip_.crossbar().book_bus(from, end);
  chip_.crossbar().book_bus(to, end);
  layers_[layer.at()].energy += chip_.charge_transfer(bytes, from, to);
  state = {end, end, from};
  return end;
}

Cycles Session::stream(LayerId layer, Cycles decided, Cycles start, Cycles cycles) {
  const Bytes weights = table_.work(layer).weights;
  const StreamBuffer buffer = stream_buffer(table_.spec(), weights, layers_[layer.at()].home.core_count());
  // Both sides of the buffer may fill before the layer starts, if the channel and the buffer are free by then.
  const auto blocks = residence_.weights(layer);
  Cycles from = decided;
  for (const BlockId block : blocks) {
    for (const Piece& piece : chip_.memory().pieces(block)) from = std::max(from, chip_.gating().held_until(piece.bank));
  }
  const Cycles early = chip_.load_external(buffer.prefetched, from);
  const Cycles first = std::max(start, early - external_cycles(table_.spec(), buffer.prefetched - buffer.first));
  const Cycles late = buffer.prefetched < weights ? chip_.load_external(weights - buffer.prefetched, first) : early;
  const Cycles end = std::max(first + cycles, late);
  layers_[layer.at()].energy += stream_cost(table_, layer, layers_[layer.at()].home).energy;  // charged by the chip
  chip_.hold(blocks, std::min(start, early - external_cycles(table_.spec(), buffer.prefetched)), start);
  result_.stall += end - (start + cycles);
  return end;
}

void Session::keep_deadline(Cycles deadline) {
  Cycles reload;
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    if (plan_.assignment[v].streamed) continue;
    const Bytes stored = weights_stored(table_.spec(), table_.work(LayerId(v)), footprint_of(plan_.assignment[v]));
    reload += external_cycles(table_.spec(), stored) + table_.spec().bank.wake_latency_off;
  }
  if (plan_.reference_total + reload > deadline) keep_weights();
}

void Session::keep_weights() {
  keeps_weights_ = true;
  chip_.gating().keep_weights(stream_);
}

void Session::refill(Cycles now, std::size_t layers) {
  for (std::size_t v = 0; v < layers; ++v) {
    if (layers_[v].home.streamed) continue;  // a buffer holds nothing between two executions
    for (const BlockId block : residence_.weights(LayerId(v))) {
      for (const Piece& piece : chip_.memory().pieces(block)) {
        if (!chip_.gating().lost(piece.bank)) continue;
        const Account account(chip_.ledger(), first_account_ + static_cast<std::int32_t>(v));
        const Bytes bytes = chip_.memory().used_bytes(piece.bank);
        layers_[v].energy += external_energy(table_.spec(), Bytes(0), bytes);  // charged by the chip
        result_.reloaded += bytes;
        ++result_.refills;
        chip_.refill(piece.bank, now);
      }
    }
  }
}

void Session::drop(TensorId tensor) {
  if (!residence_.stored(tensor)) return;
  vacate(residence_.blocks(tensor));
  residence_.drop(tensor);
  chip_.refresh_content(vacated_);
}

void Session::vacate(std::span<const BlockId> blocks) {
  vacated_.clear();
  for (const BlockId block : blocks) {
    const auto pieces = chip_.memory().pieces(block);
    vacated_.insert(vacated_.end(), pieces.begin(), pieces.end());
  }
}

}  // namespace gatefold
