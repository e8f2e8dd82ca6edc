// Resize: nearest as a move (any element type), linear axis by axis in float32.
//
// A coordinate of the output becomes one of the input by the four formulas of the ONNX specification, in float32. The
// linear filter clamps coordinates to the input, so borders repeat. Axes that keep their extent at scale 1 are skipped.
#include <algorithm>
#include <cmath>

#include "gatefold/kernels/element_map.h"
#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/strides.h"

namespace gatefold {
namespace {

struct ResizedAxis {
  std::int64_t from, to;
  float scale;
};

/// Scales come from the node where it has them, otherwise from the extents.
std::vector<ResizedAxis> resized_axes(const Inputs& in, const Shape& to) {
  const Shape& from = in[0].shape;
  const bool scales = in.has(1) && in[1].shape.elements() > 0;
  std::vector<ResizedAxis> axes;
  for (int axis = 0; axis < from.rank(); ++axis) {
    const float scale =
        scales ? in[1].values<float>()[static_cast<std::size_t>(axis)] : static_cast<float>(to[axis]) / static_cast<float>(from[axis]);
    axes.push_back({from[axis], to[axis], scale});
  }
  return axes;
}

float source_coordinate(ResizeCoordinates mode, const ResizedAxis& axis, std::int64_t index) {
  const auto x = static_cast<float>(index);
  switch (mode) {
    case ResizeCoordinates::kHalfPixel: return (x + 0.5F) / axis.scale - 0.5F;
    case ResizeCoordinates::kPytorchHalfPixel: return axis.to > 1 ? (x + 0.5F) / axis.scale - 0.5F : 0.0F;
    case ResizeCoordinates::kAsymmetric: return x / axis.scale;
    case ResizeCoordinates::kAlignCorners:
      return axis.to > 1 ? x * static_cast<float>(axis.from - 1) / static_cast<float>(axis.to - 1) : 0.0F;
  }
  GATEFOLD_REQUIRE(false);
}

std::int64_t nearest(ResizeRounding rounding, float x) {
  switch (rounding) {
    case ResizeRounding::kRoundPreferFloor: return static_cast<std::int64_t>(std::ceil(x - 0.5F));
    case ResizeRounding::kRoundPreferCeil: return static_cast<std::int64_t>(std::floor(x + 0.5F));
    case ResizeRounding::kFloor: return static_cast<std::int64_t>(std::floor(x));
    case ResizeRounding::kCeil: return static_cast<std::int64_t>(std::ceil(x));
  }
  GATEFOLD_REQUIRE(false);
}

void resize_nearest(const Resize& op, const std::vector<ResizedAxis>& axes, const TensorView& x, const MutableTensorView& y) {
  const Strides strides = row_major(x.shape);
  ElementMap map;
  for (std::size_t i = 0; i < axes.size(); ++i) {
    map.add_axis(axes[i].to, 1);
    if (axes[i].from == axes[i].to && axes[i].scale == 1.0F) {
      for (std::int64_t& offset : map.offset.back()) offset *= strides[i];
      continue;
    }
    for (std::int64_t& offset : map.offset.back()) {
      const std::int64_t source = nearest(op.rounding, source_coordinate(op.coordinates, axes[i], offset));
      offset = std::clamp<std::int64_t>(source, 0, axes[i].from - 1) * strides[i];
    }
  }
  copy_mapped(map, element_size(x.type), x.bytes, nullptr, y.bytes);
}

/// Interpolates along one axis: x is [outer, axis.from, inner], y [outer, axis.to, inner].
void interpolate(const Resize& op, const ResizedAxis& axis, std::int64_t outer, std::int64_t inner, const float* x, float* y) {
  for (std::int64_t o = 0; o < outer; ++o, x += axis.from * inner) {
    for (std::int64_t i = 0; i < axis.to; ++i, y += inner) {
      const float at = std::clamp(source_coordinate(op.coordinates, axis, i), 0.0F, static_cast<float>(axis.from - 1));
      const auto low = static_cast<std::int64_t>(at);
      const std::int64_t high = std::min(low + 1, axis.from - 1);
      const float weight = at - static_cast<float>(low);
      for (std::int64_t j = 0; j < inner; ++j) y[j] = x[low * inner + j] * (1.0F - weight) + x[high * inner + j] * weight;
    }
  }
}

void resize_linear(const Resize& op, const std::vector<ResizedAxis>& axes, const Shape& from, const Shape& to, const float* x, float* y) {
  std::vector<float> current(x, x + from.elements());
  std::vector<float> next;
  for (std::size_t i = axes.size(); i-- > 0;) {
    if (axes[i].from == axes[i].to && axes[i].scale == 1.0F) continue;
    const int axis = static_cast<int>(i);
    const std::int64_t outer = from.elements(0, axis);
    const std::int64_t inner = to.elements(axis + 1, to.rank());
    next.resize(static_cast<std::size_t>(outer * axes[i].to * inner));
    interpolate(op, axes[i], outer, inner, current.data(), next.data());
    current.swap(next);
  }
  std::copy(current.begin(), current.end(), y);
}

}  // namespace

Status plain(const Resize& op, const Inputs& in, Outputs out) {
  const std::vector<ResizedAxis> axes = resized_axes(in, out[0].shape);
  if (out[0].shape.elements() == 0) return Done{};
  if (op.mode == ResizeMode::kNearest) {
    resize_nearest(op, axes, in[0], out[0]);
    return Done{};
  }
  if (in[0].type != ElementType::kFloat32) return no_code_for("Resize (linear)", in[0].type);
  resize_linear(op, axes, in[0].shape, out[0].shape, in[0].values<float>().data(), out[0].values<float>().data());
  return Done{};
}

}  // namespace gatefold
