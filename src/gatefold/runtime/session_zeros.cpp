// The part of the session that knows which activations are zero, for chips that exploit it (EQ-45 .. EQ-47). What a layer writes
// is counted when it is computed, so that the cycles and energy of its readers follow the data. Two things are booked before the
// data they depend on exist and stay those of dense data: the time of an output's way over the bus, and the banks that hold it.
#include <cmath>

#include "gatefold/kernels/zeros.h"
#include "gatefold/runtime/session.h"

namespace gatefold {
namespace {

/// The stored value that means zero: the zero point of whoever quantises the tensor or, if that is nobody, of its first reader.
/// 0 where neither does, or where channels have zero points of their own.
std::int64_t zero_of(const LayerGraph& graph, TensorId tensor) {
  const Activation& activation = graph.activation(tensor);
  const Quantisation* quantisation = nullptr;
  if (activation.producer && graph.layer(*activation.producer).epilogue.quantise) {
    quantisation = &*graph.layer(*activation.producer).epilogue.quantise;
  } else if (!activation.consumers.empty()) {
    for (const Operand& operand : graph.layer(activation.consumers.front()).inputs) {
      if (operand.tensor == tensor && operand.dequantise) quantisation = &*operand.dequantise;
    }
  }
  return quantisation != nullptr && quantisation->per_tensor() ? quantisation->zero_point.front() : 0;
}

}  // namespace

void Session::count_nonzeros(TensorId tensor, const std::byte* bytes) {
  if (!table_.spec().follows_zeros()) return;
  const Activation& activation = network_.graph().activation(tensor);
  const std::int64_t elements = activation.shape.elements();
  if (bytes == nullptr) {
    nonzeros_[tensor.at()] = std::llround(static_cast<double>(elements) * density_);
    return;
  }
  nonzeros_[tensor.at()] = nonzero_count({activation.type, activation.shape, bytes}, zero_of(network_.graph(), tensor));
}

Status Session::count_outputs(LayerId layer, Cycles start, Cycles end) {
  if (!table_.spec().follows_zeros()) return Done{};
  for (const TensorId output : network_.graph().layer(layer).outputs) {
    if (executor_ == nullptr) {
      count_nonzeros(output, nullptr);
      continue;
    }
    GATEFOLD_TRY(const auto bytes, executor_->read(output, chip_.memory(), chip_.gating(), residence_, start, end));
    count_nonzeros(output, bytes->data());
  }
  return Done{};
}

Bytes Session::moved_bytes(TensorId tensor) const {
  const std::int64_t elements = network_.graph().activation(tensor).shape.elements();
  return stored_bytes(table_.spec(), table_.tensor_bytes(tensor), nonzeros_[tensor.at()], elements);
}

Status Session::find_zeros(LayerId layer, Cycles start) {
  const DeviceSpec& spec = table_.spec();
  if (!spec.follows_zeros()) return Done{};
  const LayerGraph& graph = network_.graph();
  const Layer& here = graph.layer(layer);
  const Work& work = table_.work(layer);
  zeros_ = {.nonzeros = 0, .elements = 0, .input = {}, .output = work.output, .issued = {}};
  for (const Operand& operand : here.inputs) {
    if (!operand.tensor) continue;
    zeros_.nonzeros += nonzeros_[operand.tensor->at()];
    zeros_.elements += graph.activation(*operand.tensor).shape.elements();
    zeros_.input += moved_bytes(*operand.tensor);
  }
  if (zeros_.elements > 0) {
    layers_[layer.at()].density = static_cast<double>(zeros_.nonzeros) / static_cast<double>(zeros_.elements);
  }
  if (executor_ == nullptr || blocks_.count > 0 || !skips_blocks(spec, work)) return Done{};
  const TensorId x = *here.inputs[0].tensor;
  chip_.hold(residence_.blocks(x), start, start);
  GATEFOLD_TRY(const auto bytes, executor_->read(x, chip_.memory(), chip_.gating(), residence_, start, start));
  const TensorView view{here.inputs[0].type, here.inputs[0].shape, bytes->data()};
  const ChunkCount chunks = nonzero_chunks(here.dot, view, zero_of(graph, x), layers_[layer.at()].home.core_count(), spec.inputs_per_unit);
  zeros_.issued = Zeros::Issued{chunks.slowest, chunks.all};
  return Done{};
}

Cycles Session::cycles_now(LayerId layer) const {
  const Placement& home = layers_[layer.at()].home;
  if (!table_.spec().follows_zeros()) return table_.option(layer, home).cycles;
  return layer_cycles(table_.spec(), table_.work(layer), footprint_of(home), zeros_);
}

DynamicEnergy Session::energy_now(LayerId layer) const {
  const Placement& home = layers_[layer.at()].home;
  if (!table_.spec().follows_zeros()) return table_.option(layer, home).dynamic;
  Zeros zeros = zeros_;
  zeros.output = Bytes(0);
  for (const TensorId output : network_.graph().layer(layer).outputs) zeros.output += moved_bytes(output);
  return dynamic_energy(table_.spec(), table_.work(layer), footprint_of(home), zeros);
}

DynamicEnergy Session::energy_begun(LayerId layer) const {
  const Placement& home = layers_[layer.at()].home;
  if (!table_.spec().follows_zeros()) return table_.option(layer, home).dynamic;
  return dynamic_energy(table_.spec(), table_.work(layer), footprint_of(home), zeros_);
}

}  // namespace gatefold
