// A network compiled for this processor: an arena plan, packed weights, and for every layer the fastest step that computes
// it. Under the integer contract the results are those of the modelled chip, bit for bit, whatever the instruction set and
// however layers are cut into slices.
#pragma once

#include <memory>

#include "gatefold/base/result.h"
#include "gatefold/host/program.h"
#include "gatefold/kernels/tile_kernels.h"
#include "gatefold/model/layer.h"

namespace gatefold {

class CompiledNetwork final : public HostProgram {
 public:
  /// `parts_max`: the most slices a layer is ever cut into. `isa`: at most this instruction set.
  /// Errors: kUnsupported for a layer that no kernel computes.
  static Result<std::shared_ptr<const CompiledNetwork>> make(std::shared_ptr<const LayerGraph> graph, Numerics numerics, int parts_max,
                                                             TileIsa isa = best_tile_isa());
  ~CompiledNetwork() override;

  [[nodiscard]] std::size_t layer_count() const override;
  [[nodiscard]] const LayerGraph& graph() const override;
  [[nodiscard]] int parts_max(std::size_t layer) const override;
  [[nodiscard]] std::size_t arena_bytes() const override;
  [[nodiscard]] std::size_t scratch_bytes() const override;
  void load_inputs(const InputSet& inputs, std::byte* arena) const override;
  /// Layers share memory over time: a layer starts only after all layers before it are done.
  void run(std::size_t layer, int part, int parts, std::byte* arena, std::byte* scratch) const override;
  void store_outputs(const std::byte* arena, std::vector<Tensor>& outputs) const override;

  /// How a layer is computed, for profiles: "tiles", "elements", "pool", "copy", "view" or "plain".
  [[nodiscard]] const char* kind(std::size_t layer) const;

 private:
  struct Parts;
  explicit CompiledNetwork(std::unique_ptr<Parts> parts);
  std::unique_ptr<const Parts> parts_;
};

}  // namespace gatefold
