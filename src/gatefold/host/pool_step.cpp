// Pools and global averages over channels-last images, and softmax along the channels.
#include <algorithm>
#include <array>

#include "gatefold/host/layer_step.h"
#include "gatefold/kernels/evaluate.h"
#include "gatefold/kernels/integer_layer.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/tile_layer.h"

namespace gatefold {
namespace {

constexpr std::int64_t kTapsMax = 1024;  // of a window, on the stack

/// What follows the operator, on the floats of one pixel.
struct Finish {
  std::optional<FloatLimits> limits;
  std::optional<ByteScale> quantise;
};

/// A channels-last view and the distance of its pixels, in elements.
struct Pixels {
  std::size_t offset = 0;
  Shape shape;
  Strides strides{};
  ElementType type = ElementType::kFloat32;
  std::optional<ByteScale> dequantise;
};

std::optional<Pixels> pixels_of(const View& view) {
  if (view.shape.rank() != 4 || (view.shape[1] > 1 && view.strides[1] != 1)) return std::nullopt;
  return Pixels{view.offset, view.shape, view.strides, view.type, std::nullopt};
}

std::optional<ByteScale> byte_scale(const Quantisation& by, ElementType stored) {
  if (!by.per_tensor() || !is_quantised(stored)) return std::nullopt;
  return ByteScale{by.scale[0], by.zero_point[0] + byte_shift(stored)};
}

class PixelStep : public LayerStep {
 public:
  PixelStep(const TileKernels& kernels, Pixels x, Pixels y, Finish finish)
      : kernels_(kernels), x_(std::move(x)), y_(std::move(y)), finish_(finish), channels_(y_.shape[1]) {}
  [[nodiscard]] std::size_t scratch_bytes() const override { return aligned(static_cast<std::size_t>(channels_ + kPanel) * sizeof(float)); }

 protected:
  /// Where the operator writes the floats of a pixel, and what happens to them then.
  [[nodiscard]] float* room(std::byte* y, std::byte* scratch) const { return reinterpret_cast<float*>(finish_.quantise ? scratch : y); }
  void finish(float* values, std::byte* y) const {
    if (finish_.limits) kernels_.clamp(values, channels_, finish_.limits->low, finish_.limits->high, values);
    if (finish_.quantise) kernels_.quantize(values, channels_, *finish_.quantise, {0, 255}, reinterpret_cast<std::uint8_t*>(y));
  }

  const TileKernels& kernels_;
  Pixels x_, y_;
  Finish finish_;
  std::int64_t channels_;
};

class WindowStep final : public PixelStep {
 public:
  WindowStep(const TileKernels& kernels, Pixels x, Pixels y, Finish finish, const Pool& op)
      : PixelStep(kernels, std::move(x), std::move(y), finish), op_(op) {
    for (std::int64_t row = 0; row < y_.shape[2]; ++row) rows_.push_back(reach(0, row));
    for (std::int64_t column = 0; column < y_.shape[3]; ++column) columns_.push_back(reach(1, column));
  }
  [[nodiscard]] std::int64_t parts_max() const override { return y_.shape[0] * y_.shape[2]; }
  [[nodiscard]] std::size_t scratch_bytes() const override {
    return aligned(static_cast<std::size_t>(channels_ * y_.shape[3] + kPanel) * sizeof(float));
  }

  void run(int part, int parts, std::byte* arena, std::byte* scratch) const override {
    const Range mine = part_of(y_.shape[0] * y_.shape[2], parts, part);
    for (std::int64_t row = mine.begin; row < mine.end; ++row) {
      const std::int64_t n = row / y_.shape[2];
      const std::int64_t oh = row % y_.shape[2];
      const auto width = static_cast<std::int64_t>(columns_.size());
      // Neighbours with the same taps are one run: all but the columns at the border.
      for (std::int64_t ow = 0; ow < width;) {
        std::int64_t end = ow + 1;
        while (end < width && columns_[static_cast<std::size_t>(end)].alike(columns_[static_cast<std::size_t>(ow)])) ++end;
        columns(n, oh, ow, end - ow, arena, scratch);
        ow = end;
      }
    }
  }

 private:
  /// Taps of one axis at one position.
  struct Reach {
    std::int64_t start, first, last;  ///< input index of tap 0; taps [first, last) lie inside
    std::int64_t counted;             ///< towards the divisor
    [[nodiscard]] bool alike(const Reach& other) const { return first == other.first && last == other.last && counted == other.counted; }
  };
  [[nodiscard]] Reach reach(std::size_t axis, std::int64_t position) const {
    const Window& w = op_.window;
    const std::int64_t extent = x_.shape[static_cast<int>(axis) + 2];
    Reach r{position * w.stride[axis] - w.pads[axis], w.kernel[axis], 0, 0};
    for (std::int64_t tap = 0; tap < w.kernel[axis]; ++tap) {
      const std::int64_t at = r.start + tap * w.dilation[axis];
      if (at >= 0 && at < extent) {
        r.first = std::min(r.first, tap);
        r.last = tap + 1;
      }
      if (op_.count_include_pad ? at < extent + w.pads[axis + 2] : at >= 0 && at < extent) ++r.counted;
    }
    return r;
  }

