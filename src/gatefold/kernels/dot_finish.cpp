// From accumulators to stored outputs, channel by channel: bias, activation, quantisation.
//
// Integer sums that are quantised take the contract's one formula (requantize.h); a Relu then is a lower bound at the
// zero point, because rounding and saturation are monotone. Every other activation sees the float value sum * (sx * sw).
#include <algorithm>

#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/quantise.h"
#include "gatefold/kernels/requantize.h"
#include "gatefold/kernels/scratch.h"
#include "gatefold/kernels/unary_math.h"

namespace gatefold {
namespace {

std::size_t index_in(const Quantisation& by, std::int64_t channel) { return by.per_tensor() ? 0 : static_cast<std::size_t>(channel); }

/// sum + bias, saturated: in 32-bit arithmetic, because a vector unit has twice as many of those.
std::int32_t added(std::int32_t sum, std::int32_t bias) {
  const auto a = static_cast<std::uint32_t>(sum);
  const auto b = static_cast<std::uint32_t>(bias);
  const std::uint32_t wrapped = a + b;
  // The sign of the result differs from both operands' only after an overflow.
  const bool overflow = static_cast<std::int32_t>((a ^ wrapped) & (b ^ wrapped)) < 0;
  const std::int32_t bound = sum < 0 ? INT32_MIN : INT32_MAX;
  return overflow ? bound : static_cast<std::int32_t>(wrapped);
}

/// One output channel of one image.
struct Channel {
  std::int64_t index;
  std::int64_t count;
  std::byte* out;
};

void store_real(const Epilogue& epilogue, ElementType type, const Channel& channel, float* real) {
  if (epilogue.activation) {
    visit_unary<float>(*epilogue.activation, [&](auto f) {
      for (std::int64_t i = 0; i < channel.count; ++i) real[i] = f(real[i]);
    });
  }
  if (!epilogue.quantise) return;
  const Quantisation& by = *epilogue.quantise;
  const std::size_t at = index_in(by, channel.index);
  const Quantisation one{by.type, {by.scale[at]}, {by.zero_point[at]}, 0};
  GATEFOLD_ENSURE(quantise(one, real, {type, Shape{channel.count}, channel.out}).has_value());
}

template <class T>
void requantize_channel(const std::int32_t* sums, std::int32_t bias, float scale, std::int32_t zero, bool relu, const Channel& channel) {
  SaturationLimits limits = saturation_limits(element_type_of<T>());
  if (relu) limits.low = std::clamp(zero, limits.low, limits.high);
  T* out = reinterpret_cast<T*>(channel.out);
  const std::int64_t count = channel.count;  // a copy: a store through `out` might change the original, for all the compiler knows
  for (std::int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(requantize(added(sums[i], bias), scale, zero, limits));
}

class Finisher {
 public:
  explicit Finisher(const Layer& layer) : layer_(layer) {
    if (layer.inputs.size() < 3) return;
    bias_ = layer.inputs[2].constant->dense();
  }

  void integer(const std::int32_t* sums, const Channel& channel) const {
    const Quantisation& w = *layer_.inputs[1].dequantise;
    const float sx = layer_.inputs[0].dequantise->scale[0];
    const float sw = w.scale[index_in(w, channel.index)];
    const std::int32_t bias = has_bias() ? bias_.values<std::int32_t>()[static_cast<std::size_t>(channel.index)] : 0;
    const auto& activation = layer_.epilogue.activation;
    const bool relu = activation && activation->kind == UnaryKind::kRelu;
    if (layer_.epilogue.quantise && (!activation || relu)) {
      const Quantisation& y = *layer_.epilogue.quantise;
      const std::size_t at = index_in(y, channel.index);
      const float scale = requantize_scale(sx, sw, y.scale[at]);
      if (layer_.output_type == ElementType::kInt8) requantize_channel<std::int8_t>(sums, bias, scale, y.zero_point[at], relu, channel);
      else requantize_channel<std::uint8_t>(sums, bias, scale, y.zero_point[at], relu, channel);
      return;
    }
    float* real = real_of(channel);
    const float scale = sx * sw;
    for (std::int64_t i = 0; i < channel.count; ++i) real[i] = static_cast<float>(added(sums[i], bias)) * scale;
    store_real(layer_.epilogue, layer_.output_type, channel, real);
  }

  void floating(const float* sums, const Channel& channel) const {
    float bias = 0;
    if (has_bias()) {
      const auto at = static_cast<std::size_t>(channel.index);
      const auto& by = layer_.inputs[2].dequantise;
      if (!by) bias = bias_.values<float>()[at];
      else
        bias = static_cast<float>(bias_.integer_at(channel.index) - by->zero_point[index_in(*by, channel.index)]) *
               by->scale[index_in(*by, channel.index)];
    }
    float* real = real_of(channel);
    for (std::int64_t i = 0; i < channel.count; ++i) real[i] = sums[i] + bias;
    store_real(layer_.epilogue, layer_.output_type, channel, real);
  }

 private:
  [[nodiscard]] bool has_bias() const { return layer_.inputs.size() > 2; }
  /// Where float32 values go before they are quantised: straight into the output if they are not.
  [[nodiscard]] float* real_of(const Channel& channel) const {
    if (!layer_.epilogue.quantise) return reinterpret_cast<float*>(channel.out);
    return scratch_of<float>(ScratchUse::kResult, channel.count);
  }

  const Layer& layer_;
  Tensor bias_;
};

}  // namespace

void DotKernel::finish(const std::byte* accumulators, Range oc, MutableTensorView y) const {
  const DotGeometry& d = layer_->dot;
  GATEFOLD_REQUIRE(y.type == layer_->output_type && y.shape.elements() == accumulator_elements());
  GATEFOLD_REQUIRE(oc.begin >= 0 && oc.begin <= oc.end && oc.end <= d.oc);
  const Finisher finisher(*layer_);
  const std::int64_t plane = d.oh * d.ow;
  const bool integer = accumulator_type() == ElementType::kInt32;
  for (std::int64_t n = 0; n < d.n; ++n) {
    for (std::int64_t channel = oc.begin; channel < oc.end; ++channel) {
      const std::int64_t first = (n * d.oc + channel) * plane;
      const Channel where{channel, plane, y.bytes + first * element_size(y.type)};
      if (integer) finisher.integer(reinterpret_cast<const std::int32_t*>(accumulators) + first, where);
      else finisher.floating(reinterpret_cast<const float*>(accumulators) + first, where);
    }
  }
}

}  // namespace gatefold
