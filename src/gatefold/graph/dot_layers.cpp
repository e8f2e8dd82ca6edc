// Dot layers: convolution and matrix product with constant weights, in the one form all executors read: weights
// [oc, ic / group, kh, kw], bias [oc], every factor and constant that can be folded into them folded.
//
// Folding happens in double and is rounded once to float32. Splat weights stay splats as long as every channel is
// treated alike.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "gatefold/graph/layer_builder.h"
#include "gatefold/model/visit_type.h"

namespace gatefold {
namespace {

/// A bias counts as int32 at scale sx*sw within this relative error: files store the product rounded to float32.
constexpr double kBiasScaleTolerance = 1e-5;

Result<Tensor> real_of(const Operand& operand, const std::string& name) {
  return real({name, {ElementType::kFloat32, operand.shape}, operand.constant, operand.dequantise});
}

Status expect_storable(std::int64_t elements, const std::string& name) {
  if (elements <= kFoldedElementsMax) return Done{};
  return Error{ErrorCode::kUnsupported, fmt::format("node '{}': folding into its weights would store {} constant elements, want at most {}",
                                                    name, elements, kFoldedElementsMax)};
}

/// float32 weights [oc, ..] with every channel times its factor.
Result<Tensor> scaled(const Tensor& weights, const std::vector<double>& factors, const std::string& name, BytePool& pool) {
  const bool alike = std::all_of(factors.begin(), factors.end(), [&](double factor) { return factor == factors.front(); });
  if (weights.is_splat() && alike) return Tensor::splat<float>(weights.shape(), static_cast<float>(weights.number_at(0) * factors.front()));
  GATEFOLD_CHECK(expect_storable(weights.shape().elements(), name));
  const Tensor dense = weights.dense();
  const auto from = dense.values<float>();
  const std::size_t filter = from.size() / factors.size();
  const std::shared_ptr<std::byte> bytes = pool.take(from.size_bytes());
  auto* to = reinterpret_cast<float*>(bytes.get());
  for (std::size_t channel = 0; channel < factors.size(); ++channel) {
    const double factor = factors[channel];
    for (std::size_t i = channel * filter; i < (channel + 1) * filter; ++i) to[i] = static_cast<float>(from[i] * factor);
  }
  return Tensor(ElementType::kFloat32, weights.shape(), bytes);
}

/// to[c, r] = from[r, c], rows taken a cache line of the result at a time.
template <class T>
void transpose(const T* from, std::int64_t rows, std::int64_t columns, T* to) {
  constexpr auto kLine = static_cast<std::int64_t>(64 / sizeof(T));
  for (std::int64_t begin = 0; begin < rows; begin += kLine) {
    const std::int64_t end = std::min(rows, begin + kLine);
    for (std::int64_t c = 0; c < columns; ++c) {
      for (std::int64_t r = begin; r < end; ++r) to[c * rows + r] = from[r * columns + c];
    }
  }
}

/// [k, n] -> [n, k], stored elements as they are.
Tensor transposed(const Tensor& matrix, BytePool& pool) {
  const std::int64_t rows = matrix.shape()[0];
  const std::int64_t columns = matrix.shape()[1];
  const Shape flipped{columns, rows};
  if (matrix.is_splat()) return splat_of(matrix, flipped);
  if (rows == 1 || columns == 1) return matrix.reshaped(flipped);
  const std::shared_ptr<std::byte> bytes = pool.take(static_cast<std::size_t>(rows * columns * element_size(matrix.type())));
  visit_type(matrix.type(), [&](auto zero) {
    using T = decltype(zero);
    transpose(matrix.values<T>().data(), rows, columns, reinterpret_cast<T*>(bytes.get()));
  });
  return Tensor(matrix.type(), flipped, bytes);
}

/// An operand times a positive or negative factor: in its scale where it has one, in its elements otherwise.
Result<Operand> times(Operand operand, float factor, const std::string& name, BytePool& pool) {
  if (factor == 1) return operand;
  if (operand.dequantise && factor > 0) {
    for (float& scale : operand.dequantise->scale) scale *= factor;
    return operand;
  }
  GATEFOLD_TRY(const Tensor tensor, real_of(operand, name));
  GATEFOLD_TRY(Tensor product, scaled(tensor, {static_cast<double>(factor)}, name, pool));
  return constant_operand(std::move(product));
}

/// A constant that is the same for all elements of one channel, as [oc]; nullopt if `from` varies elsewhere too.
/// `axis` is the channel axis of the shape of `rank` dimensions that `from` is broadcast to.
std::optional<Operand> per_channel(const Operand& from, int rank, int axis, std::int64_t oc) {
  const int offset = rank - from.shape.rank();
  if (offset < 0 || !from.constant) return std::nullopt;
  for (int i = 0; i < from.shape.rank(); ++i) {
    const bool fits = from.shape[i] == 1 || (i + offset == axis && from.shape[i] == oc);
    if (!fits) return std::nullopt;
  }
  Operand channels = from;
  channels.shape = Shape{oc};
  const bool one = from.shape.elements() == 1 && oc != 1;
  channels.constant = one ? splat_of(*from.constant, channels.shape) : from.constant->reshaped(channels.shape);
  if (channels.dequantise) channels.dequantise->axis = 0;
  return channels;
}

/// Dot layers keep stored weights that are dequantised per tensor or per output channel.
bool keeps_stored(const Operand& weights) {
  return weights.dequantise && is_quantised(weights.type) && (weights.dequantise->per_tensor() || weights.dequantise->axis == 0);
}

/// The largest |w - zero point| that the weights' type allows.
std::int64_t weight_magnitude(const Quantisation& weights) {
  const std::int64_t low = weights.type == ElementType::kInt8 ? -128 : 0;
  const std::int64_t high = low + 255;
  std::int64_t magnitude = 0;
  for (const std::int32_t zero : weights.zero_point) magnitude = std::max({magnitude, std::abs(low - zero), std::abs(high - zero)});
  return magnitude;
}

/// True if `bias` is absent or int32 with zero point 0 at scale sx*sw, channel by channel.
bool bias_fits(const Layer& layer) {
  if (layer.inputs.size() < 3) return true;
  const auto& bias = layer.inputs[2].dequantise;
  if (!bias || bias->type != ElementType::kInt32) return false;
  if (std::any_of(bias->zero_point.begin(), bias->zero_point.end(), [](std::int32_t zero) { return zero != 0; })) return false;
  const float sx = layer.inputs[0].dequantise->scale[0];
  const auto& sw = layer.inputs[1].dequantise->scale;
  const std::size_t count = std::max(sw.size(), bias->scale.size());
  for (std::size_t i = 0; i < count; ++i) {
    const double wanted = static_cast<double>(sx) * sw[sw.size() == 1 ? 0 : i];
    const double found = bias->scale[bias->scale.size() == 1 ? 0 : i];
    if (!(std::abs(found - wanted) <= kBiasScaleTolerance * wanted)) return false;
  }
  return true;
}

/// True if the sum of the layer's products can be taken in int32.
bool sums_in_int32(const Layer& layer) {
  const auto& x = layer.inputs[0].dequantise;
  const auto& w = layer.inputs[1].dequantise;
  if (!x || !x->per_tensor() || !is_quantised(x->type) || !w) return false;
  const std::int64_t taps = layer.dot.ic / layer.dot.group * layer.dot.kh * layer.dot.kw;
  return taps <= INT32_MAX / (255 * weight_magnitude(*w));
}

}  // namespace

Status LayerBuilder::emit_dot(const Node& node, Operator op, Operand x, Operand weights, std::optional<Operand> bias,
                              const DotGeometry& dot) {
  if (x.type != ElementType::kFloat32 && !x.dequantise) {
    return unsupported(node, fmt::format("found a dot product of {}, want float32 or dequantised integers", name(x.type)));
  }
  if (!keeps_stored(weights)) {
    GATEFOLD_TRY(Tensor tensor, real_of(weights, node.name));
    weights = constant_operand(std::move(tensor));
  }
  if (weights.type != ElementType::kFloat32 && !weights.dequantise) {
    return unsupported(node, fmt::format("found weights of {}, want float32 or dequantised integers", name(weights.type)));
  }
  std::vector<Operand> inputs;
  inputs.reserve(3);  // a bias may join later
  inputs.push_back(std::move(x));
  inputs.push_back(std::move(weights));
  if (bias) inputs.push_back(std::move(*bias));
  GATEFOLD_TRY(const LayerId id, emit(node, LayerKind::kDot, std::move(op), std::move(inputs)));
  graph_.layers[id.at()].dot = dot;
  return Done{};
}

Status LayerBuilder::form(const Conv& op, const Node& node) {
  if (!input(node, 1).operand.constant) return unsupported(node, "its weights are computed at run time, want constants");
  std::optional<Operand> bias;
  if (has(node, 2)) {
    if (!input(node, 2).operand.constant) return unsupported(node, "its bias is computed at run time, want a constant");
    bias = taken(node, 2);
  }
  const auto& dequantise = input(node, 0).operand.dequantise;
  if (dequantise && !dequantise->per_tensor()) materialise(*node.inputs[0]);
  const Shape& x = value(*node.inputs[0]).fact.shape;
  const Shape& y = value(node.outputs[0]).fact.shape;
  const Window& window = op.window;
  const DotGeometry dot{.n = x[0],
                        .ic = x[1],
                        .ih = x[2],
                        .iw = x[3],
                        .oc = y[1],
                        .oh = y[2],
                        .ow = y[3],
                        .kh = window.kernel[0],
                        .kw = window.kernel[1],
                        .sh = window.stride[0],
                        .sw = window.stride[1],
                        .dh = window.dilation[0],
                        .dw = window.dilation[1],
                        .pad_top = window.pads[0],
                        .pad_left = window.pads[1],
                        .pad_bottom = window.pads[2],
                        .pad_right = window.pads[3],
                        .group = op.group};
  return emit_dot(node, op, input(node, 0).operand, taken(node, 1), std::move(bias), dot);
}

Status LayerBuilder::form(const MatMul& op, const Node& node) {
  if (!input(node, 1).operand.constant) return unsupported(node, "both factors are computed at run time, want constant weights");
  const auto& dequantise = input(node, 0).operand.dequantise;
  if (dequantise && !dequantise->per_tensor()) materialise(*node.inputs[0]);
  Operand x = input(node, 0).operand;
  Operand b = taken(node, 1);

  const int rank = b.shape.rank();
  const std::int64_t rows = rank == 1 ? b.shape[0] : b.shape[rank - 2];
  const std::int64_t columns = rank == 1 ? 1 : b.shape[rank - 1];
  if (b.shape.elements() != rows * columns) {
    return unsupported(node, fmt::format("found weights of shape {}, want one matrix", b.shape.text()));
  }
  if (b.dequantise) b.dequantise->axis = std::max<std::int64_t>(0, b.dequantise->axis - std::max(0, rank - 2));
  b.constant = b.constant->reshaped(Shape{rows, columns});
  if (!op.transpose_b) {
    b.constant = transposed(*b.constant, pool_);
    if (b.dequantise) b.dequantise->axis = 1 - b.dequantise->axis;
  }
  const std::int64_t oc = b.constant->shape()[0];
  const std::int64_t ic = b.constant->shape()[1];
  b.shape = Shape{oc, ic, 1, 1};
  b.constant = b.constant->reshaped(b.shape);
  GATEFOLD_TRY(b, times(std::move(b), op.alpha, node.name, pool_));

  if (op.transpose_a) {
    const int last = x.shape.rank() - 1;
    if (x.shape[last] != 1 && x.shape[last - 1] != 1) {
      return unsupported(node,
                         fmt::format("transposes its computed factor of shape {}, want a vector or a Transpose node", x.shape.text()));
    }
    std::vector<std::int64_t> dims(x.shape.dims().begin(), x.shape.dims().end());
    std::swap(dims[dims.size() - 1], dims[dims.size() - 2]);
    x.shape = Shape(dims);
  }
  std::optional<Operand> bias;
  if (has(node, 2) && op.beta != 0) {
    const int y_rank = value(node.outputs[0]).fact.shape.rank();
    bias = per_channel(input(node, 2).operand, y_rank, y_rank - 1, oc);
    if (!bias)
      return unsupported(
          node, fmt::format("found c of shape {}, want a constant with one entry per column", input(node, 2).operand.shape.text()));
    GATEFOLD_TRY(bias, times(std::move(*bias), op.beta, node.name, pool_));
  }
  const DotGeometry dot{.n = x.shape.elements() / std::max<std::int64_t>(ic, 1), .ic = ic, .oc = oc};
  return emit_dot(node, MatMul{.transpose_b = true}, std::move(x), std::move(b), std::move(bias), dot);
}

std::optional<LayerId> LayerBuilder::open_dot(ValueId id) {
  const auto producer = open_producer(id);
  if (!producer) return std::nullopt;
  const Layer& layer = graph_.layer(*producer);
  const bool open = layer.kind == LayerKind::kDot && !layer.epilogue.activation && source(id).operand.shape == layer.output_shape;
  return open ? producer : std::nullopt;
}

Result<bool> LayerBuilder::join_bias(const Node& node) {
  for (const std::size_t position : {std::size_t{0}, std::size_t{1}}) {
    const ValueId x = *node.inputs[position];
    const Operand& added = input(node, 1 - position).operand;
    const auto id = open_dot(x);
    if (!id || !added.constant) continue;
    Layer& layer = graph_.layers[id->at()];
    const int rank = layer.output_shape.rank();
    const int axis = std::holds_alternative<Conv>(layer.op) ? 1 : rank - 1;
    if (axis < 0 || layer.output_shape[axis] != layer.dot.oc) continue;
    std::optional<Operand> bias = per_channel(added, rank, axis, layer.dot.oc);
    if (!bias) continue;
    const std::vector<Operand> before = layer.inputs;
    if (sums_in_int32(layer)) {
      // Only a bias that keeps the sum an integer; another one is added behind it, by a layer of its own.
      if (layer.inputs.size() > 2) continue;
      layer.inputs.push_back(std::move(*bias));
      if (!bias_fits(layer)) {
        layer.inputs = before;
        continue;
      }
    } else if (layer.inputs.size() == 2) {
      layer.inputs.push_back(std::move(*bias));
    } else {
      GATEFOLD_CHECK(expect_storable(layer.dot.oc, node.name));
      GATEFOLD_TRY(const Tensor first, real_of(layer.inputs[2], node.name));
      GATEFOLD_TRY(const Tensor second, real_of(*bias, node.name));
      std::vector<float> sum;
      for (std::int64_t oc = 0; oc < layer.dot.oc; ++oc) sum.push_back(static_cast<float>(first.number_at(oc) + second.number_at(oc)));
      layer.inputs[2] = constant_operand(Tensor::of<float>(Shape{layer.dot.oc}, sum));
    }
    rename_result(*id, x, node.outputs[0], ElementType::kFloat32);
    return true;
  }
  return false;
}

Result<bool> LayerBuilder::join_batch_norm(const BatchNorm& op, const Node& node) {
  const ValueId x = *node.inputs[0];
  const auto id = open_dot(x);
  if (!id) return false;
  Layer& layer = graph_.layers[id->at()];
  const bool channels_second = std::holds_alternative<Conv>(layer.op) || layer.output_shape.rank() == 2;
  if (!channels_second || layer.output_shape[1] != layer.dot.oc || layer.inputs[1].dequantise) return false;
  std::vector<Tensor> parameters;
  for (std::size_t i = 1; i < 5; ++i) {
    const Operand& parameter = input(node, i).operand;
    if (!parameter.constant) return false;
    GATEFOLD_TRY(Tensor tensor, real_of(parameter, node.name));
    parameters.push_back(std::move(tensor));
  }
  GATEFOLD_CHECK(expect_storable(layer.dot.oc, node.name));
  Tensor bias = Tensor::splat<float>(Shape{layer.dot.oc}, 0.0F);
  if (layer.inputs.size() > 2) {
    GATEFOLD_TRY(bias, real_of(layer.inputs[2], node.name));
  }
  std::vector<double> factors;
  std::vector<float> shifted;
  for (std::int64_t oc = 0; oc < layer.dot.oc; ++oc) {
    const double factor = parameters[0].number_at(oc) / std::sqrt(parameters[3].number_at(oc) + static_cast<double>(op.epsilon));
    factors.push_back(factor);
    shifted.push_back(static_cast<float>((bias.number_at(oc) - parameters[2].number_at(oc)) * factor + parameters[1].number_at(oc)));
  }
  GATEFOLD_TRY(Tensor weights, scaled(*layer.inputs[1].constant, factors, node.name, pool_));
  layer.inputs.resize(2);
  layer.inputs[1] = constant_operand(std::move(weights));
  layer.inputs.push_back(constant_operand(Tensor::of<float>(Shape{layer.dot.oc}, shifted)));
  rename_result(*id, x, node.outputs[0], ElementType::kFloat32);
  return true;
}

Status LayerBuilder::finish_dot(Layer& layer) {
  layer.integer = sums_in_int32(layer) && bias_fits(layer);
  if (layer.integer || layer.inputs.size() < 3) return Done{};
  GATEFOLD_TRY(Tensor bias, real_of(layer.inputs[2], layer.name));
  layer.inputs[2] = constant_operand(std::move(bias));
  return Done{};
}

}  // namespace gatefold
