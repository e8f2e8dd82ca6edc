#include "gatefold/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <utility>

namespace gatefold {
namespace {

/// Before the first event, between first and last, after the last; one phase without events.
std::vector<Phase> phases_of(const std::vector<TimedEvent>& events) {
  const Cycles forever(std::numeric_limits<std::int64_t>::max());
  if (events.empty()) return {{"whole", Cycles(0), forever, 0}};
  const Cycles first = events.front().at;
  const Cycles last = events.back().at;
  return {{"before", Cycles(0), first, 0}, {"during", first, last, 0}, {"after", last, forever, 0}};
}

}  // namespace

Session::Session(const PreparedNetwork& network, const StaticPlan& plan, Policy& policy, const RunOptions& options, Executor* executor,
                 SharedChip& shared)
    : network_(network),
      table_(network.table()),
      plan_(plan),
      policy_(policy),
      options_(options),
      executor_(executor),
      shared_(shared),
      chip_(shared.chip()),
      first_account_(shared.join(*this, network.table().size())),
      stream_(shared.users() - 1),
      residence_(network.table(), chip_.memory()),
      layers_(network.table().size()),
      tensors_(network.graph().activations.size()),
      nonzeros_(network.graph().activations.size()),
      remaining_reference_(network.table().size() + 1),
      density_(options.density) {
  for (std::size_t v = layers_.size(); v-- > 0;) remaining_reference_[v] = remaining_reference_[v + 1] + plan.reference[v];
  if (!foresees()) keep_weights();
  if (options.deadline) keep_deadline(*options.deadline);
  result_.phases = phases_of(options.events);
  phase_times_.resize(result_.phases.size());
}

Status Session::serve(Cycles arrival, bool known, const InputSet* inputs) {
  begin({.arrival = arrival,
         .known = known,
         .deadline = options_.deadline ? std::optional(arrival + *options_.deadline) : std::nullopt,
         .inputs = inputs},
        std::max(arrival, last_completion_));
  while (active_) GATEFOLD_CHECK(advance(Cycles(std::numeric_limits<std::int64_t>::max())));
  if (ended_.shed.empty()) {
    result_.request_records.push_back({ended_.arrival, ended_.at, ended_.missed});
  } else {
    const std::int64_t request = result_.completed + std::ssize(result_.shed);
    result_.shed.push_back({request, ended_.arrival, ended_.at, std::move(ended_.shed)});
  }
  result_.outputs.push_back(std::move(ended_.outputs));
  return Done{};
}

void Session::begin(const Request& request, Cycles now) {
  GATEFOLD_REQUIRE(resident_ && !active_ && request.arrival <= now);
  active_ = true;
  surprised_ = -1;
  chip_.gating().begin_request(stream_, request.arrival, request.known && foresees());
  if (served_before_)
    period_ = period_ ? Cycles((period_->count() * 3 + (request.arrival - arrival_).count()) / 4) : request.arrival - arrival_;
  served_before_ = true;
  arrival_ = request.arrival;
  deadline_ = request.deadline;
  first_start_ = last_end_ = issued_ = resume_ = now;
  started_ = false;
  inputs_stored_ = false;
  next_.reset();
  for (TensorState& tensor : tensors_) tensor = {now, now, std::nullopt};
  inputs_ = request.inputs;
  density_ = request.density.value_or(options_.density);
  const std::size_t wanted = std::min(request.layers.value_or(layers_.size()), layers_.size());
  done_.assign(layers_.size(), 0);
  std::fill(done_.begin() + static_cast<std::ptrdiff_t>(wanted), done_.end(), char{1});
  first_undone_ = 0;
  recovery_.reset();
  pass_faults(now);
  refill(now, wanted);
  replan(now, true);
  for (std::size_t v = 0; v < wanted; ++v) {
    if (network_.last_producer(LayerId(v))) continue;
    decide(LayerId(v), now, true);
    leave_clusters();
  }
}

Status Session::advance(Cycles limit) {
  GATEFOLD_REQUIRE(active_);
  limit_ = limit;
  chip_.gating().work_for(stream_);
  Status gone_on = go_on();
  // Failures after the first placement are the request's, not the run's.
  if (gone_on || gone_on.error().code != ErrorCode::kDoesNotFit) return gone_on;
  shed(std::move(gone_on).error().message);
  return Done{};
}

Status Session::go_on() {
  if (!inputs_stored_) {
    inputs_stored_ = true;
    GATEFOLD_CHECK(store_inputs());
  }
  if (fault_pending(issued_)) pass_faults(issued_);  // what cut the last execution short
  while (first_undone_ < layers_.size() && done_[first_undone_] != 0) ++first_undone_;
  if (first_undone_ < layers_.size()) return step(LayerId(first_undone_));
  if (put_off(last_end_) || pass_faults(last_end_)) return Done{};
  return complete();
}

Cycles Session::next_time() const {
  GATEFOLD_REQUIRE(active_);
  if (!inputs_stored_) return issued_;
  std::size_t next = first_undone_;
  while (next < layers_.size() && done_[next] != 0) ++next;
  if (next == layers_.size()) return last_end_;
  const LayerId layer(next);
  const LayerState& state = layers_[next];
  Cycles ready = std::max({issued_, resume_, state.weights_ready, state.route_ready});
  for (const Operand& operand : network_.graph().layer(layer).inputs) {
    if (operand.tensor) ready = std::max(ready, tensors_[operand.tensor->at()].ready);
  }
  return resource_free(layer, ready);
}

Status Session::store_inputs() {
  const LayerGraph& graph = network_.graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Activation& activation = graph.activation(graph.inputs[i]);
    if (activation.consumers.empty()) continue;
    const Status stored = store_input(i, layers_[activation.consumers.front().at()].home, tensors_[graph.inputs[i].at()].ready);
    // Where something failed its reader may have no home yet: it is stored when the reader has one.
    if (!stored && (!shared_.faults_began() || stored.error().code != ErrorCode::kDoesNotFit)) return stored;
  }
  return Done{};
}

