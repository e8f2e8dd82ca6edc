#include "gatefold/runtime/session.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
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

EnergyTotal sum_of(std::span<const PartSums> rows) {
  EnergyTotal sum;
  for (const PartSums& row : rows) {
    for (const EnergyTotal& part : row) sum += part;
  }
  return sum;
}

void apply(const std::vector<TimedEvent>& events, Profile& profile) {
  for (const TimedEvent& timed : events) {
    Condition condition = profile.condition(timed.event.cluster, timed.at);
    condition.since = timed.at;
    switch (timed.event.kind) {
      case EventKind::kOccupy: condition.occupied = true; break;
      case EventKind::kRelease: condition.occupied = false; break;
      case EventKind::kThrottle: condition.percent = timed.event.percent; break;
      case EventKind::kRecover: condition.percent = 100; break;
    }
    profile.set_condition(timed.event.cluster, condition);
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
  apply(options.events, chip_.profile());
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
      for (std::int32_t k = assignment[v].first; k <= assignment[v].last(); ++k) chip_.gating().pin(ClusterId(k), true, Cycles(0));
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
  for (TensorState& tensor : tensors_) tensor = {from, from};
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    if (!network_.last_producer(LayerId(v))) decide(LayerId(v), from, true);
  }
  GATEFOLD_CHECK(store_inputs(inputs));
  for (std::size_t v = 0; v < layers_.size(); ++v) GATEFOLD_CHECK(step(LayerId(v)));
  return complete();
}

Status Session::store_inputs(const InputSet* inputs) {
  const LayerGraph& graph = network_.graph();
  for (std::size_t i = 0; i < graph.inputs.size(); ++i) {
    const TensorId input = graph.inputs[i];
    const Activation& activation = graph.activation(input);
    if (activation.consumers.empty()) continue;
    const Cycles now = tensors_[input.at()].ready;
    GATEFOLD_CHECK(residence_.store(input, layers_[activation.consumers.front().at()].home, table_.tensor_layout(input), {}));
    const auto blocks = residence_.blocks(input);
    // Written at no time (docs/cost-model.md, Accounting conventions): one write per byte, into banks that are awake.
    for (const BlockId block : blocks) {
      for (const Piece& piece : chip_.memory().pieces(block)) {
        const Cycles awake = chip_.gating().ready_at(chip_.gating().bank(piece.bank), now);
        tensors_[input.at()].ready = std::max(tensors_[input.at()].ready, awake);
      }
    }
    const Cycles written = tensors_[input.at()].ready;
    chip_.hold(blocks, written, written);
    for (const BlockId block : blocks) chip_.refresh_content(chip_.memory().pieces(block));
    count_nonzeros(input, executor_ == nullptr ? nullptr : (*inputs)[i].view().bytes);
    const Placement& where = residence_.where(input);
    if (residence_.spilled(input)) chip_.charge_arrival(table_.tensor_bytes(input));
    else chip_.ledger().charge_spread(Part::kMemory, moved_bytes(input) * table_.spec().sram_byte, where.first, where.clusters);
    if (executor_ == nullptr) continue;
    const TensorView view = (*inputs)[i].view();
    auto bytes = std::make_shared<Buffer>(static_cast<std::size_t>(stored_bytes(activation)));
    std::copy_n(view.bytes, bytes->size(), bytes->data());
    GATEFOLD_CHECK(executor_->write(input, bytes, chip_, residence_, written, written));
  }
  return Done{};
}

std::optional<Cycles> Session::budget(LayerId layer, Cycles now) const {
  if (!deadline_) return std::nullopt;
  const Int128 left = std::max<std::int64_t>(0, (*deadline_ - now).count());
  const std::int64_t remaining = std::max<std::int64_t>(1, remaining_reference_[layer.at()].count());
  return Cycles(static_cast<std::int64_t>(left * plan_.reference[layer.at()].count() / remaining));
}

