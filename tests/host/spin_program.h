// A program for the workers without a kernel: every layer mixes each element of a vector with its neighbours for a set
// number of rounds, so that a lost, doubled or misplaced slice changes the result, and time is spent where asked.
#pragma once

#include <atomic>
#include <cstring>
#include <memory>
#include <vector>

#include "gatefold/host/program.h"

namespace gatefold::test {

struct SpinLayer {
  int rounds = 8;     ///< about 1 ns each per element
  int parts_max = 8;  ///< 1: cannot be split
};

class SpinProgram final : public HostProgram {
 public:
  SpinProgram(std::int64_t elements, std::vector<SpinLayer> layers) : elements_(elements), layers_(std::move(layers)) {
    graph_.name = "spin";
    const auto add = [&](std::optional<LayerId> producer) {
      graph_.activations.push_back(
          {"a" + std::to_string(graph_.activations.size()), ElementType::kInt64, Shape{elements_}, producer, {}, false, {}});
      return TensorId(graph_.activations.size() - 1);
    };
    TensorId x = add(std::nullopt);
    graph_.inputs = {x};
    for (std::size_t i = 0; i < layers_.size(); ++i) {
      Layer layer;
      layer.name = "layer" + std::to_string(i);
      layer.op = Identity{};
      Operand operand;
      operand.tensor = x;
      operand.type = ElementType::kInt64;
      operand.shape = Shape{elements_};
      layer.inputs = {operand};
      x = add(LayerId(i));
      layer.outputs = {x};
      layer.output_shape = Shape{elements_};
      layer.output_type = ElementType::kInt64;
      graph_.layers.push_back(std::move(layer));
    }
    graph_.outputs = {{"y", x, Shape{elements_}}};
  }

  [[nodiscard]] std::size_t layer_count() const override { return layers_.size(); }
  [[nodiscard]] const LayerGraph& graph() const override { return graph_; }
  [[nodiscard]] int parts_max(std::size_t layer) const override { return layers_[layer].parts_max; }
  [[nodiscard]] std::size_t arena_bytes() const override { return static_cast<std::size_t>(elements_) * 8 * (layers_.size() + 1); }
  [[nodiscard]] std::size_t scratch_bytes() const override { return 64; }
  void load_inputs(const InputSet& inputs, std::byte* arena) const override {
    std::memcpy(arena, inputs[0].view().bytes, static_cast<std::size_t>(elements_) * 8);
  }
  void run(std::size_t layer, int part, int parts, std::byte* arena, std::byte* scratch) const override {
    const auto* x = reinterpret_cast<const std::uint64_t*>(arena) + elements_ * static_cast<std::int64_t>(layer);
    auto* y = reinterpret_cast<std::uint64_t*>(arena) + elements_ * static_cast<std::int64_t>(layer + 1);
    auto* busy = reinterpret_cast<std::uint64_t*>(scratch);  // a race on scratch memory is one that a sanitizer sees
    const Range range = part_of(elements_, parts, part);
    for (std::int64_t i = range.begin; i < range.end; ++i) {
      *busy = x[i] ^ x[(i + 1) % elements_] * 31;
      for (int round = 0; round < layers_[layer].rounds; ++round) *busy = (*busy ^ *busy >> 29) * 0xBF58476D1CE4E5B9U;
      y[i] = *busy + layer;
    }
    if (slices_ != nullptr) slices_->fetch_add(1, std::memory_order_relaxed);
  }
  void store_outputs(const std::byte* arena, std::vector<Tensor>& outputs) const override {
    const auto* y = reinterpret_cast<const std::int64_t*>(arena) + elements_ * static_cast<std::int64_t>(layers_.size());
    outputs.assign(1, Tensor::of<std::int64_t>(Shape{elements_}, std::span(y, static_cast<std::size_t>(elements_))));
  }

  /// The result by one thread.
  [[nodiscard]] std::vector<std::int64_t> expected(const InputSet& inputs) const {
    Buffer arena(arena_bytes());
    Buffer scratch(scratch_bytes());
    load_inputs(inputs, arena.data());
    for (std::size_t layer = 0; layer < layers_.size(); ++layer) run(layer, 0, 1, arena.data(), scratch.data());
    std::vector<Tensor> outputs;
    store_outputs(arena.data(), outputs);
    const auto values = outputs[0].values<std::int64_t>();
    return {values.begin(), values.end()};
  }
  [[nodiscard]] InputSet inputs(std::int64_t seed) const {
    std::vector<std::int64_t> values(static_cast<std::size_t>(elements_));
    for (std::size_t i = 0; i < values.size(); ++i) values[i] = seed * 1'000'003 + static_cast<std::int64_t>(i);
    return {Tensor::of<std::int64_t>(Shape{elements_}, std::span<const std::int64_t>(values))};
  }
  void count_slices_in(std::atomic<std::int64_t>* slices) { slices_ = slices; }

 private:
  std::int64_t elements_;
  std::vector<SpinLayer> layers_;
  LayerGraph graph_;
  std::atomic<std::int64_t>* slices_ = nullptr;
};

/// Layers worth splitting among layers that cannot be.
inline std::shared_ptr<SpinProgram> spin_program(std::int64_t elements = 512, int layers = 12, int rounds = 30) {
  std::vector<SpinLayer> made;
  for (int i = 0; i < layers; ++i) made.push_back(i % 4 == 3 ? SpinLayer{rounds / 4, 1} : SpinLayer{rounds, 8});
  return std::make_shared<SpinProgram>(elements, made);
}

}  // namespace gatefold::test
