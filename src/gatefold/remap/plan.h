// The compile-time plan: what `static` runs and every run-time policy starts from.
//
// 1. The cheapest plan by EQ-29 with a proof of how cheap one can be (prove.h): exact for chains and for graphs of narrow cuts,
//    a lower bound otherwise. For a periodic stream, by EQ-39.
// 2. Deadline: time gets a price until the plan is in time; the bound is the Lagrangian dual's.
// 3. Capacity: the plan is laid out in a scratch memory; a layer that does not fit takes the next cheapest place or shape.
//    If that fails, steps 1 to 3 are repeated with a rising price on resident bytes. If that fails too, external memory
//    helps in two ways: the largest weights are streamed at every execution, and activations are spilled (row_blocks.h),
//    each time the largest of those alive where the plan overflows, and brought back where layers can move apart for them. Of the plans that fit, with none, one, two, four, ..
//    layers streamed and as much spilled as it then takes, the cheapest by EQ-29 is kept.
// The proof does not know capacity, which only adds: the gap between its bound and the plan is what capacity costs at most.
#pragma once

#include <array>
#include <optional>
#include <string>

#include "gatefold/cost/objective.h"
#include "gatefold/cost/residence.h"
#include "gatefold/remap/prove.h"

namespace gatefold {

struct StaticPlan {
  Assignment assignment;
  Spilling spilling;                 ///< what lies in external memory while it lives
  std::optional<EnergyTotal> bound;  ///< no plan costs less; nullopt: there are no layers, or activations are spilled
  EnergyTotal reached;               ///< EQ-29 (EQ-39) of the assignment
  /// "chain", "dag": the plan is proven cheapest, by the chain alone or with every later reader; "chain-relaxed": a bound by the
  /// chain alone; "dag-relaxed": with every later reader. The gap is what capacity, a deadline or wide cuts may cost.
  std::string bound_kind;
  EnergyPerCycle time_price;  ///< the deadline's multiplier, at which the proof holds
  Proof proof;
  std::vector<Cycles> reference;  ///< T_ref of each layer under the plan
  Cycles reference_total;
};

/// What a plan may do where the chip's own memory does not suffice. Plans that spill have no certificate.
enum class OffChip : std::uint8_t { kAllowed, kStreamsOnly, kRefused };

/// What is declared of the requests.
struct PlanObjective {
  std::optional<Cycles> deadline{};  ///< of one request
  std::optional<Cycles> period{};    ///< requests arrive exactly so often: what a period costs is minimised, gap included
  OffChip off_chip = OffChip::kAllowed;
};

/// Plans one network on one chip. `deadline`, if given, is declared: if the cheapest plan is slower, time is charged at
/// the smallest extra rate (a Lagrange multiplier, found by bisection) that makes the plan meet it, or the fastest plan
/// is taken if none does.
/// Errors: kDoesNotFit with the sizes.
[[nodiscard]] Result<StaticPlan> plan_static(const OptionTable& table, std::optional<Cycles> deadline,
                                             OffChip off_chip = OffChip::kAllowed);
/// The same; with a period, that is a deadline too.
[[nodiscard]] Result<StaticPlan> plan_static(const OptionTable& table, const PlanObjective& objective);

/// Lays an assignment out in an empty memory, moving layers that do not fit to the next cheapest place or shape, and
/// choosing core masks. Errors: kDoesNotFit with the sizes.
/// `streamed` and `spilled`, if not empty, mark the layers whose weights do not stay (Placement::streamed) and the activations
/// that lie in external memory. `within` is a memory in which banks may have failed, and others may have their weights; nullptr: all
/// is empty and works.
[[nodiscard]] Result<Assignment> fit_assignment(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed,
                                                const std::vector<char>& spilled = {}, const Memory* within = nullptr);

/// The plan for a chip without one cluster: layers that do not use it stay where `plan` has them; each of the others takes the
/// cheapest shape beside the failed cluster that the rest leaves room for (local_cost). What is spilled stays spilled. nullopt: it does not
/// fit.
[[nodiscard]] std::optional<Assignment> plan_spare(const OptionTable& table, const Assignment& plan, const Spilling& spilling,
                                                   ClusterId failed);

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

/// The row blocks of an assignment that fits just as it is, weights in the order of layers; nullopt if it does not. `within`: as for
/// fit_assignment.
[[nodiscard]] std::optional<Spilling> lay_out_as_is(const OptionTable& table, const Assignment& assignment,
                                                    const std::vector<char>& spilled, const Memory* within = nullptr);

/// Per core, the banks that the activations of one request take at most where nothing is in their way, staging buffers at their
/// smallest; nullopt if they do not fit an empty memory.
[[nodiscard]] std::optional<std::vector<std::int32_t>> activation_peaks(const OptionTable& table, const Assignment& assignment,
                                                                        const std::vector<char>& spilled);

/// True if a whole request finds room for its activations where nobody else has any, beside the weights that lie there now. Pure.
[[nodiscard]] bool request_fits(const OptionTable& table, const Residence& now, const Assignment& homes);

/// fit_assignment with activations in external memory: those of `spilled` (per tensor; empty: none), and as many more as it takes.
struct FittedPlan {
  Assignment assignment;
  Spilling spilling;
};
[[nodiscard]] Result<FittedPlan> fit_spilling(const OptionTable& table, const Assignment& wanted, const std::vector<char>& streamed,
                                              std::vector<char> spilled, const Memory* within = nullptr);

/// The assignment with layers moved apart, so that what one writes lies in cores that others leave free: where it cannot be laid out, the
/// layer that finds no room goes to the place from which a request gets furthest. Nothing but `spilled` is spilled, and what is streamed
/// stays so. nullopt: it gets stuck.
[[nodiscard]] std::optional<FittedPlan> fit_apart(const OptionTable& table, const Assignment& wanted, const std::vector<char>& spilled,
                                                  const Memory* within = nullptr);

/// True if a layer can move to its place in `homes` without taking the room that activations need: those of the request
/// in progress from layer `next` on (nullopt: its inputs are not stored yet; `done`, if not empty: those among them that have
/// been computed already), and those of a whole request after it. What belongs to layers whose homes failed is left out: they
/// are decided in their turn. Pure: tried out on a copy of the memory.
[[nodiscard]] bool shift_leaves_room(const OptionTable& table, const Residence& now, const Assignment& homes, LayerId layer,
                                     std::optional<LayerId> next, const std::vector<char>& done);

/// True if a layer that starts next finds room at its place in `homes` for its weights, if they are stored nowhere, its inputs,
/// outputs and staging buffers, others left where they are. `done`: the layers that have been computed already. Pure.
[[nodiscard]] bool operands_fit(const OptionTable& table, const Residence& now, const Assignment& homes, LayerId layer,
                                const std::vector<char>& done);

}  // namespace gatefold
