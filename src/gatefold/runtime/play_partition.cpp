#include "gatefold/runtime/play_partition.h"

#include <algorithm>
#include <limits>

#include "gatefold/runtime/play_residency.h"

namespace gatefold {
namespace {

/// The plan of a network that has the first clusters to itself.
std::optional<FittedPlan> plan_within(const Lane& lane, std::int32_t clusters) {
  const DeviceSpec& spec = lane.prepared->spec();
  Memory within(spec);
  const std::int32_t banks = spec.cores_per_cluster * spec.banks_per_core;
  for (std::int32_t b = clusters * banks; b < spec.bank_count(); ++b) within.fail(BankId(b));
  auto plan = plan_beside(lane.prepared->table(), lane.wanted, lane.prepared->plan().spilling.tensors, within, FitEffort::kSpill);
  if (!plan) return std::nullopt;
  for (const Placement& home : plan.value().assignment) {
    if (home.last() >= clusters) return std::nullopt;  // what holds no weights may lie on banks that are not there
  }
  return std::move(plan).value();
}

FittedPlan moved(FittedPlan plan, std::int32_t clusters) {
  for (Placement& home : plan.assignment) home.first = static_cast<std::int16_t>(home.first + clusters);
  return plan;
}

}  // namespace

double nominal_watts(const Lane& lane, const FittedPlan& plan) {
  return lane.use.declared() * assignment_cost(lane.prepared->table(), plan.assignment, plan.spilling).joules();
}

double nominal_watts_outside(const Lane& lane) {
  const OptionTable& table = lane.prepared->table();
  const EnergyTotal loaded = external_energy(table.spec(), Bytes(0), table.weight_bytes());
  return nominal_watts(lane, {lane.wanted, lane.prepared->plan().spilling}) + lane.use.declared() * loaded.joules();
}

double least_watts(const std::vector<Lane*>& lanes) {
  double least = 0;
  for (const Lane* lane : lanes) least += nominal_watts(*lane, {lane->wanted, lane->prepared->plan().spilling});
  return least;
}

std::optional<Partition> best_partition(const std::vector<Lane*>& lanes) {
  const auto count = static_cast<std::int32_t>(lanes.size());
  if (count < 2) return std::nullopt;
  const std::int32_t clusters = lanes.front()->prepared->spec().cluster_count;
  const std::int32_t units = std::min(clusters, std::max(kPartitionUnits, count));
  if (count > units) return std::nullopt;
  const std::int32_t unit = clusters / units;
  const auto most = static_cast<std::size_t>(units - count + 1);  // units of one network
  constexpr double kImpossible = std::numeric_limits<double>::infinity();
  // best[u]: the cheapest way for the networks so far to share u units; given[n][u]: what network n gets of them.
  std::vector<double> best(static_cast<std::size_t>(units) + 1, 0);
  std::vector<std::vector<std::size_t>> given;
  std::vector<std::vector<std::optional<FittedPlan>>> plans;
  for (const Lane* lane : lanes) {
    const double least = nominal_watts(*lane, {lane->wanted, lane->prepared->plan().spilling});
    std::vector<double> watts(most + 1, kImpossible);
    auto& own = plans.emplace_back(most + 1);
    for (std::size_t u = 1; u <= most; ++u) {
      own[u] = watts[u - 1] <= least ? own[u - 1] : plan_within(*lane, static_cast<std::int32_t>(u) * unit);
      if (own[u]) watts[u] = nominal_watts(*lane, *own[u]);
      if (watts[u - 1] >= watts[u]) continue;
      own[u] = own[u - 1];
      watts[u] = watts[u - 1];
    }
    std::vector<double> next(best.size(), kImpossible);
    auto& gets = given.emplace_back(best.size(), 0);
    for (std::size_t all = 0; all < best.size(); ++all) {
      for (std::size_t u = 1; u <= std::min(most, all); ++u) {
        if (best[all - u] + watts[u] >= next[all]) continue;
        next[all] = best[all - u] + watts[u];
        gets[all] = u;
      }
    }
    best = std::move(next);
  }
  std::size_t left = best.size() - 1;
  if (best[left] == kImpossible) return std::nullopt;
  Partition partition{std::vector<FittedPlan>(lanes.size()), best[left]};
  for (std::size_t n = lanes.size(); n-- > 0;) {
    const std::size_t u = given[n][left];
    left -= u;
    partition.plans[n] = moved(*plans[n][u], static_cast<std::int32_t>(left) * unit);
  }
  return partition;
}

}  // namespace gatefold
