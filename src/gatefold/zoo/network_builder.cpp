#include "gatefold/zoo/network_builder.h"

#include <algorithm>
#include <cmath>
#include <utility>

namespace gatefold::zoo {
namespace {

constexpr double kGrid = 65536;  // moments are multiples of 2^-16
// Standard deviations that a tensor's scale covers. Filters differ from the computed variance, most of all depthwise ones
// with nine taps; at 5 a normal variable twice as wide as computed saturates in 1 % of its values.
constexpr double kReach = 5;
// Means of filters, in standard deviations: 0.15 on average leaves 56 % of the values behind a ReLU other than zero, the
// average of trained networks in Albericio et al., "Cnvlutin", ISCA 2016.
constexpr double kBetaLow = -0.35;
constexpr double kBetaHigh = 0.65;
// The largest of the 3x3 values of a max pool lies so many standard deviations above their mean, and varies about as much as
// one of them: for nine independent values behind a ReLU with the means above.
constexpr double kMaxPoolLift = 1.8;
// A sum of which one term is skewed, behind a ReLU, has more variance than a normal variable of its mean and variance would
// have there. A single residual block simulated apart gives 1.2; this is the factor under which the sixteen blocks of
// ResNet-50, where the excess of one block is in the input of the next, neither grow nor shrink.
constexpr double kSkewedSum = 1.3;
// Neighbours in a feature map are alike: so many positions count as one in an average.
constexpr double kCorrelatedPositions = 4;
constexpr float kSoftmaxScale = 1.0F / 256;  // the whole range of int8 is [0, 1)

double on_grid(double value) { return std::nearbyint(value * kGrid) / kGrid; }

/// Never without variance: a scale is divided by it.
Moments moments(double mean, double variance) { return {on_grid(mean), std::max(on_grid(variance), 1 / kGrid)}; }

/// Of max(0, x), x normal.
Moments rectified(const Moments& x) {
  constexpr double kRootTwo = 1.4142135623730951;
  constexpr double kRootTwoPi = 2.5066282746310002;
  const double sigma = std::sqrt(x.variance);
  const double a = x.mean / sigma;
  const double above = std::erfc(-a / kRootTwo) / 2;  // the share of x above 0
  const double density = std::exp(-a * a / 2) / kRootTwoPi;
  const double mean = x.mean * above + sigma * density;
  const double square = (x.mean * x.mean + x.variance) * above + x.mean * sigma * density;
  return moments(mean, square - mean * mean);
}

/// The scale at which int8 covers `channels`.
double reach(const std::vector<Moments>& channels) {
  double largest = 0;
  for (const Moments& x : channels) largest = std::max(largest, std::abs(x.mean) + kReach * std::sqrt(x.variance));
  return largest;
}

}  // namespace

NetworkBuilder::NetworkBuilder(std::string name, std::uint64_t seed, Padding padding) : random_(seed), padding_(padding) {
  model_.name = std::move(name);
  model_.opset = 13;  // quantisation per channel
}

ValueId NetworkBuilder::add_value(const std::string& name, std::optional<Tensor> constant) {
  model_.values.push_back({name, std::move(constant)});
  stored_.emplace_back();
  return ValueId(model_.values.size() - 1);
}

ValueId NetworkBuilder::add_node(const std::string& name, Operator op, std::vector<std::optional<ValueId>> inputs) {
  const ValueId output = add_value(name);
  model_.nodes.push_back({name, std::move(op), std::move(inputs), {output}});
  return output;
}

ValueId NetworkBuilder::real(const Feature& x) {
  Stored& stored = *stored_[x.stored.at()];
  if (stored.real) return *stored.real;
  const Stored parts = stored;
  const ValueId value = add_node(model_.value(x.stored).name + ".real", Dequantize{}, {x.stored, parts.scale, parts.zero_point});
  stored_[x.stored.at()]->real = value;
  return value;
}

Feature NetworkBuilder::store(const std::string& name, ValueId value, const Shape& shape, std::vector<Moments> channels, float scale,
                              std::int8_t zero_point) {
  const ValueId scale_id = add_value(name + ".scale", Tensor::of<float>(Shape{}, {scale}));
  const ValueId zero_id = add_value(name + ".zero_point", Tensor::of<std::int8_t>(Shape{}, {zero_point}));
  const ValueId stored = add_node(name + ".int8", Quantize{}, {value, scale_id, zero_id});
  stored_[stored.at()] = Stored{scale_id, zero_id, std::nullopt};
  return {stored, shape, scale, std::move(channels), false};
}

Feature NetworkBuilder::finish_layer(const std::string& name, ValueId value, const Shape& shape, std::vector<Moments> sums,
                                     Activation activation) {
  double limit = reach(sums);
  if (activation != Activation::kNone) {
    value = add_node(name + ".relu", Unary{UnaryKind::kRelu}, {value});
    std::transform(sums.begin(), sums.end(), sums.begin(), rectified);
  }
  if (activation == Activation::kRelu6) limit = std::min(limit, 6.0);
  Feature y = store(name, value, shape, std::move(sums), static_cast<float>(limit / 127));
  y.rectified = activation != Activation::kNone;
  return y;
}

Feature NetworkBuilder::input(const Shape& shape) {
  std::vector<Extent> extents;
  for (const std::int64_t dim : shape.dims()) extents.push_back({dim, ""});
  const ValueId value = add_value("input");
  model_.inputs.push_back({value, ElementType::kInt8, std::move(extents)});
  constexpr float kScale = 1.0F / 128;
  const ValueId scale = add_value("input.scale", Tensor::of<float>(Shape{}, {kScale}));
  stored_[value.at()] = Stored{scale, std::nullopt, std::nullopt};
  const std::vector<Moments> channels(static_cast<std::size_t>(shape[1]), moments(0, 1.0 / 3));
  return {value, shape, kScale, channels, false};
}

/// The sum of four 6-bit numbers, centred: -126 to 126, standard deviation 37, nearly normal.
std::int32_t NetworkBuilder::draw_weight() {
  constexpr int kBits = 24;
  if (bits_left_ < kBits) {
    bits_ = random_.next();
    bits_left_ = 64;
  }
  std::int32_t sum = 0;
  for (int i = 0; i < 4; ++i) sum += static_cast<std::int32_t>(bits_ >> (6 * i) & 63U);
  bits_ >>= kBits;
  bits_left_ -= kBits;
  return sum - 126;
}

NetworkBuilder::Filters NetworkBuilder::draw(const Shape& shape, const Feature& x, std::int64_t group, const Feature* term) {
  const std::int64_t oc = shape[0];
  const std::int64_t ic = shape[1];
  const std::int64_t taps = shape.elements(2, shape.rank());
  Filters filters;
  std::vector<std::int8_t> weights;
  weights.reserve(static_cast<std::size_t>(shape.elements()));
  for (std::int64_t o = 0; o < oc; ++o) {
    const std::int64_t first = o / (oc / group) * ic;
    double mean = 0;
    double variance = 0;
    for (std::int64_t i = 0; i < ic; ++i) {
      std::int64_t sum = 0;
      std::int64_t squares = 0;
      for (std::int64_t tap = 0; tap < taps; ++tap) {
        const std::int32_t weight = draw_weight();
        weights.push_back(static_cast<std::int8_t>(weight));
        sum += weight;
        squares += weight * weight;
      }
      // A dense layer behind a feature map reads each channel as many times as it has positions.
      const Moments& channel = x.channels[static_cast<std::size_t>((first + i) * std::ssize(x.channels) / (ic * group))];
      mean += static_cast<double>(sum) * channel.mean;
      variance += static_cast<double>(squares) * channel.variance;
    }
    const float scale = static_cast<float>(1 / std::sqrt(std::max(variance, 1 / kGrid)));
    const double beta = on_grid(kBetaLow + (kBetaHigh - kBetaLow) * random_.uniform());
    const double wanted = term != nullptr ? beta - term->channels[static_cast<std::size_t>(o)].mean : beta;
    const float step = x.scale * scale;
    filters.scale.push_back(scale);
    filters.bias_scale.push_back(step);
    filters.bias.push_back(
        static_cast<std::int32_t>(std::nearbyint((wanted - mean * static_cast<double>(scale)) / static_cast<double>(step))));
    filters.sums.push_back(moments(wanted, 1));
  }
  filters.weights = Tensor::of<std::int8_t>(shape, std::span<const std::int8_t>(weights));
  return filters;
}

std::vector<std::optional<ValueId>> NetworkBuilder::dot_inputs(const std::string& name, ValueId x, const Filters& filters) {
  const Shape oc{std::ssize(filters.scale)};
  const ValueId weights = add_value(name + ".weights", filters.weights);
  const ValueId scale = add_value(name + ".weights.scale", Tensor::of<float>(oc, std::span<const float>(filters.scale)));
  const ValueId bias = add_value(name + ".bias", Tensor::of<std::int32_t>(oc, std::span<const std::int32_t>(filters.bias)));
  const ValueId bias_scale = add_value(name + ".bias.scale", Tensor::of<float>(oc, std::span<const float>(filters.bias_scale)));
  const ValueId real_weights = add_node(name + ".weights.real", Dequantize{.axis = 0}, {weights, scale});
  const ValueId real_bias = add_node(name + ".bias.real", Dequantize{.axis = 0}, {bias, bias_scale});
  return {x, real_weights, real_bias};
}

Window NetworkBuilder::window_of(const Shape& x, std::array<std::int64_t, 2> kernel, std::int64_t stride) const {
  Window window;
  window.kernel = kernel;
  window.stride = {stride, stride};
  for (int axis = 0; axis < 2; ++axis) {
    const auto i = static_cast<std::size_t>(axis);
    const std::int64_t in = x[axis + 2];
    const std::int64_t out = (in + stride - 1) / stride;
    const std::int64_t both = std::max<std::int64_t>((out - 1) * stride + kernel[i] - in, 0);
    const std::int64_t side = (kernel[i] - 1) / 2;
    window.pads[i] = padding_ == Padding::kSame ? both / 2 : side;
    window.pads[i + 2] = padding_ == Padding::kSame ? both - both / 2 : side;
  }
  return window;
}

Feature NetworkBuilder::conv(const std::string& name, const Feature& x, const ConvShape& shape, const Feature* term) {
  const Filters filters = draw(Shape{shape.oc, x.shape[1], shape.kernel[0], shape.kernel[1]}, x, 1, term);
  const Conv conv{window_of(x.shape, shape.kernel, shape.stride), 1};
  const ValueId sum = add_node(name, conv, dot_inputs(name, real(x), filters));
  const Shape y{x.shape[0], shape.oc, (x.shape[2] + shape.stride - 1) / shape.stride, (x.shape[3] + shape.stride - 1) / shape.stride};
  return finish_layer(name, sum, y, filters.sums, shape.activation);
}

Feature NetworkBuilder::depthwise(const std::string& name, const Feature& x, const ConvShape& shape) {
  const std::int64_t c = x.shape[1];
  const Filters filters = draw(Shape{c, 1, shape.kernel[0], shape.kernel[1]}, x, c, nullptr);
  const Conv conv{window_of(x.shape, shape.kernel, shape.stride), c};
  const ValueId sum = add_node(name, conv, dot_inputs(name, real(x), filters));
  const Shape y{x.shape[0], c, (x.shape[2] + shape.stride - 1) / shape.stride, (x.shape[3] + shape.stride - 1) / shape.stride};
  return finish_layer(name, sum, y, filters.sums, shape.activation);
}

Feature NetworkBuilder::dense(const std::string& name, const Feature& x, std::int64_t oc, Activation activation) {
  const std::int64_t ic = x.shape.elements(1, x.shape.rank());
  const Filters filters = draw(Shape{oc, ic}, x, 1, nullptr);
  ValueId rows = real(x);
  if (x.shape.rank() > 2) rows = add_node(name + ".rows", Flatten{}, {rows});
  const ValueId sum = add_node(name, MatMul{.transpose_b = true}, dot_inputs(name, rows, filters));
  return finish_layer(name, sum, Shape{x.shape[0], oc}, filters.sums, activation);
}

Feature NetworkBuilder::add(const std::string& name, const Feature& a, const Feature& b, Activation activation) {
  std::vector<Moments> sums;
  for (std::size_t c = 0; c < a.channels.size(); ++c) {
    sums.push_back(moments(a.channels[c].mean + b.channels[c].mean, a.channels[c].variance + b.channels[c].variance));
  }
  const ValueId left = real(a);
  const ValueId sum = add_node(name, Binary{BinaryKind::kAdd}, {left, real(b)});
  Feature y = finish_layer(name, sum, a.shape, std::move(sums), activation);
  if (y.rectified && (a.rectified || b.rectified)) {
    for (Moments& c : y.channels) c = moments(c.mean, c.variance * kSkewedSum);
  }
  return y;
}

Feature NetworkBuilder::max_pool(const std::string& name, const Feature& x, std::int64_t kernel, std::int64_t stride) {
  std::vector<Moments> channels;
  for (const Moments& c : x.channels) channels.push_back(moments(c.mean + kMaxPoolLift * std::sqrt(c.variance), c.variance));
  Pool pool;
  pool.window = window_of(x.shape, {kernel, kernel}, stride);
  const ValueId value = add_node(name, pool, {real(x)});
  const Shape y{x.shape[0], x.shape[1], (x.shape[2] + stride - 1) / stride, (x.shape[3] + stride - 1) / stride};
  return store(name, value, y, std::move(channels), x.scale);
}

Feature NetworkBuilder::global_average(const std::string& name, const Feature& x) {
  const auto positions = static_cast<double>(x.shape.elements(2, 4));
  std::vector<Moments> channels;
  for (const Moments& c : x.channels) channels.push_back(moments(c.mean, c.variance * std::min(kCorrelatedPositions / positions, 1.0)));
  Pool pool;
  pool.kind = PoolKind::kAverage;
  pool.global = true;
  const ValueId value = add_node(name, pool, {real(x)});
  const auto scale = static_cast<float>(reach(channels) / 127);
  return store(name, value, Shape{x.shape[0], x.shape[1], 1, 1}, std::move(channels), scale);
}

Feature NetworkBuilder::softmax(const std::string& name, const Feature& x) {
  const ValueId value = add_node(name, Softmax{}, {real(x)});
  return store(name, value, x.shape, x.channels, kSoftmaxScale, -128);
}

Model NetworkBuilder::finish() && { return std::move(model_); }

}  // namespace gatefold::zoo
