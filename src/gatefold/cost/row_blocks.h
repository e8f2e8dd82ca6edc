// Layers that read or write spilled activations: in how many row blocks they execute, and what that costs.
//
// A spilled activation lies in external memory. Its rows pass through staging buffers in the cores that execute the layer:
// whole empty banks, divided over the cores as the tensor itself would be. Each block loads the input rows it reads (halo
// included), computes, and stores its output rows. Buffers hold the largest block; where there are two of each, a block
// computes while its neighbours travel. What is not spilled stays in its banks as always.
#pragma once

#include <optional>
#include <vector>

#include "gatefold/cost/option_table.h"

namespace gatefold {

/// How often a layer executes: 0, whole, because none of its activations is spilled.
struct RowBlocks {
  std::int64_t count = 0;
  bool overlapped = false;  ///< two staging buffers of each value
  friend bool operator==(const RowBlocks&, const RowBlocks&) = default;
};

/// What a plan keeps in external memory, and what that makes of its layers.
struct Spilling {
  std::vector<char> tensors;      ///< per tensor; empty: none is spilled
  std::vector<RowBlocks> layers;  ///< per layer, on an idle chip; empty: all whole
  [[nodiscard]] bool spilled(TensorId id) const { return !tensors.empty() && tensors[id.at()] != 0; }
  [[nodiscard]] RowBlocks blocks(LayerId id) const { return layers.empty() ? RowBlocks() : layers[id.at()]; }
};

/// A spilled operand or output of a layer.
struct StagedValue {
  TensorId tensor;
  bool output = false;
  std::size_t index = 0;  ///< among the layer's operands or outputs; the first of those that read the same rows
  int axis = 0;           ///< along which it is cut (LayerCut)
  Shape shape;            ///< as the layer sees it
  Bytes element;
};

/// The spilled operands and outputs of a layer, operands first.
[[nodiscard]] std::vector<StagedValue> staged_values(const OptionTable& table, const std::vector<char>& spilled, LayerId layer);
/// `rows` positions of a staged value, as the layer's cores divide it.
[[nodiscard]] Layout staged_layout(const OptionTable& table, LayerId layer, const StagedValue& value, std::int64_t rows);

/// EQ-51: banks that one of `cores` cores needs for one buffer of a value, if the layer executes in `count` blocks.
[[nodiscard]] std::int64_t buffer_banks(const OptionTable& table, LayerId layer, const StagedValue& value, std::int64_t cores,
                                        std::int64_t count);
/// EQ-51: the same for all buffers of a layer.
[[nodiscard]] std::int64_t staging_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer, std::int64_t cores,
                                         const RowBlocks& blocks);
/// Banks for blocks of one row, without overlap: the least with which the layer runs at all.
[[nodiscard]] std::int64_t least_staging_banks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer,
                                               std::int64_t cores);

/// What one execution in row blocks costs.
struct BlockedCost {
  DynamicEnergy dynamic;  ///< of all blocks; one route change
  Bytes spilled;          ///< rows loaded and stored
  Bytes streamed;         ///< weights, where they are streamed
  Energy external;        ///< EQ-53 of both
  EnergyPerCycle held;    ///< EQ-22 with the staging buffers instead of the spilled activations
  Cycles cycles;          ///< EQ-52
};
/// EQ-50 .. EQ-53. `percent`: the speed of the slowest cluster (EQ-20).
[[nodiscard]] BlockedCost blocked_cost(const OptionTable& table, const std::vector<char>& spilled, LayerId layer,
                                       const Placement& placement, const RowBlocks& blocks, std::int32_t percent = 100);

/// The fewest blocks that `empty` banks in each core allow, with or without overlap, whichever is cheaper; count 0 if
/// nothing of the layer is spilled. nullopt: not even one row fits.
[[nodiscard]] std::optional<RowBlocks> choose_blocks(const OptionTable& table, const std::vector<char>& spilled, LayerId layer,
                                                     const Placement& placement, std::int64_t empty);

/// Bytes of a layer's activation operands, or outputs, that are not spilled.
[[nodiscard]] Bytes resident_input(const OptionTable& table, const std::vector<char>& spilled, LayerId layer);
[[nodiscard]] Bytes resident_output(const OptionTable& table, const std::vector<char>& spilled, LayerId layer);

}  // namespace gatefold
