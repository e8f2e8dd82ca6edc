#include "gatefold/remap/places.h"

#include "gatefold/remap/candidates.h"
#include "gatefold/remap/plan.h"

namespace gatefold {

// ---- Conditions ----

Conditions::Conditions(const Situation& situation)
    : situation_(situation), known_(static_cast<std::size_t>(situation.table->spec().cluster_count)) {}

void Conditions::read(std::int32_t cluster) {
  const Condition& condition = situation_.profile->condition(ClusterId(cluster), situation_.now);
  known_[static_cast<std::size_t>(cluster)] = {static_cast<std::int8_t>(condition.percent), condition.occupied,
                                               condition.failed_cores != 0};
}

// ---- Places ----

Places::Places(const Situation& situation, const Assignment& target, Headroom& headroom, Conditions& conditions)
    : now_(situation), target_(target), table_(*situation.table), headroom_(headroom), conditions_(conditions) {
  moved();
}

void Places::moved() {
  in_use_.clear();
  for (const Placement& target : target_) {
    if (in_use_.size() == kInUseMax) break;
    if (!in_use_.empty() && in_use_.back() == target.first) continue;
    if (!conditions_.occupied(target) && std::find(in_use_.begin(), in_use_.end(), target.first) == in_use_.end())
      in_use_.push_back(target.first);
  }
}

void Places::find(LayerId layer) {
  count_ = 0;
  const Placement& home = (*now_.homes)[layer.at()];
  const Footprint home_shape = footprint_of(home);
  add_shape(layer, home_shape, kProbesMax);
  const LayerOptions& options = table_.layer(layer);
  bool other = false;
  for (const std::int32_t position : options.by_cost) {
    const Footprint& shape = options.options[static_cast<std::size_t>(position)].footprint;
    const bool narrower = shape.clusters < home.clusters;
    if (shape == home_shape || shape.clusters > now_.profile->runs().longest() || (other && !narrower)) continue;
    add_shape(layer, shape, kProbesMax);
    other = true;
    if (narrower || home.clusters == 1) break;
  }
  const Placement& planned = now_.plan->assignment[layer.at()];
  if (planned != home && now_.profile->available(planned, now_.now) && headroom_.weights_fit(layer, planned)) add(planned);
}

void Places::find(LayerId layer, const Footprint& shape) {
  count_ = 0;
  if (shape.clusters <= now_.profile->runs().longest()) add_shape(layer, shape, table_.spec().cluster_count);
}

void Places::find_beside(LayerId layer) {
  count_ = 0;
  const Footprint shape = footprint_of(target_[layer.at()]);
  const LayerGraph& graph = table_.graph();
  const std::int64_t spare = spare_banks(table_, now_.spilling->tensors, layer, shape.total());
  add_beside(layer, shape, spare);
  for (const TensorId output : graph.layer(layer).outputs) {
    for (const LayerId reader : graph.activation(output).consumers) try_at(layer, shape, target_[reader.at()].first, spare);
  }
}

bool Places::try_at(LayerId layer, const Footprint& shape, std::int32_t first, std::int64_t spare) {
  if (std::find(tried_.begin(), tried_.end(), first) != tried_.end()) return false;
  tried_.push_back(first);
  return add_at(layer, shape, first, spare);
}

std::int32_t Places::add_beside(LayerId layer, const Footprint& shape, std::int64_t spare) {
  tried_.clear();
  const std::size_t v = layer.at();
  std::int32_t near = target_[v].first;
  for (const Operand& operand : table_.graph().layer(layer).inputs) {
    if (!operand.tensor) continue;
    const auto& producer = table_.graph().activation(*operand.tensor).producer;
    if (producer) try_at(layer, shape, near = target_[producer->at()].first, spare);
  }
  if (v > 0) try_at(layer, shape, target_[v - 1].first, spare);
  if (v + 1 < target_.size()) try_at(layer, shape, target_[v + 1].first, spare);
  return near;
}

void Places::add_shape(LayerId layer, const Footprint& shape, std::int32_t probes) {
  const std::int64_t spare = spare_banks(table_, now_.spilling->tensors, layer, shape.total());
  const std::int32_t near = add_beside(layer, shape, spare);
  for (const std::int16_t k : in_use_) try_at(layer, shape, k, spare);
  const auto length = static_cast<std::int32_t>(shape.clusters);
  const auto try_in = [&](const std::optional<FreeRuns::Run>& run) {
    if (!run) return;
    const std::int32_t last = run->end - length;
    std::int32_t k = std::clamp(near, run->begin, last);
    for (std::int32_t tried = 0; tried < std::min(probes, run->length()) && !try_at(layer, shape, k, spare); ++tried)
      k = k < last ? k + 1 : run->begin;
  };
  const auto fastest = now_.profile->runs().fastest_fit(length);
  const auto shortest = now_.profile->runs().best_fit(length);
  try_in(fastest);
  if (shortest != fastest) try_in(shortest);
}

bool Places::add_at(LayerId layer, const Footprint& shape, std::int32_t first, std::int64_t spare) {
  Placement placement = placed_at(shape, first);
  placement.streamed = (*now_.homes)[layer.at()].streamed;
  if (placement.last() >= table_.spec().cluster_count || conditions_.occupied(placement)) return false;
  const auto add_if = [&](bool available) {
    if (!available || !headroom_.weights_fit(layer, placement, spare)) return false;
    add(placement);
    return true;
  };
  const bool whole = conditions_.whole(placement);
  if (whole && add_if(true)) return true;
  const std::uint16_t failed = whole ? std::uint16_t{0} : now_.profile->failed_cores(placement, now_.now);
  for (const std::uint16_t mask : core_masks(table_.spec().cores_per_cluster, placement.cores_per_cluster(), failed)) {
    placement.core_mask = mask;
    if (add_if(whole || now_.profile->available(placement, now_.now))) return true;
  }
  return false;
}

}  // namespace gatefold
