// Moves that do copy: concatenation of what does not lie in place already, constant padding, nearest-neighbour resizing.
#include <algorithm>
#include <cstring>

#include "gatefold/host/layer_step.h"
#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

struct Copy {
  StridedCopy copy;
  std::size_t from, to;
};

class CopyStep final : public LayerStep {
 public:
  explicit CopyStep(std::vector<Copy> copies) : copies_(std::move(copies)) {}
  void run(int, int, std::byte* arena, std::byte*) const override {
    for (const Copy& one : copies_) one.copy.run(arena + one.from, arena + one.to);
  }

 private:
  std::vector<Copy> copies_;
};

LayerStepPtr concat_step(const StepSource& source, const Layer& layer, const Concat& op) {
  const View y = view_of_output(source, layer);
  if (y.shape != layer.output_shape) return nullptr;
  const auto axis = static_cast<std::size_t>(normal_axis(op.axis, y.shape.rank()));
  const std::int64_t element = element_size(y.type);
  std::vector<Copy> copies;
  std::int64_t at = 0;
  for (const Operand& operand : layer.inputs) {
    if (!operand.tensor || operand.dequantise) return nullptr;
    const auto view = view_of_operand(source, operand);
    if (!view) return nullptr;
    const std::size_t to = y.offset + static_cast<std::size_t>(at * y.strides[axis] * element);
    at += operand.shape[static_cast<int>(axis)];
    const bool in_place = view->offset == to && same_order(view->shape, view->strides, y.strides);
    if (!in_place) copies.push_back({StridedCopy(view->shape, view->strides, y.strides, element), view->offset, to});
  }
  return std::make_unique<CopyStep>(std::move(copies));
}

/// A border of one value around a copy.
class PadStep final : public LayerStep {
 public:
  PadStep(Copy copy, std::size_t y, std::int64_t count, std::uint32_t value, std::int64_t element)
      : copy_(std::move(copy)), y_(y), count_(count), value_(value), element_(element) {}
  void run(int, int, std::byte* arena, std::byte*) const override {
    if (element_ == 4) std::fill_n(reinterpret_cast<std::uint32_t*>(arena + y_), count_, value_);
    else std::memset(arena + y_, static_cast<int>(value_), static_cast<std::size_t>(count_));
    copy_.copy.run(arena + copy_.from, arena + copy_.to);
  }

 private:
  Copy copy_;
  std::size_t y_;
  std::int64_t count_;
  std::uint32_t value_;
  std::int64_t element_;
};

LayerStepPtr pad_step(const StepSource& source, const Layer& layer, const Pad& op) {
  const auto x = view_of_operand(source, layer.inputs[0]);
  const View y = view_of_output(source, layer);
  const std::int64_t element = element_size(y.type);
  const bool small = y.type == ElementType::kFloat32 || element == 1;
  const bool known = layer.inputs.size() > 1 && layer.inputs[1].constant && !layer.inputs[0].dequantise;
  if (!x || !y.dense() || y.shape != layer.output_shape || op.mode != PadMode::kConstant || !small || !known) return nullptr;
  std::int64_t first = 0;
  for (int axis = 0; axis < y.shape.rank(); ++axis) {
    const std::int64_t before = layer.inputs[1].constant->integer_at(axis);
    const std::int64_t after = layer.inputs[1].constant->integer_at(axis + y.shape.rank());
    if (before < 0 || after < 0) return nullptr;  // crops
    first += before * y.strides[static_cast<std::size_t>(axis)];
  }
  std::uint32_t value = 0;
  if (layer.inputs.size() > 2 && (layer.inputs[2].constant || layer.inputs[2].tensor)) {
    if (!layer.inputs[2].constant || layer.inputs[2].type != y.type) return nullptr;
    const Tensor one = layer.inputs[2].constant->dense();
    std::memcpy(&value, one.view().bytes, static_cast<std::size_t>(element));
  }
  if (y.type == ElementType::kInt8) value ^= 0x80;
  Copy copy{StridedCopy(x->shape, x->strides, y.strides, element), x->offset, y.offset + static_cast<std::size_t>(first * element)};
  return std::make_unique<PadStep>(std::move(copy), y.offset, y.shape.elements(), value, element);
}