  void columns(std::int64_t n, std::int64_t oh, std::int64_t ow, std::int64_t count, std::byte* arena, std::byte* scratch) const {
    const Window& w = op_.window;
    const Reach& rows = rows_[static_cast<std::size_t>(oh)];
    const Reach& reach = columns_[static_cast<std::size_t>(ow)];
    std::array<std::int64_t, kTapsMax> taps;
    std::int64_t tap_count = 0;
    for (std::int64_t r = rows.first; r < rows.last; ++r) {
      for (std::int64_t s = reach.first; s < reach.last; ++s) {
        taps[static_cast<std::size_t>(tap_count++)] =
            (rows.start + r * w.dilation[0]) * x_.strides[2] + (reach.start + s * w.dilation[1]) * x_.strides[3];
      }
    }
    const PoolRow row{taps.data(), tap_count, channels_, count, w.stride[1] * x_.strides[3], y_.strides[3]};
    const std::byte* x = arena + x_.offset + n * x_.strides[0] * element_size(x_.type);
    std::byte* y = arena + y_.offset + (n * y_.strides[0] + oh * y_.strides[2] + ow * y_.strides[3]) * element_size(y_.type);
    if (op_.kind == PoolKind::kMax) maximum(row, x, y);
    else average(row, x, static_cast<float>(rows.counted) * static_cast<float>(reach.counted), y, scratch);
  }

  void maximum(const PoolRow& row, const std::byte* x, std::byte* y) const {
    if (x_.type != ElementType::kFloat32) {
      return kernels_.max_u8(row, reinterpret_cast<const std::uint8_t*>(x), reinterpret_cast<std::uint8_t*>(y));
    }
    auto* values = reinterpret_cast<float*>(y);
    kernels_.max_float(row, reinterpret_cast<const float*>(x), values);
    for (std::int64_t i = 0; finish_.limits && i < row.columns; ++i) finish(values + i * row.y_step, nullptr);
  }

  void average(PoolRow row, const std::byte* x, float divisor, std::byte* y, std::byte* scratch) const {
    float* values = room(y, scratch);
    const std::int64_t y_step = row.y_step;
    if (finish_.quantise) row.y_step = channels_;
    if (x_.dequantise) kernels_.average_u8(row, reinterpret_cast<const std::uint8_t*>(x), *x_.dequantise, divisor, values);
    else kernels_.average_float(row, reinterpret_cast<const float*>(x), divisor, values);
    for (std::int64_t i = 0; (finish_.limits || finish_.quantise) && i < row.columns; ++i) {
      finish(values + i * row.y_step, y + i * y_step * element_size(y_.type));
    }
  }

  Pool op_;
  std::vector<Reach> rows_, columns_;
};

/// The mean over the whole image.
class MeanStep final : public PixelStep {
 public:
  /// `integer`: the integer contract's sum, `scale` its factor.
  MeanStep(const TileKernels& kernels, Pixels x, Pixels y, Finish finish, std::optional<float> integer_scale, SaturationLimits limits)
      : PixelStep(kernels, std::move(x), std::move(y), finish), integer_scale_(integer_scale), limits_(limits) {}

  void run(int, int, std::byte* arena, std::byte* scratch) const override {
    const std::int64_t area = x_.shape[2] * x_.shape[3];
    const std::int64_t step = x_.shape[3] > 1 ? x_.strides[3] : x_.strides[2];
    for (std::int64_t n = 0; n < x_.shape[0]; ++n) {
      const std::byte* x = arena + x_.offset + n * x_.strides[0] * element_size(x_.type);
      std::byte* y = arena + y_.offset + n * y_.strides[0] * element_size(y_.type);
      if (integer_scale_) {
        auto* sums = reinterpret_cast<std::int32_t*>(scratch);
        kernels_.sums_u8(reinterpret_cast<const std::uint8_t*>(x), area, step, channels_, x_.dequantise->zero, sums);
        const ByteScale by = *finish_.quantise;
        for (std::int64_t c = 0; c < channels_; ++c) {
          reinterpret_cast<std::uint8_t*>(y)[c] = static_cast<std::uint8_t>(requantize(sums[c], *integer_scale_, by.zero, limits_));
        }
      } else {
        float* values = room(y, scratch);
        kernels_.mean_float(reinterpret_cast<const float*>(x), area, step, channels_, values);
        finish(values, y);
      }
    }
  }

 private:
  std::optional<float> integer_scale_;
  SaturationLimits limits_;
};

class SoftmaxStep final : public LayerStep {
 public:
  SoftmaxStep(std::size_t x, std::size_t y, const Shape& rows, bool log) : x_(x), y_(y), rows_(rows), op_{1, log, false} {}
  void run(int, int, std::byte* arena, std::byte*) const override {
    const TensorView x{ElementType::kFloat32, rows_, arena + x_};
    const MutableTensorView y{ElementType::kFloat32, rows_, arena + y_};
    GATEFOLD_ENSURE(plain(op_, Inputs(std::span(&x, 1)), std::span(&y, 1)).has_value());
  }