Status Session::store_input(std::size_t index, const Placement& home, Cycles now) {
  const TensorId input = network_.graph().inputs[index];
  const Account account(chip_.ledger(), Ledger::kNobody);
  GATEFOLD_CHECK(residence_.store(input, home, table_.tensor_layout(input), {}));
  const auto blocks = residence_.blocks(input);
  // Written at no time (docs/cost-model.md, Accounting conventions): one write per byte, into banks that are awake.
  Cycles written = chip_.writable_at(blocks, now);
  for (const BlockId block : blocks) {
    for (const Piece& piece : chip_.memory().pieces(block)) {
      written = std::max(written, chip_.gating().ready_at(chip_.gating().bank(piece.bank), now));
    }
  }
  tensors_[input.at()] = {written, written, std::nullopt};
  chip_.hold(blocks, written, written);
  for (const BlockId block : blocks) chip_.refresh_content(chip_.memory().pieces(block));
  count_nonzeros(input, executor_ == nullptr ? nullptr : (*inputs_)[index].view().bytes);
  const Placement& where = residence_.where(input);
  if (residence_.spilled(input)) {
    result_.input_energy += chip_.charge_arrival(table_.tensor_bytes(input));
  } else {
    const Energy energy = moved_bytes(input) * table_.spec().sram_byte;
    chip_.ledger().charge_spread(Part::kMemory, energy, where.first, where.clusters);
    result_.input_energy += energy;
  }
  result_.input_bytes += table_.tensor_bytes(input);
  if (executor_ == nullptr) return Done{};
  const TensorView view = (*inputs_)[index].view();
  auto bytes = std::make_shared<Buffer>(static_cast<std::size_t>(stored_bytes(network_.graph().activation(input))));
  std::copy_n(view.bytes, bytes->size(), bytes->data());
  return executor_->write(input, bytes, chip_, residence_, written, written);
}

Cycles Session::resource_free(LayerId layer, Cycles ready) const {
  const Placement& home = layers_[layer.at()].home;
  switch (network_.graph().layer(layer).kind) {
    case LayerKind::kDot: return chip_.crossbar().dot_free(home, ready);
    case LayerKind::kVector: return chip_.crossbar().vector_free(home, ready);
    case LayerKind::kMove: return chip_.crossbar().bus_free(home, ready);
  }
  GATEFOLD_REQUIRE(false);
}

Result<Cycles> Session::available_from(LayerId layer, Cycles now) const {
  const Placement& home = layers_[layer.at()].home;
  const Profile& profile = chip_.profile();
  if (profile.available(home, now)) {
    if (weights_have_room(layer)) return now;
    return Error{ErrorCode::kDoesNotFit, fmt::format("the weights of layer '{}' were lost and find no room in {}, and policy '{}' does not "
                                                     "move it",
                                                     network_.graph().layer(layer).name, home.text(), options_.policy)};
  }
  for (const TimedEvent& timed : shared_.events()) {
    if (timed.at > now && profile.available(home, timed.at)) return timed.at;
  }
  return Error{ErrorCode::kDoesNotFit, fmt::format("layer '{}' waits for {}, which no event gives back, and policy '{}' does not move it",
                                                   network_.graph().layer(layer).name, home.text(), options_.policy)};
}

