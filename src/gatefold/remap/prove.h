// Plans with proofs: the cheapest placements by EQ-29 (or EQ-39 for a periodic stream), and what proves how cheap they can be.
//
//   relaxation   shapes along the chain of layers (shape_program.h): a lower bound of every plan, and potentials
//   candidates   options through which some path of the relaxation costs no more than the best plan known; no others can be
//                part of a better one
//   cuts         dynamic programming over the candidates with every relation (dag_program.h): over shapes, then, where
//                the chip is too small for every relation to have its best offset, over positions
//
// Each step ends the search if its bound equals what a plan reaches. Capacity is not considered here: it only adds.
#pragma once

#include <optional>
#include <vector>

#include "gatefold/cost/period.h"
#include "gatefold/remap/certificate.h"
#include "gatefold/remap/dag_program.h"
#include "gatefold/remap/shape_program.h"

namespace gatefold {

struct ProvenPlan {
  Assignment assignment;
  EnergyTotal reached;  ///< by the same objective
  Proof proof;
  [[nodiscard]] bool exact() const { return reached == proof.bound; }
};

enum class Effort {
  kRelaxation,  ///< the chain relaxation and changes of single layers: a plan quickly
  kExact,       ///< cuts as well
};

/// The cheapest plan of one request with these node costs (node_costs(), or others). Requires: at least one layer.
[[nodiscard]] ProvenPlan prove_request(const OptionTable& table, const NodeCosts& nodes, Effort effort);

/// The cheapest plan that repeats every period, with `time` charged for each cycle. The bound holds for sequences of
/// requests with different plans as well. `reached` is EQ-39 with that charge.
[[nodiscard]] ProvenPlan prove_period(const OptionTable& table, const PeriodModel& model, EnergyPerCycle time);

}  // namespace gatefold
