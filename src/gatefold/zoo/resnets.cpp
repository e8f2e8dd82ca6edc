// Residual networks: image classification of MLPerf Tiny (CIFAR-10) and ResNet-50.
//
// ResNet-50 is the variant called v1.5, with the stride in the 3x3 convolution of a bottleneck: the one of MLPerf Inference
// and of today's libraries.
// Based on: He et al., "Deep Residual Learning for Image Recognition", CVPR 2016; Reddi et al., "MLPerf Inference
// Benchmark", ISCA 2020; Banbury et al., "MLPerf Tiny Benchmark", NeurIPS Datasets and Benchmarks 2021.
#include <fmt/format.h>

#include "gatefold/zoo/architectures.h"
#include "gatefold/zoo/network_builder.h"

namespace gatefold::zoo {
namespace {

constexpr std::array<std::int64_t, 2> k3x3{3, 3};

/// Two 3x3 convolutions; a 1x1 convolution beside them where the shape changes.
Feature basic_block(NetworkBuilder& net, const std::string& name, const Feature& x, std::int64_t oc, std::int64_t stride) {
  Feature shortcut = x;
  if (stride != 1) shortcut = net.conv(name + ".shortcut", x, {.oc = oc, .stride = stride, .activation = Activation::kNone});
  const Feature inner = net.conv(name + ".conv1", x, {.oc = oc, .kernel = k3x3, .stride = stride});
  const Feature branch = net.conv(name + ".conv2", inner, {.oc = oc, .kernel = k3x3, .activation = Activation::kNone}, &shortcut);
  return net.add(name + ".add", shortcut, branch, Activation::kRelu);
}

/// 1x1 to `width`, 3x3, 1x1 to four times `width`; a 1x1 convolution beside them in the first block of a stage.
Feature bottleneck(NetworkBuilder& net, const std::string& name, const Feature& x, std::int64_t width, std::int64_t stride) {
  Feature shortcut = x;
  if (x.shape[1] != 4 * width) {
    shortcut = net.conv(name + ".shortcut", x, {.oc = 4 * width, .stride = stride, .activation = Activation::kNone});
  }
  Feature branch = net.conv(name + ".reduce", x, {.oc = width});
  branch = net.conv(name + ".conv", branch, {.oc = width, .kernel = k3x3, .stride = stride});
  branch = net.conv(name + ".expand", branch, {.oc = 4 * width, .activation = Activation::kNone}, &shortcut);
  return net.add(name + ".add", shortcut, branch, Activation::kRelu);
}

}  // namespace

Model resnet8(std::uint64_t seed) {
  NetworkBuilder net("resnet8", seed, Padding::kSame);
  Feature x = net.input(Shape{1, 3, 32, 32});
  x = net.conv("conv1", x, {.oc = 16, .kernel = k3x3});
  x = basic_block(net, "stack1", x, 16, 1);
  x = basic_block(net, "stack2", x, 32, 2);
  x = basic_block(net, "stack3", x, 64, 2);
  x = net.global_average("pool", x);
  x = net.dense("fc", x, 10, Activation::kNone);
  net.output(net.softmax("softmax", x));
  return std::move(net).finish();
}

Model resnet50(std::uint64_t seed) {
  NetworkBuilder net("resnet50-224", seed, Padding::kSymmetric);
  Feature x = net.input(Shape{1, 3, 224, 224});
  x = net.conv("conv1", x, {.oc = 64, .kernel = {7, 7}, .stride = 2});
  x = net.max_pool("maxpool", x, 3, 2);
  constexpr std::array<int, 4> kBlocks{3, 4, 6, 3};
  std::int64_t width = 64;
  for (std::size_t stage = 0; stage < kBlocks.size(); ++stage, width *= 2) {
    for (int block = 0; block < kBlocks[stage]; ++block) {
      const std::int64_t stride = block == 0 && stage > 0 ? 2 : 1;
      x = bottleneck(net, fmt::format("stage{}.block{}", stage + 1, block + 1), x, width, stride);
    }
  }
  x = net.global_average("pool", x);
  net.output(net.dense("fc", x, 1000, Activation::kNone));
  return std::move(net).finish();
}

}  // namespace gatefold::zoo
