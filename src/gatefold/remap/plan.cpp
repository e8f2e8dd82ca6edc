#include "gatefold/remap/plan.h"

#include <fmt/format.h>

#include <algorithm>

namespace gatefold {
namespace {

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
  [[nodiscard]] EnergyTotal of(const Option& option) const {
    const Bytes resident = option.weights_per_core * option.footprint.total();
    return EnergyTotal::over(time, option.cycles) + EnergyTotal::repeated(Energy(memory.count()), resident.count());
  }
};

NodeCosts priced_nodes(const OptionTable& table, const Prices& prices) {
  NodeCosts nodes = node_costs(table, EnergyPerCycle(0));
  for (std::size_t v = 0; v < table.size(); ++v) {
    const std::vector<Option>& options = table.layer(LayerId(v)).options;
    for (std::size_t o = 0; o < options.size(); ++o) nodes[v][o] += prices.of(options[o]);
  }
  return nodes;
}

Cycles latency(const OptionTable& table, const Assignment& assignment) {
  Cycles sum;
  for (std::size_t v = 0; v < assignment.size(); ++v) sum += table.option(LayerId(v), assignment[v]).cycles;
  return sum;
}

/// What is to be planned: one request, or every period of a stream.
struct Problem {
  const OptionTable& table;
  std::optional<PeriodModel> period;

  [[nodiscard]] ProvenPlan plan(EnergyPerCycle time, Effort effort) const {
    return period ? prove_period(table, *period, time) : prove_request(table, priced_nodes(table, {time, EnergyPerByte(0)}), effort);
  }
  [[nodiscard]] EnergyTotal cost(const Assignment& assignment) const {
    return period ? period->energy(assignment) : assignment_cost(table, assignment);
  }
};

/// The smallest time price at which the layers, one after another, take at most `deadline`, and the largest tried at which
/// they take longer; if none does, the largest of all for both.
struct TimePrices {
  EnergyPerCycle late;
  EnergyPerCycle in_time;
};
TimePrices time_prices_around(const Problem& problem, Cycles deadline) {
  EnergyPerCycle low(0);
  EnergyPerCycle high = std::max(problem.table.always(), EnergyPerCycle(1)) * kPriceStep;
  const auto in_time = [&](EnergyPerCycle price) {
    return latency(problem.table, problem.plan(price, Effort::kRelaxation).assignment) <= deadline;
  };
  bool meets_at_high = in_time(high);
  while (!meets_at_high && high < kPriceMax) {
    low = high;
    high = high * kPriceStep;
    meets_at_high = in_time(high);
  }
  if (!meets_at_high) return {high, high};
  for (int i = 0; i < kBisections && high - low > EnergyPerCycle(1); ++i) {
    const EnergyPerCycle middle(low.count() + (high - low).count() / 2);
    (in_time(middle) ? high : low) = middle;
  }
  return {low, high};
}

/// The cheapest plan that is in time, and the best proof of how cheap one can be: by weak duality the cost with time charged,
/// less the charge of the deadline, is a lower bound at every price.
void plan_in_time(const Problem& problem, Cycles deadline, Assignment& wanted, StaticPlan& plan) {
  const TimePrices prices = time_prices_around(problem, deadline);
  ProvenPlan in_time = problem.plan(prices.in_time, Effort::kExact);
  wanted = problem.plan(prices.in_time, Effort::kRelaxation).assignment;
  if (latency(problem.table, in_time.assignment) <= std::min(deadline, latency(problem.table, wanted))) wanted = in_time.assignment;
  const auto dual = [&](const ProvenPlan& proven, EnergyPerCycle price) { return proven.proof.bound - EnergyTotal::over(price, deadline); };
  const auto keep = [&](ProvenPlan& proven, EnergyPerCycle price) {
    if (plan.bound && dual(proven, price) <= *plan.bound) return;
    plan.bound = dual(proven, price);
    plan.time_price = price;
    plan.proof = std::move(proven.proof);
  };
  ProvenPlan late = problem.plan(prices.late, Effort::kExact);
  keep(in_time, prices.in_time);
  keep(late, prices.late);
}

/// The cheapest plan with external memory in use: none, one, two, four, .. of the largest weights streamed, and as many
/// activations spilled as it then takes.
Result<FittedPlan> plan_with_external(const OptionTable& table, EnergyPerCycle time_price, const Assignment& wanted, Error refusal,
                                      OffChip off_chip) {
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
    if (off_chip == OffChip::kStreamsOnly || resident > table.spec().memory()) continue;
    auto fitted = fit_spilling(table, wanted, streamed, {});
    if (fitted) consider(std::move(fitted).value());
    else refusal = std::move(fitted).error();
  }
  if (best) return *std::move(best);
  return refusal;
}

