// What `inspect` shows of a network: for every layer its work, its bytes and what moving it elsewhere would cost.
//
// The shift price of a layer is what a chip must do to run it on other clusters than before: its weights and the live
// inputs it reads move (bytes), and the routes to its producers and consumers change (a count; what one costs depends on
// the chip). Layers with a low price, those with minimal inter-layer data flow, are the ones worth shifting.
// Bytes are those of the types in the file.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/quantity.h"
#include "gatefold/graph/layer_graph.h"

namespace gatefold {

struct LayerInspection {
  std::string name;
  std::string op;
  LayerKind kind = LayerKind::kVector;
  std::int64_t macs = 0;  ///< multiply-accumulates, padded taps included; 0 but for dot layers
  Bytes weights;          ///< all constant operands
  Bytes inputs;           ///< activations read, each once
  Bytes outputs;
  Bytes live;                      ///< all activations alive while the layer runs, its own inputs and outputs included
  std::vector<LayerId> producers;  ///< ascending, each once
  bool reads_network_input = false;
  std::int64_t routes = 0;  ///< producers and consumers whose routes a shift changes
  [[nodiscard]] Bytes shift_bytes() const { return weights + inputs; }
};

struct Inspection {
  std::string model;
  bool quantised = false;
  std::vector<LayerInspection> layers;  ///< by LayerId
  std::vector<LayerId> by_shift_price;  ///< fewest bytes first, then fewest routes, then topological order
  Bytes weights;
  Bytes live_peak;
  std::int64_t macs = 0;
  std::vector<std::string> notes;  ///< how symbolic extents were bound
};

[[nodiscard]] Inspection inspect(const LayerGraph& graph);

/// "dot", "vector", "move".
[[nodiscard]] std::string_view name(LayerKind kind);

}  // namespace gatefold
