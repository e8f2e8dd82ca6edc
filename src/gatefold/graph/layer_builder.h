// TypedModel -> layers, in one walk over the nodes in topological order.
//
// A Source says for every value where its elements are: in an activation or a constant, seen under a shape and perhaps
// through a dequantisation. A node then does one of four things to the sources of its outputs:
//   view   nothing moves (Reshape, Identity, Dequantize): the input's source under another shape, type or dequantisation;
//   join   the work goes into the layer that computed the input (an activation, Quantize, a bias, BatchNorm), if nobody
//          else reads what that layer would have stored;
//   slide  a move or max pool under a dequantised input works on the stored integers, and the dequantisation moves behind
//          it: scale * (q - z) is monotone and acts on each element alone, so the values are the same;
//   layer  anything else becomes a layer of its own.
// Files: layer_builder.cpp (sources, emitting), layers.cpp (one `form` per operator), dot_layers.cpp (convolution, matrix
// product, their biases and batch norms), epilogues.cpp (activations, quantise).
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/graph/layer_graph.h"
#include "gatefold/graph/typed_model.h"
#include "gatefold/model/byte_pool.h"

namespace gatefold {

/// The operand that is this constant.
[[nodiscard]] Operand constant_operand(Tensor tensor, std::optional<Quantisation> dequantise = std::nullopt);

class LayerBuilder {
 public:
  /// Requires: `model` has no dead nodes.
  explicit LayerBuilder(TypedModel model);

  /// Forms every layer and resolves the outputs. Activation::consumers and last_use stay empty: analysis fills them.
  /// Errors: kUnsupported naming the node.
  Result<LayerGraph> build() &&;

 private:
  struct Source {
    Operand operand;
    /// One value after the other reads the stored elements, each only for the next: the layer that stores them may still change.
    bool sole = false;
    std::string dequantised_by;  ///< the node behind operand.dequantise
  };

  // -- Sources and emitting (layer_builder.cpp).
  const Source& source(ValueId id);
  const Source& input(const Node& node, std::size_t position) { return source(*node.inputs[position]); }
  /// The node's operand at `position`, for keeps: moved out of its source if nobody reads that later.
  Operand taken(const Node& node, std::size_t position);
  const TypedValue& value(ValueId id) const { return model_.value(id); }
  bool has(const Node& node, std::size_t position) const { return position < node.inputs.size() && node.inputs[position].has_value(); }
  bool read_once(ValueId id) const { return uses_[id.at()] == 1; }
  Error unsupported(const Node& node, const std::string& what) const;

  /// `output` reads what `from` reads, under its own shape.
  void view(ValueId output, const Source& from);
  TensorId store(ValueId output, ElementType type, const Shape& shape, LayerId producer);
  /// A layer whose operator and outputs are the node's. Errors: kUnsupported if an output has no elements.
  Result<LayerId> emit(const Node& node, LayerKind kind, Operator op, std::vector<Operand> inputs);
  /// A layer that is not a node's own: one output, the value's source afterwards is that output.
  void emit_copy(ValueId id, std::string name, LayerKind kind, Operator op, std::vector<Operand> inputs);
  LayerId append(std::string name, LayerKind kind, Operator op, std::vector<Operand> inputs, const std::vector<ValueId>& outputs);
  /// The operand a layer without stored weights reads: constants as real numbers.
  Result<Operand> operand(ValueId id);
  Result<std::vector<Operand>> operands(const Node& node);
  /// Carries out a dequantisation that is still open.
  void materialise(ValueId id);
  Status resolve_output(ValueId id);
  /// Gives copies their names, primed where a node's layer has the name already.
  void name_copies();

  // -- One per operator (layers.cpp; Conv, MatMul, BatchNorm in dot_layers.cpp; Unary, Quantize in epilogues.cpp).
  Status form(const Conv& op, const Node& node);
  Status form(const MatMul& op, const Node& node);
  Status form(const Pool& op, const Node& node);
  Status form(const Unary& op, const Node& node);
  Status form(const Binary& op, const Node& node);
  Status form(const Reduce& op, const Node& node);
  Status form(const Softmax& op, const Node& node);
  Status form(const BatchNorm& op, const Node& node);
  Status form(const Lrn& op, const Node& node);
  Status form(const Quantize& op, const Node& node);
  Status form(const Dequantize& op, const Node& node);
  Status form(const Cast& op, const Node& node);
  Status form(const Identity& op, const Node& node);
  Status form(const Reshape& op, const Node& node);
  Status form(const Flatten& op, const Node& node);
  Status form(const Squeeze& op, const Node& node);
  Status form(const Unsqueeze& op, const Node& node);
  Status form(const Transpose& op, const Node& node);
  Status form(const Concat& op, const Node& node);
  Status form(const Slice& op, const Node& node);
  Status form(const Split& op, const Node& node);
  Status form(const Gather& op, const Node& node);
  Status form(const Pad& op, const Node& node);
  Status form(const Resize& op, const Node& node);
  Status form(const Expand& op, const Node& node);
  Status form(const ShapeOf& op, const Node& node);
  Status form(const ConstantOfShape& op, const Node& node);

  Status form_plain(LayerKind kind, const Operator& op, const Node& node);
  Status form_view(const Node& node);
  /// A move or pool: slides under the dequantisation of its `data_count` first inputs where they share one.
  Status form_sliding(LayerKind kind, const Operator& op, const Node& node, std::size_t data_count);

  // -- Joining a producer (epilogues.cpp).
  /// The layer whose result only this value's one reader sees, its epilogue still without a quantisation.
  std::optional<LayerId> open_producer(ValueId id);
  /// Renames what `layer` stores to `output`, of type `type`, and points the output there.
  void rename_result(LayerId layer, ValueId input, ValueId output, ElementType type);
  /// Undoes a slide, so that the layer dequantises its operands and stores float32. False if there was none to undo.
  bool unslide(ValueId id);

  // -- Dot layers (dot_layers.cpp).
  Status emit_dot(const Node& node, Operator op, Operand x, Operand weights, std::optional<Operand> bias, const DotGeometry& dot);
  /// The layer whose output channels an added or scaling constant could join; nullopt if there is none.
  std::optional<LayerId> open_dot(ValueId id);
  Result<bool> join_bias(const Node& node);
  Result<bool> join_batch_norm(const BatchNorm& op, const Node& node);
  Status finish_dot(Layer& layer);

  TypedModel model_;
  BytePool pool_;  ///< of weights that are not the model's own
  LayerGraph graph_;
  std::vector<std::unique_ptr<Source>> sources_;         ///< by ValueId, until last read; a constant's once it is asked for
  std::vector<std::int32_t> uses_;                       ///< by ValueId: reading nodes plus network outputs
  std::vector<std::int32_t> unread_;                     ///< of those, the ones still to come
  std::vector<std::optional<Quantisation>> slid_;        ///< by LayerId: the dequantisation that moved behind the layer
  std::vector<std::pair<LayerId, std::string>> copies_;  ///< layers that no node stands for, and the names they want
};

}  // namespace gatefold
