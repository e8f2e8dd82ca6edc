#include "gatefold/remap/shape_program.h"

#include <algorithm>
#include <bit>
#include <map>

#include "gatefold/base/contract.h"
#include "gatefold/remap/mean_cycle.h"

namespace gatefold {
namespace {

// Above these sizes the quadratic step is dearer than what it adds to the count program: the length of wires.
constexpr std::size_t kChainGroupsMax = 64;
constexpr std::size_t kChainStatesMax = 512;

using Carry = std::vector<std::int64_t>;  ///< [groups of the next layer, groups here]

Footprint shape_at(std::size_t state, std::size_t width) {
  return {static_cast<std::int64_t>(state / width) + 1, static_cast<std::int64_t>(state % width) + 1, CoreSplit::kChannels};
}

}  // namespace

NodeCosts node_costs(const OptionTable& table, EnergyPerCycle time) {
  NodeCosts nodes(table.size());
  for (std::size_t v = 0; v < table.size(); ++v) {
    for (const Option& option : table.layer(LayerId(v)).options) nodes[v].push_back(option.alone + EnergyTotal::over(time, option.cycles));
  }
  return nodes;
}

ShapeProgram::ShapeProgram(const OptionTable& table, const std::vector<Relation>& relations, const NodeCosts& nodes) : table_(&table) {
  const DeviceSpec& spec = table.spec();
  GATEFOLD_REQUIRE(table.size() > 0);
  std::int64_t clusters = 1;
  std::int64_t cores = 1;
  Int128 longest = 0;  // no path costs more
  for (std::size_t v = 0; v < table.size(); ++v) {
    Int128 dearest = 0;
    const std::vector<Option>& options = table.layer(LayerId(v)).options;
    for (std::size_t o = 0; o < options.size(); ++o) {
      clusters = std::max(clusters, options[o].footprint.clusters);
      cores = std::max(cores, options[o].footprint.cores);
      dearest = std::max(dearest, nodes[v][o].attojoules());
    }
    longest += dearest;
  }
  for (const Relation& relation : relations) {
    const Int128 pitches = static_cast<Int128>(relation.bytes.count()) * (clusters + 1);
    longest += pitches * spec.wire_byte_pitch.count() + 2 * static_cast<Int128>(relation.bytes.count()) * spec.sram_byte.count();
  }
  longest += static_cast<Int128>(table.size() + 1) * clusters * (spec.cluster.wake_energy.count() + cores * spec.core.wake_energy.count());
  while (longest / unit_ >= kPathCostMax) unit_ *= 2;

  groups_ = static_cast<std::size_t>(clusters);
  width_ = static_cast<std::size_t>(cores);
  counted_ = groups_ > kChainGroupsMax || groups_ * std::bit_ceil(width_) > kChainStatesMax;
  if (!counted_) {
    width_ = std::bit_ceil(width_);
    chain_.reset(table.size(), groups_, width_);
    groups_ = chain_.groups;
  }
  const std::size_t states = groups_ * width_;
  node_.assign(table.size() * states, kNever);
  cheapest_.assign(table.size(), std::vector<std::int16_t>(states, -1));
  for (std::size_t v = 0; v < table.size(); ++v) {
    const std::vector<Option>& options = table.layer(LayerId(v)).options;
    for (std::size_t o = 0; o < options.size(); ++o) {
      const std::size_t state = state_of(options[o].footprint);
      const std::int64_t cost = units(nodes[v][o]);
      if (cost >= node_[v * states + state]) continue;
      node_[v * states + state] = cost;
      cheapest_[v][state] = static_cast<std::int16_t>(o);
    }
  }
  if (counted_) fill_count(relations);
  else fill_chain(relations);
  potentials_.resize(node_.size());
}

void ShapeProgram::fill_chain(const std::vector<Relation>& relations) {
  const DeviceSpec& spec = table_->spec();
  chain_.node = node_;
  for (std::size_t here = 0; here < chain_.states(); ++here) {
    for (std::size_t next = 0; next < chain_.states(); ++next) {
      const Footprint from = shape_at(here, width_);
      const Footprint to = shape_at(next, width_);
      const std::int64_t shared = std::min(from.clusters, to.clusters) * std::min(from.cores, to.cores);
      const EnergyTotal wake = EnergyTotal::repeated(spec.cluster.wake_energy, std::max<std::int64_t>(0, to.clusters - from.clusters)) +
                               EnergyTotal::repeated(spec.core.wake_energy, to.total() - shared);
      chain_.wake[chain_.wake_at(here, next)] = units(wake);
    }
  }
  std::map<Bytes, Carry> carries;  // many tensors have the same size
  const auto carry_of = [&](const Relation& relation) -> const Carry& {
    Carry& carry = carries[relation.bytes];
    if (!carry.empty()) return carry;
    carry.resize(groups_ * groups_);
    for (std::size_t next = 0; next < groups_; ++next) {
      for (std::size_t here = 0; here < groups_; ++here) {
        const Footprint from{static_cast<std::int64_t>(here) + 1, 1, CoreSplit::kChannels};
        const Footprint to{static_cast<std::int64_t>(next) + 1, 1, CoreSplit::kChannels};
        carry[next * groups_ + here] = units(relation_cost_min(spec, relation, from, to));
      }
    }
    return carry;
  };
  for (const Relation& relation : relations) {
    if (relation.from + 1 != relation.to || relation.kind != Relation::Kind::kWires) continue;
    const Carry& carry = carry_of(relation);
    std::int64_t* sum = chain_.carry.data() + relation.from * groups_ * groups_;
    for (std::size_t i = 0; i < carry.size(); ++i) sum[i] += carry[i];
  }
  const std::int64_t wake_max = *std::max_element(chain_.wake.begin(), chain_.wake.end());
  chain_.change_max = wake_max + (chain_.carry.empty() ? 0 : *std::max_element(chain_.carry.begin(), chain_.carry.end()));
}

void ShapeProgram::fill_count(const std::vector<Relation>& relations) {
  const DeviceSpec& spec = table_->spec();
  count_.layers = table_->size();
  count_.groups = groups_;
  count_.width = width_;
  count_.node = node_;
  count_.cluster_wake = units(spec.cluster.wake_energy);
  count_.core_wake = units(spec.core.wake_energy);
  count_.change.assign(table_->size() - 1, 0);
  for (const Relation& relation : relations) {  // every byte travels one pitch at least
    if (relation.from + 1 != relation.to || relation.kind != Relation::Kind::kWires) continue;
    count_.change[relation.from] += units(EnergyTotal::repeated(Energy(spec.wire_byte_pitch.count()), relation.bytes.count()));
  }
  scratch_.resize(groups_ * width_);
}

void ShapeProgram::run(std::span<const std::int64_t> ending) {
  if (counted_) cost_to_go(count_, ending, potentials_, scratch_);
  else cost_to_go(chain_, ending, potentials_);
}

void ShapeProgram::solve() { run({}); }

EnergyTotal ShapeProgram::bound() const {
  const std::int64_t least = *std::min_element(potentials_.begin(), potentials_.begin() + static_cast<std::ptrdiff_t>(groups_ * width_));
  return EnergyTotal::of_attojoules(static_cast<Int128>(least) * unit_);
}

Footprint ShapeProgram::cheapest_option(std::size_t layer, std::size_t state) const {
  const std::int16_t option = cheapest_[layer][state];
  GATEFOLD_REQUIRE(option >= 0);
  return table_->layer(LayerId(layer)).options[static_cast<std::size_t>(option)].footprint;
}

std::vector<Footprint> ShapeProgram::footprints(const std::vector<std::size_t>& path) const {
  std::vector<Footprint> shapes;
  for (std::size_t v = 0; v < path.size(); ++v) shapes.push_back(cheapest_option(v, path[v]));
  return shapes;
}

std::vector<Footprint> ShapeProgram::shapes() const {
  std::vector<std::size_t> path(table_->size());
  if (counted_) trace_path(count_, potentials_, path);
  else trace_path(chain_, potentials_, cheapest_start(chain_, potentials_), path);
  return footprints(path);
}

OptionValues ShapeProgram::by_option(const NodeCosts& nodes, const std::vector<std::int64_t>& values) const {
  // A state's value is that of its cheapest option; another option of the shape costs as much more as its node does.
  const std::size_t states = groups_ * width_;
  OptionValues by(table_->size());
  for (std::size_t v = 0; v < table_->size(); ++v) {
    const std::vector<Option>& options = table_->layer(LayerId(v)).options;
    for (std::size_t o = 0; o < options.size(); ++o) {
      const std::size_t state = state_of(options[o].footprint);
      const std::int64_t apart = values[v * states + state] - node_[v * states + state];
      by[v].push_back(nodes[v][o] + EnergyTotal::of_attojoules(static_cast<Int128>(apart) * unit_));
    }
  }
  return by;
}

OptionValues ShapeProgram::to_go(const NodeCosts& nodes) const { return by_option(nodes, potentials_); }

OptionValues ShapeProgram::to_come(const NodeCosts& nodes) const {
  if (counted_) return {};
  std::vector<std::int64_t> arrivals(node_.size());
  cost_to_come(chain_, arrivals);
  return by_option(nodes, arrivals);
}

ShapeProgram::Steady ShapeProgram::solve_steady(bool elements_gated_between) {
  const std::size_t states = groups_ * width_;
  std::vector<std::size_t> firsts;  // states of the first layer
  for (std::size_t s = 0; s < states; ++s) {
    if (node_[s] < kNever) firsts.push_back(s);
  }
  const std::size_t n = firsts.size();
  if (counted_) {  // too many states to close the cycle: as if that cost nothing
    solve();
    return {bound(), shapes()};
  }
  const auto closing = [&](std::size_t last, std::size_t first) {
    const Placement next = placed_at(shape_at(first, width_), 0);
    Placement held = placed_at(shape_at(last, width_), 0);
    if (elements_gated_between) held.first = static_cast<std::int16_t>(next.last() + 1);  // nothing in common
    return units(wake_energy(table_->spec(), held, next));
  };
  std::vector<std::int64_t> ending(states);
  std::vector<std::int64_t> requests(n * n);  // the cheapest request from one first state to the next request's
  std::size_t best = 0;
  for (std::size_t y = 0; y < n; ++y) {
    for (std::size_t s = 0; s < states; ++s) ending[s] = closing(s, firsts[y]);
    run(ending);
    for (std::size_t z = 0; z < n; ++z) requests[z * n + y] = potentials_[firsts[z]];
    if (requests[y * n + y] < requests[best * n + best]) best = y;
  }
  for (std::size_t s = 0; s < states; ++s) ending[s] = closing(s, firsts[best]);
  run(ending);
  std::vector<std::size_t> path(table_->size());
  trace_path(chain_, potentials_, firsts[best], path);

  const std::int64_t mean = minimum_mean_cycle(requests, n).mean_floor();
  const std::vector<std::int64_t> after = cycle_potentials(requests, n, mean);
  for (std::size_t s = 0; s < states; ++s) {
    ending[s] = kNever;
    for (std::size_t y = 0; y < n; ++y) ending[s] = std::min(ending[s], closing(s, firsts[y]) + after[y] - mean);
  }
  run(ending);
  return {EnergyTotal::of_attojoules(static_cast<Int128>(mean) * unit_), footprints(path)};
}

}  // namespace gatefold
