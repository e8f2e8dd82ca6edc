// Vector layers that take each element by itself: unary functions, sums and products of equal shapes or with a constant per
// channel, quantising and dequantising. A chunk of elements goes through all of a layer's stages before the next, so that
// what lies between them never leaves the first-level cache.
//
// The arithmetic is that of `run_layer`, operation by operation: dequantise, operator, activation, quantise.
#include <algorithm>
#include <cstring>

#include "gatefold/host/layer_step.h"
#include "gatefold/kernels/element_loops.h"
#include "gatefold/kernels/integer_layer.h"
#include "gatefold/kernels/tile_layer.h"

namespace gatefold {
namespace {

constexpr std::int64_t kChunk = 1024;  // floats: three of them are a quarter of a first-level cache

std::optional<ByteScale> byte_scale(const std::optional<Quantisation>& by, ElementType stored) {
  if (!by || !by->per_tensor() || !is_quantised(stored)) return std::nullopt;
  return ByteScale{by->scale[0], by->zero_point[0] + byte_shift(stored)};
}

/// One operand: an activation in the order of the output, or a constant.
struct ElementOperand {
  std::size_t offset = 0;
  std::optional<ByteScale> dequantise;  ///< stored as bytes
  std::vector<float> constant;          ///< one value, one per channel, or all
  std::optional<Gathered> copy;         ///< into the output's order first
};

struct Stages {
  std::optional<Unary> op;  ///< or
  std::optional<BinaryKind> binary;
  std::optional<Unary> activation;
  std::optional<ByteScale> quantise;
};

class ElementStep final : public LayerStep {
 public:
  ElementStep(const TileKernels& kernels, Stages stages, std::vector<ElementOperand> operands, std::size_t y, std::int64_t count,
              std::int64_t channels)
      : kernels_(kernels), stages_(std::move(stages)), operands_(std::move(operands)), y_(y), count_(count), channels_(channels) {
    const auto constants = operands_.size() > 1 ? static_cast<std::int64_t>(operands_[1].constant.size()) : 0;
    if (constants > 1 && constants != count_) {
      // As many whole pixels as fit a chunk, so that the constant is one run for all chunks.
      unit_ = channels_ >= kChunk ? channels_ : kChunk / channels_ * channels_;
      std::vector<float>& values = operands_[1].constant;
      while (static_cast<std::int64_t>(values.size()) < unit_) values.insert(values.end(), values.begin(), values.begin() + channels_);
    }
  }

  [[nodiscard]] std::int64_t parts_max() const override { return copies() ? 1 : std::max<std::int64_t>(1, count_ / unit_); }
  [[nodiscard]] std::size_t scratch_bytes() const override {
    std::size_t bytes = rooms_bytes();
    for (const ElementOperand& operand : operands_) bytes += operand.copy ? aligned(operand.copy->bytes() + kTileSlack) : 0;
    return bytes;
  }

  void run(int part, int parts, std::byte* arena, std::byte* scratch) const override {
    std::byte* next = scratch + rooms_bytes();
    for (const ElementOperand& operand : operands_) {
      if (!operand.copy) continue;
      operand.copy->run(arena, next);
      next += aligned(operand.copy->bytes() + kTileSlack);
    }
    const Range units = part_of((count_ + unit_ - 1) / unit_, parts, part);
    for (std::int64_t unit = units.begin; unit < units.end; ++unit) {
      chunk(unit * unit_, std::min(unit_, count_ - unit * unit_), arena, reinterpret_cast<float*>(scratch));
    }
  }

 private:
  [[nodiscard]] bool copies() const {
    return std::any_of(operands_.begin(), operands_.end(), [](const ElementOperand& operand) { return operand.copy.has_value(); });
  }
  [[nodiscard]] std::size_t rooms_bytes() const { return 3 * aligned(static_cast<std::size_t>(unit_) * sizeof(float)); }

  /// Operand `index`, elements [first, first + count), as floats: where it is, or in `room`.
  const float* read(std::size_t index, std::int64_t first, std::int64_t count, const std::byte* arena, const std::byte* copies,
                    float* room) const {
    const ElementOperand& operand = operands_[index];
    if (!operand.constant.empty()) {
      return operand.constant.data() + (static_cast<std::int64_t>(operand.constant.size()) == count_ ? first : 0);
    }
    const std::byte* from = arena + operand.offset;
    if (operand.copy) {
      from = copies;
      if (index == 1 && operands_[0].copy) from += aligned(operands_[0].copy->bytes() + kTileSlack);
    }
    if (!operand.dequantise) return reinterpret_cast<const float*>(from) + first;
    kernels_.dequantize(reinterpret_cast<const std::uint8_t*>(from) + first, count, *operand.dequantise, room);
    return room;
  }

