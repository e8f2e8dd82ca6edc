// Every policy runs three times: with numerics, timing-only, and timing-only on a session whose ledger is watched and
// which is given the arrivals of the first. All figures of the three must be the same; everything else is checked on them.
#include "invariants/run_checks.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <numeric>

#include "gatefold/remap/guard.h"
#include "gatefold/runtime/session.h"
#include "graph/interpreter.h"
#include "invariants/output_check.h"

namespace gatefold::test {
namespace {

class Sums : public LedgerObserver {
 public:
  void on_charge(const Charge& charge) override {
    parts_[static_cast<std::size_t>(charge.part)] += charge.energy;
    negative_ = negative_ || charge.energy < EnergyTotal();
  }
  [[nodiscard]] EnergyTotal part(Part part) const { return parts_[static_cast<std::size_t>(part)]; }
  [[nodiscard]] bool negative() const { return negative_; }

 private:
  std::array<EnergyTotal, kPartCount> parts_{};
  bool negative_ = false;
};

/// energy * times with a factor that may be wider than 64 bits.
EnergyTotal times(EnergyPerCycle power, Int128 cycles) {
  EnergyTotal sum;
  constexpr Int128 kStep = Int128{1} << 40;
  for (; cycles > kStep; cycles -= kStep) sum += EnergyTotal::over(power, Cycles(std::int64_t{1} << 40));
  return sum + EnergyTotal::over(power, Cycles(static_cast<std::int64_t>(cycles)));
}

/// Every figure of a run as text; outputs apart.
std::string figures(const RunResult& r) {
  std::string text = fmt::format(
      "completed {} misses {} horizon {} wakes {} stall {} misgates {} shifts {} {} {} bytes {} energy {} on {} use {}\n", r.completed,
      r.deadline_misses, r.horizon.count(), r.wakes, r.stall.count(), r.misgates, r.shifts_voluntary, r.shifts_forced, r.shifts_refused,
      r.shift_bytes.count(), r.shift_energy.femtojoules(), r.active_cluster_seconds, r.utilisation);
  for (const EnergyTotal& part : {r.energy.compute, r.energy.memory, r.energy.crossbar, r.energy.external, r.energy.leakage_on,
                                  r.energy.leakage_gated, r.energy.transitions, r.energy.uncore, r.energy.floor}) {
    text += part.femtojoules() + " ";
  }
  text += fmt::format("\ninterrupted {} recomputed {} reloaded {} inputs {}", r.interrupted, r.recomputed, r.reloaded.count(),
                      r.input_bytes.count());
  for (const ShedRecord& shed : r.shed) text += fmt::format("\nshed {} at {}: {}", shed.request, shed.at.count(), shed.reason);
  for (const RequestRecord& request : r.request_records)
    text += fmt::format("\n{}-{}", request.arrival.count(), request.completion.count());
  for (const Phase& phase : r.phases) text += fmt::format("\n{} {} {}", phase.begin.count(), phase.end.count(), phase.mean_active);
  for (const auto& [state, share] : r.residency) text += fmt::format("\n{} {}", state, share);
  for (const LayerRecord& layer : r.layers) {
    text += fmt::format("\n{} {} {} {} {} {}", layer.name, layer.placement, layer.cycles.count(), layer.energy.femtojoules(), layer.shifts,
                        layer.row_blocks);
  }
  return text;
}

class CaseChecks {
 public:
  explicit CaseChecks(const Case& c) : case_(c), table_(c.network->table()), spec_(c.network->spec()) {}

  Findings run() {
    auto wanted = run_graph(*case_.graph, case_.inputs, Numerics::kInteger);
    if (!wanted) {
      violate("reference", wanted.error().message);
      return std::move(findings_);
    }
    wanted_ = std::move(wanted).value();
    plan_ = case_.network->plan();
    if (case_.options.deadline && plan_.reference_total > *case_.options.deadline) {
      auto within = plan_static(table_, case_.options.deadline);
      if (!within) {
        ++findings_.refused;
        return std::move(findings_);
      }
      plan_ = std::move(within).value();
    }
    for (const PolicyEntry& entry : policy_table()) check_policy(entry);
    compare_policies();
    return std::move(findings_);
  }

