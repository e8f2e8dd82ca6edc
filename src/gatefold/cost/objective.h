// The objective: what one step of a plan costs, term by term, in joules. This is the idea's cost function with its prose
// taken seriously (docs/decision-problem.md): active clusters as leakage over time, data transfer, and a shifting penalty
// that is charged only when a layer moves. What the chip pays for idle elements is the ledger's (device/gating.h).
#pragma once

#include "gatefold/cost/row_blocks.h"

namespace gatefold {

struct StepCost {
  EnergyTotal dynamic;   ///< E_v(m): MACs, adds, vector values, SRAM, control words
  EnergyTotal active;    ///< (always + held) * time                          ActiveClusters
  EnergyTotal transfer;  ///< activations, spilled ones too, and weights if the layer moves      DataTransferCost
  EnergyTotal penalty;   ///< control words of re-routing, only if it moves    ShiftingPenalty
  EnergyTotal wake;      ///< what has to be woken
  [[nodiscard]] EnergyTotal total() const { return dynamic + active + transfer + penalty + wake; }
};

/// EQ-25: the penalty of one shift: control words that take the old routes down and set the new ones up.
[[nodiscard]] Energy shift_penalty(const DeviceSpec& spec, const Placement& from, const Placement& to);

/// EQ-26: what a shift costs apart from the penalty, for every copy that `to` holds: weights read, carried and written, or
/// loaded from external memory if that is cheaper with the time it takes.
struct WeightMove {
  bool reloaded = false;
  Energy energy;
  Cycles cycles;       ///< 0 if nothing lies at `from`
  EnergyTotal uncore;  ///< if reloaded: the parts that serve external memory, woken and ON for that time
};
[[nodiscard]] WeightMove weight_move(const OptionTable& table, LayerId layer, const Placement& from, const Placement& to);

/// EQ-30: what a streamed layer pays at every execution: its weights read from external memory and written to the buffer,
/// and the time by which the transfer outlasts the layer.
struct StreamCost {
  Energy energy;
  Cycles cycles;  ///< of the execution, streaming included
};
/// External memory is as fast as ever where a cluster is throttled.
[[nodiscard]] StreamCost stream_cost(const OptionTable& table, LayerId layer, const Placement& placement, std::int32_t percent = 100);
/// Cycles of one execution that nothing disturbs, at `percent` of full speed.
[[nodiscard]] Cycles execution_cycles(const OptionTable& table, LayerId layer, const Placement& placement, const Spilling& spilling = {},
                                      std::int32_t percent = 100);

/// EQ-27: wake-up of the clusters and cores of `next` that `previous` does not hold.
[[nodiscard]] Energy wake_energy(const DeviceSpec& spec, const Placement& previous, const Placement& next);

/// The situation in which a layer is priced.
struct Step {
  LayerId layer;
  Placement home;                      ///< where its weights lie
  std::optional<Placement> producer;   ///< where the producer of its inputs executes; nullopt: a network input
  Bytes input;                         ///< bytes of its inputs that are not spilled
  bool steered = true;                 ///< the inputs can still be steered for free; otherwise they are read, carried, written
  std::int32_t percent = 100;          ///< speed of the candidate's slowest cluster
  const Spilling* spilling = nullptr;  ///< what is in external memory; nullptr: nothing
  bool weights_lost = false;           ///< its weights come from external memory, wherever it executes (EQ-30)
};

/// EQ-28: the cost of executing `step.layer` at `candidate`. Requires: the shape is legal for the layer.
[[nodiscard]] StepCost step_cost(const OptionTable& table, const Step& step, const Placement& candidate);

/// One placement per layer.
using Assignment = std::vector<Placement>;

/// EQ-29: one request under an assignment with everything awake at its start: the sum the static planner minimises. Data
/// edges: an output is steered to its first reader for free but for the wires; later readers elsewhere pay a transfer.
/// What is spilled costs what EQ-52 and EQ-53 say instead.
[[nodiscard]] EnergyTotal assignment_cost(const OptionTable& table, const Assignment& assignment, const Spilling& spilling = {});

/// The part of EQ-29 that depends on where `layer` is, while nothing is spilled: its node, its data edges, and the wakes around it.
[[nodiscard]] EnergyTotal local_cost(const OptionTable& table, const Assignment& assignment, LayerId layer, const Spilling& spilling = {});

/// The part of it that a tensor causes: wires to its first reader, and transfers to later readers elsewhere.
[[nodiscard]] EnergyTotal data_cost(const OptionTable& table, const Assignment& assignment, TensorId tensor, bool spilled);

}  // namespace gatefold
