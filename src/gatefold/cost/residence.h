// Residence: which blocks of a memory hold which layer's weights and which activation.
//
// The planner keeps one over a scratch memory to see whether a plan fits; the runtime keeps one over the chip's. Weights
// of a layer and the inputs it reads are divided over the cores of its placement; an output lies where its first reader
// wants it. A spilled activation lies in external memory and passes through staging buffers.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "gatefold/cost/row_blocks.h"
#include "gatefold/device/memory.h"

namespace gatefold {

class Residence {
 public:
  /// Both must outlive the residence. `spilled`: per tensor, whether it lies in external memory; empty: none does.
  Residence(const OptionTable& table, Memory& memory, std::vector<char> spilled = {});
  /// The same residence over a copy of its memory, to try something out. `memory` must outlive it.
  Residence(const Residence& other, Memory& copy) : Residence(other) { memory_ = &copy; }
  Residence(const Residence&) = default;

  // ---- weights ----
  // Streamed layers (Placement::streamed) share one buffer of two banks in each core; it stays while a layer needs it.
  /// True if the weights could be stored there now, leaving at least `spare_banks` empty banks in each core. Pure.
  [[nodiscard]] bool weights_fit(LayerId layer, const Placement& placement, std::int64_t spare_banks = 0) const;
  /// Stores the weights; payloads may be empty or one per core. Errors: kDoesNotFit; then nothing is stored.
  [[nodiscard]] Status store_weights(LayerId layer, const Placement& placement, std::span<const Payload> payloads);
  void drop_weights(LayerId layer);
  /// One block per core, in the placement's order; fewer where a share is empty.
  [[nodiscard]] std::span<const BlockId> weights(LayerId layer) const { return weights_[layer.at()]; }

  // ---- activations ----
  /// True if the tensor lies in external memory while it lives: it has no blocks, and no reader is far from it.
  [[nodiscard]] bool spilled(TensorId tensor) const { return !spilled_.empty() && spilled_[tensor.at()] != 0; }
  /// Per tensor; empty: none.
  [[nodiscard]] const std::vector<char>& spilled() const { return spilled_; }
  [[nodiscard]] bool stored(TensorId tensor) const { return tensors_[tensor.at()].live; }
  /// Stores an activation divided over the cores of `placement`, in banks that no block of `avoid` uses.
  /// A spilled one takes room in external memory alone. Errors: kDoesNotFit; then nothing is stored.
  [[nodiscard]] Status store(TensorId tensor, const Placement& placement, const Layout& layout, std::span<const BlockId> avoid);
  void drop(TensorId tensor);
  /// Drops all of them, and staging buffers.
  void drop_activations();
  /// Stores an activation elsewhere while its present place is still taken, and gives that up if the new one fits and
  /// `accept(blocks)` says so; otherwise nothing changes. Requires: stored.
  template <class Accept>
  void relocate(TensorId tensor, const Placement& placement, const Layout& layout, std::span<const BlockId> avoid, Accept accept) {
    Stored before = std::exchange(tensors_[tensor.at()], Stored());
    if (store(tensor, placement, layout, avoid)) {
      if (accept(blocks(tensor))) {
        for (const BlockId block : before.blocks) memory_->free(block);
        return;
      }
      drop(tensor);
    }
    tensors_[tensor.at()] = std::move(before);
  }
  /// Where it lies. Requires: stored.
  [[nodiscard]] const Placement& where(TensorId tensor) const { return tensors_[tensor.at()].where; }
  [[nodiscard]] const Layout& layout(TensorId tensor) const { return tensors_[tensor.at()].layout; }
  [[nodiscard]] std::span<const BlockId> blocks(TensorId tensor) const { return tensors_[tensor.at()].blocks; }
  /// True if a reader at `placement` finds its share of every input in its own cores.
  [[nodiscard]] bool aligned(TensorId tensor, const Placement& placement, const Layout& layout) const;

  /// Banks that one core needs to hold its share of a tensor.
  [[nodiscard]] std::int64_t banks_per_core(TensorId tensor, std::int64_t cores) const;

  // ---- staging buffers of the layer that executes (row_blocks.h) ----
  /// In how many blocks the layer executes with the banks that are empty now. nullopt: not even one row fits. Pure.
  [[nodiscard]] std::optional<RowBlocks> stageable(LayerId layer, const Placement& placement) const;
  /// True if the layer could execute at all with the banks that are empty now. Pure.
  [[nodiscard]] bool room_to_stage(LayerId layer, const Placement& placement) const;
  /// Takes the buffers for the layer's spilled values. Errors: kDoesNotFit; then nothing is taken. Requires: unstaged.
  [[nodiscard]] Result<RowBlocks> stage(LayerId layer, const Placement& placement);
  void unstage();
  /// The buffer of the `value`-th of staged_values, on side 0 or 1: a block per core.
  [[nodiscard]] std::span<const BlockId> staging(std::size_t value, std::int64_t side) const;
  /// All of them.
  [[nodiscard]] std::span<const BlockId> staging() const { return staging_; }

  [[nodiscard]] const Memory& memory() const { return *memory_; }

 private:
  struct Stored {
    bool live = false;
    Placement where;
    Layout layout;
    std::vector<BlockId> blocks;
  };
  struct StreamBank {
    std::optional<BlockId> block;
    std::int32_t users = 0;
  };
  [[nodiscard]] Bytes buffer_size() const { return table_->spec().bank.size * 2; }
  [[nodiscard]] bool buffers_fit(const Placement& placement, std::int64_t spare_banks) const;
  Status store_buffers(LayerId layer, const Placement& placement);
  [[nodiscard]] std::int64_t empty_banks(const Placement& placement) const;
  [[nodiscard]] Bytes weight_share(LayerId layer, const Placement& placement, std::int32_t ordinal) const;

  const OptionTable* table_;
  Memory* memory_;
  std::vector<std::vector<BlockId>> weights_;
  std::vector<char> streamed_;       ///< per layer: its blocks are stream buffers
  std::vector<StreamBank> buffers_;  ///< per core
  std::vector<Stored> tensors_;
  std::vector<char> spilled_;
  Bytes spilled_bytes_;
  std::vector<BlockId> staging_;                       ///< by value, side and core
  std::vector<std::array<std::size_t, 2>> staged_at_;  ///< per value: where its sides begin in staging_
  std::size_t staging_cores_ = 0;
};

}  // namespace gatefold