 private:
  void violate(const std::string& check, const std::string& detail) {
    findings_.violations.push_back(fmt::format("{}: {}: {}", policy_, check, detail));
  }
  template <class T>
  void expect_equal(const std::string& check, const T& got, const T& want) {
    if (got == want) return;
    if constexpr (std::is_same_v<T, EnergyTotal>) {
      violate(check, fmt::format("found {} fJ, wanted {} fJ", got.femtojoules(), want.femtojoules()));
    } else {
      violate(check, fmt::format("found {}, wanted {}", got, want));
    }
  }
  void expect(bool holds, const std::string& check, const std::string& detail = "does not hold") {
    if (!holds) violate(check, detail);
  }

  /// True if the policy's first placement fits: after that nothing may fail.
  bool boots(const PolicyEntry& entry, const RunOptions& options) const {
    const auto policy = entry.make();
    SharedChip chip(case_.network->spec(), policy->scope(), options.events);
    Session session(*case_.network, plan_, *policy, options, nullptr, chip);
    return session.boot().has_value();
  }

  void check_policy(const PolicyEntry& entry) {
    policy_ = entry.name;
    RunOptions options = case_.options;
    options.policy = policy_;
    if (!boots(entry, options)) {
      ++findings_.refused;
      return;
    }
    auto numeric = gatefold::run(*case_.network, options, {case_.inputs});
    if (!numeric) return violate("error after the first placement", numeric.error().message);
    ++findings_.runs;
    const RunResult& result = numeric.value();
    options.timing_only = true;
    auto timed = gatefold::run(*case_.network, options, {});
    if (!timed) return violate("error under timing-only", timed.error().message);
    if (spec_.follows_zeros()) check_zeros(result, timed.value());
    else
      expect(figures(timed.value()) == figures(result), "timing-only has the figures of the run with numerics",
             "\n" + figures(timed.value()) + "\n  wanted\n" + figures(result));
    // Hindsight serves a run twice; a session of our own would see one of the two.
    if (policy_ != kHindsight) check_watched(entry, options, spec_.follows_zeros() ? timed.value() : result);
    check_outputs(result);
    check_times(result);
    check_shifts(result);
    check_layers(result);
    check_plan(result);
    results_[policy_] = std::move(numeric).value();
  }

  [[nodiscard]] bool happens(EventKind kind) const {
    return std::any_of(case_.options.events.begin(), case_.options.events.end(),
                       [kind](const TimedEvent& timed) { return timed.event.kind == kind; });
  }

  /// What zeros save, against the same run without data, in which nothing is zero.
  void check_zeros(const RunResult& result, const RunResult& dense) {
    for (const LayerRecord& layer : result.layers) {
      expect(!layer.density || (*layer.density >= 0 && *layer.density <= 1), "a density is a share");
      expect(layer.skipped >= DotProducts(0), "no layer skips less than nothing");
    }
    for (const LayerRecord& layer : dense.layers) {
      expect(!layer.density || *layer.density == 1, "without data the density is 1");
      expect(layer.skipped == DotProducts(0), "without data nothing is skipped");
    }
    // Others may decide otherwise when time is left, and failures catch other layers.
    if ((policy_ != "static" && policy_ != "ungated") || !result.shed.empty() || happens(EventKind::kFail)) return;
    expect(result.energy.compute <= dense.energy.compute, "zeros cost no computing");
    expect(result.energy.memory <= dense.energy.memory, "zeros cost no memory accesses");
    expect(result.energy.crossbar <= dense.energy.crossbar, "zeros cost no wires");
    if (case_.options.events.empty()) expect(result.horizon <= dense.horizon, "zeros cost no time");
  }

