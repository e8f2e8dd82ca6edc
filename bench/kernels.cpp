// One thread's speed on the layer that convolutional networks spend their time in: 3x3, 64 -> 64 channels, 56 x 56.
// The counter is multiply-accumulates per second.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <vector>

#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/packed_slice.h"

namespace {

using namespace gatefold;

Layer layer_of(bool depthwise, bool integer) {
  DotGeometry d;
  d.ic = d.oc = 64;
  d.ih = d.iw = d.oh = d.ow = 56;
  d.kh = d.kw = 3;
  d.pad_top = d.pad_left = d.pad_bottom = d.pad_right = 1;
  if (depthwise) d.group = 64;
  Layer layer;
  layer.name = "bench";
  layer.kind = LayerKind::kDot;
  layer.op = Conv{};
  layer.dot = d;
  layer.output_shape = Shape{1, 64, 56, 56};
  layer.integer = integer;
  const Shape weights{d.oc, d.ic / d.group, 3, 3};
  layer.inputs.resize(2);
  layer.inputs[0].type = integer ? ElementType::kUInt8 : ElementType::kFloat32;
  layer.inputs[1].type = integer ? ElementType::kInt8 : ElementType::kFloat32;
  layer.inputs[1].constant = integer ? Tensor::splat<std::int8_t>(weights, 3) : Tensor::splat<float>(weights, 0.5F);
  if (!integer) return layer;
  layer.inputs[0].dequantise = Quantisation{ElementType::kUInt8, {0.1F}, {7}, 0};
  layer.inputs[1].dequantise = Quantisation{ElementType::kInt8, {0.1F}, {0}, 0};
  layer.epilogue.quantise = Quantisation{ElementType::kUInt8, {0.1F}, {7}, 0};
  layer.epilogue.activation = Unary{UnaryKind::kRelu};
  layer.output_type = ElementType::kUInt8;
  return layer;
}

/// Accumulation and finishing, as an executor runs them.
void run(benchmark::State& state, const Layer& layer, const PackedSlice* other = nullptr) {
  const auto kernel = DotKernel::create(layer, Numerics::kInteger);
  if (!kernel.has_value()) return state.SkipWithError(kernel.error().message.c_str());
  const auto packed = kernel.value().pack(kernel.value().whole());
  if (!packed.has_value()) return state.SkipWithError(packed.error().message.c_str());
  const PackedSlice& slice = other != nullptr ? *other : *packed.value();
  const std::vector<std::byte> bytes(64 * 56 * 56 * sizeof(float), std::byte{1});
  const TensorView x{layer.inputs[0].type, Shape{1, 64, 56, 56}, bytes.data()};
  std::vector<float> sums(64 * 56 * 56, 0.0F);
  std::vector<float> y(64 * 56 * 56);
  auto* accumulators = reinterpret_cast<std::byte*>(sums.data());
  for (auto _ : state) {
    std::fill(sums.begin(), sums.end(), 0.0F);
    if (!kernel.value().accumulate(slice, x, accumulators).has_value()) return state.SkipWithError("accumulate");
    kernel.value().finish(accumulators, {0, 64}, {layer.output_type, layer.output_shape, reinterpret_cast<std::byte*>(y.data())});
    benchmark::DoNotOptimize(y.data());
  }
  state.counters["MAC/s"] = benchmark::Counter(static_cast<double>(layer.dot.macs()), benchmark::Counter::kIsIterationInvariantRate);
}

void dense_float32(benchmark::State& state) { run(state, layer_of(false, false)); }
void dense_int8(benchmark::State& state) { run(state, layer_of(false, true)); }
void depthwise_float32(benchmark::State& state) { run(state, layer_of(true, false)); }
void depthwise_int8(benchmark::State& state) { run(state, layer_of(true, true)); }

/// The room's own kernel, whatever the processor offers.
void exact_int8(benchmark::State& state, bool depthwise) {
  const Layer layer = layer_of(depthwise, true);
  const std::vector<std::int16_t> weights(static_cast<std::size_t>(layer.inputs[1].constant->shape().elements()), 3);
  const auto packed = pack_exact({layer.dot, 0, 64}, weights, ElementType::kUInt8, 7);
  run(state, layer, packed.value().get());
}
void dense_int8_exact(benchmark::State& state) { exact_int8(state, false); }
void depthwise_int8_exact(benchmark::State& state) { exact_int8(state, true); }

BENCHMARK(dense_float32);
BENCHMARK(dense_int8);
BENCHMARK(dense_int8_exact);
BENCHMARK(depthwise_float32);
BENCHMARK(depthwise_int8);
BENCHMARK(depthwise_int8_exact);

}  // namespace

BENCHMARK_MAIN();