Status Session::store_outputs(LayerId layer) {
  const Layer& here = network_.graph().layer(layer);
  avoid_.clear();
  for (const Operand& operand : here.inputs) {
    if (!operand.tensor) continue;
    const auto blocks = residence_.blocks(*operand.tensor);
    avoid_.insert(avoid_.end(), blocks.begin(), blocks.end());
  }
  for (const TensorId output : here.outputs) {
    drop(output);  // of a layer that runs again, another output may have survived
    const LayerId reader = residence_.spilled(output) ? layer : first_reader(output, layer);
    if (residence_.store(output, layers_[reader.at()].home, table_.tensor_layout(output), avoid_)) continue;
    // The reader's cores are full: the output waits where it was computed.
    GATEFOLD_CHECK(residence_.store(output, layers_[layer.at()].home, table_.tensor_layout(output), avoid_));
  }
  return Done{};
}

Status Session::step(LayerId layer) {
  const Account account(chip_.ledger(), first_account_ + layer.index());
  Cycles from = std::max(issued_, resume_);  // the controller issues layers in order; they may overlap once issued
  Cycles start;
  for (;;) {
    if (put_off(from)) return Done{};
    GATEFOLD_TRY(bool changed, restore_inputs(layer, from));
    if (!changed) {
      GATEFOLD_TRY(const Cycles ready, measure(layer, from));
      if (put_off(ready)) return Done{};
      const auto happened = pass_faults(ready);
      changed = happened.has_value();
      if (changed) {
        from = std::max(from, *happened);
      } else {
        // Every layer comes as a surprise, but only once: what was asked to wake when its turn was put off wakes meanwhile.
        if (!foresees() && std::exchange(surprised_, layer.index()) != layer.index()) {
          chip_.gating().end_request(stream_, ready);
          chip_.gating().begin_request(stream_, ready, false);
        }
        GATEFOLD_TRY(start, act(layer, ready));
        const bool waits = put_off(start);
        if (!waits && !fault_pending(start) && chip_.profile().available(layers_[layer.at()].home, start)) break;
        // Others are first, its home was taken, or something failed, while it waited: once more.
        release_staging();
        for (const TensorId output : network_.graph().layer(layer).outputs) drop(output);
        if (waits) return Done{};
        from = fault_pending(start) ? std::max(from, *pass_faults(start)) : start;
      }
    }
    if (first_undone_ < layer.at()) return Done{};  // what it reads has to be computed again first
  }
  GATEFOLD_CHECK(find_zeros(layer, start));
  const Execution execution = power(layer, start);
  surprised_ = -1;
  if (execution.stop < execution.end) {
    interrupt(layer, start, execution);
    return Done{};
  }
  decide_readers(layer, start);
  GATEFOLD_CHECK(execute(layer, start, execution.end));
  record(layer, start, execution.end);
  return Done{};
}

Result<Cycles> Session::measure(LayerId layer, Cycles from) {
  next_ = layer;
  Cycles ready = from;
  for (const Operand& operand : network_.graph().layer(layer).inputs) {
    if (operand.tensor) ready = std::max(ready, tensors_[operand.tensor->at()].ready);
  }
  const Cycles free = resource_free(layer, ready);
  allow_wait(ready, free);
  return find_home(layer, free);
}

Result<Cycles> Session::find_home(LayerId layer, Cycles now) {
  if (chip_.profile().available(layers_[layer.at()].home, now) && home_has_room(layer)) return now;
  if (fault_pending(now)) return now;  // nothing is decided before it has happened
  decide(layer, now, false);
  leave_clusters();
  GATEFOLD_TRY(const Cycles then, available_from(layer, now));
  // Whoever waited for a failure looks again once it has happened; otherwise the room for what was lost is still to be found.
  return then == now || then > limit_ || fault_pending(then) ? then : find_home(layer, then);
}

