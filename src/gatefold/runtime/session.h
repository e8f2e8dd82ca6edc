// The session: the only place that acts. For every layer of every request, in the graph's order (step):
//
//     measure -> act (inputs, route, weights, wakes) -> power -> decide its readers -> execute -> record
//
// A layer is decided when its last producer starts, while its inputs can still be steered; the readers of network inputs
// when the request begins. Requests of one network are served in order, one at a time; inside a request, layers are issued
// in order and overlap on disjoint clusters as their inputs and the bookings allow. Times are virtual: a layer's start and
// end are fixed when it is booked. Several sessions share a chip (shared_chip.h) by taking turns: each goes on as far as a limit,
// the time at which another one could start its next layer. session_decisions.cpp asks the policy; session_moves.cpp carries data:
// shifts, strays, streamed weights; session_spill.cpp serves layers whose activations lie in external memory; session_zeros.cpp
// counts zeros for chips that exploit them; session_faults.cpp takes elements away and gives them back: what is lost, which layers
// run again, which request is shed.
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "gatefold/device/chip.h"
#include "gatefold/remap/policy.h"
#include "gatefold/runtime/executor.h"
#include "gatefold/runtime/prepared.h"
#include "gatefold/runtime/run.h"
#include "gatefold/runtime/shared_chip.h"

namespace gatefold {

class Session : public ChipUser {
 public:
  /// What became of a request.
  struct Ended {
    Cycles arrival;
    Cycles at;
    bool missed = false;  ///< its deadline
    std::string shed;     ///< why it was given up; empty: it completed
    std::vector<OutputRecord> outputs;
  };

  /// All must outlive the session, and the session the use of the chip. `executor` is null under timing-only. A session is no
  /// longer moved: the chip knows it. `options.events` are those of the chip.
  Session(const PreparedNetwork& network, const StaticPlan& plan, Policy& policy, const RunOptions& options, Executor* executor,
          SharedChip& shared);

  /// A request has to be done within so long: weights are not given up in gaps between requests if loading them again would take too
  /// long for that.
  void keep_deadline(Cycles deadline);
  /// True if weights may be given up in gaps between requests.
  [[nodiscard]] bool may_lose_weights() const { return !keeps_weights_; }

  /// Places the weights. Errors: kDoesNotFit.
  [[nodiscard]] Status boot();

  // ---- one request after the other, alone on the chip ----
  /// Serves one request that arrives at `arrival`, no earlier than the one before, or sheds it. `known`: the arrival was
  /// foreseeable (declared period, or closed loop). `inputs` must outlive the call. Errors: those of the executor.
  [[nodiscard]] Status serve(Cycles arrival, bool known, const InputSet* inputs);
  /// Settles the ledger up to the horizon and returns the figures of chip and session.
  [[nodiscard]] RunResult finish(Cycles horizon);

  // ---- in turns with others ----
  struct Request {
    Cycles arrival;
    bool known = false;                   ///< everybody knew beforehand when it would arrive
    std::optional<Cycles> deadline{};     ///< absolute
    const InputSet* inputs = nullptr;     ///< must outlive the request
    std::optional<double> density{};      ///< instead of RunOptions::density
    std::optional<std::size_t> layers{};  ///< it ends after so many; nullopt: all
  };
  /// Takes a request up at `now`. Requires: none is in progress, and the weights are there or on their way.
  void begin(const Request& request, Cycles now);
  /// True from begin() until the request has completed or is shed; then ended() says which.
  [[nodiscard]] bool busy() const { return active_; }
  /// Goes on with the request by one layer, if that can start by `limit`. Errors: those of the executor.
  [[nodiscard]] Status advance(Cycles limit);
  /// When advance() could do something at the earliest. Requires: busy.
  [[nodiscard]] Cycles next_time() const;
  /// The next layer starts no earlier.
  void hold_back(Cycles until) { resume_ = std::max(resume_, until); }
  [[nodiscard]] Ended& ended() { return ended_; }
  /// Of the layers that were executed to their end.
  [[nodiscard]] std::int64_t executions() const { return executions_; }
  /// The latest of them.
  struct Issued {
    Cycles start;
    Cycles end;
    EnergyTotal energy;  ///< dynamic, and what it holds ON
  };
  [[nodiscard]] const Issued& issued_last() const { return issued_last_; }

