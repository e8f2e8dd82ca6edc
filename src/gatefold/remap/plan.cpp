#include "gatefold/remap/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {
namespace {

// Above this many states per layer every run begins at cluster 0: clusters are alike, so only wires could tell the
// difference, and the quadratic step would dominate load time.
constexpr std::size_t kStatesMax = 160;
constexpr int kSweepsMax = 4;
constexpr int kBisections = 20;
constexpr int kMemoryPrices = 10;
// Time becomes dearer by this factor until the plan is in time, or nothing but time counts: 2^50 aJ per cycle is a
// megawatt at 1 GHz.
constexpr std::int64_t kPriceStep = 1024;
constexpr EnergyPerCycle kPriceMax(std::int64_t{1} << 50);

/// What a plan is charged beyond the objective: Lagrange multipliers of the deadline and of the SRAM.
struct Prices {
  EnergyPerCycle time;
  EnergyPerByte memory;
  [[nodiscard]] bool none() const { return time == EnergyPerCycle(0) && memory == EnergyPerByte(0); }
  [[nodiscard]] EnergyTotal of(const Option& option) const {
    const Bytes resident = option.weights_per_core * option.footprint.total();
    return EnergyTotal::over(time, option.cycles) + EnergyTotal::repeated(Energy(memory.count()), resident.count());
  }
};

struct State {
  Placement placement;
  EnergyTotal node;
};

// Dominance is judged without prices; with them, all options are kept.
bool usable(const Option& option, const Prices& prices) { return !prices.none() || !option.dominated; }

/// True if the layer has few enough states for every position of every usable shape to be one.
bool every_position(const OptionTable& table, LayerId layer, const Prices& prices) {
  std::size_t positions = 0;
  for (const Option& option : table.layer(layer).options) {
    if (usable(option, prices)) positions += static_cast<std::size_t>(table.spec().cluster_count - option.footprint.clusters + 1);
  }
  return positions <= kStatesMax;
}

std::vector<State> states_of(const OptionTable& table, LayerId layer, const Prices& prices) {
  std::vector<State> states;
  const auto add = [&](const Option& option, std::int32_t first) {
    states.push_back({placed_at(option.footprint, first), option.alone + prices.of(option)});
  };
  const bool everywhere = every_position(table, layer, prices);
  for (const Option& option : table.layer(layer).options) {
    if (!usable(option, prices)) continue;
    const std::int64_t last = everywhere ? table.spec().cluster_count - option.footprint.clusters : 0;
    for (std::int32_t first = 0; first <= last; ++first) add(option, first);
  }
  return states;
}

/// The tensor that layer `v` is the first to read from the layer just before it, if any.
std::optional<TensorId> chain_edge(const LayerGraph& graph, std::size_t v) {
  if (v == 0) return std::nullopt;
  for (const TensorId output : graph.layers[v - 1].outputs) {
    const Activation& activation = graph.activation(output);
    if (!activation.consumers.empty() && activation.consumers.front().at() == v) return output;
  }
  return std::nullopt;
}

bool is_chain(const LayerGraph& graph) {
  for (std::size_t v = 1; v < graph.layers.size(); ++v) {
    if (!chain_edge(graph, v)) return false;
  }
  return std::all_of(graph.activations.begin(), graph.activations.end(), [](const Activation& a) { return a.consumers.size() <= 1; });
}

struct ShortestPath {
  Assignment assignment;
  EnergyTotal cost;
};

ShortestPath shortest_path(const OptionTable& table, const Prices& prices) {
  const std::size_t layers = table.size();
  std::vector<std::vector<State>> states;
  std::vector<std::vector<std::int32_t>> best_previous(layers);
  std::vector<EnergyTotal> previous;
  for (std::size_t v = 0; v < layers; ++v) {
    states.push_back(states_of(table, LayerId(v), prices));
    std::vector<EnergyTotal> current;
    const std::optional<TensorId> edge = chain_edge(table.graph(), v);
    for (const State& state : states[v]) {
      if (v == 0) {
        current.push_back(state.node);
        continue;
      }
      std::optional<EnergyTotal> best;
      std::int32_t from = 0;
      for (std::size_t p = 0; p < states[v - 1].size(); ++p) {
        const Placement& before = states[v - 1][p].placement;
        EnergyTotal cost = previous[p] + wake_energy(table.spec(), before, state.placement);
        if (edge) cost += wire_energy(table.spec(), table.tensor_bytes(*edge), before, state.placement);
        if (best && !(cost < *best)) continue;
        best = cost;
        from = static_cast<std::int32_t>(p);
      }
      current.push_back(*best + state.node);
      best_previous[v].push_back(from);
    }
    previous = std::move(current);
  }
  ShortestPath path;
  path.assignment.resize(layers);
  auto state = static_cast<std::size_t>(std::min_element(previous.begin(), previous.end()) - previous.begin());
  path.cost = previous[state];
  for (std::size_t v = layers; v-- > 0;) {
    path.assignment[v] = states[v][state].placement;
    if (v > 0) state = static_cast<std::size_t>(best_previous[v][state]);
  }
  return path;
}

/// Changes one layer at a time while that lowers the full objective.
void sweep(const OptionTable& table, const Prices& prices, Assignment& assignment) {
  const auto priced = [&](LayerId layer) {
    return local_cost(table, assignment, layer) + prices.of(table.option(layer, assignment[layer.at()]));
  };
  bool improved = true;
  for (int round = 0; improved && round < kSweepsMax; ++round) {
    improved = false;
    for (std::size_t v = 0; v < assignment.size(); ++v) {
      const LayerId layer(v);
      EnergyTotal cost = priced(layer);
      for (const State& state : states_of(table, layer, prices)) {
        const Placement before = std::exchange(assignment[v], state.placement);
        const EnergyTotal changed = priced(layer);
        if (changed < cost) {
          cost = changed;
          improved = true;
        } else {
          assignment[v] = before;
        }
      }
    }
  }
}

Cycles latency(const OptionTable& table, const Assignment& assignment) {
  Cycles sum;
  for (std::size_t v = 0; v < assignment.size(); ++v) sum += table.option(LayerId(v), assignment[v]).cycles;
  return sum;
}

Assignment plan_at(const OptionTable& table, const Prices& prices, bool chain, EnergyTotal* bound) {
  ShortestPath path = shortest_path(table, prices);
  if (bound != nullptr) *bound = path.cost;
  if (!chain) sweep(table, prices, path.assignment);
  return path.assignment;
}

/// The smallest time price at which the layers, one after another, take at most `deadline`; the largest if none does.
EnergyPerCycle time_price_within(const OptionTable& table, Cycles deadline, bool chain) {
  EnergyPerCycle low(0);
  EnergyPerCycle high = std::max(table.always(), EnergyPerCycle(1)) * kPriceStep;
  const auto in_time = [&](EnergyPerCycle price) {
    return latency(table, plan_at(table, {price, EnergyPerByte(0)}, chain, nullptr)) <= deadline;
  };
  bool meets_at_high = in_time(high);
  while (!meets_at_high && high < kPriceMax) {
    low = high;
    high = high * kPriceStep;
    meets_at_high = in_time(high);
  }
  if (!meets_at_high) return high;
  for (int i = 0; i < kBisections && high - low > EnergyPerCycle(1); ++i) {
    const EnergyPerCycle middle(low.count() + (high - low).count() / 2);
    (in_time(middle) ? high : low) = middle;
  }
  return high;
}

/// The cheapest plan with external memory in use: none, one, two, four, .. of the largest weights streamed, and as many
/// activations spilled as it then takes.
Result<FittedPlan> plan_with_external(const OptionTable& table, EnergyPerCycle time_price, const Assignment& wanted, Error refusal) {
  std::vector<std::size_t> by_size;
  for (std::size_t v = 0; v < table.size(); ++v) {
    if (table.work(LayerId(v)).dot()) by_size.push_back(v);
  }
  std::stable_sort(by_size.begin(), by_size.end(),
                   [&](std::size_t a, std::size_t b) { return table.work(LayerId(a)).weights > table.work(LayerId(b)).weights; });
  std::optional<FittedPlan> best;
  EnergyTotal lowest;
  const auto consider = [&](FittedPlan plan) {
    EnergyTotal cost = assignment_cost(table, plan.assignment, plan.spilling);
    for (std::size_t v = 0; v < table.size(); ++v) {
      cost += EnergyTotal::over(time_price, execution_cycles(table, LayerId(v), plan.assignment[v], plan.spilling));
    }
    if (best && !(cost < lowest)) return;
    best = std::move(plan);
    lowest = cost;
  };
  // With streams alone first: as few as possible, since each costs its weights at every execution.
  std::vector<char> streamed(table.size(), 0);
  std::size_t enough = by_size.size() + 1;
  for (std::size_t count = 1; count <= by_size.size() && enough > by_size.size(); ++count) {
    streamed[by_size[count - 1]] = 1;
    auto fitted = fit_assignment(table, wanted, streamed);
    if (!fitted) continue;
    enough = count;
    consider({std::move(fitted).value(), {}});
  }
  streamed.assign(table.size(), 0);
  Bytes resident = table.weight_bytes();
  std::size_t next = 0;
  for (std::size_t count = 0; count < enough; count = std::min(count == 0 ? 1 : 2 * count, std::max(count + 1, by_size.size()))) {
    for (; next < count && next < by_size.size(); ++next) {
      streamed[by_size[next]] = 1;
      resident -= table.work(LayerId(by_size[next])).weights;
    }
    if (resident > table.spec().memory()) continue;
    auto fitted = fit_spilling(table, wanted, streamed, {});
    if (fitted) consider(std::move(fitted).value());
    else refusal = std::move(fitted).error();
  }
  if (best) return *std::move(best);
  return refusal;
}

/// Fits the plan, raising the price of SRAM until it does: options that hold fewer copies of their weights become cheaper.
Result<FittedPlan> plan_that_fits(const OptionTable& table, EnergyPerCycle time_price, bool chain, Assignment wanted, OffChip off_chip) {
  auto fitted = fit_assignment(table, wanted, {});
  // From a thousandth of a weight's SRAM access up, by factors of four.
  EnergyPerByte memory(std::max<std::int64_t>(1, table.spec().sram_byte.count() / 1024));
  for (int i = 0; !fitted && i < kMemoryPrices; ++i, memory = memory * 4) {
    wanted = plan_at(table, {time_price, memory}, chain, nullptr);
    fitted = fit_assignment(table, wanted, {});
  }
  if (fitted) return FittedPlan{std::move(fitted).value(), {}};
  if (off_chip == OffChip::kRefused) return std::move(fitted).error();
  return plan_with_external(table, time_price, wanted, std::move(fitted).error());
}

}  // namespace

