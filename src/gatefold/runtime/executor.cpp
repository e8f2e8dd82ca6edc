#include "gatefold/runtime/executor.h"

#include <algorithm>
#include <cstring>

#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

using SharedBytes = std::shared_ptr<const Buffer>;

SharedBytes bytes_of(const Payload& payload) { return std::static_pointer_cast<const Buffer>(payload); }

/// Copies between a whole tensor and the units [range) of it, for every outer repetition.
template <class Copy>
void for_each_run(const Layout& layout, const Range& range, std::int64_t element, Copy copy) {
  const std::int64_t run = range.count() * layout.inner * element;
  for (std::int64_t o = 0; o < layout.outer; ++o) {
    copy((o * layout.units + range.begin) * layout.inner * element, o * run, static_cast<std::size_t>(run));
  }
}

}  // namespace

Result<Executor> Executor::make(const PreparedNetwork& network, Numerics numerics) {
  Executor executor(network, numerics);
  std::size_t largest = 0;
  for (const Layer& layer : network.graph().layers) {
    executor.kernels_.emplace_back();
    executor.constants_.emplace_back();
    if (layer.kind == LayerKind::kDot) {
      GATEFOLD_TRY(DotKernel kernel, DotKernel::create(layer, numerics));
      executor.kernels_.back() = std::make_unique<DotKernel>(std::move(kernel));
      const DotKernel& made = *executor.kernels_.back();
      largest = std::max(largest, static_cast<std::size_t>(made.accumulator_elements() * element_size(made.accumulator_type())));
      continue;
    }
    for (const Operand& operand : layer.inputs) {
      if (operand.constant) executor.constants_.back().push_back(operand.constant->dense());
    }
  }
  executor.accumulators_.resize(largest);
  return executor;
}

bool Executor::sliced(LayerId layer) const {
  const DotGeometry& dot = network_->graph().layer(layer).dot;
  return network_->spec().core_kind == CoreKind::kReduction && (dot.group == 1 || dot.depthwise());
}

Result<std::vector<Payload>> Executor::weight_payloads(LayerId layer, const Placement& placement) const {
  const DotKernel* kernel = kernels_[layer.at()].get();
  std::vector<Payload> payloads(static_cast<std::size_t>(placement.core_count()));
  if (kernel == nullptr) return payloads;  // constants of vector layers are shared by all runs (constants_)
  for (std::int32_t c = 0; c < placement.core_count(); ++c) {
    DotSlice slice = kernel->whole();
    if (sliced(layer)) {
      const DotGeometry& dot = network_->graph().layer(layer).dot;
      slice.ic = part_of(dot.ic, placement.core_count(), c);
      if (dot.depthwise()) slice.oc = slice.ic;
    }
    GATEFOLD_TRY(auto packed, network_->weights().slice(layer.at(), *kernel, network_->graph().layer(layer).dot, slice));
    payloads[static_cast<std::size_t>(c)] = std::move(packed);
  }
  return payloads;
}

Status Executor::write(TensorId tensor, const SharedBytes& bytes, Chip& chip, const Residence& residence, Cycles from, Cycles until) {
  if (residence.spilled(tensor)) {
    external_[tensor.at()] = bytes;
    return Done{};
  }
  const std::int64_t element = element_size(network_->graph().activation(tensor).type);
  return write_shares(residence.blocks(tensor), residence.layout(tensor), element, bytes, chip, from, until);
}

Status Executor::write_shares(std::span<const BlockId> blocks, const Layout& layout, std::int64_t element, const SharedBytes& bytes,
                              Chip& chip, Cycles from, Cycles until) const {
  if (blocks.size() == 1) return chip.memory().write(blocks[0], bytes, chip.gating(), from, until);
  for (std::size_t c = 0; c < blocks.size(); ++c) {
    const Range range = part_of(layout.units, static_cast<std::int64_t>(blocks.size()), static_cast<std::int64_t>(c));
    auto part = std::make_shared<Buffer>(static_cast<std::size_t>(layout.outer * range.count() * layout.inner * element));
    for_each_run(layout, range, element, [&](std::int64_t whole, std::int64_t own, std::size_t size) {
      std::memcpy(part->data() + own, bytes->data() + whole, size);
    });
    GATEFOLD_CHECK(chip.memory().write(blocks[c], std::move(part), chip.gating(), from, until));
  }
  return Done{};
}

Result<SharedBytes> Executor::read(TensorId tensor, const Memory& memory, const Gating& gating, const Residence& residence, Cycles from,
                                   Cycles until) const {
  if (residence.spilled(tensor)) return external_[tensor.at()];
  const std::int64_t element = element_size(network_->graph().activation(tensor).type);
  return read_shares(residence.blocks(tensor), residence.layout(tensor), element, memory, gating, from, until);
}

