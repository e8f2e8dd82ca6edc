// One operator on whole tensors: facts about the outputs, then either a symbolic answer or the plain code.
//
// Symbolic answers keep tensors of one repeated value (generated weights) without bytes: reshapes never copy; a move of
// a splat is a splat; an elementwise operator on splats is computed once, on one element.
#include "gatefold/kernels/evaluate.h"

#include <algorithm>
#include <optional>

#include "gatefold/kernels/element_visit.h"
#include "gatefold/kernels/output_facts.h"
#include "gatefold/kernels/plain.h"

namespace gatefold {
namespace {

using Tensors = std::span<const Tensor* const>;

template <class Op, class... Choices>
constexpr bool is_one_of = (std::is_same_v<Op, Choices> || ...);
template <class Op>
constexpr bool only_reshapes = is_one_of<Op, Identity, Reshape, Flatten, Squeeze, Unsqueeze>;
template <class Op>
constexpr bool only_moves = is_one_of<Op, Transpose, Slice, Split, Expand>;
template <class Op>
constexpr bool is_elementwise = is_one_of<Op, Unary, Binary, Cast, BatchNorm, Quantize, Dequantize>;

/// Every element of the result is the first element of `value`. Requires: value has an element.
Tensor splat_of(const Tensor& value, const Shape& shape) {
  return visit_type(value.type(), [&](auto zero) {
    using T = decltype(zero);
    if constexpr (std::is_floating_point_v<T>) return Tensor::splat<T>(shape, static_cast<T>(value.number_at(0)));
    else return Tensor::splat<T>(shape, static_cast<T>(value.integer_at(0)));
  });
}

Result<std::vector<Tensor>> compute(const Operator& op, Tensors inputs, std::span<const OutputFact> facts) {
  std::vector<Tensor> dense;
  std::vector<TensorView> views;
  dense.reserve(inputs.size());  // views point into these tensors
  for (const Tensor* input : inputs) views.push_back(input == nullptr ? TensorView{} : dense.emplace_back(input->dense()).view());
  std::vector<Buffer> buffers;
  std::vector<MutableTensorView> outputs;
  for (const OutputFact& fact : facts) {
    buffers.emplace_back(static_cast<std::size_t>(fact.shape.elements() * element_size(fact.type)));
    outputs.push_back({fact.type, fact.shape, buffers.back().data()});
  }
  GATEFOLD_CHECK(std::visit([&](const auto& one) { return plain(one, Inputs(views), outputs); }, op));
  std::vector<Tensor> results;
  for (std::size_t i = 0; i < buffers.size(); ++i) results.emplace_back(facts[i].type, facts[i].shape, std::move(buffers[i]));
  return results;
}

/// True if all inputs hold one repeated value each and at least one is symbolic.
bool all_uniform(Tensors inputs) {
  const auto uniform = [](const Tensor* input) {
    return input == nullptr || (input->shape().elements() > 0 && (input->is_splat() || input->shape().elements() == 1));
  };
  const auto symbolic = [](const Tensor* input) { return input != nullptr && input->is_splat(); };
  return std::all_of(inputs.begin(), inputs.end(), uniform) && std::any_of(inputs.begin(), inputs.end(), symbolic);
}

/// The operator on one element of each input: [1, 1] for the first (channel operators index axis 1), [1] for the rest.
Result<std::vector<Tensor>> compute_once(const Operator& op, Tensors inputs, const OutputFact& fact) {
  std::vector<Tensor> ones;
  ones.reserve(inputs.size());
  std::vector<const Tensor*> pointers;
  for (const Tensor* input : inputs) {
    if (input == nullptr) pointers.push_back(nullptr);
    else pointers.push_back(&ones.emplace_back(splat_of(*input, pointers.empty() ? Shape{1, 1} : Shape{1})));
  }
  const OutputFact one{fact.type, Shape{1, 1}};
  GATEFOLD_TRY(const std::vector<Tensor> results, compute(op, pointers, std::span(&one, 1)));
  return std::vector<Tensor>{splat_of(results[0], fact.shape)};
}

std::optional<std::vector<Tensor>> moved_symbolically(const Operator& op, Tensors inputs, std::span<const OutputFact> facts) {
  return std::visit(
      [&](const auto& one) -> std::optional<std::vector<Tensor>> {
        using Op = std::decay_t<decltype(one)>;
        if constexpr (is_one_of<Op, ConstantOfShape>) {
          return std::vector<Tensor>{splat_of(one.value, facts[0].shape)};
        } else if constexpr (only_reshapes<Op>) {
          return std::vector<Tensor>{inputs[0]->reshaped(facts[0].shape)};
        } else if constexpr (only_moves<Op>) {
          if (!inputs[0]->is_splat() || inputs[0]->shape().elements() == 0) return std::nullopt;
          std::vector<Tensor> results;
          for (const OutputFact& fact : facts) results.push_back(splat_of(*inputs[0], fact.shape));
          return results;
        }
        return std::nullopt;
      },
      op);
}

/// Of ShapeOf only the shape matters: a splat need not become dense for it.
Tensor extents_of(const ShapeOf& op, const Tensor& x, const OutputFact& fact) {
  Buffer buffer(static_cast<std::size_t>(fact.shape.elements()) * sizeof(std::int64_t));
  const MutableTensorView out{fact.type, fact.shape, buffer.data()};
  const TensorView shape_only{x.type(), x.shape(), buffer.data()};
  GATEFOLD_ENSURE(plain(op, Inputs(std::span(&shape_only, 1)), std::span(&out, 1)).has_value());
  return Tensor(fact.type, fact.shape, std::move(buffer));
}

}  // namespace

Result<std::vector<Tensor>> evaluate(const Operator& op, std::span<const Tensor* const> inputs) {
  const std::vector<OutputFact> facts = output_facts(op, inputs);
  if (const auto* shape_of = std::get_if<ShapeOf>(&op)) return std::vector<Tensor>{extents_of(*shape_of, *inputs[0], facts[0])};
  if (auto moved = moved_symbolically(op, inputs, facts)) return std::move(*moved);
  const bool elementwise = std::visit([](const auto& one) { return is_elementwise<std::decay_t<decltype(one)>>; }, op);
  if (elementwise && all_uniform(inputs)) return compute_once(op, inputs, facts[0]);
  return compute(op, inputs, facts);
}

}  // namespace gatefold