  void chunk(std::int64_t first, std::int64_t count, std::byte* arena, float* room) const {
    const std::size_t stride = aligned(static_cast<std::size_t>(unit_) * sizeof(float)) / sizeof(float);
    const std::byte* copies = reinterpret_cast<const std::byte*>(room) + rooms_bytes();
    const float* a = read(0, first, count, arena, copies, room);
    std::byte* y = arena + y_;
    float* out = stages_.quantise ? room + 2 * stride : reinterpret_cast<float*>(y) + first;
    const float* value = a;
    if (stages_.binary) {
      const float* b = read(1, first, count, arena, copies, room + stride);
      kernels_.binary(*stages_.binary, a, b, operands_[1].constant.size() == 1 ? 0 : 1, count, out);
      value = out;
    }
    for (const auto& function : {stages_.op, stages_.activation}) {
      if (!function) continue;
      apply(*function, value, count, out);
      value = out;
    }
    if (stages_.quantise) {
      kernels_.quantize(value, count, *stages_.quantise, {0, 255}, reinterpret_cast<std::uint8_t*>(y) + first);
    } else if (value != out) {
      std::memcpy(out, value, static_cast<std::size_t>(count) * sizeof(float));
    }
  }

  void apply(const Unary& function, const float* x, std::int64_t count, float* y) const {
    if (const auto limits = limits_of(function)) kernels_.clamp(x, count, limits->low, limits->high, y);
    else apply_unary(function, x, count, y);
  }

  const TileKernels& kernels_;
  Stages stages_;
  std::vector<ElementOperand> operands_;
  std::size_t y_;
  std::int64_t count_, channels_;
  std::int64_t unit_ = kChunk;
};

/// The integer contract's sum of two tensors.
class SumStep final : public LayerStep {
 public:
  SumStep(const TileKernels& kernels, SumScale scale, SaturationLimits limits, std::uint8_t flip, std::array<std::size_t, 3> offsets,
          std::int64_t count)
      : kernels_(kernels), scale_(scale), limits_(limits), flip_(flip), offsets_(offsets), count_(count) {}
  [[nodiscard]] std::int64_t parts_max() const override { return std::max<std::int64_t>(1, count_ / kChunk); }
  void run(int part, int parts, std::byte* arena, std::byte*) const override {
    const Range mine = part_of(count_, parts, part);
    const auto at = [&](std::size_t i) { return reinterpret_cast<std::uint8_t*>(arena + offsets_.at(i)) + mine.begin; };
    kernels_.sum_u8(at(0), at(1), mine.count(), scale_, limits_, flip_, at(2));
  }

