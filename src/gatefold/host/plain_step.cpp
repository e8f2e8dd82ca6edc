// Every layer by the code that the modelled chip runs, through row-major copies of its operands and results.
#include <fmt/format.h>

#include <array>

#include "gatefold/host/layer_step.h"
#include "gatefold/kernels/dot_kernel.h"
#include "gatefold/kernels/evaluate.h"

namespace gatefold {
namespace {

constexpr std::size_t kOperandsMax = 64;  // views on the stack; no operator of the field has more operands but Concat

/// An operand as the plain code wants it.
struct Prepared {
  Gathered gathered;  ///< of an activation
  std::optional<Tensor> constant;
  TensorView view;
  std::size_t at = 0;  ///< in scratch
};

class PlainStep : public LayerStep {
 public:
  PlainStep(const StepSource& source, const Layer& layer) : layer_(layer) {
    for (const Operand& operand : layer.inputs) {
      Prepared& prepared = operands_.emplace_back();
      if (operand.constant) {
        prepared.constant = operand.constant->dense();
        prepared.view = prepared.constant->view();
      } else if (operand.tensor) {
        prepared.gathered = Gathered(source, operand, row_major(operand.shape), true);
        prepared.view = {operand.type, operand.shape, nullptr};
        prepared.at = bytes_;
        bytes_ += aligned(prepared.gathered.bytes() + kTileSlack);
      }
    }
    for (std::size_t i = 0; i < layer.outputs.size(); ++i) {
      const View view = view_of_output(source, layer, i);
      const std::int64_t size = element_size(view.type);
      results_.push_back({StridedCopy(view.shape, row_major(view.shape), view.strides, size, view.type == ElementType::kInt8),
                          view.offset,
                          bytes_,
                          {view.type, view.shape, nullptr}});
      bytes_ += aligned(static_cast<std::size_t>(view.shape.elements() * size));
    }
  }

  [[nodiscard]] std::size_t scratch_bytes() const override { return bytes_; }

  void run(int, int, std::byte* arena, std::byte* scratch) const override {
    std::array<TensorView, kOperandsMax> inputs;
    std::array<MutableTensorView, kOperandsMax> outputs;
    for (std::size_t i = 0; i < operands_.size(); ++i) {
      const Prepared& operand = operands_[i];
      inputs[i] = operand.view;
      if (operand.constant || operand.gathered.bytes() == 0) continue;
      operand.gathered.run(arena, scratch + operand.at);
      inputs[i].bytes = scratch + operand.at;
    }
    for (std::size_t i = 0; i < results_.size(); ++i) {
      outputs[i] = results_[i].view;
      outputs[i].bytes = scratch + results_[i].at;
    }
    compute({inputs.data(), operands_.size()}, {outputs.data(), results_.size()}, scratch);
    for (const PlainResult& result : results_) result.copy.run(scratch + result.at, arena + result.offset);
  }

 protected:
  virtual void compute(std::span<const TensorView> inputs, std::span<const MutableTensorView> outputs, std::byte* scratch) const = 0;

  const Layer& layer_;
  std::size_t bytes_ = 0;

 private:
  struct PlainResult {
    StridedCopy copy;
    std::size_t offset, at;
    MutableTensorView view;
  };
  std::vector<Prepared> operands_;
  std::vector<PlainResult> results_;
};

class PlainVectorStep final : public PlainStep {
 public:
  PlainVectorStep(const StepSource& source, const Layer& layer) : PlainStep(source, layer), numerics_(source.numerics) {}

 private:
  void compute(std::span<const TensorView> inputs, std::span<const MutableTensorView> outputs, std::byte*) const override {
    // What can fail depends on types and constants, and those were tried when the network was compiled.
    GATEFOLD_ENSURE(run_layer(layer_, numerics_, inputs, outputs).has_value());
  }
  Numerics numerics_;
};

class PlainDotStep final : public PlainStep {
 public:
  PlainDotStep(const StepSource& source, const Layer& layer, DotKernel kernel, std::shared_ptr<const PackedSlice> weights)
      : PlainStep(source, layer), kernel_(kernel), weights_(std::move(weights)), sums_at_(bytes_) {
    bytes_ += aligned(sums_bytes());
  }

