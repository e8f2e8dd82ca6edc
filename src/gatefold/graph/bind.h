// Symbolic extents of network inputs get numbers.
#pragma once

#include <string>
#include <vector>

#include "gatefold/base/result.h"
#include "gatefold/graph/layer_graph.h"

namespace gatefold {

struct BoundInputs {
  std::vector<Shape> shapes;       ///< in the order of Model::inputs
  std::vector<std::string> notes;  ///< one per symbol, "batch = 1 (default)"
};

/// A symbol takes its number from options.symbols, else from the supplied input shapes, else it is 1. A symbol has one
/// number in the whole network; unnamed extents ("?..") are each input's own.
/// Errors: kInvalidInput for a symbol the network does not have, two numbers for one symbol, or an input shape that
/// contradicts a fixed extent; kUnsupported for an empty input.
[[nodiscard]] Result<BoundInputs> bind_symbols(const Model& model, const BuildOptions& options);

}  // namespace gatefold
