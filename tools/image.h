// PNG and JPEG pictures as network inputs.
#pragma once

#include <string>

#include "gatefold/graph/layer_graph.h"

namespace gatefold::tool {

/// The picture in `path` as the only input of `graph`: resized bilinearly to its height and width, grey (1 channel) or
/// RGB (3), scaled to [0, 1] and, for an int8 or uint8 input, quantised as its first consumer dequantises it.
/// Errors: kIo, kInvalidInput (not a picture, too large, not an image input), kUnsupported (an input type it cannot feed).
[[nodiscard]] Result<Tensor> read_image(const std::string& path, const LayerGraph& graph);

}  // namespace gatefold::tool