 private:
  [[nodiscard]] std::size_t sums_bytes() const { return static_cast<std::size_t>(kernel_.accumulator_elements()) * 4; }
  void compute(std::span<const TensorView> inputs, std::span<const MutableTensorView> outputs, std::byte* scratch) const override {
    std::byte* sums = scratch + sums_at_;
    std::fill_n(sums, sums_bytes(), std::byte{0});
    GATEFOLD_ENSURE(kernel_.accumulate(*weights_, inputs[0], sums).has_value());
    kernel_.finish(sums, kernel_.whole().oc, outputs[0]);
  }
  DotKernel kernel_;
  std::shared_ptr<const PackedSlice> weights_;
  std::size_t sums_at_;
};

/// Runs a vector or move layer once on zeros: an operator without code for a type says so here, not in the middle of a request.
Status tried(const Layer& layer, Numerics numerics) {
  std::vector<Tensor> held;
  std::vector<TensorView> inputs;
  std::vector<Buffer> buffers;
  std::vector<MutableTensorView> outputs;
  const auto zeros = [&](ElementType type, const Shape& shape) {
    Buffer buffer(static_cast<std::size_t>(shape.elements() * element_size(type)));
    std::fill_n(buffer.data(), buffer.size(), std::byte{0});
    buffers.push_back(std::move(buffer));
    return buffers.back().data();
  };
  for (const Operand& operand : layer.inputs) {
    if (operand.constant) {
      held.push_back(operand.constant->dense());
      inputs.push_back(held.back().view());
    } else if (operand.tensor) {
      inputs.push_back({operand.type, operand.shape, zeros(operand.type, operand.shape)});
    } else {
      inputs.emplace_back();
    }
  }
  if (layer.outputs.size() == 1) outputs.push_back({layer.output_type, layer.output_shape, zeros(layer.output_type, layer.output_shape)});
  else return Done{};  // Split: any type is moved
  auto done = run_layer(layer, numerics, inputs, outputs);
  // A zero is a bad divisor, but the types are right.
  if (!done && done.error().code == ErrorCode::kUnsupported) return done;
  return Done{};
}

/// What can go wrong with values that only a request brings: a program has no way to say so while it runs.
Status check_values(const Layer& layer) {
  const auto* binary = std::get_if<Binary>(&layer.op);
  const bool divides = binary && binary->kind == BinaryKind::kDiv && !is_float(layer.inputs[1].type) && !layer.inputs[1].dequantise;
  if ((divides || std::holds_alternative<Gather>(layer.op)) && !layer.inputs[1].constant) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("layer '{}': {} by values that are computed", layer.name, divides ? "integer division" : "Gather")};
  }
  return Done{};
}

}  // namespace

Result<LayerStepPtr> plain_step(const StepSource& source, std::size_t index) {
  const Layer& layer = source.graph.layers[index];
  if (layer.inputs.size() > kOperandsMax || layer.outputs.size() > kOperandsMax) {
    return Error{ErrorCode::kUnsupported,
                 fmt::format("layer '{}': {} operands, at most {}", layer.name, layer.inputs.size(), kOperandsMax)};
  }
  if (layer.kind != LayerKind::kDot) {
    GATEFOLD_CHECK(check_values(layer));
    GATEFOLD_CHECK(tried(layer, source.numerics));
    return LayerStepPtr(std::make_unique<PlainVectorStep>(source, layer));
  }
  GATEFOLD_TRY(DotKernel kernel, DotKernel::create(layer, source.numerics));
  GATEFOLD_TRY(auto weights, kernel.pack(kernel.whole()));
  return LayerStepPtr(std::make_unique<PlainDotStep>(source, layer, kernel, std::move(weights)));
}

}  // namespace gatefold