Result<SharedBytes> Executor::read_shares(std::span<const BlockId> blocks, const Layout& layout, std::int64_t element, const Memory& memory,
                                          const Gating& gating, Cycles from, Cycles until) const {
  if (blocks.size() == 1) {
    GATEFOLD_TRY(Payload payload, memory.read(blocks[0], gating, from, until));
    return bytes_of(payload);
  }
  auto whole = std::make_shared<Buffer>(static_cast<std::size_t>(layout.elements() * element));
  for (std::size_t c = 0; c < blocks.size(); ++c) {
    GATEFOLD_TRY(Payload payload, memory.read(blocks[c], gating, from, until));
    const SharedBytes part = bytes_of(payload);
    const Range range = part_of(layout.units, static_cast<std::int64_t>(blocks.size()), static_cast<std::int64_t>(c));
    for_each_run(layout, range, element,
                 [&](std::int64_t at, std::int64_t own, std::size_t size) { std::memcpy(whole->data() + at, part->data() + own, size); });
  }
  return SharedBytes(std::move(whole));
}

Status Executor::receive_weights(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from,
                                 Cycles until) {
  GATEFOLD_TRY(const std::vector<Payload> arrived, weight_payloads(layer, placement));
  const auto weights = residence.weights(layer);
  for (std::size_t c = 0; c < weights.size(); ++c) {
    GATEFOLD_CHECK(chip.memory().write(weights[c], arrived[c], chip.gating(), from, until));
  }
  return Done{};
}

Status Executor::execute_dot(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from, Cycles until,
                             MutableTensorView y) {
  const Layer& here = network_->graph().layer(layer);
  const DotKernel& kernel = *kernels_[layer.at()];
  const TensorId x = *here.inputs[0].tensor;
  const auto weights = residence.weights(layer);
  if (placement.streamed) GATEFOLD_CHECK(receive_weights(layer, placement, chip, residence, from, until));
  const auto size = static_cast<std::size_t>(kernel.accumulator_elements() * element_size(kernel.accumulator_type()));
  std::memset(accumulators_.data(), 0, size);
  const DotGeometry& dot = here.dot;
  const auto accumulate = [&](BlockId weight_block, const SharedBytes& bytes, std::int64_t channels) -> Status {
    GATEFOLD_TRY(Payload packed, chip.memory().read(weight_block, chip.gating(), from, until));
    const TensorView view{here.inputs[0].type, Shape{dot.n, channels, dot.ih, dot.iw}, bytes->data()};
    return kernel.accumulate(*std::static_pointer_cast<const PackedSlice>(packed), view, accumulators_.data());
  };
  if (sliced(layer) && placement.core_count() > 1) {
    const auto blocks = residence.blocks(x);
    for (std::size_t c = 0; c < blocks.size(); ++c) {
      GATEFOLD_TRY(Payload payload, chip.memory().read(blocks[c], chip.gating(), from, until));
      const std::int64_t channels = part_of(dot.ic, placement.core_count(), static_cast<std::int64_t>(c)).count();
      GATEFOLD_CHECK(accumulate(weights[c], bytes_of(payload), channels));
    }
  } else {
    GATEFOLD_TRY(SharedBytes whole, read(x, chip.memory(), chip.gating(), residence, from, until));
    GATEFOLD_CHECK(accumulate(weights[0], whole, dot.ic));
  }
  kernel.finish(accumulators_.data(), Range{0, dot.oc}, y);
  return Done{};
}

Status Executor::execute(LayerId layer, const Placement& placement, Chip& chip, const Residence& residence, Cycles from, Cycles until) {
  const LayerGraph& graph = network_->graph();
  const Layer& here = graph.layer(layer);
  std::vector<std::shared_ptr<Buffer>> buffers;
  std::vector<MutableTensorView> outputs;
  for (const TensorId output : here.outputs) {
    const Activation& activation = graph.activation(output);
    buffers.push_back(std::make_shared<Buffer>(static_cast<std::size_t>(stored_bytes(activation))));
    outputs.push_back({activation.type, activation.shape, buffers.back()->data()});
  }
  if (here.kind == LayerKind::kDot) {
    GATEFOLD_CHECK(execute_dot(layer, placement, chip, residence, from, until, outputs[0]));
  } else {
    std::vector<SharedBytes> kept;
    std::vector<TensorView> inputs;
    std::size_t constant = 0;
    for (const Operand& operand : here.inputs) {
      if (operand.constant) {
        inputs.push_back(constants_[layer.at()][constant++].view());
        continue;
      }
      GATEFOLD_TRY(SharedBytes bytes, read(*operand.tensor, chip.memory(), chip.gating(), residence, from, until));
      inputs.push_back({operand.type, operand.shape, bytes->data()});
      kept.push_back(std::move(bytes));
    }
    GATEFOLD_CHECK(run_layer(here, numerics_, inputs, outputs));
  }
  for (std::size_t o = 0; o < here.outputs.size(); ++o) {
    GATEFOLD_CHECK(write(here.outputs[o], buffers[o], chip, residence, from, until));
  }
  return Done{};
}

}  // namespace gatefold
