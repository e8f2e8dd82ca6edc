#include "gatefold/device/crossbar.h"

namespace gatefold {

std::size_t Crossbar::slot(std::int32_t cluster) const {
  const auto begin = lanes_.begin() + cluster * segment_layers_;
  return static_cast<std::size_t>(std::min_element(begin, begin + segment_layers_) - lanes_.begin());
}

Cycles Crossbar::dot_free(const Placement& placement, Cycles ready) const {
  Cycles free = ready;
  if (systolic_) {
    for (std::int32_t c = 0; c < placement.core_count(); ++c) free = std::max(free, lanes_[placement.core(c, cores_per_cluster_).at()]);
  } else {
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) free = std::max(free, lanes_[slot(k)]);
  }
  return free;
}

void Crossbar::book_dot(const Placement& placement, Cycles until) {
  if (systolic_) {
    for (std::int32_t c = 0; c < placement.core_count(); ++c) lanes_[placement.core(c, cores_per_cluster_).at()] = until;
  } else {
    for (std::int32_t k = placement.first; k <= placement.last(); ++k) lanes_[slot(k)] = until;
  }
}

Cycles Crossbar::vector_free(const Placement& placement, Cycles ready) const {
  Cycles free = pooled_ ? std::max(ready, pool_) : ready;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) {
    free = std::max(free, post_processors_[static_cast<std::size_t>(k)]);
  }
  return free;
}

void Crossbar::book_vector(const Placement& placement, Cycles until) {
  if (pooled_) pool_ = until;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) post_processors_[static_cast<std::size_t>(k)] = until;
}

Cycles Crossbar::bus_free(const Placement& placement, Cycles ready) const {
  Cycles free = ready;
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) free = std::max(free, bus_[static_cast<std::size_t>(k)]);
  return free;
}

void Crossbar::book_bus(const Placement& placement, Cycles until) {
  for (std::int32_t k = placement.first; k <= placement.last(); ++k) bus_[static_cast<std::size_t>(k)] = until;
}

Cycles Crossbar::core_free(CoreId core) const { return lanes_[systolic_ ? core.at() : slot(core.index() / cores_per_cluster_)]; }

}  // namespace gatefold