  // ---- networks that come and go ----
  /// Where the policy wants the layers at first.
  [[nodiscard]] Assignment wanted() const { return policy_.first_assignment(table_, plan_); }
  /// True if its weights are in the chip, or were before a failure.
  [[nodiscard]] bool resident() const { return resident_; }
  /// The weights are there from the start, at no charge. Errors: kDoesNotFit.
  [[nodiscard]] Status settle(const FittedPlan& plan);
  /// The weights come from external memory, one layer after the other: charged, and layers wait for theirs.
  /// Requires: not resident; Residence finds room for them in the order of the layers.
  void load(const FittedPlan& plan, Cycles now);
  /// Gives their banks up. Requires: resident, not busy.
  void unload(Cycles now);
  [[nodiscard]] const Residence& residence() const { return residence_; }
  [[nodiscard]] Assignment homes() const;
  /// Counters so far.
  [[nodiscard]] const RunResult& counted() const { return result_; }
  /// Its layers' accounts in the ledger, in their order, begin here.
  [[nodiscard]] std::int32_t first_account() const { return first_account_; }

  [[nodiscard]] Cycles last_completion() const { return last_completion_; }
  [[nodiscard]] Chip& chip() { return chip_; }

  void lose_data(const Event& event, Cycles now) override;
  void faults_passed(Cycles now) override;
  [[nodiscard]] std::optional<Cycles> executing_since() const override {
    return active_ && started_ ? std::optional(first_start_) : std::nullopt;
  }

 private:
  /// Per-layer state; homes persist over requests, times belong to the current one.
  struct LayerState {
    Placement home;
    Cycles weights_ready;                   ///< a shift in progress delivers them then
    std::optional<Placement> carried_from;  ///< by that shift; nullopt: from outside
    bool weights_lost = false;              ///< they lay in what failed
    Cycles route_ready;
    std::int64_t shifts = 0;
    Cycles cycles;  ///< of the last execution
    std::int64_t row_blocks = 0;
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
    Cycles ready;                           ///< written
    Cycles read_until;                      ///< last booked read
    std::optional<Placement> carried_from;  ///< by a move that ends at `ready`
  };
  /// Where a shift came from and went to, and when its weights are away.
  struct Departure {
    Placement from;
    Placement to;
    Cycles drained;
  };
  /// An execution: what it takes, and until when it lasts: a fault may cut it short.
  struct Execution {
    Cycles end;
    Cycles stop;
  };

  void keep_weights();
  /// True if gaps inside a request, and before one whose arrival is declared, are known.
  [[nodiscard]] bool foresees() const { return policy_.gap_rule() != GapRule::kIdleTimeout; }
  /// Loads the weights of the first `layers` again that banks have lost since the last request, from `now` on.
  void refill(Cycles now, std::size_t layers);
  /// What is next of the request in progress: its inputs, a layer, one that has to run again, or its end.
  Status go_on();
  Status store_inputs();
  Status store_input(std::size_t input, const Placement& home, Cycles now);

  // ---- one layer ----
  Status step(LayerId layer);
  /// True if `then` is not this session's turn any more: it goes on from there when it is.
  bool put_off(Cycles then) {
    if (then <= limit_) return false;
    resume_ = then;
    return true;
  }
  /// When it could start if everything were in place (EQ-33), not before `from`.
  Result<Cycles> measure(LayerId layer, Cycles from);
  /// `now` if its home can be used; if it was taken or failed after the decision, decides again, or waits for it to come back.
  Result<Cycles> find_home(LayerId layer, Cycles now);
  /// Brings what is elsewhere and waits for routes, weights and wakes; returns the start.
  Result<Cycles> act(LayerId layer, Cycles ready);
  /// Powers what it executes on and reads from, until it ends or a fault stops it.
  Execution power(LayerId layer, Cycles start);
  /// Decides the layers that read its outputs, while those can still be steered for free.
  void decide_readers(LayerId layer, Cycles start);
  Status execute(LayerId layer, Cycles start, Cycles end);
  void record(LayerId layer, Cycles start, Cycles end);
  /// Books the units it executes on.
  void book(LayerId layer, Cycles until);

