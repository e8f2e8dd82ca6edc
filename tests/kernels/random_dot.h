// Seeded random dot layers of every grouping, float32 and quantised, for the tests of the kernels that compute them.
#pragma once

#include <limits>
#include <random>
#include <vector>

#include "gatefold/kernels/requantize.h"
#include "gatefold/model/layer.h"

namespace gatefold::test {

using Random = std::mt19937;

inline std::int64_t between(Random& random, std::int64_t low, std::int64_t high) {
  return std::uniform_int_distribution<std::int64_t>(low, high)(random);
}

inline Tensor random_floats(Random& random, const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  for (float& value : values) value = std::uniform_real_distribution<float>(-1, 1)(random);
  return Tensor::of<float>(shape, values);
}
template <class T>
Tensor random_integers(Random& random, const Shape& shape) {
  std::vector<T> values(static_cast<std::size_t>(shape.elements()));
  for (T& value : values) value = static_cast<T>(between(random, std::numeric_limits<T>::min(), std::numeric_limits<T>::max()));
  return Tensor::of<T>(shape, values);
}
inline Tensor random_quantised(Random& random, ElementType type, const Shape& shape) {
  return type == ElementType::kInt8 ? random_integers<std::int8_t>(random, shape) : random_integers<std::uint8_t>(random, shape);
}

enum class Grouping { kDense, kDepthwise, kGrouped, kMatrix };

/// Mostly small; one in four has long rows, beyond several register tiles, and one in four more channels than a cache line has bytes.
inline DotGeometry random_geometry(Random& random, Grouping grouping) {
  const std::int64_t kind = between(random, 0, 3);
  const std::int64_t channels_max = kind == 0 ? 100 : 40;
  const std::int64_t rows_max = kind <= 1 ? 3 : 12;
  const std::int64_t columns_max = kind == 1 ? 100 : 19;
  DotGeometry d;
  d.n = between(random, 1, 2);
  d.ic = between(random, 1, 40);
  d.oc = between(random, 1, channels_max);
  if (grouping == Grouping::kMatrix) {
    d.n = between(random, 1, kind == 1 ? 100 : 9);
    d.ic = between(random, 1, 200);
    return d;
  }
  if (grouping == Grouping::kDepthwise) d.oc = d.group = d.ic = between(random, 2, channels_max);
  if (grouping == Grouping::kGrouped) {
    d.group = between(random, 2, 3);
    d.ic = d.group * between(random, 2, 9);
    d.oc = d.group * between(random, 1, 9);
  }
  d.kh = between(random, 1, 3);
  d.kw = between(random, 1, 3);
  d.sh = between(random, 1, 2);
  d.sw = between(random, 1, 3);
  d.dh = between(random, 1, 2);
  d.dw = between(random, 1, 2);
  d.pad_top = between(random, 0, d.kh - 1);
  d.pad_left = between(random, 0, d.kw - 1);
  d.pad_bottom = between(random, 0, d.kh - 1);
  d.pad_right = between(random, 0, d.kw - 1);
  d.ih = d.dh * (d.kh - 1) + between(random, 1, rows_max);
  d.iw = d.dw * (d.kw - 1) + between(random, 1, columns_max);
  d.oh = (d.ih + d.pad_top + d.pad_bottom - d.dh * (d.kh - 1) - 1) / d.sh + 1;
  d.ow = (d.iw + d.pad_left + d.pad_right - d.dw * (d.kw - 1) - 1) / d.sw + 1;
  return d;
}

inline Conv conv_of(const DotGeometry& d) {
  return {.window = {.kernel = {d.kh, d.kw},
                     .stride = {d.sh, d.sw},
                     .dilation = {d.dh, d.dw},
                     .pads = {d.pad_top, d.pad_left, d.pad_bottom, d.pad_right}},
          .group = d.group};
}
inline Shape x_shape(const DotGeometry& d) { return {d.n, d.ic, d.ih, d.iw}; }
inline Shape w_shape(const DotGeometry& d) { return {d.oc, d.ic / d.group, d.kh, d.kw}; }
inline Shape y_shape(const DotGeometry& d) { return {d.n, d.oc, d.oh, d.ow}; }

inline Operand activation(ElementType type, const Shape& shape) {
  Operand operand;
  operand.tensor = TensorId(0);
  operand.type = type;
  operand.shape = shape;
  return operand;
}
inline Operand constant(const Tensor& tensor) {
  Operand operand;
  operand.type = tensor.type();
  operand.shape = tensor.shape();
  operand.constant = tensor;
  return operand;
}

struct Case {
  Layer layer;
  Tensor x;
};

inline Layer layer_of(const DotGeometry& d) {
  Layer layer;
  layer.name = "conv";
  layer.kind = LayerKind::kDot;
  layer.op = conv_of(d);
  layer.dot = d;
  layer.output_shape = y_shape(d);
  return layer;
}

inline Case float_case(Random& random, Grouping grouping) {
  const DotGeometry d = random_geometry(random, grouping);
  Case made{layer_of(d), random_floats(random, x_shape(d))};
  made.layer.inputs = {activation(ElementType::kFloat32, x_shape(d)), constant(random_floats(random, w_shape(d))),
                       constant(random_floats(random, Shape{d.oc}))};
  return made;
}

/// Weights per output channel or per tensor, with or without zero points.
inline Case integer_case(Random& random, Grouping grouping) {
  const DotGeometry d = random_geometry(random, grouping);
  const ElementType x_type = between(random, 0, 1) == 0 ? ElementType::kInt8 : ElementType::kUInt8;
  const ElementType w_type = between(random, 0, 2) == 0 ? ElementType::kUInt8 : ElementType::kInt8;
  Case made{layer_of(d), random_quantised(random, x_type, x_shape(d))};
  const SaturationLimits x_limits = saturation_limits(x_type);
  made.layer.inputs = {activation(x_type, x_shape(d)), constant(random_quantised(random, w_type, w_shape(d)))};
  made.layer.inputs[0].dequantise =
      Quantisation{x_type, {0.02F}, {static_cast<std::int32_t>(between(random, x_limits.low, x_limits.high))}, 0};
  Quantisation w{w_type, {}, {}, 0};
  const std::int64_t scales = between(random, 0, 1) == 0 ? 1 : d.oc;
  const bool symmetric = between(random, 0, 1) == 0;
  for (std::int64_t i = 0; i < scales; ++i) {
    w.scale.push_back(std::uniform_real_distribution<float>(0.001F, 0.01F)(random));
    const std::int64_t middle = w_type == ElementType::kInt8 ? 0 : 128;
    w.zero_point.push_back(static_cast<std::int32_t>(symmetric ? middle : middle + between(random, -5, 5)));
  }
  made.layer.inputs[1].dequantise = w;
  made.layer.integer = true;
  return made;
}

}  // namespace gatefold::test
