#include "gatefold/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <limits>

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

void apply(const std::vector<TimedEvent>& events, const DeviceSpec& spec, Profile& profile) {
  struct Failed {
    bool cluster = false;
    std::uint16_t cores = 0;
  };
  std::vector<Failed> failed(static_cast<std::size_t>(spec.cluster_count));
  for (const TimedEvent& timed : events) {
    const Event& event = timed.event;
    Condition condition = profile.condition(event.cluster, timed.at);
    condition.since = timed.at;
    Failed& state = failed[event.cluster.at()];
    const auto core = static_cast<std::uint16_t>(event.core < 0 ? 0U : 1U << static_cast<unsigned>(event.core));
    switch (event.kind) {
      case EventKind::kOccupy: condition.occupied = true; break;
      case EventKind::kRelease: condition.occupied = false; break;
      case EventKind::kThrottle: condition.percent = event.percent; break;
      case EventKind::kFail:
        if (event.core < 0) state.cluster = true;
        else if (event.bank < 0) state.cores = static_cast<std::uint16_t>(state.cores | core);
        break;
      case EventKind::kRecover:
        if (event.core < 0) state.cluster = false;
        else if (event.bank < 0) state.cores = static_cast<std::uint16_t>(state.cores & ~core);
        if (event.core < 0) condition.percent = 100;
        break;
    }
    const auto all = static_cast<std::uint16_t>((1U << static_cast<unsigned>(spec.cores_per_cluster)) - 1U);
    condition.failed_cores = state.cluster ? all : state.cores;
    profile.set_condition(event.cluster, condition);
  }
}

}  // namespace

Session::Session(const PreparedNetwork& network, const StaticPlan& plan, Policy& policy, const RunOptions& options, Executor* executor)
    : network_(network),
      table_(network.table()),
      plan_(plan),
      policy_(policy),
      options_(options),
      executor_(executor),
      chip_(network.spec(), policy.scope()),
      residence_(network.table(), chip_.memory()),
      layers_(network.table().size()),
      tensors_(network.graph().activations.size()),
      nonzeros_(network.graph().activations.size()),
      remaining_reference_(network.table().size() + 1) {
  for (std::size_t v = layers_.size(); v-- > 0;) remaining_reference_[v] = remaining_reference_[v + 1] + plan.reference[v];
  if (options.record_profile) chip_.profile().start_recording();
  apply(options.events, network.spec(), chip_.profile());
  std::copy_if(options.events.begin(), options.events.end(), std::back_inserter(faults_),
               [](const TimedEvent& timed) { return timed.event.kind == EventKind::kFail || timed.event.kind == EventKind::kRecover; });
  failed_.resize(static_cast<std::size_t>(network.spec().cluster_count + network.spec().core_count() + network.spec().bank_count()));
  result_.phases = phases_of(options.events);
  phase_times_.resize(result_.phases.size());
  if (options.arrivals.rate_hz) {
    const Cycles mean(static_cast<std::int64_t>(static_cast<double>(network.spec().clock_hz) / *options.arrivals.rate_hz));
    expected_gap_ = std::max(Cycles(0), mean - plan.reference_total);
  }
}

Status Session::boot() {
  Assignment assignment = policy_.first_assignment(table_, plan_);
  if (auto as_is = lay_out_as_is(table_, assignment, plan_.spilling.tensors)) {
    spilling_ = *std::move(as_is);
  } else {
    GATEFOLD_TRY(FittedPlan fitted, fit_spilling(table_, assignment, {}, plan_.spilling.tensors));
    assignment = std::move(fitted.assignment);
    spilling_ = std::move(fitted.spilling);
  }
  residence_ = Residence(table_, chip_.memory(), spilling_.tensors);
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    const LayerId layer(v);
    layers_[v].home = assignment[v];
    std::vector<Payload> payloads;
    if (executor_ != nullptr && !assignment[v].streamed) {
      GATEFOLD_TRY(payloads, executor_->weight_payloads(layer, assignment[v]));
    }
    GATEFOLD_CHECK(residence_.store_weights(layer, assignment[v], payloads));
    for (const BlockId block : residence_.weights(layer)) chip_.refresh_content(chip_.memory().pieces(block));
    if (policy_.scope() == GatingScope::kClusters) {
      for (std::int32_t k = assignment[v].first; k <= assignment[v].last(); ++k) chip_.gating().pin(ClusterId(k), Cycles(0));
    }
  }
  return Done{};
}

Status Session::serve(Cycles arrival, bool known, const InputSet* inputs) {
  const Cycles from = std::max(arrival, last_completion_);
  if (!known && arrival > last_completion_) chip_.gating().idle_between_requests(last_completion_, arrival, expected_gap_);
  arrival_ = arrival;
  deadline_ = options_.deadline ? std::optional(arrival + *options_.deadline) : std::nullopt;
  first_start_ = last_end_ = issued_ = from;
  started_ = false;
  next_.reset();
  for (TensorState& tensor : tensors_) tensor = {from, from, std::nullopt};
  inputs_ = inputs;
  done_.assign(layers_.size(), 0);
  first_undone_ = 0;
  pass_faults(from);
  replan(from, true);
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    if (!network_.last_producer(LayerId(v))) decide(LayerId(v), from, true);
  }
  const Status served = serve_layers();
  if (served) return complete();
  // Failures after the first placement are the request's, not the run's.
  if (served.error().code != ErrorCode::kDoesNotFit) return served;
  shed(served.error().message);
  return Done{};
}

