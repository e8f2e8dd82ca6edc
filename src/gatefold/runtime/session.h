// The session: the only place that acts. For every layer of every request, in the graph's order (step):
//
//     measure -> act (inputs, route, weights, wakes) -> power -> decide its readers -> execute -> record
//
// A layer is decided when its last producer starts, while its inputs can still be steered; the readers of network inputs
// when the request begins. Requests of one network are served in order, one at a time; inside a request, layers are issued
// in order and overlap on disjoint clusters as their inputs and the bookings allow. Times are virtual: a layer's start and
// end are fixed when it is booked. session_moves.cpp carries data: shifts, strays, streamed weights; session_zeros.cpp counts
// zeros for chips that exploit them.
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
    Cycles weights_ready;  ///< a shift in progress delivers them then
    Cycles route_ready;
    std::int64_t shifts = 0;
    Cycles cycles;  ///< of the last execution
    EnergyTotal energy;
    std::optional<double> density;  ///< of its activation operands, in its last execution
    DotProducts skipped;            ///< not issued in its last execution
  };
  /// Time in which layers executed, and the same times the clusters powered then.
  struct PhaseTime {
    Cycles executing;
    Cycles clusters;
  };
  struct TensorState {
    Cycles ready;       ///< written
    Cycles read_until;  ///< last booked read
  };

  Status store_inputs(const InputSet* inputs);

  // ---- one layer ----
  Status step(LayerId layer);
  /// When it could start if everything were in place (EQ-33).
  Result<Cycles> measure(LayerId layer);
  /// `now` if its home can be used; if it was taken after the decision, decides again, or waits until it is given back.
  Result<Cycles> find_home(LayerId layer, Cycles now);
  /// Brings what is elsewhere and waits for routes, weights and wakes; returns the start.
  Result<Cycles> act(LayerId layer, Cycles ready);
  /// Powers what it executes on and reads from; returns the end.
  Cycles power(LayerId layer, Cycles start);
  /// Decides the layers that read its outputs, while those can still be steered for free.
  void decide_readers(LayerId layer, Cycles start);
  Status execute(LayerId layer, Cycles start, Cycles end);
  void record(LayerId layer, Cycles start, Cycles end);

  void decide(LayerId layer, Cycles now, bool steered);
  void shift(LayerId layer, const Placement& to, Cycles now, bool forced);
  void follow_pins(const Placement& from, const Placement& to, Cycles now);
  /// Moves an input that does not lie where the layer reads it, not before `now`; returns when it is there.
  Result<Cycles> align(LayerId layer, const Operand& operand, Cycles now);
  /// Streams a layer's weights from external memory (EQ-31): returns the end of an execution that could start at `start`
  /// and takes `cycles`. `decided`: when the transfer was known to be needed.
  Cycles stream(LayerId layer, Cycles decided, Cycles start, Cycles cycles);
  Status store_outputs(LayerId layer);

  // ---- zeros, on chips that exploit them (session_zeros.cpp) ----
  /// Sets zeros_ to what a layer that starts at `start` finds in its inputs.
  Status find_zeros(LayerId layer, Cycles start);
  /// Counts the elements of an activation that are not zero, in its bytes; assumes them under timing-only.
  void count_nonzeros(TensorId tensor, const std::byte* bytes);
  Status count_outputs(LayerId layer, Cycles start, Cycles end);
  /// Bytes that an activation takes in the chip's form, of which each is moved, read or written (EQ-47).
  [[nodiscard]] Bytes moved_bytes(TensorId tensor) const;
  /// Cycles and energy of an execution with the zeros that were found.
  [[nodiscard]] Cycles cycles_now(LayerId layer) const;
  [[nodiscard]] DynamicEnergy energy_now(LayerId layer) const;
  /// The earliest time >= ready at which the units that the layer needs are free.
  [[nodiscard]] Cycles resource_free(LayerId layer, Cycles ready) const;
  /// The first time >= now at which the layer's home is not occupied. Errors: kInvalidInput if no event releases it.
  [[nodiscard]] Result<Cycles> available_from(LayerId layer, Cycles now) const;
  /// EQ-34: the layer's share of the time that is left.
  std::optional<Cycles> budget(LayerId layer, Cycles now) const;
  Status complete();
  /// Frees an activation, if it is stored.
  void drop(TensorId tensor);
  /// Remembers the banks of blocks that are about to be freed, in vacated_.
  void vacate(std::span<const BlockId> blocks);

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
  std::vector<std::int64_t> nonzeros_;       ///< per activation that was written, on chips that exploit zeros
  Zeros zeros_;                              ///< of the layer that executes, on such chips
  std::vector<Cycles> remaining_reference_;  ///< T_ref of this layer and all after it
  std::vector<BlockId> avoid_;
  std::vector<Piece> vacated_;
  Cycles arrival_;
  std::optional<Cycles> deadline_;  ///< absolute
  Cycles first_start_;
  Cycles issued_;                ///< start of the layer issued last
  std::optional<LayerId> next_;  ///< the first layer whose operands are not laid out; nullopt: nor are the inputs
  Cycles last_end_;
  bool started_ = false;
  Cycles last_completion_;
  Cycles expected_gap_;
  RunResult result_;
  std::vector<PhaseTime> phase_times_;  ///< as result_.phases
  DotProducts useful_;
};

}  // namespace gatefold