  /// Lets the policy look at the whole network. `begins`: a request does.
  void replan(Cycles now, bool begins);
  void decide(LayerId layer, Cycles now, bool steered);
  /// True if a layer can move without taking the room of others. `evicted`: it has to leave, so its own room is enough.
  [[nodiscard]] bool can_move(LayerId layer, const Placement& to, bool evicted) const;
  /// Moves a layer if it can.
  void shift(LayerId layer, const Placement& to, Cycles now, bool forced, bool evicted);
  /// Deactivates the clusters that the last shift left, once its weights are away, but for those in which something lies.
  void leave_clusters();
  /// Moves an input that does not lie where the layer reads it, not before `now`; returns when it is there.
  Result<Cycles> align(LayerId layer, const Operand& operand, Cycles now);
  /// Streams a layer's weights from external memory (EQ-31): returns the end of an execution that could start at `start`
  /// and takes `cycles`. `decided`: when the transfer was known to be needed.
  Cycles stream(LayerId layer, Cycles decided, Cycles start, Cycles cycles);
  /// Takes the staging buffers of a layer with spilled activations: returns the earliest start >= `start` at which they are
  /// free. Errors: kDoesNotFit.
  Result<Cycles> stage(LayerId layer, Cycles start);
  /// The earliest time >= start at which buffers and external channel could be ON and free.
  [[nodiscard]] Cycles staging_ready_at(LayerId layer, Cycles start) const;
  /// Sets blocked_ to what an execution in row blocks costs; returns its end.
  Cycles price_blocks(LayerId layer, Cycles start);
  /// Gives buffers and channel to the layer until then.
  void hold_staging(Cycles start, Cycles stop);
  void release_staging();
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
  /// The same of an execution that does not come to its end; outputs count as dense.
  [[nodiscard]] DynamicEnergy energy_begun(LayerId layer) const;
  /// The earliest time >= ready at which the units that the layer needs are free.
  [[nodiscard]] Cycles resource_free(LayerId layer, Cycles ready) const;
  /// The first time >= now at which the layer's home is neither occupied nor failed. Errors: kDoesNotFit if no event gives it
  /// back, or its weights were lost and find no room there: the request is shed.
  [[nodiscard]] Result<Cycles> available_from(LayerId layer, Cycles now) const;
  /// EQ-34: the layer's share of the time that is left.
  std::optional<Cycles> budget(LayerId layer, Cycles now) const;
  Status complete();

