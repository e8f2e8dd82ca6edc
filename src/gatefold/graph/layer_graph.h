// The Layer Dependency Graph of the seed: layers in topological order, the activations between them, and what is known
// about both before anything runs: who depends on whom, how many bytes flow, how long each activation lives.
//
// It answers which layers could be shifted cheaply ("minimal inter-layer data flow"), not when they run.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/id.h"
#include "gatefold/base/result.h"
#include "gatefold/model/layer.h"
#include "gatefold/model/model.h"

namespace gatefold {

/// An activation: a network input or the output of a layer, as it is stored between layers.
struct Activation {
  std::string name;
  ElementType type = ElementType::kFloat32;  ///< as stored (int8 after a quantising epilogue)
  Shape shape;                               ///< as its producer writes it
  std::optional<LayerId> producer;           ///< nullopt: a network input
  std::vector<LayerId> consumers;            ///< ascending, each once
  bool network_output = false;
  /// The last layer that reads it; a network output lives to the end of the request (nullopt). An activation that
  /// nobody reads and that is no output dies with its producer.
  std::optional<LayerId> last_use;
};

/// A network output: an activation under the name and shape that the file declares.
struct NetworkOutput {
  std::string name;
  TensorId tensor;
  Shape shape;
};

struct LayerGraph {
  std::string name;
  bool quantised = false;  ///< the file has quantisation operators
  std::vector<Activation> activations;
  std::vector<Layer> layers;               ///< topological order; LayerId is the position
  std::vector<TensorId> inputs;            ///< in the file's order
  std::vector<NetworkOutput> outputs;      ///< in the file's order
  std::vector<std::string> bound_symbols;  ///< "batch = 1 (default)", for the output to say

  [[nodiscard]] const Activation& activation(TensorId id) const { return activations.at(id.at()); }
  [[nodiscard]] const Layer& layer(LayerId id) const { return layers.at(id.at()); }
};

struct BuildOptions {
  /// Values for symbolic extents by name; unnamed ones are bound from input shapes, then to 1.
  std::map<std::string, std::int64_t> symbols;
  /// Shapes of the inputs that will be supplied, in the order of Model::inputs; empty: none known.
  std::vector<std::optional<Shape>> input_shapes;
};

/// Model -> layers: binds symbols, infers every shape and type, folds constants and shape computations, fuses (batch
/// norm, bias, activation, quantise and dequantise), drops what moves no byte, and analyses dependencies and liveness.
/// A residual Add is always a layer of its own.
/// Errors: kInvalidInput (shapes that do not agree, a symbol with two extents, ..) or kUnsupported (a dot product
/// whose weights are computed, a shape known only at run time), naming the node.
[[nodiscard]] Result<LayerGraph> build_layer_graph(Model model, const BuildOptions& options = {});

/// Bytes of an activation as the host stores it.
[[nodiscard]] std::int64_t stored_bytes(const Activation& activation);
/// Elements of a dot layer's weights and bias (0 for other layers).
[[nodiscard]] std::int64_t weight_elements(const Layer& layer);

/// Layers that must see one cluster: a vector layer reads its operands where it runs, so one with two or more activation
/// operands ties itself and their producers together, and groups that share a layer are one. Each group and the list are
/// in ascending order; layers bound to no other are left out.
[[nodiscard]] std::vector<std::vector<LayerId>> groups_sharing_operands(const LayerGraph& graph);

}  // namespace gatefold