Result<StaticPlan> plan_static(const OptionTable& table, std::optional<Cycles> deadline, OffChip off_chip) {
  StaticPlan plan;
  if (table.size() == 0) {
    plan.bound_kind = "chain";
    return plan;
  }
  const bool chain = is_chain(table.graph());
  EnergyTotal shortest;
  Assignment wanted = plan_at(table, Prices{}, chain, &shortest);
  bool proven = true;
  for (std::size_t v = 0; v < table.size(); ++v) proven = proven && every_position(table, LayerId(v), Prices{});
  if (proven) plan.bound = shortest;
  EnergyPerCycle time_price(0);
  if (deadline && latency(table, wanted) > *deadline) {
    time_price = time_price_within(table, *deadline, chain);
    wanted = plan_at(table, {time_price, EnergyPerByte(0)}, chain, nullptr);
  }
  GATEFOLD_TRY(FittedPlan fitted, plan_that_fits(table, time_price, chain, wanted, off_chip));
  plan.assignment = std::move(fitted.assignment);
  plan.spilling = std::move(fitted.spilling);
  plan.reached = assignment_cost(table, plan.assignment, plan.spilling);
  if (!plan.spilling.tensors.empty()) plan.bound.reset();  // it charges banks for activations that are not there
  plan.bound_kind = chain && plan.bound == plan.reached ? "chain" : "chain-relaxed";
  for (std::size_t v = 0; v < table.size(); ++v) {
    plan.reference.push_back(execution_cycles(table, LayerId(v), plan.assignment[v], plan.spilling));
    plan.reference_total += plan.reference.back();
  }
  return plan;
}

}  // namespace gatefold