  /// The same arrivals on a session of our own, whose ledger and chip can be looked at.
  void check_watched(const PolicyEntry& entry, const RunOptions& options, const RunResult& result) {
    const auto policy = entry.make();
    const auto gap_rules = make_gap_rules(policy->gap_rule(), case_.network->spec(), {declared_stream(*case_.network, plan_, options)});
    SharedChip chip(case_.network->spec(), policy->scope(), options.events);
    chip.chip().gating().follow(gap_rules.get());
    Session session(*case_.network, plan_, *policy, options, nullptr, chip);
    Sums sums;
    session.chip().ledger().observe(&sums);
    expect(session.boot().has_value(), "boots a second time");
    std::vector<Cycles> arrivals;  // of all requests: those that were shed have their numbers, the others are in order
    for (const RequestRecord& request : result.request_records) arrivals.push_back(request.arrival);
    for (const ShedRecord& shed : result.shed) arrivals.insert(arrivals.begin() + shed.request, shed.arrival);
    for (const Cycles arrival : arrivals) {
      const auto served = session.serve(arrival, !options.arrivals.rate_hz, nullptr);
      if (!served) return violate("a second session fails", served.error().message);
    }
    check_memory(session);
    const RunResult again = session.finish(result.horizon);
    expect(figures(again) == figures(result), "a run repeats", "\n" + figures(again) + "\n  wanted\n" + figures(result));
    expect(!sums.negative(), "no charge is negative");
    const EnergyParts& e = result.energy;
    const std::pair<Part, EnergyTotal> parts[] = {
        {Part::kCompute, e.compute},         {Part::kMemory, e.memory},        {Part::kCrossbar, e.crossbar},
        {Part::kExternal, e.external},       {Part::kLeakageOn, e.leakage_on}, {Part::kLeakageGated, e.leakage_gated},
        {Part::kTransitions, e.transitions}, {Part::kUncore, e.uncore},        {Part::kFloor, e.floor}};
    EnergyTotal total;
    for (const auto& [part, energy] : parts) {
      expect_equal(fmt::format("the charges of part {} sum to the result", static_cast<int>(part)), sums.part(part), energy);
      total += energy;
    }
    expect_equal("the parts sum to the total", total, e.total());
    check_leakage(session, policy->scope(), result);
  }

  /// Every layer's weights lie in the chip once: no copies (arrays that split rows), no stream buffers instead.
  bool plain_weights() const {
    const Assignment& plan = plan_.assignment;
    return spec_.core_kind == CoreKind::kReduction &&
           std::none_of(plan.begin(), plan.end(), [](const Placement& placement) { return placement.streamed; });
  }

  /// Between requests only weights lie in the banks: those of every layer, but what failed took with it.
  void check_memory(Session& session) {
    if (!plain_weights()) return;
    const Memory& memory = session.chip().memory();
    Bytes free;
    Bytes failed;
    std::int32_t activations = 0;
    for (std::int32_t core = 0; core < spec_.core_count(); ++core) free += memory.free_bytes(CoreId(core));
    for (std::int32_t bank = 0; bank < spec_.bank_count(); ++bank) {
      if (memory.failed(BankId(bank))) failed += spec_.bank.size;
      if (memory.role(BankId(bank)) == BankRole::kActivations) activations += memory.blocks(BankId(bank));
    }
    expect_equal("no activation lies on the chip after the last request", activations, 0);
    const Bytes least = spec_.memory() - table_.weight_bytes() - failed;
    const bool lost = std::any_of(case_.options.events.begin(), case_.options.events.end(),
                                  [](const TimedEvent& timed) { return timed.event.kind == EventKind::kFail; });
    if (!lost) expect_equal("what is not weights is free after the last request", free.count(), least.count());
    expect(free >= least, "nothing but weights takes room", fmt::format("{} free of {}", free.count(), least.count()));
  }

