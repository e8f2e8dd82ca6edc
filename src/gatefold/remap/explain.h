// Why a layer is where it is: what a policy weighed at one boundary, and what would have to change for another choice.
//
// The policy tells it itself while it decides (Boundary::why), so there is no second account of its rules that could differ
// from them. Nobody asks: one comparison with a null pointer. What was excluded before it was priced is priced here too,
// because "occupied, and would cost less" and "occupied, and would cost more" are different answers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "gatefold/remap/policy.h"

namespace gatefold {

enum class Standing : std::uint8_t {
  kChosen,
  kPassedOver,  ///< could be used, but for its cost
  kLate,        ///< takes longer than the layer's budget, which the chosen one keeps
  kSlower,      ///< all are late, and this takes longer than the chosen one
  kOccupied,
  kFailed,  ///< too few cores of each of its clusters work
  kNoRoom,
};
/// "chosen", "passed-over", "late", "slower", "occupied", "failed", "no-room".
[[nodiscard]] std::string_view name(Standing standing);

struct WeighedOption {
  Placement placement;
  Standing standing = Standing::kPassedOver;
  bool home = false;
  StepCost cost;       ///< the terms that the policy weighs; others are 0
  Cycles cycles;       ///< of an execution at the speed of its slowest cluster
  Cycles late;         ///< more than the budget; 0: in time, or no deadline
  EnergyTotal dearer;  ///< than the chosen one; below 0: cheaper
  /// Passed over, and execution time is all that would have to change: so many cycles less make it the cheaper one, one less
  /// does not. nullopt: not even no time at all would, or its time does not enter the cost in proportion.
  std::optional<Cycles> faster;
};

struct Explanation {
  Placement home;
  Decision decision;
  bool looked = true;  ///< false: nothing has changed since the policy last looked at the layer, so it stays
  bool waits = false;  ///< its home cannot be used and it stays
  std::optional<Cycles> budget;
  std::vector<WeighedOption> options;  ///< in the order of the search; the chosen one is among them

  // ---- For policies, while they decide. A placement that is known already is not added again. ----
  /// One that could be chosen. `late`: it misses the budget, and the policy minds.
  void weigh(const Boundary& boundary, const Placement& placement, const StepCost& cost, bool late);
  /// One that could not.
  void exclude(const Boundary& boundary, const Placement& placement, const StepCost& cost, Standing why);
};

/// Decides like policy.decide(boundary), and explains it. A policy that weighs nothing is explained by its choice alone.
[[nodiscard]] Explanation decide_and_explain(Policy& policy, Boundary boundary);

/// Decisions that differ neither in what was chosen nor in what was weighed.
struct ExplainedDecision {
  Cycles at;                 ///< of the first
  std::int64_t request = 0;  ///< of the first, from 0
  std::int64_t alike = 0;    ///< how many more there were
  bool again = false;        ///< its home was taken after a decision, so the layer was decided once more
  Explanation explanation;
};

/// Adds a decision to the list, or counts it where one alike is there.
void add_distinct(std::vector<ExplainedDecision>& list, ExplainedDecision decision);

/// What is spilled at a boundary; nothing if it names nothing.
[[nodiscard]] const Spilling& spilling_of(const Boundary& boundary);
/// The situation in which `placement` is priced at a boundary (EQ-28), and the cycles of its execution there.
[[nodiscard]] StepCost cost_at(const Boundary& boundary, const Placement& placement);
[[nodiscard]] Cycles cycles_at(const Boundary& boundary, const Placement& placement);

}  // namespace gatefold
