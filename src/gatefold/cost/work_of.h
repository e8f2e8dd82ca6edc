// What a layer asks of a chip: Layer -> Work, and how an activation is divided over the cores that hold it.
#pragma once

#include "gatefold/device/spec.h"
#include "gatefold/device/work.h"
#include "gatefold/graph/layer_graph.h"

namespace gatefold {

/// Modelled bytes of one stored element: a float takes what the chip's file says (its integer or bf16 type), everything
/// else its own size.
[[nodiscard]] Bytes modelled_element(const DeviceSpec& spec, ElementType type);
[[nodiscard]] Bytes modelled_size(const DeviceSpec& spec, const Activation& activation);

/// Sizes and counts of one layer on this chip. Layers are never refused here: what a chip cannot do shows as a layer
/// without legal options.
[[nodiscard]] Work work_of(const DeviceSpec& spec, const LayerGraph& graph, const Layer& layer);

/// The same of a layer, or a part of one, that writes `output` bytes.
[[nodiscard]] Work work_of(const DeviceSpec& spec, const Layer& layer, Bytes output);

/// How a tensor is divided over cores: `units` channels, each of `inner` contiguous elements, repeated `outer` times.
struct Layout {
  std::int64_t outer = 1;
  std::int64_t units = 1;
  std::int64_t inner = 1;
  friend bool operator==(const Layout&, const Layout&) = default;
  [[nodiscard]] std::int64_t elements() const { return outer * units * inner; }
};

/// The layout in which `layer` reads an operand of this shape: dot layers divide input channels, others the second axis.
[[nodiscard]] Layout operand_layout(const Layer& layer, const Shape& shape);
/// The layout of a tensor that no layer reads.
[[nodiscard]] Layout plain_layout(const Shape& shape);

}  // namespace gatefold
