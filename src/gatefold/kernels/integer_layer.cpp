// A Relu is a lower bound at the zero point, because rounding and saturation are monotone. Averages over windows are not
// here: the contract reads them in float32, as the runtime does whose answers define it.
#include "gatefold/kernels/integer_layer.h"

#include <algorithm>
#include <vector>

#include "gatefold/kernels/broadcast_runs.h"
#include "gatefold/kernels/requantize.h"

namespace gatefold {
namespace {

/// Keeps the sum of so many 8-bit values within int32.
constexpr std::int64_t kSummandsMax = std::int64_t{1} << 23;

bool sums_in_int32(const Layer& layer) {
  const auto& pool = std::get<Pool>(layer.op);
  const Shape& shape = layer.inputs[0].shape;
  const std::int64_t count = shape[2] * shape[3];
  return pool.global && pool.kind == PoolKind::kAverage && count > 0 && count <= kSummandsMax;
}

bool operator_has_integer_form(const Layer& layer) {
  if (const auto* binary = std::get_if<Binary>(&layer.op)) {
    return binary->kind == BinaryKind::kAdd || binary->kind == BinaryKind::kMul;
  }
  return std::holds_alternative<Pool>(layer.op) && sums_in_int32(layer);
}

struct Parameters {
  float scale;
  std::int32_t zero_point;
};
Parameters only(const Quantisation& by) { return {by.scale[0], by.zero_point[0]}; }

/// y[i] = f(a[i], b[i]) along one run.
template <class T, class F>
void run(const T* a, std::int64_t step_a, const T* b, std::int64_t step_b, std::int64_t count, T* y, F f) {
  if (step_a == 1 && step_b == 1) {
    for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(f(a[i], b[i]));
  } else {
    for (std::int64_t i = 0; i < count; ++i) y[i] = static_cast<T>(f(a[i * step_a], b[i * step_b]));
  }
}

template <class T, class F>
void combine(std::span<const TensorView> inputs, const Shape& shape, T* y, F f) {
  if (shape.elements() == 0) return;
  const Runs runs = runs_of(shape, broadcast_strides(inputs[0].shape, shape), broadcast_strides(inputs[1].shape, shape));
  const T* a = inputs[0].values<T>().data();
  const T* b = inputs[1].values<T>().data();
  walk<2>(runs.outer, {runs.a, runs.b}, [&](const auto& at) {
    run(a + at[0], runs.step_a, b + at[1], runs.step_b, runs.count, y, f);
    y += runs.count;
  });
}

template <class T>
void binary(const Layer& layer, std::span<const TensorView> inputs, T* y) {
  const Parameters by_a = only(*layer.inputs[0].dequantise);
  const Parameters by_b = only(*layer.inputs[1].dequantise);
  const Parameters by_y = only(*layer.epilogue.quantise);
  const SaturationLimits limits = integer_limits(layer);
  if (std::get<Binary>(layer.op).kind == BinaryKind::kAdd) {
    const SumScale scale = sum_scale(by_a.scale, by_a.zero_point, by_b.scale, by_b.zero_point, by_y.scale, by_y.zero_point);
    combine(inputs, layer.output_shape, y, [=](std::int32_t a, std::int32_t b) { return requantize_sum(a, b, scale, limits); });
    return;
  }
  const float scale = requantize_scale(by_a.scale, by_b.scale, by_y.scale);
  combine(inputs, layer.output_shape, y, [=](std::int32_t a, std::int32_t b) {
    return requantize_product((a - by_a.zero_point) * (b - by_b.zero_point), scale, by_y.zero_point, limits);
  });
}

template <class T>
void global_average(const Layer& layer, const TensorView& input, T* y) {
  const Parameters by_x = only(*layer.inputs[0].dequantise);
  const Parameters by_y = only(*layer.epilogue.quantise);
  const SaturationLimits limits = integer_limits(layer);
  const Shape& shape = input.shape;
  const std::int64_t count = shape[2] * shape[3];
  const float scale = average_scale(by_x.scale, by_y.scale, count);
  const T* x = input.values<T>().data();
  for (std::int64_t plane = 0; plane < shape[0] * shape[1]; ++plane, x += count) {
    std::int32_t sum = -static_cast<std::int32_t>(count) * by_x.zero_point;
    for (std::int64_t i = 0; i < count; ++i) sum += x[i];
    y[plane] = static_cast<T>(requantize(sum, scale, by_y.zero_point, limits));
  }
}

template <class T>
void run_as(const Layer& layer, std::span<const TensorView> inputs, T* y) {
  if (std::holds_alternative<Pool>(layer.op)) global_average(layer, inputs[0], y);
  else binary(layer, inputs, y);
}

}  // namespace

bool has_integer_form(const Layer& layer) {
  const Epilogue& epilogue = layer.epilogue;
  if (!epilogue.quantise || !epilogue.quantise->per_tensor() || !is_quantised(layer.output_type)) return false;
  if (epilogue.activation && epilogue.activation->kind != UnaryKind::kRelu) return false;
  const bool stored_alike = std::all_of(layer.inputs.begin(), layer.inputs.end(), [&](const Operand& operand) {
    return operand.type == layer.output_type && operand.dequantise && operand.dequantise->per_tensor();
  });
  return stored_alike && operator_has_integer_form(layer);
}

SaturationLimits integer_limits(const Layer& layer) {
  SaturationLimits limits = saturation_limits(layer.output_type);
  if (layer.epilogue.activation) limits.low = std::clamp(layer.epilogue.quantise->zero_point[0], limits.low, limits.high);
  return limits;
}

void run_integer_layer(const Layer& layer, std::span<const TensorView> inputs, const MutableTensorView& output) {
  GATEFOLD_REQUIRE(has_integer_form(layer) && output.type == layer.output_type);
  GATEFOLD_REQUIRE(output.shape.elements() == layer.output_shape.elements());
  std::vector<TensorView> seen(inputs.begin(), inputs.end());
  for (std::size_t i = 0; i < seen.size(); ++i) {
    GATEFOLD_REQUIRE(seen[i].type == output.type && seen[i].shape.elements() == layer.inputs[i].shape.elements());
    seen[i].shape = layer.inputs[i].shape;
  }
  if (output.type == ElementType::kInt8) run_as(layer, seen, output.values<std::int8_t>().data());
  else run_as(layer, seen, output.values<std::uint8_t>().data());
}

}  // namespace gatefold
