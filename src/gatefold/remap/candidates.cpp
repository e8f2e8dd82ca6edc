#include "gatefold/remap/candidates.h"

#include <cstdint>

namespace gatefold {
namespace {

/// Places that one search tries while the layer could also stay: a decision takes the same time on any number of clusters.
constexpr int kProbesMax = 16;

/// What keeps a layer from running at a placement of which the cores are not available, whichever they are.
Standing barrier(const Boundary& boundary, const Placement& placement) {
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    if (boundary.profile->condition(ClusterId(k), boundary.now).occupied) return Standing::kOccupied;
  }
  return Standing::kFailed;
}

std::optional<Placement> roomy_at(const Boundary& boundary, const Footprint& shape, std::int32_t first) {
  Placement placement = placed_at(shape, first);
  placement.streamed = boundary.home.streamed;
  if (placement.last() >= boundary.table->spec().cluster_count) return std::nullopt;
  const Room room = with_room(boundary, placement);
  if (!room.barrier) return room.placement;
  if (boundary.why != nullptr) boundary.why->exclude(boundary, room.placement, cost_at(boundary, room.placement), *room.barrier);
  return std::nullopt;
}

/// Adds the shape at the producer's run and at the first place with room in three free runs: the best fit (the
/// shortest), the fastest and the first. Each search looks at `probes` places at most.
void add_shape(const Boundary& boundary, const Footprint& shape, int probes, Candidates& found) {
  if (boundary.producer) {
    if (const auto there = roomy_at(boundary, shape, boundary.producer->first)) found.add(*there);
  }
  const FreeRuns& runs = boundary.profile->runs();
  const auto length = static_cast<std::int32_t>(shape.clusters);
  const auto add_in = [&](const FreeRuns::Run& run, int& left) {
    for (std::int32_t k = run.begin; k + length <= run.end && left > 0; ++k, --left) {
      const auto there = roomy_at(boundary, shape, k);
      if (!there) continue;
      found.add(*there);
      return true;
    }
    return false;
  };
  std::int32_t best = -1;  // first clusters of the runs in which a place is found already
  std::int32_t fastest = -1;
  int left = probes;
  for (auto run = runs.best_fit(length); run && left > 0 && best < 0; run = runs.best_fit(run->length() + 1)) {
    if (add_in(*run, left)) best = run->begin;
  }
  left = probes;
  if (const auto run = runs.fastest_fit(length); run && run->begin != best && add_in(*run, left)) fastest = run->begin;
  left = probes;
  for (auto run = runs.first_fit(length); run && left > 0; run = runs.first_fit(length, run->end)) {
    if (run->begin == best || run->begin == fastest || add_in(*run, left)) break;
  }
}

}  // namespace

bool can_stay(const Boundary& boundary) { return !boundary.evicted && boundary.profile->available(boundary.home, boundary.now); }

Standing barrier_at_home(const Boundary& boundary) {
  return boundary.profile->available(boundary.home, boundary.now) ? Standing::kNoRoom : barrier(boundary, boundary.home);
}

Room with_room(const Boundary& boundary, Placement placement) {
  const DeviceSpec& spec = boundary.table->spec();
  const std::uint16_t failed = boundary.profile->failed_cores(placement, boundary.now);
  const CoreMasks masks = core_masks(spec.cores_per_cluster, placement.cores_per_cluster(), failed);
  if (masks.count > 0) placement.core_mask = masks.list.front();
  if (!boundary.profile->available(placement, boundary.now)) return {placement, barrier(boundary, placement)};
  const std::int64_t spare = spare_banks(*boundary.table, boundary.residence->spilled(), boundary.layer, placement.core_count());
  for (const std::uint16_t mask : masks) {
    placement.core_mask = mask;
    if (boundary.residence->weights_fit(boundary.layer, placement, spare)) return {placement, std::nullopt};
  }
  placement.core_mask = masks.list.front();
  return {placement, Standing::kNoRoom};
}

std::int64_t spare_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, std::int64_t cores) {
  // Inputs lie side by side, outputs in banks of their own.
  const auto banks = [&](Bytes bytes) { return ceil_div(ceil_div(bytes.count(), cores), table.spec().bank.size.count()); };
  const std::int64_t resident = banks(resident_input(table, spilled, layer)) + banks(resident_output(table, spilled, layer));
  return spilled.empty() ? resident : resident + least_staging_banks(table, spilled, layer, cores);
}

Candidates find_candidates(const Boundary& boundary, bool home_usable) {
  Candidates found;
  const int probes = home_usable ? kProbesMax : INT32_MAX;
  const Footprint home = footprint_of(boundary.home);
  add_shape(boundary, home, probes, found);
  const LayerOptions& layer = boundary.table->layer(boundary.layer);
  for (const std::int32_t position : layer.by_cost) {
    const Footprint& shape = layer.options[static_cast<std::size_t>(position)].footprint;
    if (shape == home || shape.clusters > boundary.profile->runs().longest()) continue;
    add_shape(boundary, shape, probes, found);
    if (found.count > 0 || home_usable) break;
  }
  return found;
}

}  // namespace gatefold