 private:
  std::size_t x_, y_;
  Shape rows_;
  Softmax op_;
};

LayerStepPtr softmax_step(const StepSource& source, const Layer& layer, const Softmax& op) {
  const Operand& operand = layer.inputs[0];
  const auto x = view_of_operand(source, operand);
  const View y = view_of_output(source, layer);
  const int axis = normal_axis(op.axis, operand.shape.rank());
  const bool plain_float = !operand.dequantise && operand.type == ElementType::kFloat32 && !layer.epilogue.activation &&
                           !layer.epilogue.quantise && axis < operand.shape.rank() && (!op.flatten || axis == operand.shape.rank() - 1);
  if (!x || !plain_float || !x->dense() || y.shape != x->shape || !same_order(y.shape, x->strides, y.strides)) return nullptr;
  const std::int64_t count = operand.shape[axis];
  if (count > 1 && x->strides[static_cast<std::size_t>(axis)] != 1) return nullptr;
  return std::make_unique<SoftmaxStep>(x->offset, y.offset, Shape{operand.shape.elements() / count, count}, op.log);
}

/// What the epilogue does to floats, if it is no more than clamping and quantising. nullopt: it is.
std::optional<Finish> finish_of(const Layer& layer) {
  Finish finish;
  if (layer.epilogue.activation) {
    finish.limits = limits_of(layer.epilogue.activation);
    if (!finish.limits) return std::nullopt;
  }
  if (layer.epilogue.quantise) {
    finish.quantise = byte_scale(*layer.epilogue.quantise, layer.output_type);
    if (!finish.quantise) return std::nullopt;
  }
  return finish;
}

bool averages_image(const Layer& layer) {
  if (const auto* pool = std::get_if<Pool>(&layer.op)) return pool->global && pool->kind == PoolKind::kAverage;
  const auto* reduce = std::get_if<Reduce>(&layer.op);
  if (!reduce || reduce->kind != ReduceKind::kMean || !reduce->keep_dims || layer.inputs.size() < 2 || !layer.inputs[1].constant)
    return false;
  const Tensor& axes = *layer.inputs[1].constant;
  if (layer.inputs[0].shape.rank() != 4 || axes.shape().elements() != 2) return false;
  const int first = normal_axis(axes.integer_at(0), 4);
  const int second = normal_axis(axes.integer_at(1), 4);
  return std::min(first, second) == 2 && std::max(first, second) == 3;
}

}  // namespace

LayerStepPtr pool_step(const StepSource& source, std::size_t index) {
  const Layer& layer = source.graph.layers[index];
  if (const auto* softmax = std::get_if<Softmax>(&layer.op); softmax && layer.inputs[0].tensor)
    return softmax_step(source, layer, *softmax);
  const auto* pool = std::get_if<Pool>(&layer.op);
  if ((!pool && !averages_image(layer)) || !layer.inputs[0].tensor || layer.output_shape.elements() == 0) return nullptr;
  const Operand& operand = layer.inputs[0];
  const auto seen = view_of_operand(source, operand);
  auto x = seen ? pixels_of(*seen) : std::nullopt;
  auto y = pixels_of(view_of_output(source, layer));
  auto finish = finish_of(layer);
  if (!x || !y || !finish) return nullptr;
  if (operand.dequantise) {
    x->dequantise = byte_scale(*operand.dequantise, operand.type);
    if (!x->dequantise) return nullptr;
  }
  const bool real = x->type == ElementType::kFloat32 && (finish->quantise || y->type == ElementType::kFloat32);
  const TileKernels& kernels = tile_kernels(source.isa);

  if (averages_image(layer)) {
    const Shape& s = x->shape;
    if (s[2] > 1 && s[3] > 1 && x->strides[2] != s[3] * x->strides[3]) return nullptr;
    if (source.numerics == Numerics::kInteger && has_integer_form(layer)) {
      const float scale = average_scale(operand.dequantise->scale[0], layer.epilogue.quantise->scale[0], s[2] * s[3]);
      SaturationLimits limits = integer_limits(layer);
      limits = {limits.low + byte_shift(layer.output_type), limits.high + byte_shift(layer.output_type)};
      return std::make_unique<MeanStep>(kernels, *x, *y, *finish, scale, limits);
    }
    if (!real) return nullptr;
    return std::make_unique<MeanStep>(kernels, *x, *y, *finish, std::nullopt, SaturationLimits{});
  }
  if (pool->global || pool->window.kernel[0] * pool->window.kernel[1] > kTapsMax) return nullptr;
  const bool maximum = pool->kind == PoolKind::kMax;
  const bool bytes = is_quantised(x->type);
  if (maximum && bytes && (x->dequantise || finish->quantise || finish->limits || y->type != x->type)) return nullptr;
  if (!maximum && bytes && !x->dequantise) return nullptr;
  if (!bytes && !real) return nullptr;
  if (maximum && !bytes && finish->quantise) return nullptr;
  if (!maximum && bytes && !finish->quantise && y->type != ElementType::kFloat32) return nullptr;
  return std::make_unique<WindowStep>(kernels, *x, *y, *finish, *pool);
}

}  // namespace gatefold
