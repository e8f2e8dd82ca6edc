// Layers for the RTL: shapes, data, and what the model and the plain kernels say of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "gatefold/device/equations.h"
#include "invariants/random.h"

namespace gatefold::test {

/// The parameters that an RTL cluster was built with.
struct ClusterSize {
  std::int64_t lanes = 0;            ///< P
  std::int64_t inputs_per_unit = 0;  ///< I
  std::int64_t chunks = 0;           ///< chunks of I that a weight buffer holds
  std::int64_t rows = 0;             ///< rows of I bytes of a weight bank
  std::int64_t input_bytes = 0;      ///< of an input bank
  std::int64_t output_words = 0;
};

/// A convolution of one image without bias; a fully connected layer is one of 1 x 1 on one position.
struct RtlLayer {
  bool depthwise = false;
  std::int64_t cores = 1, ic = 1, oc = 1, kh = 1, kw = 1, ih = 1, iw = 1, stride = 1, pad = 0;
  std::int64_t bus_values = 1;       ///< 32-bit results that the output bus carries per cycle
  std::int64_t buffered = 0;         ///< positions whose results the output buffer holds; 0: all
  std::vector<std::int8_t> input;    ///< [ic, ih, iw]
  std::vector<std::int8_t> weights;  ///< [oc, ic, kh, kw], depthwise [oc, 1, kh, kw]

  [[nodiscard]] std::int64_t oh() const { return (ih + 2 * pad - kh) / stride + 1; }
  [[nodiscard]] std::int64_t ow() const { return (iw + 2 * pad - kw) / stride + 1; }
  [[nodiscard]] std::int64_t positions() const { return oh() * ow(); }
  [[nodiscard]] std::int64_t window() const { return kh * kw; }
  /// Input channels of core k, and the first of them: equal shares but for one, the longer ones first.
  [[nodiscard]] std::int64_t channels(std::int64_t k) const { return k >= cores ? 0 : ic / cores + (k < ic % cores); }
  [[nodiscard]] std::int64_t first_channel(std::int64_t k) const { return k * (ic / cores) + std::min(k, ic % cores); }
  [[nodiscard]] Work work() const;
  [[nodiscard]] std::string text() const;
};

/// The chip that the RTL is, as the model describes it; `depth`: the RTL's count of pipeline registers.
[[nodiscard]] DeviceSpec rtl_chip(const ClusterSize& size, std::int64_t depth, std::int64_t bus_values);

/// A layer that fits, of at most `cycles_most` cycles; about one in four has an output bus narrower than the lanes.
[[nodiscard]] RtlLayer random_layer(const ClusterSize& size, std::int64_t cycles_most, Random& random);

/// Random input and weights for the layer's shape.
void fill_random(RtlLayer& layer, Random& random);

/// What the plain kernels compute: [oc, oh, ow]. Exact: fill_random keeps every sum below 2^24.
[[nodiscard]] std::vector<std::int32_t> plain_result(const RtlLayer& layer);

}  // namespace gatefold::test