  /// Leakage again, from the time that clusters, cores and banks spent in each state.
  void check_leakage(Session& session, GatingScope scope, const RunResult& result) {
    const Gating& gating = session.chip().gating();
    const Int128 horizon = result.horizon.count();
    const auto& in = gating.residency().cycles;
    const Int128 elements = spec_.cluster_count + spec_.core_count() + spec_.bank_count();
    const Int128 on_cycles = in[index(PowerState::kOn)];
    const Int128 stopped = in[index(PowerState::kClockGated)];
    const Int128 asleep = in[index(PowerState::kRetention)];
    const Int128 off_cycles = in[index(PowerState::kOff)];
    const Int128 all = on_cycles + stopped + asleep + off_cycles;
    expect(all == elements * horizon, "residency covers every element all the time",
           fmt::format("{} of {}", static_cast<double>(all), static_cast<double>(elements * horizon)));
    const Int128 cluster_on = gating.cluster_on().count();
    const Int128 core_on = gating.core_on().count();
    const Int128 cluster_off = spec_.cluster_count * horizon - cluster_on;
    const Int128 core_off = spec_.core_count() * horizon - core_on;
    const EnergyTotal on = times(spec_.cluster.on, cluster_on) + times(spec_.core.on, core_on) +
                           times(spec_.bank.on, on_cycles + stopped - cluster_on - core_on);
    const EnergyTotal gated = times(spec_.cluster.gated, cluster_off) + times(spec_.core.gated, core_off) +
                              times(spec_.bank.retention, asleep) + times(spec_.bank.off, off_cycles - cluster_off - core_off);
    const EnergyTotal saved_most = times(std::max(spec_.cluster.clock, spec_.core.clock), stopped);
    const EnergyTotal pool_most = times(spec_.vector_pool_gate.on, horizon);
    const EnergyTotal found = result.energy.leakage_on + result.energy.leakage_gated;
    if (pool_most == EnergyTotal() && saved_most == EnergyTotal()) {
      expect_equal("leakage ON is residency x power", result.energy.leakage_on, on);
      expect_equal("leakage gated is residency x power", result.energy.leakage_gated, gated);
    }
    expect(found + saved_most >= on + gated && found <= on + gated + pool_most,
           "leakage is residency x power, the pool's share and what stopped clocks saved");
    expect_equal("the floor is charged all the time", result.energy.floor, times(spec_.floor, horizon));
    EnergyTotal uncore_on;
    for (const UncoreSpec& part : spec_.uncore) uncore_on += times(part.gate.on, horizon);
    if (scope != GatingScope::kAll) expect_equal("uncore that is never gated leaks all the time", result.energy.uncore, uncore_on);
    if (scope == GatingScope::kNothing) expect(stopped + asleep + off_cycles == 0 && result.wakes == 0, "nothing is gated");
    if (scope != GatingScope::kAll || case_.options.arrivals.rate_hz || policy_ == "idle-timeout") return;  // which foresees nothing
    const EnergyTotal all_on = times(spec_.cluster.on, spec_.cluster_count * horizon) + times(spec_.core.on, spec_.core_count() * horizon) +
                               times(spec_.bank.on, spec_.bank_count() * horizon) + pool_most + uncore_on;
    expect(found + result.energy.transitions + result.energy.uncore <= all_on, "gating over known gaps never costs more than it saves");
  }

  void check_outputs(const RunResult& result) {
    expect_equal("every request has outputs", result.outputs.size(), static_cast<std::size_t>(case_.options.arrivals.count));
    expect_equal("every request completes or is shed", result.completed + std::ssize(result.shed), case_.options.arrivals.count);
    expect(result.shed.empty() || !case_.options.events.empty(), "nothing is shed where nothing happens");
    for (const ShedRecord& shed : result.shed) {
      expect(result.outputs[static_cast<std::size_t>(shed.request)].empty(), "a request that was shed has no outputs");
      expect(!shed.reason.empty() && shed.at >= shed.arrival, "a shed request says why and when");
    }
    findings_.shed += std::ssize(result.shed);
    findings_.faults += result.interrupted + result.recomputed;
    findings_.both += result.spilled.empty() ? 0 : result.interrupted + result.recomputed;
    for (const auto& outputs : result.outputs) {
      if (outputs.empty()) continue;
      if (outputs.size() != wanted_.size()) return violate("outputs", fmt::format("{} of {}", outputs.size(), wanted_.size()));
      for (std::size_t o = 0; o < outputs.size(); ++o) check_output(outputs[o].tensor, wanted_[o]);
    }
    if (case_.exact) ++findings_.exact_outputs;
  }

  void check_output(const Tensor& got, const Tensor& want) {
    const std::string error = output_error(got, want, case_.exact, case_.graph->quantised);
    if (!error.empty()) violate("outputs", error);
  }

  /// The longest path of the graph with every layer at its fastest option.
  [[nodiscard]] Cycles fastest() const {
    std::vector<Cycles> done(case_.graph->activations.size());
    Cycles last;
    for (std::size_t v = 0; v < case_.graph->layers.size(); ++v) {
      Cycles start;
      for (const Operand& operand : case_.graph->layers[v].inputs) {
        if (operand.tensor) start = std::max(start, done[operand.tensor->at()]);
      }
      const auto& options = table_.layer(LayerId(v)).options;
      const auto quickest =
          std::min_element(options.begin(), options.end(), [](const Option& a, const Option& b) { return a.cycles < b.cycles; });
      for (const TensorId output : case_.graph->layers[v].outputs) done[output.at()] = start + quickest->cycles;
      last = std::max(last, start + quickest->cycles);
    }
    return last;
  }

