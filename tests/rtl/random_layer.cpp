#include "rtl/random_layer.h"

#include <fmt/format.h>

#include <algorithm>

#include "device/small_chip.h"
#include "gatefold/kernels/evaluate.h"

namespace gatefold::test {
namespace {

constexpr std::int64_t kResultBytes = 4;
constexpr std::int64_t kCores = 4;
/// 128 * 128 * 1,023 < 2^24: such a sum is exact in the float32 of the plain kernels.
constexpr std::int64_t kFullRangeTaps = 1023;

void fill(std::vector<std::int8_t>& values, std::int64_t count, std::int64_t magnitude, Random& random) {
  values.resize(static_cast<std::size_t>(count));
  for (std::int8_t& value : values) value = static_cast<std::int8_t>(random.between(-magnitude, magnitude - 1));
}

RtlLayer random_shape(const ClusterSize& size, Random& random) {
  const bool large = size.lanes > 16;
  RtlLayer layer;
  layer.cores = random.between(1, kCores);
  const auto kind = random.between(0, 3);
  layer.depthwise = kind == 0;
  layer.ic = large ? random.between(1, random.one_of({16, 128, 256})) : random.between(1, 24);
  layer.oc = layer.depthwise ? layer.ic : random.between(1, (large ? 3 : 5) * size.lanes + 1);
  if (kind == 1) {  // fully connected
    layer.ic = random.between(1, kCores * size.inputs_per_unit * (large ? 3 : 5));
  } else {
    layer.kh = random.between(1, 3);
    layer.kw = random.between(1, 3);
    layer.ih = random.between(1, 14);
    layer.iw = random.between(1, 14);
    layer.stride = random.between(1, 2);
    layer.pad = random.between(0, 1);
  }
  const std::int64_t full_bus = size.lanes;
  layer.bus_values = random.chance(4) ? random.between(1, full_bus / 2) : full_bus;
  layer.buffered = random.chance(2) ? 16 : 0;
  return layer;
}

bool fits(const ClusterSize& size, const RtlLayer& layer, std::int64_t cycles_most) {
  if (layer.cores > layer.ic) return false;
  if (layer.ih + 2 * layer.pad < layer.kh || layer.iw + 2 * layer.pad < layer.kw) return false;
  const std::int64_t chunks = time_multiplex(rtl_chip(size, 0, layer.bus_values), layer.work(), layer.cores);
  const Cycles cycles = layer_cycles(rtl_chip(size, 0, layer.bus_values), layer.work(), {.clusters = 1, .cores = layer.cores});
  return chunks <= size.chunks && chunks * size.lanes * ceil_div(layer.oc, size.lanes) <= size.rows &&
         layer.channels(0) * layer.ih * layer.iw <= size.input_bytes && layer.oc * layer.positions() <= size.output_words &&
         cycles <= Cycles(cycles_most);
}

}  // namespace

Work RtlLayer::work() const {
  Work work;
  work.kind = depthwise ? WorkClass::kDepthwise : WorkClass::kDense;
  work.positions = positions();
  work.ic = ic;
  work.oc = oc;
  work.window = window();
  work.group = depthwise ? ic : 1;
  work.output = Bytes(kResultBytes * oc * positions());
  work.divisible = ic;
  return work;
}

std::string RtlLayer::text() const {
  return fmt::format("{} {}x{} stride {} pad {}, {} -> {} channels, {}x{} -> {}x{}, {} cores, {} results per cycle, {} positions buffered",
                     depthwise ? "depthwise" : "dense", kh, kw, stride, pad, ic, oc, ih, iw, oh(), ow(), cores, bus_values, buffered);
}

DeviceSpec rtl_chip(const ClusterSize& size, std::int64_t depth, std::int64_t bus_values) {
  DeviceSpec spec = small_chip();
  spec.cluster_count = 1;
  spec.cores_per_cluster = static_cast<std::int32_t>(kCores);
  spec.lanes = size.lanes;
  spec.inputs_per_unit = size.inputs_per_unit;
  spec.weight_load = Cycles(size.lanes);  // one row per unit and cycle (EQ-4)
  spec.pipeline_latency = Cycles(depth);
  spec.output_bus = BytesPerCycle(kResultBytes * bus_values);
  spec.route_change = Cycles(16);
  return spec;
}

RtlLayer random_layer(const ClusterSize& size, std::int64_t cycles_most, Random& random) {
  RtlLayer layer = random_shape(size, random);
  while (!fits(size, layer, cycles_most)) layer = random_shape(size, random);
  fill_random(layer, random);
  return layer;
}

void fill_random(RtlLayer& layer, Random& random) {
  const std::int64_t taps = layer.window() * (layer.depthwise ? 1 : layer.ic);
  fill(layer.input, layer.ic * layer.ih * layer.iw, 128, random);
  fill(layer.weights, layer.oc * taps, taps > kFullRangeTaps ? 32 : 128, random);
}

std::vector<std::int32_t> plain_result(const RtlLayer& layer) {
  const auto floats = [](const Shape& shape, const std::vector<std::int8_t>& values) {
    return Tensor::of<float>(shape, std::span<const float>(std::vector<float>(values.begin(), values.end())));
  };
  const Tensor x = floats({1, layer.ic, layer.ih, layer.iw}, layer.input);
  const Tensor w = floats({layer.oc, layer.depthwise ? 1 : layer.ic, layer.kh, layer.kw}, layer.weights);
  const Conv conv{.window = {.kernel = {layer.kh, layer.kw},
                             .stride = {layer.stride, layer.stride},
                             .pads = {layer.pad, layer.pad, layer.pad, layer.pad}},
                  .group = layer.depthwise ? layer.ic : 1};
  const Tensor* inputs[] = {&x, &w};
  const auto results = evaluate(conv, inputs);
  GATEFOLD_REQUIRE(results.has_value());
  const auto values = results.value().at(0).values<float>();
  return {values.begin(), values.end()};
}

}  // namespace gatefold::test
