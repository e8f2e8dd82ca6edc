// The layers of a compiled network as functions over an arena, one kind of step per family of kernels. A step that cannot
// compute a layer says so with nullptr, and the next kind is asked; the plain step computes every layer that the modelled
// chip computes.
#pragma once

#include "gatefold/host/storage.h"
#include "gatefold/kernels/tile_kernels.h"
#include "gatefold/model/byte_pool.h"

namespace gatefold {

class LayerStep {
 public:
  LayerStep() = default;
  LayerStep(const LayerStep&) = delete;
  LayerStep& operator=(const LayerStep&) = delete;
  virtual ~LayerStep() = default;
  /// Into how many slices it can be cut, however small.
  [[nodiscard]] virtual std::int64_t parts_max() const { return 1; }
  [[nodiscard]] virtual std::size_t scratch_bytes() const { return 0; }
  virtual void run(int part, int parts, std::byte* arena, std::byte* scratch) const = 0;
};
using LayerStepPtr = std::unique_ptr<const LayerStep>;

/// What steps are made from.
struct StepSource {
  const LayerGraph& graph;
  const StoragePlan& storage;
  Numerics numerics;
  TileIsa isa;
  BytePool& weights;  ///< packed ones are taken from here
};

/// A tensor in the arena under a shape.
struct View {
  std::size_t offset = 0;  ///< bytes
  Shape shape;
  Strides strides{};  ///< elements
  ElementType type = ElementType::kFloat32;
  /// Elements follow each other in some order without gaps.
  [[nodiscard]] bool dense() const { return is_dense(shape, strides); }
};

/// Of an operand as its layer sees it. Requires: an activation. nullopt: no strides say it.
[[nodiscard]] std::optional<View> view_of_operand(const StepSource& source, const Operand& operand);
/// Of a layer's output under layer.output_shape (of further outputs: under their own).
[[nodiscard]] View view_of_output(const StepSource& source, const Layer& layer, std::size_t index = 0);

/// A copy of an operand in scratch memory, in an order of its own: for kernels that want another order than there is.
class Gathered {
 public:
  Gathered() = default;
  /// `flip`: int8 as itself, not as it is kept.
  Gathered(const StepSource& source, const Operand& operand, const Strides& order_of_shape, bool flip);
  [[nodiscard]] std::size_t bytes() const { return bytes_; }
  void run(const std::byte* arena, std::byte* to) const { copy_.run(arena + offset_, to); }

 private:
  StridedCopy copy_;
  std::size_t offset_ = 0, bytes_ = 0;
};

[[nodiscard]] inline std::size_t aligned(std::size_t bytes) { return (bytes + 63) / 64 * 64; }
/// What is added to the stored int8 to keep it as a byte without sign (tile_kernels.h).
[[nodiscard]] inline std::int32_t byte_shift(ElementType type) { return type == ElementType::kInt8 ? 128 : 0; }

[[nodiscard]] LayerStepPtr dot_step(const StepSource& source, std::size_t layer);
[[nodiscard]] LayerStepPtr element_step(const StepSource& source, std::size_t layer);
[[nodiscard]] LayerStepPtr pool_step(const StepSource& source, std::size_t layer);
[[nodiscard]] LayerStepPtr move_step(const StepSource& source, std::size_t layer);
/// Errors: kUnsupported for a layer that no kernel computes.
[[nodiscard]] Result<LayerStepPtr> plain_step(const StepSource& source, std::size_t layer);

}  // namespace gatefold