  void check_times(const RunResult& result) {
    Cycles before;
    std::int64_t misses = 0;
    for (const RequestRecord& request : result.request_records) {
      expect(request.arrival >= Cycles(0) && request.completion >= before, "requests complete in order");
      const Cycles least = spec_.activation_sparsity == ActivationSparsity::kSkip ? Cycles(0) : fastest();
      expect(request.completion >= std::max(request.arrival, before) + least, "no request is faster than its longest path",
             fmt::format("arrived {}, began after {}, completed {}, longest path {}", request.arrival.count(), before.count(),
                         request.completion.count(), fastest().count()));
      const bool missed = case_.options.deadline && request.completion - request.arrival > *case_.options.deadline;
      expect(missed == request.deadline_missed, "a deadline is missed when it is");
      misses += missed ? 1 : 0;
      before = request.completion;
    }
    expect_equal("misses are counted", result.deadline_misses, misses);
    expect(result.stall >= Cycles(0), "no stall is negative");
    expect(result.horizon >= before, "the horizon covers every request");
    Cycles covered;
    for (const Phase& phase : result.phases) {
      covered += phase.end - phase.begin;
      expect(phase.mean_active >= 0 && phase.mean_active <= result.cluster_count, "a phase powers no more clusters than there are",
             fmt::format("{} of {}", phase.mean_active, result.cluster_count));
    }
    expect_equal("the phases cover the run", covered.count(), result.horizon.count());
    expect(result.utilisation >= 0 && result.utilisation <= 1, "utilisation is a share", fmt::format("{}", result.utilisation));
  }

  void check_shifts(const RunResult& result) {
    Bytes bytes;
    std::int64_t shifts = 0;
    for (std::size_t v = 0; v < result.layers.size(); ++v) {
      bytes += table_.work(LayerId(v)).weights * result.layers[v].shifts;
      shifts += result.layers[v].shifts;
    }
    findings_.shifts += shifts;
    if (plain_weights()) {
      expect(result.shift_bytes <= bytes && bytes <= result.shift_bytes + result.reloaded,
             "the weights of the shifted layers were carried or loaded again",
             fmt::format("{} carried, {} loaded, {} shifted", result.shift_bytes.count(), result.reloaded.count(), bytes.count()));
    }
    expect_equal("every shift is voluntary or forced", result.shifts_voluntary + result.shifts_forced, shifts);
    const bool occupied = happens(EventKind::kOccupy) || happens(EventKind::kFail);
    const bool fixed = policy_ == "ungated" || policy_ == "static";
    if (fixed) expect_equal("a fixed policy's shifts are its spare plans'", result.shifts_voluntary, std::int64_t{0});
    if (fixed && !happens(EventKind::kFail)) expect_equal("a fixed policy never shifts", shifts, std::int64_t{0});
    if (policy_ == "seed-literal" && !occupied) expect_equal("seed-literal stays while its cluster is available", shifts, std::int64_t{0});
    if (policy_ == "greedy" && case_.options.events.empty() && !case_.options.deadline) {
      expect_equal("greedy stays where nothing happens", shifts, std::int64_t{0});
    }
  }

  /// Where nothing happens, inputs are written once for each request, to banks or to external memory.
  void check_inputs(const RunResult& result) {
    Bytes bytes;
    EnergyTotal energy;
    for (const TensorId input : case_.graph->inputs) {
      const Activation& activation = case_.graph->activation(input);
      if (activation.consumers.empty()) continue;
      const bool spilled = std::any_of(result.spilled.begin(), result.spilled.end(),
                                       [&](const SpillRecord& record) { return record.name == activation.name; });
      bytes += table_.tensor_bytes(input) * result.completed;
      energy += EnergyTotal::repeated(table_.tensor_bytes(input) * (spilled ? spec_.spill_byte : spec_.sram_byte), result.completed);
    }
    expect_equal("inputs are written once for each request", result.input_bytes.count(), bytes.count());
    if (!spec_.activation_bitmap) expect_equal("an access for each byte of an input", result.input_energy, energy);
  }

