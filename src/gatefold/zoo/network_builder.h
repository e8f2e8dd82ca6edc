// Layers of an int8 network in the Quantize/Dequantize form, one call each.
//
// Trained weights are replaced by seeded ones of the same distribution where it matters for a simulation: nothing vanishes,
// nothing saturates, and a ReLU lets through about as much as in trained networks. That is what batch norm achieves in
// training, so it is done the same way here, but with moments that are computed instead of measured: for every channel the
// builder carries the mean and variance its values have over inputs and positions.
//
//     filter o, integer weights q drawn bell-shaped; inputs of mean m and variance v by channel
//     scale    sw = 1 / sqrt(sum q^2 v)        the sum then has variance 1, as under the He initialisation
//     bias     b = beta - sw * sum q m         and mean beta, drawn for each filter
//     ReLU     of a normal variable            gives the next layer's m and v in closed form
//
// The weights being independent, the variance is right on average over filters however neighbouring inputs are correlated;
// that padding adds zeros is neglected. A tensor's scale covers `kReach` standard deviations.
//
// Activations are int8 with zero point 0: a zero behind a ReLU is stored as 0, which is what hardware that skips zeros sees.
// Sums are exact in double because moments are multiples of 2^-16, so that every compiler computes the same scales.
//
// Based on: Ioffe, Szegedy, "Batch Normalization", ICML 2015; He et al., "Delving Deep into Rectifiers", ICCV 2015.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gatefold/base/random.h"
#include "gatefold/model/model.h"

namespace gatefold::zoo {

/// Of one channel's real values, over inputs and positions.
struct Moments {
  double mean = 0;
  double variance = 0;
};

/// An activation: where it is stored and what is known of it.
struct Feature {
  ValueId stored;  ///< int8
  Shape shape;     ///< [n, c, h, w], or [n, c]
  float scale = 1;
  std::vector<Moments> channels;
  bool rectified = false;  ///< behind a ReLU: skewed, unlike a sum of many products
};

enum class Activation : std::uint8_t {
  kNone,
  kRelu,
  kRelu6,  ///< a ReLU whose int8 result cannot exceed 6: saturation is the upper limit
};

/// How padding splits where it is uneven. Both keep out = ceil(in / stride).
enum class Padding : std::uint8_t {
  kSame,       ///< the larger part behind (TensorFlow's SAME)
  kSymmetric,  ///< (kernel - 1) / 2 on each side (PyTorch's models)
};

struct ConvShape {
  std::int64_t oc = 0;
  std::array<std::int64_t, 2> kernel{1, 1};
  std::int64_t stride = 1;
  Activation activation = Activation::kRelu;
};

class NetworkBuilder {
 public:
  NetworkBuilder(std::string name, std::uint64_t seed, Padding padding);

  /// Values uniform over int8, as real numbers in [-1, 1).
  Feature input(const Shape& shape);
  /// `term`: the other term of the sum that the result goes into; the bias then centres the sum instead of the result.
  Feature conv(const std::string& name, const Feature& x, const ConvShape& shape, const Feature* term = nullptr);
  /// One filter per channel; shape.oc is ignored.
  Feature depthwise(const std::string& name, const Feature& x, const ConvShape& shape);
  /// All of x to `oc` values.
  Feature dense(const std::string& name, const Feature& x, std::int64_t oc, Activation activation);
  Feature add(const std::string& name, const Feature& a, const Feature& b, Activation activation);
  Feature max_pool(const std::string& name, const Feature& x, std::int64_t kernel, std::int64_t stride);
  /// [n, c, h, w] -> [n, c, 1, 1].
  Feature global_average(const std::string& name, const Feature& x);
  /// x [n, c].
  Feature softmax(const std::string& name, const Feature& x);
  void output(const Feature& x) { model_.outputs.push_back(x.stored); }

  [[nodiscard]] Model finish() &&;

 private:
  struct Filters {
    Tensor weights;            ///< int8
    std::vector<float> scale;  ///< by output channel
    std::vector<float> bias_scale;
    std::vector<std::int32_t> bias;
    std::vector<Moments> sums;  ///< before the activation
  };

  ValueId add_value(const std::string& name, std::optional<Tensor> constant = std::nullopt);
  /// Adds a node with one output, named after it.
  ValueId add_node(const std::string& name, Operator op, std::vector<std::optional<ValueId>> inputs);
  /// The real value behind a feature; its Dequantize is made when first asked for.
  ValueId real(const Feature& x);
  /// Applies the activation to a value with these moments and stores it as int8 under `name`.
  Feature finish_layer(const std::string& name, ValueId value, const Shape& shape, std::vector<Moments> sums, Activation activation);
  Feature store(const std::string& name, ValueId value, const Shape& shape, std::vector<Moments> channels, float scale,
                std::int8_t zero_point = 0);
  [[nodiscard]] Window window_of(const Shape& x, std::array<std::int64_t, 2> kernel, std::int64_t stride) const;

  /// `shape` [oc, ic / group, ..]. Filter o reads the channels from ic / group * (o / filters per group) on.
  Filters draw(const Shape& shape, const Feature& x, std::int64_t group, const Feature* term);
  std::int32_t draw_weight();
  /// weights, bias: dequantised constants.
  std::vector<std::optional<ValueId>> dot_inputs(const std::string& name, ValueId x, const Filters& filters);

  Model model_;
  SplitMix64 random_;
  std::uint64_t bits_ = 0;  ///< of the last draw, still unused
  int bits_left_ = 0;
  Padding padding_;
  struct Stored {
    ValueId scale;
    std::optional<ValueId> zero_point;
    std::optional<ValueId> real;
  };
  std::vector<std::optional<Stored>> stored_;  ///< by ValueId
};

}  // namespace gatefold::zoo
