// The session: the only place that acts. For every layer of every request, when its producer starts:
//
//     measure -> decide -> act (route, move weights, wake, gate) -> run -> record
//
// Requests of one network are served in order, one at a time; inside a request, layers are issued in order and
// overlap on disjoint clusters as their inputs and the bookings allow. Times are virtual: a layer's start and end are fixed when it is booked.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gatefold/device/chip.h"
#include "gatefold/remap/policy.h"
#include "gatefold/runtime/executor.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/runtime/run.h"

namespace gatefold {

class Session {
 public:
  /// All must outlive the session. `executor` is null under timing-only. `expected_gap`, for streams whose arrivals are
  /// random, is the mean idle time between requests.
  Session(const PreparedNetwork& network, const StaticPlan& plan, Policy& policy, const RunOptions& options, Executor* executor);

  /// Places the weights. Errors: kDoesNotFit.
  [[nodiscard]] Status boot();
  /// Serves one request that arrives at `arrival`, no earlier than the one before. `known`: the arrival was foreseeable
  /// (declared period, or closed loop). Errors: those of the executor; kDoesNotFit if an activation finds no place.
  [[nodiscard]] Status serve(Cycles arrival, bool known, const InputSet* inputs);
  /// Settles the ledger up to the horizon and returns the figures.
  [[nodiscard]] RunResult finish(Cycles horizon);

  [[nodiscard]] Cycles last_completion() const { return last_completion_; }
  [[nodiscard]] Chip& chip() { return chip_; }

 private:
  /// Per-layer state; homes persist over requests, times belong to the current one.
  struct LayerState {
    Placement home;
    Cycles weights_ready;   ///< a shift in progress delivers them then
    Cycles route_ready;
    bool decided = false;
    std::int64_t shifts = 0;
    Cycles cycles;          ///< of the last execution
    EnergyTotal energy;
  };
  struct TensorState {
    Cycles ready;           ///< written
    Cycles read_until;      ///< last booked read
  };

  Status store_inputs(const InputSet* inputs);
  Status step(LayerId layer);
  void decide(LayerId layer, Cycles now, bool steered);
  void shift(LayerId layer, const Placement& to, Cycles now, bool forced);
  void follow_pins(const Placement& from, const Placement& to, Cycles now);
  /// Moves an input that does not lie where the layer reads it, not before `now`; returns when it is there.
  Result<Cycles> align(LayerId layer, const Operand& operand, Cycles now);
  Status store_outputs(LayerId layer);
  Cycles resource_free(LayerId layer, Cycles ready) const;
  /// The first time >= now at which the layer's home is not occupied. Errors: kInvalidInput if no event releases it.
  [[nodiscard]] Result<Cycles> available_from(LayerId layer, Cycles now) const;
  std::optional<Cycles> budget(LayerId layer, Cycles now) const;
  Status complete();

  const PreparedNetwork& network_;
  const OptionTable& table_;
  const StaticPlan& plan_;
  Policy& policy_;
  const RunOptions& options_;
  Executor* executor_;
  Chip chip_;
  Residence residence_;
  std::vector<LayerState> layers_;
  std::vector<TensorState> tensors_;
  std::vector<Cycles> remaining_reference_;  ///< T_ref of this layer and all after it
  std::vector<BlockId> avoid_;
  std::vector<Piece> scratch_pieces_;
  Cycles arrival_;
  std::optional<Cycles> deadline_;           ///< absolute
  Cycles first_start_;
  Cycles issued_;                            ///< start of the layer issued last
  std::optional<LayerId> next_;              ///< the first layer whose operands are not laid out; nullopt: nor are the inputs
  Cycles last_end_;
  bool started_ = false;
  Cycles last_completion_;
  Cycles expected_gap_;
  RunResult result_;
  DotProducts useful_;
};

}  // namespace gatefold