  // ---- faults (session_faults.cpp) ----
  /// After pass_faults() first_undone_ may be a layer that was done before.
  std::optional<Cycles> pass_faults(Cycles now) { return shared_.pass_faults(now); }
  [[nodiscard]] bool fault_pending(Cycles now) const { return shared_.fault_pending(now); }
  void drop_weights(LayerId layer);
  /// Marks the layers whose results are needed and lost.
  void mark_reruns();
  /// True if something still reads the tensor in this request.
  [[nodiscard]] bool needed(TensorId tensor) const;
  /// Its first reader that has not run; `otherwise` if there is none.
  [[nodiscard]] LayerId first_reader(TensorId tensor, LayerId otherwise) const;
  [[nodiscard]] bool lies_in(std::span<const BlockId> blocks, const Event& event) const;
  /// True if the failure takes something that the layer uses while it executes.
  [[nodiscard]] bool hits(LayerId layer, const Event& event) const;
  /// The first failure inside (start, end) that does.
  [[nodiscard]] std::optional<Cycles> caught(LayerId layer, Cycles start, Cycles end) const;
  /// Charges what an execution took until a fault stopped it, and gives up its outputs.
  void interrupt(LayerId layer, Cycles start, const Execution& execution);
  /// A recovery may take so much longer for work that it needs, or for waiting for what others had booked.
  void allow(Cycles work);
  void allow_wait(Cycles from, Cycles until);
  /// A layer has run to its end while a recovery was in progress.
  void recover(LayerId layer, Cycles start, Cycles end);
  /// Network inputs that the layer reads and that were lost are stored again. True if a fault happened meanwhile.
  Result<bool> restore_inputs(LayerId layer, Cycles& from);
  /// True if the layer's weights are where it runs, or would find room there.
  [[nodiscard]] bool weights_have_room(LayerId layer) const;
  /// True if a layer that starts next finds room where it is. Without failed banks nobody took any from it.
  [[nodiscard]] bool home_has_room(LayerId layer) const;
  /// Loads lost weights from external memory into `to`, asked for at `now`; returns the energy, which the chip has charged.
  EnergyTotal reload(LayerId layer, const Placement& to, Cycles now);
  /// Gives the request in progress up.
  void shed(std::string reason);
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
  SharedChip& shared_;
  Chip& chip_;
  std::int32_t first_account_;
  std::int32_t stream_;  ///< the chip's number for it
  Residence residence_;
  Spilling spilling_;
  RowBlocks blocks_;     ///< of the layer that is starting
  BlockedCost blocked_;  ///< of the layer that executes, where it does so in row blocks
  std::vector<LayerState> layers_;
  std::vector<TensorState> tensors_;
  std::vector<std::int64_t> nonzeros_;       ///< per activation that was written, on chips that exploit zeros
  Zeros zeros_;                              ///< of the layer that executes, on such chips
  std::vector<Cycles> remaining_reference_;  ///< T_ref of this layer and all after it
  std::vector<BlockId> avoid_;
  std::vector<Piece> vacated_;
  std::uint64_t planned_at_ = 0;        ///< the profile's version when the policy last looked at the whole
  std::optional<Departure> departure_;  ///< policies that activate whole clusters: of a shift whose clusters are not left yet
  Cycles arrival_;                      ///< of the latest request
  std::optional<Cycles> period_;        ///< moving mean of the times between arrivals
  std::optional<Cycles> deadline_;      ///< absolute
  Cycles first_start_;
  Cycles issued_;                ///< start of the layer issued last
  std::optional<LayerId> next_;  ///< the first layer whose operands are not laid out; nullopt: nor are the inputs
  Cycles last_end_;
  bool started_ = false;
  bool served_before_ = false;  ///< arrival_ is one's
  bool resident_ = false;
  bool keeps_weights_ = false;
  bool active_ = false;          ///< a request is in progress
  bool inputs_stored_ = false;   ///< that is, they have been once
  Cycles limit_;                 ///< of this turn
  std::int32_t surprised_ = -1;  ///< the layer that nobody foresaw and that has asked its elements to wake; -1: none
  Cycles resume_;                ///< the next layer starts no earlier
  Ended ended_;
  double density_;  ///< assumed under timing-only
  std::int64_t executions_ = 0;
  Issued issued_last_;
  /// From a failure in mid-layer (Recoveries).
  struct Recovery {
    LayerId layer;
    Cycles failed;
    Cycles allowed;
    bool plain = true;
  };
  std::optional<Recovery> recovery_;
  const InputSet* inputs_ = nullptr;  ///< of the request in progress
  std::vector<char> done_;            ///< layers of the request in progress whose results are there, or no longer needed
  std::size_t first_undone_ = 0;      ///< all layers before it are done
  Cycles last_completion_;
  RunResult result_;
  std::vector<PhaseTime> phase_times_;  ///< as result_.phases
  DotProducts useful_;
};

/// What a ledger holds, by parts.
[[nodiscard]] EnergyParts energy_parts(const Ledger& ledger);

/// Errors: kInvalidInput naming those that there are.
[[nodiscard]] Result<std::unique_ptr<Policy>> make_policy(const std::string& name);
/// What is declared of the arrivals of a run: the mean time between those of a random stream.
[[nodiscard]] DeclaredStream declared_stream(const PreparedNetwork& network, const StaticPlan& plan, const RunOptions& options);

}  // namespace gatefold