  /// Dynamic energy is that of the layers and of writing the network's inputs.
  void check_layers(const RunResult& result) {
    EnergyTotal layers;
    for (const LayerRecord& layer : result.layers) layers += layer.energy;
    layers += result.input_energy;
    if (case_.options.events.empty()) check_inputs(result);
    const EnergyParts& e = result.energy;
    if (!spec_.activation_bitmap) {
      expect_equal("the layers' energy and the inputs' writes are the dynamic energy", layers,
                   e.compute + e.memory + e.crossbar + e.external);
    }
    EnergyTotal by_layer, by_cluster;
    const auto add = [](EnergyTotal& sum, const PartSums& row) { sum = std::accumulate(row.begin(), row.end(), sum); };
    for (const LayerRecord& layer : result.layers) add(by_layer, layer.parts);
    add(by_layer, result.energy_between);
    for (const PartSums& row : result.energy_clusters) add(by_cluster, row);
    expect_equal("the energy by layer sums to the total", by_layer, e.total());
    expect_equal("the energy by cluster sums to the total", by_cluster, e.total());
    expect(result.shift_energy <= e.memory + e.crossbar + e.external, "shifts are part of memory, crossbar and external memory");
    if (policy_ == "seed-literal" || policy_ == kHindsight) return;  // which know no budget
    const EnergyTotal allowed = plan_.reached + EnergyTotal::of_attojoules(e.total().attojoules() / ShiftBudget::kShare);
    expect(result.shift_energy_voluntary <= allowed, "voluntary shifts keep to their budget",
           fmt::format("{} fJ of {}", result.shift_energy_voluntary.femtojoules(), allowed.femtojoules()));
  }

  /// Where nothing happens, static executes every layer in the row blocks and the time that the plan counted.
  void check_plan(const RunResult& result) {
    findings_.spilled += result.spilled.empty() ? 0 : 1;
    Bytes spilled;
    for (const SpillRecord& record : result.spilled) spilled += record.bytes;
    expect(result.completed == 0 || result.spilled.empty() || result.energy.external > EnergyTotal() ||
               spec_.spill_byte == EnergyPerByte(0) || spilled == Bytes(0),
           "spilled activations are paid for");
    if (policy_ != "static" || !case_.options.events.empty() || spec_.follows_zeros()) return;
    for (std::size_t v = 0; v < result.layers.size(); ++v) {
      const RowBlocks blocks = plan_.spilling.blocks(LayerId(v));
      const std::string name = fmt::format("layer {} executes in the planned row blocks", v);
      expect_equal(name, result.layers[v].row_blocks, blocks.count);
      if (blocks.count == 0 && plan_.assignment[v].streamed) continue;  // streams hide behind the producer
      expect_equal(fmt::format("layer {} takes the planned time", v), result.layers[v].cycles.count(),
                   execution_cycles(table_, LayerId(v), plan_.assignment[v], plan_.spilling).count());
    }
  }

  void compare_policies() {
    policy_ = "all";
    if (!results_.contains("static")) return;
    const RunResult& fixed = results_.at("static");
    // Where something fails, what nobody foresaw is woken, and that takes time only where it was gated.
    const bool failed = std::any_of(case_.options.events.begin(), case_.options.events.end(),
                                    [](const TimedEvent& timed) { return timed.event.kind == EventKind::kFail; });
    const bool known = !case_.options.arrivals.rate_hz && !failed;
    if (results_.contains("ungated") && known) {
      const RunResult& ungated = results_.at("ungated");
      expect_equal("static takes as long as ungated", fixed.horizon.count(), ungated.horizon.count());
      expect(fixed.energy.total() <= ungated.energy.total(), "static costs no more than ungated");
    }
    if (!case_.options.events.empty() || case_.options.deadline || !results_.contains("static+same")) return;
    for (const char* mover : {"greedy", "regret"}) {  // both spend unknown gaps as static+same does
      if (!results_.contains(mover)) continue;
      expect(figures(results_.at(mover)) == figures(results_.at("static+same")),
             fmt::format("{} is static+same where nothing happens", mover));
    }
  }

  const Case& case_;
  const OptionTable& table_;
  const DeviceSpec& spec_;
  StaticPlan plan_;
  std::vector<Tensor> wanted_;
  std::string policy_ = "reference";
  std::map<std::string, RunResult> results_;
  Findings findings_;
};

}  // namespace

Findings check_case(const Case& c) { return CaseChecks(c).run(); }

}  // namespace gatefold::test
