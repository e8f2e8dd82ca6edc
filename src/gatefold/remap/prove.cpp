#include "gatefold/remap/prove.h"

#include <algorithm>
#include <utility>

namespace gatefold {
namespace {

// About a tenth of a second of table steps; beyond, the relaxation's bound stands.
constexpr std::size_t kWorkMax = 20'000'000;
constexpr int kSweepsMax = 4;
// Chips up to this size are searched position by position when single layers are changed.
constexpr std::int32_t kEveryPosition = 8;

class Prover {
 public:
  Prover(const OptionTable& table, const NodeCosts& nodes)
      : table_(table), nodes_(nodes), relations_(relations_of(table)), shapes_(table, relations_, nodes) {
    neighbours_.resize(table.size());
    for (const Relation& relation : relations_) {
      neighbours_[relation.from].push_back(&relation);
      neighbours_[relation.to].push_back(&relation);
    }
  }

  ShapeProgram& shapes() { return shapes_; }
  const std::vector<Relation>& relations() const { return relations_; }

  std::size_t option_of(std::size_t layer, const Placement& placement) const {
    const std::vector<Option>& options = table_.layer(LayerId(layer)).options;
    return static_cast<std::size_t>(&table_.option(LayerId(layer), placement) - options.data());
  }

  EnergyTotal cost(const Assignment& assignment) const {
    EnergyTotal sum;
    for (std::size_t v = 0; v < assignment.size(); ++v) sum += nodes_[v][option_of(v, assignment[v])];
    for (const Relation& relation : relations_) {
      sum += relation_cost(table_.spec(), relation, assignment[relation.from], assignment[relation.to]);
    }
    return sum;
  }

  /// The shapes at their best offsets, or beside each other as far as the chip allows.
  Assignment placed(const std::vector<Footprint>& shapes) const {
    if (auto assignment = positions_of(table_, relations_, shapes)) return *std::move(assignment);
    Assignment assignment;
    for (const Footprint& shape : shapes)
      assignment.push_back(placed_at(shape, (table_.spec().cluster_count - static_cast<std::int32_t>(shape.clusters)) / 2));
    return assignment;
  }

  /// Changes one layer at a time while that lowers the cost.
  void improve(Assignment& assignment) const {
    bool improved = true;
    for (int round = 0; improved && round < kSweepsMax; ++round) {
      improved = false;
      for (std::size_t v = 0; v < assignment.size(); ++v) {
        EnergyTotal lowest = local_cost(assignment, v);
        const std::vector<Option>& options = table_.layer(LayerId(v)).options;
        for (const Option& option : options) {
          for (const std::int32_t first : positions(assignment, v, static_cast<std::int32_t>(option.footprint.clusters))) {
            const Placement before = std::exchange(assignment[v], placed_at(option.footprint, first));
            const EnergyTotal changed = local_cost(assignment, v);
            if (changed < lowest) {
              lowest = changed;
              improved = true;
            } else {
              assignment[v] = before;
            }
          }
        }
      }
    }
  }

  /// Dynamic programming over cuts. Returns the plan, and in `proof` what proves its cost; nullopt if that is too much work.
  std::optional<Assignment> solve_cuts(EnergyTotal reached, bool with_positions, Proof& proof) const {
    const std::int64_t unit = shapes_.unit();
    if (proof.to_come.empty() || unit != 1) return std::nullopt;
    std::vector<std::vector<Candidate>> candidates(table_.size());
    std::size_t largest = 1;
    for (std::size_t v = 0; v < table_.size(); ++v) {
      const std::vector<Option>& options = table_.layer(LayerId(v)).options;
      for (std::size_t o = 0; o < options.size(); ++o) {
        if (proof.to_come[v][o] + proof.to_go[v][o] - nodes_[v][o] > reached) continue;
        const std::int32_t last = table_.spec().cluster_count - static_cast<std::int32_t>(options[o].footprint.clusters);
        if (!with_positions) candidates[v].push_back({static_cast<std::int16_t>(o), -1});
        for (std::int32_t first = 0; with_positions && first <= last; ++first)
          candidates[v].push_back({static_cast<std::int16_t>(o), first});
      }
      largest = std::max(largest, candidates[v].size());
    }
    if (relations_.size() * largest * largest > kWorkMax) return std::nullopt;
    auto solution = solve(program_over(candidates), kWorkMax);
    if (!solution) return std::nullopt;
    std::vector<Footprint> chosen;
    Assignment assignment;
    for (std::size_t v = 0; v < table_.size(); ++v) {
      const Candidate& candidate = candidates[v][solution->states[v]];
      chosen.push_back(shape_of(v, candidate));
      if (with_positions) assignment.push_back(placed_at(chosen.back(), candidate.first));
    }
    proof.bound = EnergyTotal::of_attojoules(solution->cost);
    proof.candidates = std::move(candidates);
    proof.cuts.clear();
    for (DagCut& cut : solution->cuts) {
      Proof::Cut& kept = proof.cuts.emplace_back();
      kept.layers = std::move(cut.layers);
      for (const std::int64_t potential : cut.potentials) kept.potentials.push_back(EnergyTotal::of_attojoules(potential));
    }
    return with_positions ? assignment : placed(chosen);
  }

 private:
  EnergyTotal local_cost(const Assignment& assignment, std::size_t layer) const {
    EnergyTotal sum = nodes_[layer][option_of(layer, assignment[layer])];
    for (const Relation* relation : neighbours_[layer]) {
      sum += relation_cost(table_.spec(), *relation, assignment[relation->from], assignment[relation->to]);
    }
    return sum;
  }

