// Which of the three ways computes a slice, and everything around it: checks, weights without their zero points, and
// finishing. See packed_slice.h.
#include "gatefold/kernels/dot_kernel.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>

#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/packed_slice.h"
#include "gatefold/kernels/quantise.h"
#include "gatefold/kernels/requantize.h"
#include "gatefold/kernels/unary_math.h"

namespace gatefold {
namespace {

bool sums_integers(const Layer& layer, Numerics numerics) { return layer.integer && numerics == Numerics::kInteger; }

Error refused(const Layer& layer, const std::string& what) {
  return Error{ErrorCode::kUnsupported, fmt::format("layer '{}': {}", layer.name, what)};
}

/// The largest |stored - zero point| that a quantisation allows.
std::int64_t magnitude(const Quantisation& by) {
  const SaturationLimits limits = saturation_limits(by.type);
  std::int64_t largest = 0;
  for (const std::int32_t zero : by.zero_point) {
    largest = std::max({largest, std::int64_t{limits.high} - zero, std::int64_t{zero} - limits.low});
  }
  return largest;
}

Status check_integer(const Layer& layer) {
  const Operand& x = layer.inputs[0];
  const Operand& w = layer.inputs[1];
  const DotGeometry& d = layer.dot;
  if (!x.dequantise || !w.dequantise || !is_quantised(x.type) || !is_quantised(w.type) || !x.dequantise->per_tensor()) {
    return refused(layer, "an integer dot product wants int8 or uint8 operands, the activation with one scale");
  }
  if (!w.dequantise->per_tensor() && static_cast<std::int64_t>(w.dequantise->scale.size()) != d.oc) {
    return refused(layer, fmt::format("{} weight scales for {} output channels", w.dequantise->scale.size(), d.oc));
  }
  if (layer.inputs.size() > 2 && layer.inputs[2].type != ElementType::kInt32) {
    return refused(layer, fmt::format("an integer dot product wants an int32 bias, found {}", name(layer.inputs[2].type)));
  }
  Quantisation as_stored_x = *x.dequantise;
  Quantisation as_stored_w = *w.dequantise;
  as_stored_x.type = x.type;
  as_stored_w.type = w.type;
  const std::int64_t products = d.ic / d.group * d.kh * d.kw;
  if (products > INT32_MAX / std::max<std::int64_t>(1, magnitude(as_stored_x) * magnitude(as_stored_w))) {
    return refused(layer, fmt::format("{} products may overflow a 32-bit accumulator", products));
  }
  return Done{};
}

Status check_epilogue(const Layer& layer) {
  const auto& quantise = layer.epilogue.quantise;
  if (quantise && !quantise->per_tensor() && static_cast<std::int64_t>(quantise->scale.size()) != layer.dot.oc) {
    return refused(layer, "the output is quantised along another axis than its channels");
  }
  if (layer.epilogue.activation && layer.epilogue.activation->kind == UnaryKind::kNot) return refused(layer, "Not of a sum");
  if (quantise ? !is_quantised(layer.output_type) : layer.output_type != ElementType::kFloat32) {
    return refused(layer, fmt::format("a dot product stored as {}", name(layer.output_type)));
  }
  return Done{};
}

/// The slice's part of weights [oc, ic / group, kh, kw]; the bytes are shared where it is the whole.
Tensor slice_of_weights(const Tensor& weights, const DotGeometry& d, const DotSlice& slice) {
  const Range columns = d.group == 1 ? slice.ic : Range{0, d.ic / d.group};
  const std::int64_t rows = slice.oc.count();
  if (rows == d.oc && columns.count() == d.ic / d.group) return weights.dense();
  const Shape shape{rows, columns.count(), d.kh, d.kw};
  const std::int64_t channel = d.kh * d.kw * element_size(weights.type());
  Buffer buffer(static_cast<std::size_t>(rows * columns.count() * channel));
  const Tensor dense = weights.dense();
  for (std::int64_t row = 0; row < rows; ++row) {
    const std::byte* from = dense.view().bytes + ((slice.oc.begin + row) * (d.ic / d.group) + columns.begin) * channel;
    std::memcpy(buffer.data() + row * columns.count() * channel, from, static_cast<std::size_t>(columns.count() * channel));
  }
  return Tensor(weights.type(), shape, std::move(buffer));
}

/// The entries of a per-index quantisation that belong to `range`; one per tensor stays as it is.
Quantisation part_of_quantisation(const Quantisation& whole, Range range) {
  if (whole.per_tensor()) return whole;
  Quantisation part{whole.type, {}, {}, whole.axis};
  for (std::int64_t i = range.begin; i < range.end; ++i) {
    part.scale.push_back(whole.scale.at(static_cast<std::size_t>(i)));
    part.zero_point.push_back(whole.zero_point.at(static_cast<std::size_t>(i)));
  }
  return part;
}

/// Weights minus zero point.
std::vector<std::int16_t> centred(const Tensor& weights, const Quantisation& by) {
  const std::int64_t rows = weights.shape()[0];
  const std::int64_t row = weights.shape().elements() / std::max<std::int64_t>(1, rows);
  std::vector<std::int16_t> values(static_cast<std::size_t>(rows * row));
  visit_type(weights.type(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (sizeof(T) == 1 && !std::is_same_v<T, bool>) {
      const auto stored = weights.values<T>();
      for (std::size_t i = 0; i < values.size(); ++i) {
        const std::int32_t centre = by.zero_point[by.per_tensor() ? 0 : i / static_cast<std::size_t>(row)];
        values[i] = static_cast<std::int16_t>(stored[i] - centre);
      }
    } else {
      GATEFOLD_REQUIRE(is_quantised(weights.type()));
    }
  });
  return values;
}

bool fit_int8(std::span<const std::int16_t> values) {
  return std::all_of(values.begin(), values.end(), [](std::int16_t value) { return value >= INT8_MIN && value <= INT8_MAX; });
}

SliceLoops loops_of(const DotGeometry& whole, const DotSlice& slice) {
  SliceLoops loops{whole, slice.oc.begin, whole.oc};
  loops.dot.ic = slice.ic.count();
  loops.dot.oc = slice.oc.count();
  if (whole.depthwise()) loops.dot.group = slice.oc.count();
  return loops;
}

}  // namespace

Result<DotKernel> DotKernel::create(const Layer& layer, Numerics numerics) {
  GATEFOLD_REQUIRE(layer.kind == LayerKind::kDot && layer.inputs.size() >= 2);
  const DotGeometry& d = layer.dot;
  const Operand& w = layer.inputs[1];
  if (!w.constant) return refused(layer, "weights are computed, not constant");
  if (w.constant->shape().elements() != d.oc * (d.ic / d.group) * d.kh * d.kw) {
    return refused(layer,
                   fmt::format("weights {} do not fit [{}, {}, {}, {}]", w.constant->shape().text(), d.oc, d.ic / d.group, d.kh, d.kw));
  }
  if (layer.inputs.size() > 2 && !layer.inputs[2].constant) return refused(layer, "the bias is computed, not constant");
  if (const auto* product = std::get_if<MatMul>(&layer.op); product && (product->alpha != 1.0F || product->beta != 1.0F)) {
    return refused(layer, "alpha and beta must be folded into weights and bias");
  }
  GATEFOLD_CHECK(check_epilogue(layer));
  if (sums_integers(layer, numerics)) GATEFOLD_CHECK(check_integer(layer));
  else if (!layer.inputs[0].dequantise && layer.inputs[0].type != ElementType::kFloat32) {
    return refused(layer, fmt::format("a float dot product of {} that is not dequantised", name(layer.inputs[0].type)));
  }
  return DotKernel(layer, numerics);
}

DotSlice DotKernel::whole() const { return {{0, layer_->dot.ic}, {0, layer_->dot.oc}}; }

ElementType DotKernel::accumulator_type() const { return sums_integers(*layer_, numerics_) ? ElementType::kInt32 : ElementType::kFloat32; }

std::int64_t DotKernel::accumulator_elements() const {
  const DotGeometry& d = layer_->dot;
  return d.n * d.oc * d.oh * d.ow;
}

Result<std::shared_ptr<const PackedSlice>> DotKernel::pack(const DotSlice& slice) const {
  const DotGeometry& d = layer_->dot;
  GATEFOLD_REQUIRE(slice.ic.begin >= 0 && slice.ic.begin < slice.ic.end && slice.ic.end <= d.ic);
  GATEFOLD_REQUIRE(slice.oc.begin >= 0 && slice.oc.begin < slice.oc.end && slice.oc.end <= d.oc);
  GATEFOLD_REQUIRE(d.group == 1 || (d.depthwise() ? slice.ic == slice.oc : slice == whole()));
  const SliceLoops loops = loops_of(d, slice);
  const Operand& x = layer_->inputs[0];
  const Operand& w = layer_->inputs[1];
  const Shape weight_shape{d.oc, d.ic / d.group, d.kh, d.kw};
  const Tensor weights = slice_of_weights(w.constant->reshaped(weight_shape), d, slice);
  if (sums_integers(*layer_, numerics_)) {
    const std::vector<std::int16_t> values = centred(weights, part_of_quantisation(*w.dequantise, slice.oc));
    const std::int32_t zero = x.dequantise->zero_point[0];
    if (has_exact_int8_dot() && fit_int8(values)) return pack_int8(loops, values, x.type, zero);
    return pack_exact(loops, values, x.type, zero);
  }
  std::optional<Quantisation> dequantise_x;
  if (x.dequantise) {
    // Per-channel scales of an activation follow the slice; along any other axis the slice keeps the whole.
    dequantise_x = x.dequantise->axis == 1 ? part_of_quantisation(*x.dequantise, slice.ic) : *x.dequantise;
  }
  if (!w.dequantise) return pack_float(loops, weights.values<float>(), std::move(dequantise_x));
  Quantisation by = *w.dequantise;
  if (by.axis == 0) by = part_of_quantisation(by, slice.oc);
  else if (by.axis == 1 && d.group == 1) by = part_of_quantisation(by, slice.ic);
  std::vector<float> real(static_cast<std::size_t>(weights.shape().elements()));
  GATEFOLD_CHECK(dequantise(by, weights.view(), real.data()));
  return pack_float(loops, real, std::move(dequantise_x));
}

Status DotKernel::accumulate(const PackedSlice& packed, TensorView x, std::byte* accumulators) const {
  return packed.accumulate(x, accumulators);
}

}  // namespace gatefold
