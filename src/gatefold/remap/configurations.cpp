#include "gatefold/remap/configurations.h"

#include <algorithm>

namespace gatefold {

EnergyTotal price_shifts(const OptionTable& table, const Assignment& from, const Assignment& to) {
  EnergyTotal price;
  for (std::size_t v = 0; v < from.size(); ++v) price += price_shift(table, LayerId(v), from[v], to[v]);
  return price;
}

Configurations::Configurations(const Situation& situation) {
  const OptionTable& table = *situation.table;
  const std::int32_t clusters = table.spec().cluster_count;
  const Assignment& planned = situation.plan->assignment;
  list_.push_back(planned);
  const auto add = [&](Assignment assignment) {
    if (list_.size() < kMax && std::find(list_.begin(), list_.end(), assignment) == list_.end()) list_.push_back(std::move(assignment));
  };
  std::vector<char> used(static_cast<std::size_t>(clusters), 0);
  std::int32_t begin = clusters;
  std::int32_t end = 0;
  for (const Placement& placement : planned) {
    std::fill(used.begin() + placement.first, used.begin() + placement.last() + 1, char{1});
    begin = std::min<std::int32_t>(begin, placement.first);
    end = std::max(end, placement.last() + 1);
  }
  for (std::int32_t k = 0; k < clusters && list_.size() < kMax / 2; ++k) {
    if (used[static_cast<std::size_t>(k)] == 0) continue;
    if (auto spare = plan_spare(table, planned, *situation.spilling, ClusterId(k))) add(*std::move(spare));
  }
  const auto move_along = [&](std::int32_t offset) {
    if (begin + offset < 0 || end + offset > clusters || list_.size() == kMax) return;
    Assignment moved = planned;
    for (Placement& placement : moved) placement.first = static_cast<std::int16_t>(placement.first + offset);
    if (lay_out_as_is(table, moved, situation.spilling->tensors)) add(std::move(moved));
  };
  for (std::int32_t offset = 1; offset < clusters; ++offset) {
    move_along(offset);
    move_along(-offset);
  }
  for (const Assignment& from : list_) {
    for (const Assignment& to : list_) distances_.push_back(price_shifts(table, from, to));
  }
}

WorkTable::WorkTable(const Configurations& configurations, bool keeps) : configurations_(&configurations), keeps_(keeps) {
  for (std::size_t z = 0; z < configurations.size(); ++z) work_.push_back(configurations.distance(0, z));
  before_ = work_;
}

void WorkTable::serve(const Costs& costs) {
  const std::size_t count = work_.size();
  const bool nobody = std::none_of(costs.begin(), costs.end(), [](const auto& cost) { return cost.has_value(); });
  // A request that cannot be served in z is served elsewhere, and the shift to z comes after it.
  before_ = work_;
  std::vector<EnergyTotal> served(count);
  for (std::size_t z = 0; z < count && !nobody; ++z) served[z] = before_[z] + costs[z].value_or(EnergyTotal());
  for (std::size_t z = 0; z < count; ++z) {
    std::size_t parent = z;
    if (!nobody) {
      std::optional<EnergyTotal> least;
      for (std::size_t from = 0; from < count; ++from) {
        if (!costs[from]) continue;
        const EnergyTotal reached = served[from] + configurations_->distance(from, z);
        if (least && !(reached < *least) && !(from == z && reached == *least)) continue;
        least = reached;
        parent = from;
      }
      work_[z] = *least;
    }
    if (keeps_) parents_.push_back(static_cast<std::uint8_t>(parent));
  }
}

EnergyTotal WorkTable::least() const { return *std::min_element(work_.begin(), work_.end()); }

std::vector<std::size_t> WorkTable::path() const {
  GATEFOLD_REQUIRE(keeps_);
  const std::size_t count = work_.size();
  auto z = static_cast<std::size_t>(std::min_element(work_.begin(), work_.end()) - work_.begin());
  std::vector<std::size_t> path(parents_.size() / count);
  for (std::size_t r = path.size(); r-- > 0;) path[r] = z = parents_[r * count + z];
  return path;
}

}  // namespace gatefold
