// Layers that would need more than a sum, a bias and a clamp, or whose numbers do not fit, are left to the plain path.
#include "gatefold/kernels/tile_parameters.h"

#include <algorithm>
#include <cmath>
#include <limits>

namespace gatefold {
namespace {

std::int32_t flipped(ElementType type) { return type == ElementType::kInt8 ? 128 : 0; }

bool take_weights(const Layer& layer, TileParameters& p) {
  p.weights = layer.inputs[1].constant->dense();
  const Quantisation& by = *layer.inputs[1].dequantise;
  const auto is_zero = [](std::int32_t zero) { return zero == 0; };
  if (p.weights.type() == ElementType::kInt8 && std::all_of(by.zero_point.begin(), by.zero_point.end(), is_zero)) return true;
  const auto count = static_cast<std::size_t>(p.weights.shape().elements());
  const std::size_t taps = count / static_cast<std::size_t>(layer.dot.oc);
  p.shifted.resize(count);
  bool fit = true;
  const auto centre = [&](const auto* stored) {
    for (std::size_t i = 0; i < count; ++i) {
      const std::int32_t value = stored[i] - by.zero_point[by.per_tensor() ? 0 : i / taps];
      fit = fit && value >= INT8_MIN && value <= INT8_MAX;
      p.shifted[i] = static_cast<std::int8_t>(value);
    }
  };
  if (p.weights.type() == ElementType::kInt8) centre(p.weights.values<std::int8_t>().data());
  else centre(p.weights.values<std::uint8_t>().data());
  return fit;
}

/// False if a bias might have to be saturated: the plain path does that.
bool take_sums(const Layer& layer, TileParameters& p) {
  const Operand& x = layer.inputs[0];
  const std::int64_t zero = x.dequantise->zero_point[0] + flipped(x.type);
  const std::int64_t reach = std::max(zero, 255 - zero);
  const auto oc = static_cast<std::size_t>(layer.dot.oc);
  const std::span<const std::int8_t> weights = p.bytes();
  const std::size_t taps = weights.size() / oc;
  for (std::size_t channel = 0; channel < oc; ++channel) {
    std::int64_t sum = 0;
    std::int64_t magnitude = 0;
    for (const std::int8_t weight : weights.subspan(channel * taps, taps)) {
      sum += weight;
      magnitude += std::abs(weight);
    }
    const std::int64_t bias = layer.inputs.size() > 2 ? layer.inputs[2].constant->integer_at(static_cast<std::int64_t>(channel)) : 0;
    if (magnitude * 255 + std::abs(bias) + std::abs(zero * sum) > INT32_MAX || magnitude * reach > INT32_MAX) return false;
    p.sums.push_back(static_cast<std::int32_t>(bias - zero * sum));
  }
  return true;
}

}  // namespace

std::optional<FloatLimits> limits_of(const std::optional<Unary>& activation) {
  constexpr float kInfinity = std::numeric_limits<float>::infinity();
  if (!activation) return FloatLimits{-kInfinity, kInfinity};
  if (activation->kind == UnaryKind::kRelu) return FloatLimits{0.0F, kInfinity};
  if (activation->kind == UnaryKind::kClip) return FloatLimits{activation->alpha, activation->beta};
  return std::nullopt;
}

std::optional<TileParameters> integer_tile_parameters(const Layer& layer) {
  TileParameters p;
  const Operand& x = layer.inputs[0];
  const Quantisation& w = *layer.inputs[1].dequantise;
  if (!take_weights(layer, p) || !take_sums(layer, p)) return std::nullopt;
  p.pad = static_cast<std::uint8_t>(x.dequantise->zero_point[0] + flipped(x.type));
  const float sx = x.dequantise->scale[0];
  const auto& y = layer.epilogue.quantise;
  const auto& activation = layer.epilogue.activation;
  const bool relu = activation && activation->kind == UnaryKind::kRelu;
  if (y ? !y->per_tensor() || (activation && !relu) : !limits_of(activation)) return std::nullopt;
  for (std::size_t channel = 0; channel < p.sums.size(); ++channel) {
    const float sw = w.scale[w.per_tensor() ? 0 : channel];
    p.scale.push_back(y ? requantize_scale(sx, sw, y->scale[0]) : sx * sw);
    // Such a scale times a sum of zero is no number; the plain path knows what that becomes.
    if (!(std::abs(p.scale.back()) <= std::numeric_limits<float>::max())) return std::nullopt;
  }
  if (!y) {
    p.finish = TileFinish::kReal;
    p.low = limits_of(activation)->low;
    p.high = limits_of(activation)->high;
    return p;
  }
  p.finish = TileFinish::kByte;
  SaturationLimits limits = saturation_limits(layer.output_type);
  if (relu) limits.low = std::clamp(y->zero_point[0], limits.low, limits.high);
  p.low = static_cast<float>(limits.low - y->zero_point[0]);
  p.high = static_cast<float>(limits.high - y->zero_point[0]);
  p.zero = y->zero_point[0] + flipped(layer.output_type);
  return p;
}

std::optional<TileParameters> float_tile_parameters(const Layer& layer, const TileLayerOptions& options) {
  const bool quantised = layer.inputs[0].dequantise || layer.inputs[1].dequantise || layer.epilogue.quantise ||
                         (layer.inputs.size() > 2 && layer.inputs[2].dequantise);
  const auto limits = options.added_to ? FloatLimits{options.low, options.high} : limits_of(layer.epilogue.activation);
  if (quantised || !limits || layer.output_type != ElementType::kFloat32 || layer.inputs[0].type != ElementType::kFloat32) {
    return std::nullopt;
  }
  TileParameters p;
  p.weights = layer.inputs[1].constant->dense();
  p.bias.assign(static_cast<std::size_t>(layer.dot.oc), 0.0F);
  if (layer.inputs.size() > 2) {
    const Tensor bias = layer.inputs[2].constant->dense();
    std::copy(bias.values<float>().begin(), bias.values<float>().end(), p.bias.begin());
  }
  p.low = limits->low;
  p.high = limits->high;
  return p;
}

}  // namespace gatefold