 private:
  const TileKernels& kernels_;
  SumScale scale_;
  SaturationLimits limits_;
  std::uint8_t flip_;
  std::array<std::size_t, 3> offsets_;
  std::int64_t count_;
};

/// The operand in the output's order, or a constant that repeats along it. nullopt: neither.
std::optional<ElementOperand> element_operand(const StepSource& source, const Operand& operand, const View& y) {
  ElementOperand out;
  if (operand.constant) {
    if (operand.dequantise || operand.type != ElementType::kFloat32) return std::nullopt;
    const Shape& shape = operand.shape;
    const Tensor dense = operand.constant->dense();
    const auto values = dense.values<float>();
    const int rank = y.shape.rank();
    const int axis = shape.rank() - rank + 1;  // the channels' axis, seen from the end
    const bool per_channel = rank == 4 && axis >= 0 && shape.rank() > axis && shape[axis] == y.shape[1] && shape.elements() == y.shape[1] &&
                             same_order(y.shape, y.strides, channels_last(y.shape));
    if (shape == y.shape && shape.elements() > 1) {
      out.constant.resize(values.size());
      StridedCopy(shape, row_major(shape), y.strides, sizeof(float))
          .run(dense.view().bytes, reinterpret_cast<std::byte*>(out.constant.data()));
      return out;
    }
    if (shape.elements() != 1 && !per_channel) return std::nullopt;
    out.constant.assign(values.begin(), values.end());
    return out;
  }
  if (!operand.tensor) return std::nullopt;
  const auto view = view_of_operand(source, operand);
  if (!view || view->shape != y.shape) return std::nullopt;
  out.offset = view->offset;
  if (!same_order(y.shape, view->strides, y.strides)) out.copy = Gathered(source, operand, y.strides, false);
  if (operand.dequantise) {
    out.dequantise = byte_scale(operand.dequantise, operand.type);
    if (!out.dequantise) return std::nullopt;
  } else if (operand.type != ElementType::kFloat32) {
    return std::nullopt;
  }
  return out;
}

/// The parameters of a Quantize or Dequantize operator: constants, one for the whole tensor.
std::optional<Quantisation> parameters_of(const Layer& layer, ElementType type) {
  Quantisation by{type, {}, {0}, 0};
  if (!layer.inputs[1].constant || layer.inputs[1].shape.elements() != 1) return std::nullopt;
  by.scale.push_back(static_cast<float>(layer.inputs[1].constant->number_at(0)));
  if (layer.inputs.size() > 2) {
    if (!layer.inputs[2].constant) return std::nullopt;
    by.zero_point[0] = static_cast<std::int32_t>(layer.inputs[2].constant->integer_at(0));
  }
  return by;
}

LayerStepPtr sum_step(const StepSource& source, const Layer& layer, const View& y) {
  std::array<std::size_t, 3> offsets{0, 0, y.offset};
  for (std::size_t i = 0; i < 2; ++i) {
    if (!layer.inputs[i].tensor) return nullptr;
    const auto view = view_of_operand(source, layer.inputs[i]);
    if (!view || view->shape != y.shape || !same_order(y.shape, view->strides, y.strides)) return nullptr;
    offsets.at(i) = view->offset;
  }
  const auto only = [](const Quantisation& by) { return ByteScale{by.scale[0], by.zero_point[0]}; };
  const ByteScale a = only(*layer.inputs[0].dequantise);
  const ByteScale b = only(*layer.inputs[1].dequantise);
  const ByteScale q = only(*layer.epilogue.quantise);
  return std::make_unique<SumStep>(tile_kernels(source.isa), sum_scale(a.scale, a.zero, b.scale, b.zero, q.scale, q.zero),
                                   integer_limits(layer), static_cast<std::uint8_t>(byte_shift(layer.output_type)), offsets,
                                   y.shape.elements());
}

}  // namespace

LayerStepPtr element_step(const StepSource& source, std::size_t index) {
  const Layer& layer = source.graph.layers[index];
  if (layer.outputs.size() != 1 || layer.kind != LayerKind::kVector || layer.output_shape.elements() == 0) return nullptr;
  const View y = view_of_output(source, layer);
  if (!y.dense() || y.shape != layer.output_shape) return nullptr;

  Stages stages;
  stages.activation = layer.epilogue.activation;
  std::size_t operand_count = 1;
  std::optional<Quantisation> quantise = layer.epilogue.quantise;
  std::optional<Quantisation> dequantise;
  if (const auto* binary = std::get_if<Binary>(&layer.op)) {
    if (source.numerics == Numerics::kInteger && has_integer_form(layer)) {
      return binary->kind == BinaryKind::kAdd ? sum_step(source, layer, y) : nullptr;
    }
    if (binary->kind == BinaryKind::kPow) return nullptr;
    stages.binary = binary->kind;
    operand_count = 2;
  } else if (const auto* unary = std::get_if<Unary>(&layer.op)) {
    if (unary->kind == UnaryKind::kNot) return nullptr;
    stages.op = *unary;
  } else if (std::holds_alternative<Quantize>(layer.op)) {
    if (quantise || stages.activation || layer.inputs[0].type != ElementType::kFloat32) return nullptr;
    quantise = parameters_of(layer, layer.output_type);
    if (!quantise) return nullptr;
  } else if (std::holds_alternative<Dequantize>(layer.op)) {
    dequantise = parameters_of(layer, layer.inputs[0].type);
    if (!dequantise || layer.inputs[0].dequantise) return nullptr;
  } else if (!std::holds_alternative<Identity>(layer.op)) {
    return nullptr;
  }

  std::vector<ElementOperand> operands;
  for (std::size_t i = 0; i < operand_count; ++i) {
    Operand operand = layer.inputs[i];
    if (dequantise) operand.dequantise = dequantise;
    auto one = element_operand(source, operand, y);
    if (!one || (i == 0 && !one->constant.empty())) return nullptr;
    operands.push_back(std::move(*one));
  }
  if (quantise) {
    stages.quantise = byte_scale(quantise, layer.output_type);
    if (!stages.quantise) return nullptr;
  } else if (layer.output_type != ElementType::kFloat32) {
    return nullptr;
  }
  const std::int64_t channels = y.shape.rank() == 4 ? y.shape[1] : 1;
  return std::make_unique<ElementStep>(tile_kernels(source.isa), std::move(stages), std::move(operands), y.offset, y.shape.elements(),
                                       channels);
}

}  // namespace gatefold