  /// Where a run of `clusters` might go: on a small chip anywhere, else where it or a neighbour is.
  std::vector<std::int32_t> positions(const Assignment& assignment, std::size_t layer, std::int32_t clusters) const {
    const std::int32_t last = table_.spec().cluster_count - clusters;
    std::vector<std::int32_t> firsts;
    if (last < kEveryPosition) {
      for (std::int32_t first = 0; first <= last; ++first) firsts.push_back(first);
      return firsts;
    }
    const auto add = [&](std::int32_t first) { firsts.push_back(std::clamp(first, 0, last)); };
    const auto inside = [&](const Placement& other) {
      add(other.first);
      add(other.first + (other.clusters - clusters) / 2);
      add(other.last() - clusters + 1);
    };
    inside(assignment[layer]);
    for (const Relation* relation : neighbours_[layer]) inside(assignment[relation->from == layer ? relation->to : relation->from]);
    std::sort(firsts.begin(), firsts.end());
    firsts.erase(std::unique(firsts.begin(), firsts.end()), firsts.end());
    return firsts;
  }

  Footprint shape_of(std::size_t layer, const Candidate& candidate) const {
    return table_.layer(LayerId(layer)).options[static_cast<std::size_t>(candidate.option)].footprint;
  }

  DagProgram program_over(const std::vector<std::vector<Candidate>>& candidates) const {
    DagProgram program;
    program.layers.resize(table_.size());
    for (std::size_t v = 0; v < table_.size(); ++v) {
      for (const Candidate& candidate : candidates[v]) {
        const EnergyTotal node = nodes_[v][static_cast<std::size_t>(candidate.option)];
        program.layers[v].node.push_back(static_cast<std::int64_t>(node.attojoules()));
      }
    }
    for (const Relation& relation : relations_) {  // by `to`, then `from`
      std::vector<DagProgram::Edge>& edges = program.layers[relation.to].edges;
      const std::vector<Candidate>& from = candidates[relation.from];
      const std::vector<Candidate>& to = candidates[relation.to];
      if (edges.empty() || edges.back().from != relation.from) {
        edges.push_back({relation.from, std::vector<std::int64_t>(from.size() * to.size(), 0)});
      }
      for (std::size_t p = 0; p < from.size(); ++p) {
        for (std::size_t q = 0; q < to.size(); ++q) {
          const Footprint a = shape_of(relation.from, from[p]);
          const Footprint b = shape_of(relation.to, to[q]);
          const EnergyTotal cost = from[p].first < 0
                                       ? relation_cost_min(table_.spec(), relation, a, b)
                                       : relation_cost(table_.spec(), relation, placed_at(a, from[p].first), placed_at(b, to[q].first));
          edges.back().cost[p * to.size() + q] += static_cast<std::int64_t>(cost.attojoules());
        }
      }
    }
    return program;
  }

  const OptionTable& table_;
  const NodeCosts& nodes_;
  std::vector<Relation> relations_;
  ShapeProgram shapes_;
  std::vector<std::vector<const Relation*>> neighbours_;  ///< per layer
};

}  // namespace

ProvenPlan prove_request(const OptionTable& table, const NodeCosts& nodes, Effort effort) {
  Prover prover(table, nodes);
  ProvenPlan plan;
  prover.shapes().solve();
  plan.proof.bound = prover.shapes().bound();
  plan.assignment = prover.placed(prover.shapes().shapes());
  plan.reached = prover.cost(plan.assignment);
  const auto take = [&](Assignment assignment) {
    if (prover.cost(assignment) != plan.proof.bound) prover.improve(assignment);
    const EnergyTotal cost = prover.cost(assignment);
    if (!(cost < plan.reached)) return;
    plan.reached = cost;
    plan.assignment = std::move(assignment);
  };
  if (!plan.exact()) take(plan.assignment);
  plan.proof.to_go = prover.shapes().to_go(nodes);
  plan.proof.tight = prover.shapes().tight();
  if (plan.exact() || effort == Effort::kRelaxation) return plan;
  plan.proof.to_come = prover.shapes().to_come(nodes);
  for (const bool with_positions : {false, true}) {
    if (plan.exact()) break;
    if (auto assignment = prover.solve_cuts(plan.reached, with_positions, plan.proof)) take(*std::move(assignment));
  }
  if (plan.proof.cuts.empty()) plan.proof.to_come.clear();
  return plan;
}

ProvenPlan prove_period(const OptionTable& table, const PeriodModel& model, EnergyPerCycle time) {
  NodeCosts nodes(table.size());
  for (std::size_t v = 0; v < table.size(); ++v) {
    for (const Option& option : table.layer(LayerId(v)).options) {
      nodes[v].push_back(model.node(LayerId(v), option) + EnergyTotal::over(time, option.cycles));
    }
  }
  Prover prover(table, nodes);
  const ShapeProgram::Steady steady = prover.shapes().solve_steady(model.elements_gated());
  ProvenPlan plan;
  plan.proof.bound = steady.mean + model.fixed();
  plan.proof.to_go = prover.shapes().to_go(nodes);
  plan.proof.tight = prover.shapes().tight();
  plan.assignment = prover.placed(steady.path);
  const auto reached = [&](const Assignment& assignment) {
    return model.energy(assignment) + EnergyTotal::over(time, model.latency(assignment));
  };
  plan.reached = reached(plan.assignment);
  if (!plan.exact()) {
    Assignment improved = plan.assignment;
    prover.improve(improved);
    if (reached(improved) < plan.reached) {
      plan.assignment = std::move(improved);
      plan.reached = reached(plan.assignment);
    }
  }
  return plan;
}

}  // namespace gatefold
