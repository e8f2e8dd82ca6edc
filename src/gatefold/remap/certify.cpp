#include "gatefold/remap/certify.h"

#include <algorithm>

#include "gatefold/base/contract.h"
#include "gatefold/remap/relations.h"

namespace gatefold {

Certificate certify(const OptionTable& table, const PlanObjective& objective, StaticPlan plan) {
  GATEFOLD_REQUIRE(plan.bound.has_value());
  Certificate certificate;
  certificate.device_name = table.spec().name;
  certificate.device_hash = table.spec().hash;
  certificate.period = objective.period;
  certificate.deadline = objective.deadline;
  certificate.kind = plan.bound_kind;
  certificate.energy = plan.reached;
  certificate.bound = *plan.bound;
  certificate.time_price = plan.time_price;
  const bool streamed = std::any_of(plan.assignment.begin(), plan.assignment.end(), [](const Placement& p) { return p.streamed; });
  if (objective.period) certificate.mean = plan.proof.bound - PeriodModel(table, *objective.period, streamed).fixed();
  for (std::size_t v = 0; v < table.size(); ++v) {
    const LayerId layer(v);
    certificate.layers.push_back(table.graph().layer(layer).name);
    std::vector<CertifiedOption>& options = certificate.options.emplace_back();
    for (const Option& option : table.layer(layer).options) options.push_back({option.footprint, option.cycles, option.alone});
    certificate.plan_costs.push_back(table.option(layer, plan.assignment[v]).alone);
  }
  for (const Relation& relation : relations_of(table)) {
    certificate.plan_costs[relation.to] +=
        relation_cost(table.spec(), relation, plan.assignment[relation.from], plan.assignment[relation.to]);
  }
  certificate.plan = std::move(plan.assignment);
  certificate.proof = std::move(plan.proof);
  return certificate;
}

}  // namespace gatefold
