// MobileNets: visual wake words of MLPerf Tiny, a face detector on the same backbone, and MobileNet-v2.
//
// Based on: Howard et al., "MobileNets", 2017; Sandler et al., "MobileNetV2: Inverted Residuals and Linear Bottlenecks",
// CVPR 2018; Banbury et al., "MLPerf Tiny Benchmark", NeurIPS Datasets and Benchmarks 2021.
#include <fmt/format.h>

#include "gatefold/zoo/architectures.h"
#include "gatefold/zoo/network_builder.h"

namespace gatefold::zoo {
namespace {

constexpr std::array<std::int64_t, 2> k3x3{3, 3};

struct Separable {
  std::int64_t oc;
  std::int64_t stride;
};
/// MobileNet-v1 at a quarter of its width, behind the first convolution.
constexpr std::array<Separable, 13> kV1Quarter{
    {{16, 1}, {32, 2}, {32, 1}, {64, 2}, {64, 1}, {128, 2}, {128, 1}, {128, 1}, {128, 1}, {128, 1}, {128, 1}, {256, 2}, {256, 1}}};

Feature separable(NetworkBuilder& net, const std::string& name, const Feature& x, std::int64_t oc, std::int64_t stride) {
  const Feature filtered = net.depthwise(name + ".depthwise", x, {.kernel = k3x3, .stride = stride});
  return net.conv(name + ".pointwise", filtered, {.oc = oc});
}

/// The output of each block, in order.
std::vector<Feature> v1_quarter(NetworkBuilder& net, const Feature& input) {
  Feature x = net.conv("conv1", input, {.oc = 8, .kernel = k3x3, .stride = 2});
  std::vector<Feature> outputs;
  for (const Separable& block : kV1Quarter) {
    x = separable(net, fmt::format("block{}", outputs.size() + 1), x, block.oc, block.stride);
    outputs.push_back(x);
  }
  return outputs;
}

/// 1x1 to `factor` times the channels, 3x3 depthwise, 1x1 to `oc` without activation; added to x where the shapes agree.
Feature inverted_residual(NetworkBuilder& net, const std::string& name, const Feature& x, std::int64_t factor, std::int64_t oc,
                          std::int64_t stride) {
  Feature y = x;
  if (factor != 1) y = net.conv(name + ".expand", y, {.oc = factor * x.shape[1], .activation = Activation::kRelu6});
  y = net.depthwise(name + ".depthwise", y, {.kernel = k3x3, .stride = stride, .activation = Activation::kRelu6});
  y = net.conv(name + ".project", y, {.oc = oc, .activation = Activation::kNone});
  if (stride != 1 || x.shape[1] != oc) return y;
  return net.add(name + ".add", x, y, Activation::kNone);
}

}  // namespace

Model mobilenet_v1_vww(std::uint64_t seed) {
  NetworkBuilder net("mobilenet-v1-025-96", seed, Padding::kSame);
  Feature x = v1_quarter(net, net.input(Shape{1, 3, 96, 96})).back();
  x = net.global_average("pool", x);
  x = net.dense("fc", x, 2, Activation::kNone);
  net.output(net.softmax("softmax", x));
  return std::move(net).finish();
}

Model face_320(std::uint64_t seed) {
  constexpr std::int64_t kAnchors = 3;
  constexpr std::int64_t kPerAnchor = 4 + 2;  // box, scores
  NetworkBuilder net("face-320", seed, Padding::kSame);
  const std::vector<Feature> blocks = v1_quarter(net, net.input(Shape{1, 3, 320, 320}));
  for (const std::size_t block : {5U, 11U, 13U}) {  // the last of strides 8, 16 and 32
    const Feature& x = blocks[block - 1];
    const std::string name = fmt::format("head{}", 320 / x.shape[2]);
    const Feature mixed = separable(net, name, x, 64, 1);
    net.output(net.conv(name + ".anchors", mixed, {.oc = kAnchors * kPerAnchor, .activation = Activation::kNone}));
  }
  return std::move(net).finish();
}

Model mobilenet_v2(std::uint64_t seed) {
  struct Stage {
    std::int64_t factor, oc, blocks, stride;
  };
  constexpr std::array<Stage, 7> kStages{
      {{1, 16, 1, 1}, {6, 24, 2, 2}, {6, 32, 3, 2}, {6, 64, 4, 2}, {6, 96, 3, 1}, {6, 160, 3, 2}, {6, 320, 1, 1}}};
  NetworkBuilder net("mobilenet-v2-224", seed, Padding::kSymmetric);
  Feature x = net.input(Shape{1, 3, 224, 224});
  x = net.conv("conv1", x, {.oc = 32, .kernel = k3x3, .stride = 2, .activation = Activation::kRelu6});
  int number = 0;
  for (const Stage& stage : kStages) {
    for (std::int64_t block = 0; block < stage.blocks; ++block) {
      x = inverted_residual(net, fmt::format("block{}", ++number), x, stage.factor, stage.oc, block == 0 ? stage.stride : 1);
    }
  }
  x = net.conv("conv_last", x, {.oc = 1280, .activation = Activation::kRelu6});
  x = net.global_average("pool", x);
  net.output(net.dense("fc", x, 1000, Activation::kNone));
  return std::move(net).finish();
}

}  // namespace gatefold::zoo