Result<Cycles> Session::act(LayerId layer, Cycles ready) {
  const Layer& here = network_.graph().layer(layer);
  const LayerState& state = layers_[layer.at()];
  Cycles start = ready;
  if (state.weights_lost) reload(layer, state.home, ready);
  for (const Operand& operand : here.inputs) {
    if (!operand.tensor) continue;
    GATEFOLD_TRY(const Cycles there, align(layer, operand, ready));
    start = std::max(start, there);
  }
  start = std::max({start, state.weights_ready, state.route_ready});
  GATEFOLD_CHECK(store_outputs(layer));
  next_ = LayerId(layer.index() + 1);
  const Cycles brought = start;
  for (const TensorId output : here.outputs) start = chip_.writable_at(residence_.blocks(output), start);
  GATEFOLD_TRY(start, stage(layer, start));
  start = resource_free(layer, start);
  allow_wait(brought, start);
  Cycles awake = std::max({staging_ready_at(layer, start), chip_.uncore_ready_at(UncoreUse::kRequests, start),
                           chip_.ready_at(state.home, residence_.weights(layer), start)});
  for (const TensorId output : here.outputs) {
    awake = std::max({awake, chip_.ready_at(state.home, residence_.blocks(output), start),
                      chip_.path_ready_at(state.home, residence_.where(output), start)});
  }
  if (shared_.shared()) {  // what others are about to move may have taken the inputs' banks already
    for (const Operand& operand : here.inputs) {
      if (operand.tensor) awake = chip_.ready_at(state.home, residence_.blocks(*operand.tensor), awake);
    }
  }
  start = std::max(start, awake);
  result_.stall += start - ready;
  result_.stalls += start > ready ? 1 : 0;
  return start;
}

Session::Execution Session::power(LayerId layer, Cycles start) {
  const LayerState& state = layers_[layer.at()];
  if (!started_) {
    first_start_ = start;
    started_ = true;
    if (shared_.shared()) shared_.request_starts(start);
  }
  issued_ = start;
  Cycles end = start + throttled(cycles_now(layer), chip_.profile().percent(state.home, start));
  if (blocks_.count > 0) end = price_blocks(layer, start);
  else if (state.home.streamed) end = stream(layer, state.route_ready - table_.spec().route_change, start, end - start);
  const Cycles stop = caught(layer, start, end).value_or(end);
  if (policy_.scope() == GatingScope::kClusters) {  // activation belongs to execution
    for (std::int32_t k = state.home.first; k <= state.home.last(); ++k) chip_.gating().pin(ClusterId(k), start);
  }
  if (blocks_.count > 0) hold_staging(start, stop);
  chip_.hold(state.home, start, stop);
  chip_.hold(residence_.weights(layer), start, stop);
  if (!foresees()) {  // nobody knows of the next layer, and the uncore stays ON for the request all the same
    const Account account(chip_.ledger(), Ledger::kNobody);
    chip_.hold_uncore(UncoreUse::kRequests, first_start_, stop);
  }
  const Layer& here = network_.graph().layer(layer);
  for (const Operand& operand : here.inputs) {
    if (operand.tensor) chip_.hold(residence_.blocks(*operand.tensor), start, stop);
  }
  if (table_.work(layer).kind == WorkClass::kVector && table_.spec().vector_pool.count() > 0) {
    chip_.gating().hold(chip_.gating().vector_pool(), start, stop);
  }
  return {end, stop};
}

void Session::decide_readers(LayerId layer, Cycles start) {
  const LayerGraph& graph = network_.graph();
  for (const LayerId reader : network_.decided_with(layer)) {
    if (done_[reader.at()] != 0) continue;  // this layer runs again for others
    const Placement before = layers_[reader.at()].home;
    decide(reader, start, true);
    if (layers_[reader.at()].home == before) continue;
    for (const TensorId output : graph.layer(layer).outputs) {  // not written yet: steered to the new home for free
      if (residence_.spilled(output) || first_reader(output, layer) != reader) continue;
      // Where the new banks still serve others it is written where it was meant first, and moves later.
      residence_.relocate(output, layers_[reader.at()].home, table_.tensor_layout(output), avoid_, [&](std::span<const BlockId> blocks) {
        return chip_.storable_at(layers_[layer.at()].home, blocks, start) == start;
      });
    }
    leave_clusters();  // what was to be written there is not in the way any more
  }
}

Status Session::execute(LayerId layer, Cycles start, Cycles end) {
  for (const TensorId output : network_.graph().layer(layer).outputs) {
    GATEFOLD_ENSURE(chip_.storable_at(layers_[layer.at()].home, residence_.blocks(output), start) == start);
    chip_.hold_path(layers_[layer.at()].home, residence_.where(output), start, end);
    chip_.hold(residence_.blocks(output), start, end);
    for (const BlockId block : residence_.blocks(output)) chip_.refresh_content(chip_.memory().pieces(block));
  }
  for (const BlockId block : residence_.staging()) chip_.refresh_content(chip_.memory().pieces(block));
  if (executor_ != nullptr && blocks_.count > 0) {
    GATEFOLD_CHECK(executor_->execute_blocks(layer, layers_[layer.at()].home, blocks_, chip_, residence_, start, end));
  } else if (executor_ != nullptr) {
    GATEFOLD_CHECK(executor_->execute(layer, layers_[layer.at()].home, chip_, residence_, start, end));
  }
  return count_outputs(layer, start, end);
}