/// Fits the plan, raising the price of SRAM until it does: options that hold fewer copies of their weights become cheaper.
Result<FittedPlan> plan_that_fits(const OptionTable& table, EnergyPerCycle time_price, Assignment wanted, OffChip off_chip) {
  auto fitted = fit_assignment(table, wanted, {});
  // From a thousandth of a weight's SRAM access up, by factors of four.
  EnergyPerByte memory(std::max<std::int64_t>(1, table.spec().sram_byte.count() / 1024));
  for (int i = 0; !fitted && i < kMemoryPrices; ++i, memory = memory * 4) {
    wanted = prove_request(table, priced_nodes(table, {time_price, memory}), Effort::kRelaxation).assignment;
    fitted = fit_assignment(table, wanted, {});
  }
  if (fitted) return FittedPlan{std::move(fitted).value(), {}};
  if (off_chip == OffChip::kRefused) return std::move(fitted).error();
  return plan_with_external(table, time_price, wanted, std::move(fitted).error(), off_chip);
}

}  // namespace

Result<StaticPlan> plan_static(const OptionTable& table, std::optional<Cycles> deadline, OffChip off_chip) {
  return plan_static(table, {deadline, {}, off_chip});
}

Result<StaticPlan> plan_static(const OptionTable& table, const PlanObjective& objective) {
  StaticPlan plan;
  if (table.size() == 0) {
    plan.bound_kind = "chain";
    return plan;
  }
  Problem problem{table, {}};
  if (objective.period) problem.period.emplace(table, *objective.period, false);
  // A request may not take longer than the period, or they would queue up.
  std::optional<Cycles> deadline = objective.deadline;
  if (objective.period) deadline = deadline ? std::min(*deadline, *objective.period) : *objective.period;

  ProvenPlan proven = problem.plan(EnergyPerCycle(0), Effort::kExact);
  Assignment wanted = proven.assignment;
  plan.bound = proven.proof.bound;
  plan.proof = std::move(proven.proof);
  const bool binding = deadline && latency(table, wanted) > *deadline;
  if (binding) plan_in_time(problem, *deadline, wanted, plan);
  GATEFOLD_TRY(FittedPlan fitted, plan_that_fits(table, plan.time_price, wanted, objective.off_chip));
  plan.assignment = std::move(fitted.assignment);
  plan.spilling = std::move(fitted.spilling);

  const bool streamed = std::any_of(plan.assignment.begin(), plan.assignment.end(), [](const Placement& p) { return p.streamed; });
  if (objective.period && streamed) {  // the bound must allow for streaming, too
    problem.period.emplace(table, *objective.period, true);
    ProvenPlan again = problem.plan(plan.time_price, Effort::kExact);
    plan.bound = again.proof.bound - EnergyTotal::over(plan.time_price, binding ? *deadline : Cycles(0));
    plan.proof = std::move(again.proof);
  }
  plan.reached = problem.cost(plan.assignment);
  if (!plan.spilling.tensors.empty()) {
    plan.reached = plan.reached - assignment_cost(table, plan.assignment) + assignment_cost(table, plan.assignment, plan.spilling);
    plan.bound.reset();  // it charges banks for activations that are not there
  }
  const bool chain = is_chain(relations_of(table)) || (plan.proof.cuts.empty() && plan.reached != plan.bound);
  plan.bound_kind = std::string(chain ? "chain" : "dag") + (plan.reached == plan.bound ? "" : "-relaxed");
  for (std::size_t v = 0; v < table.size(); ++v) {
    plan.reference.push_back(execution_cycles(table, LayerId(v), plan.assignment[v], plan.spilling));
    plan.reference_total += plan.reference.back();
  }
  return plan;
}

}  // namespace gatefold