Status Session::serve_layers() {
  GATEFOLD_CHECK(store_inputs());
  do {
    while (first_undone_ < layers_.size()) {
      if (done_[first_undone_] != 0) ++first_undone_;
      else GATEFOLD_CHECK(step(LayerId(first_undone_)));
    }
  } while (pass_faults(last_end_));
  return Done{};
}

Status Session::store_inputs() {
  const LayerGraph& graph = network_.graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const Activation& activation = graph.activation(graph.inputs[i]);
    if (activation.consumers.empty()) continue;
    const Status stored = store_input(i, layers_[activation.consumers.front().at()].home, tensors_[graph.inputs[i].at()].ready);
    // Where something failed its reader may have no home yet: it is stored when the reader has one.
    if (!stored && (next_fault_ == 0 || stored.error().code != ErrorCode::kDoesNotFit)) return stored;
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
  policy_.replan({now, &table_, &chip_.profile(), &residence_, &spilling_, &plan_, &homes, &done_, left, spent, begins});
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
  for (const TimedEvent& timed : options_.events) {
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
  const Account account(chip_.ledger(), layer.index() + 1);
  Cycles from = issued_;  // the controller issues layers in order; they may overlap once issued
  Cycles start;
  for (;;) {
    GATEFOLD_TRY(bool changed, restore_inputs(layer, from));
    if (!changed) {
      GATEFOLD_TRY(const Cycles ready, measure(layer, from));
      const auto happened = pass_faults(ready);
      changed = happened.has_value();
      if (changed) {
        from = std::max(from, *happened);
      } else {
        GATEFOLD_TRY(start, act(layer, ready));
        if (!fault_pending(start) && chip_.profile().available(layers_[layer.at()].home, start)) break;
        // Its home was taken, or something failed, while it waited: once more.
        release_staging();
        for (const TensorId output : network_.graph().layer(layer).outputs) drop(output);
        from = fault_pending(start) ? std::max(from, *pass_faults(start)) : start;
      }
    }
    if (first_undone_ < layer.at()) return Done{};  // what it reads has to be computed again first
  }
  GATEFOLD_CHECK(find_zeros(layer, start));
  const Execution execution = power(layer, start);
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
  return find_home(layer, resource_free(layer, ready));
}

Result<Cycles> Session::find_home(LayerId layer, Cycles now) {
  if (chip_.profile().available(layers_[layer.at()].home, now) && home_has_room(layer)) return now;
  decide(layer, now, false);
  GATEFOLD_TRY(const Cycles then, available_from(layer, now));
  // Whoever waited for a failure looks again once it has happened; otherwise the room for what was lost is still to be found.
  return then == now || fault_pending(then) ? then : find_home(layer, then);
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
  for (const TensorId output : here.outputs) start = chip_.writable_at(residence_.blocks(output), start);
  GATEFOLD_TRY(start, stage(layer, start));
  start = resource_free(layer, start);
  Cycles awake = std::max({staging_ready_at(layer, start), chip_.uncore_ready_at(UncoreUse::kRequests, start),
                           chip_.ready_at(state.home, residence_.weights(layer), start)});
  for (const TensorId output : here.outputs) {
    awake = std::max({awake, chip_.ready_at(state.home, residence_.blocks(output), start),
                      chip_.path_ready_at(state.home, residence_.where(output), start)});
  }
  start = std::max(start, awake);
  result_.stall += start - ready;
  result_.stalls += start > ready ? 1 : 0;
  return start;
}

Session::Execution Session::power(LayerId layer, Cycles start) {
  const LayerState& state = layers_[layer.at()];
  if (!started_) first_start_ = start;
  started_ = true;
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
  }
}

Status Session::execute(LayerId layer, Cycles start, Cycles end) {
  for (const TensorId output : network_.graph().layer(layer).outputs) {
    // After several failures a shift of the reader can still occupy the banks in which the output was to lie.
    if (chip_.storable_at(layers_[layer.at()].home, residence_.blocks(output), start) != start) {
      return Error{ErrorCode::kDoesNotFit,
                   fmt::format("the banks for '{}' in {} are still in use when layer '{}' starts", network_.graph().activation(output).name,
                               residence_.where(output).text(), network_.graph().layer(layer).name)};
    }
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
    chip_.hold(residence_.blocks(output.tensor), last_end_, last_end_);  // read out by the host interface
    if (executor_ == nullptr) continue;
    GATEFOLD_TRY(const auto bytes, executor_->read(output.tensor, chip_.memory(), chip_.gating(), residence_, last_end_, last_end_));
    Buffer copy(bytes->size());
    std::copy_n(bytes->data(), bytes->size(), copy.data());
    outputs.push_back({output.name, Tensor(graph.activation(output.tensor).type, output.shape, std::move(copy))});
  }
  for (std::size_t t = 0; t < tensors_.size(); ++t) drop(TensorId(t));
  chip_.hold_uncore(UncoreUse::kRequests, first_start_, last_end_);
  last_completion_ = last_end_;
  const bool missed = deadline_ && last_end_ > *deadline_;
  result_.request_records.push_back({arrival_, last_end_, missed});
  result_.deadline_misses += missed ? 1 : 0;
  ++result_.completed;
  result_.outputs.push_back(std::move(outputs));
  return Done{};
}

}  // namespace gatefold
