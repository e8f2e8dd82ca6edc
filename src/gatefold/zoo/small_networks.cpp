// Keyword spotting and anomaly detection of MLPerf Tiny.
//
// Based on: Banbury et al., "MLPerf Tiny Benchmark", NeurIPS Datasets and Benchmarks 2021, and its reference networks
// (mlcommons/tiny, benchmark/training); Zhang et al., "Hello Edge: Keyword Spotting on Microcontrollers", 2017.
#include <fmt/format.h>

#include "gatefold/zoo/architectures.h"
#include "gatefold/zoo/network_builder.h"

namespace gatefold::zoo {

Model ds_cnn(std::uint64_t seed) {
  NetworkBuilder net("ds-cnn", seed, Padding::kSame);
  Feature x = net.input(Shape{1, 1, 49, 10});  // 49 frames of 10 MFCCs
  x = net.conv("conv1", x, {.oc = 64, .kernel = {10, 4}, .stride = 2});
  for (int block = 1; block <= 4; ++block) {
    x = net.depthwise(fmt::format("block{}.depthwise", block), x, {.kernel = {3, 3}});
    x = net.conv(fmt::format("block{}.pointwise", block), x, {.oc = 64});
  }
  x = net.global_average("pool", x);
  x = net.dense("fc", x, 12, Activation::kNone);
  net.output(net.softmax("softmax", x));
  return std::move(net).finish();
}

Model toycar_ae(std::uint64_t seed) {
  NetworkBuilder net("toycar-ae", seed, Padding::kSame);
  Feature x = net.input(Shape{1, 640});  // 5 frames of 128 mel bands
  int layer = 0;
  for (const std::int64_t width : {128, 128, 128, 128, 8, 128, 128, 128, 128}) {
    x = net.dense(fmt::format("dense{}", ++layer), x, width, Activation::kRelu);
  }
  net.output(net.dense(fmt::format("dense{}", ++layer), x, 640, Activation::kNone));
  return std::move(net).finish();
}

}  // namespace gatefold::zoo