void Session::decide(LayerId layer, Cycles now, bool steered) {
  LayerState& state = layers_[layer.at()];
  chip_.profile().advance(now);
  Boundary boundary{layer, now, &table_, &chip_.profile(), &residence_, state.home, std::nullopt, steered, budget(layer, now), &spilling_};
  if (const auto producer = network_.last_producer(layer)) boundary.producer = layers_[producer->at()].home;
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
  if (decision.shift) shift(layer, decision.placement, now, decision.forced);
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
  if (profile.available(home, now)) return now;
  for (const TimedEvent& timed : options_.events) {
    if (timed.at > now && profile.available(home, timed.at)) return timed.at;
  }
  return Error{ErrorCode::kInvalidInput, fmt::format("layer '{}' waits for {}, which no event releases, and policy '{}' does not move it",
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
    const Activation& activation = network_.graph().activation(output);
    const bool stays = activation.consumers.empty() || residence_.spilled(output);
    const LayerId reader = stays ? layer : activation.consumers.front();
    if (residence_.store(output, layers_[reader.at()].home, table_.tensor_layout(output), avoid_)) continue;
    // The reader's cores are full: the output waits where it was computed.
    GATEFOLD_CHECK(residence_.store(output, layers_[layer.at()].home, table_.tensor_layout(output), avoid_));
  }
  return Done{};
}

Status Session::step(LayerId layer) {
  const Account account(chip_.ledger(), layer.index() + 1);
  GATEFOLD_TRY(Cycles ready, measure(layer));
  GATEFOLD_TRY(Cycles start, act(layer, ready));
  while (!chip_.profile().available(layers_[layer.at()].home, start)) {  // its home was taken while it waited: once more
    for (const TensorId output : network_.graph().layer(layer).outputs) residence_.drop(output);
    release_staging();
    next_ = layer;
    GATEFOLD_TRY(ready, find_home(layer, start));
    GATEFOLD_TRY(start, act(layer, ready));
  }
  GATEFOLD_CHECK(find_zeros(layer, start));
  const Cycles end = power(layer, start);
  decide_readers(layer, start);
  GATEFOLD_CHECK(execute(layer, start, end));
  record(layer, start, end);
  return Done{};
}

Result<Cycles> Session::measure(LayerId layer) {
  next_ = layer;
  Cycles ready = issued_;  // the controller issues layers in order; they may overlap once issued
  for (const Operand& operand : network_.graph().layer(layer).inputs) {
    if (operand.tensor) ready = std::max(ready, tensors_[operand.tensor->at()].ready);
  }
  return find_home(layer, resource_free(layer, ready));
}

Result<Cycles> Session::find_home(LayerId layer, Cycles now) {
  if (chip_.profile().available(layers_[layer.at()].home, now)) return now;
  decide(layer, now, false);
  return available_from(layer, now);
}

Result<Cycles> Session::act(LayerId layer, Cycles ready) {
  const Layer& here = network_.graph().layer(layer);
  const LayerState& state = layers_[layer.at()];
  Cycles start = ready;
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

Cycles Session::power(LayerId layer, Cycles start) {
  const LayerState& state = layers_[layer.at()];
  if (!started_) first_start_ = start;
  started_ = true;
  issued_ = start;
  Cycles end = start + throttled(cycles_now(layer), chip_.profile().percent(state.home, start));
  if (blocks_.count > 0) end = power_blocks(layer, start);
  else if (state.home.streamed) end = stream(layer, state.route_ready - table_.spec().route_change, start, end - start);
  chip_.hold(state.home, start, end);
  chip_.hold(residence_.weights(layer), start, end);
  const Layer& here = network_.graph().layer(layer);
  for (const Operand& operand : here.inputs) {
    if (operand.tensor) chip_.hold(residence_.blocks(*operand.tensor), start, end);
  }
  if (table_.work(layer).kind == WorkClass::kVector && table_.spec().vector_pool.count() > 0) {
    chip_.gating().hold(chip_.gating().vector_pool(), start, end);
  }
  return end;
}

void Session::decide_readers(LayerId layer, Cycles start) {
  const LayerGraph& graph = network_.graph();
  for (const LayerId reader : network_.decided_with(layer)) {
    const Placement before = layers_[reader.at()].home;
    decide(reader, start, true);
    if (layers_[reader.at()].home == before) continue;
    for (const TensorId output : graph.layer(layer).outputs) {  // not written yet: steered to the new home for free
      const Activation& activation = graph.activation(output);
      if (activation.consumers.empty() || activation.consumers.front() != reader || residence_.spilled(output)) continue;
      // Where the new banks still serve others it is written where it was meant first, and moves later.
      residence_.relocate(output, layers_[reader.at()].home, table_.tensor_layout(output), avoid_, [&](std::span<const BlockId> blocks) {
        return chip_.storable_at(layers_[layer.at()].home, blocks, start) == start;
      });
    }
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

void Session::record(LayerId layer, Cycles start, Cycles end) {
  const Layer& here = network_.graph().layer(layer);
  const DeviceSpec& spec = table_.spec();
  LayerState& state = layers_[layer.at()];
  switch (here.kind) {
    case LayerKind::kDot: chip_.crossbar().book_dot(state.home, end); break;
    case LayerKind::kVector: chip_.crossbar().book_vector(state.home, end); break;
    case LayerKind::kMove: chip_.crossbar().book_bus(state.home, end); break;
  }
  Energy wires;
  for (const TensorId output : here.outputs) {
    wires += wire_energy(spec, moved_bytes(output), state.home, residence_.where(output));
    tensors_[output.at()] = {end, end};
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
  for (const TensorId dead : network_.dying_after(layer)) drop(dead);
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

RunResult Session::finish(Cycles horizon) {
  chip_.gating().settle(horizon);
  RunResult& result = result_;
  const DeviceSpec& spec = table_.spec();
  const Ledger& ledger = chip_.ledger();
  result.policy = options_.policy;
  result.horizon = horizon;
  result.clock_hz = spec.clock_hz;
  result.energy = {ledger.part(Part::kCompute),     ledger.part(Part::kMemory),    ledger.part(Part::kCrossbar),
                   ledger.part(Part::kExternal),    ledger.part(Part::kLeakageOn), ledger.part(Part::kLeakageGated),
                   ledger.part(Part::kTransitions), ledger.part(Part::kUncore),    ledger.part(Part::kFloor)};
  GATEFOLD_ENSURE(result.energy.total() == ledger.total());
  const auto accounts = ledger.by_account();
  const auto clusters = ledger.by_cluster();
  GATEFOLD_ENSURE(sum_of(accounts) == ledger.total() && sum_of(clusters) == ledger.total());
  result.energy_between = accounts[Ledger::kNobody];
  result.energy_clusters.assign(clusters.begin(), clusters.end());
  result.energy_clusters.resize(static_cast<std::size_t>(spec.cluster_count) + 1);
  result.idle_times = chip_.profile().idle_times();
  result.profile = chip_.profile().deltas();
  result.cluster_count = spec.cluster_count;
  const auto cycles = static_cast<double>(std::max<std::int64_t>(1, horizon.count()));
  const auto cluster_on = static_cast<double>(chip_.gating().cluster_on().count());
  result.mean_active = cluster_on / cycles;
  result.active_cluster_seconds = cluster_on / static_cast<double>(spec.clock_hz);
  const double offered = static_cast<double>(chip_.gating().core_on().count()) * static_cast<double>(dot_products_per_cycle(spec));
  result.utilisation = offered > 0 ? static_cast<double>(useful_.count()) / offered : 0;
  for (std::size_t p = 0; p < result.phases.size(); ++p) {
    result.phases[p].begin = std::min(result.phases[p].begin, horizon);
    result.phases[p].end = std::min(result.phases[p].end, horizon);
    const PhaseTime& time = phase_times_[p];
    if (time.executing > Cycles(0)) {
      result.phases[p].mean_active = static_cast<double>(time.clusters.count()) / static_cast<double>(time.executing.count());
    }
  }
  result.wakes = chip_.gating().wakes();
  for (std::size_t v = 0; v < layers_.size(); ++v) {
    const Layer& layer = network_.graph().layers[v];
    const LayerState& state = layers_[v];
    result.layers.push_back({layer.name, std::string(name(layer.op)), state.home.text(), state.cycles, state.energy, state.shifts,
                             state.row_blocks, v + 1 < accounts.size() ? accounts[v + 1] : PartSums{}, state.density, state.skipped});
  }
  for (std::size_t t = 0; t < spilling_.tensors.size(); ++t) {
    if (spilling_.tensors[t] != 0) result.spilled.push_back({network_.graph().activations[t].name, table_.tensor_bytes(TensorId(t))});
  }
  const auto& residency = chip_.gating().residency().cycles;
  double total = 0;
  for (const Int128 share : residency) total += static_cast<double>(share);
  static constexpr const char* kStateNames[] = {"on", "retention", "off"};
  for (std::size_t s = 0; s < residency.size(); ++s) {
    result.residency.emplace_back(kStateNames[s], total > 0 ? static_cast<double>(residency[s]) / total : 0);
  }
  return std::move(result_);
}

}  // namespace gatefold
