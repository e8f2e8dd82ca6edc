// The modelled executor: the numbers of a layer, computed from data that really lies in the banks.
//
// Every input is read from the blocks of the chip's memory, through checks that their banks are ON for the whole
// execution; on a reduction chip each core computes its slice of a dense or depthwise layer from its own block and its own
// weights, and the partial sums are added, as the bus does. Other layers are computed whole from what the blocks hold: their
// division over cores changes no sum. The result is cut into blocks where the next layer reads them.
#pragma once

#include <span>
#include <vector>

#include "gatefold/cost/residence.h"
#include "gatefold/device/chip.h"
#include "gatefold/runtime/prepared.h"

namespace gatefold {

class Executor {
 public:
  /// Both must outlive the executor. Errors: kUnsupported for a layer that no kernel computes.
  static Result<Executor> make(const PreparedNetwork& network, Numerics numerics);

  /// Payloads of a layer's weights, one per core of the placement.
  [[nodiscard]] Result<std::vector<Payload>> weight_payloads(LayerId layer, const Placement& placement) const;

  /// Computes one layer whose inputs and outputs are stored, over [from, until).
  [[nodiscard]] Status execute(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from,
                               Cycles until);

  /// The same in row blocks, with staging buffers taken (Residence::stage).
  [[nodiscard]] Status execute_blocks(LayerId layer, const Placement& placement, const RowBlocks& blocks, Chip& chip,
                                      const Residence& residence, Cycles from, Cycles until);

  /// Writes a whole tensor into the blocks that store it, or to external memory if it is spilled.
  [[nodiscard]] Status write(TensorId tensor, const std::shared_ptr<const Buffer>& bytes, Chip& chip, const Residence& residence,
                             Cycles from, Cycles until);
  /// Reads a whole tensor from where `write` put it.
  [[nodiscard]] Result<std::shared_ptr<const Buffer>> read(TensorId tensor, const Memory& memory, const Gating& gating,
                                                           const Residence& residence, Cycles from, Cycles until) const;

 private:
  friend class BlockRun;
  Executor(const PreparedNetwork& network, Numerics numerics)
      : network_(&network), numerics_(numerics), external_(network.graph().activations.size()) {}
  /// A value divided over the blocks of several cores.
  [[nodiscard]] Status write_shares(std::span<const BlockId> blocks, const Layout& layout, std::int64_t element,
                                    const std::shared_ptr<const Buffer>& bytes, Chip& chip, Cycles from, Cycles until) const;
  [[nodiscard]] Result<std::shared_ptr<const Buffer>> read_shares(std::span<const BlockId> blocks, const Layout& layout,
                                                                  std::int64_t element, const Memory& memory, const Gating& gating,
                                                                  Cycles from, Cycles until) const;
  /// Streamed weights that have just arrived from external memory.
  [[nodiscard]] Status receive_weights(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from,
                                       Cycles until);
  /// True if every core computes a slice of its own; otherwise the layer is computed whole from gathered data.
  [[nodiscard]] bool sliced(LayerId layer) const;
  [[nodiscard]] Status execute_dot(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from,
                                   Cycles until, MutableTensorView y);

  const PreparedNetwork* network_;
  Numerics numerics_;
  std::vector<std::unique_ptr<DotKernel>> kernels_;      ///< per layer; null for vector and move layers
  std::vector<std::vector<Tensor>> constants_;           ///< per layer: dense constant operands of vector and move layers
  std::vector<std::shared_ptr<const Buffer>> external_;  ///< per tensor: the external memory that spilled ones lie in
  std::vector<std::byte> accumulators_;                  ///< grows to the largest layer
};

}  // namespace gatefold
