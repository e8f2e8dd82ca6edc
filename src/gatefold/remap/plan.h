// The compile-time plan: what `static` runs and every run-time policy starts from.
//
// 1. Exact shortest path over (position, shape) states along the layer order (Viterbi), minimising what EQ-29
//    charges one request for nodes, wires of chain edges and wakes.
// 2. For graphs that are no chain: sweeps of single-layer changes until none lowers the full objective (EQ-29).
// 3. Capacity: the plan is laid out in a scratch memory; a layer that does not fit takes the next cheapest place or shape.
//    If that fails, steps 1 to 3 are repeated with a rising price on resident bytes; if that fails too, the largest
//    weights are streamed from external memory at every execution.
// Step 1 alone ignores later readers and capacity, so its value is a lower bound of EQ-29 over all placements. Where a
// layer has more states than plan.cpp considers (kStatesMax), its runs begin at cluster 0 and there is no bound.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "gatefold/cost/objective.h"
#include "gatefold/cost/residence.h"

namespace gatefold {

struct StaticPlan {
  Assignment assignment;
  std::optional<EnergyTotal> bound;  ///< of step 1; nullopt if it did not consider every position
  EnergyTotal reached;               ///< EQ-29 of the assignment
  std::string bound_kind;  ///< "chain": bound and plan answer the same question; "chain-relaxed": later readers or capacity were left out
  std::vector<Cycles> reference;  ///< T_ref of each layer under the plan
  Cycles reference_total;
};

/// Plans one network on one chip. `deadline`, if given, is declared: if the cheapest plan is slower, time is charged at
/// the smallest extra rate (a Lagrange multiplier, found by bisection) that makes the plan meet it, or the fastest plan
/// is taken if none does.
/// Errors: kDoesNotFit with the sizes.
[[nodiscard]] Result<StaticPlan> plan_static(const OptionTable& table, std::optional<Cycles> deadline);

/// Lays an assignment out in an empty memory, moving layers that do not fit to the next cheapest place or shape, and
/// choosing core masks. Errors: kDoesNotFit with the sizes.
/// `streamed`, if not empty, marks the layers whose weights do not stay (Placement::streamed). `empty` is a memory that holds
/// nothing and in which banks may have failed; nullptr: all work.
[[nodiscard]] Result<Assignment> fit_assignment(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed,
                                                const Memory* empty = nullptr);

/// The plan for a chip without one cluster: layers that do not use it stay where `plan` has them; each of the others takes the
/// cheapest shape beside the failed cluster that the rest leaves room for (local_cost). nullopt: it does not fit.
[[nodiscard]] std::optional<Assignment> plan_spare(const OptionTable& table, const Assignment& plan, ClusterId failed);

/// Core masks of one cluster; a mask has 16 bits, so there are at most as many.
struct CoreMasks {
  std::array<std::uint16_t, 16> list{};
  std::size_t count = 0;
  [[nodiscard]] const std::uint16_t* begin() const { return list.data(); }
  [[nodiscard]] const std::uint16_t* end() const { return list.data() + count; }
};
/// Masks of `count` cores among those that work, next to each other but for failed ones between, lowest first.
[[nodiscard]] CoreMasks core_masks(std::int32_t cores_per_cluster, std::int32_t count, std::uint16_t failed);

/// True if some core of the placement has no bank left.
[[nodiscard]] bool failed_core(const Memory& memory, const Placement& placement, std::int32_t cores_per_cluster);

/// True if a layer can move to its place in `homes` without taking the room that activations need: those of the request
/// in progress from layer `next` on (nullopt: its inputs are not stored yet; `done`, if not empty: those among them that have
/// been computed already), and those of a whole request after it. What belongs to layers whose homes failed is left out: they
/// are decided in their turn. Pure: tried out on a copy of the memory.
[[nodiscard]] bool shift_leaves_room(const OptionTable& table, const Residence& now, const Assignment& homes, LayerId layer,
                                     std::optional<LayerId> next, const std::vector<char>& done);

}  // namespace gatefold
