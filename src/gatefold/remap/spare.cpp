// The plan for a chip on which one cluster failed, made the simple way: what did not use the cluster stays, so that nothing has
// to make room for anything; what used it is put beside it, one layer after another.
#include <algorithm>

#include "gatefold/remap/plan.h"

namespace gatefold {
namespace {

bool covers(const Placement& placement, std::int32_t cluster) { return placement.first <= cluster && cluster <= placement.last(); }

/// The cheapest place of a layer that leaves the cluster out, all other layers as assigned. Runs begin where the layer was, on
/// either side of the gap, and at the ends of the chip: clusters are alike, so what lies further off only has longer wires.
std::optional<Placement> cheapest_beside(const OptionTable& table, Assignment& assignment, const Spilling& spilling, LayerId layer,
                                         std::int32_t cluster) {
  const Placement before = assignment[layer.at()];
  std::optional<Placement> best;
  EnergyTotal lowest;
  for (const Option& option : table.layer(layer).options) {
    const std::int64_t clusters = option.footprint.clusters;
    for (const std::int64_t first : {std::int64_t{before.first}, cluster - clusters, std::int64_t{cluster} + 1, std::int64_t{0},
                                     table.spec().cluster_count - clusters}) {
      if (first < 0 || first + clusters > table.spec().cluster_count) continue;
      Placement candidate = placed_at(option.footprint, static_cast<std::int32_t>(first));
      candidate.streamed = before.streamed;
      if (covers(candidate, cluster)) continue;
      assignment[layer.at()] = candidate;
      const EnergyTotal cost = local_cost(table, assignment, layer, spilling);
      if (best && !(cost < lowest)) continue;
      best = candidate;
      lowest = cost;
    }
  }
  assignment[layer.at()] = best.value_or(before);
  return best;
}

}  // namespace

std::optional<Assignment> plan_spare(const OptionTable& table, const Assignment& plan, const Spilling& spilling, ClusterId failed) {
  Assignment wanted = plan;
  for (std::size_t v = 0; v < plan.size(); ++v) {
    if (covers(plan[v], failed.index()) && !cheapest_beside(table, wanted, spilling, LayerId(v), failed.index())) return std::nullopt;
  }
  Memory without(table.spec());
  const std::int32_t banks = table.spec().cores_per_cluster * table.spec().banks_per_core;
  for (std::int32_t b = 0; b < banks; ++b) without.fail(BankId(failed.index() * banks + b));
  auto fitted = fit_assignment(table, wanted, {}, spilling.tensors, &without);
  if (fitted) return std::move(fitted).value();
  auto apart = fit_apart(table, wanted, spilling.tensors, &without);
  if (!apart) return std::nullopt;
  return std::move(apart->assignment);
}

CoreMasks core_masks(std::int32_t cores_per_cluster, std::int32_t count, std::uint16_t failed) {
  CoreMasks masks;
  for (std::int32_t begin = 0; begin < cores_per_cluster; ++begin) {
    if ((failed >> begin & 1U) != 0) continue;
    unsigned mask = 0;
    std::int32_t found = 0;
    for (std::int32_t core = begin; core < cores_per_cluster && found < count; ++core) {
      if ((failed >> core & 1U) != 0) continue;
      mask |= 1U << static_cast<unsigned>(core);
      ++found;
    }
    if (found == count) masks.list.at(masks.count++) = static_cast<std::uint16_t>(mask);
  }
  return masks;
}

}  // namespace gatefold