/// Every output pixel is a copy of one input pixel.
class PixelCopyStep final : public LayerStep {
 public:
  PixelCopyStep(const View& x, const View& y, std::vector<std::int64_t> rows, std::vector<std::int64_t> columns)
      : x_(x), y_(y), rows_(std::move(rows)), columns_(std::move(columns)) {}
  [[nodiscard]] std::int64_t parts_max() const override { return y_.shape[0] * y_.shape[2]; }
  void run(int part, int parts, std::byte* arena, std::byte*) const override {
    const std::int64_t element = element_size(x_.type);
    const auto pixel = static_cast<std::size_t>(y_.shape[1] * element);
    const Range mine = part_of(y_.shape[0] * y_.shape[2], parts, part);
    for (std::int64_t row = mine.begin; row < mine.end; ++row) {
      const std::int64_t n = row / y_.shape[2];
      const std::int64_t oh = row % y_.shape[2];
      const std::byte* x = arena + x_.offset + (n * x_.strides[0] + rows_[static_cast<std::size_t>(oh)] * x_.strides[2]) * element;
      std::byte* y = arena + y_.offset + (n * y_.strides[0] + oh * y_.strides[2]) * element;
      for (std::size_t ow = 0; ow < columns_.size(); ++ow) {
        std::memcpy(y + static_cast<std::int64_t>(ow) * y_.strides[3] * element, x + columns_[ow] * x_.strides[3] * element, pixel);
      }
    }
  }

 private:
  View x_, y_;
  std::vector<std::int64_t> rows_, columns_;
};

/// For each output row (or column) the input row it comes from, read off a resized image of its own indices.
std::optional<std::vector<std::int64_t>> origins(const Resize& op, std::int64_t from, std::int64_t to, float scale, bool rows) {
  Buffer buffer(static_cast<std::size_t>(from) * sizeof(float));
  auto* values = reinterpret_cast<float*>(buffer.data());
  for (std::int64_t i = 0; i < from; ++i) values[i] = static_cast<float>(i);
  const Shape shape = rows ? Shape{1, 1, from, 1} : Shape{1, 1, 1, from};
  const Tensor x(ElementType::kFloat32, shape, std::move(buffer));
  const Tensor scales = Tensor::of<float>(Shape{4}, {1.0F, 1.0F, rows ? scale : 1.0F, rows ? 1.0F : scale});
  const Tensor* inputs[] = {&x, &scales};
  const auto resized = evaluate(Operator(op), inputs);
  if (!resized || resized.value()[0].shape().elements() != to) return std::nullopt;
  std::vector<std::int64_t> result;
  for (const float value : resized.value()[0].values<float>()) result.push_back(static_cast<std::int64_t>(value));
  return result;
}

LayerStepPtr resize_step(const StepSource& source, const Layer& layer, const Resize& op) {
  const auto x = view_of_operand(source, layer.inputs[0]);
  const View y = view_of_output(source, layer);
  const bool images =
      x && x->shape.rank() == 4 && y.shape == layer.output_shape && (x->shape[1] == 1 || (x->strides[1] == 1 && y.strides[1] == 1));
  if (!images || op.mode != ResizeMode::kNearest || layer.inputs[0].dequantise) return nullptr;
  if (layer.inputs.size() < 2 || !layer.inputs[1].constant || layer.inputs[1].constant->shape().elements() != 4) return nullptr;
  const Tensor& scales = *layer.inputs[1].constant;
  if (x->shape[0] != y.shape[0] || x->shape[1] != y.shape[1] || scales.number_at(0) != 1.0 || scales.number_at(1) != 1.0) return nullptr;
  auto rows = origins(op, x->shape[2], y.shape[2], static_cast<float>(scales.number_at(2)), true);
  auto columns = origins(op, x->shape[3], y.shape[3], static_cast<float>(scales.number_at(3)), false);
  if (!rows || !columns) return nullptr;
  return std::make_unique<PixelCopyStep>(*x, y, std::move(*rows), std::move(*columns));
}

}  // namespace

LayerStepPtr move_step(const StepSource& source, std::size_t index) {
  const Layer& layer = source.graph.layers[index];
  const bool stored_alike = layer.outputs.size() == 1 && layer.inputs[0].tensor && layer.inputs[0].type == layer.output_type;
  if (layer.kind != LayerKind::kMove || !stored_alike || layer.epilogue.activation || layer.epilogue.quantise) return nullptr;
  if (const auto* concat = std::get_if<Concat>(&layer.op)) return concat_step(source, layer, *concat);
  if (const auto* pad = std::get_if<Pad>(&layer.op)) return pad_step(source, layer, *pad);
  if (const auto* resize = std::get_if<Resize>(&layer.op)) return resize_step(source, layer, *resize);
  return nullptr;
}

}  // namespace gatefold
