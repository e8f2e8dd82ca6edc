#include "gatefold/host/storage.h"

#include <algorithm>

#include "gatefold/kernels/slice_spec.h"
#include "gatefold/kernels/tile_layer.h"

namespace gatefold {
namespace {

std::vector<std::int64_t> integers_of(const Operand& operand) {
  std::vector<std::int64_t> values;
  const Tensor& tensor = *operand.constant;
  for (std::int64_t i = 0; i < tensor.shape().elements(); ++i) values.push_back(tensor.integer_at(i));
  return values;
}

/// A layer that moves stored elements and does nothing else.
bool moves_only(const Layer& layer) {
  return layer.kind == LayerKind::kMove && !layer.epilogue.activation && !layer.epilogue.quantise && layer.inputs[0].tensor &&
         std::none_of(layer.inputs.begin(), layer.inputs.end(), [](const Operand& operand) { return operand.dequantise.has_value(); });
}

/// Writes channels-last rows into a place of any pixel distance.
bool writes_anywhere(const Layer& layer) {
  return layer.kind == LayerKind::kDot && layer.output_shape.rank() == 4 && limits_of(layer.epilogue.activation);
}

struct Seen {
  std::int64_t offset = 0;
  Strides strides{};
};

std::optional<Seen> view_of(const Transpose& op, const Layer& layer, const Strides& x) {
  Seen seen;
  const int rank = layer.inputs[0].shape.rank();
  for (int axis = 0; axis < rank; ++axis) {
    const auto from = op.permutation.empty() ? static_cast<std::size_t>(rank - 1 - axis)
                                             : static_cast<std::size_t>(op.permutation[static_cast<std::size_t>(axis)]);
    seen.strides[static_cast<std::size_t>(axis)] = x[from];
  }
  return seen;
}

std::optional<Seen> view_of(const Slice&, const Layer& layer, const Strides& x) {
  std::vector<std::int64_t> lists[4];
  for (std::size_t i = 1; i < layer.inputs.size() && i <= 4; ++i) {
    if (layer.inputs[i].constant) lists[i - 1] = integers_of(layer.inputs[i]);
    else if (layer.inputs[i].tensor) return std::nullopt;
  }
  Seen seen;
  const std::vector<SliceAxis> axes = slice_axes(layer.inputs[0].shape, lists[0], lists[1], lists[2], lists[3]);
  for (std::size_t axis = 0; axis < axes.size(); ++axis) {
    seen.offset += axes[axis].first * x[axis];
    seen.strides[axis] = axes[axis].step * x[axis];
  }
  return seen;
}

std::optional<Seen> view_of(const Gather& op, const Layer& layer, const Strides& x) {
  if (!layer.inputs[1].constant || layer.inputs[1].shape.rank() > 1) return std::nullopt;
  const Shape& shape = layer.inputs[0].shape;
  const auto axis = static_cast<std::size_t>(normal_axis(op.axis, shape.rank()));
  std::vector<std::int64_t> indices = integers_of(layer.inputs[1]);
  for (std::int64_t& index : indices) {
    if (index < 0) index += shape[static_cast<int>(axis)];
    if (index < 0 || index >= shape[static_cast<int>(axis)]) return std::nullopt;  // the plain code says what is wrong
  }
  if (indices.empty()) return std::nullopt;
  const std::int64_t step = indices.size() > 1 ? indices[1] - indices[0] : 0;
  for (std::size_t i = 1; i < indices.size(); ++i) {
    if (indices[i] - indices[i - 1] != step) return std::nullopt;
  }
  Seen seen;
  seen.offset = indices[0] * x[axis];
  std::size_t to = 0;
  for (std::size_t from = 0; from < static_cast<std::size_t>(shape.rank()); ++from) {
    if (from != axis) seen.strides[to++] = x[from];
    else if (layer.inputs[1].shape.rank() == 1) seen.strides[to++] = step * x[axis];
  }
  return seen;
}

std::optional<Seen> view_of(const Identity&, const Layer&, const Strides& x) { return Seen{0, x}; }

template <class Op>
std::optional<Seen> view_of(const Op&, const Layer&, const Strides&) {
  return std::nullopt;
}

}  // namespace

StoragePlan::StoragePlan(const LayerGraph& graph)
    : graph_(&graph),
      places_(graph.activations.size()),
      view_(graph.layers.size(), false),
      sums_(graph.layers.size()),
      inside_(graph.activations.size()),
      same_(graph.activations.size()),
      offsets_(graph.activations.size(), 0) {
  fuse_sums();
  place_concatenated();
  place_all();
  plan_arena();
}

std::optional<Strides> StoragePlan::strides_of(const Operand& operand) const {
  const Activation& activation = graph_->activation(*operand.tensor);
  return reshaped_strides(activation.shape, place(*operand.tensor).strides, operand.shape);
}

std::size_t StoragePlan::offset(TensorId id) const {
  const Place& at = place(id);
  return offsets_[at.root.at()] + static_cast<std::size_t>(at.offset * element_bytes(*graph_, id));
}

bool StoragePlan::readable(TensorId id, const Strides& strides) const {
  const Activation& activation = graph_->activation(id);
  for (const LayerId reader : activation.consumers) {
    for (const Operand& operand : graph_->layer(reader).inputs) {
      if (operand.tensor == id && !reshaped_strides(activation.shape, strides, operand.shape)) return false;
    }
  }
  return true;
}

/// Channels-last unless a reader reshapes across that order.
Strides StoragePlan::own_order(TensorId id) const {
  const Shape& shape = graph_->activation(id).shape;
  const Strides strides = channels_last(shape);
  return readable(id, strides) ? strides : row_major(shape);
}

std::optional<Strides> StoragePlan::operands_order(const Layer& layer) const {
  const bool each = std::holds_alternative<Unary>(layer.op) || std::holds_alternative<Binary>(layer.op) ||
                    std::holds_alternative<Softmax>(layer.op) || std::holds_alternative<Quantize>(layer.op) ||
                    std::holds_alternative<Dequantize>(layer.op);
  if (!each || layer.outputs.size() != 1) return std::nullopt;
  const Shape& shape = graph_->activation(layer.outputs[0]).shape;
  for (const Operand& operand : layer.inputs) {
    if (!operand.tensor || operand.shape != shape) continue;
    const auto strides = strides_of(operand);
    if (strides && is_dense(shape, *strides) && readable(layer.outputs[0], *strides)) return strides;
  }
  return std::nullopt;
}

void StoragePlan::fuse_sums() {
  for (std::size_t i = 0; i < graph_->layers.size(); ++i) {
    const Layer& sum = graph_->layers[i];
    const auto* op = std::get_if<Binary>(&sum.op);
    if (!op || op->kind != BinaryKind::kAdd || sum.output_type != ElementType::kFloat32 || sum.epilogue.quantise) continue;
    if (sum.output_shape.rank() != 4 || !limits_of(sum.epilogue.activation)) continue;
    const auto plain = [&](const Operand& operand) {
      return operand.tensor && !operand.dequantise && operand.type == ElementType::kFloat32 && operand.shape == sum.output_shape &&
             graph_->activation(*operand.tensor).shape == sum.output_shape;
    };
    if (!plain(sum.inputs[0]) || !plain(sum.inputs[1]) || sum.inputs[0].tensor == sum.inputs[1].tensor) continue;
    // The later of the two producers takes the sum over: the other operand exists when it runs.
    const auto producer = [&](std::size_t operand) { return graph_->activation(*sum.inputs[operand].tensor).producer; };
    const std::size_t later = !producer(0) || (producer(1) && producer(0)->at() < producer(1)->at()) ? 1 : 0;
    if (!producer(later)) continue;
    const Layer& layer = graph_->layer(*producer(later));
    const Activation& result = graph_->activation(*sum.inputs[later].tensor);
    const bool alone = result.consumers.size() == 1 && !result.network_output;
    if (!alone || !writes_anywhere(layer) || layer.epilogue.activation || layer.integer || layer.dot.depthwise()) continue;
    const bool real = std::none_of(layer.inputs.begin(), layer.inputs.end(), [](const Operand& one) { return one.dequantise.has_value(); });
    if (!real || layer.epilogue.quantise) continue;
    sums_[producer(later)->at()] = LayerId(static_cast<std::int32_t>(i));
    view_[i] = true;
    same_[sum.inputs[later].tensor->at()] = sum.outputs[0];
  }
}

void StoragePlan::place_concatenated() {
  for (const Layer& layer : graph_->layers) {
    const auto* op = std::get_if<Concat>(&layer.op);
    if (!op || !moves_only(layer) || layer.output_shape.rank() != 4 || normal_axis(op->axis, 4) != 1) continue;
    const TensorId whole = layer.outputs[0];
    if (inside_[whole.at()] || !same_order(layer.output_shape, own_order(whole), channels_last(layer.output_shape))) continue;
    std::int64_t channel = 0;
    for (const Operand& operand : layer.inputs) {
      const std::int64_t first = channel;
      channel += operand.shape[1];
      if (!operand.tensor) continue;
      const TensorId part = *operand.tensor;
      const Activation& activation = graph_->activation(part);
      const auto only_dot_layers = [&](LayerId reader) {
        const Layer& reading = graph_->layer(reader);
        return &reading == &layer || (reading.kind == LayerKind::kDot && reading.inputs[0].shape.rank() == 4);
      };
      const auto uses = std::count_if(layer.inputs.begin(), layer.inputs.end(), [&](const Operand& one) { return one.tensor == part; });
      if (uses != 1 || !activation.producer || same_[part.at()] || inside_[part.at()] || activation.shape != operand.shape) continue;
      if (!writes_anywhere(graph_->layer(*activation.producer)) || sums_[activation.producer->at()]) continue;
      if (!std::all_of(activation.consumers.begin(), activation.consumers.end(), only_dot_layers)) continue;
      inside_[part.at()] = Inside{whole, first};
    }
  }
}

bool StoragePlan::place_view(std::size_t index) {
  const Layer& layer = graph_->layers[index];
  if (!moves_only(layer)) return false;
  const TensorId operand = *layer.inputs[0].tensor;
  const auto strides = strides_of(layer.inputs[0]);
  if (!strides) return false;
  const Place from = place(operand);
  if (const auto* split = std::get_if<Split>(&layer.op)) {
    const auto axis = static_cast<std::size_t>(normal_axis(split->axis, layer.inputs[0].shape.rank()));
    std::int64_t offset = from.offset;
    for (const TensorId output : layer.outputs) {
      places_[output.at()] = {from.root, offset, *strides};
      offset += graph_->activation(output).shape[static_cast<int>(axis)] * (*strides)[axis];
    }
    return true;
  }
  const auto seen = std::visit([&](const auto& op) { return view_of(op, layer, *strides); }, layer.op);
  if (!seen) return false;
  const Activation& result = graph_->activation(layer.outputs[0]);
  const auto own = reshaped_strides(layer.output_shape, seen->strides, result.shape);
  if (!own) return false;
  places_[layer.outputs[0].at()] = {from.root, from.offset + seen->offset, *own};
  return true;
}

void StoragePlan::place_all() {
  for (const TensorId id : graph_->inputs) places_[id.at()] = {id, 0, own_order(id)};
  for (std::size_t index = 0; index < graph_->layers.size(); ++index) {
    if (!view_[index] && place_view(index)) {
      view_[index] = true;
      continue;
    }
    for (const TensorId id : graph_->layers[index].outputs) {
      if (same_[id.at()]) {
        places_[id.at()] = {*same_[id.at()], 0, own_order(*same_[id.at()])};
      } else if (const auto& inside = inside_[id.at()]) {
        places_[id.at()] = {inside->whole, inside->channel, own_order(inside->whole)};
      } else {
        places_[id.at()] = {id, 0, operands_order(graph_->layers[index]).value_or(own_order(id))};
      }
    }
  }
}

void StoragePlan::plan_arena() {
  constexpr std::size_t kAlignment = 64;  // bytes, a cache line
  struct Block {
    std::int64_t first = INT64_MAX, last = -1;  ///< layers, inclusive; inputs exist before the first
    std::size_t size = 0, offset = 0, root = 0;
  };
  std::vector<Block> blocks(graph_->activations.size());
  for (std::size_t i = 0; i < graph_->activations.size(); ++i) {
    const Activation& activation = graph_->activations[i];
    Block& block = blocks[places_[i].root.at()];
    const std::int64_t born = activation.producer ? static_cast<std::int64_t>(activation.producer->at()) : -1;
    const auto end = static_cast<std::int64_t>(graph_->layers.size());
    block.first = std::min(block.first, born);
    block.last = std::max({block.last, born, activation.last_use ? static_cast<std::int64_t>(activation.last_use->at()) : born,
                           activation.network_output ? end : born});
  }
  std::vector<Block> order;
  for (std::size_t i = 0; i < blocks.size(); ++i) {
    const Activation& activation = graph_->activations[i];
    if (places_[i].root.at() != i) continue;
    blocks[i].root = i;
    const auto bytes = static_cast<std::size_t>(stored_bytes(activation)) + kTileSlack;
    blocks[i].size = (bytes + kAlignment - 1) / kAlignment * kAlignment;
    order.push_back(blocks[i]);
  }
  // Largest first, each at the lowest place that is free for its whole life.
  std::stable_sort(order.begin(), order.end(), [](const Block& a, const Block& b) { return a.size > b.size; });
  std::vector<Block> placed;
  for (Block block : order) {
    for (const Block& other : placed) {  // ascending by offset
      if (other.last < block.first || block.last < other.first) continue;
      if (other.offset >= block.offset + block.size) break;
      block.offset = std::max(block.offset, other.offset + other.size);
    }
    placed.insert(std::upper_bound(placed.begin(), placed.end(), block, [](const Block& a, const Block& b) { return a.offset < b.offset; }),
                  block);
    offsets_[block.root] = block.offset;
    arena_bytes_ = std::max(arena_bytes_, block.offset + block.size);
  }
}

}  // namespace gatefold