void Session::book(LayerId layer, Cycles until) {
  const Placement& home = layers_[layer.at()].home;
  switch (network_.graph().layer(layer).kind) {
    case LayerKind::kDot: chip_.crossbar().book_dot(home, until); break;
    case LayerKind::kVector: chip_.crossbar().book_vector(home, until); break;
    case LayerKind::kMove: chip_.crossbar().book_bus(home, until); break;
  }
}

void Session::record(LayerId layer, Cycles start, Cycles end) {
  const Layer& here = network_.graph().layer(layer);
  const DeviceSpec& spec = table_.spec();
  LayerState& state = layers_[layer.at()];
  book(layer, end);
  Energy wires;
  for (const TensorId output : here.outputs) {
    wires += wire_energy(spec, moved_bytes(output), state.home, residence_.where(output));
    tensors_[output.at()] = {end, end, std::nullopt};
  }
  const DynamicEnergy dynamic = blocks_.count > 0 ? blocked_.dynamic : energy_now(layer);
  ++executions_;
  issued_last_ = {start, end, EnergyTotal(dynamic.total()) + EnergyTotal::over(table_.option(layer, state.home).held, end - start)};
  chip_.charge(dynamic, wires, state.home);
  if (blocks_.count > 0) state.energy += chip_.charge_external(blocked_.spilled, blocked_.streamed);
  state.row_blocks = blocks_.count;
  release_staging();
  state.energy += EnergyTotal(dynamic.total()) + wires;
  state.cycles = end - start;
  last_end_ = std::max(last_end_, end);
  for (std::size_t p = 0; p < result_.phases.size(); ++p) {
    if (start < result_.phases[p].begin || start >= result_.phases[p].end) continue;
    phase_times_[p].executing += end - start;
    phase_times_[p].clusters += (end - start) * chip_.gating().powered_clusters(state.home.clusters);
  }
  const DotProducts useful = useful_dot_products(spec, table_.work(layer), footprint_of(state.home), zeros_);
  state.skipped = useful_dot_products(spec, table_.work(layer), footprint_of(state.home)) - useful;
  useful_ += useful;
  chip_.profile().record(state.home, useful, state.skipped, end);
  for (const Operand& operand : here.inputs) {
    if (operand.tensor) tensors_[operand.tensor->at()].read_until = std::max(tensors_[operand.tensor->at()].read_until, end);
  }
  done_[layer.at()] = 1;
  if (recovery_) recover(layer, start, end);
  for (const TensorId dead : network_.dying_after(layer)) drop(dead);
  if (result_.recomputed == 0) return;
  // A layer that ran again may have left what only layers before it read.
  for (std::size_t t = 0; t < tensors_.size(); ++t) {
    if (!needed(TensorId(t))) drop(TensorId(t));
  }
}

Status Session::complete() {
  const LayerGraph& graph = network_.graph();
  std::vector<OutputRecord> outputs;
  for (const NetworkOutput& output : graph.outputs) {
    if (!residence_.stored(output.tensor)) continue;
    if (shared_.shared()) last_end_ = chip_.ready_at(residence_.where(output.tensor), residence_.blocks(output.tensor), last_end_);
    chip_.hold(residence_.blocks(output.tensor), last_end_, last_end_);  // read out by the host interface
    if (executor_ == nullptr) continue;
    GATEFOLD_TRY(const auto bytes, executor_->read(output.tensor, chip_.memory(), chip_.gating(), residence_, last_end_, last_end_));
    Buffer copy(bytes->size());
    std::copy_n(bytes->data(), bytes->size(), copy.data());
    outputs.push_back({output.name, Tensor(graph.activation(output.tensor).type, output.shape, std::move(copy))});
  }
  for (std::size_t t = 0; t < tensors_.size(); ++t) drop(TensorId(t));
  chip_.hold_uncore(UncoreUse::kRequests, first_start_, last_end_);
  chip_.gating().end_request(stream_, last_end_);
  last_completion_ = last_end_;
  const bool missed = deadline_ && last_end_ > *deadline_;
  result_.deadline_misses += missed ? 1 : 0;
  ++result_.completed;
  active_ = false;
  ended_ = {arrival_, last_end_, missed, {}, std::move(outputs)};
  return Done{};
}

}  // namespace gatefold
