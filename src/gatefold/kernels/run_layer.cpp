// A vector or move layer: operands as float32 where they are dequantised, the operator, then the epilogue; under the
// integer contract, layers that have an integer form (integer_layer.h) stay integers.
//
// Without dequantising operands and without an epilogue the operator writes straight into the layer's outputs, in the
// stored type: maxima and moves of int8 never become floats.
#include <fmt/format.h>

#include <array>

#include "gatefold/kernels/evaluate.h"
#include "gatefold/kernels/fast.h"
#include "gatefold/kernels/integer_layer.h"
#include "gatefold/kernels/plain.h"
#include "gatefold/kernels/quantise.h"
#include "gatefold/kernels/scratch.h"

namespace gatefold {
namespace {

constexpr std::int64_t kAlignment = 64;  // bytes, a cache line

/// A list of views that allocates only if it is long.
template <class View>
class Views {
 public:
  void push_back(const View& view) {
    if (size_ < few_.size()) few_[size_] = view;
    else {
      if (size_ == few_.size()) many_.assign(few_.begin(), few_.end());
      many_.push_back(view);
    }
    ++size_;
  }
  [[nodiscard]] std::size_t size() const { return size_; }
  [[nodiscard]] std::span<const View> all() const { return many_.empty() ? std::span(few_).first(size_) : std::span(many_); }
  [[nodiscard]] View& operator[](std::size_t index) { return many_.empty() ? few_[index] : many_[index]; }

 private:
  std::array<View, 8> few_;
  std::vector<View> many_;
  std::size_t size_ = 0;
};

template <class Op>
concept HasFastCode = requires(const Op& op, const Inputs& in, Outputs out) {
  fast(op, in, out);
};

Status compute(const Operator& op, const Inputs& in, Outputs out) {
  return std::visit(
      [&](const auto& one) {
        if constexpr (HasFastCode<std::decay_t<decltype(one)>>) return fast(one, in, out);
        else return plain(one, in, out);
      },
      op);
}

std::int64_t aligned(std::int64_t bytes) { return (bytes + kAlignment - 1) / kAlignment * kAlignment; }
std::int64_t bytes_as_float(const Shape& shape) { return aligned(shape.elements() * static_cast<std::int64_t>(sizeof(float))); }

/// The operands as the operator sees them: under the layer's shape, dequantised into scratch memory.
Result<Views<TensorView>> seen_by_operator(const Layer& layer, std::span<const TensorView> inputs) {
  std::int64_t size = 0;
  for (const Operand& operand : layer.inputs) size += operand.dequantise ? bytes_as_float(operand.shape) : 0;
  std::byte* next = scratch(ScratchUse::kOperand, static_cast<std::size_t>(size));
  Views<TensorView> views;
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const Operand& operand = layer.inputs[i];
    TensorView view = inputs[i];
    if (view.bytes != nullptr) {
      GATEFOLD_REQUIRE(view.type == operand.type && view.shape.elements() == operand.shape.elements());
      view.shape = operand.shape;
    }
    if (operand.dequantise) {
      GATEFOLD_CHECK(dequantise(*operand.dequantise, view, reinterpret_cast<float*>(next)));
      view = {ElementType::kFloat32, operand.shape, next};
      next += bytes_as_float(operand.shape);
    }
    views.push_back(view);
  }
  return views;
}

/// Where the operator writes: the outputs themselves, or float32 scratch memory if they are quantised afterwards.
Views<MutableTensorView> written_by_operator(const Layer& layer, std::span<const MutableTensorView> outputs) {
  Views<MutableTensorView> views;
  for (const MutableTensorView& output : outputs) views.push_back(output);
  if (views.size() == 1) {
    GATEFOLD_REQUIRE(views[0].shape.elements() == layer.output_shape.elements());
    views[0].shape = layer.output_shape;
  }
  if (!layer.epilogue.quantise) return views;
  std::int64_t size = 0;
  for (const MutableTensorView& view : views.all()) size += bytes_as_float(view.shape);
  std::byte* next = scratch(ScratchUse::kResult, static_cast<std::size_t>(size));
  for (std::size_t i = 0; i < views.size(); ++i) {
    MutableTensorView& view = views[i];
    view.type = ElementType::kFloat32;
    view.bytes = next;
    next += bytes_as_float(view.shape);
  }
  return views;
}

Status finish(const Layer& layer, const MutableTensorView& written, const MutableTensorView& output) {
  if (layer.epilogue.activation) {
    const TensorView seen = written;
    GATEFOLD_CHECK(plain(*layer.epilogue.activation, Inputs(std::span(&seen, 1)), std::span(&written, 1)));
  }
  if (!layer.epilogue.quantise) return Done{};
  return quantise(*layer.epilogue.quantise, written.values<float>().data(), {output.type, written.shape, output.bytes});
}

Status run(const Layer& layer, std::span<const TensorView> inputs, std::span<const MutableTensorView> outputs) {
  GATEFOLD_TRY(const Views<TensorView> seen, seen_by_operator(layer, inputs));
  const Views<MutableTensorView> written = written_by_operator(layer, outputs);
  GATEFOLD_CHECK(compute(layer.op, Inputs(seen.all()), written.all()));
  for (std::size_t i = 0; i < outputs.size(); ++i) GATEFOLD_CHECK(finish(layer, written.all()[i], outputs[i]));
  return Done{};
}

}  // namespace

Status run_layer(const Layer& layer, Numerics numerics, std::span<const TensorView> inputs, std::span<const MutableTensorView> outputs) {
  GATEFOLD_REQUIRE(layer.kind != LayerKind::kDot);
  GATEFOLD_REQUIRE(inputs.size() == layer.inputs.size() && outputs.size() == layer.outputs.size());
  if (numerics == Numerics::kInteger && has_integer_form(layer)) {
    run_integer_layer(layer, inputs, outputs[0]);
    return Done{};
  }
  auto status = run(layer, inputs, outputs);
  if (!status) return std::move(status).error().within(fmt::format("layer '{}'", layer.name));
  return status;
}

}  // namespace gatefold
