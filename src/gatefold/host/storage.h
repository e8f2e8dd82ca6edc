// Where the activations of a network lie in a request's arena, planned once.
//
// Images are kept channels-last, [n, h, w, c], which is what the kernels read; everything else row-major. A move that only
// renames positions (transpose, slice, split, expand, a gather of evenly spaced indices) copies nothing: its result is a
// view, strides into its operand's memory. A convolution whose result is concatenated writes into the concatenation, and one
// whose result is added to another tensor writes the sum. Memory is shared by activations that are never alive together
// while layers run in their order.
#pragma once

#include "gatefold/graph/layer_graph.h"
#include "gatefold/kernels/strided_copy.h"

namespace gatefold {

/// An activation in memory.
struct Place {
  TensorId root{0};         ///< the activation that owns the memory
  std::int64_t offset = 0;  ///< elements from the root's first
  Strides strides{};        ///< elements, by axes of the activation's own shape
};

class StoragePlan {
 public:
  explicit StoragePlan(const LayerGraph& graph);

  [[nodiscard]] const Place& place(TensorId id) const { return places_[id.at()]; }
  /// Bytes from the arena's begin to the activation's first element.
  [[nodiscard]] std::size_t offset(TensorId id) const;
  [[nodiscard]] std::size_t arena_bytes() const { return arena_bytes_; }
  /// How an operand sees its activation; nullopt if no strides say it (a reshape across memory order).
  [[nodiscard]] std::optional<Strides> strides_of(const Operand& operand) const;
  /// The layer's result is another name for its operand's memory, or was written by its producers: nothing to run.
  [[nodiscard]] bool is_view(std::size_t layer) const { return view_[layer]; }
  /// The Add that a dot layer computes with its own result; nullopt: none.
  [[nodiscard]] std::optional<LayerId> sum_taken_over(std::size_t layer) const { return sums_[layer]; }

 private:
  void fuse_sums();
  void place_concatenated();
  void place_all();
  /// Places the outputs of a layer as a view; false if it is none.
  bool place_view(std::size_t layer);
  void plan_arena();
  [[nodiscard]] Strides own_order(TensorId id) const;
  /// Every reader's shape has strides in this order.
  [[nodiscard]] bool readable(TensorId id, const Strides& strides) const;
  /// The order of a result that takes each element where its operand has it.
  [[nodiscard]] std::optional<Strides> operands_order(const Layer& layer) const;

  const LayerGraph* graph_;
  std::vector<Place> places_;
  std::vector<bool> view_;
  std::vector<std::optional<LayerId>> sums_;
  struct Inside {
    TensorId whole;
    std::int64_t channel;
  };
  std::vector<std::optional<Inside>> inside_;  ///< by activation: part of a concatenation
  std::vector<std::optional<TensorId>> same_;  ///< by activation: written straight into this one
  std::vector<std::size_t> offsets_;           ///< of roots, bytes
  std::size_t arena_bytes_ = 0;
};

/// Bytes of an element in the arena.
[[nodiscard]] inline std::int64_t element_bytes(const LayerGraph& graph, TensorId id) { return element_size(graph.activation(id).type); }

}  // namespace gatefold
